"""Tables in windows of any width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.cli.tables import (
    Cell,
    Column,
    Span,
    Table,
    Way,
    folded,
    folded_line,
    plain,
    shortened,
    table_lines,
    width_of,
)

_NODES = Table(
    (Column("NODE"), Column("MAC", spare=1), Column("PHASE"), Column("", Way.FOLD, least=12)),
    [
        ["node1", "52:54:00:00:00:01", Span("failed", "bold red"), "no disk fits the rule of this node"],
        ["node2", "52:54:00:00:00:02", Span("ready", "green"), ""],
    ],
)
_CELLS = st.text(st.characters(codec="utf-8"), max_size=60)


def _printed(table: Table, window: int | None, **ways: bool) -> list[str]:
    return [plain(line) for line in table_lines(table, window, **ways)]


def test_each_row_is_one_whole_line_where_there_is_no_window() -> None:
    assert _printed(_NODES, None) == [
        "NODE   MAC                PHASE",
        "node1  52:54:00:00:00:01  failed  no disk fits the rule of this node",
        "node2  52:54:00:00:00:02  ready",
    ]


def test_a_cell_that_is_too_wide_is_folded_between_words() -> None:
    assert _printed(_NODES, 48) == [
        "NODE   MAC                PHASE",
        "node1  52:54:00:00:00:01  failed  no disk fits",
        "                                  the rule of",
        "                                  this node",
        "node2  52:54:00:00:00:02  ready",
    ]


def test_a_row_is_one_line_with_an_ellipsis_where_folding_is_not_wanted() -> None:
    assert _printed(_NODES, 48, folds=False)[1] == "node1  52:54:00:00:00:01  failed  no disk fits…"


def test_a_spare_column_is_left_out_before_others_are_pressed() -> None:
    assert _printed(_NODES, 40) == [
        "NODE   PHASE",
        "node1  failed  no disk fits the rule of",
        "               this node",
        "node2  ready",
    ]


def test_all_columns_that_do_not_fit_are_lines_of_title_and_cell() -> None:
    assert _printed(_NODES, 34, wide=True) == [
        "NODE   node1",
        "MAC    52:54:00:00:00:01",
        "PHASE  failed",
        "       no disk fits the rule of",
        "       this node",
        "",
        "NODE   node2",
        "MAC    52:54:00:00:00:02",
        "PHASE  ready",
    ]


def test_a_column_of_the_wide_form_is_shown_there_alone() -> None:
    table = Table((Column("A"), Column("B", is_wide=True)), [["1", "2"]])
    assert _printed(table, None) == ["A", "1"]
    assert _printed(table, None, wide=True) == ["A  B", "1  2"]


def test_a_name_that_is_shortened_keeps_both_ends() -> None:
    assert shortened("registry.k8s.io/kube-proxy:v1.36.2", 21, keeps_end=True) == "registry.k…xy:v1.36.2"
    assert shortened("a sentence that is long", 12) == "a sentence…"
    assert shortened("short", 5) == "short"


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    assert _printed(Table((Column("A"),), [["\x1b[2Jgone\nnext"]]), None)[1] == "\\x1b[2Jgone\\nnext"


@given(
    st.lists(st.tuples(*[_CELLS] * 4), max_size=5),
    st.integers(min_value=20, max_value=200),
    st.booleans(),
    st.booleans(),
)
def test_no_line_is_wider_than_the_window(rows: list[tuple[str, ...]], window: int, wide: bool, folds: bool) -> None:
    columns = (Column("KEPT"), Column("ENDS", Way.MIDDLE), Column("TEXT", Way.FOLD, spare=1), Column("SPARE", spare=2))
    cells: list[list[Cell]] = [list(row) for row in rows]
    for line in table_lines(Table(columns, cells), window, wide=wide, folds=folds):
        assert width_of(plain(line)) <= window


@given(st.text(st.sampled_from("ab c漢é"), max_size=80), st.integers(min_value=2, max_value=40))
def test_folding_loses_no_letter(text: str, width: int) -> None:
    lines = folded(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line) <= width for line in lines)


@pytest.mark.parametrize("width", range(1, 12))
def test_a_shortened_text_is_no_wider_than_asked(width: int) -> None:
    for text in ("漢字漢字漢字", "abcdefghijk"):
        assert width_of(shortened(text, width)) <= width
        assert width_of(shortened(text, width, keeps_end=True)) <= width


@given(
    st.lists(st.tuples(st.text(st.sampled_from("ab c漢"), max_size=30), st.sampled_from(["", "bold"])), max_size=4),
    st.integers(min_value=10, max_value=60),
)
def test_a_line_that_is_folded_loses_no_letter_and_no_style(pieces: list[tuple[str, str]], width: int) -> None:
    line = tuple(Span(*piece) for piece in pieces)
    lines = folded_line(line, width)
    assert all(width_of(plain(each)) <= width for each in lines)
    for style in ("", "bold"):
        before = "".join(span.text for span in line if span.style == style)
        after = "".join(span.text for each in lines for span in each if span.style == style)
        assert "".join(after.split()) == "".join(before.split())
