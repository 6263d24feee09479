"""The release that machines install now."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot_cloudconfig.releases import release_in_force
from unit.clusterdesc.sample import accepted, os


@pytest.mark.parametrize(
    ("config", "version", "wanted"),
    [
        ("ignition", "3975.2.0", "3975.2.0"),
        ("cloud-config", "2905.2.6", "2905.2.6"),
        ("ignition", "2905.2.6", None),
    ],
)
def test_no_machine_installs_a_release_that_does_not_read_its_config(
    tmp_path: Path, config: str, version: str, wanted: str | None
) -> None:
    release = tmp_path / "stable" / version
    release.mkdir(parents=True)
    for name in ("pxe.vmlinuz", "pxe_image.cpio.gz", "image.bin.bz2"):
        (release / f"flatcar_production_{name}").touch()
    (release / ".origin").write_text("flatcar amd64-usr\n")
    (release.parent / "current").symlink_to(version)
    assert release_in_force(tmp_path, accepted(os(f"config: {config}"))) == wanted
