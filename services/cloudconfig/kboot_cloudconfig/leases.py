"""dnsmasq's lease file: which machine holds which address. dnsmasq alone writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from kboot_clusterdesc import Mac


@dataclass(frozen=True, slots=True)
class LeaseEntry:
    """One line of the file; `expires` is in seconds of the epoch, 0 for never."""

    mac: Mac
    ip: IPv4Address
    expires: int

    def holds_at(self, now: datetime) -> bool:
        """Whether the lease still stands."""
        return self.expires == 0 or self.expires > now.timestamp()


def parse_leases(text: str) -> tuple[LeaseEntry, ...]:
    """The leases of a file; lines that are none (IPv6, `duid`, half-written) are passed over."""
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
    """The lease file, read again when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._entries: tuple[LeaseEntry, ...] = ()

    def entries(self) -> tuple[LeaseEntry, ...]:
        """The leases as they stand now, expired ones too; none while there is no file."""
        try:
            for _ in range(3):
                before = self._stamp()
                if before == self._seen:
                    break
                text = self._path.read_text("utf-8", "replace")
                self._entries = parse_leases(text)
                if self._stamp() == before:  # else it was rewritten meanwhile: once more
                    self._seen = before
        except OSError:
            self._seen, self._entries = None, ()
        return self._entries

    def address_of(self, mac: Mac, now: datetime) -> IPv4Address | None:
        """The address that is leased to `mac`."""
        standing = [entry for entry in self.entries() if entry.mac == mac and entry.holds_at(now)]
        return max(standing, key=lambda entry: entry.expires or 1 << 62).ip if standing else None

    def mac_at(self, address: IPv4Address | None, now: datetime) -> Mac | None:
        """The machine that `address` is leased to."""
        return next((e.mac for e in self.entries() if e.ip == address and e.holds_at(now)), None)

    def _stamp(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
