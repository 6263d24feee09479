"""Writes a machine into the text of a description: one line more, every other letter as it was. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from kboot_clusterdesc import load_text
from kboot_clusterdesc.problem import InvalidDescription
from kboot_clusterdesc.source import Mapping, Scalar, Tree, plain, read_tree
from kboot_clusterdesc.source import Sequence as Items

from ..errors import BadInput

_MOST = 40  # attempts: a description of ten thousand machines is read in seconds
_LINES = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029])|[^\n\r\x85\u2028\u2029]+")  # YAML 1.1's


@dataclass(frozen=True, slots=True)
class Declaration:
    """A machine that is to be declared."""

    mac: str
    name: str | None
    roles: Sequence[str]
    ip: str | None = None

    @property
    def text(self) -> str:
        """The machine as an item of `nodes` in one line, such as is pasted."""
        parts = [f'mac: "{self.mac}"']
        parts += [f"name: {_scalar(self.name)}"] if self.name else []
        parts += [f"ip: {self.ip}"] if self.ip else []
        parts += [f"roles: [{', '.join(self.roles)}]"]
        return "{" + ", ".join(parts) + "}"

    @property
    def plain(self) -> dict[str, object]:
        """The item as it is read again."""
        known = {"mac": self.mac, "name": self.name, "ip": self.ip, "roles": list(self.roles)}
        return {key: value for key, value in known.items() if value}


def with_machine(text: str, file: str, machine: Declaration) -> str:
    """Return the text of a description with one machine more.

    Raise InvalidDescription where the description, or the one with the machine, has faults, and BadInput where the
    machine cannot be written there without touching anything else.
    """
    load_text(text, file)
    before = _tree(text, file)
    wanted = _wanted(before, machine)
    for made in islice(_attempts(text, before, machine), _MOST):
        try:
            is_meant = plain(_tree(made, file)) == wanted
        except InvalidDescription:
            continue
        if is_meant:
            load_text(made, file)
            return made
    raise BadInput(f"{file}: the machine cannot be written into it", f"paste it below `nodes:`: `- {machine.text}`")


def _wanted(tree: Tree, machine: Declaration) -> object:
    """Return what the description has to be read as with the machine at the end of its nodes."""
    value = plain(tree)
    if not isinstance(value, dict):  # which is no description, and was refused as one
        return value
    return {**value, "nodes": [*(value.get("nodes") or []), machine.plain]}


def _attempts(text: str, tree: Tree, machine: Declaration) -> Iterator[str]:
    """Yield the text with the machine at each place where it may belong, the best first."""
    if not isinstance(tree, Mapping):
        return
    lines, end = _LINES.findall(text), "\r\n" if "\r\n" in text else "\n"
    nodes = tree.items.get("nodes")
    if isinstance(nodes, Items) and nodes.items:
        yield from _beside_others(lines, tree, nodes, machine, end)
    elif isinstance(nodes, Items):
        yield from _in_brackets(text, nodes, machine)
    elif isinstance(nodes, Scalar):
        yield _inserted(lines, tree.keys["nodes"].line, f"  - {machine.text}", end)
    else:
        for line in range(len(lines), 0, -1):
            yield _inserted(lines, line, f"nodes:{end}  - {machine.text}", end)


def _beside_others(lines: list[str], tree: Mapping, nodes: Items, machine: Declaration, end: str) -> Iterator[str]:
    """Yield the text with a line behind the last machine: below it, else further down, never before its end."""
    after = [place.line for place in tree.keys.values() if place.line > nodes.place.line]
    stop = min(after, default=len(lines) + 1) - 1  # lines up to the next key
    last = nodes.items[-1].place.line
    item = f"{' ' * (nodes.place.column - 1)}- {machine.text}"
    filled = [number for number in range(last, stop + 1) if _has_content(lines[number - 1])]
    for line in dict.fromkeys([filled[-1] if filled else last, stop, *range(stop, last - 1, -1)]):
        yield _inserted(lines, line, item, end)
    yield from _before_bracket("".join(lines), nodes, machine)


def _before_bracket(text: str, nodes: Items, machine: Declaration) -> Iterator[str]:
    """Yield the text with the machine before each closing bracket behind the last machine: of a list in brackets."""
    start = _index(text, nodes.items[-1].place.line, nodes.items[-1].place.column)
    for found in re.finditer(r"]", text[start:]):
        at = start + found.start()
        filled = at - (len(text[:at]) - len(text[:at].rstrip()))
        yield f"{text[:filled]}, {machine.text}{text[filled:]}"
        yield f"{text[:at]}{machine.text}{text[at:]}"  # a comma stands behind the last machine


def _in_brackets(text: str, nodes: Items, machine: Declaration) -> Iterator[str]:
    start = _index(text, nodes.place.line, nodes.place.column)
    yield f"{text[: start + 1]}{machine.text}{text[start + 1 :]}"


def _inserted(lines: list[str], after: int, item: str, end: str) -> str:
    """Return the text with a line more behind the line of that number."""
    head, tail = "".join(lines[:after]), "".join(lines[after:])
    glue = "" if not head or _LINES.fullmatch(lines[after - 1]) is None or lines[after - 1][-1:] in "\r\n" else end
    return f"{head}{glue}{item}{end}{tail}"


def _index(text: str, line: int, column: int) -> int:
    """Return where a place of the reader is in the text; a byte order mark is no column there."""
    lines = _LINES.findall(text)
    mark = len(lines[0]) - len(lines[0].lstrip("\ufeff")) if line == 1 else 0
    return sum(map(len, lines[: line - 1])) + mark + column - 1


def _has_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _scalar(name: str) -> str:
    """Return a name as YAML: host labels are plain words, and everything is read as text; the rest is quoted."""
    return name if re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) else json.dumps(name)


def _tree(text: str, file: str) -> Tree:
    tree, problems = read_tree(text.encode(), file)
    if problems:
        raise InvalidDescription(problems)
    return tree
