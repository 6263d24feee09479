"""What an updater container has mounted, and its checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kboot_clusterdesc import load_text
from kboot_clusterdesc.event_kind import ReleaseEventKind
from kboot_clusterdesc.model import Os
from kboot_updater.check import Result, run_check
from kboot_updater.download import RetryPolicy
from kboot_updater.settings import Settings, settings_from
from service.updater.payloads import payload_signer, public_pem
from service.updater.release_server import NAMES, ReleaseServer

QUICK = RetryPolicy(attempts=3, first_pause_s=0.01, connect_timeout_s=2, read_timeout_s=2)

_DESCRIPTION = """\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network: {{bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24, dhcp: {{mode: "off"}}}}
os: {os}
"""


class Site:
    """`config/`, `images/` and `run/` of one cluster."""

    def __init__(self, folder: Path, server: ReleaseServer, key: bytes, images: Path | None = None) -> None:
        self.folder = folder
        self.server = server
        self.environ = {
            "KBOOT_CONFIG_DIR": str(folder / "config"),
            "KBOOT_IMAGES_DIR": str(images or folder / "images"),
            "KBOOT_RUN_DIR": str(folder / "run"),
        }
        for path in self.environ.values():
            Path(path).mkdir(parents=True, exist_ok=True)
        self.settings: Settings = settings_from(self.environ)
        self.give_key(key)
        self.settings.given_payload_key.write_bytes(public_pem(payload_signer()))
        self.describe()

    @property
    def images(self) -> Path:
        """The store."""
        return self.settings.images

    def give_key(self, key: bytes) -> None:
        """Lay down the operator's release key."""
        self.settings.given_key.write_bytes(key)

    def describe(self, **keys: object) -> None:
        """Write the description with these keys of `os`, by a rename as kboot does."""
        text = _DESCRIPTION.format(os=json.dumps({"release_url": self.server.url, **keys}))
        new = self.settings.description.with_suffix(".new")
        new.write_text(text)
        new.replace(self.settings.description)

    @property
    def os(self) -> Os:
        """The `os` part of the description."""
        return load_text(self.settings.description.read_text(), "clusterdesc.yaml").os

    def check(self, retries: RetryPolicy = QUICK) -> Result:
        """One check in this process."""
        return run_check(self.settings, self.os, threading.Event(), retries=retries, clock=lambda: datetime.now(UTC))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The updater's own process."""
        return subprocess.Popen(
            [sys.executable, "-m", "kboot_updater", *arguments],
            env={**os.environ, **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        """status.json."""
        status: dict[str, Any] = json.loads(self.settings.status.read_text())
        return status

    def kinds(self) -> list[str]:
        """The kinds of all events so far; that a payload has come, as one does of each release, is none of them."""
        kinds = [event["kind"] for event in self.status()["events"]]
        return [kind for kind in kinds if kind != ReleaseEventKind.PAYLOAD]

    def current(self, channel: str = "stable") -> str | None:
        """Where `current` leads."""
        link = self.images / channel / "current"
        return os.readlink(link) if link.is_symlink() else None

    def versions(self, channel: str = "stable") -> set[str]:
        """The releases in the store."""
        return {path.name for path in (self.images / channel).glob("[0-9]*")}

    def incoming(self) -> list[str]:
        """What lies half-done in the store."""
        return sorted(path.name for path in (self.images / ".incoming").rglob("*") if path.is_file())

    def is_whole(self, version: str, channel: str = "stable") -> bool:
        """Whether every file of the release is what the server published, readable by all."""
        published = self.server.folder / channel / "amd64-usr" / version
        stored = self.images / channel / version
        names = [name for file in NAMES.release_files for name in (file, f"{file}.sig")]
        return all((stored / name).read_bytes() == (published / name).read_bytes() for name in names)
