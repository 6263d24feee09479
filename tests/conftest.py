"""Marks each test by the folder it lies in, which says what it needs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell starts what runs in its background with SIGINT ignored, and that is inherited by what the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What kboot prints on a pipe is as wide as $COLUMNS, and what runs several processes sets that for them.
os.environ.pop("COLUMNS", None)

_ETCD = "service/kboot/etcd"
_MARKED = ("golden", "service", "container", "release", "machine", "kubernetes")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """unit needs nothing and has no mark."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            path = item.path.relative_to(here)
            folder = path.parts[0]
            if folder in _MARKED:
                item.add_marker(getattr(pytest.mark, folder))
            item.add_marker(pytest.mark.xdist_group(_group(path)))
    items.sort(key=lambda item: not item.path.is_relative_to(here / _ETCD))  # the longest group would end alone


def _group(path: Path) -> str:
    """What runs in one process, one test after the other."""
    if path.is_relative_to(_ETCD):  # three clusters at once would want for elections
        return _ETCD
    if path.parts[0] == "container":  # one begins with the images of the services, the other with what the lab needs
        return "container/lab" if path.stem in ("test_lab_builds", "test_up") else "container/services"
    return str(path)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites the expected files."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected files, to be read in review")
