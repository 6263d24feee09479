"""What update clients send is read whatever they leave out, and nothing that is sent does harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.omaha_answer import answer
from kboot_cloudconfig.omaha_request import App, ClientEvent, NotOmaha, read_request

OS = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"
UPDATE_ENGINE = f"""<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" installsource="ondemandupdate" ismachine="1">
    <os version="Chateau" platform="CoreOS" sp="4230.2.0_x86_64"></os>
    <app appid="{OS}" version="4230.2.0" track="stable" bootid="{{4d8e}}" oem="" oemversion="" alephversion="3975.2.0"
      machineid="{"0a" * 16}" machinealias="node1" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false">
        <ping active="1"></ping>
        <updatecheck></updatecheck>
        <event eventtype="3" eventresult="2" previousversion="0.0.0.0"></event>
    </app>
</request>
"""


def test_what_update_engine_sends_is_read() -> None:
    assert read_request(UPDATE_ENGINE.encode()) == (
        App(OS, "4230.2.0", "stable", "amd64-usr", "0a" * 16, True, True, (ClientEvent(3, 2, 0, "0.0.0.0"),)),  # noqa: S104 - a version
    )


def test_a_client_that_names_no_board_and_neither_pings_nor_tells_is_read_too() -> None:
    sent = f'<request><app appid="{OS}" version="1.2.3" track="beta"><updatecheck/></app></request>'
    assert read_request(sent.encode()) == (App(OS, "1.2.3", "beta", checks=True),)


def test_the_version_first_installed_is_not_taken_for_the_one_that_runs() -> None:
    sent = '<request><app alephversion="9.9.9" version="1.2.3" oemversion="8.8.8"/></request>'
    assert [app.version for app in read_request(sent.encode())] == ["1.2.3"]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "<request>",
        "<request/><request/>",
        '<!DOCTYPE x [<!ENTITY a "b">]><request>&a;</request>',
        '<?xml version="1.0" encoding="no-such"?><request/>',
        '<?xml version="1.0" encoding="utf-16"?><request/>',
        "<response/>",
        "{}",
    ],
)
def test_what_is_no_request_is_said_to_be_none(sent: str) -> None:
    with pytest.raises(NotOmaha):
        read_request(sent.encode())


def test_what_is_longer_or_more_than_any_client_sends_is_cut() -> None:
    event = '<event eventtype="3" eventresult="1"/>'
    app = f'<app appid="{"x" * 900}" version="1.2.3">{event * 50}</app>'
    sent = f"<request>{app * 9}</request>"
    apps = read_request(sent.encode())
    assert len(apps) == 8
    assert {len(app.events) for app in apps} == {8}
    assert {len(app.app_id) for app in apps} == {128}


def test_elements_within_each_other_to_any_depth_are_read() -> None:
    depth = 20_000
    assert read_request(b"<request>" + b"<a>" * depth + b"</a>" * depth + b"</request>") == ()


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_request_or_are_refused(sent: bytes) -> None:
    try:
        apps = read_request(sent)
    except NotOmaha:
        return
    answer((app, None) for app in apps)


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='<&"'), max_size=20)


@given(_WORDS, _WORDS, st.integers(-(2**40), 2**40), _WORDS)
def test_any_words_and_numbers_in_a_request_are_read_and_answered(
    app_id: str, version: str, number: int, odd: str
) -> None:
    sent = (
        f'<request><app appid="{app_id}" version="{version}"><updatecheck/>'
        f'<event eventtype="{number}" eventresult="{odd}" errorcode="{number}"/></app></request>'
    )
    try:
        (app,) = read_request(sent.encode())
    except NotOmaha:  # not every character may stand in XML
        return
    assert (app.app_id, app.version) == (app_id.strip(), version.strip())
    (again,) = read_request(answer([(app, None)]).replace(b"response", b"request"))
    assert again.app_id == app.app_id
