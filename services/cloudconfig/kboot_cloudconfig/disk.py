"""A disk as its machine reports it from memory, so that an operator can name one. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

DISKS_AT_MOST = 128


class Disk(BaseModel):
    """What a machine says of one of its disks; text that it does not know is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(max_length=120)  # the kernel's, which may be another disk's at the next boot
    id: str = Field(default="", max_length=200)  # its path below /dev/disk/by-id/, the same at every boot
    model: str = Field(default="", max_length=120)
    serial: str = Field(default="", max_length=120)
    size_bytes: int = Field(ge=0, le=1 << 62)
    holds: str = Field(default="", max_length=200)  # file systems, arrays, labels; empty for an empty disk
