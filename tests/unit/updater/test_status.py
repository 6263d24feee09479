"""The status file and the heartbeat."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kboot_updater.health_check import MAX_AGE_S, is_healthy
from kboot_updater.status import EVENTS_KEPT, MirrorStatus, read_status, write_status

NOW = datetime(2024, 1, 5, 3, 0, tzinfo=UTC)


def test_a_status_reads_back_as_it_was_written(tmp_path: Path) -> None:
    status = MirrorStatus(checked="2024-01-05T03:00:00Z", channel="stable", version="current", current="3975.2.0")
    status.note(NOW, "switched", "to 3975.2.0")
    write_status(tmp_path / "status.json", status)
    assert read_status(tmp_path / "status.json") == status
    assert os.listdir(tmp_path) == ["status.json"]
    event = json.loads((tmp_path / "status.json").read_text())["events"][0]
    assert event == {"at": "2024-01-05T03:00:00Z", "kind": "switched", "detail": "to 3975.2.0"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"events": [1]}', b"\xff"])
def test_a_status_that_cannot_be_read_is_a_fresh_one(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(content)
    assert read_status(tmp_path / "status.json") == MirrorStatus()


def test_a_store_that_takes_no_byte_is_told_and_survived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_status(tmp_path / "missing" / "status.json", MirrorStatus())
    assert '"event": "status-not-written"' in capsys.readouterr().out


def test_the_last_events_are_kept() -> None:
    status = MirrorStatus()
    for number in range(EVENTS_KEPT + 10):
        status.note(NOW + timedelta(seconds=number), "switched", f"to {number}")
    assert len(status.events) == EVENTS_KEPT
    assert status.events[-1].detail == f"to {EVENTS_KEPT + 9}"


def test_what_stays_as_it_was_is_one_event_with_the_time_it_began() -> None:
    status = MirrorStatus()
    for hour in range(3):
        status.note(NOW + timedelta(hours=hour), "unreachable", "no answer")
    assert [event.at for event in status.events] == ["2024-01-05T03:00:00Z"]


def test_what_holds_for_months_is_told_once_beside_the_rest() -> None:
    status = MirrorStatus()
    for kind in ("a", "b"):
        status.note(NOW, "key-expired", "key X", standing=True)
        status.note(NOW, kind, "")
    assert [event.kind for event in status.events] == ["key-expired", "a", "b"]


@pytest.mark.parametrize(
    ("age_s", "healthy"), [(0, True), (MAX_AGE_S - 1, True), (MAX_AGE_S + 1, False), (-9, True), (-1e8, False)]
)
def test_health_is_the_age_of_the_heartbeat(age_s: float, healthy: bool, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    os.utime(heartbeat, (1000, 1000))
    assert is_healthy(heartbeat, 1000 + age_s) is healthy


def test_without_a_heartbeat_it_is_not_healthy(tmp_path: Path) -> None:
    assert not is_healthy(tmp_path / "heartbeat", 0)
