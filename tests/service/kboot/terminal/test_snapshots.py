"""What commands that list print in windows of three widths, against the kept texts in tests/golden/terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.places import ROOT
from support.standing import StandingCluster

_KEPT = ROOT / "tests" / "golden" / "terminal"
_COMMANDS = {
    "status": ["status"],
    "status-wide": ["status", "-o", "wide"],
    "node-list": ["node", "list"],
    "node-list-wide": ["node", "list", "-o", "wide"],
    "node-show": ["node", "show", "node2"],
    "discovered": ["discovered"],
    "events": ["events"],
    "certs-list": ["certs", "list"],
    "certs-list-wide": ["certs", "list", "-o", "wide"],
    "assets-list": ["assets", "list"],
}
_WIDTHS = (70, 100, 200)


def _steady(text: str, cluster: StandingCluster) -> str:
    """The text without what differs from run to run; each piece is as long as what it stands for."""
    network = str(cluster.desc.network.bootstrapper).rpartition(".")[0]
    text = text.replace(f"{network}.", "127.100.100.")
    text = re.sub(r"\d{4}-\d\d-\d\d", "YYYY-MM-DD", text)
    text = re.sub(r"(?<![\da-f:])\d\d:\d\d:\d\d(?![:\d])", "hh:mm:ss", text)
    text = re.sub(r"\b\d+[smhd]\b( *)", lambda found: "Nm".ljust(len(found[0])) if found[1] else "Nm", text)
    return re.sub("━+…?", "━", text)


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> bool:
    """Whether the kept texts are compared with; with `--update-golden` they are rewritten."""
    return not request.config.getoption("--update-golden")


def test_each_command_prints_what_is_kept_for_each_width(
    cluster: StandingCluster, kept: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = []
    for name, words in _COMMANDS.items():
        for width in _WIDTHS:
            monkeypatch.setenv("COLUMNS", str(width))
            cluster.kboot(*words)
            said = _steady(capsys.readouterr().out, cluster)
            assert max(map(len, said.splitlines())) <= width, (name, width)
            place = _KEPT / f"{name}.{width}.txt"
            if not kept:
                place.parent.mkdir(exist_ok=True)
                place.write_text(said)
            elif not place.exists() or place.read_text() != said:
                wrong.append(f"{place.name} is now\n{said}")
    assert not wrong, "\n".join(wrong)
    assert kept or list(Path(_KEPT).glob("*.txt"))


@pytest.mark.parametrize("form", ["json", "yaml", "name"])
def test_other_forms_are_the_same_in_every_window(
    form: str, cluster: StandingCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for width in ("20", "200"):
        monkeypatch.setenv("COLUMNS", width)
        assert cluster.kboot("node", "list", "-o", form) == 0
        said.append(re.sub(r'"?heard"?: .*', "", capsys.readouterr().out))
    assert said[0] == said[1]
    if form == "name":
        assert said[0].split() == [node.name for node in cluster.desc.nodes]
