"""One server process after the other on the same sockets: what is asked meanwhile is answered, what is sent goes on."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event, Thread

import pytest

from kboot.bring_up.served_certificate import certificate_of, take_over
from kboot.host.files import write_file
from kboot.host.waiting import looks
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.issue import issue
from support.peers import Peer, closing

from .conftest import NODE1, NODE2, RELEASE, Server

IMAGE = f"/stable/{RELEASE}/flatcar_production_image.bin.bz2"
_CONTENT = os.urandom(1 << 20) * 8


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Server]:
    """A server with an image of 8 MB."""
    server = Server(tmp_path, "ignition")
    server.lease(NODE1, NODE2)
    (server.folder.images / IMAGE[1:]).write_bytes(_CONTENT)
    server.start()
    yield server
    server.stop()


class Asking(Thread):
    """Asks again and again, on one connection or on a new one each time, and notes what was not answered."""

    def __init__(self, server: Server, *, keeps: bool) -> None:
        super().__init__()
        self.ended = Event()
        self.lost: list[str] = []
        self.answered = 0
        self._port, self._keeps = server.ports[0], keeps

    def run(self) -> None:
        """Ask until that has ended."""
        connection = self._connection()
        while not self.ended.is_set():
            try:
                connection.request("GET", f"/boot/{NODE1.dashed}.ipxe")
                answer = connection.getresponse()
                assert answer.read().startswith(b"#!ipxe")
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                connection = self._connection()
            if not self._keeps:
                connection.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)


def _wait_told(made: Server, wanted: str) -> None:
    """Wait until the process that owns the sockets tells that of its hand-overs."""
    told = made.folder.root / "generation"
    for _ in looks(60, 0.1):
        if told.read_text().strip() == wanted:
            return
    raise AssertionError(told.read_text())


def test_a_hand_over_refuses_no_request_and_cuts_no_download(made: Server) -> None:
    asking = [Asking(made, keeps=keeps) for keeps in (True, False)]
    readers = [Peer(made.ports[0], f"127.0.0.{20 + number}") for number in range(12)]
    with closing(readers):
        for number, reader in enumerate(readers):
            reader.ask(IMAGE if number else f"{IMAGE}?x")
        for each in asking:
            each.start()
        try:
            servers = {made.server_pid()}
            for _ in range(3):
                before = [each.answered for each in asking]
                assert made.hand_over().endswith("serving")
                servers.add(made.server_pid())
                assert all(each.answered > count for each, count in zip(asking, before, strict=True))
        finally:
            for each in asking:
                each.ended.set()
                each.join()
        assert [each.lost for each in asking] == [[], []]
        assert len(servers) == 4
        for reader in readers:
            assert reader.body() == _CONTENT
        for reader in readers:  # whose connection the last server has now
            reader.ask("/healthz")
            assert reader.body() == b"ok\n"


def test_the_next_server_knows_what_the_one_before_it_was_told(made: Server) -> None:
    made.get(f"/boot/{NODE2.dashed}.ipxe", who=NODE2)
    before = made.node(NODE2)
    assert made.hand_over() == "2 serving"
    assert made.node(NODE2)["phase"] == before["phase"] == "booting"
    made.wait_phase(NODE1, "leased")


def test_a_certificate_made_anew_is_presented_after_a_hand_over_that_cuts_no_download(made: Server) -> None:
    server = Subject("cloudconfig", server=True, names=("localhost",), addresses=(IPv4Address("127.0.0.1"),))
    pair = issue(made.secrets.authority, server, datetime.now(UTC), SERVER_LIFE)
    tls = made.folder.tls / "cloudconfig"
    write_file(tls / "server.pem", pair.certificate)
    write_file(tls / "server.key", pair.key)
    wanted = ssl.PEM_cert_to_DER_cert(pair.certificate.decode())
    said: list[str] = []
    told: list[str] = []
    served = partial(certificate_of, "127.0.0.1", made.ports[1])
    reader = Peer(made.ports[0])
    with closing([reader]):
        reader.ask(IMAGE)
        for _ in range(2):  # as a second `kboot up` does
            take_over(served, wanted, lambda: told.append(made.hand_over()), said.append)
        assert served() == wanted
        assert (len(said), told) == (1, ["2 serving"])
        assert reader.body() == _CONTENT


def test_a_server_that_cannot_begin_leaves_the_one_before_it_as_it_is(made: Server) -> None:
    certificate = made.folder.tls / "cloudconfig" / "server.pem"
    kept, server = certificate.read_bytes(), made.server_pid()
    certificate.write_bytes(b"none")
    assert made.hand_over() == "2 failed"
    assert '"hand-over-failed"' in made.log.read_text()
    assert made.get("/readyz", tls=True).status_code == 200
    assert made.server_pid() == server
    certificate.write_bytes(kept)
    assert made.hand_over() == "3 serving"
    assert made.server_pid() != server
    assert made.get("/readyz", tls=True).status_code == 200


def test_a_hand_over_that_waits_for_four_downloads_says_so_and_is_done_after_the_first_of_them(made: Server) -> None:
    readers = [Peer(made.ports[0], f"127.0.0.{20 + number}") for number in range(4)]
    with closing(readers):
        for number, reader in enumerate(readers):
            reader.ask(IMAGE)
            assert made.hand_over() == f"{number + 2} serving"
        server = made.server_pid()
        assert made.hand_over() == "5 waiting 4"
        assert made.server_pid() == server
        assert readers[0].body() == _CONTENT
        _wait_told(made, "6 serving")
        assert made.server_pid() != server
        assert made.get("/readyz").status_code == 200


def test_an_end_waits_for_no_download(made: Server) -> None:
    reader = Peer(made.ports[0])
    with closing([reader]):
        reader.ask(IMAGE)
        assert made.hand_over() == "2 serving"
        assert made.stop() == 0
        made.start()
    assert made.get("/readyz").status_code == 200


def test_a_server_that_follows_a_killed_one_waits_for_its_ports(made: Server) -> None:
    for _ in range(5):
        made.stop(kill=True)
        made.start()


def test_a_port_that_another_program_keeps_is_named_in_one_line(made: Server) -> None:
    made.stop()
    with socket.create_server(("127.0.0.1", made.ports[1])):
        command = [sys.executable, "-m", "kboot_cloudconfig"]
        done = subprocess.run(command, env=made.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"cannot listen: [Errno 98] 127.0.0.1:{made.ports[1]}: Address already in use\n"
    made.start()
