"""Rules for the URLs that the bootstrapper asks: a host that can be one, a port, and what each reader takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from ..model import ClusterDesc
from ..problem import Problem, Steps
from ..site_addresses import urls
from ..source import Tree
from .at import problem_at

_PLACE = re.compile(r"(\[[^]]*]?|[^:]*)(:.*)?")
_HOST = re.compile(r"(?=.{1,253}$)[^\W_-][\w-]{0,62}(\.[^\W_-][\w-]{0,62})*\.?")
# RFC 3986, 3.2.1, which Go holds to: it takes no other sign, nor a `%` that begins no pair of hexadecimal digits.
_LOGIN = re.compile(r"([\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_JOINED = (("os", "release_url"), ("os", "update", "payload_url"))  # names of files are written behind these
_ENCODED = "a sign of a password that has a meaning in URLs is written by its number: `/` %2F, `#` %23, `%` %25"


def check_urls(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each URL that nobody could be asked by; none repeats what may be a password."""
    for path, url in urls(desc):
        fault = _fault(path, url)
        if fault is not None:
            yield problem_at(tree, path, *fault)


def _fault(path: Steps, url: str) -> tuple[str, str] | None:
    authority, _, rest = url.partition("://")[2].partition("/")
    login, _, place = authority.rpartition("@")
    place, mark, _ = re.sub(r"\{(channel|board)\}", "x", place).partition("?")
    found = _PLACE.fullmatch(place)
    host, port = (found[1], found[2]) if found else (place, "")
    if port and not (re.fullmatch(r":[0-9]{1,5}", port) and 0 < int(port[1:]) < 1 << 16):
        return "has no number from 1 to 65535 as its port", _ENCODED if "@" in rest else "write `HOST:PORT`"
    if not _is_host(host):
        return f"`{host[:80]}` is neither a host name nor an address", "write the host behind `//`, or behind the `@`"
    if path not in _JOINED and not _LOGIN.fullmatch(login):
        return "has a sign in user or password that ends them for those who read it", _ENCODED
    if path in _JOINED and (mark or set("?#") & set(rest)):
        return "has a query or a fragment, behind which no file can be named", "give the address of the folder alone"
    return None


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            IPv6Address(host[1:].removesuffix("]") if host.endswith("]") else "")
        elif re.fullmatch(r"[0-9.]+", host):
            IPv4Address(host)
        else:
            return _HOST.fullmatch(host) is not None
    except ValueError:
        return False
    return True
