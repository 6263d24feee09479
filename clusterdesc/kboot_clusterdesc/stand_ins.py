"""Stand-ins for the values of a description that could not be read, so that the others can be checked in the same run.

A stand-in has the shape of its key and no meaning: no problem that follows from one is reported, see `checks.all`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from .model import ClusterDesc
from .problem import Steps

_ADDRESS, _ROLE, _TAINT = "192.0.2.1", "worker", "unknown:NoSchedule"
# The keys without a default, and the lists whose items the checks know by their place.
_REQUIRED: dict[tuple[str, ...], str] = {
    ("apiVersion",): "kboot/v1",
    ("cluster", "name"): "unknown",
    ("cluster", "domain"): "unknown.invalid",
    ("network", "bootstrapper"): _ADDRESS,
    ("network", "subnet"): "192.0.2.0/24",
}
_ITEMS = {
    "routers": _ADDRESS,
    "nameservers": _ADDRESS,
    "upstream_dns": _ADDRESS,
    "ntp": _ADDRESS,
    "roles": _ROLE,
    "taints": _TAINT,
}
_GONE = object()  # marks an item of any other list until the list is swept


def with_stand_ins(raw: dict[str, Any], faults: list[Steps]) -> ClusterDesc | None:
    """Return the description in `raw` with stand-ins for its values at `faults`; None if too little is left.

    `raw` is changed on the way.
    """
    for path in faults:
        _take_out(raw, _with_its_links(path))
    _sweep(raw)
    for path, value in _REQUIRED.items():
        _fill(raw, path, value)
    nodes = raw.get("nodes")
    for i, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(node, dict):
            _fill(node, ("mac",), f"02:ff:ff:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}")
            node["roles"] = node.get("roles") or [_ROLE]
    try:
        return ClusterDesc.model_validate(raw)
    except ValidationError:
        return None


def _with_its_links(path: Steps) -> Steps:
    """Return the path of what is taken out for a fault at `path`: links as a whole, since they name each other."""
    return path[: path.index("links") + 1] if "links" in path and "labels" not in path else path


def _take_out(raw: dict[str, Any], path: Steps) -> None:
    """Remove the value at `path`; an item of a list leaves a stand-in, so that the others keep their places."""
    holder, last = holder_at(raw, path), path[-1]
    if isinstance(holder, dict):
        holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        holder[last] = {} if path[0] == "nodes" and len(path) == 2 else _ITEMS.get(str(path[-2]), _GONE)


def holder_at(raw: dict[str, Any], path: Steps) -> object:
    """Return the mapping or list that has the value at `path`, None if there is none."""
    here: Any = raw
    for step in path[:-1]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    return here


def _sweep(value: object) -> None:
    """Remove the marked items of every list within `value`."""
    if isinstance(value, list):
        value[:] = [item for item in value if item is not _GONE]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _sweep(item)


def _fill(part: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Put `value` at `path` if nothing stands there, and a mapping at each key above it that is missing."""
    *above, last = path
    for key in above:
        if part.get(key) is None:
            part[key] = {}
        part = part[key]
    if part.get(last) is None:
        part[last] = value
