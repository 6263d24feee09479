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
