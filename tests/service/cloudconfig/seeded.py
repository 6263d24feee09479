"""A server whose fleet is in the middle of its life. Nothing is rendered of its nodes: thousands start in a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import dump, load_text
from support.seeded_fleet import CONFIG, description_of, mac_of, seed

from .conftest import Server


class SeededServer(Server):
    """The server with so many machines, as tests/support/seeded_fleet.py has them."""

    def __init__(self, root: Path, count: int) -> None:
        super().__init__(root, "ignition", description_of(count))
        for node in self.desc.nodes:
            place = self.folder.node(node.mac)
            place.mkdir(parents=True)
            (place / "config-hash").write_text(f"{CONFIG}\n")
        seed(self.folder.state / "kboot.db", count, datetime.now(UTC))
        end = int(time.time()) + 3600
        told = (each for each in range(1, count + 1) if each % 50 != 49)
        lines = (f"{end} {mac_of(each)} 10.10.{1 + each // 250}.{1 + each % 250} * *\n" for each in told)
        (self.folder.leases / "dnsmasq.leases").write_text("".join(lines))

    def describe(self, text: str) -> None:
        """Put a description into force, without what is rendered for its nodes."""
        self.desc = load_text(text, "unit.yaml")
        self.secrets = load_or_create(self.folder, self.desc.model_copy(update={"nodes": ()}), datetime.now(UTC))
        for name in ("config", "tls/cloudconfig"):
            (self.folder.path / name).mkdir(parents=True, exist_ok=True)
        (self.folder.config / "clusterdesc.yaml").write_bytes(dump(self.desc))
