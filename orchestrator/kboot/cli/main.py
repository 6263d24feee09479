"""The command `kboot`: the one place that prints an error and exits."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import NoReturn

from ..errors import ExitCode, KbootError
from ..host.end_signals import ended_by_exception
from ..host.told_commands import complete_by, told
from . import (
    assets,
    autostart,
    bundle,
    certs,
    cluster,
    completion,
    describe,
    etcd,
    events,
    images,
    inventory,
    kubeconfig,
    login,
    logs,
    node,
    support_bundle,
    uninstall,
    upgrade,
)
from . import os as os_group
from .complete_commands import completer
from .parser import Parser, help_of
from .version import register as register_version
from .version import version_line

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    with ended_by_exception():
        code = run(sys.argv[1:] if argv is None else argv)
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; print every failure as one paragraph on stderr."""
    arguments = argparse.Namespace(debug="--debug" in argv)
    try:
        words = [*argv[1:], "--help"] if argv[:1] == ["help"] else argv  # as other programs have it
        try:
            parser = build_parser()
            arguments = parser.parse_args(words)
            complete_by(completer(parser, arguments))
            code = int(arguments.run(arguments))
        except SystemExit as usage:  # argparse has printed help, or what is wrong with the command line
            code = usage.code if isinstance(usage.code, int) else ExitCode.BAD_INPUT
        sys.stdout.flush()
        return code
    except KbootError as error:
        return _fail(f"error: {error}", error.exit_code, arguments)
    except KeyboardInterrupt as interrupt:
        return _fail(str(interrupt) or "interrupted", ExitCode.INTERRUPTED, arguments)
    except BrokenPipeError:
        _say_nothing_more()  # the reader of our output has gone (`kboot status | head`)
        return ExitCode.DONE
    except Exception as error:
        if _is_invalid_description(error):
            return _fail(str(error), ExitCode.BAD_INPUT, arguments)
        if isinstance(error, OSError) and error.errno in _FULL:
            _say_nothing_more()
            where = error.filename or "what is printed or written"
            hint = "free some space there, then run this again"
            return _fail(f"error: {where}: {error.strerror}\n  hint: {hint}", ExitCode.FAILED, arguments)
        what = str(error).strip().splitlines()
        said = f": {what[0]}" if what else ""
        return _fail(
            f"error: unexpected {type(error).__name__}{said}\n"
            "  hint: run it again with `--debug` and report what it prints",
            ExitCode.FAILED,
            arguments,
        )
    finally:
        complete_by(None)


def _say_nothing_more() -> None:
    """Have what could not be printed go nowhere: Python would try once more at its exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_invalid_description(error: Exception) -> bool:
    from kboot_clusterdesc import InvalidDescription

    return isinstance(error, InvalidDescription)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command, also of those that other packages add by the entry point `kboot.commands`."""
    parser = Parser(
        prog="kboot",
        description="From one cluster description to machines that install themselves.",
        epilog="example:\n  kboot init > cluster.yaml && kboot up cluster.yaml\n\n"
        "exit codes: 0 done, 1 failed, 2 bad input or usage, 3 not in the wanted state yet, 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback on a failure")
    parser.add_argument("--version", action="version", version=version_line(), help="print the version of kboot")
    parser.set_defaults(run=help_of(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    describe.register(commands)
    cluster.register(commands)
    autostart.register(commands)
    events.register(commands)
    logs.register(commands)
    node.register(commands)
    login.register(commands)
    images.register(commands)
    assets.register(commands)
    bundle.register(commands)
    os_group.register(commands)
    certs.register(commands)
    etcd.register(commands)
    inventory.register(commands)
    kubeconfig.register(commands)
    upgrade.register(commands)
    support_bundle.register(commands)
    uninstall.register(commands)
    for entry in sorted(entry_points(group="kboot.commands"), key=lambda entry: entry.name):
        entry.load()(commands)
    completion.register(commands)
    register_version(commands)
    return parser


def _fail(text: str, code: ExitCode, arguments: argparse.Namespace) -> int:
    if arguments.debug:
        traceback.print_exc()
    print(told(text), file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    main()
