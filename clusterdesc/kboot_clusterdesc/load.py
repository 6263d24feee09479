"""From a file to a ClusterDesc, or to every problem of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .checks import problems_of
from .model import ClusterDesc
from .problem import InvalidDescription, Place, Problem, Steps, dotted, with_slips
from .shape import faulty_paths, shape_problems
from .source import MAX_BYTES, Tree, plain, read_tree

_GONE = object()  # stands for a faulty item until its list is swept


def load(path: Path) -> ClusterDesc:
    """The description in `path`; raises InvalidDescription with all its problems."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        place = Place(str(path), 1, 1)
        raise InvalidDescription(
            [Problem(place, "", f"cannot be read: {reason}", "`kboot init` writes a description")]
        ) from error
    return load_bytes(data, file=str(path))


def load_text(text: str, file: str) -> ClusterDesc:
    """The description in `text`; `file` is what problems call it."""
    return load_bytes(text.encode("utf-8", "surrogatepass"), file=file)


def load_bytes(data: bytes, file: str) -> ClusterDesc:
    """The description in `data`, which must be UTF-8."""
    tree, problems = read_tree(data, file)
    raw = plain(tree)
    if raw is None:
        raise InvalidDescription([Problem(tree.place, "", "the file is empty", "`kboot init` writes a description")])
    if not isinstance(raw, dict):
        fault = Problem(tree.place, "", "a description is a mapping", "it begins with `apiVersion: kboot/v1`")
        raise InvalidDescription([*problems, fault])
    try:
        desc = ClusterDesc.model_validate(raw)
    except ValidationError as error:
        found = shape_problems(error, tree)
        found += _other_problems(raw, faulty_paths(error), tree, complete=not problems)
        raise InvalidDescription(with_slips(problems, found)) from error
    problems = with_slips(problems, problems_of(desc, tree, whole=not problems))
    if problems:
        raise InvalidDescription(problems)
    return desc


def dump(desc: ClusterDesc) -> bytes:
    """The description as YAML that reads back to an equal value, with every YAML reader."""
    return dump_data(desc.model_dump(mode="json", by_alias=True, exclude_none=True)).encode()


def dump_data(data: object) -> str:
    """`data` as YAML whose texts are quoted wherever a YAML reader could take them for something else."""
    return yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=10_000)


class _Quoting(yaml.SafeDumper):
    """Quotes every text but plain words."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    words = text.replace("-", "_")
    bare = len(text) > 1 and text.isascii() and words.isidentifier() and yaml.safe_load(text) == text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


_Quoting.add_representer(str, _represent_text)


def _other_problems(raw: dict[str, Any], faults: list[Steps], tree: Tree, *, complete: bool) -> list[Problem]:
    """The problems of the rest of a description whose values at `faults` have not their shape."""
    sound = _without(raw, faults)
    if sound is None:
        return []
    counted = complete and not any(path[0] == "nodes" and (len(path) < 3 or path[2] == "roles") for path in faults)
    known = {dotted(path) for path in faults}
    return [problem for problem in problems_of(sound, tree, whole=counted) if problem.key not in known]


def _without(raw: dict[str, Any], faults: list[Steps]) -> ClusterDesc | None:
    """The description with stand-ins for its faulty values; None if too little is left."""
    for path in faults:
        holder = _holder(raw, path)
        if isinstance(holder, dict):
            holder.pop(path[-1], None)
        elif isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder):
            holder[path[-1]] = {} if path[0] == "nodes" and len(path) == 2 else _GONE
    _sweep(raw)
    _stand_in(raw)
    try:
        return ClusterDesc.model_validate(raw)
    except ValidationError:
        return None


def _holder(raw: dict[str, Any], path: Steps) -> object:
    here: Any = raw
    for step in path[:-1]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    return here


def _sweep(value: object) -> None:
    if isinstance(value, list):
        value[:] = [item for item in value if item is not _GONE]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _sweep(item)


def _stand_in(raw: dict[str, Any]) -> None:
    """Fill in what every description has, with values that no check minds."""
    _fill(raw, "apiVersion", "kboot/v1")
    for key, values in (
        ("cluster", {"name": "unknown", "domain": "unknown.invalid"}),
        ("network", {"bootstrapper": "0.0.0.1", "subnet": "0.0.0.0/0", "dhcp": {"mode": "off"}}),
    ):
        part = _fill(raw, key, {})
        if isinstance(part, dict):
            for name, value in values.items():
                _fill(part, name, value)
    nodes = raw.get("nodes")
    for i, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(node, dict):  # a node's place in the list must stay what it is
            _fill(node, "mac", f"02:ff:ff:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}")
            if not node.get("roles"):
                node["roles"] = ["worker"]


def _fill(part: dict[str, Any], key: str, value: object) -> object:
    """What stands at `key`, which is `value` if nothing stood there."""
    if part.get(key) is None:
        part[key] = value
    return part[key]
