"""A machine's life under any order of what may happen to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig import guard, machine
from kboot_cloudconfig.machine import GRACE, Machine, Token
from kboot_clusterdesc import Mac, Phase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC = Mac("52:54:00:00:00:01")
HOME = IPv4Address("10.0.0.11")
OTHER = IPv4Address("10.0.0.12")

Step = Callable[[Machine, datetime], Machine]

STEPS: dict[str, Step] = {
    "lease": machine.got_lease,
    "boot": lambda m, now: machine.fetched_boot_script(m, "1.0.0", guard.sha256_of(f"boot {now.isoformat()}"), now),
    "installer": lambda m, now: machine.fetched_installer(m, guard.sha256_of(now.isoformat()), now) if m.armed else m,
    "config": lambda m, now: machine.fetched_config(m, HOME, now) if m.armed else m,
    "progress": lambda m, now: machine.wrote_to_disk(m, 1, 2, now) if m.armed else m,
    "installed": machine.finished_install,
    "running": lambda m, now: machine.booted_from_disk(m, None, None, now),
    "ready": machine.became_ready,
    "unready": lambda m, now: machine.became_unready(m, "why", now),
    "failed": lambda m, now: machine.failed(m, "why", now),
    "arm": machine.arm,
    "disarm": lambda m, now: machine.disarm(m),
}
walks = st.lists(st.sampled_from(sorted(STEPS)), max_size=30)


def walked(steps: list[str]) -> list[Machine]:
    """The machine after each step, one second apart."""
    states = [machine.declared(MAC, NOW)]
    for number, step in enumerate(steps):
        states.append(STEPS[step](states[-1], NOW + timedelta(seconds=number + 1)))
    return states


@given(walks)
def test_only_an_arming_arms_and_only_an_end_or_the_operator_disarms(steps: list[str]) -> None:
    states = walked(steps)
    for step, before, after in zip(steps, states, states[1:], strict=False):
        if after.armed and not before.armed:
            assert step == "arm"
        if before.armed and not after.armed:
            assert step in ("installed", "disarm")


@given(walks)
def test_a_disarmed_machine_is_never_given_secrets(steps: list[str]) -> None:
    for state in walked(steps):
        if not state.armed:
            ask = guard.Ask(True, HOME, "any")
            assert guard.refusal_of_secrets(ask, state, (HOME,), NOW) is guard.Refusal.NOT_ARMED
            shown = guard.InstallerAsk(HOME, "any", is_near=True)
            assert guard.refusal_of_install(shown, state, (HOME,), NOW) is guard.Refusal.NOT_ARMED
            assert state.boot is None


@given(walks)
def test_the_phase_is_always_among_its_times(steps: list[str]) -> None:
    for state in walked(steps):
        assert state.phase in state.phases
        assert state.since >= state.phases[state.phase]
        # A second failure, and a node that is not Ready any more: the machine itself told the phase before.
        assert state.since == state.phases[state.phase] or state.phase in (Phase.FAILED, Phase.RUNNING)


@given(walks)
def test_only_a_machine_that_runs_becomes_ready(steps: list[str]) -> None:
    states = walked(steps)
    for step, before, after in zip(steps, states, states[1:], strict=False):
        if step == "ready":
            assert (after.phase is Phase.READY) is (before.phase in (Phase.RUNNING, Phase.READY))
        if step == "unready":
            assert after.phase is (Phase.RUNNING if before.phase is Phase.READY else before.phase)


def test_a_node_config_that_is_fetched_again_changes_nothing() -> None:
    once = walked(["boot", "installer", "config"])[-1]
    assert machine.fetched_config(once, HOME, NOW + timedelta(seconds=60)) is once


def test_a_machine_that_is_not_ready_any_more_says_why_until_it_is_again() -> None:
    later = NOW + timedelta(seconds=60)
    ready = machine.became_ready(machine.booted_from_disk(machine.declared(MAC, NOW), None, None, NOW), NOW)
    lost = machine.became_unready(ready, "NodeStatusUnknown", later)
    assert (lost.phase, lost.since, lost.reason) == (Phase.RUNNING, later, "NodeStatusUnknown")
    assert machine.own_steps(lost) == [NOW], "it told nothing by that"
    back = machine.became_ready(lost, later)
    assert (back.phase, back.since, back.reason) == (Phase.READY, later, None)


def test_what_a_machine_said_of_its_last_boot_stands_until_it_is_installed_anew() -> None:
    told = machine.booted_from_disk(machine.declared(MAC, NOW), None, None, NOW, remark="its clock was set")
    armed = machine.arm(replace(told, armed=False), NOW)
    assert armed.remark == "its clock was set"
    assert machine.finished_install(armed, NOW).remark is None


def test_a_machine_stays_ready_since_it_became_so() -> None:
    ready = machine.became_ready(machine.booted_from_disk(machine.declared(MAC, NOW), None, None, NOW), NOW)
    assert machine.became_ready(ready, NOW + timedelta(seconds=5)) == ready
    assert machine.became_unready(machine.declared(MAC, NOW), "why", NOW) == machine.declared(MAC, NOW)


def armed_with(token: str, used_at: datetime | None = None) -> Machine:
    """An armed machine that was given a token."""
    made = machine.fetched_installer(machine.declared(MAC, NOW), guard.sha256_of(token), NOW)
    if used_at is None:
        return made
    return replace(made, token=Token(guard.sha256_of(token), used_at, HOME))


def test_the_grace_of_a_used_token_ends() -> None:
    used = armed_with("t", NOW)
    ask = guard.Ask(True, HOME, "t")
    assert guard.refusal_of_secrets(ask, used, (HOME,), NOW + GRACE) is None
    for late in (NOW + GRACE + timedelta(seconds=1), NOW - timedelta(days=1)):  # a clock that was set back
        assert guard.refusal_of_secrets(ask, used, (HOME,), late) is guard.Refusal.REPLAYED_TOKEN


def test_a_used_token_serves_no_other_address() -> None:
    ask = guard.Ask(True, OTHER, "t")
    moved = guard.refusal_of_secrets(ask, armed_with("t", NOW), (OTHER,), NOW)
    assert moved is guard.Refusal.REPLAYED_TOKEN


def test_a_token_that_was_never_ours_is_unknown() -> None:
    ask = guard.Ask(True, HOME, "made up")
    assert guard.refusal_of_secrets(ask, armed_with("t"), (HOME,), NOW) is guard.Refusal.UNKNOWN


def test_nobody_without_an_address_of_its_own_is_served() -> None:
    ask = guard.Ask(True, None, "t")
    assert guard.refusal_of_secrets(ask, armed_with("t"), (), NOW) is guard.Refusal.WRONG_ADDRESS
    nobody = guard.InstallerAsk(None, "any", is_near=False)
    assert guard.refusal_of_install(nobody, armed_with("t"), (), NOW) is guard.Refusal.WRONG_ADDRESS
