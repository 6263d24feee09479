"""Renders install.sh and the static pxelinux configuration."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, family_of
from kboot_clusterdesc.shared_files import INSTALLER, MACHINE_MARK
from kboot_compose.templates import rendered


def boot_files(desc: ClusterDesc, authority: bytes, release_key: bytes | None) -> dict[str, bytes]:
    """Return what a machine runs and reads before it has an OS: path -> file."""
    names = family_of(desc.os.family)
    bootstrapper = desc.network.bootstrapper
    return {
        "config/pxelinux.cfg/default": rendered(
            "config/pxelinux.cfg/default.j2",
            bootstrapper=bootstrapper,
            kernel=names.kernel,
            initrd=names.initrd,
            autologin=names.autologin,
        ),
        f"config/{INSTALLER}": rendered(
            "config/install.sh.j2",
            bootstrapper=bootstrapper,
            machine_mark=MACHINE_MARK,
            installer=names.installer,
            authority=authority.decode(),
            release_key=release_key.decode("ascii", "replace").rstrip("\n") + "\n" if release_key else "",
        ),
    }
