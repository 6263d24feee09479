"""Issues client certificates to people, who are users of the API server by them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ...errors import BadInput
from ..key_pair import KeyPair, Subject
from ..kubeconfig import kubeconfig
from ..lifetimes import OPERATOR_LIFE, OPERATOR_RENEWED_BEFORE
from ..node_keys import Authority
from .cluster_secrets import load_authorities
from .secret_store import SecretStore

ADMIN = Subject("kubernetes-admin", ("kubeadm:cluster-admins",), client=True)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")
_GROUP = re.compile(r"[!-~]([ -~]{0,62}[!-~])?")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")


def operator(name: str, groups: Sequence[str]) -> Subject:
    """Return the subject of an operator; raise BadInput for a name or group that no certificate may carry."""
    if any(text.startswith("system:") for text in (name, *groups)):
        raise BadInput(
            "names and groups with `system:` in front are those of Kubernetes' own parts",
            "take another one and bind it to a role: `kubectl create clusterrolebinding`; "
            "a certificate in `system:masters` could not even be locked out again",
        )
    if name == ADMIN.common_name:
        raise BadInput(f"`{name}` is the administrator's name", "say `--admin`, or take another name")
    if not _NAME.fullmatch(name):
        raise BadInput(f"`{name}` is not a name", "letters, digits and `.`, `_`, `@`, `-` between them, at most 64")
    for group in groups:
        if not _GROUP.fullmatch(group):
            raise BadInput(f"`{group}` is not a group", "1 to 64 ASCII characters, no blank at either end")
    return Subject(name, tuple(dict.fromkeys(groups)), client=True)


def operator_kubeconfig(
    folder: ClusterFolder, desc: ClusterDesc, subject: Subject, now: datetime, server: str | None = None
) -> bytes:
    """Return the kubeconfig of an operator, for `server` (default: the description's endpoint).

    The certificate is kept, and used again while it fits and has more than 30 days left."""
    if desc.kubernetes is None:
        raise BadInput(f"cluster {folder.cluster} runs no Kubernetes", "its description has no `kubernetes`")
    if server is not None and not _URL.fullmatch(server):
        raise BadInput(f"`{server}` is not the URL of an API server", "such as https://10.10.14.201:6443")
    kept = SecretStore(folder)
    authority = load_authorities(kept, desc, now)[Authority.KUBERNETES]
    pair = _pair(kept, authority, subject, now)
    host, port = desc.api_endpoint
    url = server or f"https://{host}:{port}"
    content = kubeconfig(url, authority.certificate, pair, subject.common_name, folder.cluster)
    return f"{first_line(folder.cluster)}\n".encode() + content


def first_line(cluster: str) -> str:
    """Return the first line of an operator's kubeconfig; kubectl drops it when it rewrites the file."""
    return f"# kubeconfig of cluster {cluster}, made by `kboot kubeconfig`"


def _pair(kept: SecretStore, authority: KeyPair, subject: Subject, now: datetime) -> KeyPair:
    name = f"operators/{subject.common_name}"
    return kept.leaf(name, authority, subject, now, OPERATOR_LIFE, OPERATOR_RENEWED_BEFORE)
