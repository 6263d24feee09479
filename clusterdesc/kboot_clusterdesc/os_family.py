"""The two families of operating system, and what each calls its release files, keys and boot arguments."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from enum import StrEnum

ACCOUNT = "core"  # of every family: it has the keys of `ssh_authorized_keys`, and becomes root by sudo


_COMPACT = json.JSONEncoder(separators=(",", ":")).encode


class Family(StrEnum):
    """A family of operating systems that machines can install."""

    FLATCAR = "flatcar"
    COREOS = "coreos"


@dataclass(frozen=True, slots=True)
class FamilyNames:
    """What a family calls its release files and its installer, and where its releases and signing key come from."""

    kernel: str
    initrd: str
    image: str
    version_key: str  # the line of version.txt that has the release number
    installer: str
    autologin: str
    first_boot: str  # the kernel argument that makes Ignition run in memory
    config_url: str  # the one that names its config
    ignition_spec: str  # of a config that every release reads that knows `config_url`
    release_url: str  # with placeholders {channel} and {board}
    key_url: str
    key_fingerprint: str  # of the primary key
    payload: str  # brings an installed machine to a release
    payload_prefix: str  # of the names of payloads of the OS's extensions
    payload_url: str | None  # as `release_url`; None where no public host has any
    payload_key: str | None  # vouches for payloads: an RSA public key, DER in base64

    @property
    def release_files(self) -> tuple[str, ...]:
        """The files of a release that a mirror holds; each has a detached signature `<file>.sig` beside it."""
        return ("version.txt", self.kernel, self.initrd, self.image)

    def extension_payload(self, extension: str) -> str:
        """Return what the payload of an extension of the OS is called, which its name gives."""
        return f"{self.payload_prefix}{extension}.gz"

    def ignition_arguments(self, url: str) -> str:
        """Return the kernel arguments that make Ignition run in memory with the config at `url`.

        A config on the line itself points there: for what the line names Ignition has two minutes, for what a config
        names no limit (`-fetch-timeout`, `timeouts.httpTotal`).
        """
        pointer = {"ignition": {"version": self.ignition_spec, "config": {"replace": {"source": url}}}}
        encoded = b64encode(_COMPACT(pointer).encode()).decode()
        return f"{self.first_boot}=1 {self.config_url}=data:;base64,{encoded}"


_FLATCAR_PAYLOAD_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw/NZ5Tvc93KynOLPDOxahyAGRKB2NvgF9l2A61SsFw5CuZc/k02u1/BvFehK4XL/"
    "eOo90Dt8A2l28D/YKs7g2IPUSAnA9hc5OKBbpHsDzisxlAh7kg4FpeeJJWJMzO8NDCG5NZVqXEpGjCmX0qSh5MLiTDr9dU2YhLo93/92dKnT"
    "vsLjUVv5wnuF55Lt2wJv4CbxVn4hHwotGfSomTBO+7o6hE3VIIo1C6lkP+FAqMyWKA9s6U0x4tGxCXszW3hPWOANLIT4m0e55ayxiy5AESEV"
    "W/xx6Rul75u925m21AqA6wwaEB6ZPKTnUiWoNKNv1xi8LPIz12+0nuE6iT1KjQIDAQAB"
)

_FAMILIES = {
    Family.FLATCAR: FamilyNames(
        kernel="flatcar_production_pxe.vmlinuz",
        initrd="flatcar_production_pxe_image.cpio.gz",
        image="flatcar_production_image.bin.bz2",
        version_key="FLATCAR_VERSION",
        installer="flatcar-install",
        autologin="flatcar.autologin",
        first_boot="flatcar.first_boot",
        config_url="ignition.config.url",
        ignition_spec="3.3.0",
        release_url="https://{channel}.release.flatcar-linux.net/{board}",
        key_url="https://www.flatcar.org/security/image-signing-key/Flatcar_Image_Signing_Key.asc",
        key_fingerprint="F88CFEDEFF29A5B4D9523864E25D9AED0593B34A",
        payload="flatcar_production_update.gz",
        payload_prefix="flatcar-",
        payload_url="https://update.release.flatcar-linux.net/{board}",
        payload_key=_FLATCAR_PAYLOAD_KEY,
    ),
    Family.COREOS: FamilyNames(
        kernel="coreos_production_pxe.vmlinuz",
        initrd="coreos_production_pxe_image.cpio.gz",
        image="coreos_production_image.bin.bz2",
        version_key="COREOS_VERSION",
        installer="coreos-install",
        autologin="coreos.autologin",
        first_boot="coreos.first_boot",
        config_url="coreos.config.url",
        ignition_spec="2.1.0",
        release_url="https://{channel}.release.core-os.net/{board}",
        key_url="https://coreos.com/security/image-signing-key/CoreOS_Image_Signing_Key.asc",
        key_fingerprint="04127D0BFABEC8871FFB2CCE50E0885593D2DCB4",
        payload="coreos_production_update.gz",
        payload_prefix="coreos-",
        payload_url=None,
        payload_key=None,
    ),
}


def family_of(family: Family) -> FamilyNames:
    """Return the names that `family` uses."""
    return _FAMILIES[family]
