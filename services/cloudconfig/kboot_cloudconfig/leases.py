"""Reads dnsmasq's lease file: which machine holds which address. dnsmasq alone writes it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from kboot_clusterdesc import Mac


@dataclass(frozen=True, slots=True)
class LeaseEntry:
    """One lease; `expires` is in seconds since the epoch, 0 for never."""

    mac: Mac
    ip: IPv4Address
    expires: int

    def holds_at(self, now: datetime) -> bool:
        """Return whether the lease holds at `now`."""
        return self.expires == 0 or self.expires > now.timestamp()


def parse_leases(text: str) -> tuple[LeaseEntry, ...]:
    """Return the leases of a file; other lines (IPv6, `duid`, half-written) are passed over."""
    whole = text[: text.rfind("\n") + 1]  # dnsmasq rewrites in place: the last line may be half there
    return tuple(entry for line in whole.splitlines() if (entry := _parse_line(line)) is not None)


def _parse_line(line: str) -> LeaseEntry | None:
    words = line.split(" ")
    if len(words) != 5 or not (words[0].isascii() and words[0].isdigit() and len(words[0]) <= 12):
        return None
    kind, dash, address = words[1].rpartition("-")  # dnsmasq writes `06-aa:bb..` for hardware other than Ethernet
    if dash and ":" in address and kind not in ("", "01"):
        return None
    try:
        return LeaseEntry(Mac(address if dash and ":" in address else words[1]), IPv4Address(words[2]), int(words[0]))
    except (ValueError, AddressValueError):
        return None


class LeaseFile:
    """The leases of the file, which is read again when it changed.

    dnsmasq empties the file and writes it anew, piece by piece, at each lease that is given or renewed: what is read
    may be the beginning of it. A lease that is missing there is therefore kept until it expires, its address is given
    to another machine, or its machine is given another address.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._by_address: dict[IPv4Address, LeaseEntry] = {}
        self._by_mac: dict[Mac, LeaseEntry] = {}
        self._ends: dict[Mac, int] | None = None  # of each lease, at the last call of `renewed`

    def standing(self, now: datetime) -> list[LeaseEntry]:
        """Return the leases that hold at `now`."""
        self._read()
        return [entry for entry in self._by_mac.values() if entry.holds_at(now)]

    def renewed(self, now: datetime) -> set[Mac]:
        """Return the MACs that were given a lease, or its renewal, since the last call; the first call returns none.

        The file has no more than when a lease ends, and how long it was to last may have been described otherwise then.
        """
        ends, before = {entry.mac: entry.expires for entry in self.standing(now)}, self._ends
        self._ends = ends
        return set() if before is None else {mac for mac, end in ends.items() if before.get(mac) != end}

    def address_of(self, mac: Mac, now: datetime) -> IPv4Address | None:
        """Return the address that is leased to `mac` at `now`; None without one."""
        entry = self.newest_of(mac)
        return entry.ip if entry is not None and entry.holds_at(now) else None

    def newest_of(self, mac: Mac) -> LeaseEntry | None:
        """Return the newest lease of `mac`, which may have ended; None without one."""
        self._read()
        return self._by_mac.get(mac)

    def mac_at(self, address: IPv4Address | None, now: datetime) -> Mac | None:
        """Return the MAC that holds the lease of `address` at `now`; None without one."""
        self._read()
        entry = self._by_address.get(address) if address is not None else None
        return entry.mac if entry is not None and entry.holds_at(now) else None

    def _read(self) -> None:
        with suppress(OSError):  # no lease was given yet
            for _ in range(3):
                before = self._stamp()
                if before == self._seen:
                    return
                found = parse_leases(self._path.read_text("utf-8", "replace"))
                for entry in sorted(found, key=lambda each: each.expires or 1 << 62):  # the later end counts
                    self._note(entry)
                if self._stamp() == before:  # else dnsmasq rewrote the file meanwhile: read it again
                    self._seen = before

    def _note(self, entry: LeaseEntry) -> None:
        for other in (self._by_address.get(entry.ip), self._by_mac.get(entry.mac)):
            if other is not None:
                self._by_address.pop(other.ip, None)
                self._by_mac.pop(other.mac, None)
        self._by_address[entry.ip] = self._by_mac[entry.mac] = entry

    def _stamp(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
