"""`kboot up | start | down | status | watch | restart | doctor`: a whole cluster."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from kboot_compose.service_names import SERVICE_NAMES

from ..errors import BadInput, ExitCode
from ..host.progress import Progress
from ..host.told_commands import told
from .options import (
    Commands,
    add_cluster,
    add_command,
    add_json,
    add_root,
    add_timeout,
    confirm,
    describe_by_file,
    note,
    print_json,
)
from .status import register as register_status


def register(commands: Commands) -> None:
    """Add the commands for a whole cluster to the command line."""
    parser = add_command(
        commands,
        "up",
        run_up,
        summary="bring a description into force and start its services; a second run changes nothing",
        example="kboot up cluster.yaml",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the cluster description")
    describe_by_file(parser)
    parser.add_argument(
        "--images-from",
        type=_image_registry,
        metavar="HOST[/PATH]",
        help="the registry to pull service images from that are missing here; default: `service_images_from` of FILE",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would change, as `kboot diff`; change nothing"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before installed machines are dropped")
    add_timeout(parser, 120, "how long to wait for health")
    add_root(parser)

    parser = add_command(
        commands,
        "start",
        run_start,
        summary="start the services as they were rendered last, once the engine and the address are there",
        example="kboot start --cluster ail",
    )
    parser.add_argument(
        "--wait", type=float, default=600, metavar="SECONDS", help="how long to wait for engine and address (600)"
    )
    add_timeout(parser, 120, "how long to wait for health")
    add_cluster(parser)

    parser = add_command(
        commands,
        "down",
        run_down,
        summary="stop serving: remove containers and network, keep the cluster's state",
        example="kboot down --cluster ail",
    )
    parser.add_argument("--purge", action="store_true", help="drop the cluster's folder too: its CA, states and images")
    add_cluster(parser)

    register_status(commands)

    parser = add_command(
        commands,
        "restart",
        run_restart,
        summary="restart some services, or all",
        example="kboot restart dnsmasq",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"one of {', '.join(SERVICE_NAMES)}")
    add_timeout(parser, 120, "how long to wait for health")
    add_cluster(parser)

    parser = add_command(
        commands,
        "doctor",
        run_doctor,
        summary="look at what a cluster needs of this machine",
        example="kboot doctor cluster.yaml",
    )
    said = "a cluster description, whose address and ports are looked at too"
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help=said)
    describe_by_file(parser)
    add_json(parser)
    add_root(parser)


def _image_registry(text: str) -> str:
    from kboot_clusterdesc.image_registry import image_registry

    try:
        return image_registry(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run_up(arguments: argparse.Namespace) -> ExitCode:
    """Bring a description into force."""
    from ..bring_up.outdated import outdated_note
    from ..bring_up.stranded import stranded_machines
    from ..bring_up.up import up
    from ..describe.remarks import remarks
    from ..pki.store.inventory import kept_certificates, warning
    from ..running.status import doubt_in_words, read_doubt

    if arguments.dry_run:
        from ..bring_up.preview import preview
        from .describe import print_preview

        print_preview(preview(arguments.file, arguments.root), with_lines=True)
        return ExitCode.DONE
    if not arguments.yes and (stranded := stranded_machines(arguments.file, arguments.root)):
        note(f"these machines are declared no longer, and nobody can manage them any more: {', '.join(stranded)}")
        confirm()
    outcome = up(
        arguments.file,
        arguments.root,
        Progress(),
        images_from=arguments.images_from,
        timeout_s=arguments.timeout,
    )
    for remark in remarks(outcome.desc):
        note(f"note: {remark}")
    if ending := warning(kept_certificates(outcome.folder, outcome.desc), datetime.now(UTC)):
        note(f"note: {ending}")
    if doubt := read_doubt(outcome.folder, outcome.desc):
        note(f"note: state: {doubt_in_words(doubt)}")
    if outdated := outdated_note(outcome.folder, outcome.desc):
        note(f"note: {outdated}")
    if outcome.recreated:
        note(f"started: {', '.join(outcome.recreated)}")
    else:
        note("nothing had to be started")
    print(f"cluster {outcome.folder.cluster} is up: http://{outcome.desc.network.bootstrapper}/")
    note("next: switch the machines on, then `kboot watch`")
    return ExitCode.DONE


def run_start(arguments: argparse.Namespace) -> ExitCode:
    """Start what was rendered last."""
    from ..bring_up.start import start
    from ..running.chosen import chosen_cluster

    folder = chosen_cluster(arguments.root, arguments.cluster)
    started = start(folder, Progress(), wait_s=arguments.wait, timeout_s=arguments.timeout)
    print(f"cluster {folder.cluster} is up; started: {', '.join(started) or 'nothing, all of it ran'}")
    return ExitCode.DONE


def run_down(arguments: argparse.Namespace) -> ExitCode:
    """Remove the cluster's containers and network; with `--purge` its folder too."""
    from ..host import state_folder
    from ..host.engine import Engine
    from ..host.stamp import changed
    from ..host.systemd import remove_unit
    from ..running.chosen import chosen_cluster

    folder = chosen_cluster(arguments.root, arguments.cluster)
    with changed(folder):
        engine = Engine(folder)
        if guests := engine.guests():
            raise BadInput(
                f"{folder.cluster} is a lab, its machines stand in its network: {', '.join(guests)}",
                f"run `kboot lab down --cluster {folder.cluster}`",
            )
        engine.down()
        if arguments.purge:
            remove_unit(folder.unit)
            state_folder.remove(folder)
        else:
            state_folder.mark_down(folder)
    if arguments.purge:
        folder.lock.unlink(missing_ok=True)
        print(f"cluster {folder.cluster} is down, its state is dropped")
    else:
        print(f"cluster {folder.cluster} is down, its state is kept in {folder.path}")
    return ExitCode.DONE


def run_restart(arguments: argparse.Namespace) -> ExitCode:
    """Restart services and wait until they are healthy."""
    from ..host.engine import Engine
    from ..host.stamp import held
    from ..running.chosen import chosen_cluster

    folder = chosen_cluster(arguments.root, arguments.cluster)
    for name in arguments.services:
        if name not in SERVICE_NAMES:
            raise BadInput(f"`{name}` is not a service", f"one of {', '.join(SERVICE_NAMES)}")
    with held(folder):
        engine = Engine(folder)
        engine.restart(arguments.services)
        engine.wait_healthy(Progress(), arguments.timeout)
    print(f"restarted: {', '.join(arguments.services or SERVICE_NAMES)}")
    return ExitCode.DONE


def run_doctor(arguments: argparse.Namespace) -> ExitCode:
    """Check what this machine lacks to run a cluster."""
    from ..preflight import doctor
    from .printing import print_lines, window_width
    from .tables import Span, folded_line

    found = list(doctor.checks(arguments.file, arguments.root))
    if arguments.json:
        print_json([{"name": c.name, "ok": c.ok, "found": c.found, "hint": "" if c.ok else c.hint} for c in found])
    else:
        for check in found:
            state = Span("ok  ") if check.ok else Span("FAIL", "bold red")
            print_lines(
                folded_line((state, Span(told(f"  {check.name:<8}  {check.found}"))), window_width(), indent=16)
            )
            if not check.ok:
                print_lines(folded_line((Span(told(f"      hint: {check.hint}")),), window_width(), indent=12))
    return ExitCode.DONE if all(check.ok for check in found) else ExitCode.FAILED
