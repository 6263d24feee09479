"""The container engine: Compose starts and stops the rendered project, the Docker API tells what runs of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import docker
import docker.errors
import requests.exceptions
import yaml
from python_on_whales import ClientNotFoundError, DockerClient
from python_on_whales.exceptions import DockerException, NoSuchContainer

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.layout import LABEL_CLUSTER, LABEL_INPUTS
from kboot_compose.service_names import SERVICE_NAMES

from ..errors import EngineError, NotYet
from .hand_over import hand_over
from .progress import Progress
from .waiting import looks

LABEL_TASK = "kboot.task"  # on what runs for the length of one command; its value is the cluster
INSTALL_CLIENT = "`apt install docker.io`; on Debian 13 `docker-cli`, which is apart from it there"
INSTALL_COMPOSE = (
    "install Compose 2.20 or later: `apt install docker-compose` on Debian 13, `docker-compose-v2` on Ubuntu;"
    " for Debian 12 see docs/operate.md"
)
_PROJECT_LABEL = "com.docker.compose.project"
_SERVICE_LABEL = "com.docker.compose.service"


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service of the project as the engine sees it."""

    name: str
    state: str  # running | exited | restarting | created | missing | ...
    health: str  # healthy | unhealthy | starting | none
    started: str | None  # RFC 3339
    inputs: str | None = None
    image: str | None = None
    container: str | None = None
    complaint: str = ""  # the last words of its health check, where that fails
    ended: str | None = None  # RFC 3339; None of one that runs, or never did
    exit_code: int | None = None

    @property
    def is_up(self) -> bool:
        """Whether the service runs, and is healthy where it has a health check."""
        return self.state == "running" and self.health in ("healthy", "none")


def project_name(cluster: str) -> str:
    """Return the name of the cluster's Compose project."""
    return f"kboot-{cluster}"


def connect(timeout_s: int = 60) -> docker.DockerClient:
    """Return a client of this machine's Docker API; raise EngineError with the way to start the engine."""
    try:
        client = docker.from_env(timeout=timeout_s)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        if "PermissionError(" in str(error):  # of the socket; the exception within is not kept as one
            raise EngineError(
                "the Docker engine may not be asked by this user", "run kboot as root: `sudo kboot …`"
            ) from error
        raise EngineError(
            "the Docker engine does not answer",
            "start it: `systemctl start docker`, or `apt install docker.io`; `kboot doctor` looks further",
        ) from error
    return client


