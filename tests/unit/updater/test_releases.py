"""Numbers and addresses of releases."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_clusterdesc.model import Os
from kboot_clusterdesc.os_release import is_version, version_order
from kboot_updater.releases import release_server, version_in, versions_to_prune

VERSIONS = st.builds(
    lambda numbers, build: ".".join(map(str, numbers)) + build,
    st.tuples(st.integers(0, 99999), st.integers(0, 999), st.integers(0, 999)),
    st.sampled_from(["", "+2023-09-19-1914", "+nightly"]),
)
VERSION_FILE = """\
FLATCAR_BUILD=3510
FLATCAR_BRANCH=2
FLATCAR_PATCH=8
FLATCAR_VERSION=3510.2.8
FLATCAR_VERSION_ID=3510.2.8
FLATCAR_BUILD_ID="2023-09-19-1914"
FLATCAR_SDK_VERSION=3510.0.0
"""


def test_the_number_is_the_one_at_its_key_and_no_other() -> None:
    assert version_in(VERSION_FILE, "FLATCAR_VERSION") == "3510.2.8"
    assert version_in(VERSION_FILE, "FLATCAR_SDK_VERSION") == "3510.0.0"


def test_a_file_of_the_other_family_has_no_number() -> None:
    with pytest.raises(ValueError, match="it has no COREOS_VERSION"):
        version_in(VERSION_FILE, "COREOS_VERSION")


@pytest.mark.parametrize(
    "value", ["", "../../etc", "current", "3510.2", "3510.2.8/..", "3510.2.8+a/b", "\u0661.\u0662.\u0663"]
)
def test_what_is_no_number_is_refused_lest_it_become_a_folder(value: str) -> None:
    with pytest.raises(ValueError, match="not a release number"):
        version_in(f"FLATCAR_VERSION={value}\n", "FLATCAR_VERSION")


@given(version=VERSIONS, quote=st.sampled_from(["", '"', "'"]), end=st.sampled_from(["\n", "\r\n", " \n", ""]))
def test_any_number_is_read_in_any_quoting(version: str, quote: str, end: str) -> None:
    text = f"FLATCAR_BUILD=1\nFLATCAR_VERSION={quote}{version}{quote}{end}"
    assert version_in(text, "FLATCAR_VERSION") == version


@given(st.text())
def test_any_text_gives_a_safe_number_or_a_value_error(text: str) -> None:
    for content in (text, f"FLATCAR_VERSION={text}"):
        try:
            version = version_in(content, "FLATCAR_VERSION")
        except ValueError:
            continue
        assert is_version(version)
        assert re.fullmatch(r"[0-9A-Za-z.+-]+", version)
        assert ".." not in version.partition("+")[0]


@given(st.lists(VERSIONS, unique=True), st.integers(1, 20), st.data())
def test_pruning_keeps_what_is_in_use_and_the_newest(versions: list[str], keep: int, data: st.DataObject) -> None:
    in_use = data.draw(st.sets(st.sampled_from(versions))) if versions else set()
    pruned = versions_to_prune(versions, keep, in_use)
    kept = set(versions) - set(pruned)
    assert in_use <= kept
    assert len(kept) == min(len(versions), max(keep, len(in_use)))
    others = kept - in_use
    assert all(version_order(gone) <= version_order(stays) for gone in pruned for stays in others)


def test_numbers_are_ordered_as_numbers() -> None:
    assert sorted(["10.0.0", "9.9.9", "9.10.0"], key=version_order) == ["9.9.9", "9.10.0", "10.0.0"]


@pytest.mark.parametrize(
    ("release_url", "url", "auth"),
    [
        (None, "https://beta.release.flatcar-linux.net/amd64-usr", None),
        ("http://m.example.com/{channel}/{board}/", "http://m.example.com/beta/amd64-usr", None),
        ("http://mirror:pa$word@10.10.14.9/flatcar", "http://10.10.14.9/flatcar", ("mirror", "pa$word")),
        ("http://a:b@c@10.10.14.9", "http://10.10.14.9", ("a", "b@c")),
        ("http://a%40b:%7Bx%7D@10.10.14.9/x", "http://10.10.14.9/x", ("a@b", "{x}")),
    ],
)
def test_the_server_is_the_one_of_the_description(release_url: str | None, url: str, auth: object) -> None:
    server = release_server(Os(channel="beta", release_url=release_url))
    assert (server.url, server.auth) == (url, auth)
    assert server.file("1.2.3", "version.txt") == f"{url}/1.2.3/version.txt"
