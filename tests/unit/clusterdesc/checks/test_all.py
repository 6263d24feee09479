"""All checks together."""

from __future__ import annotations

from unit.clusterdesc.sample import (
    SAMPLE,
    accepted,
)


def test_the_sample_has_no_problem() -> None:
    accepted(SAMPLE)
