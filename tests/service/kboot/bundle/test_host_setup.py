"""The packages of the engine as apt is given them: those of this release that are not installed, by no foreign name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kboot.bundle.host_setup import install_packages, os_release, packages_for, set_up_host
from kboot.errors import KbootError
from kboot.host.architecture import machine_arch
from kboot.supplies.bundle_manifest import Item, Kind
from kboot.supplies.store import SupplyStore
from support.bundles import digest_of, file_item, manifest_of

_SUITE = os_release(Path("/etc/os-release").read_text())["VERSION_CODENAME"]

# It keeps what it is called with, and what the files that it is given hold.
_APT = """#!/usr/bin/python3
import json, os, sys
files = {path: open(path).read() for path in sys.argv if path.startswith("/") and path.endswith(".deb")}
with open(os.environ["SEEN"], "w") as seen:
    json.dump({"words": sys.argv[1:], "files": files}, seen)
sys.stderr.write("E: held broken packages\\n")
sys.exit(int(os.environ.get("CODE", "0")))
"""


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a stand-in for apt was called with; dpkg knows libc6 alone."""
    for name, text in {"apt-get": _APT, "dpkg-query": "#!/bin/sh\necho 'ii  libc6'\necho 'rc  docker.io'\n"}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "seen"


def _package(name: str, content: bytes, suite: str = _SUITE, arch: str = "") -> Item:
    place = f"{suite}/{digest_of(content)[7:15]}.deb"
    return file_item(content, place, Kind.ENGINE_PACKAGE, name=name, arch=arch or machine_arch())


def _store(folder: Path, *contents: bytes) -> SupplyStore:
    store = SupplyStore(folder)
    for content in contents:
        store.blob(digest_of(content)).parent.mkdir(parents=True, exist_ok=True)
        store.blob(digest_of(content)).write_bytes(content)
    return store


def test_apt_gets_what_is_not_installed_and_no_source_of_packages(tmp_path: Path, seen: Path) -> None:
    items = [_package("docker.io", b"engine"), _package("libc6", b"libc"), _package("iptables", b"tables", arch="any")]
    said: list[str] = []
    install_packages(_store(tmp_path / "root", b"engine", b"libc", b"tables"), items, said.append)
    found = json.loads(seen.read_text())
    assert sorted(found["files"].values()) == ["engine", "tables"]
    assert {"Dir::Etc::SourceList=/dev/null", "Dir::Etc::SourceParts=/dev/null"} <= set(found["words"])
    assert said == [f"installing 2 packages of Debian {_SUITE} for the Docker engine"]


def test_no_name_in_a_bundle_leads_out_of_the_folder_of_packages(tmp_path: Path, seen: Path) -> None:
    names = ["../../escaped", "/etc/cron.d/x", "-o=Dpkg::Pre-Invoke::=sh"]
    contents = [name.encode() for name in names]
    items = list(manifest_of(*map(_package, names, contents)).items)
    before = sorted(path.name for path in tmp_path.iterdir())
    install_packages(_store(tmp_path / "root", *contents), items, lambda text: None)
    found = json.loads(seen.read_text())
    assert sorted(found["files"].values()) == sorted(names)
    assert {Path(path).parent.parent for path in found["files"]} == {tmp_path}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "root", "seen"])


@pytest.mark.parametrize("state", ["iU ", "iF ", "iHR"])
def test_an_engine_whose_installation_was_broken_off_is_completed(
    tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Ctrl-C once dpkg has unpacked docker.io, with its dockerd, and has not configured it."""
    _play(seen, state)
    items = [_package("docker.io", b"engine"), _package("libc6", b"libc")]
    store, said = _store(tmp_path / "root", b"engine", b"libc"), list[str]()
    set_up_host(store, manifest_of(*items), said.append)
    assert (seen.parent / "configured").read_text() == "--configure -a\n"
    assert list(json.loads(seen.read_text())["files"].values()) == ["engine"]
    assert said[0] == "configuring packages whose installation was broken off"


def test_an_engine_that_is_installed_or_of_another_vendor_is_left(tmp_path: Path, seen: Path) -> None:
    items = [_package("docker.io", b"engine"), _package("iptables", b"tables")]
    store = _store(tmp_path / "root", b"engine", b"tables")
    for states in ("ii  docker.io\nii  iptables", "rc  docker.io\niU  iptables\nii  docker-ce"):
        _play(seen, states=states)
        set_up_host(store, manifest_of(*items), print)
        assert not seen.exists()
        assert not (seen.parent / "configured").exists()


def _play(seen: Path, state: str = "", states: str = "") -> None:
    """Have dpkg tell these states, and know when it configures; the programs of an engine are there."""
    told = states or f"ii  libc6\n{state} docker.io"
    programs = {
        "dpkg-query": f"#!/bin/sh\nprintf '%s\\n' '{told}'\n",
        "dpkg": f'#!/bin/sh\necho "$@" >> {seen.parent}/configured\n',
        "dockerd": "#!/bin/sh\n",
        "docker": "#!/bin/sh\n",
    }
    for name, text in programs.items():
        path = seen.parent / "bin" / name
        path.write_text(text)
        path.chmod(0o755)


def test_what_apt_says_is_told(tmp_path: Path, seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE", "100")
    with pytest.raises(KbootError, match=r"was not installed: E: held broken packages\n  hint: mend what apt says"):
        install_packages(_store(tmp_path / "root", b"engine"), [_package("docker.io", b"engine")], lambda text: None)


def test_packages_of_another_release_or_processor_are_told() -> None:
    items = [_package("docker.io", b"1", suite="buzz"), _package("docker.io", b"2", arch="arm64", suite="buzz")]
    with pytest.raises(KbootError, match="has the engine's packages for buzz, this machine is woody"):
        packages_for(items, "woody", "amd64", ())
    assert packages_for(items, "buzz", "arm64", ()) == [items[1]]
    with pytest.raises(KbootError, match="this machine is no Debian"):
        packages_for(items, "", "amd64", ())
