"""What was rendered last for a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.errors import KbootError
from kboot.node.config import with_hash
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot.running.config_in_force import RenderedByOlder, config_in_force
from kboot.running.ssh import Remote
from kboot.upgrade.apply import apply
from kboot_clusterdesc import ClusterFolder
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet
from support.rendering import rendered_files, write_rendered

DESC = Fleet().desc
MAC = DESC.nodes[0].mac


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """As `kboot up` leaves it."""
    made = ClusterFolder(tmp_path, "ail")
    write_rendered(rendered_files(DESC), made.path)
    return made


def test_it_is_the_config_that_both_dialects_were_made_of(folder: ClusterFolder) -> None:
    config, _ = with_hash(node_config(DESC, DESC.nodes[0], fixed_secrets(DESC), Attachments()))
    assert config_in_force(folder, MAC) == config


def test_where_nothing_was_rendered_there_is_none(tmp_path: Path) -> None:
    assert config_in_force(ClusterFolder(tmp_path, "ail"), MAC) is None


def test_a_render_of_an_older_kboot_is_told_apart_from_none(folder: ClusterFolder) -> None:
    kept = folder.node(MAC) / "node-config.json"
    kept.unlink()
    with pytest.raises(RenderedByOlder) as refused:
        config_in_force(folder, MAC)
    assert str(refused.value) == (
        f"{kept}: is not there: an older kboot rendered this cluster\n  hint: run `kboot up` first"
    )


class Unreached(Remote):
    """A machine that must not be asked."""

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize("gone", ["node-config.json", "ignition.json", "cloud-config.yaml"])
def test_a_config_that_is_not_whole_is_sent_to_no_machine(folder: ClusterFolder, gone: str) -> None:
    (folder.node(MAC) / gone).unlink()
    with pytest.raises(KbootError) as refused:
        apply(folder, MAC, Unreached(), 1)
    assert refused.value.message.startswith(f"{folder.node(MAC) / gone}: ")
    assert refused.value.hint == "run `kboot up` first"


def test_without_any_config_too(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    with pytest.raises(KbootError) as refused:
        apply(folder, MAC, Unreached(), 1)
    assert refused.value.message == f"{folder.node(MAC)}: nothing was rendered for this machine"
