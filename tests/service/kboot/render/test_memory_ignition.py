"""pxe.ign: what real Ignition makes of it, and that its unit asks for install.sh for as long as it takes."""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kboot_clusterdesc import Family, family_of, load
from service.kboot.render.test_ignition import IGNITION, STAGES, bare_system
from support.places import GOLDEN_RENDERS
from support.ports import free_port
from support.rendering import rendered_files

_UNIT = "kboot-install.service"
_CLOUDINIT = "user-cloudinit-proc-cmdline.service"
_UPDATERS = ("update-engine-stub.timer", "update-engine-stub.service", "update-engine.service", "locksmithd.service")


def config_of(case: str) -> bytes:
    """pxe.ign of a golden case, as it is rendered."""
    folder = GOLDEN_RENDERS / case
    return rendered_files(load(folder / "cluster.yaml"), folder=folder)["config/pxe.ign"].content


def units_of(case: str) -> dict[str, dict[str, Any]]:
    return {unit["name"]: unit for unit in json.loads(config_of(case))["systemd"]["units"]}


@contextmanager
def answering(port: int, *answers: tuple[int, bytes]) -> Iterator[None]:
    """A server that gives these answers one after the other, the last one for ever."""
    left = list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("case", ["lab", "rack", "proxy", "joined", "links"])
def test_ignition_validate_has_nothing_to_say(case: str) -> None:
    done = subprocess.run(["ignition-validate", "-"], input=config_of(case), capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_legacy_family_is_given_a_spec_that_it_reads() -> None:
    document = json.loads(config_of("coreos"))
    assert document["ignition"] == {"version": "2.1.0"}
    keys = set().union(*document["systemd"]["units"])
    assert keys == {"name", "enabled", "contents", "dropins", "mask"}  # as spec 2.1.0 has them, too


def test_systemd_has_nothing_to_say_of_the_unit(tmp_path: Path) -> None:
    (tmp_path / _UNIT).write_text(units_of("lab")[_UNIT]["contents"])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / _UNIT)], capture_output=True, text=True
    )
    assert _UNIT not in done.stderr, done.stderr


def test_ignition_asks_without_an_end_until_it_is_answered_and_leaves_one_of_the_two_readers(tmp_path: Path) -> None:
    port = free_port()
    arguments = family_of(Family.FLATCAR).ignition_arguments(f"http://127.0.0.1:{port}/pxe.ign?mac=x&boot=y")
    (tmp_path / "cmdline").write_text(f"quiet {arguments}\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "setfiles").symlink_to("/bin/true")
    root = bare_system(tmp_path / "root")
    fetch = _ignition(tmp_path, "fetch", wait=False)
    said = ""
    assert fetch.stdout is not None
    for line in fetch.stdout:
        said += line
        if "attempt #6" in line:  # so far nobody listens there, and the time for what the line names is over
            break
    with answering(port, (503, b""), (200, config_of("lab"))):
        said += fetch.communicate(timeout=60)[0]
    assert fetch.returncode == 0, said
    assert "connection refused" in said
    assert "Service Unavailable" in said
    for stage in STAGES[1:]:
        done = _ignition(tmp_path, stage)
        assert done.returncode == 0
    preset = (root / "etc/systemd/system-preset/20-ignition.preset").read_text().splitlines()
    assert sorted(preset) == [f"disable {_CLOUDINIT}", f"enable {_UNIT}"]  # Ignition writes them in no order
    left = (root / f"etc/systemd/system/{_CLOUDINIT}.d/10-kboot-cloudinit.conf").read_text()
    assert f"ConditionPathExists=!/etc/systemd/system/{_UNIT}" in left.splitlines()
    assert (root / "etc/systemd/system" / _UNIT).exists()
    for unit in _UPDATERS:
        assert (root / "etc/systemd/system" / unit).readlink() == Path("/dev/null"), "it posts to the public server"


def _bound(path: str, other: Path) -> list[str]:
    """How a command is run that finds `other` at a path."""
    return ["unshare", "--mount", "sh", "-c", f'mount --bind "$0" {path} && exec "$@"', str(other)]


def _ignition(place: Path, stage: str, *, wait: bool = True) -> subprocess.Popen[str]:
    """Run a stage of Ignition on a machine with another kernel line."""
    options = [f"--stage={stage}", f"--root={place / 'root'}", "--platform=metal", "--log-to-stdout"]
    options += ["--fetch-timeout=1s"]  # of what the kernel line names
    options += [f"--{name}={place / name}" for name in ("config-cache", "neednet", "state-file")]
    command = [*_bound("/proc/cmdline", place / "cmdline"), IGNITION, *options]
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin"}
    output = subprocess.DEVNULL if wait else subprocess.PIPE
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, env=environment)
    if wait:
        process.wait(60)
    return process


@pytest.mark.parametrize("status", [0, 1])
def test_the_unit_asks_until_it_has_a_script_and_ends_as_that_does(tmp_path: Path, status: int) -> None:
    port = free_port()
    script = f"#!/bin/bash\necho ran in $HOME\nexit {status}\n".encode()
    unit = units_of("lab")[_UNIT]["contents"]
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    asked = f"http://127.0.0.1:{port}/install.sh?mac=x&boot=y"
    command = re.sub(r"http://[0-9.]+/install\.shKBOOT-QUERY", asked, command)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sleep").write_text('#!/bin/sh\necho "sleep $1" >>"$SLEPT"\nexec /bin/sleep 0.2\n')
    (tmp_path / "bin" / "sleep").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLEPT": str(tmp_path / "slept"), "HOME": "/root",
    }  # fmt: skip
    (tmp_path / "run").mkdir()
    words = [*_bound("/run", tmp_path / "run"), *shlex.split(command)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert process.stdout is not None
    first = process.stdout.readline()
    assert "Failed to connect" in first
    with answering(port, (404, b"no machine has this address"), (503, b"later"), (200, script)):
        said = process.communicate(timeout=60)[0]
    assert (process.returncode, said.splitlines()[-1]) == (status, "ran in /root")
    assert set((tmp_path / "slept").read_text().splitlines()) == {"sleep 10"}
    assert "404" in said
    assert "503" in said


def test_whatever_ends_the_script_but_an_install_starts_it_again() -> None:
    unit = units_of("lab")[_UNIT]["contents"].splitlines()
    assert {"Restart=on-failure", "StartLimitIntervalSec=0", "WantedBy=multi-user.target"} <= set(unit)
    assert not [line for line in unit if line.startswith(("Requires=", "BindsTo=", "Type=", "Timeout"))]
