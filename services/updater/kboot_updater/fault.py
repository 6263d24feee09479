"""The faults of a check, one class for each way to go on after it."""

from __future__ import annotations

from kboot_clusterdesc.event_kind import ReleaseEventKind


class UpdaterFault(Exception):
    """Base of all faults of the updater; `kind` names the event, the text says what was found and what repairs it."""

    kind = ReleaseEventKind.FAILED


class Unreachable(UpdaterFault):
    """The release server did not answer, or broke off: worth another try soon."""

    kind = ReleaseEventKind.UNREACHABLE


class NotThere(UpdaterFault):
    """The server has no such file: perhaps not yet."""

    kind = ReleaseEventKind.NOT_THERE


class NotTheFile(UpdaterFault):
    """The answer is not the file: a web page, an empty or too long one, or one that does not say how long it is."""

    kind = ReleaseEventKind.NOT_THE_FILE


class SignatureRefused(UpdaterFault):
    """A file is not what the release key signed."""

    kind = ReleaseEventKind.REFUSED


class NewerKeyNeeded(SignatureRefused):
    """The key at hand cannot vouch for the file; a newer edition of the same key might."""


class DiskFull(UpdaterFault):
    """The store has no room for the release."""

    kind = ReleaseEventKind.DISK_FULL


class Stopped(UpdaterFault):
    """The service was told to end."""

    kind = ReleaseEventKind.STOPPED
