"""While an upgrade works on the machines, or an apply on one, rollouts of the OS wait; it may give turns itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event, Lock, Thread

from kboot_clusterdesc import Mac

from ..errors import KbootError, NotYet
from ..host.waiting import looks
from ..running.cloudconfig_client import CloudConfigClient

BY = "`kboot upgrade`"
_LOOK_EVERY_S = 3
_AGAIN_S = 60  # the server lets go five minutes after it last heard of it
_REFUSED = " answers 409 "
PAUSE = "`kboot os rollout status` shows what it does; `kboot os rollout pause`, then run this again"


class HoldLost(NotYet):
    """Rollouts do not wait any more for what held them, so it may take no machine down."""

    def __init__(self, by: str, reason: str, hint: str) -> None:
        super().__init__(f"rollouts do not wait for {by} any more: {reason}", hint)


class Turn(StrEnum):
    """What a machine may do whose turn it is."""

    FETCH = "fetch"
    REBOOT = "reboot"


@dataclass
class RolloutHold:
    """A hold that stands; `give` has machines fetch `release`, or reboot into it.

    Its key is that of every upgrade of this cluster, of which the lock of its folder lets one run at a time: one that
    was killed leaves a hold for some minutes, which the next one takes up.
    """

    server: CloudConfigClient
    release: str | None = None  # of the OS; what comes into force meanwhile is no matter of this upgrade
    turns: dict[str, Turn] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    lost: str | None = None  # why it stands no more, once the server said so: then it is never taken again
    by: str = BY  # what people are told that rollouts wait for
    hint: str = PAUSE  # the way out where a rollout is under way

    def tell(self, *, ends: bool = False) -> None:
        """Tell the server that the hold stands, with the turns that it gives, or that it ends; raise HoldLost."""
        with self.lock:
            if self.lost is not None:
                raise self.lost_for(self.lost)
            turns: Mapping[str, Turn] = {} if ends else dict(self.turns)
            body = {"by": self.by, "key": self.server.key_for(BY), "turns": turns, "ends": ends}
            if self.release is not None:
                body["release"] = self.release
            try:
                self.server.post("/v1/rollout/hold", body)
            except KbootError as error:
                if _REFUSED not in error.message:
                    raise
                self.lost = error.message.partition(_REFUSED)[2]
                raise self.lost_for(self.lost) from error

    def lost_for(self, reason: str) -> HoldLost:
        """Return what says that this hold is lost."""
        return HoldLost(self.by, reason, self.hint)

    def give(self, mac: Mac, turn: Turn | None) -> None:
        """Give a machine its turn; None takes it back."""
        with self.lock:
            if turn is None:
                self.turns.pop(str(mac), None)
            else:
                self.turns[str(mac)] = turn
        self.tell()


@contextmanager
def rollouts_held(
    server: CloudConfigClient,
    say: Callable[[str], None],
    stop: Event,
    *,
    by: str = BY,
    hint: str = PAUSE,
    release: str | None = None,
    again_s: float = _AGAIN_S,
) -> Iterator[RolloutHold]:
    """Have rollouts wait as long as this lasts; raise NotYet where one is under way, with `hint` as the way out.

    Where the server lets go of it meanwhile, `stop` is set, and HoldLost raised in place of what ends the work.
    """
    hold = RolloutHold(server, release, by=by, hint=hint)
    try:
        hold.tell()
    except HoldLost as error:
        raise NotYet(f"nothing was touched: {hold.lost}", error.hint) from error
    ended = Event()

    def renew() -> None:
        while not ended.wait(again_s):
            try:
                hold.tell()
            except HoldLost as error:
                say(error.message)
                stop.set()
                return
            except KbootError as error:
                say(f"rollouts wait for five minutes at most: {error.message}")

    renewing = Thread(target=renew, daemon=True, name="rollout-hold")
    renewing.start()
    try:
        yield hold
    except KbootError as error:
        if hold.lost is None or isinstance(error, HoldLost):
            raise
        raise hold.lost_for(f"{hold.lost}; {error.message}") from error
    finally:
        ended.set()
        renewing.join()
        _end(hold, say)


def _end(hold: RolloutHold, say: Callable[[str], None]) -> None:
    if hold.lost is not None:
        return
    try:
        hold.tell(ends=True)
    except KbootError as error:
        say(f"rollouts wait for five minutes more: {error.message}")


def refuse_trouble(server: CloudConfigClient, besides: str, timeout_s: float = 60) -> None:
    """Raise NotYet where etcd, the API servers, other machines or the operator's checks keep machines up for so long.

    The node `besides` need not be well: it may be what is to be mended. Nor need those that bear an upgrade's mark.
    """
    trouble: str | None = None
    for _ in looks(timeout_s, _LOOK_EVERY_S):  # the server looks at the API every few seconds
        trouble = server.post("/v1/rollout/gate", {"besides": besides})["trouble"]
        if not trouble:
            return
    raise NotYet(str(trouble), "no machine is taken down while that lasts (docs/updates.md: The gate)")
