"""Update checks of installed machines against the real server: offers, refusals, what they tell, and the payload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from kboot_clusterdesc import Mac
from service.cloudconfig.conftest import _DESCRIPTION, NODE1, NODE2, STRANGER, Server
from service.cloudconfig.release_store import switch_release
from support.omaha import CHECK, PAYLOAD, app_of, event, is_offered, plant_payload, request

OLD, NEW = "3975.2.0", "4230.2.3"
CONTENT = bytes(range(256)) * 4096
OWN_TURN = _DESCRIPTION.replace("{enabled: true}", "{enabled: true, reboot_strategy: reboot}")


class Site(Server):
    """A server whose node1 runs an older release than the one in force."""

    def begin(self) -> None:
        """Start it, with the new release and its payload, and have node1 run the old one."""
        self.lease(NODE1, NODE2)
        self.start()
        self.wait_phase(NODE1, "leased")
        self.runs(NODE1, OLD)
        self.add_release(NEW)
        plant_payload(self.release(), CONTENT)

    def release(self) -> Path:
        """The folder of the new release."""
        return self.folder.images / "stable" / NEW

    def runs(self, mac: Mac, version: str) -> None:
        """Have a machine installed, if it is not, and report that it runs a release."""
        if self.node(mac)["armed"]:
            self.install(mac)
        token = (self.folder.nodes / mac.dashed / "report-token").read_text().strip()
        assert self.report(mac, "running", token, version=version).status_code == 204

    def says(self, words: str, version: str = OLD, *, who: Mac | str = NODE1, **options: Any) -> Any:
        """The answer to a client."""
        body = request(words, version, **options)
        return self.ask("POST", "/v1/update/", who=who, headers={"content-type": "text/xml"}, body=body)

    def update_of(self, mac: Mac) -> dict[str, Any]:
        """What is shown of a machine's update."""
        shown: dict[str, Any] = self.node(mac)["update"]
        return shown


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of its own."""
    made = Site(tmp_path, "ignition", OWN_TURN)
    made.begin()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def standing_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for tests that move no machine."""
    made = Site(tmp_path_factory.mktemp("site"), "ignition", OWN_TURN)
    made.begin()
    yield made
    made.stop()


def test_an_older_machine_is_offered_a_payload_that_is_there_with_its_size_and_hash(standing_site: Site) -> None:
    app = app_of(standing_site.says(CHECK))
    (url,), (package,) = app.findall("updatecheck/urls/url"), app.findall("updatecheck/manifest/packages/package")
    assert url.attrib["codebase"] == f"http://10.10.14.253/stable/{NEW}/"
    joined = url.attrib["codebase"] + package.attrib["name"]
    assert joined == urljoin(url.attrib["codebase"], package.attrib["name"])
    for method in ("HEAD", "GET"):
        got = standing_site.ask(method, urlsplit(joined).path, who=NODE1)
        assert got.status_code == 200
        assert got.headers["content-length"] == package.attrib["size"]
        assert "content-encoding" not in got.headers
    assert got.content == CONTENT


def test_a_machine_that_asks_again_at_once_is_offered_the_same_again(standing_site: Site) -> None:
    assert standing_site.says(CHECK).content == standing_site.says(CHECK).content
    assert is_offered(standing_site.says(CHECK))


def test_the_older_way_of_the_path_is_answered_without_a_redirect(standing_site: Site) -> None:
    assert is_offered(standing_site.ask("POST", "/v1/update", who=NODE1, body=request(CHECK, OLD)))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"version": NEW}, f"it runs {NEW}"),
        ({"version": "9999.0.0"}, f"it runs 9999.0.0, newer than {NEW}"),
        ({"app": "{11111111-2222-3333-4444-555555555555}"}, "it asks for the app"),
        ({"track": "beta"}, "it follows the channel `beta`"),
        ({"board": "arm64-usr"}, "its board is `arm64-usr`"),
        ({"version": "latest"}, "its version `latest` is no number"),
    ],
)
def test_what_is_not_offered_is_noupdate_and_the_node_shows_why(
    standing_site: Site, options: dict[str, str], reason: str
) -> None:
    assert not is_offered(standing_site.says(CHECK, **options))
    shown = standing_site.update_of(NODE1)
    assert shown["reason"].startswith(reason)
    assert shown["checked"]


