"""kboot-tls-bootstrap, the real script: whom it gives a token, and which requests it approves.

The bootstrapper and the API server are the far side: `curl` and `kubectl` play them from files. Requests are real ones.
"""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_cloudconfig.joining import join_token
from kboot_clusterdesc import joined, load
from support.fixed_secrets import JOIN_SEED, fixed_secrets
from support.places import GOLDEN_RENDERS

CASE = GOLDEN_RENDERS / "joined"
NAME, OTHER, ADDRESS = "52-54-00-00-00-99", "52-54-00-00-00-98", "10.20.0.100"
CLIENT, SERVING = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"
NODES = ("system:nodes", "system:authenticated")
BOOTSTRAPPERS = ("system:bootstrappers", "system:bootstrappers:kboot", "system:authenticated")
_KUBECTL = """#!/bin/bash
case $1 in
  apply) cat >"$SITE/applied-$(ls "$SITE" | wc -l)" ;;
  get) cat "$SITE/pending" ;;
  certificate) echo "$3" >>"$SITE/approved" ;;
esac
"""
_KEY = ec.generate_private_key(ec.SECP256R1())


class ControlPlane:
    """A folder with what the script finds on a control plane."""

    def __init__(self, folder: Path, seed: str = JOIN_SEED) -> None:
        self.folder, self.seed = folder, bytes.fromhex(seed)
        self.now = datetime.now(UTC)
        desc = load(CASE / "cluster.yaml")
        files = {f.path: f for f in node_config(desc, desc.nodes[0], fixed_secrets(desc), Attachments()).files}
        script = files["/opt/bin/kboot-tls-bootstrap"].content.decode()
        for path, place in (
            ("/etc/kubernetes/tls-bootstrap", str(folder)),
            ("/run/kboot-tls-bootstrap", f"{folder}/noted"),
            ("/opt/kboot/kubernetes/v1.36.2/kubectl", f"{folder}/bin/kubectl"),
        ):
            assert path in script
            script = script.replace(path, place)
        (folder / "script").write_text(script)
        (folder / "seed").write_text(f"{seed}\n")
        (folder / "bin").mkdir()
        for name, text in (("kubectl", _KUBECTL), ("curl", '#!/bin/bash\ncat "$SITE/joining"\n')):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        for name in ("pending", "joining", "approved"):
            (folder / name).touch()

    def join(self, name: str = NAME, address: str = ADDRESS, since: datetime | None = None) -> None:
        """The bootstrapper says that this machine was let in, `since` when with a token."""
        with (self.folder / "joining").open("a") as lines:
            lines.write(f"{name} {address} {int(since.timestamp()) if since else '-'}\n")

    def token(self, name: str = NAME, since: datetime | None = None) -> str:
        """What the cloud-config server gives to this machine."""
        return join_token(self.seed, name, since or self.now)

    def bootstrapper(self, name: str = NAME) -> str:
        """The user that the API server sees in a machine with a token."""
        return f"system:bootstrap:{self.token(name)[:6]}"

    def request(self, signer: str, user: str, groups: Sequence[str], usages: Sequence[str], pem: bytes) -> None:
        """A request that waits, as `requests` has kubectl print it."""
        words = [",".join(["", *map(quote_plus, many), ""]) for many in (groups, usages)]
        line = " ".join(["csr-1", quote_plus(signer), quote_plus(user), *words, b64encode(pem).decode()])
        (self.folder / "pending").write_text(f"{line}\n")

    def run(self) -> str:
        """Run the script; what it says."""
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "SITE": str(self.folder)}
        done = subprocess.run(
            ["bash", str(self.folder / "script")], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def approves(self) -> bool:
        """Whether the waiting request is approved."""
        self.run()
        return (self.folder / "approved").read_text() == "csr-1\n"

    def secrets(self) -> list[dict[str, str]]:
        """What was given to the API server."""
        found = [yaml.safe_load(path.read_text()) for path in sorted(self.folder.glob("applied-*"))]
        assert all(each["type"] == "bootstrap.kubernetes.io/token" for each in found)
        assert all(each["metadata"]["namespace"] == "kube-system" for each in found)
        assert all(each["metadata"]["name"] == f"bootstrap-token-{each['stringData']['token-id']}" for each in found)
        return [each["stringData"] for each in found]


@pytest.fixture
def plane(tmp_path: Path) -> ControlPlane:
    """A control plane; NAME was let in, and has a token."""
    made = ControlPlane(tmp_path)
    made.join(since=made.now)
    return made


def csr(
    name: str = NAME,
    *,
    organizations: Sequence[str] = ("system:nodes",),
    alternatives: Sequence[x509.GeneralName] = (),
    extension: x509.ExtensionType | None = None,
) -> bytes:
    """A request as a kubelet makes it: the organisation first, then its common name."""
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{name}")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(alternatives)), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(_KEY, SHA256()).public_bytes(Encoding.PEM)


def own_names(*more: x509.GeneralName) -> list[x509.GeneralName]:
    """What the kubelet of NAME is called."""
    return [x509.DNSName(NAME), x509.IPAddress(IPv4Address(ADDRESS)), *more]


# tokens


@pytest.mark.parametrize("seed", [JOIN_SEED, "00" * 32, "ff" * 32, "00ff5c360a0d5c2725" + "7f" * 23])
def test_the_shell_makes_the_token_that_the_cloud_config_server_gives(tmp_path: Path, seed: str) -> None:
    plane = ControlPlane(tmp_path, seed)
    for name in (NAME, OTHER):
        plane.join(name, since=plane.now)
    assert f"{NAME} may join" in plane.run()
    given = {f"{each['token-id']}.{each['token-secret']}" for each in plane.secrets()}
    assert given == {plane.token(NAME), plane.token(OTHER)}


def test_a_token_is_good_for_authentication_alone_and_ends(plane: ControlPlane) -> None:
    plane.run()
    (secret,) = plane.secrets()
    end = datetime.fromisoformat(secret["expiration"])
    assert end == plane.now.replace(microsecond=0) + joined.TOKEN_LIFE
    assert secret["auth-extra-groups"] == "system:bootstrappers:kboot"
    assert [key for key in secret if key.startswith("usage-")] == ["usage-bootstrap-authentication"]


def test_a_token_is_given_once(plane: ControlPlane) -> None:
    assert "may join" in plane.run()
    assert plane.run() == ""
    assert len(plane.secrets()) == 1


@pytest.mark.parametrize("ago", [joined.TOKEN_LIFE, timedelta(days=30), -timedelta(hours=2)])
def test_a_token_that_has_ended_or_is_to_come_is_not_given(tmp_path: Path, ago: timedelta) -> None:
    plane = ControlPlane(tmp_path)
    plane.join(since=plane.now - ago)
    plane.run()
    assert plane.secrets() == []


@pytest.mark.parametrize("line", ["node1 10.20.0.11 1", "a$(id) b 1", "52-54-00-00-00-99 x y", "-", "../../x 1 1"])
def test_a_line_that_is_none_gives_no_token(plane: ControlPlane, line: str) -> None:
    (plane.folder / "joining").write_text(f"{line}\n")
    plane.run()
    assert plane.secrets() == []


def test_while_nobody_joins_the_api_server_is_asked_nothing(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    (tmp_path / "bin" / "kubectl").unlink()
    assert plane.run() == ""


# client certificates


CLIENT_USAGES = ("digital signature", "client auth")


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


# serving certificates


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
