"""A route of the server: who may ask it, and what it answers, for the router and for the page of the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from .api import EventState, ProblemState
from .caller import check_name

READ, GET, POST = ("GET", "HEAD"), ("GET",), ("POST",)
FILE = "application/octet-stream"  # a file as it lies there, with Range and ETag
FORM = "application/x-www-form-urlencoded"  # of the page; HTML's
_SCHEMAS = "#/components/schemas/{model}"
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")  # its answer to what is malformed, which is none of ours
_FAULTS = {  # status to name and description
    "400": ("Malformed", "Malformed: `detail` says what."),
    "403": ("Refused", "Refused: `detail` says why."),
    "404": ("Unknown", "There is no such thing."),
    "409": ("Conflict", "Not as things stand: `detail` says why."),
    "413": ("TooLarge", "The body is too large."),
    "416": ("NoSuchPart", "The file has no such part."),
    "421": ("ForeignName", "Asked for under a name that is not the bootstrapper's: `detail` has the address."),
    "5XX": ("Unable", "A fault of the server (500), or it is not ready yet (503): `detail` says why."),
}


class Who(StrEnum):
    """Who may ask."""

    ANYONE = "anyone"
    MACHINE = "the machine"
    OPERATOR = "the operator"
    LOGIN = "a login"


class Names(StrEnum):
    """Under which names a route is answered, by the header `Host`."""

    ANY = "any"  # a machine's firmware and OS ask by whatever name they were told
    OWN = "the bootstrapper's own"  # for people and their programs: no foreign page is to read it by its own name


@dataclass(frozen=True, slots=True)
class Xml:
    """A body in XML, by its shape in the page of the API."""

    shape: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A path, who may ask for it, what answers, and the form of that answer: a shape of JSON, else media types."""

    path: str
    methods: tuple[str, ...]
    handler: Callable[..., Any]
    answers: type | str | tuple[str, ...]
    who: Who = Who.ANYONE
    takes: type[BaseModel] | Xml | str | None = None  # the body; FORM for a form of the page
    status: int = 200
    names: Names = Names.ANY
    also: tuple[int, ...] = ()  # faults of its own

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types of a good answer that is no shape of JSON."""
        if isinstance(self.answers, type):
            return ()
        return self.answers if isinstance(self.answers, tuple) else (self.answers,)

    @property
    def faults(self) -> list[int]:
        """The statuses of the faults that the caller can make."""
        found = set(self.also)
        found |= {400, 404} if "{mac}" in self.path else set()
        found |= {400, 413} if self.takes else set()
        found |= {403} if self.who is not Who.ANYONE else set()
        found |= {404, 416} if self.answers == FILE else set()
        found |= {421} if self.is_for_people else set()
        return sorted(found)

    @property
    def is_form(self) -> bool:
        """Whether it takes a form of the page, and so is no interface for programs."""
        return self.takes == FORM

    @property
    def is_for_people(self) -> bool:
        """Whether it is answered under names of the bootstrapper and addresses alone."""
        return self.names is Names.OWN or self.who is Who.OPERATOR


def add_route(app: FastAPI, route: Route, methods: tuple[str, ...] | None = None) -> None:
    """Add a route to an application, which says of it what the page of the API needs."""
    app.add_api_route(
        route.path,
        route.handler,
        methods=list(methods or route.methods),
        response_model=route.answers if isinstance(route.answers, type) else None,
        status_code=route.status,
        responses=_answers(route),
        tags=[route.who.value],
        openapi_extra=_extra(route),
        dependencies=[Depends(check_name)] if route.is_for_people else [],
    )


def _answers(route: Route) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {media_type: {} for media_type in route.media_types}
    answers: dict[int | str, dict[str, Any]] = {
        route.status: {"description": "Done."} | ({"content": content} if content else {})
    }
    if route.answers == FILE:
        answers[206] = {"description": "Parts of it.", "content": {**content, "multipart/byteranges": {}}}
        answers[304] = {"description": "It has not changed."}
    return answers


def api_page(routes: tuple[Route, ...]) -> dict[str, Any]:
    """Return the OpenAPI document of `routes`, without the forms of the page.

    HEAD is left out: it answers as GET does, without the body.
    """
    app = FastAPI(title="kboot cloud-config server", version="v1", generate_unique_id_function=lambda route: route.name)
    for route in routes:
        if not route.is_form and (
            not route.path.endswith("/") or route.path == "/"
        ):  # the same again for who writes a slash more
            add_route(app, route, tuple(method for method in route.methods if method != "HEAD"))
    page = app.openapi()
    bodies = [route.takes for route in routes if isinstance(route.takes, type)]
    _, schemas = models_json_schema([(body, "validation") for body in bodies], ref_template=_SCHEMAS)
    event = TypeAdapter(EventState).json_schema(ref_template=_SCHEMAS)  # in a stream, where OpenAPI finds none
    fault = TypeAdapter(ProblemState).json_schema(ref_template=_SCHEMAS)
    named = {"EventState": event, "ProblemState": fault}
    page["components"]["schemas"] |= schemas["$defs"] | named | event.pop("$defs")
    page["components"]["schemas"] = {
        name: schema for name, schema in sorted(page["components"]["schemas"].items()) if name not in _OF_FASTAPI
    }
    page["components"]["responses"] = {name: _fault(description) for name, description in _FAULTS.values()}
    page["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "of the operator, or of a machine; HTTPS alone"}
    }
    for path in page["paths"].values():
        for operation in path.values():
            _mend(operation)
    return page


def _fault(description: str) -> dict[str, Any]:
    schema = {"$ref": _SCHEMAS.format(model="ProblemState")}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _extra(route: Route) -> dict[str, Any]:
    extra: dict[str, Any] = {
        "responses": {
            status: {"$ref": f"#/components/responses/{_FAULTS[status][0]}"}
            for status in [*map(str, route.faults), "5XX"]
        }
    }
    if route.who is not Who.ANYONE:
        extra["security"] = [{"token": []}]
    if isinstance(route.takes, Xml):
        extra["requestBody"] = {"required": True, "content": {"text/xml": {"schema": route.takes.shape}}}
    elif isinstance(route.takes, type):
        schema = {"$ref": _SCHEMAS.format(model=route.takes.__name__)}
        is_required = any(field.is_required() for field in route.takes.model_fields.values())
        extra["requestBody"] = {"required": is_required, "content": {"application/json": {"schema": schema}}}
    if route.answers == FILE:
        extra["parameters"] = [_header("Range", "bytes=0-99"), _header("If-None-Match", '"18a2f-4e20"')]
    return extra


def _header(name: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "example": example}


def _mend(operation: dict[str, Any]) -> None:
    """Say what FastAPI cannot know: faults are problem details, and what is no JSON has no schema of it."""
    operation["summary"], _, operation["description"] = operation["description"].partition("\n\n")
    answers = operation["responses"]
    answers.pop("422", None)  # malformed is 400 here
    for answer in answers.values():
        content = answer.get("content", {})
        if len(content) > 1:
            content.pop("application/json", None)
