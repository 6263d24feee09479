"""Shows where each second goes from power-on to `running`, out of the log of a cluster's cloud-config server.

    docker logs kboot-demo-cloudconfig-1 | python benchmarks/power_on.py 52:54:00:00:00:01 --power-on 2026-11-29T09:00Z

The floor of a stage is what the same takes without kboot, measured beside it on the same machine: for an image `bzip2
-dc IMAGE | dd of=DISK bs=1M oflag=direct`, for a boot `systemd-analyze time` or the same kernel started by hand. Given
as `--floor 'boot from the disk=21.5'` it stands beside; the last line is the ratio of all stages that have one.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from kboot_bench.timeline import stage_names, stages, table


def floor_of(text: str) -> tuple[str, float]:
    """Return the stage and the seconds of `STAGE=SECONDS`."""
    name, _, seconds = text.rpartition("=")
    if name not in stage_names():
        raise argparse.ArgumentTypeError(f"no stage `{name}`; there are: {'; '.join(stage_names())}")
    return name, float(seconds)


def main() -> None:
    """Print the stages of a machine's newest install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mac", help="of the machine, as in `kboot node list`")
    parser.add_argument("--log", type=Path, metavar="FILE", help="the server's log (standard input)")
    parser.add_argument("--power-on", type=datetime.fromisoformat, metavar="TIME", help="when it was switched on")
    parser.add_argument("--floor", type=floor_of, action="append", default=[], metavar="STAGE=SECONDS")
    options = parser.parse_args()
    lines = (options.log.read_text() if options.log else sys.stdin.read()).splitlines()
    found = stages(lines, options.mac.lower().replace("-", ":"), options.power_on)
    if not found:
        raise SystemExit(f"the log has no install of {options.mac}")
    print(table(found, dict(options.floor)))


if __name__ == "__main__":
    main()
