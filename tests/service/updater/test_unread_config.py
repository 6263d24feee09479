"""Releases that do not read the node configs of the description: whichever way they come, none is in force."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from kboot.errors import BadInput
from kboot.supplies.release_import import import_release
from kboot_clusterdesc import ClusterFolder, load_text
from service.updater.release_server import ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site

OLD, NEW = "2905.2.6", "3975.2.0"
SAID = f"release {OLD} is not taken: Ignition v3 needs release 3185.0.0 or newer, {OLD} does not read it; `config: "


def run(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the updater, to its end."""
    process = site.start(*arguments)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def test_a_channel_that_stands_at_one_is_not_followed(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, OLD)
    assert str(site.check().fault).startswith(SAID)
    assert site.current() is None
    site.describe(config="cloud-config")
    assert site.check().is_done
    assert site.current() == OLD
    site.describe()  # Ignition, while that one is in force
    assert str(site.check().fault).startswith(SAID)
    published(server, key, NEW)
    assert site.check().is_done
    assert site.current() == NEW


@pytest.mark.parametrize("command", ["use", "take"])
def test_one_that_is_chosen_or_brought_is_refused(
    site: Site, server: ReleaseServer, key: SigningKey, command: str
) -> None:
    published(server, key, NEW)
    assert site.check().is_done
    shutil.copytree(server.release(OLD, key), site.images / "stable" / OLD)
    done = run(site, command, OLD)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(SAID)
    assert site.current() == NEW


def test_one_that_was_copied_into_the_store_is_passed_over(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    shutil.copytree(server.release(OLD, key), site.images / "stable" / OLD)
    published(server, key, NEW)
    assert site.check().is_done
    assert site.current() == NEW
    assert site.kinds()[0] == "refused"


def test_a_folder_with_one_is_not_copied(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    desc = load_text(site.settings.description.read_text(), "clusterdesc.yaml")
    folder = ClusterFolder(site.folder, "ail")
    with pytest.raises(BadInput) as refused:
        import_release(folder, desc, server.release(OLD, key), lambda *_: None, print)
    assert OLD in refused.value.message
    assert refused.value.hint == "write `config: cloud-config` in `os` and run `kboot up`, or take a newer release"
    assert not folder.images.exists()
