"""The parser of the command line: what it does not know it answers with what was probably meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from ..errors import ExitCode

_LACKING = "the following arguments are required: "  # argparse's own words


class Parser(argparse.ArgumentParser):
    """A parser whose faults are a paragraph with a hint, as all errors of kboot are."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the command line, and exit; a hint stands behind a line's end."""
        said, _, hint = message.partition("\n")
        way = hint or "; ".join([*self._lacking(said), f"`{self.prog} --help` says how"])
        self.exit(ExitCode.BAD_INPUT, f"error: {self.prog}: {said}\n  hint: {way}\n")

    def _lacking(self, said: str) -> list[str]:
        """Return what each argument is that a command line has to have and had not."""
        lacking = said.removeprefix(_LACKING).split(", ") if said.startswith(_LACKING) else []
        named = {"/".join(each.option_strings) or str(each.metavar): each.help for each in self._actions}
        return [f"{name}: {named[name]}" for name in lacking if named.get(name)]

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        near = nearest(str(value), map(str, action.choices))
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"`{value}` is not a command\n{_meant(near)}`{self.prog} --help` lists all")
        known = ", ".join(map(str, action.choices))
        raise argparse.ArgumentError(action, f"invalid choice: {value!r}\n{_meant(near)}one of {known}")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or a fault; argparse itself says nothing of a help that cannot be printed."""
        (file or sys.stderr).write(message)

    def parse_known_args(  # type: ignore[override] # the overloads of typeshed differ in the namespace alone
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse options that are not known to the command that they stand behind."""
        is_group = any(isinstance(each, argparse._SubParsersAction) for each in self._actions)
        if is_group and args and self._is_foreign(args[0]):
            name = args[0].partition("=")[0]
            self.error(f"`{name}` stands before the command\nwrite it at the end: `{self.prog} COMMAND … {name} …`")
        found, unknown = super().parse_known_args(args, namespace)
        options = [word for word in unknown if word.startswith("-")]
        if options and not is_group:
            name = options[0].partition("=")[0]
            near = nearest(name, self._option_string_actions)
            self.error(f"`{name}` is not an option\n{_meant(near)}`{self.prog} --help` lists all")
        return found, unknown

    def _is_foreign(self, word: str) -> bool:
        return word.startswith("-") and not any(
            each.startswith(word.partition("=")[0]) for each in self._option_string_actions
        )


def help_of(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], ExitCode]:
    """Return the command that prints the help of a parser: what a group does that is named alone."""

    def show(_: argparse.Namespace) -> ExitCode:
        parser.print_help(sys.stdout)
        return ExitCode.DONE

    return show


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the one of `known` that was probably meant; "" where none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), 1, 0.6)), "")


def _meant(near: str) -> str:
    return f"did you mean `{near}`? " if near else ""
