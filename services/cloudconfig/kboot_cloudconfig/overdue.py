"""Judges whether a machine has been in its phase for longer than that can last, and says what to try. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from kboot_clusterdesc import Phase

SLOW = 3  # how much longer everything may take with `timing: slow`

# The longest that each phase lasts, in minutes, in a rack that boots at once over one line, and what to try after that.
# `waiting` may last for ever, for a machine that is off; `failed` has its reason.
_LIMITS = {
    Phase.LEASED: (
        10,
        "it has an address and has not asked for its boot script: switch it on with the network first; "
        "`no-loader` in the log of dnsmasq: kboot has none for its firmware",
    ),
    Phase.BOOTING: (20, "it has not asked for install.sh: look at its console and its cables, switch it off and on"),
    Phase.INSTALLING: (15, "install.sh has not fetched the node config: look at its console, switch it off and on"),
    Phase.CONFIGURED: (60, "its disk is not written: look at its console and at the network, switch it off and on"),
    Phase.INSTALLED: (15, "it has not told that it runs: see on its console what it boots from, and whether that ends"),
    Phase.RUNNING: (20, "its node is not Ready: log in, and read what kubelet and containerd say"),
}
BOOTS = 4  # of one install that are nothing to speak of
_AGAIN = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)
_NEED_ARMING = (Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)


def overdue(
    phase: Phase,
    since: datetime,
    now: datetime,
    *,
    is_armed: bool,
    becomes_ready: bool,
    is_slow: bool = False,
    boots: int = 0,
) -> str | None:
    """Return what to try where a machine is in `phase` for longer than it lasts; None where it is not.

    `becomes_ready` says whether a machine that runs has a Kubernetes node, `boots` how often it booted for this
    install: each begins its phase anew. The sentence stays the same as time passes.
    """
    if is_armed and phase in _AGAIN and boots > BOOTS:
        return f"booted more than {BOOTS} times and not installed yet: look at its console from one boot to the next"
    if (
        phase not in _LIMITS
        or (phase in _NEED_ARMING and not is_armed)
        or (phase is Phase.RUNNING and not becomes_ready)
    ):
        return None
    minutes, words = _LIMITS[phase]
    limit_minutes = minutes * (SLOW if is_slow else 1)
    if abs(now - since) <= timedelta(minutes=limit_minutes):  # a clock that was set back hides nothing for years
        return None
    return f"{phase} for more than {limit_minutes} minutes: {words}"
