"""Write docs/reference/ from the code, for `make docs`: commands, the description's JSON schema, the server's API."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from kboot.cli.main import build_parser
from kboot_cloudconfig.app import ROUTES
from kboot_cloudconfig.route import api_page
from kboot_clusterdesc.schema import json_schema

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name, as the code has it now."""
    return {
        "commands.md": "# Commands\n\nMade from the code by `make docs`.\n" + "".join(_commands(build_parser())),
        "cluster.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "openapi.json": json.dumps(api_page(ROUTES), indent=2) + "\n",
    }


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    # Not argparse's own help, which each version of Python words differently.
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield f"\n## {parser.prog}\n\n{parser.description}.\n\n"
        yield "".join(f"- `{_words(action)}` {action.help or ''}".rstrip() + "\n" for action in parser._actions)
        yield f"\n{(parser.epilog or '').replace('example:', 'Example:').replace(chr(10) + '  ', ' `')}`\n"
    for group in groups:
        for child in group.choices.values():
            yield from _commands(child)


def _words(action: argparse.Action) -> str:
    choices = ", ".join(map(str, action.choices or ()))
    value = "" if action.nargs == 0 else str(action.metavar or choices or action.dest.upper())
    return " ".join([*(action.option_strings[-1:]), value]).strip()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (FOLDER / name).write_text(page)
