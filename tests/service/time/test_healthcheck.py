"""The container's health check, against answers that a time server may give. The real one is in tests/container."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from support.namespace import Namespace, cabled
from support.places import SERVICES

_SERVER = "10.10.14.253"


def answer_to(question: bytes, leap: int = 0, mode: int = 4, stratum: int = 10) -> bytes:
    """What a server answers (RFC 5905): its state, and the time of the question."""
    return bytes([leap << 6 | 4 << 3 | mode, stratum]) + bytes(22) + question[40:48] + bytes(16)


@contextmanager
def answering(server: Namespace, answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """A stand-in for chronyd that answers one question."""
    with server.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((_SERVER, 123))
        listening.settimeout(20)

        def serve() -> None:
            question, whose = listening.recvfrom(512)
            listening.sendto(answer(question), whose)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def check(server: Namespace) -> subprocess.CompletedProcess[str]:
    """The health check on the bootstrapper."""
    return server.run(str(SERVICES / "time" / "healthcheck"), environment={**os.environ, "KBOOT_BIND": _SERVER})


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """The bootstrapper's side of a network."""
    with cabled({"kboot-t0": f"{_SERVER}/24"}, "time") as (server, _):
        yield server


def test_a_server_that_knows_the_time_is_healthy(server: Namespace) -> None:
    with answering(server, answer_to):
        assert check(server).returncode == 0


@pytest.mark.parametrize(
    "answer",
    [
        lambda question: answer_to(question, leap=3),
        lambda question: answer_to(question, stratum=0),
        lambda question: answer_to(question, stratum=16),
        lambda question: answer_to(question, mode=3),
        lambda question: answer_to(bytes(48)),
        lambda question: answer_to(question)[:47],
        lambda question: b"",
    ],
    ids=["not synchronized", "kiss of death", "stratum 16", "no server", "to another question", "too short", "empty"],
)
def test_any_other_answer_is_noticed(server: Namespace, answer: Callable[[bytes], bytes]) -> None:
    with answering(server, answer):
        assert check(server).returncode != 0


def test_no_answer_is_noticed(server: Namespace) -> None:
    done = check(server)
    assert done.returncode != 0
    assert "Connection refused" in done.stderr
