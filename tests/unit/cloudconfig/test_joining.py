"""The node config that all undeclared machines share, as that of one of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.joining import join_token, personal
from kboot_clusterdesc import Mac, joined, load
from support.fixed_secrets import JOIN_SEED
from support.places import GOLDEN_RENDERS
from support.rendering import rendered_files

CASE = GOLDEN_RENDERS / "joined"
SEED = bytes.fromhex(JOIN_SEED)
TOKENS = {"report_token": "a-Report_token", "join_token": "abcdef.0123456789abcdef"}
NAMES = ("ignition.json", "cloud-config.yaml")

macs = st.integers(1, 2**48 - 1).map(lambda n: Mac(n.to_bytes(6, "big").hex(":"))).filter(joined.may_join)


@pytest.fixture(scope="module")
def shared() -> dict[str, bytes]:
    """Both dialects as they were rendered."""
    files = rendered_files(load(CASE / "cluster.yaml"))
    return {name: files[f"nodes/{joined.FOLDER}/{name}"].content for name in NAMES}


def contents(document: bytes) -> dict[str, bytes]:
    """path -> content of the files in either dialect."""
    if document.startswith(b"#cloud-config\n"):
        files = yaml.safe_load(document)["write_files"]
        return {each["path"]: b64decode(each["content"]) for each in files}
    files = json.loads(document)["storage"]["files"]
    return {each["path"]: b64decode(each["contents"]["source"].removeprefix("data:;base64,")) for each in files}


@given(macs)
def test_whatever_the_mac_both_dialects_hold_the_machine_s_own_values(shared: dict[str, bytes], mac: Mac) -> None:
    node = joined.joined_node(mac)
    for document in shared.values():
        own = personal(document, node, **TOKENS)
        files = contents(own)
        assert files["/etc/hostname"] == f"{mac.dashed}\n".encode()
        assert f"KBOOT_MAC={mac}\nKBOOT_NAME={mac.dashed}\n".encode() in files["/etc/kboot/node.env"]
        assert files["/etc/kboot/report-token"] == b"a-Report_token\n"
        assert files["/etc/kubernetes/kubelet/join-token"] == TOKENS["join_token"].encode()
        assert f"own={mac.dashed}\n".encode() in files["/opt/bin/kboot-routes"]
        assert f"--hostname-override={mac.dashed}\n" in own.decode().replace("\\n", "\n")
        everything = own + b"\n".join(files.values())
        for mark in (joined.STAND_IN_MAC, joined.STAND_IN_MAC.dashed, "@kboot"):
            assert mark.encode() not in everything


@given(macs)
def test_nothing_else_changes(shared: dict[str, bytes], mac: Mac) -> None:
    own = {"/etc/hostname", "/etc/kboot/node.env", "/etc/kboot/report-token", "/etc/kubernetes/kubelet/join-token"}
    own |= {"/opt/bin/kboot-routes", "/etc/systemd/network/10-kboot.network", "/etc/flatcar/update.conf"}
    for document in shared.values():
        before, after = contents(document), contents(personal(document, joined.joined_node(mac), **TOKENS))
        assert {path for path in before if before[path] != after[path]} == own
        assert list(before) == list(after)


def test_the_cloud_config_keeps_its_modes_and_switches(shared: dict[str, bytes]) -> None:
    mac = Mac("02:00:00:00:00:10")
    before = yaml.safe_load(shared["cloud-config.yaml"])
    after = yaml.safe_load(personal(shared["cloud-config.yaml"], joined.joined_node(mac), **TOKENS))
    assert after["hostname"] == mac.dashed
    assert [each["permissions"] for each in after["write_files"]] == [
        each["permissions"] for each in before["write_files"]
    ]
    for switch in ("enable", "mask"):
        assert [each.get(switch) for each in after["coreos"]["units"]] == [
            each.get(switch) for each in before["coreos"]["units"]
        ]


def test_the_config_that_all_share_holds_no_key(shared: dict[str, bytes]) -> None:
    for document in shared.values():
        everything = document + b"\n".join(contents(document).values())
        assert b"BEGIN CERTIFICATE" in everything
        assert b"PRIVATE KEY" not in everything
        assert JOIN_SEED.encode() not in everything


@given(macs, st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)), st.binary(min_size=32, max_size=32))
def test_a_bootstrap_token_is_the_hmac_and_has_the_form_of_kubernetes(mac: Mac, at: datetime, seed: bytes) -> None:
    since = at.replace(tzinfo=UTC)
    token = join_token(seed, mac.dashed, since)
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", token)
    text = f"join {mac.dashed} {int(since.timestamp())}".encode()
    assert hmac.new(seed, text, hashlib.sha256).hexdigest().startswith(token.replace(".", ""))


@pytest.mark.parametrize("text", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", joined.STAND_IN_MAC])
def test_what_is_no_machine_s_mac_does_not_join(text: str) -> None:
    assert not joined.may_join(Mac(text))
