"""The cluster's own kubectl, run as the administrator: it is the reference for how a node is drained."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac
from kboot_clusterdesc.model import API_PORT

from ..errors import BadInput, KbootError, NotYet, last_line
from ..host.waiting import looks
from ..pki.store.operators import ADMIN, operator_kubeconfig
from ..supplies.assets import is_whole
from .cloudconfig_client import JsonObject
from .cluster_health import API_NAME, read_health

_ANSWERS_WITHIN_S = 30  # a control plane that was just restarted may be asked again


@dataclass(frozen=True, slots=True)
class ApiServer:
    """One control plane's API server, at the address that its machine has now."""

    name: str
    address: IPv4Address

    @property
    def url(self) -> str:
        """The URL at which the API server answers."""
        return server_url(str(self.address))


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with the administrator's kubeconfig; `home` holds that and kubectl's own cache."""

    program: Path
    home: Path
    options: tuple[str, ...]
    servers: Callable[[], list[ApiServer]]

    def run(self, *arguments: str, server: ApiServer | None = None, timeout_s: float = 60) -> str:
        """Run kubectl against `server`, or one that is ready, and return its output; raise KbootError if it fails."""
        words = self._words(arguments, server or self.server())
        try:
            done = subprocess.run(words, capture_output=True, text=True, env=self._environment(), timeout=timeout_s)
        except OSError as error:
            raise _unusable(self.program, error) from error
        except subprocess.TimeoutExpired as error:
            raise NotYet(f"`kubectl {arguments[0]}` did not end within {timeout_s:.0f} s", "run this again") from error
        if done.returncode != 0:
            raise KbootError(f"kubectl {' '.join(arguments[:3])}: {last_line(done.stderr)}")
        return done.stdout

    def json(self, *arguments: str, server: ApiServer | None = None) -> JsonObject:
        """Run kubectl and return the JSON object that it prints; raise KbootError."""
        answer: JsonObject = json.loads(self.run(*arguments, "--output=json", server=server))
        return answer

    def follow(self, *arguments: str, say: Callable[[str], None]) -> int:
        """Run kubectl, `say` each line as it comes, and return its exit status. Ctrl-C reaches it too."""
        words = self._words(arguments, self.server())
        try:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self._environment()
            )
        except OSError as error:
            raise _unusable(self.program, error) from error
        with process:
            try:
                for line in process.stdout or ():
                    say(line.rstrip())
            except BaseException:
                process.terminate()
                raise
        return process.returncode

    def server(self) -> ApiServer:
        """Return an API server that is ready; raise NotYet where none becomes ready within half a minute."""
        for _ in looks(_ANSWERS_WITHIN_S, 2):
            if ready := self.servers():
                return ready[0]
        raise NotYet("no API server is ready", "`kboot status` says what each of them lacks")

    def _words(self, arguments: Sequence[str], server: ApiServer) -> list[str]:
        return [str(self.program), *self.options, f"--server={server.url}", *arguments]

    def _environment(self) -> dict[str, str]:
        # No proxy of the site stands between us and our own machines, and no other kubeconfig is looked at.
        return {"HOME": str(self.home), "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


@contextmanager
def kubectl(
    folder: ClusterFolder, desc: ClusterDesc, addresses: Mapping[Mac, IPv4Address], now: datetime
) -> Iterator[Kubectl]:
    """Yield kubectl for the cluster in force and any API server that is ready. The caller holds the cluster's lock.

    Raises BadInput for a cluster without Kubernetes, NotYet where its kubectl is not here.
    """
    program = kubectl_program(folder, desc)

    def ready() -> list[ApiServer]:
        well = {part.name for part in read_health(desc, folder, addresses).control_plane if part.is_well}
        known = [(node.name, addresses.get(node.mac)) for node in desc.control_planes]
        return [ApiServer(name, address) for name, address in known if address is not None and name in well]

    with access(folder, desc, now) as (home, options):
        yield Kubectl(program, home, options, ready)


@contextmanager
def access(
    folder: ClusterFolder, desc: ClusterDesc, now: datetime, server: str | None = None
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield a temporary folder with the administrator's kubeconfig in it, and kubectl's options to use that."""
    config = operator_kubeconfig(folder, desc, ADMIN, now, server)
    with tempfile.TemporaryDirectory(prefix="kboot-") as scratch:  # 0700
        file = Path(scratch) / "kubeconfig"
        file.touch(0o600)
        file.write_bytes(config)
        # No certificate names an address that DHCP chose; every API server's certificate has this name.
        yield Path(scratch), (f"--kubeconfig={file}", f"--tls-server-name={API_NAME}")


def kubectl_program(folder: ClusterFolder, desc: ClusterDesc) -> Path:
    """Return the path of the kubectl that nodes fetch from here, checked against SHA256SUMS; only root may write it.

    Raises BadInput for a cluster without Kubernetes, NotYet where the binary is missing or not whole.
    """
    if desc.kubernetes is None:
        raise BadInput(f"cluster {folder.cluster} runs no Kubernetes", "its description has no `kubernetes`")
    path = f"kubernetes/{desc.kubernetes.version}/kubectl"
    if not is_whole(folder, path):
        raise NotYet(
            f"{folder.assets / path}: is not here, or not what SHA256SUMS says",
            "`kboot assets pull`, or `kboot assets add FOLDER`",
        )
    return folder.assets / path


def server_url(address: str) -> str:
    """Return the URL of the API server at an address."""
    return f"https://{address}:{API_PORT}"


def _unusable(program: Path, error: OSError) -> KbootError:
    return NotYet(
        f"{program}: cannot be run on this machine: {error.strerror}",
        "nodes of another architecture are drained from a machine of theirs: `kboot kubeconfig`, `kubectl drain`",
    )
