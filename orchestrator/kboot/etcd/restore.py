"""Puts every etcd member back to one snapshot, by ssh. Each step may be repeated: what is done stays done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import KbootError
from ..host.progress import Progress
from ..host.waiting import looks
from ..running.cluster_health import Health, PartHealth
from ..running.ssh import Remote

_ETCD, _API_SERVER = "/opt/bin/kboot-etcd", "/opt/bin/kboot-api-server"
_SYSTEMCTL = "systemctl"
_FULL = "NOSPACE"  # as etcd calls the alarm of a full database
_LONG_S = 3600  # a snapshot of some gigabytes to a slow disk

Members = Callable[[], Sequence[PartHealth]]  # how the members are at this moment


def restore(
    file: Path,
    members: Sequence[Remote],
    control_planes: Sequence[Remote],
    health: Members,
    progress: Progress,
    timeout_s: float,
) -> None:
    """Put etcd back to the whole snapshot in `file`, with the API servers stopped meanwhile.

    Nothing is touched unless every machine can take part. Raises KbootError with the steps done so far.
    """
    _check(members, control_planes, progress)
    so_far = _SoFar(progress)
    # before etcd: an API server that goes on would take its memory for the truth once etcd is back
    so_far.run("the API server is stopped", control_planes, [_API_SERVER, "stop"])
    so_far.run("etcd is stopped", members, [_SYSTEMCTL, "stop", "etcd.service"])
    so_far.run("the snapshot is restored", members, [_ETCD, "restore", "-"], given=file)
    # not waited for: a member is not up before a second one is
    so_far.run("etcd is started", members, [_SYSTEMCTL, "start", "--no-block", "etcd.service"])
    so_far.wait(health, timeout_s, members[0])
    so_far.run("the API server is given back to the kubelet", control_planes, [_API_SERVER, "start"])


def _check(members: Sequence[Remote], control_planes: Sequence[Remote], progress: Progress) -> None:
    """Raise KbootError unless each machine is reached and has what it needs for its part."""
    try:
        for machine in control_planes:
            machine.run([_API_SERVER, "status"])
        for machine in members:
            machine.run([_ETCD, "pull"])  # its image is not to be missing later
    except KbootError as error:
        raise type(error)(f"{error.message}; this run changed nothing", error.hint) from error
    names = dict.fromkeys(machine.name for machine in [*control_planes, *members])
    progress.say(f"reached: {', '.join(names)}")


class _SoFar:
    """The steps of a restore that are done so far; a step that fails is reported with them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done: list[tuple[str, list[str]]] = []

    def run(
        self, result: str, machines: Sequence[Remote], command: Sequence[str], *, given: Path | None = None
    ) -> None:
        """Run `command` on each machine with the file `given` as its input; `result` tells people what that reaches."""
        names: list[str] = []
        self._done.append((result, names))
        for machine in machines:
            with self._told():
                _run(machine, command, given)
            names.append(machine.name)
            self._progress.state(machine.name, result)

    def wait(self, health: Members, timeout_s: float, machine: Remote) -> None:
        """Wait until every etcd member is healthy; raise KbootError after `timeout_s`.

        A snapshot of a full database has its alarm, too: the member on `machine` then frees all of them, once.
        """
        ill: list[str] = []
        is_freed = False
        with self._told():
            for _ in looks(timeout_s, 2):
                members = tuple(health())
                for part, words in Health(etcd=members).in_words().items():
                    self._progress.state(part, words)
                ill = [f"{member.name} {member.reason}" for member in members if not member.is_well]
                if not ill:
                    return
                if not is_freed and all(_FULL in each for each in ill):
                    is_freed = True
                    self._progress.say(f"{machine.name}: the snapshot is of a full database, which is freed")
                    machine.run([_ETCD, "defrag"], timeout_s=_LONG_S)
            raise KbootError(
                f"etcd is not healthy after {timeout_s:.0f} s: {'; '.join(ill)}",
                "read `journalctl -u etcd` there; `--timeout` gives it longer",
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Add the steps done so far to a KbootError of the block; print them on Ctrl-C."""
        done = [f"{result} on {', '.join(names)}" for result, names in self._done if names]
        standing = f"so far: {'; '.join(done) or 'no step is done'}"
        try:
            yield
        except KbootError as error:
            again = "run the same command again: it goes on, with what is done already too"
            hint = f"{error.hint}; then {again}" if error.hint else again
            raise KbootError(f"{error.message}\n  {standing}", hint) from error
        except KeyboardInterrupt:
            self._progress.say(standing)
            raise


def _run(machine: Remote, command: Sequence[str], given: Path | None) -> None:
    if given is None:
        machine.run(command)
        return
    try:
        with given.open("rb") as stream:
            machine.run(command, given=stream, timeout_s=_LONG_S)
    except OSError as error:
        raise KbootError(f"{given}: cannot be read: {error.strerror}") from error
