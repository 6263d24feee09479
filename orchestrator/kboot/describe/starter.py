"""The description that `kboot init` begins with: whole, commented, and valid as it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

from kboot_clusterdesc.model import Kubernetes

_TEXT = """\
# yaml-language-server: $schema=kboot.schema.json
# The line above has editors check and explain this file, once `kboot schema > kboot.schema.json` wrote that beside it.
# Machines that install themselves. `kboot validate` checks this file, `kboot up` puts it into force.
# Keys that are not here have a default; `kboot schema` lists them all.
apiVersion: kboot/v1

cluster:
  name: {name}
  domain: {domain}            # machines are called <name>.{domain}

network:
  bootstrapper: {bootstrapper}      # the static address of the machine that runs kboot
  subnet: {subnet}
  dhcp:
    mode: serve                     # proxy or off where the site has a DHCP server of its own
    range: [{first}, {last}]  # free addresses; neither the bootstrapper's nor a router's
    lease: 24h                      # or infinite
  routers: [{router}]
  # upstream_dns: [192.0.2.53]      # where to ask for names outside; without it there are none
  # ntp: [192.0.2.123]              # time servers of the site; without it machines ask the bootstrapper

os:
  family: flatcar
  channel: stable
  version: current                  # or one release, such as 3975.2.0
  # install_disk: /dev/disk/by-id/ata-DISK_1  # needed where a machine has more than one disk; everything on it is lost
  # install_disk: smallest          # or by rule: then a disk that is not empty is left alone without `wipe: true`
  timezone: UTC
  update:
    enabled: true
    schedule: "0 3 * * *"           # when to look for a newer release: minute hour day month weekday
    # reboot_strategy: rollout      # one machine after the other; or: reboot, off

# Without this key kboot installs the operating system alone.
# kubernetes:
#   version: {kubernetes}
#   service_cidr: 10.100.0.0/16     # these two apart from the subnet, and from anything else of the site
#   pod_cidr: 10.1.0.0/16

# Who may log in to the machines: put your public key here, or there is no way in.
{keys}

unknown_machines: ignore            # machines that are not declared are listed, and left alone

# One line a machine. The MAC is on its label, or in `kboot status` once it has asked for an address.
# roles: control-plane, etcd (1, 3 or 5 machines), worker; one machine may have several.
nodes:
  - {{mac: "{mac}", name: node1, roles: [control-plane, etcd]}}
  # - {{mac: "52:54:00:00:00:02", name: node2, roles: [worker]}}
  # - {{mac: "52:54:00:00:00:03", roles: [worker]}}   # called after its MAC: 52-54-00-00-00-03
"""
_BOOTSTRAPPER = IPv4Address("10.10.14.253")


def starter(
    name: str = "lab",
    bootstrapper: IPv4Address = _BOOTSTRAPPER,
    subnet: IPv4Network | None = None,
    *,
    domain: str | None = None,
    router: IPv4Address | None = None,
    mac: str = "52:54:00:00:00:01",
    ssh_keys: Sequence[str] = (),
) -> str:
    """Return a description for `bootstrapper` in `subnet`, by default its /24; DHCP gets the longest free stretch."""
    subnet = subnet or IPv4Network(f"{bootstrapper}/24", strict=False)
    router = router or _router(subnet, bootstrapper)
    first, last = _pool(subnet, bootstrapper, router)
    return _TEXT.format(
        name=name,
        domain=domain or f"{name}.example.com",
        bootstrapper=bootstrapper,
        subnet=subnet,
        first=first,
        last=last,
        router=router,
        mac=mac,
        keys=_keys(ssh_keys),
        kubernetes=Kubernetes().version,
    )


def _keys(found: Sequence[str]) -> str:
    if not found:
        return 'ssh_authorized_keys: []\n#  - "ssh-ed25519 AAAA... you@example.com"'
    return "\n".join(["ssh_authorized_keys:", *(f"  - {json.dumps(key, ensure_ascii=False)}" for key in found)])


def example_description() -> str:
    """Return the description that `kboot init` writes."""
    return starter()


def _router(subnet: IPv4Network, bootstrapper: IPv4Address) -> IPv4Address:
    """Return the last host address of the subnet, or the one before if the bootstrapper has that."""
    return subnet[-2] if subnet[-2] != bootstrapper else subnet[-3]


def _pool(subnet: IPv4Network, *taken: IPv4Address) -> tuple[IPv4Address, IPv4Address]:
    """Return the first and last address of the longest stretch of hosts without those that are taken."""
    walls = [subnet[0], *sorted(taken), subnet[-1]]
    before, after = max(pairwise(walls), key=lambda pair: int(pair[1]) - int(pair[0]))
    return before + 1, after - 1
