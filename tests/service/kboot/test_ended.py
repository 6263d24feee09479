"""kboot is told to end while secrets of the cluster lie in a temporary folder: none of them stays there."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import load_text
from support.kubernetes_api import own_loopback
from support.standing import StandingCluster

_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
_VERSION = "v1.36.2"


class Site:
    """A cluster in force, whose commands have a temporary folder of their own."""

    def __init__(self, folder: Path) -> None:
        network = own_loopback()
        self.text = (
            "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
            f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n"
            f"kubernetes: {{version: {_VERSION}}}\nos: {{release_key: key.asc}}\nnodes:\n"
            f'  - {{mac: "02:00:00:00:00:01", name: node1, ip: {network}.11, roles: [control-plane, etcd]}}\n'
        )
        self.cluster = StandingCluster(folder / "root", load_text(self.text, "unit.yaml"))
        self.temporary, self.key, self._description = folder / "tmp", folder / "key.asc", folder / "unit.yaml"
        self.temporary.mkdir()
        self._processes: list[subprocess.Popen[str]] = []
        self._description.write_text(self.text)
        os.mkfifo(self.key)  # a render waits for who writes it, its copy of the secrets at hand

    def render(self, *before: str, **streams: int) -> subprocess.Popen[str]:
        """Begin `kboot render`, and return it when it waits for the key."""
        words = ["render", str(self._description), "-o", str(self._description.with_name("out"))]
        return self._begun(words, "kboot-*/unit/pki/*.key", before, streams)

    def drain(self) -> subprocess.Popen[str]:
        """Begin `kboot node drain`, and return it when it waits for an API server."""
        place = self.cluster.folder.assets / "kubernetes" / _VERSION
        place.mkdir(parents=True)
        (place / "kubectl").write_bytes(b"never run")
        (place / "SHA256SUMS").write_text(f"{sha256(b'never run').hexdigest()}  kubectl\n")
        self.cluster.start()
        return self._begun(["node", "drain", "node1"], "kboot-*/kubeconfig", (), {})

    def _begun(
        self, words: list[str], secrets: str, before: tuple[str, ...], streams: dict[str, int]
    ) -> subprocess.Popen[str]:
        python = ["env", "--default-signal=HUP", *before, sys.executable]  # which nohup has all below it ignore
        command = [*python, "-m", "kboot.cli.main", *words, "--root", str(self.cluster.folder.root)]
        environment = os.environ | {"TMPDIR": str(self.temporary)}
        out, err = streams.get("stdout", subprocess.PIPE), streams.get("stderr", subprocess.PIPE)
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True
        )
        self._processes.append(process)
        for _ in looks(60, 0.02):
            if any(self.temporary.glob(secrets)):
                return process
            assert process.poll() is None, process.communicate()
        raise AssertionError(f"no {secrets} came to lie in {self.temporary}")

    def end(self) -> None:
        """End what a test left running."""
        self.cluster.stop()
        for process in self._processes:
            with process:
                process.kill()

    def left(self) -> list[str]:
        """What lies in the temporary folder."""
        return [path.name for path in self.temporary.iterdir()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.end()


def _said(number: signal.Signals) -> tuple[int, str]:
    """The exit status and the words of one that was told to end so: its parent sees the signal, and Ctrl-C as 130."""
    return (130, "interrupted\n") if number == signal.SIGINT else (-number, f"ended by {number.name}\n")


@pytest.mark.parametrize("number", _SIGNALS)
def test_the_keys_of_the_cluster_that_a_render_copied_are_taken_away(site: Site, number: signal.Signals) -> None:
    process = site.render()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == _said(number)
    assert site.left() == []


@pytest.mark.parametrize("number", _SIGNALS)
def test_the_kubeconfig_of_the_administrator_is_taken_away(site: Site, number: signal.Signals) -> None:
    process = site.drain()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.splitlines()[-1:]) == (_said(number)[0], [_said(number)[1].strip()])
    assert site.left() == []


def test_a_second_signal_does_not_cut_the_tidying_short(site: Site) -> None:
    process = site.render()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) in (_said(signal.SIGHUP), _said(signal.SIGTERM))
    assert site.left() == []


def test_a_terminal_that_is_gone_does_not_keep_it_from_tidying_up(site: Site) -> None:
    ours, theirs = pty.openpty()
    process = site.render(stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == -signal.SIGHUP
    assert site.left() == []


def test_under_nohup_it_goes_on_after_its_terminal_hung_up(site: Site) -> None:
    process = site.render("nohup")
    process.send_signal(signal.SIGHUP)
    site.key.write_text("no key")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "os.release_key: holds no armored public key" in err
    assert site.left() == []
