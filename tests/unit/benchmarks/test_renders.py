"""The rack of the benchmark's renders, and its figures."""

from __future__ import annotations

from pathlib import Path

from kboot_bench.figures import Spread
from kboot_bench.render_steps import steps
from kboot_bench.renders import described, figures_of
from kboot_clusterdesc import load_text


def test_a_rack_has_three_control_planes_and_an_address_for_each_node() -> None:
    desc = load_text(described(600), "hall.yaml")
    assert len(desc.control_planes) == len(desc.etcd_members) == 3
    assert len({node.ip for node in desc.nodes} - {None}) == len(desc.nodes) == 600


def test_a_second_time_changes_nothing_and_each_step_is_told(tmp_path: Path) -> None:
    file = tmp_path / "hall.yaml"
    file.write_text(described(4))
    found = steps(file, tmp_path)
    assert list(found) == [
        "read",
        "keys and render, first",
        "write, first",
        "second time, all of it",
        "cp of its files",
    ]
    assert all(seconds > 0 for seconds in found.values())
    assert (tmp_path / "copy" / "nodes" / "52-54-00-00-00-03" / "ignition.json").exists()


def test_of_several_checkouts_ratios_are_to_the_first_round_by_round() -> None:
    again = "second time, all of it"
    rounds = [{"before": {again: 10.0}, "after": {again: each}} for each in (1.0, 2.0, 4.0)]
    (figure,) = figures_of(10_000, rounds)
    assert figure.ratios == {"after": Spread(0.1, 0.2, 0.4)}
    assert (figure.wanted, figures_of(300, rounds)[0].wanted) == ("<= 10", "")
    (alone,) = figures_of(1_000, [{"kboot": {again: 1.0}}])
    assert not alone.ratios
