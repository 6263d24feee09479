"""The key `notify` of a description: who is told of events by an HTTP request."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

from .part import Part

Url = Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+([/?]\S*)?$")]
ReceiverName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$")]


class Receiver(Part):
    """One who is told: where, of which kinds of events (all where none is named), and what vouches for whom."""

    url: Url
    name: ReceiverName | None = None
    events: tuple[str, ...] = ()
    secret: str  # a file beside the description: what signs the requests
    ca: str | None = None  # a file beside it: the authorities of the receiver's certificate

    @property
    def label(self) -> str:
        """What it is called: its name, else the host of its URL."""
        return self.name or (urlsplit(self.url).hostname or "receiver")


def secret_file(label: str) -> str:
    """Return the name of the file in `tls/cloudconfig/` with the secret of a receiver."""
    return f"notify-{label}.secret"


def authorities_file(label: str) -> str:
    """Return the name of the file in `tls/cloudconfig/` with the authorities of a receiver."""
    return f"notify-{label}.pem"