class Engine:
    """The Compose project of one cluster, and its containers."""

    def __init__(self, folder: ClusterFolder, client: docker.DockerClient | None = None) -> None:
        self.folder = folder
        self.project = project_name(folder.cluster)
        self.client = client if client is not None else connect()
        self._compose = DockerClient(
            compose_files=[str(folder.compose)],
            compose_project_name=self.project,
            compose_project_directory=str(folder.path),
        ).compose

    def up(self, services: Iterable[str] = ()) -> None:
        """Bring the project, or some services, into the rendered state; what is in it already is left alone."""
        chosen = list(services)
        self._call(
            lambda: self._compose.up(
                chosen or None,
                detach=True,
                no_build=True,
                pull="never",
                remove_orphans=not chosen,
                color=False,
                quiet=True,
            ),
            "up",
        )

    def down(self) -> None:
        """Remove the project's containers and networks; also without its compose.yaml, by label."""
        if self.folder.compose.is_file():
            self._call(lambda: self._compose.down(remove_orphans=True, timeout=10, quiet=True), "down")
        self.remove_labelled(_PROJECT_LABEL, self.project)
        self.remove_labelled(LABEL_TASK, self.folder.cluster)

    def wipe(self) -> None:
        """Remove all that the engine has of the cluster, a lab's machines too; without Compose, and without a grace."""
        self.remove_labelled(LABEL_CLUSTER, self.folder.cluster)
        self.remove_labelled(LABEL_TASK, self.folder.cluster)
        self.remove_labelled(_PROJECT_LABEL, self.project)

    def restart(self, services: Iterable[str]) -> None:
        """Restart some services, or all; one that is well and can hand over goes on answering meanwhile."""
        chosen = list(services or self._rendered())
        handing_over = [name for name in chosen if self._may_hand_over(name)]
        if others := [name for name in chosen if name not in handing_over]:
            self._call(lambda: self._compose.restart(others, timeout=10), "restart")
        for name in handing_over:  # last, since it may raise NotYet
            logs = f"docker compose -p {self.project} logs {name}"
            hand_over(name, partial(self._generation, name), partial(self.signal, name, "HUP"), logs)

    def signal(self, service: str, name: str) -> None:
        """Send the signal `name` to the first process of a service; one that does not run is left alone."""
        for container in self._running(service):
            try:
                container.kill(signal=name)
            except docker.errors.APIError as error:
                raise EngineError(f"the engine did not send {name} to {service}: {error.explanation}") from error

    def is_well(self, service: str) -> bool:
        """Whether the health check of a service passes now, where that runs; the engine itself asks now and then."""
        for container in self._running(service):
            test = container.attrs["Config"].get("Healthcheck", {}).get("Test", ["NONE"])
            try:
                if test[0] == "CMD" and container.exec_run(test[1:]).exit_code != 0:
                    return False
            except docker.errors.APIError:  # it ended meanwhile
                return False
        return True

    def _may_hand_over(self, service: str) -> bool:
        """Return whether a hand-over is a way to restart a service as it is now."""
        from kboot_compose.services import HANDING_OVER

        if service not in HANDING_OVER or not any(each.name == service and each.is_up for each in self.services()):
            return False
        return bool(self._generation(service))  # a kboot that did not hand over told nothing

    def _generation(self, service: str) -> str:
        """Return what a service tells of its hand-overs; "" where it tells nothing."""
        from kboot_compose.services import HAND_OVER

        for container in self._running(service):
            try:
                answer = container.exec_run(["cat", HAND_OVER])
            except docker.errors.APIError:  # it ended meanwhile
                return ""
            return answer.output.decode().strip() if answer.exit_code == 0 else ""
        return ""

    def remove_labelled(self, label: str, value: str) -> None:
        """Remove every container, network and volume that bears the label."""
        filters: dict[str, str | list[str] | bool] = {"label": f"{label}={value}"}
        try:
            for container in self.client.containers.list(all=True, filters=filters, ignore_removed=True):
                _ignore_missing(partial(container.remove, force=True, v=True))
            for network in self.client.networks.list(filters=filters):
                _ignore_missing(network.remove)
            for volume in self.client.volumes.list(filters=filters):
                _ignore_missing(volume.remove)
        except docker.errors.APIError as error:
            raise EngineError(f"the engine refused to remove what {self.project} left: {error.explanation}") from error

    def containers(self) -> list[Any]:
        """Return the project's containers, stopped ones too."""
        filters: dict[str, str | list[str] | bool] = {"label": f"{_PROJECT_LABEL}={self.project}"}
        return self.client.containers.list(all=True, filters=filters, ignore_removed=True)

    def guests(self) -> list[str]:
        """Return the names of the cluster's containers outside of the project: the lab's machines."""
        filters: dict[str, str | list[str] | bool] = {"label": f"{LABEL_CLUSTER}={self.folder.cluster}"}
        labelled = self.client.containers.list(all=True, filters=filters, ignore_removed=True)
        return sorted(str(each.name) for each in labelled if not {_PROJECT_LABEL, LABEL_TASK} & set(each.labels))

    def services(self) -> list[ServiceState]:
        """Return every service that should run, `missing` where it has no container, and any other of the project."""
        found = {service.name: service for service in map(_service, self.containers())}
        for name in self._rendered():
            found.setdefault(name, ServiceState(name, "missing", "none", None))
        order = {name: i for i, name in enumerate(SERVICE_NAMES)}
        return sorted(found.values(), key=lambda service: (order.get(service.name, len(order)), service.name))

    def _running(self, service: str) -> list[Any]:
        return [
            each
            for each in self.containers()
            if each.labels.get(_SERVICE_LABEL) == service and each.status == "running"
        ]

    def _rendered(self) -> Iterable[str]:
        """Return the names of the services in the rendered project; of all services before there is one."""
        try:
            project = yaml.safe_load(self.folder.compose.read_text())
            return [name for name in SERVICE_NAMES if name in project["services"]]
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            return SERVICE_NAMES

    def wait_healthy(self, progress: Progress, timeout_s: float = 120) -> None:
        """Wait until every service is up, saying what changes; raises NotYet with the last state seen."""
        late: list[ServiceState] = []
        for _ in looks(timeout_s):
            services = self.services()
            for service in services:
                tells = service.state == "running" and service.health != "none"
                progress.state(service.name, service.health if tells else service.state)
            late = [service for service in services if not service.is_up]
            if not late:
                return
        names = ", ".join(f"{service.name} ({service.state}, {service.health})" for service in late)
        complaints = "".join(f"\n  {service.name}: {service.complaint}" for service in late if service.complaint)
        raise NotYet(
            f"not up after {timeout_s:.0f} s: {names}{complaints}",
            f"read `docker compose -p {self.project} logs {late[0].name}`",
        )

    def _call(self, action: Callable[[], Any], verb: str) -> None:
        try:
            action()
        except (DockerException, NoSuchContainer) as error:
            raise self._refused(error, verb) from error
        except ClientNotFoundError as error:
            raise EngineError("the command `docker` is not installed", INSTALL_CLIENT) from error

    def _refused(self, error: DockerException, verb: str) -> EngineError:
        text = (error.stderr or "").strip() or f"exit status {error.return_code}"
        lines = [line for line in text.splitlines() if line.strip()]
        last = lines[-1] if lines else text
        if "unknown command: docker compose" in text or "is not a docker command" in text:
            return EngineError("`docker compose` is not installed", INSTALL_COMPOSE)
        return EngineError(
            f"docker compose {verb} failed for {self.project}: {last}",
            f"`docker compose -p {self.project} -f {self.folder.compose} {verb}` shows the whole of it",
        )


