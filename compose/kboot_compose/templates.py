"""The Jinja2 set-up of the templates: each lies at the path of its output, and a missing value is an error."""

from __future__ import annotations

import json
import shlex
from functools import cache, lru_cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from jinja2.meta import find_referenced_templates, find_undeclared_variables


def _source(name: str) -> str | None:
    template = files("kboot_compose").joinpath(name)
    return template.read_text() if template.is_file() else None


def _unit_text(value: object) -> str:
    return str(value).replace("%", "%%")


def _unit_word(value: object) -> str:
    escaped = _unit_text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_ENVIRONMENT = Environment(  # noqa: S701 - configuration and scripts, never HTML
    loader=FunctionLoader(_source),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Compose expands `$` in every value, so it is doubled; YAML reads JSON's quoted strings.
_ENVIRONMENT.filters["text"] = lambda value: json.dumps(str(value).replace("$", "$$"), ensure_ascii=False)
_ENVIRONMENT.filters["json"] = json.dumps
_ENVIRONMENT.filters["sh_quote"] = lambda value: shlex.quote(str(value))
# systemd.unit(5), systemd.service(5): `%` begins a specifier, words are quoted as in C, `$` expands in commands alone.
_ENVIRONMENT.filters["unit_text"] = _unit_text
_ENVIRONMENT.filters["unit_word"] = _unit_word
_ENVIRONMENT.filters["exec_word"] = lambda value: _unit_word(str(value).replace("$", "$$"))


def rendered(template: str, **values: object) -> bytes:
    """Return the output of a template of `kboot_compose` for these values."""
    return _ENVIRONMENT.get_template(template).render(**values).encode()


def shared(template: str, **values: object) -> bytes:
    """Return the same as `rendered`, and keep it: for what thousands of machines are given alike.

    The values that the template names tell one output from another; they have to be hashable.
    """
    names = names_in(_ENVIRONMENT, template)
    return _kept(_ENVIRONMENT, template, **{name: value for name, value in values.items() if name in names})


@lru_cache(1024, typed=True)
def _kept(environment: Environment, template: str, /, **values: object) -> bytes:
    return environment.get_template(template).render(**values).encode()


@cache
def names_in(environment: Environment, template: str) -> frozenset[str]:
    """Return the values that an output depends on: those that a template names, or one that it includes."""
    assert environment.loader is not None  # noqa: S101 - of ours each has one
    tree = environment.parse(environment.loader.get_source(environment, template)[0])
    included = (names_in(environment, name) for name in find_referenced_templates(tree) if name is not None)
    return frozenset(find_undeclared_variables(tree)).union(environment.globals, *included)
