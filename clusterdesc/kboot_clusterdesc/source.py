"""YAML text read into a tree: each scalar is the text that the file has, with its line and column.

No scalar becomes a number, a truth value or a date: `52:54:00:12:34:56`, `NO` and `1.30` stay what the operator
wrote. The tree is built from the parser's events, so that deep nesting needs no recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from .key_slips import MERGE, key_slip, meant
from .letters import shown
from .problem import InvalidDescription, Place, Problem, Steps, dotted, with_slips
from .syntax import syntax_problem

MAX_BYTES = 1 << 23
MAX_DEPTH = 40
MAX_NODES = 500_000  # keys and values; a node in the copy that `kboot up` writes has fifteen and more
MAX_ALIASED = 50_000  # keys and values that aliases add: what one small file can grow by
CHARACTERS_A_NODE = 64  # a longer text counts as several nodes, or aliases of one would grow without limit
_NULLS = ("", "~", "null", "Null", "NULL")
_COLON = re.compile(r"\s*:")
_LONGEST = 240  # characters of a key or hint that a problem repeats

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """A scalar: its text, None for an empty one and for a plain `null` or `~`."""

    text: str | None
    place: Place


@dataclass(slots=True)
class Sequence:
    """A list, in the order of the file."""

    place: Place
    items: list[Tree] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """A mapping in the order of the file; `keys` holds the place of each key."""

    place: Place
    items: dict[str, Tree] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)


Tree = Scalar | Sequence | Mapping


def read_tree(data: bytes, file: str) -> tuple[Tree, list[Problem]]:
    """Return the one document in `data`, and the slips in its keys; raise InvalidDescription if it has no tree.

    A slip is a problem, and where its meaning is plain, the tree has the key and value that were meant.
    """
    text = _decoded(data, file)
    builder = _Builder(file, text)
    try:
        return builder.build(yaml.parse(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise InvalidDescription(with_slips([syntax_problem(error, text, file)], builder.problems)) from error


def _decoded(data: bytes, file: str) -> str:
    start = Place(file, 1, 1)
    if len(data) > MAX_BYTES:
        raise InvalidDescription(
            [
                Problem(
                    start,
                    "",
                    f"the file has more than the {MAX_BYTES} bytes that a description may have",
                    "is it the right file?",
                )
            ]
        )
    try:
        text = data.decode("utf-8-sig").lstrip("\ufeff")  # files put together may have several byte order marks
    except UnicodeDecodeError as error:
        head = data[: error.start].decode("utf-8", "replace")
        place = Place(file, head.count("\n") + 1, len(head) - head.rfind("\n"))
        raise InvalidDescription([Problem(place, "", "not UTF-8 text", "save the file as UTF-8")]) from error
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if match:
        head = text[: match.start()]
        place = Place(file, head.count("\n") + 1, len(head) - head.rfind("\n"))
        raise InvalidDescription(
            [Problem(place, "", f"the control character {match.group()!r} is not allowed", "remove it")]
        )
    if not text.strip():
        raise InvalidDescription(
            [Problem(start, "", "the file is empty", "`kboot init` writes a description to start from")]
        )
    return text


@dataclass(slots=True)
class _Level:
    """A list or mapping whose end the parser has not reached yet."""

    container: Sequence | Mapping
    anchor: str | None
    nodes_before: int
    key: _Key | None = None  # of a mapping: the key whose value comes next


@dataclass(frozen=True, slots=True)
class _Key:
    text: str
    place: Place
    end: int  # index of the first character behind the key
    is_plain: bool = False


class _Builder:
    """Builds a tree from the parser's events; refuses one too deep, or too large once its aliases are expanded."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Tree, int]] = {}
        self.stack: list[_Level] = []
        self.nodes = 0
        self.aliased = 0
        self.root: Tree | None = None

    def build(self, events: Iterator[yaml.Event]) -> tuple[Tree, list[Problem]]:
        documents = 0
        for event in events:
            place = self._place(event)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(place, "a second document", "a description is one document: remove `---`")
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, place)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._open(event, place)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                level = self.stack.pop()
                self._anchor(level.anchor, level.container, self.nodes - level.nodes_before)
                self._add(level.container)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event, place)
        if self.root is None:
            self._refuse(Place(self.file, 1, 1), "the file is empty", "`kboot init` writes one to start from")
        return self.root, self.problems

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file, 1, 1)

    def _refuse(self, place: Place, message: str, hint: str) -> NoReturn:
        raise InvalidDescription([*self.problems, Problem(place, "", message, hint)])

    def _report(self, place: Place, step: str | int, message: str, hint: str) -> None:
        above: Steps = tuple(level.key.text if level.key else len(level.container.items) for level in self.stack[:-1])
        key = shown(dotted((*above, step)))
        self.problems.append(Problem(place, key[:_LONGEST], message, hint[:_LONGEST]))

    def _count(self, nodes: int, place: Place) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._refuse(place, f"more than the {MAX_NODES} values that it may have", "is it the right file?")

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        size = 1 + len(event.value) // CHARACTERS_A_NODE
        self._count(size, place)
        is_plain = event.implicit[0]
        node = Scalar(None if is_plain and event.value in _NULLS else event.value, place)
        self._anchor(event.anchor, node, size)
        self._add(node, _Key(event.value, place, _end(event), is_plain))

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent, place: Place) -> None:
        self._count(1, place)
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(place, f"nested deeper than {MAX_DEPTH} levels", "is it the right file?")
        container = Sequence(place) if isinstance(event, yaml.SequenceStartEvent) else Mapping(place)
        self.stack.append(_Level(container, event.anchor, self.nodes - 1))

    def _anchor(self, anchor: str | None, node: Tree, size: int) -> None:
        if anchor:
            self.anchors[anchor] = (node, size)

    def _alias(self, event: yaml.AliasEvent, place: Place) -> None:
        if event.anchor is None or event.anchor not in self.anchors:
            self._refuse(
                place,
                f"the alias *{event.anchor} names nothing that stands above it",
                f"define &{event.anchor} first",
            )
        node, size = self.anchors[event.anchor]
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            self._refuse(place, f"more than {MAX_ALIASED} values once aliases are expanded", "write it without aliases")
        self._count(size, place)
        text = (node.text or "") if isinstance(node, Scalar) else ""
        self._add(node, _Key(text, place, _end(event)))

    def _add(self, node: Tree, key: _Key | None = None) -> None:
        """Add `node` to the open list or mapping; `key` describes the node in case it is a key of the mapping."""
        if not self.stack:
            self.root = node
            return
        level = self.stack[-1]
        if isinstance(level.container, Sequence):
            self._append(level.container, node)
        elif level.key is not None:
            self._set(level.container, level.key, node)
            level.key = None
        elif isinstance(node, Scalar) and key:
            level.key = key
        else:
            self._refuse(node.place, "a key must be one word", "quote it, or mend the indentation")

    def _append(self, container: Sequence, node: Tree) -> None:
        if isinstance(node, Scalar) and node.text is None:
            self._report(node.place, len(container.items), "an empty item", "give it a value, or remove it")
        container.items.append(node)

    def _set(self, container: Mapping, key: _Key, node: Tree) -> None:
        name = key.text
        is_alone = isinstance(node, Scalar) and node.text is None and not _COLON.match(self.text, key.end)
        slip = key_slip(name, alone=is_alone, plain=key.is_plain)
        if slip:
            self._report(key.place, name, *slip)
            name, value = meant(name)
            if is_alone:
                node = Scalar(value.strip("\"'") or None, key.place)
            if not name or name == MERGE or name in container.keys:
                return
        if name in container.keys:
            first = container.keys[name]
            message = f"repeated key, the first one stands at line {first.line}"
            self._report(key.place, name, message, "merge the two, or begin a new list item with a dash")
            return
        container.keys[name] = key.place
        container.items[name] = node


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


def plain(tree: Tree) -> object:
    """Return the tree as dict, list and str; a key without a value has None."""
    if isinstance(tree, Scalar):
        return tree.text
    if isinstance(tree, Sequence):
        return [plain(item) for item in tree.items]
    return {key: plain(item) for key, item in tree.items.items()}


def place_of(tree: Tree, path: Steps) -> Place:
    """Return the place of the value at `path`; if it is missing, the place of the nearest value around it."""
    here: Tree = tree
    place = tree.place
    for step in path:
        if isinstance(here, Mapping) and str(step) in here.items:
            here = here.items[str(step)]
        elif isinstance(here, Sequence) and isinstance(step, int) and step < len(here.items):
            here = here.items[step]
        else:
            return place
        place = here.place
    return place


def key_place(tree: Tree, path: Steps) -> Place:
    """Return the place of the key at the end of `path`; if it is missing, of the nearest value around it."""
    here = tree
    for step in path[:-1]:
        if isinstance(here, Mapping) and str(step) in here.items:
            here = here.items[str(step)]
        elif isinstance(here, Sequence) and isinstance(step, int) and step < len(here.items):
            here = here.items[step]
        else:
            break
    return here.keys.get(str(path[-1]), here.place) if isinstance(here, Mapping) else here.place
