"""The agent that reboots a machine into a newer OS: the real script, a real HTTPS server, a stand-in for the client."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from kboot.host.waiting import looks
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.issue import issue, new_authority
from service.kboot.render.test_scripts import description, node_file, run
from support.certificates import write_pair
from support.namespace import Namespace, cabled, etc_folder, ip

_BOOTSTRAPPER = "10.10.14.253"
_PATH = "/v1/nodes/00:25:90:c0:f7:80/update"
_CLIENT = """#!/bin/bash
# update_engine_client: its status is a file of the test's, and what else it is asked for is kept.
case $1 in
  -status) cat "$SANDBOX/status" ;;
  *) printf 'update_engine_client %s\\n' "$*" >>"$SANDBOX/done" ;;
esac
"""


class Bootstrapper:
    """An HTTPS server that says one word to all, and keeps what it was told."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        authority = new_authority("a cluster", now)
        self.authority = authority.certificate
        subject = Subject("cloudconfig", server=True, addresses=(IPv4Address(_BOOTSTRAPPER),))
        self._certificate = write_pair(folder, "server", issue(authority, subject, now, SERVER_LIFE))
        self.word: str | None = "wait"  # None: it knows no such route
        self.told: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.paths: set[str] = set()

    @contextmanager
    def answers(self, namespace: Namespace) -> Iterator[None]:
        """Answer in this namespace."""
        listening = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_BOOTSTRAPPER, 443))
        listening.listen()
        server = HTTPServer((_BOOTSTRAPPER, 443), self._handler(), bind_and_activate=False)
        server.socket.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(listening, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bootstrapper = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                bootstrapper.told.append(body)
                bootstrapper.tokens.add(self.headers["authorization"])
                bootstrapper.paths.add(self.path)
                answer = json.dumps({"detail": "no words", "action": bootstrapper.word}).encode()
                self.send_response(404 if bootstrapper.word is None else 200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


class Machine:
    """What the script finds on a machine, and what it did there."""

    def __init__(self, folder: Path, authority: bytes) -> None:
        self.folder, self.log = folder, folder / "log"
        etc = etc_folder(folder / "etc")
        (etc / "kboot").mkdir()
        (etc / "os-release").write_text('NAME="an OS"\nVERSION_ID="4230.2.0"\n')
        (etc / "kboot" / "report-token").write_text("a-token\n")
        (etc / "kboot" / "ca.pem").write_bytes(authority)
        (etc / "kboot" / "node.env").write_bytes(node_file(description("flatcar"), "/etc/kboot/node.env"))
        (folder / "kboot-update").write_bytes(node_file(description("flatcar"), "/opt/bin/kboot-update"))
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "update_engine_client").write_text(_CLIENT)
        (self.bin / "systemctl").symlink_to(Path(__file__).parent / "fakes" / "recorded")
        (self.bin / "update_engine_client").chmod(0o755)
        self.is_in("IDLE")

    def is_in(self, status: str) -> None:
        """Have the update client in this state."""
        lines = f"LAST_CHECKED_TIME=0\nPROGRESS=0.000000\nCURRENT_OP=UPDATE_STATUS_{status}\nNEW_VERSION=0.0.0\n"
        (self.folder / "new").write_text(lines)
        (self.folder / "new").rename(self.folder / "status")

    @contextmanager
    def runs(self, namespace: Namespace) -> Iterator[None]:
        """Run the script, as its unit does."""
        words = [f"PATH={self.bin}:/usr/sbin:/usr/bin:/sbin:/bin", f"SANDBOX={self.folder}", "KBOOT_UPDATE_EVERY_S=1"]
        command = ["env", *words, "bash", str(self.folder / "kboot-update")]
        with namespace.daemon(command, {"/etc": self.folder / "etc"}, self.log) as process:
            yield
            assert process.poll() is None, self.log.read_text()

    def done(self) -> list[str]:
        """What it did."""
        place = self.folder / "done"
        return place.read_text().splitlines() if place.exists() else []

    def wait_said(self, text: str) -> None:
        """Wait until the journal has it."""
        for _ in looks(30, 0.1):
            if text in self.log.read_text():
                return
        raise AssertionError(self.log.read_text())


class Site:
    """A bootstrapper and a machine, with a cable between them."""

    def __init__(self, folder: Path, server: Namespace, client: Namespace) -> None:
        (folder / "server").mkdir()
        (folder / "machine").mkdir()
        self.bootstrapper = Bootstrapper(folder / "server")
        self.machine = Machine(folder / "machine", self.bootstrapper.authority)
        self.server, self.client = server, client

    def wait_told(self, number: int) -> None:
        """Wait until the bootstrapper was told something so many times."""
        for _ in looks(30, 0.1):
            if len(self.bootstrapper.told) >= number:
                return
        raise AssertionError(self.machine.log.read_text())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with cabled({"kboot-t0": f"{_BOOTSTRAPPER}/24"}, "update") as (server, client):
        ip("-n", client.name, "addr", "add", "10.10.14.1/24", "dev", "kboot-t0")
        yield Site(tmp_path, server, client)


@pytest.mark.parametrize("family", ["flatcar", "coreos"])
def test_the_agent_is_a_sound_script(family: str) -> None:
    script = node_file(description(family), "/opt/bin/kboot-update")
    run("bash", "-n", text=script)
    run("shellcheck", "--shell=bash", "-", text=script)


def test_it_tells_its_state_its_release_and_its_boot_by_its_own_token(site: Site) -> None:
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(2)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert site.bootstrapper.told[0] == {"state": "idle", "version": "4230.2.0", "boot": boot}
    assert site.bootstrapper.tokens == {"Bearer a-token"}
    assert site.bootstrapper.paths == {_PATH}
    assert site.machine.done() == []
    assert site.machine.log.read_text().count("kboot:") == 1, "it fills the journal"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("CHECKING_FOR_UPDATE", "updating"),
        ("DOWNLOADING", "updating"),
        ("FINALIZING", "updating"),
        ("UPDATED_NEED_REBOOT", "needs-reboot"),
    ],
)
def test_it_reboots_once_it_is_told_to_and_an_update_waits_for_that(site: Site, status: str, state: str) -> None:
    site.machine.is_in(status)
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(1)
        assert site.machine.done() == []
        site.bootstrapper.word = "reboot"
        site.machine.wait_said("says reboot")
        site.wait_told(len(site.bootstrapper.told) + 1)
    assert {told["state"] for told in site.bootstrapper.told} == {state}
    assert set(site.machine.done()) == ({"systemctl reboot"} if state == "needs-reboot" else set())


