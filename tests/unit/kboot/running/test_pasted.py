"""Commands that are printed to be pasted name their cluster, where the root holds more than that one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kboot.cli.main import build_parser
from kboot.cli.node_show import node_lines
from kboot.cli.status_text import status_lines
from kboot.cli.tables import plain
from kboot.errors import BadInput
from kboot.running.chosen import chosen_cluster
from kboot.running.pasted import cluster_to_name, pasted
from kboot_clusterdesc import ClusterFolder
from support.statuses import NO_DISK, NOW, machine, rack
from unit.clusterdesc.sample import SAMPLE


def _cluster(root: Path, name: str) -> ClusterFolder:
    folder = ClusterFolder(root, name)
    folder.path.mkdir()
    folder.description.write_text(SAMPLE)
    return folder


def _names_its_cluster(command: str, folder: ClusterFolder) -> bool:
    """Whether the command is read, and means that cluster of those under the root."""
    arguments = build_parser().parse_args([*command.split()[1:], "--root", str(folder.root)])
    return chosen_cluster(arguments.root, arguments.cluster) == folder


def test_one_of_two_clusters_is_named_and_a_single_one_is_not(tmp_path: Path) -> None:
    first = _cluster(tmp_path, "ail")
    assert cluster_to_name(first) is None
    _cluster(tmp_path, "lab")
    assert cluster_to_name(first) == "ail"


def test_what_is_pasted_is_refused_for_two_clusters_only_without_its_name(tmp_path: Path) -> None:
    folder = _cluster(tmp_path, "ail")
    _cluster(tmp_path, "lab")
    with pytest.raises(BadInput, match="holds several clusters"):
        _names_its_cluster("kboot node show node3", folder)
    for command in ("kboot node show node3", "kboot logs node3 --follow", "kboot os rollout resume w1", "kboot watch"):
        assert _names_its_cluster(pasted(command, cluster_to_name(folder)), folder)


@pytest.mark.parametrize("command", ["kboot up FILE", "kboot logs dnsmasq --cluster ail", "ssh core@10.10.14.2 w"])
def test_what_says_its_cluster_already_is_left_as_it_is(command: str) -> None:
    assert pasted(command, "ail") == command


def test_each_command_that_a_status_leads_on_with_says_the_cluster() -> None:
    lines = [plain(line) for line in status_lines(replace(rack(400), to_name="ail"), NOW, most=10)]
    assert [line.strip() for line in lines if "next:" in line] == [
        "next: kboot node show node1 --cluster ail",
        "next: kboot node show node2 --cluster ail",
        "next: kboot upgrade --cluster ail",
    ]
    assert any(line.endswith("see `kboot node list --cluster ail`") for line in lines)


def test_each_command_that_a_machine_is_shown_with_says_the_cluster() -> None:
    steps = [{"command": "kboot logs node1", "why": "what it told"}, {"command": "kboot up FILE", "why": "again"}]
    node = machine(1, "failed", reason=NO_DISK, more_macs=[], update=None, next=steps)
    lines = [plain(line) for line in node_lines(node, NOW, None, cluster="ail")]
    assert lines[2:4] == [
        "next      kboot logs node1 --cluster ail",
        "            what it told",
    ]
    assert "          kboot up FILE" in lines
