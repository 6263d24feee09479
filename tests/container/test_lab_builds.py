"""What the lab is built of: its OS, and the image that runs a machine. The machine tests find both made."""

from __future__ import annotations

import bz2
import subprocess
from hashlib import sha256
from pathlib import Path

from kboot.host.cache import cache_folder
from kboot_clusterdesc import Family, family_of
from kboot_lab.machine_image import machine_image
from kboot_lab.os.update_engine.payload import PayloadWriter, verifier, verify_written
from kboot_lab.os_build import build_lab_os
from kboot_lab.up import LAB_RELEASE
from kboot_lab.update_payload import PAYLOAD, PUBLIC_KEY


def verify(folder: Path, keyring: Path, name: str) -> subprocess.CompletedProcess[str]:
    """gpgv(1) of a file against the signature beside it."""
    command = ["gpgv", "--keyring", str(keyring), str(folder / f"{name}.sig"), str(folder / name)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_release_of_the_lab_os_is_whole_and_signed_with_its_own_key(tmp_path: Path) -> None:
    release = build_lab_os(cache_folder(), LAB_RELEASE, "stable", lambda text: None)
    folder, keyring = release / "stable" / "amd64-usr" / LAB_RELEASE, tmp_path / "keyring.gpg"
    dearmor = ["gpg", "--batch", "--homedir", str(tmp_path), "--output", str(keyring), "--dearmor"]
    subprocess.run([*dearmor, str(release / "release-key.asc")], check=True, capture_output=True)
    assert (folder.parent / "current").resolve() == folder.resolve()
    assert f"FLATCAR_VERSION={LAB_RELEASE}\n" in (folder / "version.txt").read_text()
    signed = {path.name.removesuffix(".sig") for path in folder.glob("*.sig")}
    assert signed >= {"version.txt", *family_of(Family.FLATCAR).release_files}
    for name in signed:
        done = verify(folder, keyring, name)
        assert done.returncode == 0, done.stderr

    names = ["EFI-SYSTEM", "BIOS-BOOT", "USR-A", "USR-B", "OEM", "ROOT"]
    assert partitions(folder / "flatcar_production_image.bin.bz2") == names
    assert (release / "foreign-esp.raw").read_bytes()[512:520] == b"EFI PART"

    said: list[str] = []
    assert build_lab_os(cache_folder(), LAB_RELEASE, "stable", said.append) == release
    assert said == [], "it was built a second time"


def partitions(image: Path) -> list[str]:
    """The names in the partition table of a packed disk image."""
    with bz2.open(image) as disk:
        table = disk.read(34 * 512)[1024:]
    entries = (table[at : at + 128] for at in range(0, len(table), 128))
    return [entry[56:].decode("utf-16-le").rstrip("\0") for entry in entries if any(entry[:16])]


def test_another_release_is_made_of_the_same_system_and_brings_a_payload_that_is_signed(tmp_path: Path) -> None:
    build_lab_os(cache_folder(), LAB_RELEASE, "stable", lambda text: None)
    said: list[str] = []
    made = build_lab_os(cache_folder(), "3975.2.9", "stable", said.append, "panics")
    assert not any("Debian" in line for line in said), said
    payload = made / "stable" / "amd64-usr" / "3975.2.9" / PAYLOAD
    assert (
        payload.with_name(f"{PAYLOAD}.sha256").read_text() == f"{sha256(payload.read_bytes()).hexdigest()}  {PAYLOAD}\n"
    )
    with (tmp_path / "usr").open("w+b") as target:
        writer = PayloadWriter(target)
        writer.write(payload.read_bytes())
        digest = sha256(payload.read_bytes()).digest()
        manifest = writer.verify(payload.stat().st_size, digest, verifier(made / PUBLIC_KEY))
        verify_written(target, manifest)
        target.seek(0)
        assert target.read(4) == b"hsqs"  # squashfs


def test_the_image_of_machines_holds_what_runs_one() -> None:
    firmware = "/usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_VARS.fd /usr/share/seabios/bios-256k.bin"
    image = machine_image(lambda text: None)
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=bash", image, "-c"]
    said = subprocess.check_output([*command, f"set -e; qemu-system-x86_64 --version; ls {firmware}"], text=True)
    assert said.startswith("QEMU emulator version ")


def test_the_kernel_of_the_lab_os_comes_to_its_end_in_the_probe_and_anything_else_does_not() -> None:
    release = build_lab_os(cache_folder(), LAB_RELEASE, "stable", lambda text: None)
    image = machine_image(lambda text: None)
    folder = release / "stable" / "amd64-usr" / LAB_RELEASE
    command = ["docker", "run", "--rm", "--network=none", "--cap-drop=ALL", f"--volume={folder}:/kernel:ro"]
    probe = [*command, "--entrypoint=kboot-probe", image, "tcg"]
    done = subprocess.run([*probe, "/kernel/flatcar_production_pxe.vmlinuz", "120"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    done = subprocess.run([*probe, "/kernel/version.txt", "120"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.partition(":")[0]) == (1, "a guest does not run")
