"""A route of the server: who may ask it, and what it answers, for the router and for the page of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from .api import EventState, ProblemState

READ, GET, POST = ("GET", "HEAD"), ("GET",), ("POST",)
_SCHEMAS = "#/components/schemas/{model}"


class Who(StrEnum):
    """Who may ask."""

    ANYONE = "anyone"
    MACHINE = "the machine"
    OPERATOR = "the operator"


@dataclass(frozen=True, slots=True)
class Route:
    """A path, who may ask for it, what answers, and the form of that answer: a shape of JSON, else a media type."""

    path: str
    methods: tuple[str, ...]
    handler: Callable[..., Any]
    answers: type | str
    who: Who = Who.ANYONE
    takes: type[BaseModel] | str | None = None  # the body: a model of it, else its media type
    status: int = 200


def add_route(app: FastAPI, route: Route, methods: tuple[str, ...] | None = None) -> None:
    """Add a route to an application, which says of it what the page of the API needs."""
    model, media_type = (route.answers, "") if isinstance(route.answers, type) else (None, route.answers)
    good: dict[str, Any] = {"content": {media_type: {}}} if media_type else {}
    fault = {"model": ProblemState, "description": "A fault: `title` and `detail` say which."}
    app.add_api_route(
        route.path,
        route.handler,
        methods=list(methods or route.methods),
        response_model=model,
        status_code=route.status,
        responses={route.status: {"description": "Done.", **good}, "default": fault},
        tags=[route.who.value],
        openapi_extra=_extra(route),
    )


def api_page(routes: tuple[Route, ...]) -> dict[str, Any]:
    """Return the OpenAPI document of `routes`. HEAD is left out: it answers as GET does, without the body."""
    app = FastAPI(title="kboot cloud-config server", version="v1", generate_unique_id_function=lambda route: route.name)
    for route in routes:
        if not route.path.endswith("/") or route.path == "/":  # the same again for who writes a slash more
            add_route(app, route, tuple(method for method in route.methods if method != "HEAD"))
    page = app.openapi()
    bodies = [route.takes for route in routes if isinstance(route.takes, type)]
    _, schemas = models_json_schema([(body, "validation") for body in bodies], ref_template=_SCHEMAS)
    event = TypeAdapter(EventState).json_schema(ref_template=_SCHEMAS)  # in a stream, where OpenAPI finds none
    page["components"]["schemas"] |= schemas["$defs"] | {"EventState": event} | event.pop("$defs")
    page["components"]["schemas"] = dict(sorted(page["components"]["schemas"].items()))
    page["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "of the operator, or of a machine; HTTPS alone"}
    }
    for path in page["paths"].values():
        for operation in path.values():
            _mend(operation)
    return page


def _extra(route: Route) -> dict[str, Any]:
    extra: dict[str, Any] = {} if route.who is Who.ANYONE else {"security": [{"token": []}]}
    if isinstance(route.takes, str):
        extra["requestBody"] = {"required": True, "content": {route.takes: {}}}
    elif route.takes is not None:
        schema = {"$ref": _SCHEMAS.format(model=route.takes.__name__)}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return extra


def _mend(operation: dict[str, Any]) -> None:
    """Say what FastAPI cannot know: faults are problem details, and what is no JSON has no schema of it."""
    operation["summary"], _, operation["description"] = operation["description"].partition("\n\n")
    answers = operation["responses"]
    answers.pop("422", None)  # malformed is 400 here, and a fault as any
    default = answers["default"]["content"]
    answers["default"]["content"] = {"application/problem+json": default["application/json"]}
    for status, answer in answers.items():
        content = answer.get("content", {})
        if status != "default" and len(content) > 1:
            content.pop("application/json")
