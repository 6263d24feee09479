"""The kernel arguments and consoles that install.sh leaves to the installed OS."""

from __future__ import annotations

from service.kboot.render.sandbox import Sandbox, reason

ARGS = {"KBOOT_KERNEL_ARGS": "iommu=pt nomodeset", "KBOOT_CONSOLES": "console=tty0 console=ttyS1,115200n8"}


def test_they_are_written_to_the_oem_partition_of_the_installed_disk(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    (machine.folder / "partlabels").write_text(f"{disk} EFI-SYSTEM\n{disk} OEM\n")
    assert machine.run(**ARGS).returncode == 0
    assert f"mount {disk}2 /run/kboot-install/oem" in machine.lines("done")
    assert (machine.folder / "run/kboot-install/oem/grub.cfg").read_text() == (
        'set linux_append="$linux_append iommu=pt nomodeset"\nset linux_console="console=tty0 console=ttyS1,115200n8"\n'
    )
    assert "umount /run/kboot-install/oem" in machine.lines("done")


def test_where_none_are_described_nothing_is_mounted(machine: Sandbox) -> None:
    machine.disk("sda")
    assert machine.run().returncode == 0
    assert not [line for line in machine.lines("done") if line.startswith("mount ")]


def test_a_disk_that_takes_none_is_a_failed_install_that_says_so(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    assert machine.run(**ARGS).returncode == 1
    assert reason(machine) == f"no OEM partition on {disk} takes the kernel arguments"
