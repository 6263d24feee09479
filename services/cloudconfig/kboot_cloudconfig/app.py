"""The route table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from . import (
    boot_script,
    events,
    health,
    installer,
    joining,
    memory_ignition,
    metrics,
    node_config,
    nodes,
    omaha,
    served_files,
    status_page,
)
from .body_queue import BodyQueue
from .file_watch import watch_files
from .fleet import Fleet
from .front import Front
from .kept_answers import KeptAnswers
from .kubernetes_watch import KubernetesWatch
from .presence_watch import PresenceWatch
from .problem import ProblemError, problem
from .request_log import RequestLog

READ, GET, POST = ["GET", "HEAD"], ["GET"], ["POST"]

# The first that fits answers. docs/http.md says what each is, and who may ask.
ROUTES: tuple[tuple[str, list[str], Callable[..., Any]], ...] = (
    ("/boot.ipxe", READ, boot_script.first_script),
    ("/boot/disk.efi", READ, served_files.disk_loader),
    ("/boot/disk.pxe", READ, served_files.bios_disk_loader),
    ("/boot/{name}.efi", READ, served_files.boot_loader),
    ("/boot/{mac}.ipxe", READ, boot_script.boot_script),
    ("/boot/{name}", READ, served_files.file_in_force),
    ("/pxelinux.cfg/default", READ, boot_script.pxelinux_config),
    ("/pxe.ign", READ, memory_ignition.pxe_ign),
    ("/install.sh", READ, installer.install_sh),
    ("/ignition/{mac}.json", GET, node_config.ignition),
    ("/cloud-configs/{mac}.yaml", GET, node_config.cloud_config),
    ("/certs/{mac}/{name}.pem", GET, node_config.certificate),
    ("/v1/nodes", GET, nodes.all_nodes),
    ("/v1/nodes/{mac}", GET, nodes.one_node),
    ("/v1/labels", GET, nodes.labels),
    ("/v1/joining", GET, joining.joining_machines),
    ("/v1/nodes/{mac}/events", POST, events.take_report),
    ("/v1/nodes/{mac}/arm", POST, nodes.arm),
    ("/v1/nodes/{mac}/disarm", POST, nodes.disarm),
    ("/v1/settle", POST, nodes.settle),
    ("/v1/events", GET, events.stream_events),
    ("/v1/update", POST, omaha.update),
    ("/v1/update/", POST, omaha.update),  # a redirect would turn the POST into a GET
    ("/", READ, status_page.status_page),
    ("/healthz", READ, health.healthz),
    ("/readyz", READ, health.readyz),
    ("/metrics", GET, metrics.metrics),
    ("/ca.pem", READ, served_files.authority),
    ("/assets/{path:path}", READ, served_files.asset),
    ("/{channel}/{version}/{name}", READ, served_files.release_file),
)


def create_app(fleet: Fleet) -> FastAPI:
    """Return the server's application, which answers for the machines of `fleet`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        fleet.store.commits.begin_batches()
        jobs = (watch_files(fleet), KubernetesWatch(fleet).watch(), PresenceWatch(fleet).watch())
        watches = [asyncio.create_task(job) for job in jobs]
        yield
        for watch in watches:
            watch.cancel()
        await fleet.store.commits.end_batches()

    app = FastAPI(
        title="kboot cloud-config server",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.fleet = fleet
    app.state.body_queue = BodyQueue()
    app.add_middleware(Front, fleet=fleet)
    app.add_middleware(KeptAnswers, commits=fleet.store.commits)
    app.add_middleware(RequestLog)
    _add_problems(app)
    for path, methods, handler in ROUTES:
        app.add_api_route(path, handler, methods=methods)
    return app


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def ours(request: Request, fault: ProblemError) -> Response:
        return problem(fault.status, fault.detail)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, fault: HTTPException) -> Response:
        return problem(fault.status_code, str(fault.detail), dict(fault.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, fault: RequestValidationError) -> Response:
        first = fault.errors()[0]
        return problem(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")
