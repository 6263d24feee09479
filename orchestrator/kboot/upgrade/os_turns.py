"""Turns at a release of the OS, which an upgrade gives to single machines: each fetches, and reboots into it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from kboot_clusterdesc import Mac

from ..errors import NotYet
from ..host.waiting import looks
from ..running.cloudconfig_client import CloudConfigClient, JsonObject, Unreachable
from .hold import RolloutHold, Turn

_LOOK_EVERY_S = 3


@dataclass(frozen=True, slots=True)
class OsTurns:
    """The turns of the machines of one upgrade, which are given while `hold` has rollouts wait."""

    server: CloudConfigClient
    hold: RolloutHold
    timeout_s: float
    stop: Event  # the operator wants no further step: what is only waited for ends at once
    heard_s: float = 180  # an agent tells its first word within two minutes after its machine or the server started

    def fetch(self, name: str, mac: Mac, release: str) -> None:
        """Have a machine fetch the release into its other partition, while it works on; raise NotYet."""

        def is_over(machine: JsonObject, waited_s: float) -> bool:
            if machine["agent"] is None and waited_s > self.heard_s:
                raise NotYet(
                    f"the update agent of {name} has not been heard of for {waited_s:.0f} s",
                    "`kboot upgrade` without `--os` brings it to a machine that an older kboot installed",
                )
            return has_fetched(machine, release)

        self._wait(name, mac, Turn.FETCH, is_over, f"has not fetched {release}")

    def reboot(self, name: str, mac: Mac, release: str) -> None:
        """Have a machine reboot into the release that it fetched; raise NotYet where it does not come to it."""
        before = self._machine(mac)

        def is_over(machine: JsonObject, _: float) -> bool:
            if fell_back(before, machine, release):
                raise NotYet(
                    f"{name} came back with {machine['agent_version']}: {release} did not boot",
                    "`kboot upgrade` without `--os` takes the node into use again, with the release that it runs",
                )
            return bool(machine["version"] == release)

        self._wait(name, mac, Turn.REBOOT, is_over, f"does not run {release}")

    def _wait(self, name: str, mac: Mac, turn: Turn, is_over: Callable[[JsonObject, float], bool], lacks: str) -> None:
        """Give a machine its turn until it is over; a server that does not answer for a moment is asked again."""
        self.hold.give(mac, turn)
        try:
            said = ""
            for waited_s in looks(self.timeout_s, _LOOK_EVERY_S):
                if self.stop.is_set():
                    raise NotYet(f"{name} {lacks} yet", "")
                try:
                    machine = self._machine(mac)
                except Unreachable as error:
                    said = error.message
                    continue
                if is_over(machine, waited_s):
                    return
                said = state_in_words(machine)
            raise NotYet(
                f"{name} {lacks} after {self.timeout_s:.0f} s: {said}",
                f"`kboot node show {name}` has what its update client told",
            )
        finally:
            with suppress(Unreachable):  # it is told again within a minute
                self.hold.give(mac, None)

    def _machine(self, mac: Mac) -> JsonObject:
        machines: list[JsonObject] = self.server.get("/v1/rollout")["machines"]
        return next(each for each in machines if each["mac"] == mac)


def has_fetched(machine: JsonObject, release: str) -> bool:
    """Return whether a machine waits for its reboot into `release`, and not into one that it fetched before."""
    return bool(machine["agent"] == "needs-reboot" and machine["installed"] == release)


def fell_back(before: JsonObject, now: JsonObject, release: str) -> bool:
    """Return whether a machine has booted since `before`, and not into `release`, by the word of its update agent."""
    has_booted = None not in (before["boot"], now["boot"]) and before["boot"] != now["boot"]
    return bool(has_booted and now["agent_version"] == before["agent_version"] != release)


def state_in_words(machine: JsonObject) -> str:
    """Return what a machine runs, and what its update agent says."""
    said = f"it runs {machine['version']}, and its update agent says {machine['agent'] or 'nothing'}"
    return f"{said}; {machine['installed']} waits for its reboot" if machine["installed"] else said
