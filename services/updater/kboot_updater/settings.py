"""The updater's folders, as the environment names them, and the files in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kboot_clusterdesc.shared_files import DESCRIPTION, PAYLOAD_KEY, RELEASE_AUTHORITY, RELEASE_KEY, UPDATER_STATUS

from .heartbeat import heartbeat_in, run_folder


@dataclass(frozen=True, slots=True)
class Settings:
    """The updater's folders inside the container, and the files in them."""

    config: Path
    images: Path
    run: Path
    bootstrapper: str | None = None  # HOST[:PORT] of the cloud-config server; None where there is none

    @property
    def description(self) -> Path:
        """The description in force."""
        return self.config / DESCRIPTION

    @property
    def given_key(self) -> Path:
        """The operator's own release key; absent where the family's is used."""
        return self.config / RELEASE_KEY

    @property
    def given_authority(self) -> Path:
        """The operator's own CA of the release server; absent where public ones vouch for it."""
        return self.config / RELEASE_AUTHORITY

    @property
    def given_payload_key(self) -> Path:
        """The operator's own key of update payloads; absent where the family's is used."""
        return self.config / PAYLOAD_KEY

    @property
    def status(self) -> Path:
        """The file that tells other services what the last check found."""
        return self.images / UPDATER_STATUS

    @property
    def lock(self) -> Path:
        """The file that a running check locks, so that there is only one."""
        return self.images / ".updater.lock"

    @property
    def heartbeat(self) -> Path:
        """The file that the scheduler writes every few seconds while it runs."""
        return heartbeat_in(self.run)


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`; a folder that is not set there is where the container has it."""
    return Settings(
        config=Path(environ.get("KBOOT_CONFIG_DIR", "/etc/kboot")),
        images=Path(environ.get("KBOOT_IMAGES_DIR", "/var/lib/kboot/images")),
        run=run_folder(environ),
        bootstrapper=environ.get("KBOOT_BIND"),
    )
