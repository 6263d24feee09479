"""A lab of its own for a test: real machines, asked and switched by the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kboot_clusterdesc
from kboot.host.engine import Engine
from kboot.host.waiting import looks
from kboot_clusterdesc import ClusterFolder

_KBOOT = [sys.executable, "-m", "kboot.cli.main"]


class Lab:
    """One cluster with its machines."""

    def __init__(self, root: Path, path: Path, name: str) -> None:
        self.root, self.path, self.name = root, path, name
        self.folder = ClusterFolder(root, name)
        self.environment = os.environ | {"KBOOT_ROOT": str(root)}

    def up_words(self) -> list[str]:
        """The command that brings it up."""
        return ["lab", "up", str(self.path)]

    def up(self, *, timeout_s: float) -> str:
        """What `kboot lab up` says; it has to succeed."""
        done = self.kboot(*self.up_words(), timeout_s=timeout_s)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_up(self) -> subprocess.Popen[str]:
        """`kboot lab up`, in the background."""
        command = [*_KBOOT, *self.up_words()]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def kboot(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """One command, whatever its exit status."""
        command = [*_KBOOT, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout_s)

    def ssh(self, node: str, command: str) -> str:
        """What a command on a machine prints; it has to succeed."""
        done = self.kboot("lab", "ssh", node, "--", command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def exec(self, *command: str) -> str:
        """What a command in the lab's network prints."""
        done = self.kboot("lab", "exec", *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        """`kboot status --json`."""
        found: dict[str, Any] = json.loads(self.kboot("status", "--json").stdout)
        return found

    def node(self, name: str) -> dict[str, Any]:
        """One node of the status."""
        found: dict[str, Any] = next(node for node in self.status()["nodes"] if node["name"] == name)
        return found

    def wait_node(self, name: str, phase: str, *, after: str = "", timeout_s: float = 900) -> dict[str, Any]:
        """Wait until a node is in that phase since later than `after`."""
        node: dict[str, Any] = {}
        for _ in looks(timeout_s, 3):
            node = self.node(name)
            if node["phase"] == phase and node["since"] > after:
                return node
            assert node["phase"] != "failed", node
        raise AssertionError(f"not {phase} after {timeout_s:.0f} s: {node}\n{self.console(name)}")

    def console(self, name: str) -> str:
        """The end of a machine's console."""
        return self.kboot("lab", "console", name).stdout[-3000:]

    def events(self) -> list[dict[str, Any]]:
        """The newest events of the cluster."""
        base = self.status_address()
        text = self.kboot("lab", "exec", "curl", "-sN", "--max-time", "3", f"http://{base}/v1/events?after=0").stdout
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]

    def status_address(self) -> str:
        """The bootstrapper's address."""
        return str(kboot_clusterdesc.load(self.path).network.bootstrapper)

    def cut_power(self) -> None:
        """End all services at once, as a power cut of the bootstrapper does; its next boot is a minute later."""
        filters: dict[str, str | list[str] | bool] = {"label": f"com.docker.compose.project=kboot-{self.name}"}
        for container in Engine(self.folder).client.containers.list(filters=filters):
            if container.labels["com.docker.compose.service"] != "holder":  # the network of this machine
                container.kill()
        for _ in looks(60, 5):
            assert self.kboot("status").returncode != 0
        done = self.kboot("start", timeout_s=600)
        assert done.returncode == 0, done.stdout + done.stderr

    def leftovers(self) -> list[str]:
        """What the engine still has of this lab."""
        client = Engine(self.folder).client
        filters: dict[str, str | list[str] | bool] = {"label": f"kboot.cluster={self.name}"}
        containers = client.containers.list(all=True, filters=filters)
        networks = client.networks.list(filters=filters)
        volumes = client.volumes.list(filters=filters)
        return [str(each) for each in (*containers, *networks, *volumes)]
