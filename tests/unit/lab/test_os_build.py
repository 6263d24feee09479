"""The lab OS is built when something that goes into it changed, and only then."""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path

import pytest

from kboot_lab.os.update_engine.payload import PayloadWriter, verifier
from kboot_lab.os_build import RECIPE, Recipe, ensure_release
from kboot_lab.update_payload import PUBLIC_KEY


class CountingBuilder:
    """The slow tools' side of the edge: it writes small files and counts what was asked for."""

    def __init__(self, *, fails: bool = False) -> None:
        self.rootfs = self.systems = self.releases = 0
        self._fails = fails

    def make_rootfs(self, packages: tuple[str, ...], archive: Path) -> None:
        self.rootfs += 1
        archive.write_text(" ".join(packages))

    def make_system(self, recipe: Recipe, rootfs: Path, keys: Path, out: Path) -> None:
        self.systems += 1
        assert (keys / "update-payload-key.pub.pem").exists()
        (keys / "secret").touch()
        (out / "packages").write_text(rootfs.read_text())

    def make_release(self, recipe: Recipe, system: Path, keys: Path, out: Path) -> None:
        self.releases += 1
        version = out / recipe.channel / "amd64-usr" / recipe.version
        version.mkdir(parents=True)
        (version / "version.txt").write_text((system / "packages").read_text())
        (out / "usr.squashfs").write_text(f"{recipe.version} {recipe.broken}")
        if self._fails:
            raise RuntimeError("cut off")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "packages.txt").write_text("systemd\nbash\n")
    (recipe / "tools.txt").write_text("gpg\n")
    (recipe / "build.sh").write_text("true\n")
    return recipe


def build(tmp_path: Path, recipe: Recipe, builder: CountingBuilder) -> Path:
    return ensure_release(tmp_path / "cache", recipe, builder, lambda _: None)


def test_a_second_build_of_the_same_inputs_does_nothing(tmp_path: Path, folder: Path) -> None:
    builder = CountingBuilder()
    first = build(tmp_path, Recipe(folder, "1.2.3", "stable"), builder)
    second = build(tmp_path, Recipe(folder, "1.2.3", "stable"), builder)
    assert (first, builder.rootfs, builder.systems, builder.releases) == (second, 1, 1, 1)
    assert (first / "stable" / "amd64-usr" / "1.2.3" / "version.txt").read_text() == "bash systemd"


def test_a_new_version_and_a_broken_one_are_built_on_the_system_that_was_made(tmp_path: Path, folder: Path) -> None:
    builder = CountingBuilder()
    first = build(tmp_path, Recipe(folder, "1.2.3", "stable"), builder)
    second = build(tmp_path, Recipe(folder, "1.2.4", "stable"), builder)
    broken = build(tmp_path, Recipe(folder, "1.2.4", "stable", "panics"), builder)
    assert len({first, second, broken}) == 3
    assert (builder.rootfs, builder.systems, builder.releases) == (1, 1, 3)


def test_a_release_holds_its_payload_and_the_key_that_clients_have(tmp_path: Path, folder: Path) -> None:
    made = build(tmp_path, Recipe(folder, "1.2.3", "stable", "hangs"), CountingBuilder())
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    payload = "stable/amd64-usr/1.2.3/flatcar_production_update.gz"
    assert files == {f"{payload}", f"{payload}.sha256", "stable/amd64-usr/1.2.3/version.txt", PUBLIC_KEY}
    target = io.BytesIO()
    data = (made / payload).read_bytes()
    writer = PayloadWriter(target)
    writer.write(data)
    writer.verify(len(data), sha256(data).digest(), verifier(made / PUBLIC_KEY))
    assert target.getvalue().rstrip(b"\0") == b"1.2.3 hangs"


def test_a_build_that_was_cut_off_leaves_no_release_and_is_done_again(tmp_path: Path, folder: Path) -> None:
    recipe = Recipe(folder, "1.2.3", "stable")
    with pytest.raises(RuntimeError, match="cut off"):
        build(tmp_path, recipe, CountingBuilder(fails=True))
    left = [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]
    made = [f"debian-{recipe.rootfs_digest[:16]}.tar", "keys", f"system-{recipe.system_digest[:16]}"]
    assert sorted(left) == made
    builder = CountingBuilder()
    assert build(tmp_path, recipe, builder).is_dir()
    assert (builder.rootfs, builder.systems, builder.releases) == (0, 0, 1)


def test_releases_are_signed_with_one_key_that_others_cannot_read(tmp_path: Path, folder: Path) -> None:
    for version in ("1.2.3", "1.2.4"):
        build(tmp_path, Recipe(folder, version, "stable"), CountingBuilder())
    keys = tmp_path / "cache" / "keys"
    assert (keys / "secret").exists()
    assert keys.stat().st_mode & 0o777 == 0o700


def test_version_channel_text_mode_and_name_of_a_file_each_change_the_digest(folder: Path) -> None:
    recipe = Recipe(folder, "1.2.3", "stable")
    seen = [recipe.digest, Recipe(folder, "1.2.4", "stable").digest, Recipe(folder, "1.2.3", "beta").digest]
    (folder / "build.sh").write_text("false\n")
    seen.append(recipe.digest)
    (folder / "build.sh").chmod(0o755)
    seen.append(recipe.digest)
    (folder / "build.sh").rename(folder / "make.sh")
    seen.append(recipe.digest)
    assert len(set(seen)) == len(seen)


def test_only_packages_change_what_the_slow_step_makes(folder: Path) -> None:
    recipe = Recipe(folder, "1.2.3", "stable")
    before = recipe.rootfs_digest
    (folder / "build.sh").write_text("false\n")
    assert recipe.rootfs_digest == before
    (folder / "packages.txt").write_text("bash\nsystemd\nudev\n")
    assert recipe.rootfs_digest != before


def test_the_recipe_holds_all_that_its_build_reads() -> None:
    recipe = Recipe(RECIPE, "1.2.3", "stable")
    assert "systemd" in recipe.packages
    assert "squashfs-tools" in recipe.tools
    pieces = {path.name for path in (RECIPE / "pieces").iterdir()}
    sourced = [line for line in (RECIPE / "build.sh").read_text().splitlines() if line.startswith('. "$recipe/pieces/')]
    assert {line.rstrip('"').rsplit("/", 1)[1] for line in sourced} == pieces
