"""Three members of etcd on loopback."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.pki import Secrets
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder, dump
from support.etcd import Member, description
from support.etcd_rack import Make, Rack
from support.noted_ssh import noted_ssh


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path / "root", "unit")


@pytest.fixture
def desc(folder: ClusterFolder) -> ClusterDesc:
    found = description(f"127.{random.randrange(128, 250)}.{random.randrange(256)}")
    load_or_create(folder, found, datetime.now(UTC))
    folder.description.write_bytes(dump(found))
    return found


@pytest.fixture
def secrets(folder: ClusterFolder, desc: ClusterDesc) -> Secrets:
    return load_or_create(folder, desc, datetime.now(UTC))


@pytest.fixture
def members(tmp_path: Path, desc: ClusterDesc, secrets: Secrets) -> Iterator[list[Member]]:
    found = [Member(tmp_path / node.name, desc, node) for node in desc.etcd_members]
    try:
        for member in found:
            member.give(secrets)
            member.start()
        yield found
    finally:
        for member in found:
            member.stop()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Rack] = []

    def start(desc: ClusterDesc) -> Rack:
        made.append(Rack(tmp_path, desc))
        return made[-1]

    yield start
    for each in made:
        each.stop()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once a machine was reached by ssh."""
    return noted_ssh(tmp_path, monkeypatch)
