"""From a file to a ClusterDesc, or to every problem of it at once."""

from __future__ import annotations

import difflib
import types
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from .checks import problems_of
from .model import ClusterDesc
from .problem import InvalidDescription, Place, Problem
from .source import Tree, place_of, plain, read_tree

Path_ = tuple[str | int, ...]


def load(path: Path) -> ClusterDesc:
    """The description in `path`; raises InvalidDescription with all its problems."""
    try:
        data = path.read_bytes()
    except OSError as error:
        place = Place(str(path), 1, 1)
        raise InvalidDescription(
            [Problem(place, "", f"cannot be read: {error.strerror}", "`kboot init` writes a description")]
        ) from error
    return load_bytes(data, file=str(path))


def load_text(text: str, file: str) -> ClusterDesc:
    """The description in `text`; `file` is what problems call it."""
    return load_bytes(text.encode("utf-8", "surrogatepass"), file=file)


def load_bytes(data: bytes, file: str) -> ClusterDesc:
    """The description in `data`, which must be UTF-8."""
    tree, problems = read_tree(data, file)
    raw = plain(tree)
    if not isinstance(raw, dict):
        raise InvalidDescription(
            [
                *problems,
                Problem(
                    tree.place, "", "a description is a mapping", "it begins with `apiVersion: kboot/v1`"
                ),
            ]
        )
    try:
        desc = ClusterDesc.model_validate(raw)
    except ValidationError as error:
        problems += _shape_problems(error, tree)
        sound = _without_faults(raw, error)
        if sound is not None:
            problems += problems_of(sound, tree, whole=False)
        raise InvalidDescription(problems) from error
    problems += problems_of(desc, tree, whole=True)
    if problems:
        raise InvalidDescription(problems)
    return desc


def dump(desc: ClusterDesc) -> bytes:
    """The description as YAML that reads back to an equal value; every text is quoted, so any YAML reader agrees."""
    data = desc.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=10_000).encode()


class _Quoting(yaml.SafeDumper):
    """Quotes every value; keys stay bare unless a reader could mistake them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if len(text) > 1 and text.isidentifier() and yaml.safe_load(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Quoting.add_representer(str, _represent_text)


def _dotted(path: Path_) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _clean(location: Path_) -> Path_:
    """pydantic's location without the marks it sets at the keys of a mapping."""
    return tuple(step for step in location if step != "[key]")


def _shape_problems(error: ValidationError, tree: Tree) -> list[Problem]:
    return [_shape_problem(fault, tree) for fault in error.errors(include_url=False)]


def _shape_problem(fault: Any, tree: Tree) -> Problem:
    path = _clean(fault["loc"])
    kind = fault["type"]
    found = fault.get("input")
    place = place_of(tree, path)
    if kind == "missing":
        return Problem(
            place,
            _dotted(path),
            "is missing",
            "`kboot schema` lists every key, `kboot init` writes an example",
        )
    if kind == "extra_forbidden":
        known = _keys_at(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
        return Problem(_key_place(tree, path), _dotted(path), "unknown key", hint)
    if kind == "value_error":
        return Problem(place, _dotted(path), str(fault["ctx"]["error"]))
    if kind == "enum":
        return Problem(place, _dotted(path), f"`{found}` is not one of {fault['ctx']['expected']}")
    shown = f"`{found}`: " if isinstance(found, str) else ""
    return Problem(place, _dotted(path), f"{shown}{fault['msg'][:1].lower()}{fault['msg'][1:]}")


def _key_place(tree: Tree, path: Path_) -> Place:
    from .source import Mapping, Sequence

    here = tree
    for step in path[:-1]:
        if isinstance(here, Mapping) and str(step) in here.items:
            here = here.items[str(step)]
        elif isinstance(here, Sequence) and isinstance(step, int) and step < len(here.items):
            here = here.items[step]
        else:
            break
    if isinstance(here, Mapping):
        return here.keys.get(str(path[-1]), here.place)
    return here.place


def _keys_at(path: Path_) -> list[str]:
    """The keys that the model knows at `path`."""
    here: Any = ClusterDesc
    for step in path:
        if isinstance(step, int):
            continue
        fields = here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else {}
        here = _model_in(fields[str(step)].annotation) if str(step) in fields else None
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


def _without_faults(raw: dict[str, Any], error: ValidationError) -> ClusterDesc | None:
    """The description with its faulty values taken out, so that the rest can be checked too; None if too little is left."""
    faults = sorted(
        {_clean(fault["loc"]) for fault in error.errors(include_url=False)}, key=str, reverse=True
    )
    for path in faults:
        holder: Any = raw
        for step in path[:-1]:
            try:
                holder = holder[step]
            except (KeyError, IndexError, TypeError):
                holder = None
                break
        if isinstance(holder, dict):
            holder.pop(path[-1], None)
    nodes = raw.get("nodes")
    for i, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(node, dict):  # stand-ins, so that a node's place in the list stays what it is
            node.setdefault("mac", f"02:ff:ff:ff:{i >> 8 & 255:02x}:{i & 255:02x}")
            if not node.get("roles"):
                node["roles"] = ["worker"]
    try:
        return ClusterDesc.model_validate(raw)
    except ValidationError:
        return None
