"""Units of this machine's systemd: written and enabled, found, taken away; also where no systemd runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..errors import KbootError, last_line
from .files import failed, sync_folder, write_file

UNITS = Path("/etc/systemd/system")
_RUNS = Path("/run/systemd/system")  # sd_booted(3)
_WANTS = "multi-user.target.wants"  # the links of units with `WantedBy=multi-user.target`, as systemctl(1) makes them


def runs() -> bool:
    """Return whether systemd is this machine's init."""
    return _RUNS.is_dir()


def enabled_unit(name: str, units: Path = UNITS) -> bytes | None:
    """Return the content of the unit `name`; None where it is not there, or nothing starts it at a boot."""
    if not (units / _WANTS / name).is_symlink():
        return None
    return unit(name, units)


def unit(name: str, units: Path = UNITS) -> bytes | None:
    """Return the content of the unit `name`; None where it is not there, or is no file."""
    try:
        return (units / name).read_bytes()
    except OSError:
        return None


def unit_names(pattern: str, units: Path = UNITS) -> list[str]:
    """Return the names of the units that fit a pattern of the shell, enabled or not."""
    found = {path.name for folder in (units, units / _WANTS) for path in folder.glob(pattern)}
    return sorted(found)


def enable_unit(name: str, content: bytes, units: Path = UNITS) -> None:
    """Write a unit, and have it started at each boot from now on."""
    link = units / _WANTS / name
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        write_file(units / name, content)
        if not link.is_symlink():
            link.symlink_to(units / name)
            sync_folder(link.parent)
    except OSError as error:
        raise failed(error, units) from error
    _reload()


def remove_unit(name: str, units: Path = UNITS) -> bool:
    """Remove a unit and what starts it at a boot; return whether there was one."""
    was_there = False
    try:
        for path in (units / _WANTS / name, units / name):
            was_there = was_there or path.is_symlink() or path.exists()
            path.unlink(missing_ok=True)
    except OSError as error:
        raise failed(error, units) from error
    if was_there:
        _reload()
    return was_there


def _reload() -> None:
    if not runs():
        return
    try:
        done = subprocess.run(["systemctl", "daemon-reload"], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise KbootError("`systemctl` is not installed", "install the package systemd") from error
    if done.returncode != 0:
        raise KbootError(f"`systemctl daemon-reload` failed: {last_line(done.stderr)}", "run it by hand, as root")
