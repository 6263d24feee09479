"""The options that name the hardware of a lab's machine."""

from __future__ import annotations

import argparse


def add_hardware_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name hardware."""
    add = parser.add_argument
    add("--firmware", choices=("bios", "uefi"), default="bios")
    add("--unplugged", action="append", default=[], metavar="MAC", help="a card before it, without a cable")
    add("--card", action="append", default=[], metavar="MAC", help="one more card on the boot network, after it")
    add("--first-lease", metavar="MAC", help="the card whose lease comes first: all others get theirs 5 s late")
    disk = "a disk such as 8G; BUS is virtio, nvme, ide or sata, CONTENTS what it held before"
    add("--disk", action="append", default=[], metavar="SIZE[:BUS[:CONTENTS]]", help=disk)
    add("--clock", default="", metavar="TIME", help="the hardware clock at each power-on: 2015-01-01T00:00:00")
    after = "its ports forward nothing so long after power-on, and again when the OS takes the card"
    add("--forward-after", type=float, default=0, metavar="SECONDS", help=after)
    add("--delay", type=float, default=0, metavar="MILLISECONDS", help="each frame comes so much later, each way")
    add("--loss", type=float, default=0, metavar="PERCENT", help="so many frames are lost, each way")
    add("--without-option-93", action="store_true", help="firmware that does not tell its architecture")
    add("--as-shipped", action="store_true", help="the OS waits for no network and is silent on the console")
    add("--off", action="store_true", help="do not switch it on: `kboot lab power NAME on` does")
