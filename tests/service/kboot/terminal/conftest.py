"""One seeded cluster for all tests here that only look."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engine_stand_in import EngineStandIn
from support.seeded import engine_of, seeded_cluster
from support.standing import StandingCluster


def _loopback() -> str:
    """The beginning of a loopback network of this test, of the same length each time: columns are as wide as it."""
    first, second = os.urandom(2)
    return f"127.{100 + first % 150}.{100 + second % 150}"


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder with a short path, as that of a socket has to be."""
    with tempfile.TemporaryDirectory(prefix="kboot-t-") as made:
        yield Path(made)


@pytest.fixture
def engine(top: Path) -> Iterator[EngineStandIn]:
    """The engine of the cluster, a stand-in."""
    with engine_of(top) as made:
        yield made


@pytest.fixture
def cluster(top: Path, engine: EngineStandIn) -> Iterator[StandingCluster]:
    """A cluster with its server."""
    with seeded_cluster(top / "root", _loopback()) as made:
        yield made
