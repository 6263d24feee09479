"""The steps of an update of a machine's OS. Pure."""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """A step of an update."""

    OFFERED = "offered"  # it was answered that it may take a release
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    INSTALLED = "installed"  # to its other partition: it waits for its reboot
    DROPPED = "dropped"  # what was installed is not booted: the machine was told to fetch another release in its place
    BOOTED = "booted"  # it runs the new release
    FAILED = "failed"
    DEFERRED = "deferred"  # it will try again later
    ROLLED_BACK = "rolled-back"  # it runs the release before again
