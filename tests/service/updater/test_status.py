"""What status.json says after a check, also after one that failed."""

from __future__ import annotations

from pathlib import Path

from service.updater.release_server import NAMES, Ill, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site


def test_a_status_that_was_damaged_is_begun_anew(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, "3975.2.0")
    site.settings.status.write_text('{"events": 7')
    site.check()
    assert site.status()["current"] == "3975.2.0"


def test_the_same_fault_twice_is_one_event_and_its_end_another(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3975.2.0")
    site.check()
    server.ills["version.txt"] = Ill(status=404)
    for _ in range(3):
        site.check()
    status = site.status()
    assert status["error_kind"] == "not-there"
    assert (status["checks_total"], status["failed_checks_total"]) == (4, 3)
    server.ills.clear()
    site.check()
    assert site.kinds() == ["mirrored", "switched", "not-there", "recovered"]
    assert site.status()["error"] is None


def test_a_store_that_cannot_be_written_is_a_fault_and_no_crash(
    site: Site, server: ReleaseServer, key: SigningKey, tmp_path: Path
) -> None:
    published(server, key, "3975.2.0")
    (site.images / "stable").write_text("a file where a folder belongs")
    result = site.check()
    assert result.fault is not None
    assert result.fault.kind == "failed"


def test_two_faults_that_stand_beside_each_other_are_told_once_each(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    server.ills[NAMES.payload] = Ill(status=404)
    published(server, key, "3975.2.0")
    site.check()
    server.ills["version.txt"] = Ill(status=404)
    for _ in range(3):
        site.check()
    assert site.kinds() == ["mirrored", "switched", "not-there", "not-there"]
    status = site.status()
    assert [event["detail"] for event in status["events"][-2:]] == [status["payload_error"], status["error"]]
