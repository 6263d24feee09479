"""What the lab is built of: its OS, and the image that runs a machine. The machine tests find both made."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kboot.host.cache import cache_folder
from kboot_clusterdesc import Family, family_of
from kboot_lab.machine_image import machine_image
from kboot_lab.os_build import build_lab_os
from kboot_lab.up import LAB_RELEASE


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

    assert (release / "foreign-esp.raw").read_bytes()[512:520] == b"EFI PART"

    said: list[str] = []
    assert build_lab_os(cache_folder(), LAB_RELEASE, "stable", said.append) == release
    assert said == [], "it was built a second time"


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
