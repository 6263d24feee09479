"""The kinds of event: what `/v1/events` tells of machines, and what the updater notes of OS releases."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What happened beside a machine's entry into a phase, which is an event of that phase's name."""

    ACTION = "action"  # a person did something, by the page or the operator token; with `what` and `by`
    JOINED = "joined"  # an undeclared machine became a node, as a worker
    ANSWERS = "answers"  # a machine that was silent answers at its address again
    ARMED = "armed"  # the operator let the next network boot install the machine
    DISARMED = "disarmed"  # the operator, or a machine that runs, let the next network boot start from the disk
    FORGOTTEN = "forgotten"  # the operator had a machine forgotten that is not declared
    REFUSED = "refused"  # a caller was not given what it asked for; with `reason` and `path`
    RELEASE = "release"  # the updater noted something; `what` is a ReleaseEventKind
    ROLLOUT = "rollout"  # a rollout began, waits, halted or ended, or a machine had its turn; `what` says which
    SETTLED = "settled"  # the operator ended the doubt that a lost state had left
    SILENT = "silent"  # a machine that runs does not answer at its address any more: it is off, or out of reach
    STATE_LOST = "state-lost"  # the server began with no state, or with one that was damaged; with `reason`
    STEP = "step"  # a machine told how far its installer or its first boot has come
    UPDATE = "update"  # an installed machine reported how an update of its OS went


class ReleaseEventKind(StrEnum):
    """What happened to the OS releases in the store; those from FAILED on end a check without the wanted release."""

    MIRRORED = "mirrored"  # a release is here, whole and verified
    PAYLOAD = "payload"  # what updates installed machines to the release in force is here, whole and verified
    SWITCHED = "switched"  # another release is in force
    ROLLED_BACK = "rolled-back"  # an older release is in force, since the operator said so
    WENT_BACK = "went-back"  # the channel has an older release than the one in force, which stays
    PRUNED = "pruned"  # releases that nobody needs any more were removed
    KEY_EXPIRED = "key-expired"  # the release key has expired; what it signed before that stays good
    RECOVERED = "recovered"  # a check succeeds again
    FAILED = "failed"  # for a reason that has no kind of its own
    UNREACHABLE = "unreachable"  # the release server did not answer, or broke off
    NOT_THERE = "not-there"  # the release server has no such file
    NOT_THE_FILE = "not-the-file"  # something answered, but not with the file
    REFUSED = "refused"  # the release key did not sign the file as it is
    DISK_FULL = "disk-full"  # the store has no room for the release
    STOPPED = "stopped"  # the updater was told to end
