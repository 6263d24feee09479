"""The kubeconfig that kubectl reads by itself, as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.errors import BadInput, NotYet
from kboot.pki import KeyPair
from kboot.pki.kubeconfig import kubeconfig
from kboot.pki.store.kubeconfig_file import Merge, default_kubeconfig, merge_kubeconfig

_NOW = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)
_OWN = kubeconfig("https://api.ail:6443", b"the CA\n", KeyPair(b"c", b"k"), "admin", "ail")
_OTHER = "# mine\nkind: Config\nusers: [{name: work, user: {token: t}}]\n"


def test_the_file_is_the_one_that_kubectl_would_write(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert default_kubeconfig({}, tmp_path) == tmp_path / ".kube" / "config"
    assert default_kubeconfig({"KUBECONFIG": ""}, tmp_path) == tmp_path / ".kube" / "config"
    assert default_kubeconfig({"KUBECONFIG": f"{first}::{second}"}, tmp_path) == second
    first.touch()
    assert default_kubeconfig({"KUBECONFIG": f"{first}:{second}"}, tmp_path) == first


def test_a_file_that_is_new_is_its_owners_alone_and_so_is_its_folder(tmp_path: Path) -> None:
    config = tmp_path / ".kube" / "config"
    assert merge_kubeconfig(config, _OWN, _NOW) == Merge(config, "admin@ail", True, None)
    assert (config.stat().st_mode & 0o777, config.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    written = config.stat().st_mtime_ns
    assert merge_kubeconfig(config, _OWN, _NOW) == Merge(config, "admin@ail", False, None)
    assert config.stat().st_mtime_ns == written
    assert [path.name for path in config.parent.iterdir()] == ["config"]


def test_the_file_as_it_was_is_kept_where_it_had_comments(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(_OTHER)
    done = merge_kubeconfig(config, _OWN, _NOW)
    assert done.backup == tmp_path / "config.before-kboot-20261129T180000Z"
    assert done.backup.read_text() == _OTHER
    assert (done.backup.stat().st_mode & 0o777, config.stat().st_mode & 0o777) == (0o600, 0o600)


def test_a_link_stays_one_and_a_file_stays_its_owners(tmp_path: Path) -> None:
    config, link = tmp_path / "real", tmp_path / "config"
    config.write_text(_OTHER)
    link.symlink_to(config)
    merge_kubeconfig(link, _OWN, _NOW)
    assert link.is_symlink()
    assert "admin@ail" in config.read_text()
    assert config.stat().st_uid == tmp_path.stat().st_uid


def test_nothing_is_changed_while_kubectl_changes_the_file(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(_OTHER)
    (tmp_path / "config.lock").touch()
    with pytest.raises(NotYet, match=r"or broke off: config\.lock is there"):
        merge_kubeconfig(config, _OWN, _NOW)
    assert config.read_text() == _OTHER
    assert (tmp_path / "config.lock").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"users: {\n", b"kind: Pod\n"])
def test_a_file_that_is_none_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "config"
    config.write_bytes(content)
    with pytest.raises(BadInput, match="nothing was changed"):
        merge_kubeconfig(config, _OWN, _NOW)
    assert config.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
