"""A public ssh key as sshd reads it in authorized_keys: one that it cannot read lets nobody in, and nobody is told."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

_Field = Callable[[bytes], bool]
_RSA = "ssh-rsa"
_RSA_BITS = range(1024, 16384 + 1)  # sshd takes no others
_VALUE = r'"(?:\\"|[^"\\]|\\(?!"))*"'  # a quote in it stands behind a backslash
_OPTION = rf"([A-Za-z0-9-]+)(={_VALUE})?"
_BEHIND_OPTIONS = re.compile(rf"(?P<options>{_OPTION}(?:,{_OPTION})*)[ \t]+(?P<key>.*)")
_FLAGS = frozenset(
    f"{no}{flag}"
    for no in ("", "no-")
    for flag in ("agent-forwarding", "port-forwarding", "pty", "touch-required", "user-rc", "verify-required")
).union(("cert-authority", "no-x11-forwarding", "restrict", "x11-forwarding"))
_WITH_VALUE = frozenset(
    ("command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "tunnel")
)
_WAY_OUT = "paste the whole line of the file that ends in .pub"


def _is_named(name: str) -> _Field:
    return lambda field: field == name.encode()


def _has_length(size_bytes: int) -> _Field:
    return lambda field: len(field) == size_bytes


def _is_point(size_bytes: int) -> _Field:
    return lambda field: len(field) == size_bytes and field[0] == 4  # sshd takes no compressed one


def _is_number(field: bytes) -> bool:
    return any(field) and field[0] < 0x80  # else it is negative


def _is_application(field: bytes) -> bool:
    return 0 not in field


# What stands behind the type in a key: RFC 8709, RFC 4253, RFC 5656, and PROTOCOL.u2f of OpenSSH.
_FIELDS: dict[str, tuple[_Field, ...]] = {
    "ssh-ed25519": (_has_length(32),),
    _RSA: (_is_number, _is_number),
    "ecdsa-sha2-nistp256": (_is_named("nistp256"), _is_point(65)),
    "ecdsa-sha2-nistp384": (_is_named("nistp384"), _is_point(97)),
    "ecdsa-sha2-nistp521": (_is_named("nistp521"), _is_point(133)),
    "sk-ssh-ed25519@openssh.com": (_has_length(32), _is_application),
    "sk-ecdsa-sha2-nistp256@openssh.com": (_is_named("nistp256"), _is_point(65), _is_application),
}


def ssh_key(text: str) -> str:
    """Return a line of authorized_keys without what is blank around it; ValueError where it lets nobody in."""
    line = text.strip()
    kind, key = _kind_and_key(_without_options(line))
    if kind.endswith("-cert-v01@openssh.com"):
        way = "name the plain key, or the key of its CA with `cert-authority` in front"
        raise ValueError(f"`{kind}` is a certificate, by which sshd lets nobody in from here: {way}")
    if "\n" in line or kind not in _FIELDS or not key:
        shown = line.splitlines()[0][:40] if line else ""
        raise ValueError(f"`{shown}` is not a public ssh key: `ssh-ed25519 AAAA... comment`")
    _judge(kind, key)
    return line


def _without_options(line: str) -> str:
    match = _BEHIND_OPTIONS.fullmatch(line)
    if not match or not re.match(r"(sk-)?(ssh|ecdsa)-", match["key"]):
        return line
    for name, value in re.findall(_OPTION, match["options"]):
        if name.lower() not in (_WITH_VALUE if value else _FLAGS):
            raise ValueError(f"`{name}` is no option of a key that sshd knows, so it lets nobody in: see sshd(8)")
    return match["key"]


def _kind_and_key(line: str) -> tuple[str, str]:
    kind, key, *_ = [*re.split(r"[ \t]+", line, maxsplit=2), ""]  # any other blank is a letter to sshd
    return kind, key


def _judge(kind: str, key: str) -> None:
    """Raise ValueError for a key that is not whole, not of its kind or of a size that sshd refuses."""
    try:
        inner, *fields = _fields(key)
    except ValueError as error:
        raise _damaged(kind) from error
    if inner != kind.encode() and inner.decode("ascii", "replace") in _FIELDS:
        raise ValueError(f"the key says {kind}, but inside it is {inner.decode()}: {_WAY_OUT}")
    wanted = _FIELDS[kind]
    if inner != kind.encode() or len(fields) != len(wanted):
        raise _damaged(kind)
    if not all(is_sound(field) for is_sound, field in zip(wanted, fields, strict=True)):
        raise _damaged(kind)
    if kind == _RSA and (bits := int.from_bytes(fields[1], "big").bit_length()) not in _RSA_BITS:
        way = "make one by `ssh-keygen -t ed25519`"
        raise ValueError(f"the ssh-rsa key has {bits} bits, sshd takes 1024 to 16384: {way}")


def _fields(key: str) -> list[bytes]:
    """Return the parts of a key, each of which stands behind its length; ValueError where they are not its whole."""
    blob = base64.b64decode(key, validate=True)
    if base64.b64encode(blob).decode() != key:  # bits left over behind the last byte, which sshd refuses
        raise ValueError("it is no base64")
    fields, end = [], 0
    while end < len(blob):
        begin = end + 4
        end = begin + int.from_bytes(blob[end:begin], "big")
        fields.append(blob[begin:end])
    if end != len(blob) or not fields:
        raise ValueError("it ends within a part")
    return fields


def _damaged(kind: str) -> ValueError:
    return ValueError(f"the {kind} key is damaged or was cut off, so sshd lets nobody in by it: {_WAY_OUT}")
