"""The pure parts of the page: machines judged, looked for and drawn, and a reason as it is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.api import NodeState
from kboot_cloudconfig.page.config_outline import config_outline
from kboot_cloudconfig.page.fleet import _view
from kboot_cloudconfig.page.prose import parts_of
from kboot_cloudconfig.page.rack_pictures import RackPictures
from kboot_cloudconfig.page.racks import racks_of
from kboot_cloudconfig.page.timeline import length_in_words, timeline
from kboot_cloudconfig.page.view import Group, Sort, View, grouped
from kboot_cloudconfig.row import Level, Row, natural, row_of
from kboot_clusterdesc import Phase
from support.calls import calls_of
from support.shown_node import node_state

_AT = "2026-11-29T10:00:00Z"


def _row(name: str = "node1", phase: Phase = Phase.RUNNING, **said: Any) -> Row:
    return row_of(node_state(name, phase, **said))


def _units(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "lines": []} for name in names]


@pytest.mark.parametrize(
    ("node", "level", "note"),
    [
        (node_state(phase=Phase.FAILED), Level.BAD, "no reason given"),
        (node_state(phase=Phase.BOOTING, overdue="booting for long"), Level.BAD, "booting for long"),
        (node_state(reason="it does not answer"), Level.BAD, "it does not answer"),
        (
            node_state(phase=Phase.WAITING, reason="not armed: the state was lost"),
            Level.ODD,
            "not armed: the state was lost",
        ),
        (node_state(failed_units=_units("a.service")), Level.BAD, "a.service failed"),
        (node_state(failed_units=_units("a.service", "b.mount", "c.mount")), Level.BAD, "a.service failed, and 2 more"),
        (
            node_state(reason="it does not answer", overdue="for long", failed_units=_units("a.service")),
            Level.BAD,
            "it does not answer; for long; a.service failed",
        ),
        (node_state(config="outdated"), Level.ODD, "runs an older config"),
        (node_state(phase=Phase.CONFIGURED, config="outdated"), Level.BUSY, ""),
        (node_state(remark="its clock was set"), Level.ODD, "its clock was set"),
        (node_state(phase=Phase.WAITING), Level.IDLE, ""),
        (node_state(phase=Phase.READY), Level.GOOD, ""),
    ],
)
def test_a_machine_is_judged_by_the_worst_that_is_known_of_it(node: NodeState, level: Level, note: str) -> None:
    row = row_of(node)
    assert (row.level, row.note) == (level, note)


def test_a_machine_is_found_by_each_of_its_failed_units() -> None:
    row = _row(failed_units=_units("a.service", "b.mount"))
    assert "b.mount" not in row.note
    assert "b.mount" in row.text


def test_names_sort_as_people_count() -> None:
    names = ["node10", "node2", "node1", "a", "node2b"]
    assert sorted(names, key=natural) == ["a", "node1", "node2", "node2b", "node10"]


@given(st.lists(st.text(alphabet="ab0129-. ", max_size=8), max_size=6))
def test_any_names_can_be_put_in_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural)
    assert all(natural(before) <= natural(after) for before, after in pairwise(ordered))


def test_every_order_keeps_every_machine_and_the_worst_are_first_unless_it_says_otherwise() -> None:
    rows = [_row("b"), _row("a", Phase.FAILED), _row("c", Phase.WAITING, ip=None), _row("d", rack="r2", unit=3)]
    for sort in Sort:
        assert sorted(row.name for row in View(sort=sort).chosen(rows)) == ["a", "b", "c", "d"]
    assert View().chosen(rows)[0].name == "a"
    assert [row.name for row in View(sort=Sort.ADDRESS).chosen(rows)][-1] == "c"
    assert View(sort=Sort.RACK).chosen(rows)[0].name == "d"


def test_groups_are_whole_and_what_has_no_rack_comes_last() -> None:
    rows = [
        _row("a"),
        _row("b", rack="r10"),
        _row("c", Phase.FAILED, rack="r2"),
        _row("d", rack="r10"),
        _row("e", rack="r2"),
    ]
    found = View(group=Group.RACK).chosen(rows)
    assert [(name, [row.name for row in each]) for name, each in grouped(found)] == [
        ("r2", ["c", "e"]),
        ("r10", ["b", "d"]),
        ("", ["a"]),
    ]


def test_the_address_of_a_look_has_what_is_not_as_usual_and_nothing_else() -> None:
    view = View("a b", (Phase.FAILED, Phase.READY), Level.BAD, "r 1", Sort.NAME, Group.RACK, 400)
    assert View().address() == "/"
    assert view.address(shown=400) == (
        "/?search=a+b&phase=failed&phase=ready&level=bad&rack=r+1&sort=name&group=rack&shown=400"
    )
    assert "shown" not in view.address(level=None)


def test_a_rack_is_drawn_from_below_and_machines_of_one_unit_beside_each_other() -> None:
    rows = [
        _row("low", rack="r1", unit=1),
        _row("high", rack="r1", unit=4),
        _row("left", rack="r1", unit=2),
        _row("right", rack="r1", unit=2),
        _row("loose", rack="r1"),
    ]
    (rack,) = racks_of(rows)
    places = {box.row.name: (box.x, box.y, box.width) for box in rack.boxes}
    assert rack.height == 40
    assert places["low"] == (0, 32, 59)
    assert places["high"] == (0, 8, 59)
    assert places["loose"] == (0, 0, 59)
    assert places["left"] == (0, 24, 29)
    assert places["right"] == (30, 24, 29)


def test_of_the_racks_only_those_parts_are_drawn_anew_that_changed() -> None:
    rows = [_row(f"n{at}", rack=f"r{at % 5}", unit=at // 5 + 1) for at in range(100)]
    rows += [_row(f"loose{at}") for at in range(450)]
    pictures, html = RackPictures(), dict[str, str]()

    def drawn(number: str) -> int:
        calls = calls_of(lambda: html.update({number: asyncio.run(pictures.html(rows, number))}))
        return calls["Template.render"]

    frame = 1
    assert drawn("1") == frame + 5 + 3
    assert drawn("1") == 0
    assert drawn("2") == frame
    rows[7] = _row("n7", Phase.FAILED, rack="r2", unit=2, reason="no <disk>")
    assert drawn("3") == frame + 1
    assert "n7: failed, no &lt;disk&gt;" in html["3"]
    assert html["3"] == asyncio.run(RackPictures().html(rows, "3"))
    del rows[-1]
    assert drawn("4") == frame + 1
    assert html["4"].count("<rect") == len(rows)


@given(st.lists(st.tuples(st.sampled_from(["", "r1", "r2"]), st.integers(0, 12)), max_size=60))
def test_no_two_machines_are_drawn_in_one_place(machines: list[tuple[str, int]]) -> None:
    rows = [_row(f"n{at}", rack=rack or None, unit=unit or None) for at, (rack, unit) in enumerate(machines)]
    racks = list(racks_of(rows))
    assert sum(len(rack.boxes) for rack in racks) == len(rows)
    for rack in racks:
        assert len({(box.x, box.y) for box in rack.boxes}) == len(rack.boxes)
        assert all(0 <= box.x < rack.width and 0 <= box.y < rack.height for box in rack.boxes)


def test_the_length_of_a_phase_ends_with_the_next_one_and_the_one_that_lasts_has_none() -> None:
    times = {Phase.RUNNING: "10:05:00", Phase.WAITING: "10:00:00", Phase.LEASED: "10:00:20"}
    phases = {phase: f"2026-11-29T{at}Z" for phase, at in times.items()}
    found = [(each.phase, each.words, each.share) for each in timeline(phases, Phase.RUNNING)]
    assert found == [(Phase.WAITING, "20 s", 7), (Phase.LEASED, "4 min 40 s", 100), (Phase.RUNNING, "", 100)]
    assert timeline({}, Phase.WAITING) == []


@given(st.dictionaries(st.sampled_from(list(Phase)), st.datetimes(timezones=st.just(UTC)), max_size=9))
def test_lengths_are_never_negative_and_add_up(times: dict[Phase, datetime]) -> None:
    phases = {phase: at.isoformat() for phase, at in times.items()}
    stretches = timeline(phases, Phase.WAITING)
    lengths = [each.length for each in stretches if each.length is not None]
    assert all(length >= timedelta(0) for length in lengths)
    if times:
        assert sum(lengths, timedelta(0)) == max(times.values()) - min(times.values())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (42, "42 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_length_is_said_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert length_in_words(timedelta(seconds=seconds)) == words


def test_an_outline_has_paths_and_units_and_none_of_their_contents() -> None:
    document = (
        b'{"files": [{"path": "/etc/b", "mode": "0600", "read_by": "b.service", "content": "secret"},'
        b' {"path": "/etc/a", "mode": "0644", "content": "secret"}],'
        b' "units": [{"name": "b.service", "enabled": true, "content": "secret"},'
        b' {"name": "a.service", "masked": true}]}'
    )
    outline = config_outline(document)
    assert outline is not None
    assert outline.files == (("/etc/a", "0644", ""), ("/etc/b", "0600", "b.service"))
    assert outline.units == (("a.service", "masked"), ("b.service", "enabled"))
    assert "secret" not in repr(outline)


@given(st.binary(max_size=80) | st.sampled_from([b"{}", b"[]", b"null", b'{"files": 1, "units": []}']))
def test_what_is_no_node_config_has_no_outline(document: bytes) -> None:
    assert config_outline(document) is None


def test_a_page_has_two_thousand_rows_at_most_however_many_are_asked_for() -> None:
    assert asyncio.run(_view(shown=1 << 40)).shown == 2000
    assert asyncio.run(_view(shown=1999)).shown == 1999
    assert View(shown=1999).more() == "/?shown=2000"
    assert View().more() == "/?shown=400"
    assert View(shown=2000).more() is None


def test_commands_and_times_of_a_sentence_are_told_apart_from_its_words() -> None:
    said = "it is silent since 2026-11-29T10:00:00Z: `kboot logs node1`, then look"
    assert list(parts_of(said)) == [
        ("text", "it is silent since "),
        ("time", "2026-11-29T10:00:00Z"),
        ("text", ": "),
        ("code", "kboot logs node1"),
        ("text", ", then look"),
    ]


@given(st.text(st.sampled_from("a`TZ:-0123456789 ")))
def test_no_word_of_a_sentence_is_lost(text: str) -> None:
    assert "".join(f"`{part}`" if kind == "code" else part for kind, part in parts_of(text)) == text
