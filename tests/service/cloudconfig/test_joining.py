"""`unknown_machines: worker` over the wire: a machine that no one declared is let in, and stays a node."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kboot.host.waiting import looks
from kboot_clusterdesc import Mac, joined

from .conftest import HEAD, NODE1, NODE2, STRANGER, Server

_DESCRIPTION = (
    HEAD
    + """\
os: {config: CONFIG}
kubernetes: {version: v1.36.2}
unknown_machines: worker
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, roles: [control-plane, etcd], install_disk: /dev/vda}
  - {mac: "52:54:00:00:00:02", roles: [worker]}
"""
)
_CLOSED = _DESCRIPTION.replace("unknown_machines: worker", "unknown_machines: ignore").replace("CONFIG", "ignition")


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that lets machines in; the stranger has a lease, and has not booted yet."""
    made = Server(tmp_path, getattr(request, "param", "ignition"), _DESCRIPTION)
    made.lease(NODE1, NODE2, STRANGER)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    made.stop()


def boot(server: Server) -> str:
    """The boot script that the stranger is given."""
    return server.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).text


def files(document: bytes) -> dict[str, bytes]:
    """path -> content of an Ignition config."""
    entries = json.loads(document)["storage"]["files"]
    return {each["path"]: b64decode(each["contents"]["source"].partition(",")[2]) for each in entries}


def configured(server: Server) -> tuple[str, dict[str, bytes]]:
    """The install token of the stranger and the files that it was given."""
    boot(server)
    token = server.install_token(STRANGER)
    answer = server.get(f"/ignition/{STRANGER.dashed}.json", who=STRANGER, tls=True, token=token)
    assert answer.status_code == 200
    return token, files(answer.content)


def installed(server: Server) -> dict[str, bytes]:
    """Install the stranger; the files that it was given."""
    token, given = configured(server)
    assert server.report(STRANGER, "installed", token).status_code == 204
    return given


def reported(server: Server, given: dict[str, bytes]) -> int:
    """The answer to the stranger's report that it runs."""
    token = given["/etc/kboot/report-token"].decode().strip()
    config = given["/etc/kboot/config-hash"].decode().strip()
    return server.report(STRANGER, "running", token, config=config).status_code


def listed(server: Server) -> tuple[set[str], set[str]]:
    """The MACs of the nodes, and of what is merely discovered."""
    state = server.get("/v1/nodes").json()
    return {each["mac"] for each in state["nodes"]}, {each["mac"] for each in state["discovered"]}


def wait_description(server: Server, *, declared: bool) -> None:
    """Wait until the server has read whether the stranger is declared."""
    for _ in looks(30, 0.1):
        if server.get(f"/v1/nodes/{STRANGER}").json().get("joined") is not declared:
            return
    raise AssertionError(server.node(STRANGER))


def test_a_machine_that_was_let_in_has_no_certificate_here_and_may_still_have_its_config(opened: Server) -> None:
    boot(opened)
    token = opened.install_token(STRANGER)
    path = f"/certs/{STRANGER.dashed}/kubelet-client.pem"
    assert opened.get(path, who=STRANGER, tls=True, token=token).status_code == 404
    path = f"/ignition/{STRANGER.dashed}.json"
    assert opened.get(path, who=STRANGER, tls=True, token=token).status_code == 200


def test_a_machine_that_only_has_a_lease_is_discovered_and_no_node(opened: Server) -> None:
    for _ in looks(30, 0.1):
        if STRANGER in listed(opened)[1]:
            break
    assert listed(opened) == ({NODE1, NODE2}, {STRANGER})
    assert opened.get("/v1/joining").text == ""


def test_a_machine_that_boots_is_let_in_as_a_worker_called_after_its_mac(opened: Server) -> None:
    assert "kernel http" in boot(opened)
    assert listed(opened) == ({NODE1, NODE2, STRANGER}, set())
    node = opened.node(STRANGER)
    assert (node["name"], node["roles"], node["armed"], node["joined"]) == (STRANGER.dashed, ["worker"], True, True)
    assert opened.node(NODE1)["joined"] is False
    assert [event["mac"] for event in opened.events() if event["kind"] == "joined"] == [STRANGER]
    assert f"{STRANGER.dashed} node-role.kubernetes.io/worker=\n" in opened.get("/v1/labels").text


