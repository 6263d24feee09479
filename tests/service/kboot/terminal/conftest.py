"""One seeded cluster for all tests here that only look."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.seeded import engine_of, seeded_cluster
from support.standing import StandingCluster


def _loopback() -> str:
    """The beginning of a loopback network of this test, of the same length each time: columns are as wide as it."""
    first, second = os.urandom(2)
    return f"127.{100 + first % 150}.{100 + second % 150}"


@pytest.fixture
def cluster() -> Iterator[StandingCluster]:
    """A cluster with its server; the engine is a stand-in."""
    with (
        tempfile.TemporaryDirectory(prefix="kboot-t-") as top,
        seeded_cluster(Path(top) / "root", _loopback()) as made,
        engine_of(made, Path(top)),
    ):
        yield made
