"""What commands that list print in windows of three widths, against the kept texts in tests/golden/terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.cli.main import run
from support.broken_registry import BrokenRegistry, serving
from support.bundles import archive_of, file_item, image_contents, image_item, manifest_of
from support.image_archives import MANIFEST
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
    "images-list": ["images", "list"],
    "images-list-wide": ["images", "list", "-o", "wide"],
    "os-list": ["os", "list"],
    "os-rollout-status": ["os", "rollout", "status"],
    "lab-ps": ["lab", "ps"],
    "bundle-inspect": ["bundle", "inspect", "BUNDLE"],
    "bundle-diff": ["bundle", "diff", "OLDER", "BUNDLE"],
}
_WIDTHS = (70, 100, 200)


def _steady(text: str, cluster: StandingCluster) -> str:
    """The text without what differs from run to run; each piece is as long as what it stands for."""
    network = str(cluster.desc.network.bootstrapper).rpartition(".")[0]
    text = text.replace(f"{network}.", "127.100.100.")
    text = re.sub(r"\d{4}-\d\d-\d\d", "YYYY-MM-DD", text)
    text = re.sub(r"(?<![\da-f:])\d\d:\d\d:\d\d(?![:\d])", "hh:mm:ss", text)
    text = re.sub(r"\b\d+[smhd]\b( *)", lambda found: "Nm".ljust(len(found[0])) if found[1] else "Nm", text)
    text = re.sub(r"(?<=kboot-t-)[a-z0-9_]+|[a-z0-9_]+(?=/root/)", lambda found: "x" * len(found[0]), text)
    return re.sub("━+…?", "━", text)


@pytest.fixture
def registry(cluster: StandingCluster) -> Iterator[BrokenRegistry]:
    """The cluster's registry, which has two of the images that machines pull."""
    made, pki = BrokenRegistry(), cluster.folder.pki
    for repository, tag in (("pause", "3.10.2"), ("kube-proxy", "v1.36.2")):
        made.put_manifest(repository, tag, MANIFEST, repository.encode())
    place = (str(cluster.desc.network.bootstrapper), cluster.desc.registry.port)
    with serving(made, pki / "registry.pem", pki / "registry.key", place):
        yield made


@pytest.fixture
def bundles(tmp_path: Path) -> dict[str, str]:
    """Two bundles, the newer one with another kubelet and one image more, by the word that stands for each."""
    image = image_contents(b"{}", b"a layer")
    older = [file_item(b"kubelet", version="v1.36.1")]
    newer = [
        file_item(b"newer kubelet", version="v1.36.2"),
        image_item(image, "registry.example.com/team/with-a-long-name/controller-of-things:v1.2.3"),
    ]
    files = {"OLDER": ([b"kubelet"], older), "BUNDLE": ([b"newer kubelet", *image], newer)}
    for name, (contents, items) in files.items():
        (tmp_path / name).write_bytes(archive_of(tmp_path, *contents, manifest=manifest_of(*items)))
    return {name: str(tmp_path / name) for name in files}


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> bool:
    """Whether the kept texts are compared with; with `--update-golden` they are rewritten."""
    return not request.config.getoption("--update-golden")


def test_each_command_prints_what_is_kept_for_each_width(
    cluster: StandingCluster,
    registry: BrokenRegistry,
    bundles: dict[str, str],
    kept: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong, root = [], ["--root", str(cluster.folder.root)]
    for name, words in _COMMANDS.items():
        for width in _WIDTHS:
            monkeypatch.setenv("COLUMNS", str(width))
            run([bundles.get(word, word) for word in words] + ([] if words[0] == "bundle" else root))
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


@pytest.mark.parametrize("width", _WIDTHS)
def test_what_this_machine_lacks_fits_the_window(
    width: int, cluster: StandingCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `kboot doctor` finds is another on each machine, so no text of it is kept."""
    monkeypatch.setenv("COLUMNS", str(width))
    cluster.kboot("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in lines if line.startswith(("ok  ", "FAIL"))} >= {"user", "engine", "space"}
    assert max(map(len, lines)) <= width
