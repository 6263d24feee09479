"""Reads dnsmasq's lease file: which machine holds which address. dnsmasq alone writes it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from kboot_clusterdesc import Mac

_NEVER = 1 << 62
_READS_S = 0.02  # of reading at once, before it waits; then at most this share of the time is spent with reading
_READS_SHARE = 0.2
_SPARE_LINES = 1000


@dataclass(frozen=True, slots=True)
class LeaseEntry:
    """One lease; `expires` is in seconds since the epoch, 0 for never."""

    mac: Mac
    ip: IPv4Address
    expires: int

    @property
    def end(self) -> int:
        """When the lease ends, so that one for ever ends last."""
        return self.expires or _NEVER

    def holds_at(self, now: datetime) -> bool:
        """Return whether the lease holds at `now`."""
        return self.expires == 0 or self.expires > now.timestamp()


def parse_leases(text: str) -> tuple[LeaseEntry, ...]:
    """Return the leases of a file; other lines (IPv6, `duid`, half-written) are passed over."""
    return tuple(entry for line in _whole_lines(text) if (entry := _parse_line(line)) is not None)


def _whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines()  # dnsmasq rewrites in place: the last line may be half there


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
    """The leases of the file, which is read again when it changed; a line that was read before is not parsed again.

    dnsmasq empties the file and writes it anew, piece by piece, at each lease that is given or renewed: what is read
    may be the beginning of it. A lease that is missing there is therefore kept until it expires, its address is given
    to another machine, or its machine is given another address.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._seen: tuple[int, int, int] | None = None
        self._lines: set[str] = set()  # each that was read, and may still stand in the file
        self._passed: set[str] = set()  # of these, the ones whose machine or address had a lease with a later end
        self._by_address: dict[IPv4Address, tuple[str, LeaseEntry]] = {}
        self._by_mac: dict[Mac, tuple[str, LeaseEntry]] = {}
        self._changed: set[Mac] | None = None  # since the last call of `renewed`
        self._is_still = False
        self._room_s, self._room_at = _READS_S, time.monotonic()

    def standing(self, now: datetime) -> list[LeaseEntry]:
        """Return the leases that hold at `now`."""
        self._read()
        return [entry for _, entry in self._by_mac.values() if entry.holds_at(now)]

    def renewed(self, now: datetime) -> set[Mac]:
        """Return the MACs that were given a lease, or its renewal, since the last call; the first call returns none.

        The file has no more than when a lease ends, and how long it was to last may have been described otherwise then.
        """
        self._read()
        changed, self._changed = self._changed, set()
        return {mac for mac in changed or () if (known := self._by_mac.get(mac)) and known[1].holds_at(now)}

    def lease_of(self, mac: Mac, now: datetime) -> LeaseEntry | None:
        """Return the lease of `mac` at `now`; None without one."""
        self._read(is_sparing=True)
        if (known := self._by_mac.get(mac)) is None or not known[1].holds_at(now):
            self._read()
            known = self._by_mac.get(mac)
        return known[1] if known is not None and known[1].holds_at(now) else None

    def address_of(self, mac: Mac, now: datetime) -> IPv4Address | None:
        """Return the address that is leased to `mac` at `now`; None without one."""
        entry = self.lease_of(mac, now)
        return None if entry is None else entry.ip

    def mac_at(self, address: IPv4Address | None, now: datetime) -> Mac | None:
        """Return the MAC that holds the lease of `address` at `now`; None without one."""
        if address is None:
            return None
        self._read(is_sparing=True)
        if (known := self._by_address.get(address)) is None or not known[1].holds_at(now):
            self._read()
            known = self._by_address.get(address)
        return known[1].mac if known is not None and known[1].holds_at(now) else None

    @contextmanager
    def looked_at_once(self) -> Iterator[None]:
        """Have the file looked at once for all that is done within."""
        self._read()
        self._is_still = True
        try:
            yield
        finally:
            self._is_still = False

    def _read(self, *, is_sparing: bool = False) -> None:
        """Read the file where it changed; with `is_sparing` only while reading has not taken too much of the time."""
        if self._is_still:
            return
        with suppress(OSError):  # no lease was given yet
            for _ in range(3):
                before = self._stamp()
                if before == self._seen:
                    return
                begin = time.monotonic()
                self._room_s = min(_READS_S, self._room_s + _READS_SHARE * (begin - self._room_at))
                self._room_at = begin
                if is_sparing and self._room_s <= 0:
                    return
                with open(self._path, encoding="utf-8", errors="replace") as file:
                    self._note_lines(set(_whole_lines(file.read())))
                self._room_s = max(self._room_s - (time.monotonic() - begin), -_READS_S * _READS_SHARE)
                if self._stamp() == before:  # else dnsmasq rewrote the file meanwhile: read it again
                    self._seen = before

    def _note_lines(self, lines: set[str]) -> None:
        fresh = [
            (line, entry) for line in (lines - self._lines) | (lines & self._passed) if (entry := _parse_line(line))
        ]
        for line, entry in sorted(fresh, key=lambda each: each[1].end):
            self._note(line, entry, lines)
        self._lines |= lines
        if len(self._lines) > 2 * len(self._by_mac) + _SPARE_LINES:
            self._lines = lines | {line for line, _ in self._by_mac.values()}
            self._passed &= lines

    def _note(self, line: str, entry: LeaseEntry, lines: set[str]) -> None:
        """Note one lease, unless the file has another of that machine or address that ends later."""
        before = self._by_mac.get(entry.mac)
        others = [other for other in (self._by_address.get(entry.ip), before) if other is not None]
        if any(other in lines and known.end > entry.end for other, known in others):
            self._passed.add(line)
            return
        self._passed.discard(line)
        for other, known in others:
            if other in lines and other != line:
                self._passed.add(other)
            self._by_address.pop(known.ip, None)
            self._by_mac.pop(known.mac, None)
        self._by_address[entry.ip] = self._by_mac[entry.mac] = line, entry
        if self._changed is not None and (before is None or before[1] != entry):
            self._changed.add(entry.mac)

    def _stamp(self) -> tuple[int, int, int]:
        stat = os.stat(self._path)
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
