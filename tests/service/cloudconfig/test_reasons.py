"""Whatever stops an install is a reason in the state, and a good install has every phase and no refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks

from .conftest import HOME, NODE1, NODE2, RELEASE, Server
from .release_store import spoil_release, switch_release

_PHASES = ["waiting", "leased", "booting", "installing", "configured", "installed", "running"]


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Server]:
    """A server that no lease was noted by yet: it looks once a second, and machines are faster."""
    made = Server(tmp_path, "ignition")
    made.start()
    made.lease(NODE1, NODE2)
    yield made
    made.stop()


def test_an_install_has_every_phase_however_fast_it_was_and_no_refusal(quick: Server) -> None:
    quick.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    token = quick.install_token(NODE1)
    quick.get(f"/ignition/{NODE1.dashed}.json", who=NODE1, tls=True, token=token)
    for phase in ("installed", "installing"):  # a word of progress that was on its way when the install ended
        assert quick.report(NODE1, phase, token).status_code == 204
    assert quick.node(NODE1)["phase"] == "installed"
    quick.report(NODE1, "running", quick.secrets.report_tokens[NODE1])
    assert list(quick.node(NODE1)["phases"]) == _PHASES
    told = [event["kind"] for event in quick.events() if event["mac"] == NODE1]
    assert told == _PHASES[1:]


def test_a_machine_without_a_boot_script_is_leased_before_it_installs(quick: Server) -> None:
    quick.install_token(NODE1)
    assert list(quick.node(NODE1)["phases"]) == ["waiting", "leased", "installing"]


def test_a_machine_that_waits_for_a_release_says_so(server: Server) -> None:
    spoil_release(server, RELEASE)
    server.get(f"/boot/{NODE1}.ipxe", who=NODE1)
    assert server.node(NODE1)["reason"] == "no OS release is in the store yet"
    assert server.get("/install.sh", who=NODE2).status_code == 503
    assert server.node(NODE2)["reason"] == "no OS release is in the store yet"
    switch_release(server, RELEASE)
    server.get(f"/boot/{NODE1}.ipxe", who=NODE1)
    assert server.node(NODE1)["reason"] is None


def test_a_refused_config_is_a_reason_where_the_token_is_the_machines(server: Server) -> None:
    path = f"/ignition/{NODE1.dashed}.json"
    token = server.install_token(NODE1)
    server.get(path, who=NODE2, tls=True, token="made up")
    assert server.node(NODE1)["reason"] is None
    server.get(path, who=NODE2, tls=True, token=token)
    assert server.node(NODE1)["reason"] == f"its node config was refused to {HOME[NODE2]}: wrong-address"
    assert server.get(path, who=NODE1, tls=True, token=token).status_code == 200
    assert server.node(NODE1)["reason"] is None


def test_a_config_that_is_missing_is_a_reason(server: Server) -> None:
    token = server.install_token(NODE1)
    (server.folder.node(NODE1) / "ignition.json").unlink()
    assert server.get(f"/ignition/{NODE1}.json", who=NODE1, tls=True, token=token).status_code == 404
    assert server.node(NODE1)["reason"] == "its node config cannot be given: this machine has no such file"


def test_an_install_that_was_disarmed_midway_says_so_until_it_is_armed(server: Server) -> None:
    token = server.install_token(NODE1)
    server.arm(NODE1, "disarm")
    assert server.report(NODE1, "installing", token, bytes=1).status_code == 403
    node = server.node(NODE1)
    assert (node["phase"], node["armed"]) == ("installing", False)
    assert node["reason"] == "disarmed before its install was done: `kboot node reinstall` arms it again"
    server.arm(NODE1)
    assert server.node(NODE1)["reason"] is None
    assert server.report(NODE1, "installing", token, bytes=1).status_code == 403
    assert server.node(NODE1)["reason"] == "its report was refused: it is of an earlier install"


_OTHERS_DHCP = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network: {bootstrapper: 127.0.0.253, subnet: 127.0.0.0/24, dhcp: {mode: off}}
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, ip: 127.0.0.11, roles: [worker]}
  - {mac: "52:54:00:00:00:02", name: node2, roles: [worker]}
"""


