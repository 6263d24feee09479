"""Addresses that the site and its cluster both may claim: the cluster's own ranges, and who is asked at an address."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from urllib.parse import urlsplit

from .model import ClusterDesc
from .problem import Steps


def cluster_ranges(desc: ClusterDesc) -> dict[str, IPv4Network]:
    """Return the ranges that Kubernetes keeps to itself, by their keys; none without Kubernetes."""
    if desc.kubernetes is None:
        return {}
    return {f"kubernetes.{key}": getattr(desc.kubernetes, key) for key in ("service_cidr", "pod_cidr")}


def is_within(name: str, domain: str) -> bool:
    """Return whether a name is `domain` itself or lies below it."""
    return name == domain or name.endswith(f".{domain}")


def asked_by_machines(desc: ClusterDesc) -> Iterator[tuple[Steps, IPv4Address]]:
    """Yield the path and the address of each server that all machines ask."""
    for key in ("nameservers", "ntp"):
        for i, address in enumerate(getattr(desc.network, key)):
            yield ("network", key, i), address
    if desc.kubernetes is not None:
        host = _address(desc.api_endpoint[0])
        if host is not None:
            yield ("kubernetes", "api_server", "endpoint"), host
        for i, address in enumerate(desc.kubernetes.api_server.addresses):
            yield ("kubernetes", "api_server", "addresses", i), address


def asked_by_few(desc: ClusterDesc) -> Iterator[tuple[Steps, IPv4Address]]:
    """Yield the path and the address of what the bootstrapper alone asks, and of the records that it serves."""
    for i, address in enumerate(desc.network.upstream_dns):
        yield ("network", "upstream_dns", i), address
    for name, address in desc.network.hosts.items():
        yield ("network", "hosts", name), address
    for path, url in urls(desc):
        found = _address(_host(url))
        if found is not None:
            yield path, found


def urls(desc: ClusterDesc) -> Iterator[tuple[Steps, str]]:
    """Yield the path of each URL that the bootstrapper asks, and the URL."""
    update, proxy = desc.os.update, desc.network.proxy
    found: list[tuple[Steps, str | None]] = [
        (("os", "release_url"), desc.os.release_url),
        (("os", "update", "payload_url"), update.payload_url),
        *((("os", "update", "checks", i), url) for i, url in enumerate(update.checks)),
        *((("notify", i, "url"), receiver.url) for i, receiver in enumerate(desc.notify)),
        (("network", "proxy", "http"), proxy.http if proxy else None),
        (("network", "proxy", "https"), proxy.https if proxy else None),
    ]
    yield from ((path, url) for path, url in found if url)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # a bracket that nothing closes
        return ""


def _address(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except ValueError:
        return None