def _service(container: Any) -> ServiceState:
    state = container.attrs["State"]
    labels = container.labels
    checks = state.get("Health", {})
    health = checks.get("Status", "none")
    started = state.get("StartedAt") if state.get("Running") else None
    has_ended = state.get("Status") == "exited"
    return ServiceState(
        name=labels.get(_SERVICE_LABEL, container.name),
        state=state.get("Status", "unknown"),
        health=health,
        started=_seconds(started) if started else None,
        inputs=labels.get(LABEL_INPUTS),
        image=container.attrs.get("Config", {}).get("Image"),
        container=container.id,
        complaint=_complaint(checks),
        ended=_seconds(state["FinishedAt"]) if has_ended else None,
        exit_code=state["ExitCode"] if has_ended else None,
    )


def _complaint(checks: Mapping[str, Any]) -> str:
    """Return the last line that a health check said as it failed, fit for a terminal; "" where the last one did not."""
    last = (checks.get("Log") or [{}])[-1]
    lines = str(last.get("Output", "")).strip().splitlines() if last.get("ExitCode") else []
    return "".join(each for each in lines[-1] if each.isprintable())[:500] if lines else ""


def _seconds(time_text: str) -> str:
    """Return a time of the engine, which has nanoseconds, as RFC 3339 in whole seconds."""
    return time_text.split(".")[0].rstrip("Z") + "Z"


def _ignore_missing(action: Callable[[], Any]) -> None:
    try:
        action()
    except docker.errors.NotFound:
        return


__all__ = ["LABEL_CLUSTER", "LABEL_TASK", "Engine", "ServiceState", "connect", "project_name"]
