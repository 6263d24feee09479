"""The HTTP surface: spellings, problems, files, health."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import EventKind, Phase
from support.http_page import PageRoute, page_routes

from .conftest import _DESCRIPTION, HOME, NODE1, NODE2, RELEASE, STRANGER, Server

KERNEL = f"/stable/{RELEASE}/flatcar_production_pxe.vmlinuz"


@pytest.mark.parametrize(
    "spelling", ["52-54-00-00-00-01", "52:54:00:00:00:01", "525400000001", "52-54-00-00-00-01".upper()]
)
def test_every_spelling_of_a_mac_names_the_same_machine(standing: Server, spelling: str) -> None:
    assert standing.get(f"/v1/nodes/{spelling}").json()["name"] == "node1"
    assert standing.get(f"/boot/{spelling}.ipxe").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/boot/{}.ipxe",
        "/ignition/{}.json",
        "/cloud-configs/{}.yaml",
        "/v1/nodes/{}",
        "/install.sh?mac={}",
        "/pxe.ign?mac={}",
    ],
)
def test_an_unknown_mac_is_404_and_a_malformed_one_400(standing: Server, path: str) -> None:
    unknown = standing.get(path.format("02-00-00-00-00-77"))
    malformed = standing.get(path.format("52-54-00-00-00"))
    assert (unknown.status_code, malformed.status_code) == (404, 400)
    for answer in (unknown, malformed):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_images_answer_head_with_their_length(standing: Server) -> None:
    head, whole = standing.ask("HEAD", KERNEL), standing.get(KERNEL)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize(
    "path", ["/boot.ipxe", f"/boot/{NODE1}.ipxe", "/pxe.ign", "/install.sh", "/ca.pem", KERNEL, "/boot/disk.efi"]
)
def test_the_boot_chain_is_plain_http_without_redirects_and_with_a_length(standing: Server, path: str) -> None:
    for method in ("HEAD", "GET"):
        for headers in ({}, {"x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.12"}):
            answer = standing.ask(method, path, who=NODE1, headers=headers)
            assert answer.status_code == 200
            assert int(answer.headers["content-length"]) > 0


def test_only_the_node_config_is_fetched_over_https(standing: Server) -> None:
    script = standing.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert set(re.findall(r"[a-z]+://[^/ ]+/", script)) == {"http://10.10.14.253/"}
    for path in (f"/ignition/{NODE1}.json", f"/cloud-configs/{NODE1}.yaml"):
        assert standing.get(path, who=NODE1).status_code == 403


@pytest.mark.parametrize("route", page_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_plain_http_is_refused_where_the_page_names_more_than_anyone_and_there_alone(
    standing: Server, route: PageRoute
) -> None:
    assert route.who in ("anyone", "the machine", "the operator", "a login")
    is_refused = route.who != "anyone" or (route.method, route.path) == ("POST", "/login")
    path = route.path.format(mac=NODE1, name="x", channel="stable", version=RELEASE, path="x")
    url = f"http://127.0.0.1:{standing.ports[0]}{path}"
    report = {"phase": "running"} if route.method == "POST" else None
    with httpx.stream(route.method, url, json=report, trust_env=False) as answer:  # the stream of events has no end
        assert (answer.status_code == 403) == is_refused


def test_the_boot_script_asks_with_the_mac_of_the_card_in_use(standing: Server) -> None:
    first = standing.get("/boot.ipxe").text
    assert "${netX/mac:hexhyp}" in first
    scripts = [first, standing.get(f"/boot/{NODE1}.ipxe", who=NODE1).text, standing.get("/install.sh", who=NODE1).text]
    scripts.append(standing.get("/pxelinux.cfg/default", who=NODE1).text)
    for script in scripts:
        assert "net0" not in script
        assert "eth0" not in script


def test_a_download_resumes_by_range(standing: Server) -> None:
    whole = standing.get(KERNEL)
    part = standing.get(KERNEL, headers={"range": "bytes=100-", "if-range": whole.headers["etag"]})
    assert part.status_code == 206
    assert part.content == whole.content[100:]
    assert standing.get(KERNEL, headers={"range": "bytes=100-", "if-range": '"other"'}).content == whole.content
    assert standing.get(KERNEL, headers={"range": "bytes=99999999-"}).status_code == 416
    assert standing.get(KERNEL, headers={"if-none-match": whole.headers["etag"]}).status_code == 304


def test_current_is_the_release_in_force(standing: Server) -> None:
    name = "flatcar_production_pxe.vmlinuz"
    assert standing.get(f"/stable/current/{name}").content == standing.get(KERNEL).content
    assert standing.get(f"/boot/{name}").content == standing.get(KERNEL).content


@pytest.mark.parametrize(
    "path",
    [
        "/stable/../../state/kboot.db",
        "/assets/..%2f..%2fstate%2fkboot.db",
        "/assets/%2fetc%2fpasswd",
        "/stable/%2e%2e/%2e%2e%2fpki%2fcluster-ca.key",
        "/assets/" + "a" * 3000,
        "/assets/%00",
        "/boot/..%2fx.efi",
        "/.incoming/stable-1.0.0/flatcar_production_pxe.vmlinuz",
        f"/stable/{RELEASE}/.origin",
        "/nothing",
    ],
)
def test_no_path_leaves_its_folder(standing: Server, path: str) -> None:
    assert standing.get(path).status_code in (400, 404)


def test_a_link_out_of_the_store_is_not_followed(standing: Server) -> None:
    (standing.folder.assets / "leak").symlink_to("/etc/passwd")
    assert standing.get("/assets/leak").status_code == 404


def test_labels_are_a_line_a_node_of_its_roles_and_what_was_declared(standing: Server) -> None:
    lines = [line.split() for line in standing.get("/v1/labels").text.splitlines()]
    assert lines == [
        ["node1", "node-role.kubernetes.io/worker="],
        [NODE2.dashed, "node-role.kubernetes.io/worker=", "country=NO", "node-role.kubernetes.io/ingress="],
    ]


def test_a_wrong_method_is_a_problem_too(standing: Server) -> None:
    answer = standing.ask("DELETE", f"/v1/nodes/{NODE1}")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_metrics_count_machines_by_phase(server: Server) -> None:
    text = server.get("/metrics").text
    assert 'kboot_machines{phase="leased"} 2' in text
    assert "kboot_release_ready 1" in text


def test_the_health_check_fails_when_the_server_does_not_answer(server: Server) -> None:
    command = [sys.executable, "-m", "kboot_cloudconfig.health_check"]
    environment = server.environment()
    assert subprocess.run(command, env=environment).returncode == 0
    server.stop()
    assert subprocess.run(command, env=environment, stderr=subprocess.DEVNULL).returncode == 1
    server.start()


def test_a_bad_edit_of_the_description_keeps_the_last_good_one(server: Server) -> None:
    path = server.folder.config / "clusterdesc.yaml"
    good = path.read_text()
    path.write_text("nodes: [")
    assert server.get("/v1/nodes").json()["cluster"] == "unit"
    path.write_text(good.replace("node1", "renamed"))
    seen = ""
    for _ in looks(30, 0.01):  # the server looks at it some times a second
        seen = server.node(NODE1)["name"]
        if seen == "renamed":
            return
    raise AssertionError(f"the node is called {seen}, not renamed")


def test_a_fixed_node_is_known_by_its_address_once_the_lease_of_its_install_has_ended(tmp_path: Path) -> None:
    text = _DESCRIPTION.replace("10.10.14.0/24", "127.0.0.0/8").replace("10.10.14.", "127.0.9.")
    server = Server(tmp_path, "ignition", text.replace("name: node1", f"name: node1, ip: {HOME[NODE1]}"))
    server.lease(NODE2, ended=(NODE1,))
    server.start()
    request = b'<request><app version="1.2.3"><event eventtype="3" eventresult="1"/></app></request>'
    for who in (NODE1, NODE2, STRANGER):
        assert server.ask("POST", "/v1/update/", who=who, body=request).status_code == 200
    told = [event["mac"] for event in server.events() if event["kind"] == EventKind.UPDATE]
    server.stop()
    assert told == [NODE1, NODE2]


def test_the_status_page_shows_every_machine_and_escapes_what_machines_say(server: Server) -> None:
    server.report(NODE1, "failed", server.install_token(NODE1), detail="<script>alert(1)</script>")
    page = server.get("/").text
    assert "node1" in page
    assert "52-54-00-00-00-02" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_status_page_listens_to_every_kind_of_event(server: Server) -> None:
    page = server.get("/").text
    listened = page.partition('data-kinds="')[2].partition('"')[0]
    assert set(listened.split()) == {*Phase, *EventKind}


def test_what_the_updater_refused_is_an_event_and_a_metric(server: Server) -> None:
    noted = {"at": "2026-11-25T00:00:00Z", "kind": "bad-signature", "detail": "image.bin.bz2: no good signature"}
    status: dict[str, object] = {"error": "no good signature", "payload_error": "no payload"}
    status |= {"checked": "2026-11-25T00:00:00Z", "next_check": "2026-11-25T03:00:00Z"}
    status |= {"events": [noted], "refused_total": 1, "failed_payloads_total": 2}
    (server.folder.images / "status.json").write_text(json.dumps(status))
    for _ in looks(30, 0.1):
        told = [event for event in server.events() if event["kind"] == "release"]
        if told:
            break
    assert (told[0]["what"], told[0]["detail"]) == ("bad-signature", "image.bin.bz2: no good signature")
    metrics = server.get("/metrics").text
    assert "kboot_updater_last_check_failed 1.0" in metrics
    assert "kboot_updater_refused_total 1.0" in metrics
    assert "kboot_updater_payload_failed 1.0" in metrics
    assert "kboot_updater_failed_payloads_total 2.0" in metrics
    page = server.get("/").text
    assert "no good signature" in page
    assert "no payload" in page
    assert 'again <time datetime="2026-11-25T03:00:00Z">' in server.get("/cluster").text
