"""Takes secrets out of text: those that are known by their value, and whatever has the form of one. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

from kboot_clusterdesc.secret_forms import LEFT_OUT, without_secret_forms

_SHORTEST = 8  # a shorter line of a file is not taken for a secret: it would stand everywhere


class Redaction:
    """The secrets of one cluster, by their values."""

    def __init__(self, contents: Iterable[bytes]) -> None:
        """Take the contents of all files that hold secrets: each as a whole, each of its lines, and in base64."""
        values: set[bytes] = set()
        for content in contents:
            values.add(b64encode(content).rstrip(b"="))
            for line in content.splitlines():
                values |= set(_spellings(line.strip()))
        # By how they begin: ten thousand machines have some hundred thousand, and a text is gone through once.
        self._by_head: dict[bytes, list[bytes]] = {}
        for value in sorted(values, key=len, reverse=True):
            if len(value) >= _SHORTEST:
                self._by_head.setdefault(value[:_SHORTEST], []).append(value)

    def clean(self, text: bytes) -> bytes:
        """Return the text without secrets."""
        return without_secret_forms(self._without_known(text))

    def _without_known(self, text: bytes) -> bytes:
        kept, begin, at = bytearray(), 0, 0
        while at <= len(text) - _SHORTEST:
            found = self._by_head.get(text[at : at + _SHORTEST], ())
            value = next((value for value in found if text.startswith(value, at)), b"")
            if value:
                kept += text[begin:at] + LEFT_OUT
                begin = at + len(value)
            at += len(value) or 1
        return bytes(kept) + text[begin:]


def _spellings(value: bytes) -> list[bytes]:
    if value.startswith((b"-----BEGIN ", b"-----END ")):  # the lines around a key are no secret
        return []
    found = [value, b64encode(value).rstrip(b"=")]
    quoted = quote(value, safe="").encode()
    return [*found, quoted] if quoted != value else found
