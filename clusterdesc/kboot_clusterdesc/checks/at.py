"""A problem at the place of a key."""

from __future__ import annotations

from ..problem import Problem
from ..source import Tree, place_of

Steps = tuple[str | int, ...]


def dotted(path: Steps) -> str:
    """The path as operators read it: `nodes[0].ip`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def problem_at(tree: Tree, path: Steps, message: str, hint: str) -> Problem:
    """The problem of the value at `path`, or of the nearest thing around one that is missing."""
    return Problem(place_of(tree, path), dotted(path), message, hint)
