"""What `kboot images` leaves for the status page where it brings some images and not the others."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot_clusterdesc.shared_files import SUMMARY
from support.broken_registry import BrokenRegistry
from support.engine_stand_in import engine_stand_in
from support.image_archives import MANIFEST
from support.registry_site import PAUSE, registry_site


def test_a_pull_that_breaks_off_tells_which_images_are_here_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = BrokenRegistry()
    registry.put_manifest("pause", "3.10", MANIFEST, b"{}")
    with (
        registry_site(tmp_path, "svc-broken-off", "127.77.23.253", registry) as (folder, _),
        tempfile.TemporaryDirectory() as short,
        engine_stand_in(Path(short)) as engine,
    ):
        monkeypatch.setenv("DOCKER_HOST", engine.environment["DOCKER_HOST"])
        assert run(["images", "pull", "--root", str(tmp_path)]) == 3
    assert "the registry of svc-broken-off does not run" in capsys.readouterr().err
    told = json.loads((folder.config / SUMMARY).read_text())["images"]
    assert {each["reference"] for each in told if each["is_here"]} == {PAUSE}
    assert len(told) > 1
