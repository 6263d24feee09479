"""What kboot knows of a cluster and its services do not: `config/summary.json`, for their page. Pure."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # another kboot may say more


class CertificateEnd(_Part):
    """When the first of the certificates of one name ends."""

    name: str
    owner: str  # of that one
    ends: datetime
    count: int  # how many have this name, of different machines


class NeededImage(_Part):
    """An image that machines pull, and whether the registry has it."""

    reference: str
    is_here: bool


class ServiceImage(_Part):
    """A service and the image that it runs."""

    name: str
    image: str


class Summary(_Part):
    """The whole of it, as it was at `made`."""

    made: datetime
    kboot: str = ""  # the version of the kboot that wrote it
    certificates: tuple[CertificateEnd, ...] = ()
    images: tuple[NeededImage, ...] = ()
    services: tuple[ServiceImage, ...] = ()