def test_what_nobody_here_offers_is_said_in_the_log_once(standing_site: Site) -> None:
    for _ in range(3):
        assert not is_offered(standing_site.says(CHECK, track="alpha"))
    lines = [json.loads(line) for line in standing_site.log.read_text().splitlines() if "`alpha`" in line]
    assert [(line["event"], line["mac"]) for line in lines] == [("update-not-offered", str(NODE1))]


def test_a_board_that_is_not_told_is_the_clusters_own(standing_site: Site) -> None:
    assert is_offered(standing_site.says(CHECK, board=""))


def test_a_machine_that_is_to_be_installed_and_a_stranger_are_offered_nothing(standing_site: Site) -> None:
    assert standing_site.node(NODE2)["armed"]
    assert not is_offered(standing_site.says(CHECK, who=NODE2))
    assert standing_site.update_of(NODE2)["reason"] == "it is about to be installed"
    assert not is_offered(standing_site.says(CHECK, who=STRANGER))


def test_a_machine_elsewhere_is_known_by_its_machine_id(site: Site) -> None:
    machine = "0a" * 16
    assert not is_offered(site.says(CHECK, who=STRANGER, machine=machine))
    assert is_offered(site.says(CHECK, machine=machine))
    assert is_offered(site.says(CHECK, who=STRANGER, machine=machine))


def test_a_machine_elsewhere_is_known_by_the_address_of_its_last_report(site: Site) -> None:
    token = (site.folder.nodes / NODE1.dashed / "report-token").read_text().strip()
    body = {"phase": "running", "version": OLD}
    reported = site.ask("POST", f"/v1/nodes/{NODE1}/events", who=STRANGER, tls=True, token=token, body=body)
    assert reported.status_code == 204
    assert is_offered(site.says(CHECK, who=STRANGER))


def test_a_payload_that_is_gone_or_of_another_size_is_not_offered(site: Site) -> None:
    place = site.release() / PAYLOAD
    place.write_bytes(CONTENT[:-1])
    assert not is_offered(site.says(CHECK))
    assert site.update_of(NODE1)["reason"] == f"the update payload of {NEW} is not here, or not whole"
    place.unlink()
    assert not is_offered(site.says(CHECK))
    place.write_bytes(CONTENT)
    assert is_offered(site.says(CHECK))
    (site.release() / "update.json").unlink()
    assert not is_offered(site.says(CHECK))


def test_with_a_rollout_that_nobody_started_nobody_is_offered_anything(site: Site) -> None:
    site.describe(_DESCRIPTION.replace("CONFIG", "ignition"))
    assert not is_offered(site.says(CHECK))
    assert site.update_of(NODE1)["reason"] == "no rollout is under way"
    site.describe(OWN_TURN.replace("CONFIG", "ignition").replace("enabled: true", "enabled: false"))
    assert not is_offered(site.says(CHECK))
    assert site.update_of(NODE1)["reason"] == "os.update.enabled is false"


def test_an_update_is_told_step_by_step_and_kept_over_a_restart(site: Site) -> None:
    site.says(CHECK)
    for kind in (13, 14, 3):
        assert [child.tag for child in app_of(site.says(event(kind, 1)))] == ["event"]
    site.says(CHECK + event(3, 2, previous=OLD), NEW)
    site.runs(NODE1, NEW)  # which says the same
    steps = [(step, OLD, NEW) for step in ("offered", "downloading", "downloaded", "installed", "booted")]
    told = site.update_of(NODE1)["steps"]
    assert [(entry["step"], entry["from_version"], entry["to_version"]) for entry in told] == steps
    kinds = [event for event in site.events() if event["kind"] == "update"]
    assert [(event["step"], event["from_version"], event["to_version"]) for event in kinds] == steps
    site.stop(kill=True)
    site.start()
    assert site.update_of(NODE1)["steps"] == told
    of_all = {node["mac"]: node["update"] for node in site.get("/v1/nodes").json()["nodes"]}
    assert of_all[NODE1]["steps"] == told[-1:]
    assert of_all[NODE2]["steps"] == []