def test_it_never_reboots_where_no_update_waits_for_that(site: Site) -> None:
    site.bootstrapper.word = "reboot"
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(3)
    assert site.machine.done() == []


def test_it_has_the_client_look_for_an_update_when_it_is_told_to(site: Site) -> None:
    site.bootstrapper.word = "check"
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(2)
    assert set(site.machine.done()) == {"update_engine_client -check_for_update"}


@pytest.mark.parametrize("status", ["IDLE", "DOWNLOADING", "UPDATED_NEED_REBOOT"])
def test_it_has_the_client_look_for_another_update_in_place_of_one_that_waits_and_of_no_other(
    site: Site, status: str
) -> None:
    site.machine.is_in(status)
    site.bootstrapper.word = "reset"
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(2)
    waits = status == "UPDATED_NEED_REBOOT"
    expected = ["update_engine_client -reset_status", "update_engine_client -check_for_update"] if waits else []
    assert site.machine.done()[:2] == expected
    assert not any("reboot" in line.partition(" ")[2] for line in site.machine.done())


def test_an_update_is_not_looked_for_while_one_waits(site: Site) -> None:
    site.machine.is_in("UPDATED_NEED_REBOOT")
    site.bootstrapper.word = "check"
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(2)
    assert site.machine.done() == []


def test_without_a_bootstrapper_it_goes_on_asking_and_does_nothing(site: Site) -> None:
    site.machine.is_in("UPDATED_NEED_REBOOT")
    with site.machine.runs(site.client):
        site.machine.wait_said("the update of the OS is needs-reboot, the bootstrapper says nothing")
        assert site.machine.done() == []
        site.bootstrapper.word = "reboot"
        with site.bootstrapper.answers(site.server):
            site.machine.wait_said("says reboot")


@pytest.mark.parametrize("word", [None, "explode", ""])
def test_an_answer_that_is_no_word_of_ours_moves_nothing(site: Site, word: str | None) -> None:
    site.machine.is_in("UPDATED_NEED_REBOOT")
    site.bootstrapper.word = word
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.wait_told(2)
    assert site.machine.done() == []


def test_a_server_with_another_certificate_is_not_believed(site: Site) -> None:
    site.machine.is_in("UPDATED_NEED_REBOOT")
    site.bootstrapper.word = "reboot"
    other = new_authority("another cluster", datetime.now(UTC))
    (site.machine.folder / "etc" / "kboot" / "ca.pem").write_bytes(other.certificate)
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.machine.wait_said("the bootstrapper says nothing")
    assert (site.bootstrapper.told, site.machine.done()) == ([], [])


def test_while_the_client_does_not_answer_nothing_is_told(site: Site) -> None:
    (site.machine.folder / "status").unlink()
    with site.bootstrapper.answers(site.server), site.machine.runs(site.client):
        site.machine.wait_said("the update of the OS is unknown")
        assert site.bootstrapper.told == []
        site.machine.is_in("IDLE")
        site.wait_told(1)


def test_an_os_without_an_update_client_is_left_alone(site: Site) -> None:
    (site.machine.bin / "update_engine_client").unlink()
    command = ["env", f"PATH={site.machine.bin}:/usr/bin:/bin", "bash", str(site.machine.folder / "kboot-update")]
    done = site.client.run(*command, mounts={"/etc": site.machine.folder / "etc"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "no update_engine" in done.stdout
