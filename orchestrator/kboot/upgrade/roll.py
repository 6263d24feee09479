"""The order of the steps on each node, and in which state a stop leaves a node. live.py does the steps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Protocol

from ..errors import ExitCode, KbootError, NotYet
from ..host.waiting import looks
from .plan import Plan, Work

AGAIN = "`kboot upgrade` goes on from here"
_LOOK_EVERY_S = 3


class Interrupted(KbootError):
    """The operator stopped the upgrade."""

    exit_code = ExitCode.INTERRUPTED


class NodeSteps(Protocol):
    """The cluster's machines and nodes; each method is one step that may be done twice."""

    def begin(self, work: Work) -> None:
        """Mark the node as cordoned by us, unless the operator cordoned it."""

    def drain(self, work: Work) -> None:
        """Cordon the node and move its pods."""

    def apply(self, work: Work) -> None:
        """Bring the node's machine to the node config in force."""

    def fetch(self, work: Work) -> None:
        """Have the node's machine fetch the release of the OS, while it works on."""

    def reboot(self, work: Work) -> None:
        """Have the node's machine reboot into the release, and return when it tells that it runs it."""

    def trouble(self, work: Work) -> str | None:
        """Return why the node is not well yet with its new config; None when it is."""

    def end(self, work: Work) -> None:
        """Uncordon the node if its mark says that we cordoned it, and drop the mark."""


def roll(plan: Plan, nodes: NodeSteps, say: Callable[[str], None], *, stop: Event, timeout_s: float) -> list[str]:
    """Upgrade the plan's batches one after the other; return the names of the nodes done, in order.

    The first node in trouble stops the upgrade, once the others of its batch have ended too. Raises KbootError with
    the node, the step and what is known.
    """
    done: list[str] = []
    for batch in plan.batches:
        with ThreadPoolExecutor(len(batch)) as pool:
            running = [pool.submit(_upgrade, work, nodes, say, stop, timeout_s) for work in batch]
        failures = [error for future in running if (error := future.exception()) is not None]
        for error in failures[1:]:
            say(str(error))
        if failures:
            raise failures[0]
        done += [work.name for work in batch]
    return done


def _upgrade(work: Work, nodes: NodeSteps, say: Callable[[str], None], stop: Event, timeout_s: float) -> None:
    def step(name: str, act: Callable[[], None]) -> None:
        if stop.is_set():
            raise Interrupted(f"stopped before step `{name}` of {work.name}", AGAIN)
        say(f"{work.name}: {name}")
        try:
            act()
        except KbootError as error:
            if stop.is_set():
                raise Interrupted(f"stopped in step `{name}` of {work.name}", AGAIN) from error
            raise _stopped(work, name, error) from error

    def wait() -> None:
        last: str | None = None
        for _ in looks(timeout_s, _LOOK_EVERY_S):
            if stop.is_set():
                raise Interrupted(f"stopped in step `wait` of {work.name}", AGAIN)
            seen, last = last, nodes.trouble(work)
            if last is None:
                return
            if last != seen:
                say(f"{work.name}: {last}")
        raise NotYet(f"not well after {timeout_s:.0f} s: {last}", f"see to that; {AGAIN}")

    if work.release is not None:
        step("fetch", lambda: nodes.fetch(work))
    if work.applies or work.release is not None:
        step("begin", lambda: nodes.begin(work))
        if work.drains:
            step("drain", lambda: nodes.drain(work))
    if work.applies:
        step("apply", lambda: nodes.apply(work))
    if work.release is not None:
        step("reboot", lambda: nodes.reboot(work))
    step("wait", wait)
    step("end", lambda: nodes.end(work))
    say(f"{work.name}: done")


def _stopped(work: Work, step: str, error: KbootError) -> KbootError:
    stopped = KbootError(f"stopped at {work.name}, step `{step}`: {error.message}", error.hint or AGAIN)
    if AGAIN not in stopped.hint:
        stopped.hint = f"{stopped.hint}; {AGAIN}"
    stopped.exit_code = error.exit_code
    return stopped
