"""`kboot kubeconfig`: a file by which a person reaches the API server."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BadInput, ExitCode
from .options import Commands, add_cluster, add_command, note


def register(commands: Commands) -> None:
    """Add `kboot kubeconfig` to the command line."""
    parser = add_command(
        commands,
        "kubeconfig",
        run_kubeconfig,
        summary="print a kubeconfig with a client certificate in it, good for a year",
        example="kboot kubeconfig -o admin.conf && kubectl --kubeconfig admin.conf get nodes",
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--admin", action="store_true", help="of the administrator, who may do everything; the default")
    who.add_argument("--name", metavar="NAME", help="of this user, who may do what you bind to the name or its groups")
    parser.add_argument(
        "--group", action="append", default=[], metavar="GROUP", help="a group of that user; may be given again"
    )
    parser.add_argument(
        "--server", metavar="URL", help="where the API server is reached; default: the description's endpoint"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="KUBECONFIG",
        help="the file to write, for its owner alone; replaces only its own",
    )
    parser.add_argument(
        "--merge",
        action="store_true",
        help="put it as a context of its own into that file, else $KUBECONFIG or ~/.kube/config; the rest of it stays",
    )
    parser.add_argument(
        "--context", metavar="NAME", help="with `--merge`: what its context is called; default: USER@CLUSTER"
    )
    add_cluster(parser)


def run_kubeconfig(arguments: argparse.Namespace) -> ExitCode:
    """Print or write a kubeconfig."""
    from ..host.files import write_file
    from ..host.stamp import changed
    from ..pki.store.operators import ADMIN, operator, operator_kubeconfig
    from ..running.chosen import chosen_cluster, description_in_force

    if arguments.group and arguments.name is None:
        raise BadInput("`--group` needs a user", "say who with `--name`; the administrator's group is fixed")
    subject = ADMIN if arguments.name is None else operator(arguments.name, arguments.group)
    if arguments.context is not None and not arguments.merge:
        raise BadInput("`--context` names a context in a file that has others", "say `--merge` too")
    folder = chosen_cluster(arguments.root, arguments.cluster)
    if arguments.output is not None and not arguments.merge:
        _refuse_foreign(arguments.output, folder.cluster)
    with changed(folder):
        desc = description_in_force(folder)
        content = operator_kubeconfig(folder, desc, subject, datetime.now(UTC), arguments.server)
    if arguments.merge:
        return _merge(arguments, content)
    if arguments.output is None:
        sys.stdout.write(content.decode())
        return ExitCode.DONE
    try:
        write_file(arguments.output, content, mode=0o600)
    except OSError as error:
        raise BadInput(f"{arguments.output}: cannot be written: {error.strerror}", "choose another place") from error
    note(f"wrote {arguments.output} - next: `kubectl --kubeconfig {arguments.output} get nodes`")
    return ExitCode.DONE


def _merge(arguments: argparse.Namespace, content: bytes) -> ExitCode:
    from ..pki.store.kubeconfig_file import default_kubeconfig, merge_kubeconfig

    target = arguments.output or default_kubeconfig(os.environ, Path.home())
    done = merge_kubeconfig(target, content, datetime.now(UTC), arguments.context)
    if done.backup is not None:
        note(f"note: the comments of {done.file} are not kept; as it was it is {done.backup}")
    note(
        f"context {done.context} {'is' if done.is_changed else 'was already'} in {done.file}"
        f" - next: `kubectl --context {done.context} get nodes`"
    )
    return ExitCode.DONE


def _refuse_foreign(path: Path, cluster: str) -> None:
    """Raise BadInput unless `path` is free, or a kubeconfig that this command wrote for this cluster."""
    from ..pki.store.operators import first_line

    try:
        with path.open("rb") as stream:
            found = stream.readline(1000).decode(errors="replace").rstrip("\n")
    except FileNotFoundError:
        if not path.is_symlink():
            return
        found = ""
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}", "name another file with `-o`") from error
    if found != first_line(cluster):
        raise BadInput(
            f"{path}: exists, and is not what `kboot kubeconfig` wrote for {cluster}",
            "name another file with `-o`; kubectl reads several, `KUBECONFIG=~/.kube/config:OTHER`",
        )
