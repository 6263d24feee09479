"""The fragment that an operator adds to node configs."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
import yaml

from kboot.node import cloud_config, ignition
from kboot.node.config import DropIn, File, NodeConfig, Unit, User
from kboot.node.extra import read_extra
from kboot_clusterdesc import InvalidDescription

BASE = NodeConfig(
    "node1",
    ("ssh-ed25519 AAAA a",),
    (File("/etc/motd", b"ours\n", read_by="a.service"),),
    (Unit("a.service", "[Unit]\n"),),
)


def refusal(text: str) -> str:
    with pytest.raises(InvalidDescription) as refused:
        read_extra(text.encode(), "extra.yaml")
    return str(refused.value)


def test_a_fragment_holds_files_units_and_users() -> None:
    text = """\
files: [{path: /opt/a, content: "a\\n", mode: "755"}]
units: [{name: b.service, enabled: false, drop_ins: [{name: 10-c.conf, content: "[Service]\\n"}]}]
users: [{name: ops, groups: [docker]}]
"""
    assert read_extra(text.encode(), "extra.yaml") == NodeConfig(
        hostname="",
        files=(File("/opt/a", b"a\n", 0o755, read_by=None),),
        units=(Unit("b.service", None, False, (DropIn("10-c.conf", "[Service]\n"),)),),
        users=(User("ops", (), ("docker",)),),
    )


@pytest.mark.parametrize("mode", ["0644", '"0644"', "644"])
def test_a_mode_is_octal_however_it_is_written(mode: str) -> None:
    (file,) = read_extra(f"files: [{{path: /a, mode: {mode}}}]".encode(), "extra.yaml").files
    assert file.mode == 0o644


@pytest.mark.parametrize(
    ("decimal", "octal"),
    [
        ("256", "0400"),
        ("384", "0600"),
        ("416", "0640"),
        ("420", "0644"),
        ("448", "0700"),
        ("493", "0755"),
        ("365", "0555"),
        ("436", "0664"),
    ],
)
def test_a_mode_in_decimal_as_ignition_has_it_is_not_taken_for_octal(decimal: str, octal: str) -> None:
    said = refusal(f"files: [{{path: /a, mode: {decimal}}}]")
    assert said.startswith("extra.yaml:1:26: files.0.mode: ")
    assert f"`{decimal}` is the decimal number of {octal}, and a mode is octal: `mode: {octal}`" in said
    (file,) = read_extra(f"files: [{{path: /a, mode: {octal}}}]".encode(), "extra.yaml").files
    assert file.mode == int(decimal)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("files: [{path: etc/motd}]", "extra.yaml:1:16: files.0.path: "),
        ("files: [{path: /a, mode: rw}]", "extra.yaml:1:26: files.0.mode: "),
        ("files: [{path: /a, mode: 0999}]", "`0999` is not a file mode such as 0644"),
        ("files: [{path: /a, mode: 0o644}]", "`0o644` is not a file mode such as 0644"),
        ("units: [{name: ../a.service}]", "extra.yaml:1:16: units.0.name: "),
        ("users: [{name: Root}]", "extra.yaml:1:16: users.0.name: "),
        ("file: []", "extra.yaml:1:1: file: there is no such key"),
        ("files: [", "extra.yaml:"),
        ("- a", "extra.yaml:1:1: "),
    ],
)
def test_a_faulty_fragment_is_refused_at_its_place(text: str, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("files: [{path:/etc/a, content: x}]", "extra.yaml:1:10: files[0].path:/etc/a: a key without a value"),
        ("units: [{name: a.service, enabled:false}]", "hint: put a blank after the colon: `enabled: false`"),
        ("units: [{name: a.service, drop_ins: [{name: b.conf, content:x}]}]", "extra.yaml:1:53: units[0].drop_ins[0]."),
        ("users: [{name: ops, groups: [docker], sudo}]", "extra.yaml:1:39: users[0].sudo: a key without a value"),
        ("users:\n- name: ops\n  groups:\n  - docker\n  -\n", "extra.yaml:5:4: users[0].groups[1]: an empty item"),
        ("files:\n- path: /a\n  moed:\n", "extra.yaml:3:3: files.0.moed: there is no such key"),
        ("files:[{path: /a}]", "hint: put a blank after the colon"),
        ("foo:", "extra.yaml:1:1: foo: there is no such key"),
        ("files: [{\u00a0path: /a}]", "U+00A0 NO-BREAK SPACE"),
    ],
)
def test_no_key_of_a_fragment_is_dropped_without_a_word(text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_known_key_without_a_value_is_as_if_it_were_not_there() -> None:
    text = "files: [{path: /a, content: , mode: }]\nunits:\nusers: [{name: ops, groups: }]\n"
    assert read_extra(text.encode(), "extra.yaml") == read_extra(
        b"files: [{path: /a}]\nusers: [{name: ops}]", "extra.yaml"
    )


def test_a_later_part_replaces_an_earlier_one_and_adds_the_rest() -> None:
    files = (File("/etc/motd", b"theirs\n", 0o600, read_by=None), File("/a", b"", read_by=None))
    other = NodeConfig("", ("ssh-ed25519 AAAA a", "ssh-ed25519 BBBB b"), files, ())
    merged = BASE.merged(other)
    assert merged.hostname == "node1"
    assert merged.ssh_authorized_keys == ("ssh-ed25519 AAAA a", "ssh-ed25519 BBBB b")
    assert merged.files == (File("/etc/motd", b"theirs\n", 0o600, read_by="a.service"), files[1])
    assert merged.units == BASE.units


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("/etc/systemd/system/own.service", "own.service"),
        ("/etc/systemd/system/kubelet.service.d/90-own.conf", "kubelet.service"),
        ("/etc/systemd/network/20-own.network", "systemd-networkd.service"),
        ("/etc/systemd/networkd.conf.d/20-own.conf", "systemd-networkd.service"),
        ("/etc/systemd/timesyncd.conf.d/20-own.conf", "systemd-timesyncd.service"),
        ("/etc/modules-load.d/own.conf", "systemd-modules-load.service"),
        ("/etc/containerd/own.toml", "containerd.service"),
        ("/etc/containerd/certs.d/quay.io/hosts.toml", None),
        ("/etc/etcd/own.env", "etcd.service"),
        ("/etc/kubernetes/addons/manifests/99-own.yaml", "kboot-addons.service"),
        ("/etc/kubernetes/kubelet/credential-provider.yaml", "kubelet.service"),
        ("/etc/kubernetes/pod-network/own.conf", "kboot-routes.service"),
        ("/etc/own.conf", None),
    ],
)
def test_who_reads_a_file_of_a_fragment_is_known_by_its_place_or_not_at_all(path: str, reader: str | None) -> None:
    (file,) = read_extra(f"files: [{{path: {path}}}]".encode(), "extra.yaml").files
    assert file.read_by == reader


def test_both_dialects_carry_the_same_files_to_the_byte() -> None:
    files = (File("/odd", bytes(range(256)), 0o640, read_by=None), File("/empty", b"", read_by=None))
    odd = BASE.merged(NodeConfig("", files=files))
    in_yaml = {e["path"]: b64decode(e["content"]) for e in yaml.safe_load(cloud_config(odd))["write_files"]}
    in_json = {
        e["path"]: b64decode(e["contents"]["source"].partition(",")[2])
        for e in json.loads(ignition(odd))["storage"]["files"]
    }
    assert in_yaml == in_json
    assert in_yaml["/odd"] == bytes(range(256))
    assert in_yaml["/etc/hostname"] == b"node1\n"


@pytest.mark.parametrize("name", ["1e3", "0x10", "012", "on", "null", "1.30", "1_000", "0o17"])
def test_a_host_name_is_a_text_for_every_reader(name: str) -> None:
    line = cloud_config(NodeConfig(name)).splitlines()[2].decode()
    assert line == f' "hostname": "{name}",'


def test_a_file_in_the_place_of_another_keeps_its_reader() -> None:
    (mine,) = read_extra(b"files: [{path: /etc/etcd/etcdctl.env}]", "extra.yaml").files
    ours = NodeConfig("node1", files=(File("/etc/etcd/etcdctl.env", b"", read_by=None),))
    assert mine.read_by == "etcd.service"
    assert [file.read_by for file in ours.merged(NodeConfig("", files=(mine,))).files] == [None]
