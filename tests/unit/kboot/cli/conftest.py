"""A cluster on disk, whose certificates the commands list, renew, export and make."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kboot.cli.main import run
from kboot.pki import Secrets
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder, dump
from unit.clusterdesc.sample import SAMPLE, accepted

DESC = accepted(SAMPLE)
NODE1 = DESC.nodes[0]
ANOTHER = "00-25-90-c0-f6-ee"


class Cluster:
    """A cluster on disk, as `kboot up` leaves it."""

    def __init__(self, root: Path, desc: ClusterDesc) -> None:
        self.folder = ClusterFolder(root, desc.cluster.name)
        self.desc = desc
        self.born = datetime.now(UTC)
        self.secrets()
        self.folder.description.write_bytes(dump(desc))

    def secrets(self) -> Secrets:
        """What the next `up` would render with."""
        return load_or_create(self.folder, self.desc, self.born)

    def kboot(self, *arguments: str) -> int:
        """Run a command on it."""
        return run([*arguments, "--root", str(self.folder.root)])


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "root", DESC)


def listed(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What `kboot certs list --json` prints."""
    assert cluster.kboot("certs", "list", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found
