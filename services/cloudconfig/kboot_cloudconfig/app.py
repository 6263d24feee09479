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
from starlette.types import ASGIApp

from . import (
    boot_script,
    event_stream,
    events,
    health,
    installer,
    joining,
    memory_ignition,
    metrics,
    node_commands,
    node_config,
    nodes,
    omaha,
    omaha_request,
    rollout_control,
    served_files,
    update_agent,
)
from .api import AgentAnswer, FleetState, GateState, LoginCodeState, NodeState, RolloutState
from .body_queue import BodyQueue
from .file_watch import watch_description, watch_files
from .fleet import Fleet
from .front import Front
from .kept_answers import KeptAnswers
from .kubernetes_watch import KubernetesWatch
from .login import WrongCodes
from .notify_watch import NotifyWatch
from .page import actions, login
from .page.answer import own_file, problem_page
from .page.cluster import cluster_page
from .page.events import events_page
from .page.fleet import fleet_page
from .page.machine import machine_page
from .page.rows import Rows
from .page.services import Services
from .presence_watch import PresenceWatch
from .problem import ProblemError, problem
from .request_log import RequestLog
from .rollout_watch import RolloutWatch
from .route import FILE, FORM, GET, POST, READ, Names, Route, Who, Xml, add_route

JSON, TEXT, HTML, XML = "application/json", "text/plain", "text/html", "text/xml"
_MACHINE, _OPERATOR, _OWN = Who.MACHINE, Who.OPERATOR, Names.OWN


def _form(path: str, handler: Callable[..., Any], who: Who = Who.LOGIN) -> Route:
    """Return the route of a form of the page; what it did is seen where it leads to (RFC 9110, 303)."""
    return Route(path, POST, handler, (), who, FORM, 303, _OWN)


