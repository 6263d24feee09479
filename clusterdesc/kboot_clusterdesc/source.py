"""YAML text as a tree whose scalars are the text that stands there, each with its place.

No scalar is ever turned into a number, a truth value or a date here: `52:54:00:12:34:56`, `NO` and `1.30`
stay what the operator wrote. The tree is built from events, so depth costs no recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from .problem import InvalidDescription, Place, Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 50_000
CHARACTERS_A_NODE = 64  # a long text counts for more, or aliases of one would grow without limit

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """The text of a scalar; `None` where nothing (or a plain `null`, `~`) stands."""

    text: str | None
    place: Place


@dataclass(slots=True)
class Sequence:
    """A list."""

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
    """The one document in `data`, and its repeated keys; InvalidDescription where no tree can be made."""
    text = _decoded(data, file)
    try:
        return _Builder(file).build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        raise InvalidDescription([_explained(error, text, place)]) from error
    except yaml.YAMLError as error:
        raise InvalidDescription([Problem(Place(file, 1, 1), "", f"not YAML: {error}")]) from error


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
        text = data.decode("utf-8-sig")
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


def _explained(error: yaml.MarkedYAMLError, text: str, place: Place) -> Problem:
    """The parser's complaint with the likely cause, placed at the cause where that is plain."""
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    message = f"not YAML: {error.problem or error.context or 'cannot be read'}"
    if "\t" in line[: max(place.column, len(line) - len(line.lstrip()))]:
        return Problem(place, "", message, "indent with blanks, not with tabs")
    for number in (place.line, place.line - 1):  # a parser often notices on the next line
        candidate = lines[number - 1] if 0 < number <= len(lines) else ""
        name, colon, rest = candidate.strip().partition(":")
        if colon and rest and not rest.startswith((" ", "/")) and name.replace("_", "").isalnum():
            column = candidate.index(":") + 1
            hint = f"put a blank after the colon: `{name}: {rest.strip()}`"
            return Problem(Place(place.file, number, column), "", message, hint)
    value = re.search(r":\s+([*&%@`].*?)\s*$", line)
    if value:
        return Problem(place, "", message, f'quote a value that begins so: `"{value[1]}"`')
    before = lines[place.line - 2] if 1 < place.line <= len(lines) + 1 else ""
    if any(re.match(r"\s*-[{\[\w\"]", each) for each in (line, before)):
        return Problem(place, "", message, "put a blank after the dash")
    return Problem(
        place, "", message, "look at this line and the one before it: indentation, quotes, brackets"
    )


class _Builder:
    """Turns a stream of events into a tree, within the limits of depth and of nodes after expansion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Tree, int]] = {}
        self.stack: list[tuple[Sequence | Mapping, str | None, int, Scalar | None]] = []
        self.nodes = 0
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
                size = 1 + len(event.value) // CHARACTERS_A_NODE
                self._count(size, place)
                plain_null = event.implicit[0] and event.value in ("", "~", "null", "Null", "NULL")
                node = Scalar(None if plain_null else event.value, place)
                self._anchor(event.anchor, node, size)
                self._add(node)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._open(event, place)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                container, anchor, before, _ = self.stack.pop()
                self._anchor(anchor, container, self.nodes - before)
                self._add(container)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event.anchor, place)
        if self.root is None:
            self._refuse(Place(self.file, 1, 1), "the file is empty", "`kboot init` writes one to start from")
        assert self.root is not None  # noqa: S101 - _refuse raised otherwise
        return self.root, self.problems

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file, 1, 1)

    def _refuse(self, place: Place, message: str, hint: str) -> None:
        raise InvalidDescription([*self.problems, Problem(place, "", message, hint)])

    def _count(self, nodes: int, place: Place) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._refuse(
                place, f"more than {MAX_NODES} values once aliases are expanded", "write it without aliases"
            )

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent, place: Place) -> None:
        self._count(1, place)
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(place, f"nested deeper than {MAX_DEPTH} levels", "is it the right file?")
        container = Sequence(place) if isinstance(event, yaml.SequenceStartEvent) else Mapping(place)
        self.stack.append((container, event.anchor, self.nodes - 1, None))

    def _anchor(self, anchor: str | None, node: Tree, size: int) -> None:
        if anchor:
            self.anchors[anchor] = (node, size)

    def _alias(self, anchor: str | None, place: Place) -> None:
        if anchor is None or anchor not in self.anchors:
            self._refuse(
                place, f"the alias *{anchor} names nothing that stands above it", f"define &{anchor} first"
            )
        assert anchor is not None  # noqa: S101 - _refuse raised otherwise
        node, size = self.anchors[anchor]
        self._count(size, place)
        self._add(node)

    def _add(self, node: Tree) -> None:
        if not self.stack:
            self.root = node
            return
        container, anchor, before, key = self.stack[-1]
        if isinstance(container, Sequence):
            container.items.append(node)
        elif key is None:
            if not isinstance(node, Scalar):
                self._refuse(node.place, "a key must be one word", "quote it, or mend the indentation")
            assert isinstance(node, Scalar)  # noqa: S101 - _refuse raised otherwise
            self.stack[-1] = (container, anchor, before, Scalar(node.text or "", node.place))
        else:
            self.stack[-1] = (container, anchor, before, None)
            self._set(container, key, node)

    def _set(self, container: Mapping, key: Scalar, node: Tree) -> None:
        name = key.text or ""
        if name in container.keys:
            first = container.keys[name]
            self.problems.append(
                Problem(
                    key.place,
                    name,
                    f"repeated key, the first one stands at line {first.line}",
                    "merge the two, or begin a new list item with a dash",
                )
            )
            return
        container.keys[name] = key.place
        container.items[name] = node


def plain(tree: Tree) -> object:
    """The tree as dict, list and str; a key without a value is left out, as if it were not there."""
    if isinstance(tree, Scalar):
        return tree.text
    if isinstance(tree, Sequence):
        return [plain(item) for item in tree.items]
    return {
        key: plain(item)
        for key, item in tree.items.items()
        if not (isinstance(item, Scalar) and item.text is None)
    }


def place_of(tree: Tree, path: tuple[str | int, ...]) -> Place:
    """Where the value at `path` stands; for one that is missing, the nearest thing around it."""
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