def test_beside_another_dhcp_server_an_address_that_is_not_the_described_one_is_a_reason(server: Server) -> None:
    server.describe(_OTHERS_DHCP)
    server.get(f"/boot/{NODE1}.ipxe", who="127.0.1.1")
    assert server.node(NODE1)["reason"] is None, "nobody of this network"
    server.get(f"/boot/{NODE1}.ipxe", who="127.0.0.77")
    server.get(f"/boot/{NODE2}.ipxe", who=NODE2)
    assert [server.node(mac)["reason"] for mac in (NODE1, NODE2)] == [
        "its boot script was asked for from 127.0.0.77, and its `ip` is 127.0.0.11, "
        "which the DHCP server of the site has to give it",
        f"its boot script was asked for from {HOME[NODE2]}, and the description gives it no `ip`",
    ]
    assert "&boot=" in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    node = server.node(NODE1)
    assert (node["phase"], node["reason"]) == ("booting", None)


def test_beside_another_dhcp_server_a_machine_that_runs_at_another_address_is_told_of(server: Server) -> None:
    server.describe(_OTHERS_DHCP.replace("127.0.0.11", "127.0.0.21"))
    token = server.secrets.report_tokens[NODE1]
    assert server.report(NODE1, "running", token, detail="the clock was set").status_code == 204
    assert server.node(NODE1)["remark"] == (
        f"the clock was set; it runs at {HOME[NODE1]}, and its `ip` is 127.0.0.21, "
        "which the DHCP server of the site has to give it"
    )
    server.describe(_OTHERS_DHCP)
    server.report(NODE1, "running", token)
    assert server.node(NODE1)["remark"] is None


def test_a_phase_that_lasts_too_long_is_said_with_what_to_try(server: Server) -> None:
    server.get(f"/boot/{NODE1}.ipxe", who=NODE1)
    assert server.node(NODE1)["overdue"] is None
    server.rewrite(NODE1, lambda state: state.update(since="2026-01-01T00:00:00+00:00"))
    late = server.node(NODE1)["overdue"]
    assert late.startswith("booting for more than 20 minutes: it has not asked for install.sh")
    assert late in server.get("/").text
    server.install(NODE1)
    assert server.node(NODE1)["overdue"] is None


def test_a_lease_that_comes_is_heard_of(quick: Server) -> None:
    quick.wait_phase(NODE1, "leased")
    node = quick.node(NODE1)
    assert node["heard"] >= node["phases"]["leased"]


def test_a_machine_that_runs_is_looked_for_and_since_when_it_is_off_is_its_reason(server: Server) -> None:
    server.stop()
    server.start(KBOOT_PRESENCE_EVERY_S="0.2")
    server.install(NODE1)
    server.report(NODE1, "running", server.secrets.report_tokens[NODE1])
    told = server.node(NODE1)["heard"]
    for _ in looks(30, 0.1):
        if (node := server.node(NODE1))["heard"] > told:
            break
    assert (node["heard"] > told, node["reason"]) == (True, None)
    leases = server.folder.leases / "dnsmasq.leases"
    nobody = leases.read_text().replace(HOME[NODE1], "255.255.255.255")  # nothing connects there
    leases.write_text(nobody)
    for _ in looks(30, 0.1):
        if (node := server.node(NODE1))["reason"]:
            break
    assert re.fullmatch(r"it does not answer since \S+Z: it is off, or out of reach", node["reason"])
    for _ in looks(30, 0.1):
        server.report(NODE1, "running", server.secrets.report_tokens[NODE1])
        if (node := server.node(NODE1))["reason"] is None:
            break
    assert node["reason"] is None, "who reports is neither off nor out of reach"
    server.lease(NODE1, NODE2)
    for _ in looks(30, 0.1):
        if (node := server.node(NODE1))["reason"] is None:
            break
    assert node["reason"] is None


def test_it_is_said_when_a_machine_was_last_heard_of(server: Server) -> None:
    assert server.node(NODE1)["heard"] is None, "its lease is older than this server: nobody knows since when"
    server.install(NODE1)
    node = server.node(NODE1)
    assert node["heard"] >= node["phases"]["installed"]
    server.get(f"/boot/{NODE1}.ipxe", who=NODE2)
    server.stop()
    server.start()
    assert server.node(NODE1)["heard"] == node["heard"]
