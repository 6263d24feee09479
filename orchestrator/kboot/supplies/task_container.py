"""One program in a short-lived container: skopeo in the registry's image, a check in the updater's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import docker.errors
import requests.exceptions
from docker.types import Mount

from kboot_clusterdesc.layout import LABEL_CLUSTER

from ..errors import EngineError, KbootError
from ..host.engine import LABEL_TASK
from ..host.waiting import looks

if TYPE_CHECKING:
    from docker.models.containers import Container

_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_TIMEOUT_S = 3600


def run_task(
    client: docker.DockerClient,
    image: str,
    command: list[str],
    *,
    mounts: list[Mount],
    environment: Mapping[str, str],
    user: int,
    network: str,
    label: str,
    hear: Callable[[str], None] | None = None,
    rights: Sequence[str] = (),
) -> tuple[int, str]:
    """Run a program in a container that is removed in any case; return its exit code and the end of its output.

    `network` is the engine's network mode; `label` the cluster whose task it is, by which `kboot down` finds it.
    `hear` is given each line of the output as it comes. Root there has none of root's rights but `rights`.
    """
    try:
        container: Container = client.containers.create(
            image,
            entrypoint=command,
            user=f"{user}:{user}",
            network_mode=network,
            environment={"HOME": "/tmp", **environment},  # noqa: S108 - in the container
            mounts=mounts,
            tmpfs={"/tmp": "mode=1777,size=64m"},  # noqa: S108 - in the container
            labels={LABEL_CLUSTER: label, LABEL_TASK: label},
            read_only=True,
            cap_drop=["ALL"],
            cap_add=list(rights),
            security_opt=["no-new-privileges:true"],
            mem_limit="1g",
        )
    except docker.errors.APIError as error:
        raise EngineError(f"the engine did not make a container: {error.explanation}") from error
    try:
        container.start()
        if hear is not None:
            _hear_all(container, hear)
        return _ended(container, command[0])
    except (docker.errors.APIError, requests.exceptions.RequestException) as error:
        said = str(getattr(error, "explanation", error))
        hint = "`kboot up FILE` brings an image that has it" if "executable file" in said else ""
        raise EngineError(f"the engine did not run {command[0]}: {said}", hint) from error
    finally:
        container.remove(force=True, v=True)


@contextmanager
def engine_client() -> Iterator[docker.DockerClient]:
    """Yield a client of this machine's engine; raise EngineError where none answers."""
    try:
        client = docker.from_env(timeout=600)
    except docker.errors.DockerException as error:
        raise EngineError("the Docker engine does not answer", "start it, or run `make setup`") from error
    try:
        yield client
    finally:
        client.close()


def bind_mount(source: Path, target: str, *, read_only: bool = True) -> Mount:
    """Return a mount of a file or folder of this machine."""
    return Mount(target, str(source), type="bind", read_only=read_only)


def site_authorities() -> list[Mount]:
    """Return a mount of the CAs that this machine trusts: a site may have a proxy with a CA of its own."""
    bundle = Path(os.environ.get("SSL_CERT_FILE", _AUTHORITIES))
    return [bind_mount(bundle.resolve(), _AUTHORITIES)] if bundle.is_file() else []


def site_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what `environment` says of the site's proxies, with this machine never through one."""
    found = {name: environment.get(name) or environment.get(name.lower(), "") for name in _PROXIES}
    found["NO_PROXY"] = ",".join(filter(None, (found["NO_PROXY"], "127.0.0.1", "localhost")))
    return {name: value for name, value in found.items() if value}


def failure(said: str) -> str:
    """Return the last message of skopeo's log."""
    messages = re.findall(r'msg="((?:[^"\\]|\\.)*)"', said)
    lines = [messages[-1].replace('\\"', '"')] if messages else said.strip().splitlines()[-1:]
    return lines[0][:600] if lines else "skopeo said nothing"


def _hear_all(container: Container, hear: Callable[[str], None]) -> None:
    rest = b""
    for piece in container.logs(stream=True, follow=True):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            hear(line.decode(errors="replace"))
    if rest:
        hear(rest.decode(errors="replace"))


def _ended(container: Container, name: str) -> tuple[int, str]:
    for _ in looks(_TIMEOUT_S, 0.2):
        container.reload()
        if container.status in ("exited", "dead"):
            said = container.logs(tail=20).decode(errors="replace")
            return int(container.attrs["State"]["ExitCode"]), said
    raise KbootError(f"{name} was not done after {_TIMEOUT_S} s", "is the other side reached from here?")
