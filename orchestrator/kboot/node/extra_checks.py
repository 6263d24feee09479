"""Judges an operator's fragment: whether Ignition and the machine take it. Ignition takes a whole config, or nothing.

What it refuses shows on the console of a machine whose disk was written already, and nowhere else. Pure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kboot_clusterdesc.os_family import ACCOUNT
from kboot_clusterdesc.problem import Steps

from .config import CONFIG_FILES, UNITS, NodeConfig
from .unit_text import fault_of_unit

_READ_ONLY = ("/usr", "/bin", "/lib", "/lib64", "/sbin")
_NOT_KEPT = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/lock", "/var/run")  # noqa: S108 - of the machine, refused
_ACCOUNTS = ("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow")
_HOSTNAME = "/etc/hostname"
_OURS = posixpath.dirname(CONFIG_FILES)
# What is a folder in every OS, or where kboot puts files: no file can take its place.
FOLDERS = frozenset(
    """/boot /etc /etc/cni /etc/cni/net.d /etc/containerd /etc/containerd/certs.d /etc/coreos /etc/etcd /etc/etcd/pki
    /etc/flatcar /etc/kubernetes /etc/kubernetes/addons /etc/kubernetes/addons/manifests
    /etc/kubernetes/kube-controller-manager /etc/kubernetes/kube-scheduler /etc/kubernetes/kubelet
    /etc/kubernetes/manifests /etc/kubernetes/pod-network /etc/kubernetes/tls-bootstrap /etc/modprobe.d
    /etc/modules-load.d /etc/pam.d /etc/profile.d /etc/security /etc/ssh /etc/ssh/sshd_config.d /etc/ssl /etc/ssl/certs
    /etc/sudoers.d /etc/sysctl.d /etc/systemd /etc/systemd/network /etc/systemd/system /etc/systemd/timesyncd.conf.d
    /etc/tmpfiles.d /etc/udev /etc/udev/rules.d /home /home/core /media /mnt /opt /opt/bin /opt/cni /opt/cni/bin /root
    /srv /var /var/lib /var/lib/containerd /var/lib/etcd /var/lib/kubelet /var/log /var/tmp""".split()  # noqa: SIM905 - a line for each would hide the code
)
_LONGEST_NAME, _LONGEST_PATH = 255, 4000
# The groups of the OS, and its accounts: an account's own group has its name, and no group is made by a fragment.
_GROUPS = frozenset(
    """adm audio bin cdrom cdrw console core daemon dhcp dialout disk docker etcd floppy input kmem kvm lock lp man mem
    messagebus netperf news nobody nogroup ntp polkitd portage render root sgx sshd sudo sys syslog systemd-bus-proxy
    systemd-journal systemd-journal-remote systemd-network systemd-resolve tape tcpdump tlsdate tss tty usb users utmp
    uucp video wheel""".split()  # noqa: SIM905 - as above
)
_NO_NEW_ACCOUNTS = _GROUPS.union(("halt", "operator", "shutdown", "sync")) - {ACCOUNT, "root"}
_ASCII_NAME = re.compile(r"[\x21-\x7e]+")

_IS_KBOOTS = "kboot writes this file by the description"
_BELOW_OPT = "scripts and programs of your own go below /opt/bin"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of a fragment, and the way out."""

    path: Steps
    message: str
    hint: str


def faults(extra: NodeConfig) -> Iterator[Fault]:
    """Yield each fault of a fragment, in its order."""
    yield from _faults_of_files(extra)
    yield from _faults_of_units(extra)
    yield from _faults_of_users(extra)


def clashes(extra: NodeConfig, others: NodeConfig) -> Iterator[Fault]:
    """Yield a fault for each file of a fragment that would have to be a folder of the others' files, or below one."""
    theirs = {file.path for file in others.all_files}
    for i, file in enumerate(extra.files):
        if (other := _folder_clash(file.path, theirs)) is not None:
            yield _clash(i, file.path, other)


def _faults_of_files(extra: NodeConfig) -> Iterator[Fault]:
    of_units = {file.path for file in NodeConfig("", units=extra.units).all_files}
    known: set[str] = set()
    for i, file in enumerate(extra.files):
        path = file.path
        if found := _fault_of_path(path):
            yield Fault(("files", i, "path"), *found)
        elif path in known:
            yield Fault(("files", i, "path"), f"`{path}` is named twice", "write it once")
        elif path in of_units:
            yield Fault(("files", i, "path"), f"`{path}` is written by `units` too", "name it in one place")
        elif (other := _folder_clash(path, known | of_units)) is not None:
            yield _clash(i, path, other)
        known.add(path)


