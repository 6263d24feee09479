"""Rules for who is told of events: kinds that exist, names that differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..event_kind import EventKind
from ..model import ClusterDesc
from ..phase import Phase
from ..problem import Problem
from ..source import Tree
from .at import problem_at

KINDS = tuple(dict.fromkeys((*map(str, Phase), *map(str, EventKind))))


def check_receivers(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each kind of event that there is none of, and for a name that two receivers have."""
    seen: dict[str, int] = {}
    for number, receiver in enumerate(desc.notify):
        for index, kind in enumerate(receiver.events):
            if kind not in KINDS:
                near = difflib.get_close_matches(kind, KINDS, 1)
                hint = f"did you mean `{near[0]}`?" if near else f"the kinds are {', '.join(KINDS)}"
                at = ("notify", number, "events", index)
                yield problem_at(tree, at, f"there are no events of the kind `{kind[:80]}`", hint)
        first = seen.setdefault(receiver.label, number)
        if first != number:
            path = ("notify", number, "name" if receiver.name else "url")
            hint = "give one of them another `name`"
            yield problem_at(tree, path, f"receiver {first + 1} is called `{receiver.label}` too", hint)