@pytest.mark.parametrize("path", ["/boot/{mac}.ipxe", "/install.sh?mac={mac}"])
def test_nobody_else_lets_a_machine_in(opened: Server, path: str) -> None:
    asked = path.format(mac=STRANGER.dashed)
    assert opened.get(asked, who=NODE1).status_code == 404
    assert opened.ask("HEAD", asked, who=STRANGER).status_code == 404
    assert STRANGER not in listed(opened)[0]


def test_what_is_to_be_ignored_is_not_let_in(opened: Server) -> None:
    opened.describe(_DESCRIPTION.replace("CONFIG", "ignition") + f'ignore: ["{STRANGER[:8]}:00:00:99"]\n')
    assert opened.get(f"/boot/{STRANGER.dashed}.ipxe", who=STRANGER).status_code == 404
    assert "LOCALBOOT -1\n" in opened.get("/pxelinux.cfg/default", who=STRANGER).text
    assert not any(event["kind"] == "joined" for event in opened.events())


def test_reading_install_sh_lets_nobody_in(opened: Server) -> None:
    assert opened.get("/install.sh", who=STRANGER).status_code == 404
    assert STRANGER not in listed(opened)[0]


def test_pxelinux_lets_a_machine_in_too(opened: Server) -> None:
    assert "KERNEL http" in opened.get("/pxelinux.cfg/default", who=STRANGER).text
    assert STRANGER in listed(opened)[0]


def test_it_installs_with_its_own_values_and_runs(opened: Server) -> None:
    given = installed(opened)
    assert given["/etc/hostname"] == f"{STRANGER.dashed}\n".encode()
    assert f"KBOOT_MAC={STRANGER}\n".encode() in given["/etc/kboot/node.env"]
    assert b"PRIVATE KEY" not in b"".join(given.values())
    assert reported(opened, given) == 204
    node = opened.node(STRANGER)
    assert (node["phase"], node["armed"], node["config"]) == ("running", False, "current")


@pytest.mark.parametrize("opened", ["cloud-config"], indirect=True)
def test_it_is_given_its_cloud_config_too(opened: Server) -> None:
    boot(opened)
    path = f"/cloud-configs/{STRANGER.dashed}.yaml"
    answer = opened.get(path, who=STRANGER, tls=True, token=opened.install_token(STRANGER))
    assert answer.text.startswith("#cloud-config\n")
    assert yaml.safe_load(answer.text)["hostname"] == STRANGER.dashed


def test_its_node_config_is_guarded_as_that_of_every_node(opened: Server) -> None:
    boot(opened)
    token, path = opened.install_token(STRANGER), f"/ignition/{STRANGER.dashed}.json"
    assert opened.get(path, who=NODE2, tls=True, token=token).status_code == 403
    assert opened.get(path, who=STRANGER, token=token).status_code == 403
    assert opened.get(path, who=STRANGER, tls=True).status_code == 403
    assert opened.install_token(STRANGER, who=NODE2) == ""
    assert opened.get(path, who=STRANGER, tls=True, token=token).status_code == 200
    assert opened.report(STRANGER, "installed", token).status_code == 204
    assert opened.get(path, who=STRANGER, tls=True, token=token).status_code == 403
    reasons = {event["reason"] for event in opened.events() if event["kind"] == "refused"}
    assert reasons >= {"wrong-address", "plain-http", "no-token", "not-armed"}


def test_the_common_node_config_is_given_to_nobody(opened: Server) -> None:
    stand_in = joined.STAND_IN_MAC
    assert opened.get(f"/ignition/{stand_in}.json", who=STRANGER, tls=True, token="x").status_code == 404
    assert opened.get(f"/ignition/{joined.FOLDER}.json", who=STRANGER, tls=True, token="x").status_code == 400


