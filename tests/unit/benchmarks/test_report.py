"""The page and the pictures that the benchmark writes."""

from __future__ import annotations

import pytest
from defusedxml import ElementTree

from kboot_bench.chart import bars, lines
from kboot_bench.figures import Figure, Part, figure_of, spread_of
from kboot_bench.report import Run, growth_of, page, part_pictures, table

RUN = Run("2 processors", "29 November 2026", {"kboot": "39f8c630", "nginx": "1.22.1"}, 5)


def _storm(*sizes: int) -> Part:
    names = ("to the last `running`", "server CPU for each", "install.sh, p50", "install.sh, p99")
    figures = [
        Figure(f"{size:,} machines: {name}", "s", {"kboot": spread_of([size / 100])})
        for size in sizes
        for name in names
    ]
    return Part("storm", "A rack switched on at once", "so", tuple(figures))


def _images() -> Part:
    rounds = [{"nginx": 2.0, "before": 1.0, "after": 2.2}] * 3
    return Part("images", "OS images", "so", (figure_of("throughput, 16 clients", "GB/s", rounds, base="nginx"),))


def test_a_row_has_the_ratio_of_each_tree_and_the_goal() -> None:
    rounds = [{"nginx": 2.0, "before": 1.0, "after": 2.2}] * 3
    said = table([figure_of("throughput", "GB/s", rounds, base="nginx", wanted=">= 1.0")])
    assert said.splitlines()[0] == "|  | nginx | before | after | wanted |"
    assert said.splitlines()[2] == "| throughput, GB/s | 2.00 | **0.500** (1.00) | **1.10** (2.20) | >= 1.0 |"


def test_a_server_without_a_figure_has_a_dash() -> None:
    figures = [figure_of("start", "s", [{"nginx": 1.0, "kboot": 2.0}]), figure_of("rest", "s", [{"kboot": 2.0}])]
    assert table(figures).splitlines()[-1] == "| rest, s | - | 2.00 |"


def test_the_page_says_where_and_when_each_part_was_measured() -> None:
    said = page([(_images(), RUN)], "performance")
    assert "*29 November 2026, 2 processors; kboot 39f8c630, nginx 1.22.1; 5 rounds.*" in said
    assert "![OS images](performance/throughput.svg)" in said


def test_growth_is_read_from_the_smallest_and_the_largest_rack() -> None:
    assert growth_of(_storm(1000, 4000), "to the last `running`", "kboot") == pytest.approx(1)
    assert growth_of(_storm(1000), "to the last `running`", "kboot") is None


def test_one_size_of_rack_has_no_picture_of_growth() -> None:
    assert set(part_pictures(_storm(1000))) == {"storm.svg"}
    assert set(part_pictures(_storm(1000, 4000))) == {"storm.svg", "growth-seconds.svg", "growth-cpu.svg"}


@pytest.mark.parametrize("part", [_images(), _storm(1000, 4000)], ids=lambda part: part.name)
def test_each_picture_is_xml_and_small(part: Part) -> None:
    pictures = part_pictures(part)
    assert pictures
    for name, picture in pictures.items():
        assert ElementTree.fromstring(picture).tag.endswith("svg"), name
        assert len(picture) < 20_000, name


def test_what_was_not_measured_is_left_out_of_a_picture() -> None:
    nothing = float("nan")
    assert bars("so", "s", [("a", {"kboot": nothing})]).count("<rect") == 1  # that of the legend
    assert "polyline" not in lines("so", "machines", "s", {"kboot": [(1000, nothing)]})


def test_names_are_quoted_in_a_picture() -> None:
    assert "a &lt; b" in bars("a < b", "", [("c", {"kboot": 1.0})])
