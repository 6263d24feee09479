"""Where a machine stands: optional, and no more than a word for people."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import dump, load_bytes
from unit.clusterdesc.sample import accepted, place, refusal, spoilt


def test_a_unit_without_its_rack_is_refused_where_it_stands() -> None:
    text = spoilt(("name: node1", "name: node1, unit: 12"))
    assert refusal(text) == (
        f"{place(text, '12, ip')}: nodes[0].unit: unit 12 of no rack\n"
        "  hint: name its rack, `rack: r1`, or leave the unit out"
    )


@pytest.mark.parametrize("rack", ["r1", "Hall 2/A.07", "42"])
def test_a_rack_is_a_word_for_people_and_stays_in_what_is_written(rack: str) -> None:
    desc = accepted(spoilt(("name: node1", f"name: node1, rack: {rack}, unit: 07")))
    assert (desc.nodes[0].rack, desc.nodes[0].unit) == (rack, 7)
    assert load_bytes(dump(desc), "again.yaml") == desc


@pytest.mark.parametrize("place_of_it", ['rack: "r<1>"', "rack: r1, unit: 0", "rack: r1, unit: 101", "rack: ''"])
def test_a_rack_or_unit_that_is_none_is_refused(place_of_it: str) -> None:
    assert "nodes[0]." in refusal(spoilt(("name: node1", f"name: node1, {place_of_it}")))


def test_a_description_without_racks_is_written_as_before() -> None:
    assert b"rack" not in dump(accepted(spoilt()))
