"""A database that reached its quota, with real members and the real script: `kboot-etcd defrag` is the way out."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kboot.cli.main import run
from service.kboot.etcd.machines import FAKES, Machine, Site

_QUOTA_BYTES = 4 << 20
_VALUE = "x" * 200_000
# As etcdctl of 3.5 and newer has it; Debian's calls a member healthy whatever alarms there are.
_ETCDCTL = """#!/bin/bash
case " $* " in
  *" endpoint health "*)
    alarms=$("$REAL/etcdctl" --endpoints="$(grep -o 'https://[^ ]*' <<<"$*")" alarm list) || exit
    [ -z "$alarms" ] || { echo "Active Alarm(s): $alarms" >&2; exit 1; }
    ;;
esac
exec "$REAL/etcdctl" "$@"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Three members with a small quota run, and their tools are as new ones; machines are reached."""
    made = Site(tmp_path)
    tools, real = tmp_path / "tools", made.environment["TOOLS"]
    tools.mkdir()
    (tools / "etcd").symlink_to(f"{real}/etcd")
    (tools / "etcdctl").write_text(_ETCDCTL)
    (tools / "etcdctl").chmod(0o755)
    made.environment |= {"TOOLS": str(tools), "REAL": real}
    for machine in made.machines:
        env = machine.folder / "etc/etcd/etcd.env"
        env.write_text(env.read_text().replace("BYTES=4294967296", f"BYTES={_QUOTA_BYTES}"))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{FAKES}:{os.environ['PATH']}")
    try:
        made.start()
        yield made
    finally:
        made.stop()


def fill(site: Site, *, same: bool, begin: int = 0) -> None:
    """Write until etcd takes nothing more: many values of one key, or one of many keys."""
    for number in range(begin, begin + 60):
        key = b64encode(b"one" if same else f"many{number}".encode()).decode()
        try:
            site.client.call(site.machines[0], "kv/put", {"key": key, "value": b64encode(_VALUE.encode()).decode()})
        except httpx.HTTPStatusError as refused:
            if "database space exceeded" not in refused.response.text:
                raise
            return
    pytest.fail("the quota was never reached")


def defrag(site: Site, machine: Machine) -> tuple[int, str]:
    """Run it as its unit does: the exit code and what it says."""
    done = site.run(machine, "/opt/bin/kboot-etcd", "defrag")
    return done.returncode, done.stderr


def alarms(site: Site) -> str:
    return site.run(site.machines[0], "/opt/bin/kboot-etcd", "ctl", "alarm", "list").stdout


def test_a_full_database_is_freed_and_takes_writes_again(site: Site) -> None:
    fill(site, same=True)
    assert "NOSPACE" in alarms(site)
    code, said = defrag(site, site.machines[1])
    assert code == 0, said
    assert "there is room again" in said
    assert alarms(site) == ""
    for machine in site.machines:
        site.client.put(machine)
    code, said = defrag(site, site.machines[0])
    assert (code, "the database is full" in said) == (0, False)


def test_what_was_compacted_before_needs_no_more_than_a_defragmentation(site: Site) -> None:
    fill(site, same=True)
    revision = site.client.call(site.machines[0], "kv/range", {"key": b64encode(b"one").decode()})["header"]["revision"]
    site.client.call(site.machines[0], "kv/compaction", {"revision": revision, "physical": True})
    code, said = defrag(site, site.machines[0])
    assert code == 0, said
    site.client.put(site.machines[2], _VALUE)


def test_a_database_full_of_present_values_keeps_them_and_its_alarm(site: Site) -> None:
    for begin in range(0, 600, 60):  # what bolt left free in its file is had first
        fill(site, same=False, begin=begin)
        code, said = defrag(site, site.machines[0])
        if code != 0:
            break
    assert code == 1
    assert "full of present values: delete some" in said
    assert "NOSPACE" in alarms(site)
    body = {"key": b64encode(b"many").decode(), "range_end": b64encode(b"many2").decode()}
    assert int(site.client.call(site.machines[0], "kv/deleterange", body)["deleted"]) > 1
    assert defrag(site, site.machines[0])[0] == 0
    site.client.put(site.machines[0])


def test_a_member_that_is_away_stops_it_and_that_is_no_success(site: Site) -> None:
    site.run(site.machines[2], "systemctl", "stop", "etcd.service")
    site.client.wait(site.machines[0])
    code, said = defrag(site, site.machines[0])
    assert (code, "not every member is healthy: nothing is defragmented now" in said) == (1, True), said
    fill(site, same=True)
    code, said = defrag(site, site.machines[0])
    assert (code, "not every member answers: nothing is defragmented now" in said) == (1, True), said
    site.run(site.machines[1], "systemctl", "stop", "etcd.service")
    code, said = defrag(site, site.machines[0])
    assert (code, "no quorum of etcd answers: nothing is defragmented now" in said) == (1, True), said
    assert os.path.exists(site.machines[0].folder / "var/lib/etcd/member-data")


def test_a_restored_snapshot_of_a_full_database_takes_writes_again(site: Site, tmp_path: Path) -> None:
    fill(site, same=True)
    file, root = tmp_path / "full.db", ["--root", str(site.root)]
    assert run(["etcd", "snapshot", "-o", str(file), *root]) == 0
    assert run(["etcd", "restore", str(file), "--yes", "--trust-first-contact", "--timeout", "60", *root]) == 0
    assert alarms(site) == ""
    site.client.put(site.machines[2], _VALUE)
