"""The types of values with a syntax of their own: MAC, duration, domain, cron schedule, version, ssh key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from .ssh_key import ssh_key

_HEX12 = re.compile(r"[0-9a-f]{12}")
_SEPARATED = re.compile(r"[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}")
_DURATION = re.compile(r"([0-9]{1,9})([smhdw]?)")
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LINK = re.compile(r"[a-z][a-z0-9-]{0,14}")
_TAKEN_LINK = re.compile(r"lo|all|default|(eth|cni|docker|tun|tap|flannel)[0-9].*|en[opsx][0-9].*|(veth|cali|kube-).*")
_VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,3}\.[0-9]{1,3}(\+[0-9A-Za-z.-]{1,40})?")


class Mac(str):
    """An Ethernet address in lower case with colons, from any usual spelling."""

    __slots__ = ()

    def __new__(cls, text: str) -> Mac:
        """Read `aa:bb:..`, `aa-bb-..` or twelve bare digits, any case; ValueError otherwise."""
        lower = text.strip().lower()
        if _SEPARATED.fullmatch(lower):
            lower = lower.replace(":", "").replace("-", "")
        if not _HEX12.fullmatch(lower):
            raise ValueError(f"`{text}` is not a MAC address such as 00:25:90:c0:f7:80")
        return super().__new__(cls, ":".join(lower[i : i + 2] for i in range(0, 12, 2)))

    @property
    def dashed(self) -> str:
        """The address with dashes, for host names, paths and URLs: `aa-bb-cc-dd-ee-ff`."""
        return self.replace(":", "-")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls._declared, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _declared(cls, text: str) -> Mac:
        mac = cls(text)
        if int(mac[:2], 16) & 1:
            raise ValueError(f"`{text}` is a group address, no machine has it")
        if mac == "00:00:00:00:00:00":
            raise ValueError(f"`{text}` is no machine's address")
        return mac


def _mac_or_prefix(text: str) -> str:
    """Return a MAC, or its first three to five bytes, in lower case with colons; ValueError for any other text."""
    lower = text.strip().lower().replace("-", ":")
    bare = lower.replace(":", "")
    pairs = [bare[i : i + 2] for i in range(0, len(bare), 2)]
    if not re.fullmatch(r"([0-9a-f]{2}){3,6}", bare) or lower not in (bare, ":".join(pairs)):
        raise ValueError(f"`{text}` is neither a MAC nor its first three bytes or more, such as 3c:ec:ef")
    return ":".join(pairs)


@dataclass(frozen=True, slots=True)
class AddressRange:
    """The addresses from `first` to `last`, both included."""

    first: IPv4Address
    last: IPv4Address

    def __contains__(self, address: IPv4Address) -> bool:
        return self.first <= address <= self.last


def duration_s(text: str) -> int:
    """Return the seconds in `90`, `45s`, `10m`, `24h`, `7d` or `2w`; ValueError for any other form and for zero."""
    match = _DURATION.fullmatch(text.strip())
    if not match or int(match[1]) == 0:
        raise ValueError(f"`{text}` is not a duration such as 45s, 10m, 24h or 7d")
    return int(match[1]) * _UNIT_S[match[2]]


def _duration(text: str) -> str:
    duration_s(text)
    return text.strip()


def _lease(text: str) -> str:
    if text.strip() == "infinite":
        return "infinite"
    seconds = duration_s(text)
    if not 120 <= seconds < 2**32 - 1:
        raise ValueError(f"a lease of `{text}` is not possible: 2m is the shortest, `infinite` the longest")
    return text.strip()


def domain_name(text: str) -> str:
    """Return a domain name in small letters without a dot at its end; ValueError for what is none."""
    lower = text.strip().rstrip(".").lower()
    labels = lower.split(".")
    if re.fullmatch(r"[0-9.]+", lower):
        raise ValueError(f"`{text}` is an address or a number, not a domain name such as lab.example.com")
    if len(lower) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"`{text}` is not a domain name: letters, digits and dashes, parted by dots")
    return lower


def _endpoint(text: str) -> str:
    host, colon, port = text.partition(":")
    if colon and not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise ValueError(f"`{port}` is not a port: a number from 1 to 65535")
    if re.fullmatch(r"[0-9.]+", host):
        try:
            IPv4Address(host)
        except ValueError:
            raise ValueError(f"`{host}` is not an IPv4 address") from None
    elif domain_name(host) != host:
        raise ValueError(f"`{host}` is not a host name: small letters, no dot at its end")
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"`{text}` is not a host name: small letters, digits and dashes, at most 63")
    return text


def _link_name(text: str) -> str:
    if not _LINK.fullmatch(text):
        raise ValueError(f"`{text}` is not the name of a link: small letters, digits and dashes, at most 15")
    if _TAKEN_LINK.fullmatch(text):
        raise ValueError(f"`{text}` is a name that the kernel or a pod network gives, name a link otherwise")
    return text


def _link_address(value: object) -> object:
    text = str(value).strip()
    if isinstance(value, str) and "/" not in text:
        raise ValueError(f"`{text}` does not say its subnet, which is part of it: `{text}/24`")
    return value


def is_host_label(text: str) -> bool:
    """Whether `text` is one label of a host name, in small letters."""
    return _LABEL.fullmatch(text) is not None


def _version(text: str) -> str:
    if text != "current" and not _VERSION.fullmatch(text):
        raise ValueError(f"`{text}` is neither `current` nor a release number such as 3975.2.0")
    return text


def _clock(text: str) -> str:
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text.strip())
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError(f"`{text}` is not a time of day such as 03:00")
    return f"{int(match[1]):02}:{match[2]}"


_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_CRON_NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "weekday": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"`{text}` has {len(fields)} fields, a schedule has five: minute hour day month weekday")
    for value, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        for part in value.split(","):
            if not _is_cron_part(part.lower(), name, low, high):
                raise ValueError(f"`{part}` is not a {name} ({low} to {high}) in `{text}`")
    return " ".join(fields)


def _is_cron_part(part: str, name: str, low: int, high: int) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and 1 <= int(step) <= high):
        return False
    if span == "*":
        return True
    ends = [_cron_number(end, name, low) for end in span.split("-")]
    numbers = [end for end in ends if end is not None and low <= end <= high]
    return len(numbers) == len(ends) <= 2 and numbers == sorted(numbers)


def _cron_number(text: str, name: str, low: int) -> int | None:
    if text in _CRON_NAMES.get(name, ()):
        return _CRON_NAMES[name].index(text) + low
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None


def cron_values(text: str) -> tuple[frozenset[int], ...]:
    """Return the minutes, hours, days, months and weekdays (0, 7: Sunday) that a well-formed schedule names."""
    fields = zip(text.lower().split(), _CRON_FIELDS, strict=True)
    return tuple(
        frozenset(n for part in value.split(",") for n in _cron_part(part, name, low, high))
        for value, (name, low, high) in fields
    )


def _cron_part(part: str, name: str, low: int, high: int) -> range:
    span, slash, step = part.partition("/")
    if span == "*":
        return range(low, high + 1, int(step or 1))
    ends = [end for end in (_cron_number(word, name, low) for word in span.split("-")) if end is not None]
    last = ends[-1] if len(ends) > 1 or not slash else high
    return range(ends[0], last + 1, int(step or 1))


def _host_key(text: str) -> str:
    words = ssh_key(text).split()
    if len(words) != 2 or " ".join(words) != text or text.startswith("sk-"):
        raise ValueError("a host key is its type and the key, with nothing behind: `ssh-ed25519 AAAA...`")
    return text


def _range(value: object) -> object:
    if isinstance(value, AddressRange):
        return value
    if not isinstance(value, (list, tuple)) or len(value) != 2 or None in value:
        raise ValueError("a range is two addresses: [10.10.14.1, 10.10.14.127]")
    try:
        return AddressRange(IPv4Address(str(value[0])), IPv4Address(str(value[1])))
    except ValueError as error:
        raise ValueError(f"{error}; a range is two addresses: [10.10.14.1, 10.10.14.127]") from error


_YES = frozenset({"yes", "true", "on", "y"})
_NO = frozenset({"no", "false", "off", "n"})


def _yes_no(value: object) -> object:
    if isinstance(value, bool):
        return value
    answer = str(value).strip().lower()
    if answer not in _YES | _NO:
        raise ValueError(f"`{value}` is neither true nor false")
    return answer in _YES


Duration = Annotated[str, AfterValidator(_duration)]
Lease = Annotated[str, AfterValidator(_lease)]
Domain = Annotated[str, AfterValidator(domain_name)]
Endpoint = Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]{1,5})?$"), AfterValidator(_endpoint)]
MacOrPrefix = Annotated[str, AfterValidator(_mac_or_prefix)]
HostName = Annotated[str, AfterValidator(_label)]
LinkName = Annotated[str, AfterValidator(_link_name)]
RackName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._/-]{0,38}[A-Za-z0-9])?$")]
LinkAddress = Annotated[IPv4Interface, BeforeValidator(_link_address)]
OsVersion = Annotated[str, AfterValidator(_version)]
TimeOfDay = Annotated[str, AfterValidator(_clock)]
Cron = Annotated[str, AfterValidator(_cron)]
SshKey = Annotated[str, AfterValidator(ssh_key)]
HostKey = Annotated[str, Field(max_length=3000), AfterValidator(_host_key)]  # RSA of 16384 bits has 2772 letters
Guid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]  # as GRUB and blkid print it
YesNo = Annotated[bool, BeforeValidator(_yes_no)]
Range = Annotated[AddressRange, BeforeValidator(_range)]
