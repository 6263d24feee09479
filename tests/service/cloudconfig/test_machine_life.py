"""The life of a machine, as the server moves it: by its own reports, never by what is merely asked for."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kboot.host.waiting import looks
from support.disk_images import os_image

from .conftest import HOME, NODE1, NODE2, RELEASE, STRANGER, Server
from .release_store import spoil_release, switch_release


def test_a_machine_goes_through_every_phase_to_running(server: Server) -> None:
    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    assert server.node(NODE1)["phase"] == "booting"
    token = server.install_token(NODE1)
    assert server.node(NODE1)["phase"] == "installing"
    server.get(f"/ignition/{NODE1}.json", who=NODE1, tls=True, token=token)
    server.report(NODE1, "installing", token, bytes=1000, total=4000)
    node = server.node(NODE1)
    assert (node["phase"], node["bytes"], node["total"]) == ("configured", 1000, 4000)
    assert node["percent"] == 25
    assert "<small>25 %</small>" in server.get("/").text
    server.report(NODE1, "installed", token)
    assert server.node(NODE1)["armed"] is False
    config_hash = (server.folder.node(NODE1) / "config-hash").read_text().strip()
    server.report(NODE1, "running", server.secrets.report_tokens[NODE1], config=config_hash, version=RELEASE)
    node = server.node(NODE1)
    assert (node["phase"], node["config"], node["version"]) == ("running", "current", RELEASE)
    assert node["percent"] is None
    assert list(node["phases"]) == ["waiting", "leased", "booting", "installing", "configured", "installed", "running"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", node["since"])


def test_every_boot_from_disk_is_an_event_of_its_own(server: Server) -> None:
    server.install(NODE1)
    for _ in range(2):
        server.report(NODE1, "running", server.secrets.report_tokens[NODE1])
    told = [event for event in server.events() if event["kind"] == "running"]
    assert len(told) == 2
    assert server.node(NODE1)["since"] == server.node(NODE1)["phases"]["running"]


def test_an_installed_machine_is_sent_to_its_disk_on_every_boot_path(server: Server) -> None:
    assert "kernel http" in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert "KERNEL http" in server.get("/pxelinux.cfg/default", who=NODE1).text
    server.install(NODE1)
    script = server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert "kernel http" not in script
    assert "sanboot --no-describe --drive 0x80" in script
    assert "LOCALBOOT -1\n" in server.get("/pxelinux.cfg/default", who=NODE1).text
    script = server.get("/install.sh", who=NODE1).text
    assert "KBOOT_ARMED=no" in script
    assert "KBOOT_TOKEN=''" in script


def test_asking_for_install_sh_again_and_again_arms_and_disarms_nothing(server: Server) -> None:
    for _ in range(5):
        assert server.get("/install.sh", who=NODE1).status_code == 200
        assert server.get(f"/boot/{NODE1}.ipxe", who=NODE1).status_code == 200
    assert server.node(NODE1)["armed"] is True
    server.install(NODE1)
    for _ in range(5):
        assert server.get("/install.sh", who=NODE1).status_code == 200
    assert server.node(NODE1)["armed"] is False


def test_who_merely_asks_moves_no_machine(server: Server) -> None:
    server.get(f"/boot/{NODE1}.ipxe")
    script = server.get(f"/install.sh?mac={NODE1}", who=NODE2).text
    assert "KBOOT_ARMED=elsewhere\nKBOOT_CHANNEL" in script
    assert "KBOOT_TOKEN=''" in script
    server.ask("HEAD", "/install.sh", who=NODE1)
    server.ask("HEAD", f"/boot/{NODE1}.ipxe", who=NODE1)
    assert server.node(NODE1)["phase"] == "leased"


def test_a_machine_that_asks_from_another_address_is_told_of_with_the_reason(server: Server) -> None:
    for _ in range(3):
        assert "KBOOT_ARMED=elsewhere" in server.get(f"/install.sh?mac={NODE1}", who=STRANGER).text
    node = server.node(NODE1)
    reason = f"install.sh was asked for from {HOME[STRANGER]}, and its own address is {HOME[NODE1]}"
    assert (node["phase"], node["reason"]) == ("leased", reason)
    assert [each["ip"] for each in server.events() if each["kind"] == "refused"] == [HOME[STRANGER]]
    token = server.install_token(NODE1)
    assert server.node(NODE1)["reason"] is None
    server.report(NODE1, "failed", token, detail="no disk")
    server.get(f"/install.sh?mac={NODE1}", who=STRANGER)
    assert server.node(NODE1)["reason"] == "no disk", "a stranger says nothing of a machine that failed"
    server.get(f"/boot/{NODE1}.ipxe", who=NODE1)
    assert server.node(NODE1)["reason"] == "it tries again, its last try failed: no disk"


def test_reinstall_installs_exactly_once_more(server: Server) -> None:
    server.install(NODE1)
    assert server.arm(NODE1).status_code == 200
    assert server.node(NODE1)["armed"] is True
    assert "kernel http" in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    server.install(NODE1)
    assert "kernel http" not in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000])
def test_only_the_operator_token_arms(server: Server, token: str) -> None:
    server.install(NODE1)
    assert server.ask("POST", f"/v1/nodes/{NODE1}/arm", tls=True, token=token or None).status_code == 403
    assert server.ask("POST", f"/v1/nodes/{NODE1}/arm", token=server.secrets.operator_token).status_code == 403
    assert server.node(NODE1)["armed"] is False


def test_disarm_makes_a_handed_out_token_void(server: Server) -> None:
    token = server.install_token(NODE1)
    assert server.arm(NODE1, "disarm").status_code == 200
    assert server.get(f"/ignition/{NODE1}.json", who=NODE1, tls=True, token=token).status_code == 403


def test_an_interrupted_install_starts_again_with_a_new_token(server: Server) -> None:
    first = server.install_token(NODE1)
    server.get(f"/ignition/{NODE1}.json", who=NODE1, tls=True, token=first)
    server.report(NODE1, "failed", first, detail="no disk was found on this machine")
    node = server.node(NODE1)
    assert (node["phase"], node["reason"]) == ("failed", "no disk was found on this machine")
    server.get(f"/boot/{NODE1}.ipxe", who=NODE1)
    assert server.node(NODE1)["reason"] == "it tries again, its last try failed: no disk was found on this machine"
    server.install(NODE1)
    assert server.node(NODE1)["phase"] == "installed"


def test_running_is_reported_by_the_machines_own_token_alone(server: Server) -> None:
    install = server.install_token(NODE1)
    assert server.report(NODE1, "running", install).status_code == 403
    assert server.report(NODE1, "running", server.secrets.report_tokens[NODE2]).status_code == 403
    assert server.report(NODE1, "installed", server.secrets.report_tokens[NODE1]).status_code == 403
    assert server.report(NODE1, "running", server.secrets.report_tokens[NODE1]).status_code == 204


def test_an_install_is_reported_with_its_own_token_though_install_sh_was_read_again(server: Server) -> None:
    running = server.install_token(NODE1)
    server.install_token(NODE1)
    assert server.report(NODE1, "installed", running).status_code == 204
    assert server.node(NODE1)["armed"] is False


def test_a_late_word_of_progress_does_not_hide_a_failure(server: Server) -> None:
    token = server.install_token(NODE1)
    server.report(NODE1, "failed", token, detail="no disk")
    server.report(NODE1, "installing", token, bytes=5)
    assert (server.node(NODE1)["phase"], server.node(NODE1)["reason"]) == ("failed", "no disk")


def test_a_release_that_the_updater_has_not_verified_is_not_installed(server: Server) -> None:
    spoil_release(server, RELEASE)
    assert "kernel http" not in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert server.get("/install.sh", who=NODE1).status_code == 503


def test_without_an_updater_the_operators_own_release_is_installed(server: Server) -> None:
    spoil_release(server, RELEASE)
    path = server.folder.config / "clusterdesc.yaml"
    text = path.read_text()
    assert text.count("enabled: true") == 1
    path.write_text(text.replace("enabled: true", "enabled: false"))
    script = ""
    for _ in looks(30, 0.01):  # an edit is seen within milliseconds
        if "kernel http" in (script := server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text):
            break
    assert "kernel http" in script


def test_each_step_of_an_install_is_an_event(server: Server) -> None:
    server.report(NODE1, "installing", server.install_token(NODE1), detail="the disk is /dev/vda")
    assert any(event["kind"] == "step" and "/dev/vda" in event["detail"] for event in server.events())


def test_a_lost_answer_to_installed_may_be_asked_for_again(server: Server) -> None:
    token = server.install_token(NODE1)
    assert server.report(NODE1, "installed", token).status_code == 204
    assert server.report(NODE1, "installed", token).status_code == 204


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"phase": "ready"}', b'{"phase": "installed", "x": 1}', b"\xff"])
def test_a_malformed_report_is_400_and_moves_nothing(server: Server, body: bytes) -> None:
    token = server.install_token(NODE1)
    path = f"/v1/nodes/{NODE1}/events"
    assert server.ask("POST", path, who=NODE1, tls=True, token=token, body=body).status_code == 400
    assert server.node(NODE1)["phase"] == "installing"


def test_a_huge_report_is_413(server: Server) -> None:
    token = server.install_token(NODE1)
    path = f"/v1/nodes/{NODE1}/events"
    assert server.ask("POST", path, who=NODE1, tls=True, token=token, body=b" " * 100_000).status_code == 413


def test_an_undeclared_machine_is_discovered_and_left_alone(server: Server) -> None:
    server.lease(NODE1, NODE2, STRANGER)
    for _ in looks(30, 0.1):
        found = server.get("/v1/nodes").json()["discovered"]
        if found:
            break
    assert [(each["mac"], each["ip"]) for each in found] == [(str(STRANGER), "127.0.0.99")]
    assert server.get(f"/boot/{STRANGER}.ipxe", who=STRANGER).status_code == 404
    assert server.get("/install.sh", who=STRANGER).status_code == 404
    assert "LOCALBOOT -1\n" in server.get("/pxelinux.cfg/default", who=STRANGER).text
    assert any(event["kind"] == "discovered" and event["mac"] == str(STRANGER) for event in server.events())


def test_state_survives_a_kill_and_a_restart(server: Server) -> None:
    server.install(NODE1)
    token = server.install_token(NODE2)
    server.stop(kill=True)
    server.start()
    assert server.node(NODE1)["phase"] == "installed"
    assert server.node(NODE1)["armed"] is False
    assert server.get(f"/ignition/{NODE2}.json", who=NODE2, tls=True, token=token).status_code == 200


def test_it_ends_at_once_on_sigterm_with_a_watcher_connected(server: Server) -> None:
    watcher = subprocess.Popen(
        [sys.executable, "-c", f"import httpx; httpx.get('http://127.0.0.1:{server.ports[0]}/v1/events', timeout=30)"],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.stop() == 0
    finally:
        watcher.kill()
        watcher.wait()
    server.start()


def test_install_sh_knows_how_large_its_image_is(server: Server) -> None:
    assert "KBOOT_IMAGE_BYTES=''\n" in server.get("/install.sh", who=NODE1).text
    image = server.folder.images / "stable" / RELEASE / "flatcar_production_image.bin.bz2"
    image.write_bytes(os_image(3 << 20))
    assert f"KBOOT_IMAGE_BYTES={3 << 20}\n" in server.get("/install.sh", who=NODE1).text


def test_one_release_by_number_throughout_an_install(server: Server) -> None:
    script = server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert f"/stable/{RELEASE}/flatcar_production_pxe.vmlinuz" in script
    assert "current" not in script
    switch_release(server, "4081.2.0")
    assert f"KBOOT_VERSION={RELEASE}\n" in server.get("/install.sh", who=NODE1).text
    assert "/stable/4081.2.0/" in server.get(f"/boot/{NODE2}.ipxe", who=NODE2).text


def test_a_step_that_each_run_of_an_install_takes_is_told_once_a_boot(server: Server) -> None:
    def told() -> list[str]:
        return [event["detail"] for event in server.events() if event["kind"] == "step"]

    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    for disk in ("vda", "vda", "vdb"):  # a run every two minutes
        token = server.install_token(NODE1)
        for detail in ("install.sh runs", f"the disk is /dev/{disk}"):
            assert server.report(NODE1, "installing", token, detail=detail).status_code == 204
        assert server.report(NODE1, "failed", token, detail="it is too small").status_code == 204
    assert told() == ["install.sh runs", "the disk is /dev/vda", "the disk is /dev/vdb"]
    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    assert server.report(NODE1, "installing", server.install_token(NODE1), detail="install.sh runs").status_code == 204
    assert told()[3:] == ["install.sh runs"]