# The first that fits answers. docs/http.md says what each is.
ROUTES = (
    Route("/boot.ipxe", READ, boot_script.first_script, TEXT),
    Route("/boot/disk.efi", READ, served_files.disk_loader, FILE, also=(400,)),
    Route("/boot/disk.pxe", READ, served_files.bios_disk_loader, FILE),
    Route("/boot/{name}.efi", READ, served_files.boot_loader, FILE),
    Route("/boot/{mac}.ipxe", READ, boot_script.boot_script, TEXT),
    Route("/boot/{name}", READ, served_files.file_in_force, FILE),
    Route("/pxelinux.cfg/default", READ, boot_script.pxelinux_config, TEXT),
    Route("/pxe.ign", READ, memory_ignition.pxe_ign, JSON, also=(400, 404)),
    Route("/install.sh", READ, installer.install_sh, "text/x-shellscript", also=(400, 404)),
    Route("/ignition/{mac}.json", GET, node_config.ignition, "application/vnd.coreos.ignition+json", _MACHINE),
    Route("/cloud-configs/{mac}.yaml", GET, node_config.cloud_config, "text/yaml", _MACHINE),
    Route("/certs/{mac}/{name}.pem", GET, node_config.certificate, "application/x-pem-file", _MACHINE),
    Route("/v1/nodes", GET, nodes.all_nodes, FleetState, names=_OWN),
    Route("/v1/nodes/{mac}", GET, nodes.one_node, NodeState, names=_OWN),
    Route("/v1/releases", GET, nodes.releases, TEXT, names=_OWN),
    Route("/v1/labels", GET, nodes.labels, TEXT, names=_OWN),
    Route("/v1/joining", GET, joining.joining_machines, TEXT, names=_OWN),
    Route("/v1/nodes/{mac}/update", POST, update_agent.take_word, AgentAnswer, _MACHINE, update_agent.AgentWord),
    Route("/v1/rollout", GET, rollout_control.show, RolloutState, names=_OWN),
    Route(
        "/v1/rollout/start",
        POST,
        rollout_control.start,
        RolloutState,
        _OPERATOR,
        rollout_control.StartWord,
        also=(409,),
    ),
    Route("/v1/rollout/pause", POST, rollout_control.pause, RolloutState, _OPERATOR, rollout_control.PauseWord),
    Route(
        "/v1/rollout/resume",
        POST,
        rollout_control.resume,
        RolloutState,
        _OPERATOR,
        rollout_control.ResumeWord,
        also=(404, 409),
    ),
    Route(
        "/v1/rollout/hold",
        POST,
        rollout_control.hold,
        RolloutState,
        _OPERATOR,
        rollout_control.HoldWord,
        also=(404, 409),
    ),
    Route("/v1/rollout/gate", POST, rollout_control.gate, GateState, _OPERATOR, rollout_control.GateWord),
    Route("/v1/nodes/{mac}/events", POST, events.take_report, (), _MACHINE, events.Report, 204),
    Route("/v1/nodes/{mac}/arm", POST, node_commands.arm, NodeState, _OPERATOR, also=(409,)),
    Route("/v1/nodes/{mac}/disarm", POST, node_commands.disarm, NodeState, _OPERATOR),
    Route("/v1/nodes/{mac}/forget", POST, node_commands.forget, (), _OPERATOR, also=(409,), status=204),
    Route("/v1/settle", POST, node_commands.settle, FleetState, _OPERATOR),
    Route("/v1/login", POST, login.make_code, LoginCodeState, _OPERATOR),
    Route("/v1/logout", POST, login.end_logins, (), _OPERATOR, status=204),
    Route("/v1/events", GET, event_stream.stream_events, "text/event-stream", names=_OWN, also=(400, 404)),
    Route("/v1/update", POST, omaha.update, XML, takes=Xml(omaha_request.SHAPE)),
    Route(
        "/v1/update/", POST, omaha.update, XML, takes=Xml(omaha_request.SHAPE)
    ),  # a redirect would turn the POST into a GET
    Route("/", READ, fleet_page, HTML, names=_OWN, also=(400,)),
    Route("/machines/{mac}", READ, machine_page, HTML, names=_OWN),
    Route("/cluster", READ, cluster_page, HTML, names=_OWN),
    Route("/events", READ, events_page, HTML, names=_OWN, also=(400,)),
    Route("/login", READ, login.login_page, HTML, names=_OWN, also=(400,)),
    _form("/login", login.log_in, Who.ANYONE),
    _form("/logout", login.log_out),
    _form("/machines/{mac}/arm", actions.arm_by_form),
    _form("/machines/{mac}/disarm", actions.disarm_by_form),
    _form("/machines/{mac}/forget", actions.forget_by_form),
    _form("/rollout/start", actions.start_by_form),
    _form("/rollout/pause", actions.pause_by_form),
    _form("/rollout/resume", actions.resume_by_form),
    Route("/page/{name}", READ, own_file, ("text/javascript", "text/css"), names=_OWN, also=(404,)),
    Route("/healthz", READ, health.healthz, TEXT),
    Route("/readyz", READ, health.readyz, TEXT),
    Route("/metrics", READ, metrics.metrics, (TEXT, "application/openmetrics-text"), names=_OWN),
    Route("/ca.pem", READ, served_files.authority, FILE),
    Route("/assets/{path:path}", READ, served_files.asset, FILE),
    Route("/{channel}/{version}/{name}", READ, served_files.release_file, FILE),
)


def answering(fleet: Fleet) -> ASGIApp:
    """Return what answers for the machines of `fleet`: the application, behind who answers what is asked most."""
    return Front(create_app(fleet), fleet)


def create_app(fleet: Fleet) -> FastAPI:
    """Return the application, which knows every route."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        fleet.store.commits.begin_batches()
        watched = (KubernetesWatch(fleet), PresenceWatch(fleet), RolloutWatch(fleet), NotifyWatch(fleet))
        jobs = (watch_files(fleet), watch_description(fleet), *(each.watch() for each in watched))
        watches = [asyncio.create_task(job) for job in jobs]
        yield
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)  # none may write once the next server begins
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
    app.state.rows, app.state.services, app.state.wrong_codes = Rows(fleet), Services(), WrongCodes()
    app.add_middleware(KeptAnswers, commits=fleet.store.commits)
    app.add_middleware(RequestLog, observed=fleet.observed)
    _add_problems(app)
    for route in ROUTES:
        add_route(app, route)
    return app


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def ours(request: Request, fault: ProblemError) -> Response:
        return problem_page(request, fault) or problem(fault.status, fault.detail)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, fault: HTTPException) -> Response:
        if fault.status_code == 404 and (answer := problem_page(request, ProblemError(404, "no such page"))):
            return answer
        return problem(fault.status_code, str(fault.detail), dict(fault.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, fault: RequestValidationError) -> Response:
        first = fault.errors()[0]
        return problem(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")
