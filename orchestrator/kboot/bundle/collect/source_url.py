"""The address that a part of a bundle came from, as its manifest tells it to whoever has the bundle."""

from __future__ import annotations


def without_login(url: str) -> str:
    """Return an address without the user and password in it."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
