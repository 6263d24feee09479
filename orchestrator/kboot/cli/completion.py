"""`kboot completion`: print what makes a shell complete the words of kboot's commands."""

from __future__ import annotations

import argparse
import sys

from ..errors import ExitCode
from .options import Commands, add_command

COMPLETION = {  # shell -> file below share/, where a package manager puts it too
    "bash": "bash-completion/completions/kboot",
    "zsh": "zsh/site-functions/_kboot",
    "fish": "fish/vendor_completions.d/kboot.fish",
}


def register(commands: Commands) -> None:
    """Add `kboot completion` to the command line."""
    parser = add_command(
        commands,
        "completion",
        print_completion,
        summary="print what makes a shell complete kboot's commands, options and files",
        example="kboot completion bash > ~/.local/share/bash-completion/completions/kboot",
    )
    parser.add_argument("shell", choices=list(COMPLETION), metavar="SHELL", help=f"one of {', '.join(COMPLETION)}")


def print_completion(arguments: argparse.Namespace) -> ExitCode:
    """Print the completion of a shell, made from the parser when kboot was."""
    from ..service_images.sources import sources

    sys.stdout.write((sources() / "share" / COMPLETION[arguments.shell]).read_text())
    return ExitCode.DONE
