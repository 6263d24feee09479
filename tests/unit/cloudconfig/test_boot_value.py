"""The boot value of a boot script: whom it opens install.sh to, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig import guard, machine
from kboot_cloudconfig.guard import InstallerAsk, Refusal
from kboot_cloudconfig.machine import BOOT_AGAIN, BOOT_LIFE, BOOT_SAME, Machine
from kboot_cloudconfig.machine_record import as_json, from_json
from kboot_clusterdesc import Mac, Phase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC = Mac("52:54:00:00:00:01")
HOME = IPv4Address("10.0.0.11")
SECOND = IPv4Address("10.0.0.27")  # of the machine's other card
OTHER = IPv4Address("10.0.0.12")


def booted(*values: str) -> Machine:
    """A machine that fetched a boot script with each of these values, one second apart."""
    state = machine.declared(MAC, NOW)
    for number, value in enumerate(values):
        state = machine.fetched_boot_script(state, "1.0.0", guard.sha256_of(value), NOW + timedelta(seconds=number))
    return state


def refusal(
    state: Machine, boot: str | None, address: IPv4Address = SECOND, *, is_near: bool = True, now: datetime = NOW
) -> Refusal | None:
    return guard.refusal_of_install(InstallerAsk(address, boot, is_near), state, (HOME,), now)


def shown(state: Machine, token: str, address: IPv4Address) -> Machine:
    """The machine after `address` showed its boot value and was given `token`."""
    return machine.fetched_installer(state, guard.sha256_of(token), NOW, address)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.text())
def test_only_the_newest_value_opens_install_sh_to_another_address(given: list[str], asked: str) -> None:
    assert (refusal(booted(*given), asked) is None) is (asked == given[-1])


def test_the_value_is_good_from_another_card_and_needless_at_the_machines_own_address() -> None:
    assert refusal(booted("v"), "v") is None
    assert refusal(booted("v"), None) is Refusal.WRONG_ADDRESS
    for own in (None, "v", "an old one"):
        assert refusal(booted("v"), own, HOME) is None


def test_the_value_is_void_after_its_life_and_outside_of_the_subnet() -> None:
    assert refusal(booted("v"), "v", now=NOW + BOOT_LIFE) is None
    assert refusal(booted("v"), "v", now=NOW + BOOT_LIFE + timedelta(seconds=1)) is Refusal.VOID_BOOT_VALUE
    assert refusal(booted("v"), "v", now=NOW - 2 * BOOT_LIFE) is Refusal.VOID_BOOT_VALUE, "a clock that was set back"
    assert refusal(booted("v"), "v", is_near=False) is Refusal.WRONG_ADDRESS


def test_a_boot_anew_begins_its_phase_anew_and_a_question_repeated_does_not() -> None:
    first = booted("v")
    again = machine.fetched_boot_script(first, "1.0.0", "w", NOW + BOOT_AGAIN)
    assert again.since == first.since
    anew = machine.fetched_boot_script(first, "1.0.0", "w", NOW + 2 * BOOT_AGAIN)
    assert (anew.since, anew.phase) == (NOW + 2 * BOOT_AGAIN, Phase.BOOTING)


def test_the_same_value_is_given_again_for_a_while_to_a_machine_to_which_nothing_else_happened() -> None:
    def again(state: Machine, release: str = "1.0.0", value: str = "v", after: timedelta = BOOT_SAME) -> bool:
        return machine.has_boot_value(state, release, guard.sha256_of(value), NOW + after)

    first = booted("v")
    assert again(first)
    assert not again(first, after=BOOT_SAME + timedelta(seconds=1))
    assert not again(first, after=-timedelta(seconds=1)), "the clock was set back"
    assert not again(first, release="2.0.0")
    assert not again(first, value="w")
    assert not again(shown(first, "t", SECOND))
    assert not again(machine.fetched_installer(first, guard.sha256_of("t"), NOW)), "it is past its boot"
    assert not again(machine.was_refused(first, "why"))
    assert not again(machine.arm(machine.disarm(first), NOW))
    assert not again(machine.failed(first, "why", NOW))


def test_a_machine_that_asks_all_the_time_is_in_one_boot() -> None:
    assert BOOT_SAME < BOOT_AGAIN / 2  # a new value is a write, and what is written last says whether it is a boot anew


def test_who_showed_the_value_first_keeps_it() -> None:
    state = shown(booted("v"), "t", SECOND)
    assert refusal(state, "v", SECOND) is None
    assert refusal(state, "v", OTHER) is Refusal.REPLAYED_BOOT_VALUE
    assert refusal(booted("v", "w"), "w", OTHER) is None


def test_an_end_of_the_install_voids_the_value() -> None:
    for ended in (machine.finished_install(booted("v"), NOW), machine.disarm(booted("v"))):
        assert refusal(machine.arm(ended, NOW), "v") is Refusal.VOID_BOOT_VALUE


def test_the_secrets_go_to_the_machines_own_address_and_to_the_one_that_showed_the_value() -> None:
    at_home, elsewhere = shown(booted("v"), "t", HOME), shown(booted("v"), "t", SECOND)
    for state, may in ((at_home, {HOME}), (elsewhere, {HOME, SECOND}), (shown(elsewhere, "t", HOME), {HOME})):
        for address in (HOME, SECOND, OTHER):
            refused = guard.refusal_of_secrets(guard.Ask(True, address, "t"), state, (HOME,), NOW)
            assert refused is (None if address in may else Refusal.WRONG_ADDRESS)


def test_a_value_that_another_address_showed_before_the_machine_itself_is_noticed() -> None:
    def before(state: Machine, own: tuple[IPv4Address, ...] = (HOME,), boot: str = "v") -> IPv4Address | None:
        return guard.shown_before(InstallerAsk(HOME, boot, True), state, own, NOW)

    taken = shown(booted("v"), "t", OTHER)
    assert before(taken) == OTHER
    assert before(taken, boot="w") is None
    assert before(taken, own=(HOME, OTHER)) is None
    assert before(booted("v")) is before(shown(booted("v"), "t", HOME)) is None


def test_who_used_at_the_machines_own_address_what_it_was_given_elsewhere_is_the_machine() -> None:
    def before(state: Machine) -> IPv4Address | None:
        return guard.shown_before(InstallerAsk(HOME, "v", True), state, (HOME,), NOW)

    elsewhere = shown(booted("v"), "t", SECOND)
    proven = machine.proved_itself(elsewhere, guard.sha256_of("t"))
    assert (before(proven), from_json(as_json(proven))) == (None, proven)
    for token in ("an old one", ""):
        assert before(machine.proved_itself(elsewhere, guard.sha256_of(token))) == SECOND
    assert before(shown(proven, "u", OTHER)) == OTHER


def test_the_machines_own_address_takes_the_value_back() -> None:
    state = shown(shown(booted("v"), "t", OTHER), "u", HOME)
    assert refusal(state, "v", OTHER) is Refusal.REPLAYED_BOOT_VALUE
    assert refusal(state, "v", HOME) is None


def test_a_machine_comes_back_from_its_record_as_it_was() -> None:
    for state in (booted(), booted("v"), shown(booted("v"), "t", SECOND)):
        assert from_json(as_json(state)) == state


def test_a_boot_value_in_a_record_of_an_older_kboot_is_proven_by_nobody() -> None:
    state = machine.proved_itself(shown(booted("v"), "t", SECOND), guard.sha256_of("t"))
    record = as_json(state)
    del record["boot"]["is_proven"]
    assert from_json(record) == shown(booted("v"), "t", SECOND)


def test_a_record_of_an_older_kboot_is_a_machine_without_a_boot_value() -> None:
    state = machine.fetched_config(machine.fetched_installer(booted("v"), guard.sha256_of("t"), NOW), HOME, NOW)
    record = as_json(state)
    del record["boot"]
    old = from_json(record)
    assert (old.boot, refusal(old, "v")) == (None, Refusal.VOID_BOOT_VALUE)
    assert guard.refusal_of_secrets(guard.Ask(True, HOME, "t"), old, (HOME,), NOW) is None
