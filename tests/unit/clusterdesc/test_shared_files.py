"""What two processes share, a file's name or a kind of event, is spelled in the vocabulary alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from kboot_clusterdesc import EventKind, Phase, shared_files
from kboot_clusterdesc.event_kind import ReleaseEventKind
from support.places import ROOT

_TREES = ("orchestrator/kboot", "compose/kboot_compose", "services/cloudconfig", "services/updater")
# `current` is a version too, in a description and in what the server tells.
_FILES = {value for name, value in vars(shared_files).items() if name.isupper() and name != "CURRENT"}
_FOLDERS = r"(config|images|leases|tls/[^/]+|nodes/[^/]+)/"
_KINDS = {*EventKind, *ReleaseEventKind, *Phase}
# What runs beside a server does not load the vocabulary; cloudconfig/test_light_processes.py holds both alike.
_HELD_ALIKE = {"services/cloudconfig/kboot_cloudconfig/settings.py": ["ca.pem"]}
_TELLS = {"tell", "note", "_note", "_event", "Event", "StatusEvent"}  # what takes a kind


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every literal text; what is filled in is shown as `@`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "@" for each in node.values)


def _files(source: str) -> list[str]:
    """The shared files that stand in `source` as texts, alone or as a path in the cluster's folder."""
    return [text for text in _texts(ast.parse(source)) if re.sub(_FOLDERS, "", text, count=1) in _FILES]


def _kinds(source: str) -> list[str]:
    """The kinds of event that `source` gives as texts to what tells of events."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    telling = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] in _TELLS]
    return [text for call in telling for each in call.args for text in _texts(each) if text in _KINDS]


@pytest.mark.parametrize("tree", _TREES)
def test_no_launcher_and_no_service_spells_what_is_shared(tree: str) -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / tree).rglob("*.py")}
    assert sources
    spelt = {path: found for path, source in sources.items() if (found := _files(source) + _kinds(source))}
    assert spelt == {path: found for path, found in _HELD_ALIKE.items() if path in sources}


@pytest.mark.parametrize(
    "source",
    ['"config-hash"', '"config/ca.pem"', 'f"nodes/{mac.dashed}/report-token"', 'x / ".origin"', '"# kboot:machine"'],
)
def test_a_shared_file_that_is_spelled_is_found(source: str) -> None:
    assert len(_files(source)) == 1


def test_what_lies_elsewhere_under_the_same_name_is_not_meant() -> None:
    assert _files('"/etc/kboot/config-hash", "/ca.pem", "current"') == []


def test_a_kind_that_is_spelled_is_found() -> None:
    assert _kinds('fleet.tell("refused", mac)\nself._note("armed" if x else "disarmed", 1)\nlog("refused")') == [
        "refused",
        "armed",
        "disarmed",
    ]
