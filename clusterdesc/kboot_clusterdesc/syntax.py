"""The problem of text that is no YAML: the parser's complaint, placed at its likely cause."""

from __future__ import annotations

import re

import yaml

from .letters import plain_letters, unseen_letters
from .problem import Place, Problem

# `range:[a, b]`, `lease:}`: without a blank behind it, the colon does not end the key
_OPENED = re.compile(r"(?<![\w\"'.:/-])([A-Za-z][\w.-]*):(\[[^]]*]?|{[^}]*}?|\"[^\"]*\"?|'[^']*'?|(?=[,}\]]))")


def syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """Return the problem for `error`, which the parser of `text` raised, placed at its cause if that is plain."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Place(file, 1, 1), "", f"not YAML: {error}", "look for signs that are no letters")
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    message = f"not YAML: {error.problem or error.context or 'cannot be read'}"
    lines = text.splitlines()
    line = _line(lines, place.line)
    if "\t" in line[: max(place.column, len(line) - len(line.lstrip()))]:
        return Problem(place, "", message, "indent with blanks, not with tabs")
    for number in (place.line, place.line - 1):  # a parser often notices on the next line
        found = _slip(_line(lines, number))
        if found:
            column, hint = found
            return Problem(Place(file, number, column), "", message, hint)
    return Problem(place, "", message, _advice(line, _line(lines, place.line - 1)))


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _slip(line: str) -> tuple[int, str] | None:
    """Return the column and the repair of a typing slip in `line`; None if there is none."""
    word = line.strip(" ").removeprefix("- ").partition(" ")[0]
    letters = "" if word.startswith("#") else unseen_letters(word)
    if letters:
        return line.index(word) + 1, f"write `{plain_letters(word)}` anew: it has {letters}"
    name, colon, rest = line.strip().removeprefix("- ").partition(":")
    if colon and rest and not rest.startswith((" ", "/")) and name.replace("_", "").isalnum():
        return line.index(":") + 1, f"put a blank after the colon: `{name}: {rest.strip()}`"
    opened = _OPENED.search(line)
    if opened:
        return opened.start() + 1, f"put a blank after the colon: `{opened[1]}: {opened[2] or '...'}`"
    return None


def _advice(line: str, before: str) -> str:
    value = re.search(r":\s+([*&%@`].*?)\s*$", line)
    if value:
        return f'quote a value that begins so: `"{value[1]}"`'
    if any(re.match(r"\s*-[{\[\w\"]", each) for each in (line, before)):
        return "put a blank after the dash"
    return "look at this line and the one before it: indentation, quotes, brackets"
