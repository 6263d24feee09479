"""The program at a bundle's head, run by the shell: what it installs, what it links, and what it leaves alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from kboot.bundle import layout
from kboot.bundle.head.install import left_over
from support.headed_bundle import HeadedBundle, headed_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> HeadedBundle:
    return headed_bundle(tmp_path)


def _said(bundle: HeadedBundle) -> str:
    """What the program that is found as `kboot` says."""
    done = subprocess.run([bundle.prefix / "bin" / "kboot"], capture_output=True, text=True, env={"CODE": "0"})
    return done.stdout


def _environments(bundle: HeadedBundle) -> list[str]:
    return sorted(path.name for path in bundle.prefix.iterdir() if path.name != "bin")


def test_it_installs_kboot_once_and_hands_on_what_it_is_given(bundle: HeadedBundle) -> None:
    for installing in (1, 0):
        done = bundle.run("--trusted-key", "a b.pub")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"bundle load {bundle.path} --trusted-key a b.pub\n"
        assert done.stderr.count("installing kboot 0.1.0 into ") == installing
    assert len(_environments(bundle)) == 1
    assert _said(bundle) == "\n"


def test_what_the_machine_says_to_pip_is_not_asked(bundle: HeadedBundle, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nconstraint = /none\n")
    done = bundle.run(PIP_REQUIRE_HASHES="1", PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))
    assert done.returncode == 0, done.stderr


def test_a_bundle_that_is_refused_leaves_nothing(bundle: HeadedBundle) -> None:
    assert bundle.run(code=2, is_taken=False).returncode == 2
    assert _environments(bundle) == []
    assert not (bundle.prefix / "bin").exists()


def test_a_bundle_that_is_refused_leaves_the_kboot_that_is_here(bundle: HeadedBundle, tmp_path: Path) -> None:
    """Also one of the same version, made of other wheels."""
    assert bundle.run().returncode == 0
    other = headed_bundle(tmp_path, text="\nprint('another')\n", name="other.kboot")
    before = _environments(bundle)
    assert other.run(code=2, is_taken=False).returncode == 2
    assert (_environments(bundle), _said(bundle)) == (before, "\n")
    done = other.run()
    assert done.returncode == 0
    assert _said(bundle) == "another\n\n"
    assert done.stderr.splitlines()[1:] == [
        f"no unit starts these any more, you may remove them: rm -r {bundle.prefix / before[0]}"
    ]


def test_a_kboot_of_another_bundle_that_a_unit_starts_is_named_with_the_unit(tmp_path: Path) -> None:
    prefix, units = tmp_path / "opt", tmp_path / "system"
    units.mkdir()
    for name in ("0.0.8-aa", "0.0.9-bb", "0.0.9-b", "0.1.0-cc"):
        (prefix / name).mkdir(parents=True)
        (prefix / name / "wheels.json").touch()
    (prefix / "bin").mkdir()
    assert left_over(prefix, prefix / "0.1.0-cc", tmp_path / "none")[0].endswith(
        f": rm -r {prefix}/0.0.8-aa {prefix}/0.0.9-b {prefix}/0.0.9-bb"
    )
    (units / "kboot-rack.service").write_text(f"ExecStart={prefix}/0.0.9-bb/bin/python -m kboot.cli.main start rack\n")
    assert left_over(prefix, prefix / "0.1.0-cc", units) == [
        f"{prefix}/0.0.9-bb: is still what kboot-rack.service starts: `kboot autostart on` has it start this kboot",
        f"no unit starts these any more, you may remove them: rm -r {prefix}/0.0.8-aa {prefix}/0.0.9-b",
    ]
    shutil.rmtree(prefix / "0.0.8-aa")
    shutil.rmtree(prefix / "0.0.9-b")
    assert len(left_over(prefix, prefix / "0.1.0-cc", units)) == 1


@pytest.mark.parametrize("code", [1, 130, -9])
def test_kboot_is_not_linked_before_its_bundle_was_found_sound(bundle: HeadedBundle, code: int) -> None:
    """The disk was full, or somebody ended it: what is installed is used by the next run."""
    text = (
        "" if code > 0 else "import os, signal\nif os.environ['CODE'] == '-9': os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    bundle = headed_bundle(bundle.folder, text=text)
    assert bundle.run(code=code, is_taken=False).returncode == (code if code > 0 else 137)
    assert not (bundle.prefix / "bin").exists()
    done = bundle.run(code=1)  # it was taken in, and no engine is here
    assert (done.returncode, done.stderr) == (1, "")
    assert _said(bundle) == "\n"


def test_where_kboot_keeps_what_it_took_in_is_taken_from_its_options(bundle: HeadedBundle, tmp_path: Path) -> None:
    for option in (["--root", str(bundle.root)], [f"--root={bundle.root}"]):
        (bundle.prefix / "bin" / "kboot").unlink(missing_ok=True)
        assert bundle.run(*option, KBOOT_ROOT=str(tmp_path / "other")).returncode == 0
        assert not (bundle.prefix / "bin" / "kboot").exists(), "the stand-in took it in elsewhere"
    bundle.run("--trusted-key", "x")
    assert bundle.run("--root", str(bundle.root), KBOOT_ROOT=str(tmp_path / "other")).returncode == 0
    assert (bundle.prefix / "bin" / "kboot").exists()


def test_a_ctrl_c_is_answered_by_kboot_and_ends_without_a_traceback(tmp_path: Path) -> None:
    text = """
class Main:
    def __call__(self):
        import signal
        def end(number, frame):
            print("ended well")
            sys.exit(130)
        signal.signal(signal.SIGINT, end)
        print("begun", flush=True)
        signal.pause()
main = Main()
"""
    bundle = headed_bundle(tmp_path, text=text)
    environment = {"PATH": "/usr/bin:/bin", "KBOOT_PREFIX": str(bundle.prefix), "KBOOT_ROOT": str(bundle.root)}
    with subprocess.Popen(
        # dash would end before what it runs; the head's last word is Python's
        ["sh", bundle.path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "begun\n"
        os.killpg(running.pid, signal.SIGINT)
        assert running.stdout.read() == "ended well\n"
        assert "Traceback" not in running.stderr.read()


def test_a_disk_that_cannot_be_written_is_named(bundle: HeadedBundle, tmp_path: Path) -> None:
    (bundle.prefix).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "kboot-test", bundle.prefix], check=True)
    try:
        done = bundle.run()
    finally:
        subprocess.run(["umount", bundle.prefix], check=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        f"error: {bundle.prefix}: No space left on device",
        "  hint: see to that, then run this again",
    ]


def test_a_manifest_under_another_name_is_not_taken_for_one(bundle: HeadedBundle) -> None:
    """Whoever looks for manifest.json by tar would be shown another."""
    size = len(bundle.manifest.content)
    whole = bundle.path.read_bytes()
    begin = layout.HEAD_SIZE
    bundle.path.write_bytes(whole[:begin] + layout.header("other", size) + whole[begin + layout.BLOCK :])
    done = bundle.run()
    assert done.returncode == 2
    assert "manifest.json: its header is none of a bundle's" in done.stderr
    assert _environments(bundle) == []
