"""Spreads, ratios and percentiles of the benchmark."""

from __future__ import annotations

import json
import math

import pytest

from kboot_bench.figures import (
    Part,
    Spread,
    as_json,
    figure_of,
    growth,
    part_from,
    percentile,
    short,
    spread_of,
)


@pytest.mark.parametrize(
    ("share", "found"),
    [(0.5, 50), (0.99, 99), (1, 100), (0.001, 1)],
)
def test_a_percentile_is_one_of_the_values_that_so_many_do_not_exceed(share: float, found: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == found


def test_nothing_measured_is_no_number() -> None:
    assert math.isnan(percentile([], 0.5))


def test_a_ratio_is_taken_within_a_round_and_not_between_medians() -> None:
    rounds = [{"nginx": 1.0, "kboot": 2.0}, {"nginx": 10.0, "kboot": 5.0}, {"nginx": 100.0, "kboot": 100.0}]
    figure = figure_of("requests", "1/s", rounds, base="nginx")
    assert figure.ratios == {"kboot": Spread(0.5, 1.0, 2.0)}
    assert figure.values["nginx"] == Spread(1.0, 10.0, 100.0)


def test_a_round_in_which_the_base_has_nothing_gives_no_ratios() -> None:
    assert figure_of("memory", "MB", [{"nginx": 0.0, "kboot": 2.0}], base="nginx").ratios == {}


def test_a_figure_has_no_more_ratios_than_servers_beside_the_base() -> None:
    assert figure_of("start", "s", [{"kboot": 2.0}]).ratios == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123, "0.0123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (30.0, "30"),
        (4321.9, "4,322"),
        (0, "0"),
        (math.nan, "nan"),
    ],
)
def test_a_number_has_three_digits(value: float, text: str) -> None:
    assert short(value) == text


def test_a_spread_of_one_value_is_that_value() -> None:
    assert str(spread_of([2.0])) == "2.00"
    assert str(spread_of([3.0, 1.0, 2.0])) == "2.00 [1.00 3.00]"


def test_what_doubles_with_the_machines_grows_by_the_power_of_one() -> None:
    assert growth((1000, 2), (4000, 8)) == pytest.approx(1)
    assert growth((1000, 2), (4000, 32)) == pytest.approx(2)


def test_a_part_is_the_same_after_it_was_kept_as_json() -> None:
    figure = figure_of("requests", "1/s", [{"nginx": 1.0, "kboot": 0.5}], base="nginx", wanted=">= 0.4")
    part = Part("small", "Small requests", "by wrk", (figure,))
    assert part_from(json.loads(json.dumps(as_json(part)))) == part
