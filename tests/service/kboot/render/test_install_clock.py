"""By whose clock install.sh goes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kboot.pki.store.issue import new_authority
from service.kboot.render.sandbox import Sandbox

_DATE = """#!/bin/bash
case "$*" in *--set*) exec "$SANDBOX/bin/set-clock" "$@" ;; esac
exec /bin/date "$@"
"""
_CERTIFICATE = "cat >\"$work/ca.pem\" <<'CERTIFICATE'\n"


@pytest.mark.parametrize(("begun", "is_set"), [(2029, True), (2031, False), (1990, False)])
def test_a_bootstrapper_whose_certificates_do_not_hold_by_its_own_clock_sets_none(
    machine: Sandbox, begun: int, is_set: bool
) -> None:
    machine.disk("sda")
    folder = machine.folder / "bin"
    (folder / "set-clock").symlink_to((folder / "date").resolve())
    (folder / "date").unlink()
    (folder / "date").write_text(_DATE)
    (folder / "date").chmod(0o755)
    (folder / "openssl").symlink_to("/usr/bin/openssl")
    before, mark, after = machine.own_script().partition(_CERTIFICATE)
    authority = new_authority("a CA", datetime(begun, 1, 1, tzinfo=UTC)).certificate.decode()
    done = machine.run_text(before + mark + authority + after[after.index("CERTIFICATE\n") :])
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in machine.lines("done") if "set-clock" in line] == (
        ["set-clock --utc --set Wed, 01 May 2030 10:00:00 GMT"] if is_set else []
    )
    said = "the clock was left as it was: the bootstrapper's, Wed, 01 May 2030 10:00:00 GMT, is off"
    assert (said in done.stdout) is not is_set
