"""The options that make a machine of the lab unkind, and what run.sh is told of them."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot_clusterdesc import InvalidDescription, Mac
from kboot_lab.hardware import Disk, Hardware, hardware_of, hardware_of_nodes
from kboot_lab.hardware_options import add_hardware_options
from kboot_lab.machines import machine_for
from unit.clusterdesc.sample import SAMPLE, accepted

_MAC = Mac("52:54:00:00:00:01")
_OTHER = "52:54:00:00:00:02"


def made(options: str) -> Hardware:
    """What the options of `kboot lab add` name."""
    parser = argparse.ArgumentParser()
    add_hardware_options(parser)
    return hardware_of(parser.parse_args(shlex.split(options)), _MAC)


def told(options: str) -> dict[str, str]:
    """The variables of run.sh."""
    return made(options).environment(_MAC)


def test_without_options_a_machine_is_kind() -> None:
    assert told("") == {
        "KBOOT_VM_NICS": _MAC,
        "KBOOT_VM_UNPLUGGED": "",
        "KBOOT_VM_FIRMWARE": "bios",
        "KBOOT_VM_DISKS": "",
        "KBOOT_VM_CLOCK": "",
        "KBOOT_VM_PORT": "",
        "KBOOT_VM_TRAITS": "",
    }


def test_cards_stand_in_the_order_in_which_firmware_tries_them() -> None:
    found = told(f"--card {_OTHER} --unplugged 52:54:00:00:00:03")
    assert found["KBOOT_VM_NICS"] == f"52:54:00:00:00:03,{_MAC},{_OTHER}"
    assert found["KBOOT_VM_UNPLUGGED"] == "52:54:00:00:00:03"


def test_the_leases_of_all_cards_but_the_first_are_late() -> None:
    assert told(f"--card {_OTHER} --first-lease {_OTHER}")["KBOOT_VM_PORT"] == f"--late-lease={_MAC}"
    assert told(f"--card {_OTHER} --first-lease {_MAC}")["KBOOT_VM_PORT"] == f"--late-lease={_OTHER}"


def test_a_bad_port_is_told_with_its_figures() -> None:
    found = told("--forward-after 60 --delay 2.5 --loss 5 --without-option-93")["KBOOT_VM_PORT"]
    assert found == "--forward-after=60 --delay=2.5 --loss=5 --without-option-93"


def test_disks_have_a_bus_and_what_they_held() -> None:
    found = told("--disk 8G --disk 1G:nvme --disk 500M:ide:md")
    assert found["KBOOT_VM_DISKS"] == "8G:virtio:,1G:nvme:,500M:ide:md"


def test_the_os_is_told_of_ide_and_of_units_as_shipped_by_the_asset_tag() -> None:
    assert told("--disk 8G:ide --as-shipped")["KBOOT_VM_TRAITS"] == ":ide:as-shipped"


def test_the_clock_is_given_in_the_form_that_qemu_reads() -> None:
    assert told("--clock 2040-02-03")["KBOOT_VM_CLOCK"] == "2040-02-03T00:00:00"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--disk 8T", "`8T` is not the size of a disk"),
        ("--disk 8G:scsi", "`scsi` is not the bus of a disk"),
        ("--disk 8G:ide:zfs", "`zfs` is nothing that a disk can hold"),
        (" ".join(["--disk 1G:ide"] * 5), "a machine has at most 4 disks on IDE"),
        (" ".join(["--disk 1G"] * 9), "a machine has at most 8 cards and 8 disks"),
        (f"--card {_MAC}", f"two cards of {_MAC} have one MAC"),
        (f"--first-lease {_OTHER}", f"--first-lease: {_OTHER} is no card with a cable"),
        ("--forward-after 601", "--forward-after is not a number from 0 to 600"),
        ("--loss nan", "--loss is not a number from 0 to 50"),
        ("--clock soon", "--clock: `soon` is no time"),
        ("--card 1", "--card: "),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_way_out(options: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        made(options)
    assert message in refused.value.message
    assert refused.value.hint


def test_a_file_gives_nodes_the_options_of_lab_add(tmp_path: Path) -> None:
    file = tmp_path / "hardware.yaml"
    file.write_text("one: --firmware uefi --disk 8G:nvme\n")
    found = hardware_of_nodes(file, {"one": _MAC, "two": Mac(_OTHER)})
    assert found == {"one": Hardware(firmware="uefi", disks=(Disk("8G", "nvme"),))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("three: --loss 5\n", "`three` is not a node of the description"),
        ("one: {loss: 5}\n", "is no map of nodes to options"),
        ("one: --lost 5\n", "one: unrecognized arguments: --lost 5"),
        ("one: --loss 80\n", "one: --loss is not a number from 0 to 50"),
        ("one: --loss '\n", "one: No closing quotation"),
    ],
)
def test_a_file_with_a_fault_is_refused_at_its_node(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "hardware.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        hardware_of_nodes(file, {"one": _MAC})
    assert refused.value.message.startswith(f"{file}: ")
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one: --loss 5\none: --loss 6\n", ":2:1: one: repeated key, the first one stands at line 1\n"),
        ("one: [\n", ":2:"),
        ("one: --off\ntwo:--off\n", ":2:4: not YAML: "),
    ],
)
def test_a_file_that_is_no_map_or_names_a_node_twice_is_refused_at_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "hardware.yaml"
    file.write_text(text)
    with pytest.raises(InvalidDescription) as refused:
        hardware_of_nodes(file, {"one": _MAC})
    assert str(refused.value).startswith(f"{file}{said}")


def test_a_node_whose_name_yaml_takes_for_a_number_or_a_truth_value_is_found(tmp_path: Path) -> None:
    file = tmp_path / "hardware.yaml"
    file.write_text("no: --off\n1e3: --off\n")
    assert hardware_of_nodes(file, {"no": _MAC, "1e3": Mac(_OTHER)}).keys() == {"no", "1e3"}
    file.write_text("\n")
    assert hardware_of_nodes(file, {"no": _MAC}) == {}


def test_a_node_has_the_disk_that_its_cluster_needs_unless_it_is_given_one() -> None:
    desc = accepted(SAMPLE)
    assert machine_for(desc, desc.nodes[0], Hardware()).hardware.disks == (Disk("12G"),)
    own = Hardware(disks=(Disk("9G", "nvme"),))
    assert machine_for(desc, desc.nodes[0], own).hardware == own


def test_a_machine_that_is_off_stays_off() -> None:
    assert made("--off").is_off
    assert not made("").is_off
