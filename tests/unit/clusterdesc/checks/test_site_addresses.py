"""The site's addresses: apart from those of pods and services, and from those with a meaning of their own."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import accepted, kubernetes, refusal, refused_keys, spoilt

_ROUTERS = "routers: [10.10.14.254]"


def network(keys: str) -> str:
    return spoilt((_ROUTERS, f"{_ROUTERS}\n  {keys}"))


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (
            network("nameservers: [10.10.14.253, 10.1.0.53]"),
            "network.nameservers[1]",
            "10.1.0.53 lies in kubernetes.pod_cidr (10.1.0.0/16): machines would look for it inside the cluster",
        ),
        (
            network("ntp: [10.100.0.5]"),
            "network.ntp[0]",
            "10.100.0.5 lies in kubernetes.service_cidr (10.100.0.0/16): machines would look for it inside the cluster",
        ),
        (
            kubernetes('api_server: {endpoint: "10.1.3.4:6443"}'),
            "kubernetes.api_server.endpoint",
            "10.1.3.4 lies in kubernetes.pod_cidr (10.1.0.0/16): machines would look for it inside the cluster",
        ),
        (
            kubernetes("api_server: {addresses: [10.10.14.200, 10.1.3.4]}"),
            "kubernetes.api_server.addresses[1]",
            "10.1.3.4 lies in kubernetes.pod_cidr (10.1.0.0/16): machines would look for it inside the cluster",
        ),
    ],
)
def test_a_server_of_the_site_in_a_range_of_the_cluster_is_refused_at_its_own_key(
    text: str, key: str, message: str
) -> None:
    assert refused_keys(text) == [key]
    assert f": {key}: {message}\n  hint: give kubernetes." in refusal(text)


def test_without_kubernetes_the_site_has_all_addresses() -> None:
    accepted(network("nameservers: [10.1.0.53]").replace("kubernetes: {version: v1.36.2}\n", ""))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (kubernetes("pod_cidr: 127.0.0.0/16"), "kubernetes.pod_cidr"),
        (kubernetes("pod_cidr: 224.0.0.0/16"), "kubernetes.pod_cidr"),
        (kubernetes("pod_cidr: 0.0.0.0/8"), "kubernetes.pod_cidr"),
        (kubernetes("pod_cidr: 239.0.0.0/16"), "kubernetes.pod_cidr"),
        (kubernetes("service_cidr: 169.254.0.0/16"), "kubernetes.service_cidr"),
        (kubernetes("service_cidr: 127.8.0.0/16"), "kubernetes.service_cidr"),
    ],
)
def test_a_range_whose_addresses_mean_something_else_is_refused(text: str, key: str) -> None:
    assert refused_keys(text) == [key]
    assert "hint: take a range of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16" in refusal(text)


@pytest.mark.parametrize("head", ["169.254.14", "224.0.14", "0.10.14"])
def test_a_subnet_whose_addresses_mean_something_else_is_refused(head: str) -> None:
    text = spoilt().replace("10.10.14.", f"{head}.")
    assert refused_keys(text) == ["network.subnet"]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ("nameservers: [127.0.0.53]", "network.nameservers[0]"),
        ("nameservers: [0.0.0.0]", "network.nameservers[0]"),
        ("ntp: [127.0.0.1]", "network.ntp[0]"),
        ("ntp: [224.0.1.1]", "network.ntp[0]"),
        ("upstream_dns: [224.0.0.251]", "network.upstream_dns[0]"),
        ("upstream_dns: [0.0.0.0]", "network.upstream_dns[0]"),
        ("ntp: [255.255.255.255]", "network.ntp[0]"),
    ],
)
def test_a_server_where_none_can_be_is_refused(keys: str, key: str) -> None:
    assert refused_keys(network(keys)) == [key]


@pytest.mark.parametrize(
    "keys", ["upstream_dns: [127.0.0.53]", "nameservers: [169.254.169.253]", "ntp: [169.254.169.123]"]
)
def test_a_resolver_on_the_bootstrapper_and_servers_of_a_cloud_pass(keys: str) -> None:
    accepted(network(keys))


@pytest.mark.parametrize("domain", ["ail.example.com", "example.com", "com", "AIL.example.com."])
def test_a_domain_of_services_that_covers_the_machines_names_is_refused(domain: str) -> None:
    text = kubernetes(f"dns_domain: {domain}")
    assert refused_keys(text) == ["kubernetes.dns_domain"]
    assert "is the domain of Services, and machines are called so (ail.example.com): no pod finds them" in refusal(text)


def test_machines_below_the_default_domain_of_services_are_refused_at_kubernetes() -> None:
    text = spoilt(("domain: ail.example.com", "domain: rack.cluster.local"))
    assert refused_keys(text) == ["kubernetes.dns_domain"]


@pytest.mark.parametrize("domain", ["k8s.ail.example.com", "l.example.com", "cluster.local"])
def test_a_domain_of_services_beside_or_below_the_machines_passes(domain: str) -> None:
    accepted(kubernetes(f"dns_domain: {domain}"))
