"""Load a description from a file into a ClusterDesc, or raise every problem of the file at once; and write one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .checks import problems_of
from .model import ClusterDesc
from .problem import InvalidDescription, Place, Problem, with_slips
from .shape import broken_keys, faulty_paths, shape_problems
from .source import CHARACTERS_A_NODE, MAX_BYTES, MAX_NODES, plain, read_tree
from .stand_ins import with_stand_ins
from .yaml_writer import dump_data


def load(path: Path) -> ClusterDesc:
    """Return the description in the file `path`; raise InvalidDescription with all its problems."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problem = Problem(Place(str(path)), "", f"cannot be read: {reason}", "`kboot init` writes a description")
        raise InvalidDescription([problem]) from error
    return load_bytes(data, file=str(path))


def load_text(text: str, file: str) -> ClusterDesc:
    """Return the description in `text`; problems name `file` as its place."""
    return load_bytes(text.encode("utf-8", "surrogatepass"), file=file)


def load_bytes(data: bytes, file: str) -> ClusterDesc:
    """Return the description in `data`, UTF-8 text; raise InvalidDescription with all problems, placed in `file`."""
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
        found, broken = shape_problems(error, tree), broken_keys(error, raw)
        rest = with_stand_ins(raw, faulty_paths(error))
        found += problems_of(rest, tree, broken, counted=not problems) if rest else []
        raise InvalidDescription(with_slips(problems, found)) from error
    problems = with_slips(problems, problems_of(desc, tree, counted=not problems))
    if problems:
        raise InvalidDescription(problems)
    # The copy with all defaults has up to seven times as many values, and a value of it forty bytes and more.
    if size_of(raw) > MAX_NODES // 20:
        refuse_unreadable(desc, tree.place)
    return desc


def size_of(data: object) -> int:
    """Return how many nodes a description of `data`, of dict, list and scalars, counts for when it is read."""
    if isinstance(data, dict):
        return 1 + sum(size_of(key) + size_of(value) for key, value in data.items())
    if isinstance(data, list):
        return 1 + sum(map(size_of, data))
    return 1 + (len(data) // CHARACTERS_A_NODE if isinstance(data, str) else 0)


def refuse_unreadable(
    desc: ClusterDesc, place: Place, *, most_nodes: int = MAX_NODES, most_bytes: int = MAX_BYTES
) -> None:
    """Raise InvalidDescription where the copy that `dump` writes would be too large to be read back."""
    data = _data(desc)
    if size_of(data) > most_nodes or len(dump_data(data).encode()) > most_bytes:
        message = (
            f"with all defaults it has more than the {most_nodes} values or {most_bytes} bytes that can be read back"
        )
        raise InvalidDescription([Problem(place, "", message, "describe fewer nodes, or repeat less of each")])


def dump(desc: ClusterDesc) -> bytes:
    """Return the description as YAML that every YAML reader reads back to an equal value."""
    return dump_data(_data(desc)).encode()


def _data(desc: ClusterDesc) -> dict[str, Any]:
    return desc.model_dump(mode="json", by_alias=True, exclude_none=True)
