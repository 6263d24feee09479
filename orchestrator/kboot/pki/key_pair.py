"""A key and its certificate, and whom a certificate speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM; the key is PKCS #8."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate speaks for, and what it may be used for."""

    common_name: str
    groups: tuple[str, ...] = ()  # organisations, which Kubernetes reads as groups
    server: bool = False
    client: bool = False
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()
