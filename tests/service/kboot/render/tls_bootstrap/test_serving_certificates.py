"""Which requests for a serving certificate kboot-tls-bootstrap approves."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509

from .conftest import ADDRESS, CLIENT_USAGES, NAME, NODES, OTHER, SERVING, ControlPlane, csr, own_names

USER, SERVING_USAGES = f"system:node:{NAME}", ("digital signature", "server auth")


def test_a_kubelet_may_serve_at_its_name_and_its_leased_address(plane: ControlPlane) -> None:
    plane.request(SERVING, USER, NODES, SERVING_USAGES, csr(alternatives=own_names()))
    assert plane.approves()


@pytest.mark.parametrize(
    "alternatives",
    [
        [],
        [x509.DNSName(NAME)],
        [x509.IPAddress(IPv4Address(ADDRESS))],
        [x509.DNSName(NAME), x509.IPAddress(IPv4Address("10.20.0.11"))],
        [x509.DNSName("node1"), x509.IPAddress(IPv4Address(ADDRESS))],
        own_names(x509.IPAddress(IPv4Address("10.20.0.11"))),
        own_names(x509.DNSName("api.open.example.com")),
        own_names(x509.UniformResourceIdentifier("https://api.open.example.com")),
        own_names(x509.RFC822Name("a@example.com")),
    ],
    ids=["none", "name", "address", "foreign-address", "foreign-name", "two-addresses", "two-names", "uri", "mail"],
)
def test_a_kubelet_may_serve_as_nothing_else(plane: ControlPlane, alternatives: Sequence[x509.GeneralName]) -> None:
    plane.request(SERVING, USER, NODES, SERVING_USAGES, csr(alternatives=alternatives))
    assert not plane.approves()
    assert plane.run() == "", "it is said once"


@pytest.mark.parametrize(
    ("user", "groups", "usages", "request_pem"),
    [
        ("system:node:node1", NODES, SERVING_USAGES, csr("node1", alternatives=own_names())),
        (f"system:node:{OTHER}", NODES, SERVING_USAGES, csr(OTHER, alternatives=own_names())),
        (f"system:node:{OTHER}", NODES, SERVING_USAGES, csr(alternatives=own_names())),
        (USER, NODES, SERVING_USAGES, csr(OTHER, alternatives=own_names())),
        (NAME, NODES, SERVING_USAGES, csr(alternatives=own_names())),
        (USER, ("system:authenticated",), SERVING_USAGES, csr(alternatives=own_names())),
        (USER, NODES, (*SERVING_USAGES, "client auth"), csr(alternatives=own_names())),
        (USER, NODES, CLIENT_USAGES, csr(alternatives=own_names())),
        (
            USER,
            NODES,
            SERVING_USAGES,
            csr(alternatives=own_names(), extension=x509.BasicConstraints(ca=True, path_length=None)),
        ),
    ],
    ids=["declared", "not-let-in", "foreign", "foreign-subject", "bare", "no-node", "more", "client", "authority"],
)
def test_a_serving_certificate_goes_to_a_machine_that_was_let_in_alone(
    plane: ControlPlane, user: str, groups: Sequence[str], usages: Sequence[str], request_pem: bytes
) -> None:
    plane.request(SERVING, user, groups, usages, request_pem)
    assert not plane.approves()


def test_without_a_lease_nothing_is_served(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    plane.join(address="-")
    plane.request(SERVING, USER, NODES, SERVING_USAGES, csr(alternatives=own_names()))
    assert not plane.approves()


def test_a_machine_whose_token_has_ended_still_renews_its_serving_certificate(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    plane.join()
    plane.request(SERVING, USER, NODES, SERVING_USAGES, csr(alternatives=own_names()))
    assert plane.approves()
