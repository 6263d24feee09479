"""One dnsmasq for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.dnsmasq.daemon import BOOTSTRAPPER, OUTSIDE, Site, site

SERVED = f"""\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network:
  bootstrapper: {BOOTSTRAPPER}
  subnet: 10.10.14.0/24
  dhcp: {{mode: serve, range: [10.10.14.100, 10.10.14.199], lease: 90m}}
  routers: [10.10.14.254]
  ntp: [10.10.14.250]
  upstream_dns: [{OUTSIDE}]
  hosts: {{printer.ail.example.com: 10.10.14.130}}
nodes:
  - {{mac: "52:54:00:12:34:56", name: node1, ip: 10.10.14.11, roles: [etcd]}}
  - {{mac: "52:54:00:12:34:57", name: node2, ip: 10.10.14.150, roles: [worker]}}
  - {{mac: "00:25:90:c0:f6:ee", name: node3, roles: [worker]}}
  - {{mac: "00:25:90:c0:f6:d6", roles: [worker]}}
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`dhcp.mode: serve`."""
    with site("serve", SERVED, tmp_path_factory.mktemp("served")) as running:
        yield running
