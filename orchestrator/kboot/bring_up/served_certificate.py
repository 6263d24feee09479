"""The certificate that the cloud-config server presents: one that was made anew is taken over by its next process."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.shared_files import SERVER_CERTIFICATE
from kboot_compose.services import CLOUDCONFIG

from ..errors import NotYet
from ..host.engine import Engine
from ..host.files import failed
from ..host.waiting import looks

_PORT = 443
_SILENT_S = 10
_TAKEN_S = 30  # by a hand-over that was under way already, and had loaded the old one


def serve_certificate(engine: Engine, desc: ClusterDesc, progress: Callable[[str], None]) -> None:
    """Have the cloud-config server present the certificate in the cluster's folder; raise NotYet where it does not.

    What it presents is asked of the server itself: a run that was killed before its hand-over leaves it to the next.
    """
    served = partial(certificate_of, str(desc.network.bootstrapper), _PORT)
    take_over(served, _in_force(engine.folder), partial(engine.restart, [CLOUDCONFIG.name]), progress)


def take_over(
    served: Callable[[], bytes | None],
    wanted: bytes,
    restart: Callable[[], None],
    progress: Callable[[str], None],
    within_s: float = _TAKEN_S,
) -> None:
    """Call `restart` where another certificate is `served` than the one `wanted`, and wait until that is presented."""
    name = CLOUDCONFIG.name
    if (found := served()) == wanted:
        return
    if found is None:
        progress(f"{name}: nobody answers there, so it is not known which certificate it presents")
        return
    progress(f"{name}: its certificate was made anew, the next server takes over with it")
    restart()
    for _ in looks(within_s, 1):
        if served() == wanted:
            return
    raise NotYet(
        f"{name} does not present the certificate that was made anew",
        f"`kboot restart {name}` has the next server take over, which reads it",
    )


def certificate_of(address: str, port: int) -> bytes | None:
    """Return the certificate that a server presents, whoever it is of, as DER; None where it does not answer."""
    try:
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, port), timeout=_SILENT_S))
    except OSError:
        return None


def _in_force(folder: ClusterFolder) -> bytes:
    path = folder.tls / CLOUDCONFIG.name / SERVER_CERTIFICATE
    try:
        return ssl.PEM_cert_to_DER_cert(path.read_text())
    except OSError as error:
        raise failed(error, path) from error