def test_a_retry_is_given_the_same_bootstrap_token_and_a_reinstall_another(opened: Server) -> None:
    token, given = configured(opened)
    path = f"/ignition/{STRANGER.dashed}.json"
    again = files(opened.get(path, who=STRANGER, tls=True, token=token).content)
    name = "/etc/kubernetes/kubelet/join-token"
    assert again[name] == given[name]
    since = opened.get("/v1/joining").text.split()[2]
    assert opened.report(STRANGER, "installed", token).status_code == 204
    for _ in looks(30, 0.2):  # a second of the clock later
        assert opened.arm(STRANGER).status_code == 200
        other = installed(opened)
        if opened.get("/v1/joining").text.split()[2] != since:
            break
    assert other[name] != given[name]
    assert reported(opened, given) == 403
    assert reported(opened, other) == 204


def test_control_planes_are_told_who_joins_from_where_and_since_when(opened: Server) -> None:
    boot(opened)
    assert opened.get("/v1/joining").text == f"{STRANGER.dashed} 127.0.0.99 -\n"
    configured(opened)
    name, address, since = opened.get("/v1/joining").text.split()
    assert (name, address) == (STRANGER.dashed, "127.0.0.99")
    assert int(since) > 0
    opened.lease(NODE1, NODE2, ended=(STRANGER,))
    assert opened.get("/v1/joining").text == f"{STRANGER.dashed} - {since}\n"


def test_its_second_boot_goes_to_its_disk_also_after_a_restart(opened: Server) -> None:
    given = installed(opened)
    opened.stop(kill=True)
    opened.start()
    assert "sanboot" in boot(opened)
    assert "LOCALBOOT -1\n" in opened.get("/pxelinux.cfg/default", who=STRANGER).text
    assert "KBOOT_ARMED=no" in opened.get("/install.sh", who=STRANGER).text
    assert reported(opened, given) == 204
    assert opened.node(STRANGER)["joined"] is True
    assert opened.arm(STRANGER).json()["armed"] is True
    assert "kernel http" in boot(opened)


def test_a_declaration_wins_and_what_runs_may_still_report(opened: Server) -> None:
    given = installed(opened)
    declared = _DESCRIPTION.replace("CONFIG", "ignition") + (
        f'  - {{mac: "{STRANGER}", name: node9, roles: [worker], install_disk: /dev/vdb}}\n'
    )
    opened.describe(declared)
    wait_description(opened, declared=True)
    node = opened.node(STRANGER)
    assert (node["name"], node["armed"], node["joined"]) == ("node9", False, False)
    assert opened.get("/v1/joining").text == ""
    assert reported(opened, given) == 204
    assert opened.node(STRANGER)["config"] == "outdated"
    assert opened.arm(STRANGER).status_code == 200
    token = opened.install_token(STRANGER)
    own = opened.get(f"/ignition/{STRANGER.dashed}.json", who=STRANGER, tls=True, token=token)
    assert own.content == (opened.folder.node(STRANGER) / "ignition.json").read_bytes()


def test_who_was_let_in_stays_a_node_when_the_door_closes_and_is_not_installed(opened: Server) -> None:
    given = installed(opened)
    assert opened.arm(STRANGER).status_code == 200
    opened.describe(_CLOSED)
    for _ in looks(30, 0.1):
        if "sanboot" in boot(opened):
            break
    assert "sanboot" in boot(opened)
    assert "KBOOT_ARMED=no" in opened.get("/install.sh", who=STRANGER).text
    assert reported(opened, given) == 204
    assert STRANGER in listed(opened)[0]
    answer = opened.arm(STRANGER)
    assert answer.status_code == 409
    assert "declare it" in answer.json()["detail"]
    other = Mac("52:54:00:00:00:98")
    assert opened.get(f"/boot/{other}.ipxe", who=STRANGER).status_code == 404


def test_no_token_of_a_joining_machine_reaches_the_log(opened: Server) -> None:
    given = installed(opened)
    reported(opened, given)
    log = opened.log.read_text()
    assert "/v1/nodes/" in log
    for name in ("/etc/kboot/report-token", "/etc/kubernetes/kubelet/join-token"):
        assert given[name].decode().strip() not in log
    assert opened.secrets.join_seed is not None
    assert opened.secrets.join_seed not in log
