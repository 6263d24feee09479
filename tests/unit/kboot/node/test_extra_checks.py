"""A fragment of the operator's that Ignition or the machine would refuse is refused where it stands."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from kboot.node.config import DropIn, File, NodeConfig, Unit, User
from kboot.node.extra import read_extra
from kboot.node.extra_checks import FOLDERS, clashes
from kboot.node.unit_text import fault_of_unit
from kboot_clusterdesc import InvalidDescription
from support.places import GOLDEN_RENDERS

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5mO0kbaBjVgPb4vLO8NVCPyqpuhP3N1u5bPvF2C2eR a"


def refused(text: str) -> str:
    with pytest.raises(InvalidDescription) as refusal:
        read_extra(text.encode(), "extra.yaml")
    return str(refusal.value)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc/hostname", "a machine is called by the `name` of its node"),
        ("/etc/a/../hosts", "write `/etc/hosts`"),
        ("/etc/./hosts", "write `/etc/hosts`"),
        ("/etc/foo/", "write `/etc/foo`"),
        ("/etc//foo", "write `/etc/foo`"),
        ("/usr/local/bin/tune.sh", "/usr is read-only on the machine"),
        ("/lib/modules/a.ko", "/lib is read-only on the machine"),
        ("/bin/tune", "/bin is read-only on the machine"),
        ("/run/a", "/run is made anew by each"),
        ("/var/run/a", "/var/run is made anew by each"),
        ("/proc/sys/vm/swappiness", "/proc is made anew by each"),
        ("/tmp/a", "/tmp is made anew by each"),
        ("/boot/grub/grub.cfg", "another partition is mounted at /boot"),
        ("/etc/kboot/report-token", "/etc/kboot is the folder of kboot's own files"),
        ("/etc/kboot/config-hash", "/etc/kboot is the folder of kboot's own files"),
        ("/etc/kboot", "/etc/kboot is the folder of kboot's own files"),
        ("/etc/passwd", "name accounts under `users`"),
        ("/etc/kubernetes", "`/etc/kubernetes` is a folder"),
        ("/etc/systemd/system/kubelet.service.d", "is a folder"),
        ('"/etc/a\\tb"', "the path holds a letter that cannot be seen"),
        (f"/etc/{'a' * 300}", "longer than a file system takes"),
    ],
)
def test_a_path_that_the_machine_cannot_have_is_refused(path: str, said: str) -> None:
    text = refused(f"files: [{{path: {path}}}]")
    assert text.startswith("extra.yaml:1:16: files[0].path: ")
    assert said in text


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("files: [{path: /etc/a}, {path: /etc/a/b}]", "1:32: files[1].path", "`/etc/a` is a file"),
        ("files: [{path: /etc/a/b/c}, {path: /etc/a}]", "1:36: files[1].path", "`/etc/a` is a file"),
        ("files: [{path: /etc/a}, {path: /etc/a}]", "1:32: files[1].path", "`/etc/a` is named twice"),
        (
            "files: [{path: /etc/systemd/system/a.service}]\nunits: [{name: a.service, content: '[Unit]'}]",
            "1:16: files[0].path",
            "is written by `units` too",
        ),
        ("units: [{name: a.service}, {name: a.service}]", "1:35: units[1].name", "`a.service` is named twice"),
        ("units: [{name: a.service, content: ''}]", "1:36: units[0].content", "it is empty, which masks the unit"),
        ('units: [{name: "\u00fc.service"}]', "1:16: units[0].name", "is no name that systemd takes"),
        (
            "units: [{name: a.service, drop_ins: [{name: a.conf, content: foo}]}]",
            "1:62: units[0].drop_ins[0].content",
            "line 1: `foo` is neither a section",
        ),
        (
            "units: [{name: a.service, drop_ins: [{name: a.conf, content: ''}, {name: a.conf, content: ''}]}]",
            "1:74: units[0].drop_ins[1].name",
            "`a.conf` is named twice",
        ),
        ("users: [{name: ops}, {name: ops}]", "1:29: users[1].name", "`ops` is named twice"),
        ("users: [{name: docker}]", "1:16: users[0].name", "is an account or a group of the OS"),
        ("users: [{name: operator}]", "1:16: users[0].name", "is an account or a group of the OS"),
        ("users: [{name: ops, groups: [admin]}]", "1:30: users[0].groups[0]", "`admin` is no group of the OS"),
        (
            'users: [{name: ops, ssh_authorized_keys: ["not a key\\nx"]}]',
            "1:43: users.0.ssh_auth",
            "is not a public ssh key",
        ),
        ('users: [{name: core, ssh_authorized_keys: ["ssh-rsa AAAA"]}]', "1:44: users.0.ssh_auth", "damaged"),
    ],
)
def test_what_would_fail_at_the_first_boot_is_refused_at_its_place(text: str, place: str, said: str) -> None:
    found = refused(text)
    assert f"extra.yaml:{place}" in found
    assert said in found


def test_all_faults_of_a_fragment_are_told_at_once() -> None:
    found = refused("files: [{path: /usr/a}, {path: /etc/b/}]\nusers: [{name: ops, groups: [admin]}]")
    assert found.count("extra.yaml:") == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Service]\nExecStart=/bin/true\nfoo bar\n", "line 3: `foo bar` is neither"),
        ("[Service]\nfoo", "line 2: `foo` is neither"),
        ("[Service] x\nA=b\n", "line 1: `[Service] x` is no section"),
        ("[Service\nA=b\n", "line 1: `[Service` is no section"),
        ("A=b\n[Service]\n", "line 1: `A=b` stands before any section"),
        ("[Service]\nA=b\\\n\nfoo\n", "line 4: `foo` is neither"),
        ("[Service]\nA=b\\ \nfoo bar\n", "line 3: `foo bar` is neither"),
        (f"[Service]\nA={'b' * 2100}\n", "line 2 is longer"),
        ("# nothing\n", "it has no section"),
        ("[Service]\nA=\0\n", "NUL"),
    ],
)
def test_a_unit_that_ignition_would_refuse_says_in_which_line(text: str, said: str) -> None:
    assert said in (fault_of_unit(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nExecStart=/bin/sh -c 'a \\\n  b'\n# why \\\n and more\n; so\nRestart = always\n",
        "[Unit]\r\nDescription=a\r\n",
        "  [Install]\n\tWantedBy=multi-user.target",
        "",
    ],
)
def test_a_unit_in_any_usual_form_is_taken(text: str) -> None:
    assert fault_of_unit(text) is None


def test_core_is_the_account_that_kboot_gives_keys_and_groups() -> None:
    one = read_extra(f"users: [{{name: core, groups: [docker], ssh_authorized_keys: ['{_KEY}']}}]".encode(), "e")
    other = NodeConfig("", users=(User("core", (), ("sudo", "docker")),))
    merged = NodeConfig("node1", ("ssh-ed25519 A",)).merged(one).merged(other)
    assert merged.ssh_authorized_keys == ("ssh-ed25519 A", _KEY)
    assert merged.users == (User("core", (), ("docker", "sudo")),)


def test_a_drop_in_for_a_unit_of_kboots_leaves_the_unit_what_it_is() -> None:
    ours = NodeConfig("node1", units=(Unit("kubelet.service", "[Unit]\n", True, (DropIn("10-a.conf", "a"),)),))
    extra = NodeConfig("", units=(Unit("kubelet.service", None, True, (DropIn("20-b.conf", "b"),)),))
    (unit,) = ours.merged(extra).units
    assert (unit.content, [each.name for each in unit.drop_ins]) == ("[Unit]\n", ["10-a.conf", "20-b.conf"])
    (replaced,) = ours.merged(NodeConfig("", units=(Unit("kubelet.service", "[Service]\n"),))).units
    assert replaced == Unit("kubelet.service", "[Service]\n")


def test_a_drop_in_does_not_enable_a_unit_of_kboots_that_something_else_starts() -> None:
    (unit,) = (
        NodeConfig("node1", units=(Unit("a.service", "[Unit]\n", enabled=False),))
        .merged(read_extra(b"units: [{name: a.service, drop_ins: [{name: b.conf, content: '[Unit]'}]}]", "extra.yaml"))
        .units
    )
    assert not unit.enabled


def test_a_key_and_a_group_that_stand_twice_are_written_once() -> None:
    text = f"users: [{{name: ops, ssh_authorized_keys: [{_KEY}, {_KEY}], groups: [docker, sudo, docker]}}]"
    (user,) = read_extra(text.encode(), "extra.yaml").users
    assert (user.ssh_authorized_keys, user.groups) == ((_KEY,), ("docker", "sudo"))


def test_a_file_in_the_place_of_a_unit_and_a_unit_in_the_place_of_a_file_are_there_once() -> None:
    path = "/etc/systemd/system/kubelet.service"
    ours = NodeConfig("node1", units=(Unit("kubelet.service", "[Unit]\n", True, (DropIn("10-a.conf", "a"),)),))
    files = (File(path, b"theirs", read_by=None), File(f"{path}.d/10-a.conf", b"theirs", read_by=None))
    merged = ours.merged(NodeConfig("", files=files))
    assert [(file.path, file.content) for file in merged.all_files] == [(file.path, b"theirs") for file in files]
    assert [unit.enabled for unit in merged.units] == [True]
    assert [file.content for file in merged.merged(ours).all_files if file.path == path] == [b"[Unit]\n"]


def test_two_fragments_of_one_machine_share_no_path_that_would_be_file_and_folder() -> None:
    one, other = (NodeConfig("", files=(File(path, b"", read_by=None),)) for path in ("/etc/a", "/etc/a/b"))
    for extra, others in ((one, other), (other, one)):
        (fault,) = clashes(extra, others)
        assert fault.message == "`/etc/a` is a file, so nothing can lie below it as `/etc/a/b` does"
    assert list(clashes(one, one)) == []


def test_every_folder_that_kboot_writes_into_is_known_as_one() -> None:
    made = {
        str(folder)
        for files in GOLDEN_RENDERS.glob("*/expected/nodes/*/files")
        for path in files.rglob("*")
        if path.is_file()
        for folder in PurePosixPath("/", path.relative_to(files)).parents
    }
    assert len(made) > 10
    assert made - FOLDERS - {"/", "/etc/kboot", "/etc/containerd/certs.d/_default"} == set()
