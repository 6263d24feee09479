"""A lab whose machines are switched on one by one, and what can be seen of their disks from outside."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import kboot_clusterdesc
from support.lab import Lab

_BLOCK = 1 << 20
FOREIGN_BOOTED = "A FOREIGN SYSTEM BOOTED"


class UnkindLab(Lab):
    """One cluster whose machines have the hardware that a file names."""

    def up_words(self) -> list[str]:
        """The command that brings it up, with its hardware."""
        return [*super().up_words(), "--hardware", str(self.path.with_name("hardware.yaml"))]

    @contextmanager
    def switched_on(self, *names: str) -> Iterator[None]:
        """These machines are on, and off again afterwards."""
        try:
            for name in names:
                assert self.kboot("lab", "power", name, "on").returncode == 0
            yield
        finally:
            for name in names:
                self.kboot("lab", "power", name, "off")

    def whole_console(self, name: str) -> str:
        """All that a machine wrote to its console."""
        return self.kboot("lab", "console", name).stdout

    def disk(self, name: str, number: int) -> Path:
        """The file that is a machine's disk."""
        return self.folder.lab / "machines" / name / f"disk{number}.raw"

    def source_of(self, contents: str) -> IO[bytes]:
        """What was written to a disk of these contents when it was made."""
        key = kboot_clusterdesc.load(self.folder.lab / "cluster.yaml").os.release_key
        made = Path(str(key)).parent
        if contents == "foreign-esp":
            return (made / "foreign-esp.raw").open("rb")
        return bz2.open(next(made.glob("*/*/*/flatcar_production_image.bin.bz2")))

    def is_untouched(self, name: str, number: int, contents: str) -> bool:
        """Whether a disk is, byte for byte, what it was when it was made with these contents."""
        with self.disk(name, number).open("rb") as disk:
            if contents:
                with self.source_of(contents) as source:
                    while block := source.read(_BLOCK):
                        if disk.read(len(block)) != block:
                            return False
            return all(block.count(0) == len(block) for block in iter(lambda: disk.read(_BLOCK), b""))


@contextmanager
def unkind_lab(root: Path, name: str, description: str, hardware: str) -> Iterator[UnkindLab]:
    """A lab that is not up yet; everything of it is removed at the end, also after a failure."""
    path = root / "cluster.yaml"
    path.write_text(description)
    path.with_name("hardware.yaml").write_text(hardware)
    made = UnkindLab(root, path, name)
    try:
        yield made
    finally:
        made.kboot("lab", "down", "--cluster", name, timeout_s=300)
    assert made.leftovers() == []
