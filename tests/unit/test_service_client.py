"""How a client's losses are counted, and when they are no more than others."""

from __future__ import annotations

import pytest

from support.service_client import Asked, Loss, asked_from, loss_of, spans_of_loss

LINES = ["100 10.0.0.1 ok", "101 10.0.0.2 lost", "105 10.0.0.1 lost", "130 10.0.0.1 lost"]


def test_a_line_is_a_question() -> None:
    assert asked_from(LINES[:2]) == [Asked(100, "10.0.0.1", True), Asked(101, "10.0.0.2", False)]


def test_what_was_asked_of_a_node_in_its_turn_counts_for_nothing_and_of_others_meanwhile_it_does() -> None:
    asked = asked_from(LINES)
    assert loss_of(asked, {}) == Loss(4, 3)
    assert loss_of(asked, {"10.0.0.1": [(104, 110)]}) == Loss(3, 2)
    assert loss_of(asked, {"10.0.0.1": [(90, 99), (104, 140)], "10.0.0.3": [(0, 999)]}) == Loss(2, 1)


def test_what_was_lost_at_a_node_without_an_answer_between_is_one_span() -> None:
    asked = asked_from([*LINES, "131 10.0.0.1 ok", "140 10.0.0.1 lost"])
    assert spans_of_loss(asked, {"10.0.0.2": [(0, 999)]}) == [
        "10.0.0.1 00:01:45 to 00:02:10: 2",
        "10.0.0.1 00:02:20 to 00:02:20: 1",
    ]


@pytest.mark.parametrize(
    ("lost", "of_other", "expected"), [(0, 0, True), (3, 0, True), (4, 0, False), (30, 12, False), (20, 12, True)]
)
def test_more_is_lost_where_chance_does_not_explain_it(lost: int, of_other: int, expected: bool) -> None:
    assert Loss(900, lost).is_no_more_than(Loss(700, of_other)) is expected
