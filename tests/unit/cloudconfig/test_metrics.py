"""What Prometheus is told: how things are, and what was counted."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from kboot_cloudconfig import machine as life
from kboot_cloudconfig.app import create_app
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.leases import LeaseEntry
from kboot_cloudconfig.observed import left_after_s, part_of
from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc import EventKind, Phase
from support.seeded_fleet import description_of, mac_of, seed

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A fleet of a hundred machines, half of which have a lease."""
    for name in ("config", "leases", "images", "nodes"):
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "clusterdesc.yaml").write_text(description_of(100).replace("CONFIG", "ignition"))
    seed(tmp_path / "state" / "kboot.db", 100, datetime.now(UTC))
    end = int(time.time()) + 3600
    lines = (f"{end} {mac_of(number)} 10.10.1.{number} * *\n" for number in range(1, 51))
    (tmp_path / "leases" / "dnsmasq.leases").write_text("".join(lines))
    places = {"KBOOT_CONFIG_DIR": str(tmp_path / "config"), "KBOOT_DATA_DIR": str(tmp_path)}
    made = Fleet(settings_from(places | {"KBOOT_UID": str(os.getuid())}))
    yield made
    made.store.close()


def _ask(fleet: Fleet, *paths: str, accept: str = "") -> list[httpx.Response]:
    """What one server answers to requests, one after the other."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(fleet))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path, headers={"accept": accept}) for path in paths]

    return asyncio.run(ask())


def _samples(fleet: Fleet, *before: str) -> Samples:
    answer = _ask(fleet, *before, "/metrics")[-1]
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    found = [sample for family in families for sample in family.samples]
    samples = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in found}
    assert len(samples) == len(found), "a sample stands there twice"
    return samples


def _of(samples: Samples, metric: str, /, **labels: str) -> float:
    return samples[metric, tuple(sorted(labels.items()))]


def test_machines_are_counted_by_phase_and_each_has_its_own(fleet: Fleet) -> None:
    fleet.store.discover(LeaseEntry(mac_of(900), IPv4Address("10.10.9.9"), 0), fleet.now())
    samples = _samples(fleet)
    by_phase = {phase: _of(samples, "kboot_machines", phase=phase.value) for phase in Phase}
    assert by_phase[Phase.FAILED] == 2
    assert by_phase[Phase.WAITING] == 2
    assert by_phase[Phase.DISCOVERED] == _of(samples, "kboot_machines_discovered") == 1
    assert sum(by_phase.values()) == 101
    assert _of(samples, "kboot_machine_phase", name="node7", mac=mac_of(7), rack="r1", phase="failed") == 1
    assert _of(samples, "kboot_machine_bad", name="node7") == 1
    assert _of(samples, "kboot_machine_bad", name="node8") == 0
    since = _of(samples, "kboot_machine_phase_start_timestamp_seconds", name="node8")
    assert 0 < time.time() - since < 3600


def test_addresses_of_the_range_are_counted_as_used_and_free(fleet: Fleet) -> None:
    samples = _samples(fleet)
    used, free = (_of(samples, "kboot_leases", state=state) for state in ("used", "free"))
    assert used == 50
    assert used + free == int(IPv4Address("10.10.250.250")) - int(IPv4Address("10.10.1.1")) + 1


def test_each_phase_of_an_install_is_counted_with_its_length_when_it_is_over(fleet: Fleet) -> None:
    mac, now = mac_of(49), fleet.now()
    leased = life.got_lease(fleet.machine(mac), now)
    fleet.keep(fleet.machine(mac), leased)
    fleet.keep(leased, life.fetched_boot_script(leased, "3975.2.0", "0" * 64, now + timedelta(seconds=12)))
    samples = _samples(fleet)
    assert _of(samples, "kboot_install_phase_seconds_count", phase="leased") == 1
    assert _of(samples, "kboot_install_phase_seconds_sum", phase="leased") == 12
    assert ("kboot_install_phase_seconds_count", (("phase", "booting"),)) not in samples


def test_a_node_that_is_ready_again_and_a_machine_that_fails_later_are_no_phase_of_an_install() -> None:
    now = datetime.now(UTC)
    running = life.booted_from_disk(life.declared(mac_of(1), now), None, None, now)
    ready = life.became_ready(running, now + timedelta(seconds=40))
    assert left_after_s(running, ready) == 40
    again = life.became_unready(ready, "not Ready", now + timedelta(days=9))
    assert left_after_s(ready, again) is None
    assert left_after_s(again, life.became_ready(again, now + timedelta(days=10))) is None
    assert left_after_s(running, life.failed(running, "no disk", now + timedelta(days=9))) is None


def test_every_refusal_is_counted_by_its_reason_however_seldom_it_is_told(fleet: Fleet) -> None:
    for _ in range(5):
        fleet.refuse(mac_of(1), None, "no-token", "/ignition/x.json")
    fleet.tell(EventKind.ARMED, mac_of(1))
    samples = _samples(fleet)
    assert _of(samples, "kboot_refused_total", reason="no-token") == 5
    assert _of(samples, "kboot_events_total", kind="refused") == 1
    assert _of(samples, "kboot_events_total", kind="armed") == 1


def test_requests_are_counted_by_what_they_are_for_and_never_by_their_path(fleet: Fleet) -> None:
    samples = _samples(fleet, "/v1/nodes", "/machines/x", "/a/b/c", "/.env", "/healthz")
    assert _of(samples, "kboot_http_requests_total", of="api", status="200") == 1
    assert _of(samples, "kboot_http_requests_total", of="page", status="404") == 1
    assert _of(samples, "kboot_http_requests_total", of="image", status="404") == 1
    assert _of(samples, "kboot_http_requests_total", of="other", status="404") == 1
    assert _of(samples, "kboot_http_response_bytes_total", of="api") > 10_000
    assert {part_of(path) for path in ("/", "/boot/x.ipxe", "/install.sh", "/ignition/x.json", "/x")} == {
        "page",
        "boot",
        "install",
        "config",
        "other",
    }


def test_ends_of_certificates_and_missing_images_come_from_what_kboot_wrote(fleet: Fleet) -> None:
    assert not [name for name, _ in _samples(fleet) if name.startswith("kboot_certificate")]
    (fleet.settings.config / "summary.json").write_text(
        '{"made": "2026-11-29T10:00:00Z", "kboot": "0.1.0",'
        ' "certificates": [{"name": "etcd-server", "owner": "node1", "ends": "2027-01-01T00:00:00Z", "count": 3}],'
        ' "images": [{"reference": "a:1", "is_here": false}, {"reference": "b:1", "is_here": true}],'
        ' "services": [{"name": "dnsmasq", "image": "kboot-dnsmasq:0.1.0"}]}'
    )
    samples = _samples(fleet)
    end = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    assert _of(samples, "kboot_certificate_not_after_seconds", name="etcd-server", owner="node1") == end
    assert _of(samples, "kboot_images_missing") == 1
    assert _of(samples, "kboot_service_info", service="dnsmasq", image="kboot-dnsmasq:0.1.0") == 1
    assert _of(samples, "kboot_build_info", version="0.1.0") == 1


def test_the_updater_is_told_with_the_times_of_its_last_look_and_success(fleet: Fleet) -> None:
    (fleet.settings.images / "status.json").write_text(
        '{"checked": "2026-11-29T10:00:00Z", "succeeded": "2026-11-28T10:00:00Z",'
        ' "error": "no answer", "checks_total": 7}'
    )
    samples = _samples(fleet)
    assert _of(samples, "kboot_updater_last_check_failed") == 1
    assert _of(samples, "kboot_updater_checks_total") == 7
    day = 24 * 3600
    assert _of(samples, "kboot_updater_last_check_timestamp_seconds") - day == _of(
        samples, "kboot_updater_last_success_timestamp_seconds"
    )


def test_openmetrics_are_given_to_who_asks_for_them_with_their_one_end(fleet: Fleet) -> None:
    answer = _ask(fleet, "/metrics", accept="application/openmetrics-text; version=1.0.0")[0]
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.count("# EOF") == 1
    read = openmetrics(answer.text)  # type: ignore[no-untyped-call]  # it has no types
    assert {"kboot_machines", "kboot_events", "process_cpu_seconds"} <= {family.name for family in read}
