"""The numbers of releases: their addresses at the server, their order, and which are kept. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from kboot_clusterdesc import family_of
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.os_release import is_version, version_order

Auth = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ReleaseServer:
    """The server of one channel and board. `url` holds no credentials, so it may be shown."""

    url: str
    auth: Auth | None

    def file(self, version: str, name: str) -> str:
        """Return the address of a file of the release `version`, a number or `current`."""
        return f"{self.url}/{version}/{name}"


def release_server(os: Os) -> ReleaseServer:
    """Return the description's server of releases: channel and board filled in, user and password taken out."""
    return _server(os.release_url or family_of(os.family).release_url, os)


def payload_server(os: Os) -> ReleaseServer:
    """Return the server of the update payloads: a mirror that is given for releases is taken for these, too."""
    names = family_of(os.family)
    return _server(os.update.payload_url or os.release_url or names.payload_url or names.release_url, os)


def _server(template: str, os: Os) -> ReleaseServer:
    scheme, _, rest = template.partition("://")
    host, slash, path = rest.partition("/")
    userinfo, at, host = host.rpartition("@")
    # Not str.format(), which would take other braces of a URL for fields too.
    where = (host + slash + path).replace("{channel}", os.channel).replace("{board}", os.board)
    user, _, password = userinfo.partition(":")
    auth = (unquote(user), unquote(password)) if at else None
    return ReleaseServer(f"{scheme}://{where.rstrip('/')}", auth)


def version_in(text: str, key: str) -> str:
    """Return the number that a version.txt gives at `key`, such as `FLATCAR_VERSION`; raises ValueError without one."""
    for line in text.splitlines():
        name, _, value = line.strip().partition("=")
        if name == key:
            version = value.strip().strip("\"'")
            if not is_version(version):
                raise ValueError(f"{key} is `{version[:60]}`, not a release number such as 3975.2.0")
            return version
    raise ValueError(f"it has no {key}")


def versions_to_prune(versions: Iterable[str], keep: int, in_use: Collection[str]) -> list[str]:
    """Return the oldest releases, so many that `keep` are left, and none that is in use."""
    newest_first = sorted(versions, key=version_order, reverse=True)
    kept = {version for version in newest_first if version in in_use}
    for version in newest_first:
        if len(kept) < keep:
            kept.add(version)
    return [version for version in newest_first if version not in kept]
