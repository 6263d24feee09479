"""The proxy of the site as a key of a description: the way out for what the bootstrapper itself fetches."""

from __future__ import annotations

from pydantic import Field
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

from .part import Part

_Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+/?$")]
_Host = Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")]


class SiteProxy(Part):
    """Which proxy is asked for http and for https, and for which hosts, domains and addresses none is."""

    http: _Url | None = None
    https: _Url | None = None
    no_proxy: tuple[_Host, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that programs know it by."""
        found = {"HTTP_PROXY": self.http, "HTTPS_PROXY": self.https, "NO_PROXY": ",".join(self.no_proxy)}
        return {name: value for name, value in found.items() if value}
