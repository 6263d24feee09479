"""Which requests for a client certificate kboot-tls-bootstrap approves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509

from kboot_clusterdesc import joined

from .conftest import BOOTSTRAPPERS, CLIENT, CLIENT_USAGES, NAME, OTHER, SERVING, ControlPlane, csr, own_names


def test_a_machine_gets_the_node_of_its_own_mac(plane: ControlPlane) -> None:
    plane.request(CLIENT, plane.bootstrapper(), BOOTSTRAPPERS, CLIENT_USAGES, csr())
    assert plane.approves()


@pytest.mark.parametrize(
    "request_pem",
    [
        csr("node1"),
        csr(OTHER),
        csr(f"{NAME},O=system:nodes"),
        csr(organizations=("system:masters",)),
        csr(organizations=("system:nodes", "system:masters")),
        csr(organizations=()),
        csr(alternatives=own_names()),
        csr(extension=x509.BasicConstraints(ca=True, path_length=None)),
        b"nonsense",
    ],
    ids=["declared", "other", "commas", "masters", "and-masters", "no-group", "names", "authority", "nonsense"],
)
def test_a_machine_gets_no_other_client_certificate(plane: ControlPlane, request_pem: bytes) -> None:
    plane.join(OTHER, since=plane.now)
    plane.request(CLIENT, plane.bootstrapper(), BOOTSTRAPPERS, CLIENT_USAGES, request_pem)
    assert not plane.approves()


def test_a_machine_gets_no_certificate_with_the_token_of_another(plane: ControlPlane) -> None:
    plane.join(OTHER, since=plane.now)
    plane.request(CLIENT, plane.bootstrapper(OTHER), BOOTSTRAPPERS, CLIENT_USAGES, csr())
    assert not plane.approves()


@pytest.mark.parametrize(
    ("user", "groups", "usages", "signer"),
    [
        ("system:bootstrap:ffffff", BOOTSTRAPPERS, CLIENT_USAGES, CLIENT),
        ("system:bootstrap:", BOOTSTRAPPERS, CLIENT_USAGES, CLIENT),
        ("ID", BOOTSTRAPPERS, CLIENT_USAGES, CLIENT),
        ("USER", ("system:bootstrappers", "system:authenticated"), CLIENT_USAGES, CLIENT),
        ("USER", BOOTSTRAPPERS, (*CLIENT_USAGES, "server auth"), CLIENT),
        ("USER", BOOTSTRAPPERS, ("digital signature", "server auth"), CLIENT),
        ("USER", BOOTSTRAPPERS, CLIENT_USAGES, "kubernetes.io/kube-apiserver-client"),
        ("USER", BOOTSTRAPPERS, CLIENT_USAGES, SERVING),
        ("USER x\ncsr-2", BOOTSTRAPPERS, CLIENT_USAGES, CLIENT),
    ],
)
def test_who_asks_and_for_what_is_looked_at_too(
    plane: ControlPlane, user: str, groups: Sequence[str], usages: Sequence[str], signer: str
) -> None:
    own = plane.bootstrapper()
    user = user.replace("USER", own).replace("ID", own.rpartition(":")[2])
    plane.request(signer, user, groups, usages, csr())
    assert not plane.approves()


def test_a_token_that_has_ended_gets_no_certificate(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    plane.now -= joined.TOKEN_LIFE
    plane.join(since=plane.now)
    plane.request(CLIENT, plane.bootstrapper(), BOOTSTRAPPERS, CLIENT_USAGES, csr())
    assert not plane.approves()
