"""The page as it comes over HTTP, before any script: what it shows, and what it lets nobody do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from kboot.host.waiting import looks
from support.seeded_fleet import REASON, mac_of

from .conftest import NODE1, NODE2, STRANGER, Server
from .seeded import SeededServer

PAGES = ("/", "/cluster", "/events", f"/machines/{NODE1.dashed}")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededServer]:
    """A server of four hundred machines."""
    made = SeededServer(tmp_path_factory.mktemp("fleet"), 400)
    made.start()
    yield made
    made.stop()


class _Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))


def _rows(answer: httpx.Response) -> list[str]:
    """The names of the machines in the list, in its order."""
    assert answer.status_code == 200, answer.text
    return re.findall(r'<div role="cell" class="name"><a [^>]*>([^<]*)<', answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_kept_by_nobody_framed_by_nobody_and_runs_its_own_script_alone(
    standing: Server, path: str
) -> None:
    answer = standing.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == _POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_each_page_keeps_its_own_policy_and_names_nothing_of_another_host(standing: Server, path: str) -> None:
    elements = _Elements(standing.get(path).text).found
    scripts = [attributes for tag, attributes in elements if tag == "script"]
    assert [str(attributes["src"]).startswith("/page/") for attributes in scripts] == [True]
    assert not [tag for tag, _ in elements if tag in ("style", "iframe", "object")]
    for tag, attributes in elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        addresses = [str(attributes.get(name) or "/") for name in ("src", "href", "action")]
        assert all(address.startswith(("/", "#", "data:,")) for address in addresses), addresses


def test_script_and_style_sheet_have_a_name_that_changes_with_their_content_and_are_kept(standing: Server) -> None:
    for place in re.findall(r'"(/page/[^"]+)"', standing.get("/").text):
        answer = standing.get(place)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/javascript" if place.endswith("js") else "text/css")
        assert standing.get(place.replace("/page/", "/page/0")).status_code == 404
    assert standing.get("/page/page.js").status_code == 404


def test_who_keeps_a_page_fresh_is_sent_its_main_part_where_it_changed_and_nothing_where_not(server: Server) -> None:
    path = f"/machines/{NODE2.dashed}"
    whole = server.get(path)
    ask = {"x-kboot-main": "1", "if-none-match": whole.headers["etag"]}
    same = server.get(path, headers=ask)
    assert (same.status_code, same.content) == (304, b"")
    assert server.report(NODE2, "failed", server.install_token(NODE2), detail="no disk").status_code == 204
    other = server.get(path, headers=ask)
    assert other.status_code == 200
    assert "<html" not in other.text
    assert "no disk" in other.text
    assert server.get(path).headers["etag"] == other.headers["etag"]


def test_the_racks_are_not_sent_again_to_who_has_them_as_they_are(fleet: SeededServer) -> None:
    kept = re.findall(r'data-kept="([^"]+)"', fleet.get("/").text)
    assert len(kept) == 1
    search = fleet.get("/?search=node57", headers={"x-kboot-main": kept[0]}).text
    assert "<rect" not in search
    assert f'data-kept="{kept[0]}"' in search
    assert fleet.get("/?search=node57", headers={"x-kboot-main": "1"}).text.count("<rect") == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/machines/52-54-00", 404),
        ("/machines/02-00-00-00-00-77", 404),
        ("/?sort=colour", 400),
        ("/?phase=gone", 400),
        ("/?shown=0", 400),
        (f"/?search={'x' * 201}", 400),
        ("/events?kind=gone", 400),
        (f"/events?machine={'x' * 81}", 400),
    ],
)
def test_what_no_page_can_show_is_a_fault_in_words(standing: Server, path: str, status: int) -> None:
    answer = standing.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_what_a_machine_says_is_text_on_every_page(server: Server) -> None:
    text = '<img src=x onerror="alert(1)">'
    assert server.report(NODE1, "failed", server.install_token(NODE1), detail=text).status_code == 204
    for path in ("/", "/events", f"/machines/{NODE1.dashed}"):
        page = server.get(path).text
        assert "<img" not in page
        assert "&lt;img src=x" in page


def test_no_page_shows_a_key_or_a_token(server: Server) -> None:
    config = (server.folder.node(NODE1) / "ignition.json").read_text()
    secrets = [server.secrets.operator_token, *server.secrets.report_tokens.values(), server.install_token(NODE1)]
    assert server.secrets.report_tokens[NODE1] in config or "base64" in config
    for path in PAGES:
        page = server.get(path).text
        assert "PRIVATE KEY" not in page
        assert not [secret for secret in secrets if secret in page]
    machine = server.get(f"/machines/{NODE1.dashed}").text
    assert "/etc/kboot/" in machine
    assert "kboot-report.service" in machine


# --- the fleet


def test_the_worst_come_first_and_the_counts_are_those_of_the_whole_fleet(fleet: SeededServer) -> None:
    page = fleet.get("/")
    rows = _rows(page)
    assert rows[:3] == ["node7", "node57", "node107"]
    assert len(rows) == 200
    text = re.sub(r"<[^>]+>", "", page.text)
    for words in ("400 all", "16 need a look", "10 to note", "8 failed", "16 configured", "8 waiting", "200 more"):
        assert words in text, words
    assert text.count(REASON) >= 8


def test_a_search_takes_each_word_anywhere_in_any_case(fleet: SeededServer) -> None:
    assert _rows(fleet.get("/?search=node57")) == ["node57"]
    assert _rows(fleet.get("/?search=FAILED+r4")) == ["node157"]
    assert _rows(fleet.get(f"/?search={mac_of(300)}")) == ["node300"]
    assert _rows(fleet.get("/?search=nothing+like+it")) == []


def test_filters_order_and_groups_stand_in_the_address(fleet: SeededServer) -> None:
    failed = [f"node{number}" for number in range(7, 400, 50)]
    assert _rows(fleet.get("/?phase=failed&sort=name")) == failed
    assert _rows(fleet.get("/?phase=failed&sort=address")) == failed
    with_failed_units = [f"node{number}" for number in range(11, 400, 50)]
    assert _rows(fleet.get("/?level=bad")) == failed + with_failed_units
    assert len(_rows(fleet.get("/?phase=failed&phase=waiting"))) == 16
    assert _rows(fleet.get("/?rack=r2&sort=rack"))[:2] == ["node80", "node79"]
    assert _rows(fleet.get("/?sort=since"))[0] == "node3"
    assert len(_rows(fleet.get("/?shown=400"))) == 400
    grouped = fleet.get("/?group=rack&search=node1")
    assert re.findall(r"<h3 [^>]*>(r\d+)", grouped.text) == ["r1", "r3", "r4", "r5"]


def test_the_picture_of_the_racks_has_each_machine_once_at_its_unit(fleet: SeededServer) -> None:
    elements = _Elements(fleet.get("/").text).found
    boxes = [attributes for tag, attributes in elements if tag == "rect"]
    assert len(boxes) == 400
    assert sorted(int(attributes["y"] or 0) for attributes in boxes[:40]) == [8 * at for at in range(40)]
    links = [attributes["href"] for tag, attributes in elements if tag == "a" and attributes.get("tabindex") == "-1"]
    assert len(set(links)) == 400


def test_a_machine_has_the_length_of_each_phase_its_reason_and_what_to_type(fleet: SeededServer) -> None:
    page = re.sub(r"<[^>]+>", " ", fleet.get(f"/machines/{mac_of(7).dashed}").text)
    words = " ".join(page.split())
    assert all(
        part in words
        for part in (
            "set install_disk of node7 in the",
            "kboot up FILE of that description",
            "it tries again by itself",
        )
    )
    for part in (f"Reason : {REASON}", "booting", "1 min 15 s", "SSD 870", "rack r1"):
        assert part in words, part
    for part in (
        f"eno1 {mac_of(7)}",
        "link up at 10000 Mb/s ixgbe",
        "newest install that failed",
        "curl: (18) transfer closed",
    ):
        assert part in words, part
    older = fleet.get(f"/machines/{mac_of(12).dashed}").text
    assert "kboot node apply node12" in older


def test_a_bar_with_its_share_stands_where_a_disk_is_written(fleet: SeededServer) -> None:
    page = fleet.get(f"/machines/{mac_of(53).dashed}").text
    assert re.search(r'<progress aria-label="The OS is written" max="100" value="9">', page)
    assert "data-percent" in page


# --- events and the cluster


def test_events_are_chosen_by_name_of_machine_and_by_kind(fleet: SeededServer) -> None:
    answer = fleet.get("/events?machine=node7&kind=failed")
    lines = re.findall(r'<li id="e\d+" class="of-(\w+)">', answer.text)
    assert lines == ["failed"]
    assert f'<a href="/machines/{mac_of(7).dashed}">node7</a>' in answer.text
    assert REASON in answer.text
    assert len(re.findall(r'<li id="e\d+"', fleet.get("/events").text)) == 200


def test_events_of_a_machine_that_is_none_are_none_and_the_page_says_so(fleet: SeededServer) -> None:
    for asked in ("node", "00:00", "nobody"):
        page = fleet.get(f"/events?machine={asked}")
        assert page.status_code == 200
        assert f'<p id="unknown">No machine is called {asked}: ' in page.text
        assert '<li id="e' not in page.text
    assert 'id="unknown"' not in fleet.get("/events?machine=").text


def test_a_machine_that_nobody_declared_stands_there_with_the_line_that_declares_it(server: Server) -> None:
    server.lease(NODE1, NODE2, STRANGER)
    page = ""
    for _ in looks(20, 0.2):
        if "Discovered" in (page := server.get("/").text):
            break
    assert f"- {{mac: &#34;{STRANGER}&#34;, roles: [worker]}}" in page
    assert f"/machines/{STRANGER.dashed}" not in server.get("/events").text


def test_the_cluster_has_its_releases_and_says_which_services_do_not_answer(standing: Server) -> None:
    page = re.sub(r"<[^>]+>", " ", standing.get("/cluster").text)
    words = " ".join(page.split())
    for part in ("cloudconfig answers", "In force: 3975.2.0", "3975.2.0 whole, in force", "kboot certs list"):
        assert part in words, part


def test_what_kboot_wrote_of_certificates_and_images_is_shown(server: Server) -> None:
    (server.folder.config / "summary.json").write_text(
        '{"made": "2026-11-29T10:00:00Z", "of": "another kboot",'
        ' "certificates": [{"name": "etcd-server", "owner": "node1", "ends": "2026-12-01T00:00:00Z", "count": 3}],'
        ' "images": [{"reference": "registry.k8s.io/pause:3.10", "is_here": false}],'
        ' "services": [{"name": "dnsmasq", "image": "kboot-dnsmasq:0.1.0"}]}'
    )
    page = re.sub(r"<[^>]+>", " ", server.get("/cluster").text)
    words = " ".join(page.split())
    for part in (
        "etcd-server of 3, the first ends 2026-12-01",
        "pause:3.10 is not in the registry",
        "kboot-dnsmasq:0.1.0",
    ):
        assert part in words, part
    (server.folder.config / "summary.json").write_text('{"made": "half')
    assert "The next kboot up" in " ".join(re.sub(r"<[^>]+>", " ", server.get("/cluster").text).split())


def test_a_machine_is_found_by_its_name_too_and_what_is_not_found_is_a_page_for_browsers(fleet: SeededServer) -> None:
    answer = fleet.get("/machines/node7")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/machines/{mac_of(7).dashed}")
    browser = {"accept": "text/html,application/xhtml+xml"}
    for path, said in (
        ("/machines/nobody", "no machine is called"),
        ("/machines/02-00-00-00-00-01", "no machine 02:00:00:00:00:01 is declared"),
        ("/nodes", "no such page"),
    ):
        answer = fleet.get(path, headers=browser)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert said in answer.text
        assert '<a href="/">All machines</a>' in answer.text
        assert fleet.get(path).headers["content-type"] == "application/problem+json"
    foreign = fleet.get("/nodes", headers={**browser, "host": "evil.example.com"})
    assert foreign.headers["content-type"] == "application/problem+json"
