"""How long a code and a login are good, how many are kept, and how often who guesses is heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest

from kboot_cloudconfig.guard import sha256_of
from kboot_cloudconfig.login import (
    CODE_LENGTH,
    CODE_LETTERS,
    CODE_LIFE,
    KEPT_AT_MOST,
    LOGIN_LIFE,
    WRONG_CODES_AT_MOST,
    WRONG_CODES_EACH,
    Key,
    Kind,
    WrongCodes,
    code_in_groups,
    code_of,
    form_word,
    found,
    is_form_word,
    with_key,
    without,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE, THERE = IPv4Address("10.0.0.11"), IPv4Address("10.0.0.12")
_SECOND = timedelta(seconds=1)


def _key(name: str = "a", kind: Kind = Kind.LOGIN, made: datetime = NOW) -> Key:
    return Key(sha256_of(name), kind, made, "operator")


@pytest.mark.parametrize(("kind", "life"), [(Kind.CODE, CODE_LIFE), (Kind.LOGIN, LOGIN_LIFE)])
def test_a_key_is_good_until_its_end_also_where_the_clock_was_set_back(kind: Kind, life: timedelta) -> None:
    key = _key(kind=kind)
    assert key.end == NOW + life
    assert key.is_good("operator", NOW + life - _SECOND)
    assert not key.is_good("operator", NOW + life)
    assert not key.is_good("operator", NOW - life)
    assert not key.is_good("another", NOW)
    assert not key.is_good(None, NOW)


def test_a_key_is_found_by_its_secret_among_those_of_its_kind() -> None:
    keys = (_key("a"), _key("b", Kind.CODE), _key("c", made=NOW - LOGIN_LIFE))
    assert found(keys, Kind.LOGIN, "a", "operator", NOW) == keys[0]
    for kind, secret in ((Kind.CODE, "a"), (Kind.LOGIN, "b"), (Kind.LOGIN, "c"), (Kind.LOGIN, keys[0].sha256)):
        assert found(keys, kind, secret, "operator", NOW) is None
    assert without(keys, keys[1]) == (keys[0], keys[2])


def test_the_newest_keys_are_kept_and_none_that_has_ended() -> None:
    keys: tuple[Key, ...] = (_key("old", made=NOW - LOGIN_LIFE),)
    for number in range(KEPT_AT_MOST + 10):
        keys = with_key(keys, _key(str(number)), NOW)
    assert [key.sha256 for key in keys] == [sha256_of(str(number)) for number in range(10, KEPT_AT_MOST + 10)]


def test_a_code_is_read_as_people_type_it() -> None:
    code = CODE_LETTERS[:CODE_LENGTH]
    assert code_in_groups(code) == "ABCD-EFGH-JKLM-NPQR-STUV"
    for typed in (code, code_in_groups(code), f"  {code_in_groups(code).lower()}\n"):
        assert code_of(typed) == code


def test_a_form_says_the_word_of_its_own_login_alone() -> None:
    assert is_form_word(form_word("secret"), "secret")
    for said in ("", "secret", sha256_of("secret"), form_word("other")):
        assert not is_form_word(said, "secret")


def test_who_guesses_is_heard_again_after_a_minute_and_others_are_heard_all_the_while() -> None:
    wrong = WrongCodes()
    for _ in range(WRONG_CODES_AT_MOST):
        assert wrong.is_heard(HERE, NOW)
        wrong.note(HERE, NOW)
    assert not wrong.is_heard(HERE, NOW + WRONG_CODES_EACH - _SECOND)
    assert wrong.is_heard(THERE, NOW)
    assert wrong.is_heard(HERE, NOW + WRONG_CODES_EACH)


def test_thousands_of_addresses_that_guess_fill_no_memory() -> None:
    wrong, heard = WrongCodes(), 0
    for number in range(5000):
        address = IPv4Address(number)
        if wrong.is_heard(address, NOW):
            wrong.note(address, NOW)
            heard += 1
    assert heard == 500
    assert wrong.is_heard(IPv4Address(4999), NOW + WRONG_CODES_EACH)
