"""kboot-tls-bootstrap, the real script, on a control plane that is a folder.

The bootstrapper and the API server are the far side: `curl` and `kubectl` play them from files. Requests are real ones.
"""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
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
from kboot_clusterdesc import load
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


CLIENT_USAGES = ("digital signature", "client auth")
