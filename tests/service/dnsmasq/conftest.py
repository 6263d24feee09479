"""One dnsmasq for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.dnsmasq.daemon import SERVED, Site, site


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`dhcp.mode: serve`."""
    with site("serve", SERVED, tmp_path_factory.mktemp("served")) as running:
        yield running
