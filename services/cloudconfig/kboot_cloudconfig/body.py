"""What the bodies of requests have in common: nothing unknown, and each value of its own type. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)  # JSON has one kind of number: 18.0 is whole
Size = Annotated[int, Field(ge=0, le=1 << 62), WHOLE]  # bytes


class Body(BaseModel):
    """A body in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
