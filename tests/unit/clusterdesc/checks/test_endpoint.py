"""The endpoint of the API server: a place that clients can reach."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    kubernetes,
    refusal,
    refused_keys,
)


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("10.10.14.300", "`10.10.14.300` is not an IPv4 address"),
        ("10.10.14", "`10.10.14` is not an IPv4 address"),
        ("k8s.example.com:99999", "`99999` is not a port"),
        ("k8s.example.com:0", "`0` is not a port"),
        ("k8s..example.com", "is not a domain name"),
        ("k8s.example.com.", "is not a host name"),
        ("https://k8s.example.com", "endpoint"),
    ],
)
def test_an_endpoint_that_no_client_could_reach_is_refused_where_it_stands(endpoint: str, reason: str) -> None:
    text = kubernetes(f'version: v1.36.2, api_server: {{endpoint: "{endpoint}"}}')
    assert refused_keys(text) == ["kubernetes.api_server.endpoint"]
    assert reason in refusal(text)


def test_the_only_control_plane_may_be_the_endpoint_by_its_own_name_and_a_worker_may_not() -> None:
    desc = accepted(kubernetes("version: v1.36.2, api_server: {endpoint: node1.ail.example.com}"))
    assert desc.api_endpoint == ("node1.ail.example.com", 6443)
    worker = "version: v1.36.2, api_server: {endpoint: 00-25-90-c0-f6-ee.ail.example.com}"
    assert refused_keys(kubernetes(worker)) == ["nodes[1].name"]


@pytest.mark.parametrize(("host", "port"), [("api.ail.example.com", 443), ("node1.ail.example.com", 8443)])
def test_a_name_of_ours_is_no_endpoint_at_a_port_where_nobody_listens(host: str, port: int) -> None:
    text = kubernetes(f'version: v1.36.2, api_server: {{endpoint: "{host}:{port}"}}')
    assert refused_keys(text) == ["kubernetes.api_server.endpoint"]
    assert f"`{host}` names control planes themselves, and no API server listens at port {port}" in refusal(text)


def test_a_balancer_of_the_site_may_listen_anywhere() -> None:
    for endpoint in ("k8s.example.org:443", "10.10.14.200:443"):
        accepted(kubernetes(f'version: v1.36.2, api_server: {{endpoint: "{endpoint}"}}'))
    text = kubernetes('version: v1.36.2, api_server: {endpoint: "lb.ail.example.com:443"}')
    accepted(text.replace("  routers:", "  hosts: {lb.ail.example.com: 10.10.14.200}\n  routers:"))


def test_a_balancer_that_the_site_s_own_dns_names_in_our_domain_may_listen_anywhere() -> None:
    text = kubernetes('version: v1.36.2, api_server: {endpoint: "lb.ail.example.com:443"}')
    assert refused_keys(text) == ["kubernetes.api_server.endpoint"]
    accepted(text.replace("  routers:", "  nameservers: [10.10.14.240]\n  routers:"))
    both = text.replace("  routers:", "  nameservers: [10.10.14.240, 10.10.14.253]\n  routers:")
    assert refused_keys(both) == ["kubernetes.api_server.endpoint"]
    node = text.replace("lb.ail", "node1.ail").replace("  routers:", "  nameservers: [10.10.14.240]\n  routers:")
    assert refused_keys(node) == ["kubernetes.api_server.endpoint"]
