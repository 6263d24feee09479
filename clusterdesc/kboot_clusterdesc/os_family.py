"""The two families of operating system: how their files, keys and arguments are called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ACCOUNT = "core"  # of every family: it has the keys of `ssh_authorized_keys`, and becomes root by sudo


class Family(StrEnum):
    """The OS that machines install."""

    FLATCAR = "flatcar"
    COREOS = "coreos"


@dataclass(frozen=True, slots=True)
class FamilyNames:
    """File names of a release, the installer, and where releases and their key come from."""

    kernel: str
    initrd: str
    image: str
    version_key: str  # in version.txt
    installer: str
    autologin: str
    release_url: str  # {channel} and {board} are filled in
    key_url: str
    key_fingerprint: str  # of the primary key

    @property
    def release_files(self) -> tuple[str, ...]:
        """What a mirror holds of a release; each has a detached signature `<file>.sig`."""
        return ("version.txt", self.kernel, self.initrd, self.image)


_FAMILIES = {
    Family.FLATCAR: FamilyNames(
        kernel="flatcar_production_pxe.vmlinuz",
        initrd="flatcar_production_pxe_image.cpio.gz",
        image="flatcar_production_image.bin.bz2",
        version_key="FLATCAR_VERSION",
        installer="flatcar-install",
        autologin="flatcar.autologin",
        release_url="https://{channel}.release.flatcar-linux.net/{board}",
        key_url="https://www.flatcar.org/security/image-signing-key/Flatcar_Image_Signing_Key.asc",
        key_fingerprint="F88CFEDEFF29A5B4D9523864E25D9AED0593B34A",
    ),
    Family.COREOS: FamilyNames(
        kernel="coreos_production_pxe.vmlinuz",
        initrd="coreos_production_pxe_image.cpio.gz",
        image="coreos_production_image.bin.bz2",
        version_key="COREOS_VERSION",
        installer="coreos-install",
        autologin="coreos.autologin",
        release_url="https://{channel}.release.core-os.net/{board}",
        key_url="https://coreos.com/security/image-signing-key/CoreOS_Image_Signing_Key.asc",
        key_fingerprint="04127D0BFABEC8871FFB2CCE50E0885593D2DCB4",
    ),
}


def family_of(family: Family) -> FamilyNames:
    """The names that `family` uses."""
    return _FAMILIES[family]
