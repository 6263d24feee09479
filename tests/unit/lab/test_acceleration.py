"""Machines use hardware virtualisation where a guest was seen to boot under it, and nowhere else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot_clusterdesc import ClusterFolder
from kboot_lab.acceleration import VARIABLE, Accelerator, accelerator_in_force, chosen_accelerator
from support.places import ROOT

_PROBE = ROOT / "lab" / "kboot_lab" / "machine" / "probe.sh"
_BOOTED = "echo 'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'\n"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    made = ClusterFolder(tmp_path, "unit")
    made.lab.mkdir(parents=True)
    return made


def never() -> str | None:
    raise AssertionError("it was tried")


@pytest.mark.parametrize(
    ("reason", "chosen", "said"),
    [
        (None, Accelerator.KVM, "machines use KVM"),
        ("a guest hangs", Accelerator.TCG, "machines are emulated: a guest hangs"),
    ],
)
def test_what_was_tried_decides_is_said_once_and_holds_for_the_lab(
    folder: ClusterFolder, reason: str | None, chosen: Accelerator, said: str
) -> None:
    lines: list[str] = []
    assert chosen_accelerator(folder, lines.append, lambda: reason) is chosen
    assert chosen_accelerator(folder, lines.append, never) is chosen
    assert accelerator_in_force(folder) is chosen
    assert lines == [said]


def test_the_environment_decides_without_a_try(folder: ClusterFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "kvm")
    assert chosen_accelerator(folder, lambda _: None, never) is Accelerator.KVM
    monkeypatch.setenv(VARIABLE, "tcg")
    assert accelerator_in_force(folder) is Accelerator.TCG
    monkeypatch.delenv(VARIABLE)
    assert accelerator_in_force(folder) is Accelerator.KVM, "the lab forgot what it runs on"


def test_another_word_in_the_environment_is_refused(folder: ClusterFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "xen")
    with pytest.raises(BadInput, match="KBOOT_LAB_ACCEL: `xen` is neither kvm nor tcg"):
        chosen_accelerator(folder, lambda _: None, never)


def probed(tmp_path: Path, qemu: str) -> subprocess.CompletedProcess[str]:
    """probe.sh with a QEMU that does as `qemu` says, given two seconds."""
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\n{qemu}")
    fake.chmod(0o755)
    command = ["bash", str(_PROBE), "kvm", "/kernel", "2"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)


def test_a_guest_that_boots_to_its_end_is_a_proof(tmp_path: Path) -> None:
    done = probed(tmp_path, _BOOTED)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_guest_that_hangs_is_none_and_is_ended(tmp_path: Path) -> None:
    done = probed(tmp_path, f"{_BOOTED}exec sleep 600\n")
    assert (done.returncode, done.stdout) == (1, "a guest hangs: no end of its boot after 2 s\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("qemu", "why"),
    [
        (f"{_BOOTED}echo no such machine >&2; exit 1\n", "no such machine"),
        ("echo 'qemu: error: failed to set MSR' >&2; echo Aborted >&2; exit 134\n", "qemu: error: failed to set MSR"),
        ("echo Decompressing Linux\n", "Decompressing Linux"),
    ],
)
def test_a_guest_that_ends_before_its_boot_does_is_none_and_it_is_said_why(tmp_path: Path, qemu: str, why: str) -> None:
    done = probed(tmp_path, qemu)
    assert (done.returncode, done.stdout) == (1, f"a guest does not run: {why}\n")
