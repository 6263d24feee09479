"""A problem at the place of a key."""

from __future__ import annotations

from ..letters import with_letters
from ..problem import Problem, Steps, dotted
from ..source import Tree, place_of

__all__ = ["Steps", "dotted", "problem_at"]


def problem_at(tree: Tree, path: Steps, message: str, hint: str) -> Problem:
    """The problem of the value at `path`, or of the nearest thing around one that is missing."""
    return Problem(place_of(tree, path), dotted(path), with_letters(message), hint)
