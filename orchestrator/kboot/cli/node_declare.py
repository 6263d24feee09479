"""`kboot discovered`, `kboot node declare | forget`: machines that nobody declared."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..errors import BadInput, ExitCode
from .options import Commands, add_cluster, add_command, add_listing, note, print_listing

if TYPE_CHECKING:
    from ..running.cloudconfig_client import CloudConfigClient


def register_declared(commands: Commands, group: Commands) -> None:
    """Add `kboot discovered` to all commands, and its companions to those of `kboot node`."""
    parser = add_command(
        commands,
        "discovered",
        run_discovered,
        summary="list machines that asked for an address and are not declared, with the line that declares each",
        example="kboot discovered",
    )
    add_listing(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "declare",
        run_declare,
        summary="write a machine into a description, whose every other letter stays; `kboot up` then takes it in",
        example="kboot node declare 52:54:00:00:00:09 --name node9 --role worker --file cluster.yaml",
    )
    parser.add_argument("mac", metavar="MAC", help="of the card that it boots from")
    parser.add_argument("--name", metavar="NAME", help="default: its MAC with dashes")
    parser.add_argument(
        "--role",
        dest="roles",
        action="append",
        choices=("control-plane", "etcd", "worker"),
        help="may be given again; default: worker",
    )
    parser.add_argument("--ip", metavar="ADDRESS", help="its own address; default: a lease")
    parser.add_argument(
        "--file", type=Path, default=Path("cluster.yaml"), metavar="FILE", help="the cluster description (cluster.yaml)"
    )

    parser = add_command(
        group,
        "forget",
        run_forget,
        summary="drop what is kept of a machine that is not declared; it is listed again with its next lease",
        example="kboot node forget 52:54:00:00:00:09",
    )
    parser.add_argument("name", metavar="NAME", help="its MAC, or the name of one that joined undeclared")
    parser.add_argument("--force", action="store_true", help="also one that is installed: once it is off the network")
    add_cluster(parser)


def run_discovered(arguments: argparse.Namespace) -> ExitCode:
    """List undeclared machines, each with the line to paste below `nodes:`."""
    from ..describe.declaration import Declaration
    from .ages import age
    from .tables import Cell, Column, Table, Way

    found = _server(arguments).get("/v1/nodes").get("discovered", [])
    now = datetime.now(UTC)
    columns = (Column("MAC"), Column("ADDRESS"), Column("AGE"), Column("BELOW `nodes:`", Way.FOLD, least=30))
    rows: list[list[Cell]] = [
        [
            str(each["mac"]),
            str(each.get("ip") or "-"),
            age(each.get("since"), now),
            f"- {Declaration(each['mac'], None, ['worker']).text}",
        ]
        for each in found
    ]
    print_listing(arguments, found, Table(columns, rows), (str(each["mac"]) for each in found))
    if not found:
        note("no machine that is not declared has asked for an address")
    else:
        note("`kboot node declare MAC --name NAME --file FILE` writes one of these lines, `kboot up FILE` takes it in")
    return ExitCode.DONE


def run_declare(arguments: argparse.Namespace) -> ExitCode:
    """Write a machine into a description."""
    from kboot_clusterdesc import Mac

    from ..describe.declaration import Declaration, with_machine
    from ..host.files import failed, write_file

    try:
        mac = Mac(arguments.mac)
    except ValueError as error:
        raise BadInput(f"`{arguments.mac}` is not a MAC", "such as 52:54:00:00:00:09") from error
    machine = Declaration(mac, arguments.name, arguments.roles or ["worker"], arguments.ip)
    path = arguments.file.resolve()  # a link stays a link
    try:
        text = path.read_bytes().decode()
        made = with_machine(text, str(arguments.file), machine)
        kept = path.stat()
        write_file(path, made.encode(), mode=kept.st_mode & 0o7777, uid=kept.st_uid, gid=kept.st_gid)
    except UnicodeDecodeError as error:
        raise BadInput(f"{arguments.file}: is not UTF-8 text", "save the file as UTF-8") from error
    except FileNotFoundError as error:
        raise BadInput(f"{arguments.file}: is not there", "name the description with `--file FILE`") from error
    except OSError as error:
        raise failed(error, path) from error
    print(f"- {machine.text}")
    note(f"wrote it into {arguments.file}; next: `kboot diff {arguments.file}`, `kboot up {arguments.file}`")
    return ExitCode.DONE


def run_forget(arguments: argparse.Namespace) -> ExitCode:
    """Have the cloud-config server forget a machine that nobody declared."""
    from kboot_clusterdesc import Mac

    from ..running.chosen import node_named

    server = _server(arguments)
    try:
        mac = str(Mac(arguments.name))
    except ValueError:
        mac = node_named(server.nodes(), arguments.name)["mac"]
    server.post(f"/v1/nodes/{quote(mac)}/forget{'?force=1' if arguments.force else ''}")
    print(f"{arguments.name} is forgotten")
    return ExitCode.DONE


def _server(arguments: argparse.Namespace) -> CloudConfigClient:
    from ..running.chosen import chosen_cluster, description_in_force
    from ..running.cloudconfig_client import CloudConfigClient

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return CloudConfigClient(folder, description_in_force(folder))
