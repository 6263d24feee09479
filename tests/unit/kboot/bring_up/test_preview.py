"""A render into a folder of the user's takes nothing of his away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.bring_up.preview import Action, actions
from kboot.bring_up.render_folder import Change, FileChange
from kboot.cli.main import run
from kboot.host.engine import ServiceState
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterFolder, Mac, load_text

_MAC = Mac("00:25:90:c0:f7:80")
_RACK = """# kept
apiVersion: kboot/v1
cluster: {name: rack, domain: rack.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
nodes:
  - {mac: "00:25:90:c0:f7:80", roles: [worker]}
"""


@pytest.fixture
def rack(tmp_path: Path) -> Path:
    """A description in a folder of its own."""
    path = tmp_path / "cluster.yaml"
    path.write_text(_RACK)
    return path


def test_a_folder_that_render_did_not_make_is_refused(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (rack.parent / "config").mkdir()
    (rack.parent / "config" / "mine").write_text("mine")
    assert run(["render", str(rack), "-o", str(rack.parent)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert rack.read_text() == _RACK
    assert (rack.parent / "config" / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "."])
def test_the_folder_one_is_in_is_refused(rack: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(rack.parent)
    assert run(["render", "cluster.yaml", "-o", name]) == 2


def test_a_file_is_no_folder_to_render_to(rack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", str(rack), "-o", str(rack)]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err


def test_a_render_may_be_repeated_and_makes_no_secret_of_a_cluster(rack: Path, tmp_path: Path) -> None:
    root, output = tmp_path / "root", tmp_path / "out"
    for _ in range(2):
        assert run(["render", str(rack), "-o", str(output), "--root", str(root)]) == 0
    assert not (output / "pki").exists()
    assert not root.exists()
    assert run(["diff", str(rack), "--root", str(root)]) == 0
    assert not root.exists()


@pytest.mark.parametrize("path", ["nodes/x/ignition.json", "tls/cloudconfig/status-client.pem"])
def test_what_the_cloud_config_server_reads_at_each_use_needs_no_restart(path: str) -> None:
    same: dict[str, object] = {"cloudconfig": {"labels": {}}}
    changes = [FileChange(path, Change.CHANGED)]
    running = {"cloudconfig": ServiceState("cloudconfig", "running", "healthy", None)}
    assert actions(same, same, running, changes) == {"cloudconfig": Action.RELOAD}
    assert actions(same, {"cloudconfig": {}}, running, changes) == {"cloudconfig": Action.RESTART}


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
def test_a_certificate_of_the_cloud_config_server_is_a_hand_over(name: str) -> None:
    same: dict[str, object] = {"cloudconfig": {"labels": {}}}
    changes = [
        FileChange("nodes/x/ignition.json", Change.CHANGED),
        FileChange(f"tls/cloudconfig/{name}", Change.CHANGED),
    ]
    running = {"cloudconfig": ServiceState("cloudconfig", "running", "healthy", None)}
    assert actions(same, same, running, changes) == {"cloudconfig": Action.HAND_OVER}
    assert actions(same, {"cloudconfig": {}}, running, changes) == {"cloudconfig": Action.RESTART}


def test_a_script_can_tell_that_something_would_change_from_a_failure(rack: Path, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    assert run(["diff", str(rack), "--names", "--exit-code", "--root", root]) == 3
    assert run(["diff", str(rack), "--names", "--root", root]) == 0


def test_a_preview_has_the_report_token_that_a_machine_keeps_by_another_card(rack: Path, tmp_path: Path) -> None:
    root, output = tmp_path / "root", tmp_path / "out"
    both = _RACK.replace('{mac: "00:25:90:c0:f7:80",', '{mac: "00:25:90:c0:f7:80", more_macs: ["00:25:90:c0:f7:81"],')
    folder = ClusterFolder(root, "rack")
    token = load_or_create(folder, load_text(both, "rack.yaml"), datetime.now(UTC)).report_tokens[_MAC]
    folder.description.write_text(both)
    rack.write_text(_RACK.replace("f7:80", "f7:81"))
    assert run(["render", str(rack), "-o", str(output), "--root", str(root)]) == 0
    assert (output / "nodes" / "00-25-90-c0-f7-81" / "report-token").read_text() == f"{token}\n"
