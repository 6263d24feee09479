"""dnsmasq's lease file, as it is and as it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.leases import LeaseFile, parse_leases
from kboot_clusterdesc import Mac
from support.calls import calls_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = int(NOW.timestamp()) + 60
MAC = Mac("52:54:00:00:00:01")


def test_a_lease_is_read_whatever_the_client_id() -> None:
    text = f"{LATER} 52:54:00:00:00:01 10.0.0.5 node1 ff:00:01\n0 52:54:00:00:00:02 10.0.0.6 * *\n"
    assert [(str(e.mac), str(e.ip), e.expires) for e in parse_leases(text)] == [
        ("52:54:00:00:00:01", "10.0.0.5", LATER),
        ("52:54:00:00:00:02", "10.0.0.6", 0),
    ]


def test_what_is_no_lease_of_ipv4_is_passed_over() -> None:
    text = f"duid 00:01:00\n{LATER} 1 fd00::5 * 00:01\n{LATER} 52:54:00:00:00:01 10.0.0.5 half"
    assert parse_leases(text) == ()


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(parse_leases(text), tuple)


def test_an_expired_lease_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_text(f"{LATER - 61} {MAC} 10.0.0.5 * *\n")
    leases = LeaseFile(path)
    assert leases.address_of(MAC, NOW) is None
    assert leases.mac_at(IPv4Address("10.0.0.5"), NOW) is None
    path.write_text(f"0 {MAC} 10.0.0.6 * *\n")
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.6")


def test_of_two_leases_of_one_machine_the_one_that_lasts_counts(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_text(f"{LATER} {MAC} 10.0.0.5 * *\n{LATER - 61} {MAC} 10.0.0.6 * *\n")
    assert LeaseFile(path).address_of(MAC, NOW) == IPv4Address("10.0.0.5")


def test_a_file_that_is_not_there_yet_holds_no_lease(tmp_path: Path) -> None:
    leases = LeaseFile(tmp_path / "none")
    assert leases.standing(NOW) == []
    assert leases.address_of(MAC, NOW) is None


@pytest.mark.parametrize("seen", ["", f"{LATER} 52:54:00:00:00:02 10.0.0.6 * *\n", f"{LATER} 52:54:00:00"])
def test_a_lease_that_a_rewrite_has_not_come_to_yet_stands(seen: str, tmp_path: Path) -> None:
    path = tmp_path / "leases"
    leases = LeaseFile(path)
    path.write_text(f"{LATER} 52:54:00:00:00:02 10.0.0.6 * *\n{LATER} {MAC} 10.0.0.5 * *\n")
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.5")
    path.write_text(seen)
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.5")
    assert leases.mac_at(IPv4Address("10.0.0.5"), NOW) == MAC
    assert MAC in {entry.mac for entry in leases.standing(NOW)}
    assert leases.address_of(MAC, NOW + timedelta(seconds=61)) is None


def test_a_lease_counts_as_renewed_once_and_not_where_it_stood_before(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    leases = LeaseFile(path)
    path.write_text(f"{LATER} {MAC} 10.0.0.5 * *\n")
    assert leases.renewed(NOW) == set(), "nobody knows when it was given"
    path.write_text(f"{LATER + 9} {MAC} 10.0.0.5 * *\n0 52:54:00:00:00:02 10.0.0.6 * *\n")
    assert leases.renewed(NOW) == {MAC, "52:54:00:00:00:02"}
    assert leases.renewed(NOW) == set()


def test_an_address_that_is_given_to_another_machine_is_no_longer_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    leases = LeaseFile(path)
    path.write_text(f"0 {MAC} 10.0.0.5 * *\n")
    assert leases.address_of(MAC, NOW) is not None
    path.write_text(f"{LATER} 52:54:00:00:00:02 10.0.0.5 * *\n")
    assert leases.mac_at(IPv4Address("10.0.0.5"), NOW) == "52:54:00:00:00:02"
    assert leases.address_of(MAC, NOW) is None


def test_a_machine_at_a_new_address_is_no_longer_at_its_old_one(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    leases = LeaseFile(path)
    path.write_text(f"0 {MAC} 10.0.0.5 * *\n")
    assert leases.address_of(MAC, NOW) is not None
    path.write_text(f"{LATER} {MAC} 10.0.0.7 * *\n")
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.7")
    assert leases.mac_at(IPv4Address("10.0.0.5"), NOW) is None


def test_a_line_that_was_read_before_is_not_parsed_again(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    leases = LeaseFile(path)
    lines = [f"{LATER} 52:54:00:00:01:{number:02x} 10.0.1.{number} * *\n" for number in range(100)]
    path.write_text("".join(lines))
    assert len(leases.standing(NOW)) == 100
    path.write_text("".join(lines[:40]))  # dnsmasq has come so far with its rewrite
    leases.standing(NOW)
    path.write_text("".join([*lines, f"{LATER} {MAC} 10.0.0.5 * *\n"]))
    assert calls_of(lambda: leases.address_of(MAC, NOW))["_parse_line"] == 1
    assert calls_of(lambda: leases.address_of(MAC, NOW))["_parse_line"] == 0
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.5")


def test_the_lease_with_the_later_end_counts_again_when_it_alone_is_left(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    leases = LeaseFile(path)
    path.write_text(f"{LATER + 9} {MAC} 10.0.0.5 * *\n{LATER} {MAC} 10.0.0.6 * *\n")
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.5")
    path.write_text(f"{LATER} {MAC} 10.0.0.6 * *\n")
    assert leases.address_of(MAC, NOW) == IPv4Address("10.0.0.6")


def test_no_lease_is_missed_while_the_file_is_rewritten_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    macs = [Mac(f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}") for number in range(1000)]

    def content(renewals: int) -> bytes:
        lines = (f"{LATER + renewals} {mac} 10.0.{at >> 8}.{at & 255} * *\n" for at, mac in enumerate(macs, 1))
        return "".join(lines).encode()

    path.write_bytes(content(0))
    leases = LeaseFile(path)
    leases.standing(NOW)
    with path.open("r+b", buffering=0) as file:
        for renewals in range(1, 6):
            file.truncate(0)
            file.seek(0)
            renewed = content(renewals)
            for begin in range(0, len(renewed), 4096):
                assert leases.address_of(macs[-1], NOW) == IPv4Address("10.0.3.232")
                assert leases.mac_at(IPv4Address("10.0.3.232"), NOW) == macs[-1]
                file.write(renewed[begin : begin + 4096])
