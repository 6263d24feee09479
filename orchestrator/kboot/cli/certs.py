"""`kboot certs list | renew | export`: see the cluster's certificates, renew them, copy them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from .options import Commands, add_cluster, add_command, add_group, add_listing, note, print_listing

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc, Node

    from ..pki.store.inventory import KeptCertificate
    from .tables import Table


def register(commands: Commands) -> None:
    """Add the `kboot certs` commands to the command line."""
    group = add_group(
        commands, "certs", summary="see the cluster's certificates, renew or export them", example="kboot certs list"
    )
    parser = add_command(
        group,
        "list",
        run_list,
        summary="list every certificate, the one that ends first in front",
        example="kboot certs list --json",
    )
    add_listing(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "renew",
        run_renew,
        summary="make certificates anew, of the same authorities; `kboot up` and docs/certificates.md bring them out",
        example="kboot certs renew apiserver --node node1",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="as `kboot certs list` calls it, such as etcd-server")
    parser.add_argument("--all", action="store_true", help="every certificate but the authorities and the operators'")
    parser.add_argument("--node", metavar="NODE", help="of this node alone: its name or MAC")
    add_cluster(parser)

    parser = add_command(
        group,
        "export",
        run_export,
        summary="copy the authorities' certificates to a folder, and a node's certificates and keys",
        example="kboot certs export node1-certs --node node1",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--node", metavar="NODE", help="this node's pairs too: its name or MAC")
    add_cluster(parser)


def run_list(arguments: argparse.Namespace) -> ExitCode:
    """List the cluster's certificates."""
    from ..pki.store.inventory import kept_certificates
    from ..running.chosen import chosen_cluster, description_in_force

    folder = chosen_cluster(arguments.root, arguments.cluster)
    kept, now = kept_certificates(folder, description_in_force(folder)), datetime.now(UTC)
    value = [_as_json(each, now) for each in kept]
    print_listing(arguments, value, _table(kept, now), (f"{each.owner}/{each.name}" for each in kept))
    return ExitCode.DONE


def run_renew(arguments: argparse.Namespace) -> ExitCode:
    """Make the named certificates anew; their authorities stay."""
    from ..host.stamp import changed
    from ..pki.store.renewal import renew
    from ..running.chosen import chosen_cluster, description_in_force
    from ..running.summary import write_summary

    if arguments.name and arguments.all:
        raise BadInput(f"`{arguments.name}` and `--all` are two answers to one question", "leave one of them out")
    if not (arguments.name or arguments.all or arguments.node):
        raise BadInput("nothing is said to be renewed", "name it as `kboot certs list` does, or say `--all`")
    folder = chosen_cluster(arguments.root, arguments.cluster)
    with changed(folder):
        desc = description_in_force(folder)
        node = _node(desc, arguments.node)
        renewed = renew(folder, desc, datetime.now(UTC), name=arguments.name, node=node)
        write_summary(folder, desc)
    for leaf in renewed:
        print(f"renewed {leaf.spec.name} of {leaf.owner}")
    note("next: `kboot up FILE` gives the services theirs and renders those of the nodes")
    if any(leaf.node for leaf in renewed):
        note(
            "then `kboot upgrade` (`kboot node apply` without Kubernetes) brings a node its new ones while it runs, "
            "`kboot node reinstall` when it is installed again; the old ones stay good to their end"
        )
    return ExitCode.DONE


def run_export(arguments: argparse.Namespace) -> ExitCode:
    """Copy the authorities' certificates, and with `--node` that node's certificates and keys, to a folder."""
    from ..pki.store.export import export
    from ..running.chosen import chosen_cluster, description_in_force

    folder = chosen_cluster(arguments.root, arguments.cluster)
    desc = description_in_force(folder)
    for name in export(folder, desc, arguments.folder, _node(desc, arguments.node)):
        print(arguments.folder / name)
    return ExitCode.DONE


def _node(desc: ClusterDesc, name: str | None) -> Node | None:
    from ..running.chosen import declared_node

    return None if name is None else declared_node(desc, name)


def _table(kept: list[KeptCertificate], now: datetime) -> Table:
    from .tables import Cell, Column, Span, Table, Way

    columns = (
        Column("OWNER", Way.MIDDLE),
        Column("NAME", Way.MIDDLE),
        Column("SUBJECT", Way.MIDDLE, spare=3),
        Column("GROUP", Way.FOLD, spare=4),
        Column("ISSUER", Way.MIDDLE, spare=2),
        Column("ENDS"),
        Column("DAYS"),
        Column("STATE"),
        Column("NAMES", Way.FOLD, least=30, spare=5),
    )
    styles = {"ends-soon": "yellow", "expired": "bold red"}
    rows: list[list[Cell]] = [
        [
            each.owner,
            each.name,
            each.certificate.subject.common_name,
            ", ".join(each.certificate.subject.groups) or "-",
            each.certificate.issuer,
            f"{each.certificate.end:%Y-%m-%d}",
            str(each.days_left(now)),
            Span(each.state(now), styles.get(each.state(now), "")),
            ", ".join(_sans(each)) or "-",
        ]
        for each in kept
    ]
    return Table(columns, rows)


def _as_json(each: KeptCertificate, now: datetime) -> dict[str, object]:
    certificate = each.certificate
    return {
        "owner": each.owner,
        "name": each.name,
        "subject": certificate.subject.common_name,
        "groups": list(certificate.subject.groups),
        "issuer": certificate.issuer,
        "sans": _sans(each),
        "not_after": f"{certificate.end:%Y-%m-%dT%H:%M:%SZ}",
        "days_left": each.days_left(now),
        "state": each.state(now),
    }


def _sans(each: KeptCertificate) -> list[str]:
    subject = each.certificate.subject
    return [*subject.names, *map(str, subject.addresses)]
