"""The description in force, asked for again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot.host.files import write_file
from kboot.running.chosen import description_at, description_in_force
from kboot_clusterdesc import ClusterFolder, InvalidDescription
from unit.clusterdesc.sample import SAMPLE


def test_a_description_is_read_once_and_again_where_another_is_in_force(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    folder.path.mkdir()
    write_file(folder.description, SAMPLE.encode())
    first = description_in_force(folder)
    assert description_in_force(folder) is first
    write_file(folder.description, SAMPLE.replace("name: node1", "name: node9").encode())
    assert description_in_force(folder).nodes[0].name == "node9"


def test_an_operators_description_and_the_one_in_force_are_kept_beside_each_other(tmp_path: Path) -> None:
    folder, file = ClusterFolder(tmp_path, "ail"), tmp_path / "rack.yaml"
    folder.path.mkdir()
    for path in (file, folder.description):
        write_file(path, SAMPLE.encode())
    own, theirs = description_at(file), description_in_force(folder)
    assert own is not theirs
    assert description_at(file) is own
    assert description_in_force(folder) is theirs
    write_file(file, SAMPLE.replace("name: node1", "name: node9").encode())
    assert description_at(file).nodes[0].name == "node9"
    assert description_in_force(folder) is theirs


def test_a_cluster_that_is_missing_and_a_description_that_is_broken_are_told(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    with pytest.raises(BadInput, match="no such cluster"):
        description_in_force(folder)
    folder.path.mkdir()
    folder.description.write_text("nodes: [")
    with pytest.raises(InvalidDescription):
        description_in_force(folder)
