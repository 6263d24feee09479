"""The route table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from kboot_clusterdesc import family_of, shared_files

from . import (
    boot_script,
    events,
    installer,
    joining,
    metrics,
    node_config,
    nodes,
    omaha,
    served_files,
    status_page,
)
from .body_queue import BodyQueue
from .caller import address_of, mac_of, small_body
from .fleet import Fleet
from .kubernetes_watch import KubernetesWatch
from .problem import ProblemError, problem
from .releases import release_in_force
from .request_log import RequestLog

READ = ["GET", "HEAD"]
_NEVER_KEPT = {"cache-control": "no-store"}


def create_app(fleet: Fleet) -> FastAPI:
    """Return the server's application, which answers for the machines of `fleet`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watches = [asyncio.create_task(watch) for watch in (fleet.watch(), KubernetesWatch(fleet).watch())]
        yield
        for watch in watches:
            watch.cancel()

    app = FastAPI(
        title="kboot cloud-config server",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.body_queue = BodyQueue()
    app.add_middleware(RequestLog)
    _add_problems(app)
    _add_boot(app, fleet)
    _add_secrets(app, fleet)
    _add_state(app, fleet)
    _add_health(app, fleet)
    _add_files(app, fleet)
    return app


def _mover(request: Request) -> IPv4Address | None:
    """Return the caller's address where the request may change a machine's state; None for a HEAD."""
    return address_of(request) if request.method == "GET" else None


def _add_boot(app: FastAPI, fleet: Fleet) -> None:
    @app.api_route("/boot.ipxe", methods=READ)
    async def first_script() -> Response:
        return PlainTextResponse(boot_script.first_script(fleet), headers=_NEVER_KEPT)

    @app.api_route("/boot/{name}.efi", methods=READ)
    async def loader(request: Request, name: str) -> Response:
        return served_files.file_response(request, fleet.settings.disk_loader.parent, f"{name}.efi")

    @app.api_route("/boot/{mac}.ipxe", methods=READ)
    async def machine_script(request: Request, mac: str) -> Response:
        script = boot_script.boot_script(fleet, mac_of(mac), _mover(request))
        return PlainTextResponse(script, headers=_NEVER_KEPT)

    @app.api_route("/boot/{name}", methods=READ)
    async def release_in_force_file(request: Request, name: str) -> Response:
        """Return a kernel or initrd of the release in force, for pxelinux.cfg/default, which names no release."""
        desc = fleet.desc()
        names = family_of(desc.os.family)
        if name not in (names.kernel, names.initrd):
            raise ProblemError(404, "no such file")
        release = release_in_force(fleet.settings.images, desc)
        if release is None:
            raise ProblemError(503, "no OS release is in the store yet")
        path = f"{desc.os.channel}/{release}/{name}"
        return served_files.file_response(request, fleet.settings.images, path)

    @app.api_route("/pxelinux.cfg/default", methods=READ)
    async def pxelinux(request: Request) -> Response:
        config = boot_script.pxelinux_config(fleet, address_of(request), moves=request.method == "GET")
        return PlainTextResponse(config, headers=_NEVER_KEPT)

    @app.api_route("/install.sh", methods=READ)
    async def install(request: Request, mac: str | None = None) -> Response:
        address = address_of(request)
        machine = mac_of(mac) if mac is not None else fleet.machine_at(address)
        if machine is None:
            raise ProblemError(404, "no machine has this address: ask with ?mac=")
        script = installer.install_script(fleet, machine, _mover(request))
        return PlainTextResponse(script, media_type="text/x-shellscript", headers=_NEVER_KEPT)


def _add_secrets(app: FastAPI, fleet: Fleet) -> None:
    def answer(request: Request, mac: str, name: str, media_type: str) -> Response:
        content = node_config.node_config(fleet, request, mac_of(mac), name)
        return Response(content, media_type=media_type, headers=_NEVER_KEPT)

    @app.get("/ignition/{mac}.json")
    async def ignition(request: Request, mac: str) -> Response:
        return answer(request, mac, shared_files.IGNITION, "application/vnd.coreos.ignition+json")

    @app.get("/cloud-configs/{mac}.yaml")
    async def cloud_config(request: Request, mac: str) -> Response:
        return answer(request, mac, shared_files.CLOUD_CONFIG, "text/yaml")

    @app.get("/certs/{mac}/{name}.pem")
    async def certificate(request: Request, mac: str, name: str) -> Response:
        content = node_config.certificate(fleet, request, mac_of(mac), name)
        return Response(content, media_type="application/x-pem-file", headers=_NEVER_KEPT)


def _add_state(app: FastAPI, fleet: Fleet) -> None:
    @app.get("/v1/nodes")
    async def all_nodes() -> dict[str, Any]:
        return nodes.fleet_state(fleet)

    @app.get("/v1/nodes/{mac}")
    async def one_node(mac: str) -> dict[str, Any]:
        return nodes.node_state(fleet, fleet.node(mac_of(mac)))

    @app.get("/v1/labels")
    async def labels() -> Response:
        return PlainTextResponse(nodes.labels_text(fleet), headers=_NEVER_KEPT)

    @app.get("/v1/joining")
    async def joining_machines() -> Response:
        return PlainTextResponse(joining.joining_text(fleet), headers=_NEVER_KEPT)

    @app.post("/v1/nodes/{mac}/events")
    async def report(request: Request, mac: str) -> Response:
        await events.take_report(fleet, request, mac_of(mac))
        return Response(status_code=204)

    @app.post("/v1/nodes/{mac}/arm")
    async def arm(request: Request, mac: str) -> dict[str, Any]:
        return nodes.set_armed(fleet, request, mac_of(mac), armed=True)

    @app.post("/v1/nodes/{mac}/disarm")
    async def disarm(request: Request, mac: str) -> dict[str, Any]:
        return nodes.set_armed(fleet, request, mac_of(mac), armed=False)

    @app.post("/v1/settle")
    async def settle(request: Request) -> dict[str, Any]:
        return nodes.settle(fleet, request)

    @app.get("/v1/events")
    async def stream(request: Request, after: Annotated[int | None, Query(ge=0, le=1 << 62)] = None) -> Response:
        body = events.event_stream(fleet, request, events.first_wanted(fleet, request, after))
        return StreamingResponse(body, media_type="text/event-stream", headers=_NEVER_KEPT)

    async def update(request: Request) -> Response:
        body = omaha.update_answer(fleet, await small_body(request), address_of(request))
        return Response(body, media_type="text/xml")

    for path in ("/v1/update", "/v1/update/"):  # a redirect would turn the POST into a GET
        app.add_api_route(path, update, methods=["POST"])

    @app.api_route("/", methods=READ)
    async def page() -> Response:
        return HTMLResponse(status_page.status_page(nodes.fleet_state(fleet)), headers=_NEVER_KEPT)


def _add_health(app: FastAPI, fleet: Fleet) -> None:
    @app.api_route("/healthz", methods=READ)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.api_route("/readyz", methods=READ)
    async def readyz() -> Response:
        """Return 200 when the description can be read and the database written."""
        fleet.desc()
        fleet.store.check()
        return PlainTextResponse("ok\n")

    @app.get("/metrics")
    async def metrics_page() -> Response:
        return PlainTextResponse(metrics.metrics_text(fleet), media_type="text/plain; version=0.0.4")


def _add_files(app: FastAPI, fleet: Fleet) -> None:
    @app.api_route("/ca.pem", methods=READ)
    async def authority(request: Request) -> Response:
        return served_files.file_response(request, fleet.settings.config, shared_files.AUTHORITY)

    @app.api_route("/assets/{path:path}", methods=READ)
    async def asset(request: Request, path: str) -> Response:
        return served_files.file_response(request, fleet.settings.data / "assets", path)

    @app.api_route("/{channel}/{version}/{name}", methods=READ)
    async def release_file(request: Request, channel: str, version: str, name: str) -> Response:
        path = f"{channel}/{version}/{name}"
        if any(part.startswith(".") for part in (channel, version, name)):  # the updater's unfinished downloads
            raise ProblemError(404, "no such file")
        return served_files.file_response(request, fleet.settings.images, path)


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
