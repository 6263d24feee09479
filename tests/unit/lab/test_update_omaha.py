"""What the lab's update client asks, and what it reads out of an answer, as the real one was seen to."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_lab.os.update_engine import omaha
from kboot_lab.os.update_engine.failure import Code, UpdateError
from support.update_server import offered

RELEASE = "FLATCAR_RELEASE_VERSION=3975.2.0\nFLATCAR_RELEASE_BOARD=amd64-usr\n"
SHIPPED = "GROUP=stable\nSERVER=https://public.update.flatcar-linux.net/v1/update/\n"
OWN = "# kboot\nSERVER=http://10.0.0.1/v1/update/\nMACHINE_ALIAS='node1'\n"
IDENTITY = {"machine-id": "0123456789abcdef0123456789abcdef", "boot-id": "8e8f", "aleph-version": "3760.2.0"}
MACHINE = omaha.machine_of((OWN, SHIPPED, RELEASE), IDENTITY)
GOOD = offered("10.0.0.1", "3975.2.1", b"payload").decode()


def test_the_first_file_that_has_a_key_wins_and_quotes_go() -> None:
    assert (MACHINE.server, MACHINE.track, MACHINE.alias) == ("http://10.0.0.1/v1/update/", "stable", "node1")
    assert (MACHINE.version, MACHINE.first_version) == ("3975.2.0", "3760.2.0")
    assert omaha.machine_of(("", SHIPPED, RELEASE), IDENTITY).server == omaha.PUBLIC_SERVER
    assert omaha.conf_value(("A=b # why",), "A") == "b # why"


def test_a_check_has_ping_updatecheck_and_event_and_an_event_stands_alone() -> None:
    event = omaha.check_event("3975.2.0", None)
    check = omaha.request(MACHINE, event, is_check=True, on_demand=True).decode()
    assert check.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<request protocol="3.0"')
    assert 'installsource="ondemandupdate"' in check
    assert 'version="3975.2.0" track="stable" bootid="{8e8f}"' in check
    assert 'machinealias="node1"' in check
    for part in ('<ping active="1">', "<updatecheck>", 'eventtype="3" eventresult="2" previousversion="0.0.0.0"'):
        assert part in check
    alone = omaha.request(MACHINE, omaha.DOWNLOAD_STARTED, is_check=False, on_demand=False).decode()
    assert '<event eventtype="13" eventresult="1">' in alone
    assert "ping" not in alone
    assert "updatecheck" not in alone
    ping = omaha.request(MACHINE, None, is_check=False, on_demand=False).decode()
    assert "<ping" in ping
    assert "updatecheck" not in ping


@pytest.mark.parametrize(
    ("previous", "event"),
    [
        (None, omaha.Event(3, 2, previous_version="0.0.0.0")),  # noqa: S104 - no address
        ("", omaha.Event(3, 2, previous_version="")),
        ("3975.1.0", omaha.Event(3, 2, previous_version="3975.1.0")),
        ("3975.2.0", omaha.Event(3, 0, 44)),
    ],
)
def test_a_check_tells_what_ran_before_and_that_the_old_system_runs_again(
    previous: str | None, event: omaha.Event
) -> None:
    assert omaha.check_event("3975.2.0", previous) == event


def test_an_offer_is_read() -> None:
    offer = omaha.answer(GOOD.encode()).offer
    assert offer
    assert offer.urls == ("http://10.0.0.1/flatcar_production_update.gz",)
    assert (offer.version, offer.size, offer.has_backoff, offer.failures_per_url) == ("3975.2.1", 7, False, 10)
    bare = GOOD.replace('codebase="http://10.0.0.1/"', 'codebase="http://10.0.0.1"')
    assert omaha.answer(bare.encode()).offer == offer


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.EMPTY_ANSWER),
        ("none", Code.ANSWER_NOT_XML),
        ("<response/>", Code.ANSWER),
        (GOOD.replace("<response", '<response xmlns="http://x"'), Code.ANSWER),
        (GOOD.replace('updatecheck status="ok"', 'updatecheck status="error-internal"'), Code.ANSWER),
        (GOOD.replace("postinstall", "install"), Code.ANSWER),
        (GOOD.replace('size="7"', 'size="0"'), Code.ANSWER),
        (GOOD.replace("sha256=", "sha1="), Code.ANSWER),
        (GOOD.replace("<url ", "<uri "), Code.ANSWER),
    ],
)
def test_a_wrong_answer_ends_in_the_code_of_the_real_client(text: str, code: Code) -> None:
    with pytest.raises(UpdateError) as caught:
        omaha.answer(text.encode())
    assert caught.value.code == code


def test_noupdate_is_quiet_and_says_when_to_ask_again() -> None:
    body = b'<response><app><updatecheck status="noupdate" PollInterval="300"/></app></response>'
    assert omaha.answer(body) == omaha.Answer(None, 300)


@given(st.binary(max_size=200))
def test_whatever_a_server_answers_is_an_answer_or_a_code(body: bytes) -> None:
    with suppress(UpdateError):
        assert omaha.answer(body).offer is None
