"""What is sent for the time, and what an answer says of the server."""

from __future__ import annotations

import pytest

from kboot_cloudconfig.page.time_query import fault_of, time_question

STAMP = b"12345678"
NO_ANSWER, UNKNOWING = "what came is no answer of a time server", "it says that it does not know the time"


def _answer(leap: int = 0, mode: int = 4, stratum: int = 10, stamp: bytes = STAMP) -> bytes:
    return bytes([leap << 6 | 4 << 3 | mode, stratum]) + bytes(22) + stamp + bytes(16)


def test_a_question_is_that_of_a_client_of_version_4() -> None:
    assert time_question(STAMP) == bytes([0x23]) + bytes(39) + STAMP


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_answer(), None),
        (_answer(stratum=1), None),
        (_answer(leap=1, stratum=15), None),
        (_answer(leap=3), UNKNOWING),
        (_answer(stratum=0), UNKNOWING),
        (_answer(stratum=16), UNKNOWING),
        (_answer(mode=3), NO_ANSWER),
        (_answer(stamp=bytes(8)), NO_ANSWER),
        (_answer()[:47], NO_ANSWER),
        (b"", NO_ANSWER),
    ],
)
def test_an_answer_is_judged_as_a_machine_would(answer: bytes, fault: str | None) -> None:
    assert fault_of(answer, STAMP) == fault
