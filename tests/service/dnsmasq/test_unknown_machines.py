"""`unknown_machines: worker`: an undeclared machine has a name, since the API server asks its kubelet by it."""

from __future__ import annotations

from pathlib import Path

from service.dnsmasq.daemon import BOOTSTRAPPER, SERVED, site
from support.dns_query import address_of, name_of
from support.machines import bios_rom, installed_system

STRANGER, LIAR = "02:00:00:00:00:10", "02:00:00:00:0a:11"
OPEN = SERVED.replace("roles: [etcd]", "roles: [control-plane, etcd]") + "kubernetes: {}\nunknown_machines: worker\n"


def test_an_undeclared_machine_is_called_after_its_mac_and_by_no_name_of_its_own(tmp_path: Path) -> None:
    with site("open", OPEN, tmp_path) as opened:
        address = str(opened.machine(STRANGER).lease(bios_rom(STRANGER)).address)
        for name in ("02-00-00-00-00-10.ail.example.com", "02-00-00-00-00-10"):
            assert address_of(opened.machines, BOOTSTRAPPER, name) == address
        assert name_of(opened.machines, BOOTSTRAPPER, address) == "02-00-00-00-00-10.ail.example.com"
        opened.machine(STRANGER).lease(installed_system(1))
        assert address_of(opened.machines, BOOTSTRAPPER, "02-00-00-00-00-10.ail.example.com") == address
        own = str(opened.machine(LIAR).lease({**installed_system(3), 12: b"api"}).address)
        assert address_of(opened.machines, BOOTSTRAPPER, "api.ail.example.com") == "10.10.14.11"
        assert address_of(opened.machines, BOOTSTRAPPER, "02-00-00-00-0a-11.ail.example.com") == own
        opened.machine(LIAR).lease({**installed_system(3), 12: b"02-00-00-00-00-10"})
        assert address_of(opened.machines, BOOTSTRAPPER, "02-00-00-00-00-10.ail.example.com") == address
        assert address_of(opened.machines, BOOTSTRAPPER, "node1.ail.example.com") == "10.10.14.11"
