"""The machine that update_engine runs on: its files, its partitions, its boot loader."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .failure import Code, UpdateError
from .omaha import Machine, machine_of
from .prefs import Prefs

_SLOTS = "/usr/lib/kboot-lab/slots"
_CONFS = ("etc/flatcar/update.conf", "usr/share/flatcar/update.conf", "usr/share/flatcar/release")


class System:
    """A machine of the lab; the names of its files begin at `place`, which is another than `/` in tests alone."""

    def __init__(self, place: Path = Path("/")) -> None:
        self.place = place
        self.prefs = Prefs(place / "var/lib/update_engine/prefs")
        self.key = place / "usr/share/update_engine/update-payload-key.pub.pem"
        self._waits = place / "run/update_engine_autoupdate_completed"

    def machine(self) -> Machine:
        """Return who asks. The files are read each time: what an operator changes counts from the next check on."""
        identity = {
            "machine-id": self._text("etc/machine-id"),
            "boot-id": self._text("proc/sys/kernel/random/boot_id"),
            "aleph-version": self.prefs.text("aleph-version") or "",
        }
        machine = machine_of(tuple(self._text(name) for name in _CONFS), identity)
        if not identity["aleph-version"]:
            self.prefs.set("aleph-version", machine.version)
        return machine

    @property
    def waits_for_reboot(self) -> bool:
        """Whether an update was installed since the machine started."""
        return self._waits.exists()

    @waits_for_reboot.setter
    def waits_for_reboot(self, waits: bool) -> None:
        if waits:
            self._waits.touch()
        else:
            self._waits.unlink(missing_ok=True)

    def set_good(self) -> None:
        """Have the boot loader start the running system from now on. As with the real one, it is only tried."""
        with suppress(OSError, subprocess.CalledProcessError):
            run(["/usr/sbin/flatcar-setgoodroot"])

    def other_partition(self) -> Path:
        """Return the partition for /usr that nothing runs from."""
        try:
            return Path(run(["bash", "-c", f". {_SLOTS} && partition_named USR-$(other_slot | tr ab AB)"]).strip())
        except (OSError, subprocess.CalledProcessError) as error:
            raise UpdateError(Code.DEVICE_NOT_OPENED, f"no partition for an update: {error}") from error

    def post_install(self, partition: Path) -> str:
        """Run what the new system brings for its own installation, and return what it says."""
        mounted = self.place / "run/update_engine/new"
        mounted.mkdir(parents=True, exist_ok=True)
        try:
            run(["mount", "-t", "squashfs", "-o", "ro", str(partition), str(mounted)])
            try:
                return run([str(mounted / "postinst"), str(partition)]).strip()
            finally:
                run(["umount", str(mounted)])
        except subprocess.CalledProcessError as error:
            raise UpdateError(Code.POST_INSTALL, f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
        except OSError as error:
            raise UpdateError(Code.POST_INSTALL, str(error)) from error

    def _text(self, name: str) -> str:
        try:
            return (self.place / name).read_text().strip()
        except OSError:
            return ""


def run(command: Sequence[str]) -> str:
    """Run a command and return what it prints; raises CalledProcessError."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
