"""The machine that run.sh makes of its variables, as QEMU is asked for it."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from kboot_clusterdesc import Mac
from kboot_lab.hardware import Disk, Hardware
from support.places import ROOT

_MACHINE = ROOT / "lab" / "kboot_lab" / "machine"
_MAC, _SECOND = Mac("52:54:00:00:00:01"), Mac("52:54:00:00:00:02")


class Asked:
    """The words that QEMU was started with, and the files that were made."""

    def __init__(self, words: list[str], place: Path) -> None:
        self.words, self.place = words, place

    def of(self, option: str) -> list[str]:
        """The values of one option, in order."""
        return [value for name, value in pairwise(self.words) if name == option]

    def devices(self, kind: str) -> list[str]:
        """The devices whose name begins so."""
        return [device for device in self.of("-device") if device.startswith(kind)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder as /machine, the programs of the container beside it: QEMU prints what it is asked."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("ip", "exit 0"), ("qemu-system-x86_64", 'printf "%s\\n" "$@"'), ("python3", "")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "OVMF_VARS.fd").touch()
    made = tmp_path / "machine"
    made.mkdir()
    return made


def asked(place: Path, hardware: Hardware, **variables: str) -> Asked:
    """What run.sh asks QEMU for."""
    environment = os.environ | hardware.environment(_MAC) | variables
    environment |= {"PATH": f"{place.parent}/bin:{os.environ['PATH']}", "HOSTNAME": "unit"}
    environment |= {"KBOOT_VM_PLACE": str(place), "KBOOT_VM_OVMF": str(place.parent)}
    command = ["bash", str(_MACHINE / "run.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return Asked(done.stdout.splitlines(), place)


def test_a_kind_machine_has_a_card_and_a_disk_in_this_boot_order(place: Path) -> None:
    found = asked(place, Hardware(disks=(Disk("8M"),)))
    assert found.of("-netdev") == ["tap,id=net0,ifname=tap0,script=no,downscript=no"]
    assert found.devices("virtio-net") == [f"virtio-net-pci,netdev=net0,mac={_MAC},bootindex=1"]
    assert found.devices("virtio-blk") == ["virtio-blk-pci,drive=disk0,serial=disk0,bootindex=2"]
    assert (place / "disk0.raw").stat().st_size == 8 << 20
    assert (found.of("-accel"), found.of("-smp")) == (["tcg"], ["1"])
    assert found.of("-rtc") == []
    assert found.of("-boot") == []
    assert found.of("-smbios") == ["type=3,asset=kboot-lab"]


def test_hardware_virtualisation_is_used_with_the_processor_of_the_host_and_as_many_as_are_wanted(place: Path) -> None:
    found = asked(place, Hardware(disks=(Disk("8M"),)), KBOOT_VM_ACCEL="kvm", KBOOT_VM_CPUS="2")
    assert (found.of("-accel"), found.of("-cpu"), found.of("-smp")) == (["kvm"], ["host"], ["2"])


def test_the_clock_and_the_traits_reach_the_machine(place: Path) -> None:
    found = asked(place, Hardware(disks=(Disk("8M", "ide"),), clock="2015-01-01T00:00:00", is_as_shipped=True))
    assert found.of("-rtc") == ["base=2015-01-01T00:00:00"]
    assert found.of("-smbios") == ["type=3,asset=kboot-lab:ide:as-shipped"]


def test_a_bad_port_is_between_the_card_and_the_bridge(place: Path) -> None:
    for program in ("ip", "python3"):
        (place.parent / "bin" / program).write_text(f'#!/bin/sh\necho "$@" >>{place}/{program}.log\n')
    found = asked(place, Hardware(disks=(Disk("8M"),), cards=(_SECOND,), loss_percent=5))
    links = (place / "ip.log").read_text().splitlines()
    for number in range(2):
        assert f"link add port{number} type bridge forward_delay 0 stp_state 0" in links
        assert f"link set port{number} up" in links
        assert f"link set tap{number} master port{number} up" in links
        assert f"link set tap{number} master br0 up" not in links
    assert found.of("-netdev") == [f"tap,id=net{n},ifname=tap{n},script=no,downscript=no" for n in range(2)]
    started = (place / "python3.log").read_text().splitlines()
    assert f"/usr/local/lib/kboot/port.py --loss=5 br0 {_MAC} {_SECOND}" in started
    assert [card.partition("mac=")[2] for card in found.devices("virtio-net")] == [
        f"{_MAC},bootindex=1",
        f"{_SECOND},bootindex=2",
    ]
    assert found.of("-boot") == ["reboot-timeout=5000"]


@pytest.mark.parametrize(
    ("firmware", "ide"),
    [
        ("bios", ["bus=ide.0,unit=0", "bus=ide.0,unit=1", "bus=ide.1,unit=0"]),
        ("uefi", ["bus=pata.0,unit=0", "bus=pata.0,unit=1", "bus=pata.1,unit=0"]),
    ],
)
def test_each_disk_lies_on_its_bus(place: Path, firmware: str, ide: list[str]) -> None:
    buses = ("ide", "nvme", "ide", "sata", "ide", "sata")
    found = asked(place, Hardware(firmware=firmware, disks=tuple(Disk("1M", bus) for bus in buses)))
    on_ide = [device for device in found.devices("ide-hd") if "sata" not in device]
    assert [device.removeprefix("ide-hd,").partition(",drive")[0] for device in on_ide] == ide
    on_sata = [device for device in found.devices("ide-hd") if "sata" in device]
    assert [device.partition(",drive")[0] for device in on_sata] == ["ide-hd,bus=sata.0", "ide-hd,bus=sata.1"]
    assert found.devices("nvme") == ["nvme,drive=disk1,serial=disk1,bootindex=3"]
    assert found.devices("ahci") == ["ahci,id=sata"]
    assert found.devices("piix3-ide") == (["piix3-ide,id=pata"] if firmware == "uefi" else [])


def test_a_disk_that_is_there_is_left_as_it_is(place: Path) -> None:
    (place / "disk0.raw").write_bytes(b"the installed system")
    asked(place, Hardware(disks=(Disk("1M", contents="md"),)))
    assert (place / "disk0.raw").read_bytes() == b"the installed system"