def _clash(i: int, path: str, other: str) -> Fault:
    file, folder = (path, other) if other.startswith(path) else (other, path)
    what = f"`{file}` is a file, so nothing can lie below it as `{folder}` does"
    return Fault(("files", i, "path"), what, "give one of them another path")


def _folder_clash(path: str, others: set[str]) -> str | None:
    above = [other for other in _folders_of(path) if other in others]
    below = (other for other in sorted(others) if other.startswith(f"{path}/"))
    return next(iter(above), None) or next(below, None)


def _folders_of(path: str) -> Iterator[str]:
    while (path := posixpath.dirname(path)) not in ("/", ""):
        yield path


def _fault_of_path(path: str) -> tuple[str, str] | None:
    """Return what is wrong with the path of a file, and the way out."""
    if not path.isprintable():
        return "the path holds a letter that cannot be seen", "write it anew"
    simple = posixpath.normpath(path)
    if path != simple:
        return f"`{path}` is not the simple form of a path", f"write `{simple}`"
    if len(path.encode()) > _LONGEST_PATH or any(len(name.encode()) > _LONGEST_NAME for name in path.split("/")):
        return "the path, or a name in it, is longer than a file system takes", "give it a shorter one"
    if folder := _first_above(path, _READ_ONLY):
        return f"`{path}` cannot be written: {folder} is read-only on the machine", _BELOW_OPT
    if folder := _first_above(path, _NOT_KEPT):
        return (
            f"`{path}` would not be there after the boot: {folder} is made anew by each",
            "choose a folder that stays",
        )
    if path.startswith("/boot/"):
        return f"`{path}` would not be seen: another partition is mounted at /boot", "see `kernel_args` for the kernel"
    if path == _HOSTNAME:
        return _IS_KBOOTS, "a machine is called by the `name` of its node"
    if folder := _first_above(path, (_OURS,)):
        return f"{folder} is the folder of kboot's own files", "choose another folder"
    if path in _ACCOUNTS:
        return f"`{path}` would take the accounts of the OS away", "name accounts under `users`"
    if path in FOLDERS or re.fullmatch(rf"{UNITS}/[^/]+\.(d|wants|requires)", path):
        return f"`{path}` is a folder", "name the file in it"
    return None


def _first_above(path: str, folders: tuple[str, ...]) -> str | None:
    return next((folder for folder in folders if path == folder or path.startswith(f"{folder}/")), None)


def _faults_of_units(extra: NodeConfig) -> Iterator[Fault]:
    hint = "see systemd.syntax(7); `systemd-analyze verify` reads a unit before a machine does"
    is_new = _once()
    for i, unit in enumerate(extra.units):
        place: Steps = ("units", i, "name")
        yield from _faults_of_name(place, unit.name, is_new=is_new(unit.name))
        if unit.content is not None:
            fault = "it is empty, which masks the unit" if not unit.content.strip() else fault_of_unit(unit.content)
            if fault:
                yield Fault(("units", i, "content"), fault, hint)
        is_new_part = _once()
        for k, drop_in in enumerate(unit.drop_ins):
            within: Steps = ("units", i, "drop_ins", k)
            yield from _faults_of_name((*within, "name"), drop_in.name, is_new=is_new_part(drop_in.name))
            if fault := fault_of_unit(drop_in.content):
                yield Fault((*within, "content"), fault, hint)


def _faults_of_name(place: Steps, name: str, *, is_new: bool) -> Iterator[Fault]:
    if not is_new:
        yield Fault(place, f"`{name}` is named twice", "put both into one")
    if not _ASCII_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield Fault(place, f"`{name}` is no name that systemd takes", "letters of ASCII alone, at most 255")


def _faults_of_users(extra: NodeConfig) -> Iterator[Fault]:
    is_new = _once()
    for i, user in enumerate(extra.users):
        if not is_new(user.name):
            yield Fault(("users", i, "name"), f"`{user.name}` is named twice", "put both into one")
        if user.name in _NO_NEW_ACCOUNTS:
            what = f"`{user.name}` is an account or a group of the OS, so it cannot be made"
            yield Fault(("users", i, "name"), what, "choose another name")
        for k, group in enumerate(user.groups):
            if group not in _GROUPS:
                hint = "such as docker, sudo, systemd-journal, wheel: no account is made with another one"
                yield Fault(("users", i, "groups", k), f"`{group}` is no group of the OS", hint)


def _once() -> Callable[[str], bool]:
    """Return a function that says whether it is asked for a name for the first time."""
    known: set[str] = set()

    def is_new(name: str) -> bool:
        is_first = name not in known
        known.add(name)
        return is_first

    return is_new
