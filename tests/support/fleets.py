"""Descriptions of whole fleets: so many control planes, of this family, in that dialect."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import yaml

from kboot_clusterdesc import ClusterDesc, load_text
from support.descriptions import KEY


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a description is to hold."""

    control_planes: int = 1
    family: str = "flatcar"
    dialect: str = "ignition"
    kubernetes: bool = True
    cni: str = "flannel"

    def __str__(self) -> str:
        what = f"kubernetes-{self.cni}" if self.kubernetes else "fleet"
        return f"{self.control_planes}-{self.family}-{self.dialect}-{what}"

    @property
    def desc(self) -> ClusterDesc:
        """The description: control planes, etcd on the first 1, 3 or 5 of them, a member apart, two workers."""
        return load_text(self.text, "fleet.yaml")

    @property
    def text(self) -> str:
        """The description as YAML."""
        members = self.control_planes if self.control_planes % 2 else self.control_planes - 1
        nodes: list[dict[str, object]] = []
        for i in range(self.control_planes):
            roles = ["control-plane", *(["etcd"] if i < members else []), *(["worker"] if i == 1 else [])]
            node: dict[str, object] = {"mac": f"02:00:00:00:01:{i:02x}", "name": f"cp{i}", "roles": roles}
            nodes.append({**node, "ip": f"10.10.14.{201 + i}"})
        nodes.append({"mac": "02:00:00:00:02:01", "roles": ["worker"], "labels": {"country": "NO", "empty": ""}})
        taints = ["dedicated=db:NoSchedule", "slow:PreferNoSchedule"]
        nodes.append({"mac": "02:00:00:00:02:02", "name": "w2", "roles": ["worker"], "taints": taints})
        tree: dict[str, object] = {
            "apiVersion": "kboot/v1",
            "cluster": {"name": "ail", "domain": "ail.example.com"},
            "network": {
                "bootstrapper": "10.10.14.253",
                "subnet": "10.10.14.0/24",
                "dhcp": {"mode": "serve", "range": ["10.10.14.1", "10.10.14.127"]},
            },
            "os": {"family": self.family, "config": self.dialect},
            "ssh_authorized_keys": [KEY],
            "nodes": nodes,
        }
        if self.kubernetes:
            tree["kubernetes"] = {"version": "v1.36.2", "cni": {"name": self.cni}}
        return yaml.safe_dump(tree)


_OS = (("flatcar", "ignition"), ("flatcar", "cloud-config"), ("coreos", "cloud-config"))
FLEETS = [
    *(Fleet(number, *os, kubernetes) for number, os, kubernetes in product(range(1, 6), _OS, (True, False))),
    *(Fleet(3, cni=name) for name in ("routes", "none")),
]
