"""Where a machine stands, for the picture of the racks."""

from __future__ import annotations

import operator

from pydantic import Field

from .part import Part
from .types import RackName


class RackPlace(Part):
    """A rack and a unit of it; neither changes what the machine is given."""

    rack: RackName | None = Field(default=None, exclude_if=operator.not_)
    unit: int | None = Field(default=None, ge=1, le=100, exclude_if=operator.not_)
