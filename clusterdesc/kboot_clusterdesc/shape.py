"""Pydantic's errors about the shape of a description, as problems in the operator's words."""

from __future__ import annotations

import difflib
import types
import typing
from ipaddress import IPv4Network
from typing import Any

from pydantic import BaseModel, ValidationError

from .key_slips import missing_blank
from .keys import key_at
from .letters import foreign_letters, shown, with_letters
from .model import ClusterDesc
from .problem import Problem, Steps, dotted
from .source import Tree, key_place, place_of
from .stand_ins import holder_at

_LONGEST = 240
_OTHER_WORDS = {  # what others call a role
    "master": ("control-plane",),
    "controlplane": ("control-plane",),
    "node": ("worker",),
    "minion": ("worker",),
}
_WORDS = {  # for kinds of error whose own message speaks of Python
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "ip_v4_address": "is not an IPv4 address",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "int_type": "is not a whole number",
}


def faulty_paths(error: ValidationError) -> list[Steps]:
    """Return the paths of the faulty values."""
    return [_path(fault) for fault in _faults(error)]


def broken_keys(error: ValidationError, raw: dict[str, Any]) -> set[str]:
    """Return the keys of `raw` whose values are not known: the faulty ones, and those that are probably misspelt.

    An unknown key is a misspelling of the key that it is near to, unless that one is there as well.
    """
    found = set()
    for fault in _faults(error):
        path = _path(fault)
        found.add(dotted(path))
        near = _nearest(path) if fault["type"] == "extra_forbidden" else ""
        holder = holder_at(raw, path)
        if near and not (isinstance(holder, dict) and near in holder):
            found.add(dotted((*path[:-1], near)))
    return found


def shape_problems(error: ValidationError, tree: Tree) -> list[Problem]:
    """Return a problem for each fault, at its place in `tree`."""
    faults = _faults(error)
    misspelt = {(*path[:-1], near) for path in _unknown(faults) if (near := _nearest(path))}
    return [_problem(fault, tree) for fault in faults if fault["type"] != "missing" or _path(fault) not in misspelt]


def _unknown(faults: list[Any]) -> list[Steps]:
    return [_path(fault) for fault in faults if fault["type"] == "extra_forbidden"]


def _faults(error: ValidationError) -> list[Any]:
    """Return pydantic's faults, but for lists that it calls too short since their items are faulty."""
    faults: list[Any] = list(error.errors(include_url=False))
    holders = {_path(fault)[:-1] for fault in faults}
    return [fault for fault in faults if fault["type"] != "too_short" or _path(fault) not in holders]


def _path(fault: Any) -> Steps:
    """Return the path of a fault, without the mark that pydantic sets behind the faulty key of a mapping."""
    *above, last = fault["loc"]
    is_mark = last == "[key]" and fault["type"] != "extra_forbidden"  # an unknown key may be called so
    return tuple(above) if is_mark else (*above, last)


def _problem(fault: Any, tree: Tree) -> Problem:
    path = _path(fault)
    name = _clipped(shown(dotted(path)))
    if fault["type"] == "extra_forbidden":
        letters = foreign_letters(str(path[-1]))
        message = f"unknown key, written with {letters}" if letters else "unknown key"
        return Problem(key_place(tree, path), name, message, _near_key(path))
    key = key_at(path)
    hint = f"write it like `{key.example}`" if key else "`kboot schema` lists every key"
    if fault["type"] == "missing":
        return Problem(place_of(tree, path), name, "is missing", hint)
    if fault.get("input") is None and isinstance(path[-1], str):
        return Problem(key_place(tree, path), name, "a key without a value", _value_for(path) or hint)
    message, better = _message(fault)
    return Problem(place_of(tree, path), name, with_letters(_clipped(message)), better or hint)


def _value_for(path: Steps) -> str:
    """Return the hint for a key without a value whose name the operator chose, such as a label; may be empty."""
    word = str(path[-1])
    if "labels" in path:
        return missing_blank(word) or f'write `{_clipped(word)}: ""` for an empty one'
    return missing_blank(word)


def _message(fault: Any) -> tuple[str, str]:
    """Return what was found, and a hint that fits better than the key's example; empty if there is none."""
    kind, found = fault["type"], fault.get("input")
    quoted = f"`{_clipped(found)}` " if isinstance(found, str) else ""
    if kind == "value_error":
        return str(fault["ctx"]["error"]), ""
    if kind == "enum":
        allowed = _choices(fault["ctx"]["expected"])
        other = [word for word in _OTHER_WORDS.get(str(found).lower(), ()) if word in allowed]
        near = other or difflib.get_close_matches(str(found)[:80], allowed, n=1)
        return f"{quoted}is not one of {', '.join(allowed)}", f"did you mean `{near[0]}`?" if near else ""
    if kind == "ip_v4_network" and isinstance(found, str):
        return f"{quoted}is not a subnet", _whole_subnet(found)
    if kind == "string_pattern_mismatch":
        return f"{quoted}does not fit the pattern `{fault['ctx']['pattern']}`", ""
    if kind in _WORDS:
        is_mapping = kind in ("model_type", "dict_type")
        return quoted + _WORDS[kind], missing_blank(found) if is_mapping and isinstance(found, str) else ""
    text = fault["msg"]
    return f"{quoted}{text[:1].lower()}{text[1:]}", ""


def _choices(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").replace("'", "").split(", ")


def _whole_subnet(found: str) -> str:
    try:
        return f"did you mean `{IPv4Network(found, strict=False)}`?"
    except ValueError:
        return ""


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _near_key(path: Steps) -> str:
    word, known, nearest = str(path[-1])[:_LONGEST], _keys_at(path[:-1]), _nearest(path)
    if missing_blank(word):
        return missing_blank(word)
    if nearest:
        return f"did you mean `{nearest}`?"
    return f"known here: {', '.join(known)}" if known else "`kboot schema` lists every key"


def _nearest(path: Steps) -> str:
    """Return the known key that was probably meant by the unknown one at the end of `path`, empty if there is none."""
    word, known = str(path[-1])[:80], _keys_at(path[:-1])
    near = difflib.get_close_matches(word, known, n=1) or [key for key in known if word in key.split("_")]
    return near[0] if len(near) == 1 else ""


def _keys_at(path: Steps) -> list[str]:
    """Return the keys that the model knows in the mapping at `path`."""
    here: Any = ClusterDesc
    for step in path:
        if isinstance(step, int):
            continue
        fields = here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else {}
        here = _model_in(fields[step].annotation) if step in fields else None
    if not (isinstance(here, type) and issubclass(here, BaseModel)):
        return []
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (tuple, list, typing.Union, types.UnionType, typing.Annotated):
        for argument in typing.get_args(annotation):
            found = _model_in(argument)
            if found is not None:
                return found
    return None
