"""A release that `kboot up` places out of a loaded bundle, and the updater that takes it or vouches for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.os_releases import place_release
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterDesc, ClusterFolder, load_text
from service.updater.payload_site import flip_byte
from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site
from support.bundles import digest_of, file_item, manifest_of

RELEASE = "3975.2.0"


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path / "root", "ail")


@pytest.fixture
def inside(tmp_path: Path, server: ReleaseServer, key: SigningKey, folder: ClusterFolder) -> Site:
    """The updater of that cluster."""
    return Site(tmp_path / "site", server, key.public(), folder.images)


def bring(folder: ClusterFolder, release: Path) -> None:
    """Have a bundle with a release loaded."""
    store = SupplyStore(folder.root)
    store.incoming.mkdir(parents=True)
    files = {path.name: path.read_bytes() for path in release.iterdir()}
    for content in files.values():
        (store.incoming / digest_of(content)[7:]).write_bytes(content)
    version, kind = release.name, Kind.OS_FILE
    place = f"flatcar/stable/amd64-usr/{version}"
    items = [file_item(content, f"{place}/{name}", kind, version=version) for name, content in files.items()]
    store.publish(manifest_of(*items), list(store.incoming.iterdir()))


def described(site: Site) -> ClusterDesc:
    return load_text(site.settings.description.read_text(), "clusterdesc.yaml")


def not_asked(version: str, release: Path) -> None:
    raise AssertionError(version)


@pytest.mark.parametrize("version", ["current", RELEASE])
def test_it_is_verified_and_put_in_force_and_no_server_is_asked(
    folder: ClusterFolder, inside: Site, server: ReleaseServer, key: SigningKey, version: str
) -> None:
    inside.describe(version=version)
    bring(folder, server.release(RELEASE, key))
    assert place_release(folder, described(inside), not_asked, lambda _: None)
    assert inside.check().fault is None
    assert (inside.current(), inside.kinds(), server.asked) == (RELEASE, ["mirrored", "switched"], [])
    assert not place_release(folder, described(inside), not_asked, lambda _: None)


def vouches(site: Site, version: str, release: Path) -> None:
    """The updater's program as `kboot up` has it run by its image, run here."""
    process = site.start("vouch", version, str(release))
    said, logged = process.communicate(timeout=120)
    if process.returncode != 0:
        raise BadInput(logged.splitlines()[-1])
    assert said == f"release {version} of stable is verified\n"


@pytest.mark.parametrize("version", ["current", RELEASE])
def test_without_an_updater_it_is_verified_before_it_is_in_force(
    folder: ClusterFolder, inside: Site, server: ReleaseServer, key: SigningKey, version: str
) -> None:
    inside.describe(version=version, update={"enabled": False})
    bring(folder, server.release(RELEASE, key))
    assert place_release(folder, described(inside), partial(vouches, inside), lambda _: None)
    assert inside.current() == (RELEASE if version == "current" else None)
    assert (folder.images / "stable" / RELEASE / NAMES.image).is_file()
    assert inside.start("verify").communicate(timeout=120)[0] == f"{RELEASE}: whole\n"
    assert server.asked == []


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_release_for_other_machines_is_refused_however_well_it_is_signed(
    folder: ClusterFolder, inside: Site, server: ReleaseServer, key: SigningKey, is_enabled: bool
) -> None:
    release = server.release(RELEASE, key)
    kernel = release / NAMES.kernel
    kernel.write_bytes(bytes(0x38) + b"ARM\x64" + bytes(4096))
    key.sign(kernel)
    bring(folder, release)
    said = f"its {NAMES.kernel} is for arm64, and this cluster needs amd64: take the release of amd64-usr"
    if is_enabled:
        inside.describe(version=RELEASE)
        assert place_release(folder, described(inside), not_asked, lambda _: None)
        assert said in str(inside.check().fault)
        assert said in str(inside.status()["events"])
    else:
        inside.describe(version=RELEASE, update={"enabled": False})
        with pytest.raises(BadInput, match=said):
            place_release(folder, described(inside), partial(vouches, inside), lambda _: None)
    assert inside.current() is None


@pytest.mark.parametrize("chosen", ["3602.2.0", "3850.2.0"])
def test_without_an_updater_a_choice_holds_whatever_the_channel_had_when_there_was_one(
    folder: ClusterFolder, inside: Site, server: ReleaseServer, key: SigningKey, chosen: str
) -> None:
    for version in ("3602.2.0", "3850.2.0"):
        published(server, key, version)
        assert inside.check().is_done
    inside.describe(update={"enabled": False})
    bring(folder, server.release(RELEASE, key))
    assert place_release(folder, described(inside), partial(vouches, inside), lambda _: None)
    assert inside.current() == RELEASE
    used = inside.start("use", chosen)
    used.communicate(timeout=120)
    assert (used.returncode, inside.current()) == (0, chosen)
    assert not place_release(folder, described(inside), not_asked, lambda _: None)
    assert inside.current() == chosen


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (NAMES.image, f"{NAMES.image} is refused: its signature does not fit: the file is damaged or was altered"),
        (f"{NAMES.initrd}.sig", f"{NAMES.initrd} is refused: "),
        ("version.txt", "version.txt is refused: its signature does not fit"),
    ],
)
def test_without_an_updater_one_that_is_not_what_the_key_signed_is_refused_by_the_name_of_its_file(
    folder: ClusterFolder, inside: Site, server: ReleaseServer, key: SigningKey, spoilt: str, said: str
) -> None:
    inside.describe(version=RELEASE, update={"enabled": False})
    release = server.release(RELEASE, key)
    (release / spoilt).write_bytes(flip_byte((release / spoilt).read_bytes()))
    bring(folder, release)
    with pytest.raises(BadInput, match=f"^{said}"):
        place_release(folder, described(inside), partial(vouches, inside), lambda _: None)
    assert inside.versions() == set()
    assert list(folder.images.glob(".placed*")) == []


def test_without_an_updater_a_release_under_another_number_and_one_by_another_key_are_refused(
    folder: ClusterFolder, inside: Site, server: ReleaseServer, key: SigningKey
) -> None:
    older = server.release("3850.2.0", key)
    with pytest.raises(BadInput, match=r"^release 3975\.2\.0 is refused: its version\.txt says 3850\.2\.0$"):
        vouches(inside, RELEASE, older)
    other = SigningKey("other")
    inside.give_key(other.public())
    other.close()
    with pytest.raises(BadInput, match=r"is refused: key [0-9A-F]{16} signed it, which is not known"):
        vouches(inside, "3850.2.0", older)
    (older / f"{NAMES.image}.sig").unlink()
    with pytest.raises(BadInput):
        vouches(inside, "3850.2.0", older)
