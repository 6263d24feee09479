"""Starts what was rendered last, after a reboot of this machine too: nothing but the cluster's folder is read."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import BadInput, EngineError, KbootError, NotYet
from ..host.engine import Engine, connect
from ..host.network_interfaces import holder_of, interfaces
from ..host.progress import Progress
from ..host.stamp import held
from ..host.state_folder import forget_down
from ..host.waiting import looks
from ..preflight.newer_state import refuse_newer_state
from ..render.compose import HostNetwork
from ..running.chosen import description_in_force
from ..running.cloudconfig_client import CloudConfigClient
from ..running.rendered_project import network_in_force
from .served_certificate import serve_certificate
from .up import recreated


def start(folder: ClusterFolder, progress: Progress, *, wait_s: float = 600, timeout_s: float = 120) -> list[str]:
    """Start the cluster's services, and return those that were not running already.

    Waits `wait_s` at most for the engine and the bootstrapper's address, then `timeout_s` for health; what is not
    healthy by then may have been started before the address was there, and is given one more start. It is done when the
    cloud-config server answers this machine: the engine's word on a service is that of its last health check.
    """
    if not folder.compose.is_file():
        raise BadInput(f"{folder.path}: nothing was rendered there yet", "`kboot up FILE` renders and starts it")
    desc = description_in_force(folder)
    _wait(desc, folder, progress, wait_s)
    with held(folder):
        refuse_newer_state(folder)
        engine = Engine(folder)
        before = engine.services()
        engine.up()
        forget_down(folder)
        # The engine starts again what ends, later each time, and Compose leaves alone what runs, whatever its health.
        stuck = [each.name for each in before if each.state == "restarting" or each.health == "unhealthy"]
        if stuck:
            engine.restart(stuck)
        try:
            engine.wait_healthy(progress, timeout_s)
        except NotYet as late:
            progress(f"{late.message}: starting what is not healthy once more")
            if unwell := [each.name for each in engine.services() if not each.is_up]:
                engine.restart(unwell)  # without a name, Compose restarts all
            engine.wait_healthy(progress, timeout_s)
        serve_certificate(engine, desc, progress)
        _wait_for_answer(CloudConfigClient(folder, desc), timeout_s)
        return recreated(before, engine.services())


def _wait(desc: ClusterDesc, folder: ClusterFolder, progress: Progress, wait_s: float) -> None:
    lacking: list[str] = []
    for _ in looks(wait_s, 2):
        lacking = list(_lacking(desc, folder))
        if not lacking:
            return
        progress.state("waiting", f"{' and '.join(lacking)}; it is looked for {wait_s:.0f} s at most")
    raise NotYet(
        f"nothing was started: after {wait_s:.0f} s {' and '.join(lacking)}",
        f"see to that; `kboot start --cluster {folder.cluster}` tries again",
    )


def _wait_for_answer(server: CloudConfigClient, timeout_s: float) -> None:
    late = KbootError("")
    for _ in looks(timeout_s, 1):
        try:
            server.get("/readyz")
            return
        except KbootError as error:
            late = error
    raise NotYet(f"the services are healthy, but {late.message}", late.hint)


def _lacking(desc: ClusterDesc, folder: ClusterFolder) -> Iterator[str]:
    """Yield what the services cannot be started without, and is not there."""
    try:
        connect().close()
    except EngineError as error:
        yield error.message
    address = desc.network.bootstrapper
    if isinstance(network_in_force(folder), HostNetwork) and holder_of(address, interfaces()) is None:
        yield f"{address} is on no interface of this machine"
