"""How a check makes a problem: from the path of a key, which gives the place in the file."""

from __future__ import annotations

from ..letters import with_letters
from ..problem import Problem, Steps, dotted
from ..source import Tree, place_of

__all__ = ["Steps", "problem_at"]


def problem_at(tree: Tree, path: Steps, message: str, hint: str, given: tuple[str, ...] = ()) -> Problem:
    """Return the problem of the value at `path`, placed there, or at the nearest value around a missing one.

    `given` names every other key whose value the problem follows from: a stand-in for one of them makes it void.
    """
    return Problem(place_of(tree, path), dotted(path), with_letters(message), hint, given)
