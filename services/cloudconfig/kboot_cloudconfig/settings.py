"""Reads from the environment where the server finds its files and where it listens.

The authority's file is named here as shared_files has it, which would load all of the description's vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from .patience import Patience


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection waits for its peer."""

    silent_s: float = 20  # from the connection, or from the last answer, to a whole request
    stalled_s: float = 60  # for the next byte to be taken; the OS's update client itself gives up after 90


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's settings: paths inside the container, and sockets."""

    bind: str
    http_port: int
    https_port: int
    config: Path
    data: Path
    tls: Path
    disk_loader: Path
    uid: int  # the user that a server started as root changes to
    kubernetes_every_s: float  # how often the API server is asked for its nodes
    kubernetes_silent_s: float  # how long no API server may answer before a machine is `ready` no more
    presence_every_s: float  # how often machines that run are looked for
    rollout_every_s: float  # how often a rollout looks at the machines
    patience: Patience
    state_is_marked: bool  # whether `kboot up` marks the state of a cluster that begins, as it does for containers
    timeouts: Timeouts
    leave_s: float  # how long a server that was replaced may go on with its downloads
    run: Path  # for what tells nothing any more once the processes have ended

    @property
    def authority(self) -> Path:
        """The authority that the services' certificates are of."""
        return self.config / "ca.pem"

    @property
    def images(self) -> Path:
        """The folder of the OS releases."""
        return self.data / "images"

    @property
    def nodes(self) -> Path:
        """The folder of what each machine is given."""
        return self.data / "nodes"


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`; what is not set is where the container has it. The image sets KBOOT_UID."""
    return Settings(
        bind=environ.get("KBOOT_BIND", "127.0.0.1"),
        http_port=int(environ.get("KBOOT_HTTP_PORT", "80")),
        https_port=int(environ.get("KBOOT_HTTPS_PORT", "443")),
        config=Path(environ.get("KBOOT_CONFIG_DIR", "/etc/kboot")),
        data=Path(environ.get("KBOOT_DATA_DIR", "/var/lib/kboot")),
        tls=Path(environ.get("KBOOT_TLS_DIR", "/etc/kboot-tls")),
        disk_loader=Path(environ.get("KBOOT_DISK_LOADER", "/usr/share/kboot/disk.efi")),
        uid=int(environ["KBOOT_UID"]),
        rollout_every_s=float(environ.get("KBOOT_ROLLOUT_EVERY_S", "5")),
        patience=_patience(environ),
        state_is_marked=environ.get("KBOOT_STATE_IS_MARKED") == "1",
        kubernetes_every_s=float(environ.get("KBOOT_KUBERNETES_EVERY_S", "5")),
        kubernetes_silent_s=float(environ.get("KBOOT_KUBERNETES_SILENT_S", "60")),
        presence_every_s=float(environ.get("KBOOT_PRESENCE_EVERY_S", "15")),
        timeouts=Timeouts(
            silent_s=float(environ.get("KBOOT_SILENT_S", "20")),
            stalled_s=float(environ.get("KBOOT_STALLED_S", "60")),
        ),
        leave_s=float(environ.get("KBOOT_LEAVE_S", "1800")),
        run=Path(environ.get("KBOOT_RUN_DIR", "/run/kboot")),
    )


def _patience(environ: Mapping[str, str]) -> Patience:
    """Return how long a rollout waits, in seconds by KBOOT_ROLLOUT_FETCH_S and the like where that is set."""

    def of(name: str, usual: timedelta) -> timedelta:
        return timedelta(seconds=float(environ.get(f"KBOOT_ROLLOUT_{name}_S", usual.total_seconds())))

    usual = Patience()
    return Patience(
        fetch=of("FETCH", usual.fetch),
        drain=of("DRAIN", usual.drain),
        ask=of("ASK", usual.ask),
        reboot=of("REBOOT", usual.reboot),
        settle=of("SETTLE", usual.settle),
    )
