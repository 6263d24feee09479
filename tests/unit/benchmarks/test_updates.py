"""What the part of updates sends, and when."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kboot_bench.paced import due_s, sent_from
from kboot_bench.rack import RELEASE, mac_of
from kboot_bench.updates import check, checks, words
from kboot_cloudconfig.omaha_request import read_request
from kboot_cloudconfig.update_agent import AgentWord
from kboot_cloudconfig.update_offer import APP_ID


def test_machines_ask_evenly_over_the_time_and_the_last_before_its_end() -> None:
    assert due_s(4, 60) == [0, 15, 30, 45]
    due = due_s(1000, 60)
    assert (len(due), due[0]) == (1000, 0)
    assert {round(later - sooner, 9) for sooner, later in pairwise(due)} == {0.06}


def test_the_check_of_a_machine_is_one_that_the_server_reads() -> None:
    (app,) = read_request(check(7).encode())
    assert (app.app_id.strip("{}"), app.version, app.track, app.board) == (APP_ID, RELEASE, "stable", "amd64-usr")
    assert (app.machine_id, app.checks, app.pings, len(app.events)) == (f"{7:032x}", True, True, 1)


def test_each_machine_asks_once_from_its_own_address_and_nginx_for_a_file(tmp_path: Path) -> None:
    asked = checks(1000, tmp_path)
    assert len({each.address for each in asked}) == 1000
    assert {each.path for each in asked} == {"/v1/update/"}
    assert {each.path for each in checks(3, None)} == {"/update.xml"}


def test_an_agent_tells_its_word_by_its_own_token(tmp_path: Path) -> None:
    for machine in (1, 2):
        place = tmp_path / "nodes" / mac_of(machine).replace(":", "-")
        place.mkdir(parents=True)
        (place / "report-token").write_text(f"token-{machine}\n")
    first, second = words(2, tmp_path)
    assert first.path == f"/v1/nodes/{mac_of(1).replace(':', '-')}/update"
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert AgentWord.model_validate_json(first.body).boot != AgentWord.model_validate_json(second.body).boot
    assert {each.headers["Authorization"] for each in words(1, None)} == {"Bearer "}


@pytest.mark.parametrize("number", [0, 1])
def test_a_request_is_read_as_it_was_written(number: int, tmp_path: Path) -> None:
    request = checks(2, tmp_path)[number]
    assert sent_from(request.line) == request