def test_a_failure_is_told_in_words_and_once(site: Site) -> None:
    site.says(CHECK)
    for _ in range(2):
        site.says(event(3, 0, error=18 | 1 << 28))
    _, newest = site.update_of(NODE1)["steps"]
    assert (newest["step"], newest["from_version"], newest["to_version"]) == ("failed", OLD, NEW)
    assert newest["error"] == "the payload is signed by another key than the one in the machine's OS (error 18)"


def test_a_failure_that_comes_back_at_the_next_try_is_told_again(site: Site) -> None:
    for _ in range(3):
        site.says(CHECK)
        site.says(event(3, 0, error=9 | 1 << 28))
    assert [entry["step"] for entry in site.update_of(NODE1)["steps"]] == ["offered", "failed"] * 3


def test_a_machine_that_falls_back_is_seen_by_its_report_alone(site: Site) -> None:
    site.runs(NODE1, NEW)
    site.runs(NODE1, OLD)
    told = site.update_of(NODE1)["steps"]
    assert [(entry["step"], entry["from_version"], entry["to_version"]) for entry in told] == [
        ("booted", OLD, NEW),
        ("rolled-back", NEW, OLD),
    ]


def test_a_release_that_a_machine_went_back_from_is_not_offered_to_it_again_but_a_newer_one_is(site: Site) -> None:
    assert is_offered(site.says(CHECK))
    assert not is_offered(site.says(CHECK + event(3, 0, error=44 | 1 << 28)))
    assert site.update_of(NODE1)["reason"].startswith(f"it went back from {NEW}: ")
    switch_release(site, "4230.2.4")
    plant_payload(site.folder.images / "stable" / "4230.2.4", CONTENT)
    assert is_offered(site.says(CHECK))


def test_an_install_of_another_release_is_no_update(site: Site) -> None:
    assert site.arm(NODE1).status_code == 200
    site.runs(NODE1, NEW)
    assert site.update_of(NODE1)["steps"] == []


def test_what_a_stranger_tells_is_answered_and_kept_nowhere(site: Site) -> None:
    before = site.folder.state.joinpath("kboot.db-wal").stat().st_size
    assert [child.tag for child in app_of(site.says(event(3, 1), who=STRANGER))] == ["event"]
    assert [event for event in site.events() if event["kind"] == "update"] == []
    assert site.folder.state.joinpath("kboot.db-wal").stat().st_size == before


def test_a_machine_that_tells_without_end_fills_neither_events_nor_history(site: Site) -> None:
    for number in range(60):
        site.says(event(3, 0, error=100 + number))
    told = [event for event in site.events() if event["kind"] == "update"]
    assert len(told) == 20
    assert len(site.update_of(NODE1)["steps"]) == 20


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<request", 400),
        (b"", 400),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><request>&a;</request>", 400),
        (b"<request/>", 200),
        (b"<request>" + b" " * 65_536 + b"</request>", 413),
    ],
)
def test_what_is_no_request_is_refused_and_moves_nothing(standing_site: Site, body: bytes, status: int) -> None:
    before = standing_site.node(NODE1)
    assert standing_site.ask("POST", "/v1/update/", who=NODE1, body=body).status_code == status
    assert standing_site.node(NODE1) == before


def test_a_download_that_was_cut_goes_on_where_it_stopped(standing_site: Site) -> None:
    path = f"/stable/{NEW}/{PAYLOAD}"
    rest = standing_site.get(path, headers={"range": "bytes=1000000-"})
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert int(rest.headers["content-length"]) == len(CONTENT) - 1000000
    assert "content-encoding" not in rest.headers
    assert rest.content == CONTENT[1000000:]
    first = standing_site.get(path, headers={"range": "bytes=0-999999", "accept-encoding": "gzip"})
    assert (first.status_code, first.content) == (206, CONTENT[:1000000])
    assert standing_site.get(path, headers={"range": f"bytes={len(CONTENT)}-"}).status_code == 416


def test_many_machines_at_once_all_get_the_payload(standing_site: Site) -> None:
    with ThreadPoolExecutor(64) as machines:
        addresses = [f"127.0.20.{number}" for number in range(1, 65)]
        got = list(machines.map(lambda who: standing_site.get(f"/stable/{NEW}/{PAYLOAD}", who=who), addresses))
    assert {answer.status_code for answer in got} == {200}
    assert all(answer.content == CONTENT for answer in got)
