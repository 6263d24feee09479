"""Renders install.sh, what starts it in the OS in memory, and the static pxelinux configuration."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, family_of
from kboot_clusterdesc.shared_files import INSTALLER, MACHINE_MARK, MEMORY_IGNITION, QUERY_MARK
from kboot_compose.templates import rendered

from ..node.config import DropIn, Unit, masked
from ..node.ignition import ignition_of_units

_INSTALL_UNIT = "kboot-install.service"
# Of the OS: from memory the first two post to the public update server, as the others would if they started there.
_UPDATERS = ("update-engine-stub.timer", "update-engine-stub.service", "update-engine.service", "locksmithd.service")
_CLOUDINIT_UNIT = "user-cloudinit-proc-cmdline.service"  # of the OS: runs what `cloud-config-url=` names


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
            ignition=names.ignition_arguments(f"http://{bootstrapper}/{MEMORY_IGNITION}"),
            kernel_args=desc.os.boot_arguments_of(None),
        ),
        f"config/{MEMORY_IGNITION}": _memory_ignition(desc),
        f"config/{INSTALLER}": rendered(
            "config/install.sh.j2",
            bootstrapper=bootstrapper,
            machine_mark=MACHINE_MARK,
            installer=names.installer,
            authority=authority.decode(),
            release_key=release_key.decode("ascii", "replace").rstrip("\n") + "\n" if release_key else "",
        ),
    }


def _memory_ignition(desc: ClusterDesc) -> bytes:
    """Return the config for Ignition in the OS in memory: its unit runs install.sh, and coreos-cloudinit does not."""
    install = rendered(
        f"config/{_INSTALL_UNIT}.j2",
        bootstrapper=desc.network.bootstrapper,
        installer=INSTALLER,
        query_mark=QUERY_MARK,
    )
    leave = rendered("config/10-kboot-cloudinit.conf.j2", install_unit=_INSTALL_UNIT)
    units = (
        Unit(_INSTALL_UNIT, install.decode()),
        Unit(_CLOUDINIT_UNIT, enabled=False, drop_ins=(DropIn("10-kboot-cloudinit.conf", leave.decode()),)),
        *(masked(name) for name in _UPDATERS),
    )
    return ignition_of_units(units, family_of(desc.os.family).ignition_spec)
