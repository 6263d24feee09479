"""A bad port of a switch: what is lost, what is late, what firmware does not say."""

from __future__ import annotations

import random

import pytest

from kboot_lab.machine.port import Port, dhcp_options

_ARCHITECTURE = bytes([93, 2, 0, 7])


def dhcp(port: int, options: bytes) -> bytes:
    """An Ethernet frame with a DHCP packet to a UDP port."""
    body = bytes(236) + b"\x63\x82\x53\x63" + options + b"\xff"
    udp = bytes(2) + port.to_bytes(2, "big") + (8 + len(body)).to_bytes(2, "big") + b"\x12\x34" + body
    ip = bytes([0x45]) + bytes(8) + bytes([17]) + bytes(10)
    return bytes(12) + b"\x08\x00" + ip + udp


_FIRMWARE = dhcp(67, bytes([53, 1, 1, 60, 9]) + b"PXEClient" + _ARCHITECTURE)
_SYSTEM = dhcp(67, bytes([53, 1, 1, 61, 1, 9]))
_INITRD = dhcp(67, bytes([53, 1, 1, 61, 2, 255, 1]))
_OFFER = dhcp(68, bytes([53, 1, 2]))
_OTHER = bytes(12) + b"\x08\x00" + bytes(60)


def test_a_good_port_changes_nothing() -> None:
    port = Port()
    for frame in (_FIRMWARE, _SYSTEM, _OTHER, b"short"):
        assert port.from_machine(frame, 7) == (7, frame)
        assert port.to_machine(frame, 7) == (7, frame)


def test_tagged_frames_pass_as_they_are_whatever_they_hold() -> None:
    """A VLAN of a lab's machines: its DHCP is none of the boot network's."""
    port = Port(late_lease_s=5, tells_architecture=False)
    for frame in (_FIRMWARE, _OFFER, _OTHER):
        tagged = frame[:12] + b"\x81\x00\x00\x28" + frame[12:]
        assert port.from_machine(tagged, 7) == (7, tagged)
        assert port.to_machine(tagged, 7) == (7, tagged)


def test_a_port_forwards_nothing_until_it_opens() -> None:
    port = Port(opens_at=60, forward_after_s=60)
    assert port.from_machine(_FIRMWARE, 59.9) is None
    assert port.to_machine(_OTHER, 59.9) is None
    assert port.from_machine(_FIRMWARE, 60) == (60, _FIRMWARE)


def test_a_port_closes_anew_each_time_the_system_takes_the_card_from_the_firmware() -> None:
    port = Port(forward_after_s=60)
    port.from_machine(_FIRMWARE, 100)
    assert port.from_machine(_SYSTEM, 110) is None
    assert port.from_machine(_SYSTEM, 150) is None, "a second request does not open it"
    assert port.from_machine(_SYSTEM, 170) == (170, _SYSTEM)
    assert port.from_machine(_SYSTEM, 500) is not None, "a renewal closed it"
    assert port.from_machine(_FIRMWARE, 600) is not None
    assert port.from_machine(_SYSTEM, 610) is None, "the next boot found it open"


def test_a_port_closes_anew_where_the_initrd_leaves_the_card_to_the_system() -> None:
    port = Port(forward_after_s=60)
    port.from_machine(_FIRMWARE, 100)
    assert port.from_machine(_INITRD, 110) is None
    assert port.from_machine(_INITRD, 170) is not None
    assert port.from_machine(_SYSTEM, 200) is None
    assert port.from_machine(_SYSTEM, 260) is not None


def test_a_late_lease_holds_back_answers_of_dhcp_and_nothing_else() -> None:
    port = Port(late_lease_s=5)
    assert port.to_machine(_OFFER, 1) == (6, _OFFER)
    assert port.to_machine(_OTHER, 1) == (1, _OTHER)
    assert port.from_machine(_SYSTEM, 1) == (1, _SYSTEM)


def test_delay_is_added_each_way() -> None:
    port = Port(delay_s=0.5)
    assert port.to_machine(_OTHER, 1) == (1.5, _OTHER)
    assert port.from_machine(_OTHER, 1) == (1.5, _OTHER)


def test_so_many_frames_are_lost_as_were_named() -> None:
    port = Port(loss=0.05, chance=random.Random(1))
    lost = sum(port.from_machine(_OTHER, 0) is None for _ in range(10_000))
    assert 400 < lost < 600


def test_an_old_rom_tells_no_architecture_and_all_else() -> None:
    sent = Port(tells_architecture=False).from_machine(_FIRMWARE, 0)
    assert sent is not None
    frame = sent[1]
    assert _ARCHITECTURE not in frame
    assert b"PXEClient" in frame
    assert len(frame) == len(_FIRMWARE)
    assert frame[40:42] == b"\0\0", "its checksum is of other bytes"


@pytest.mark.parametrize("frame", [b"", bytes(34), _OTHER, _OFFER, _SYSTEM[:200]])
def test_what_is_no_dhcp_to_the_port_is_not_taken_for_it(frame: bytes) -> None:
    assert dhcp_options(frame, 67) is None
