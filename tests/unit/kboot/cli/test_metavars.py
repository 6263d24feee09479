"""The words for files in help texts: `FILE` is a cluster description, every other file has a word of its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from kboot.cli.main import build_parser


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _parsers(below)


PARSERS = {parser.prog: parser for parser in _parsers(build_parser())}


@pytest.mark.parametrize("prog", PARSERS)
def test_a_file_of_no_other_name_is_said_to_be_a_cluster_description(prog: str) -> None:
    for action in PARSERS[prog]._actions:
        if "FILE" in str(action.metavar or "").split("|"):
            assert "description" in str(action.help), action
