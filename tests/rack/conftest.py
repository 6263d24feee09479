"""The lab of the rack tests: machines that each test switches on for itself. All of it is removed at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.unkind import UnkindLab, unkind_lab

_LINKS = """links: {
      bonds: [{name: bond0, members: [boot, second], mode: active-backup, miimon: 100}],
      vlans: [{name: storage, id: 40, link: bond0, mtu: 1400}]}"""
DESCRIPTION = f"""apiVersion: kboot/v1
cluster: {{name: rack, domain: rack.example.com}}
network:
  bootstrapper: 10.77.22.253
  subnet: 10.77.22.0/24
  dhcp: {{mode: serve, range: [10.77.22.100, 10.77.22.150], lease: 24h}}
  routers: [10.77.22.254]
os: {{family: flatcar, channel: stable, version: current, config: ignition}}
nodes:
  - {{mac: "52:54:00:77:22:01", name: foreign, ip: 10.77.22.11, roles: [worker], install_disk: /dev/nvme0n1}}
  - {{mac: "52:54:00:77:22:02", name: older, ip: 10.77.22.12, roles: [worker], install_disk: /dev/vda}}
  - {{mac: "52:54:00:77:22:03", name: older-uefi, ip: 10.77.22.13, roles: [worker], install_disk: /dev/vda}}
  - {{mac: "52:54:00:77:22:04", name: md, ip: 10.77.22.14, roles: [worker], install_disk: /dev/vda}}
  - {{mac: "52:54:00:77:22:05", name: lvm, ip: 10.77.22.15, roles: [worker], install_disk: /dev/vda}}
  - {{mac: "52:54:00:77:22:06", name: swap, ip: 10.77.22.16, roles: [worker], install_disk: /dev/vda}}
  - {{mac: "52:54:00:77:22:07", name: rule, ip: 10.77.22.17, roles: [worker], install_disk: smallest}}
  - {{mac: "52:54:00:77:22:08", name: future, ip: 10.77.22.18, roles: [worker]}}
  - {{mac: "52:54:00:77:22:09", name: late, ip: 10.77.22.19, roles: [worker]}}
  - {{mac: "52:54:00:77:22:0a", name: lossy, ip: 10.77.22.20, roles: [worker]}}
  - {{mac: "52:54:00:77:22:0b", name: refused, ip: 10.77.22.21, roles: [worker]}}
  - {{mac: "52:54:00:77:22:0c", name: bonded, ip: 10.77.22.22, roles: [worker], cards: {{second: "52:54:00:77:22:8c"}},
      addresses: {{storage: 10.77.40.11/24}}, {_LINKS}}}
  - {{mac: "52:54:00:77:22:0d", name: leased, roles: [worker], cards: {{second: "52:54:00:77:22:8d"}},
      addresses: {{storage: 10.77.40.12/24}}, {_LINKS}}}
"""
HARDWARE = """
foreign: --off --disk 1G:ide:foreign-esp --disk 8G:nvme
older: --off --disk 8G --disk 8G:virtio:own-install
older-uefi: --off --firmware uefi --disk 8G --disk 8G:virtio:own-install
md: --off --disk 8G:virtio:md
lvm: --off --disk 8G:virtio:lvm
swap: --off --firmware uefi --disk 8G:virtio:swap
rule: --off --disk 9G --disk 8G:virtio:lvm
future: --off --clock 2040-06-01T00:00:00
late: --off --as-shipped --forward-after 60
lossy: --off --loss 5
refused: --off --disk 8G
bonded: --off --card 52:54:00:77:22:8c
leased: --off --card 52:54:00:77:22:8d --first-lease 52:54:00:77:22:8d
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnkindLab]:
    """The lab; its services run, its machines are off."""
    with unkind_lab(tmp_path_factory.mktemp("rack"), "rack", DESCRIPTION, HARDWARE) as made:
        made.up(timeout_s=1200)
        yield made
