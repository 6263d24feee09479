"""Where the updater finds its files, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths inside the container."""

    config: Path
    images: Path
    run: Path

    @property
    def description(self) -> Path:
        """The description in force."""
        return self.config / "clusterdesc.yaml"

    @property
    def given_key(self) -> Path:
        """The operator's own release key; absent where the family's is used."""
        return self.config / "release-key.asc"

    @property
    def status(self) -> Path:
        """What the last check found, for the other services to read."""
        return self.images / "status.json"

    @property
    def lock(self) -> Path:
        """Held by the one check that runs."""
        return self.images / ".updater.lock"

    @property
    def heartbeat(self) -> Path:
        """Touched by the scheduler for as long as it turns."""
        return self.run / "kboot-updater.heartbeat"


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`; what is not set stands where the container has it."""
    return Settings(
        config=Path(environ.get("KBOOT_CONFIG_DIR", "/etc/kboot")),
        images=Path(environ.get("KBOOT_IMAGES_DIR", "/var/lib/kboot/images")),
        run=Path(environ.get("KBOOT_RUN_DIR", "/run/kboot")),
    )
