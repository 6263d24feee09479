"""`kboot login` and `kboot logout`: the status page, for who acts on it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExitCode
from .options import Commands, add_cluster, add_command, note

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc, ClusterFolder


def register(commands: Commands) -> None:
    """Add `kboot login` and `kboot logout` to the command line."""
    parser = add_command(
        commands,
        "login",
        run_login,
        summary="print a link by which one browser may act on the status page for an hour; it is good once",
        example="kboot login",
    )
    add_cluster(parser)
    parser = add_command(
        commands,
        "logout",
        run_logout,
        summary="end all logins to the status page",
        example="kboot logout",
    )
    add_cluster(parser)


def run_login(arguments: argparse.Namespace) -> ExitCode:
    """Print a link with a code for one login to the status page."""
    from ..running.cloudconfig_client import CloudConfigClient
    from .ages import moment

    folder, desc = _chosen(arguments)
    given = CloudConfigClient(folder, desc).post("/v1/login")
    page = f"https://{desc.network.bootstrapper}/login"
    print(f"{page}?code={given['code']}", flush=True)
    note(
        f"note: it is good once, until {moment(given['until']).astimezone():%H:%M:%S}, for whoever opens it first; "
        "the login lasts an hour, `kboot logout` ends it"
    )
    note(f"note: {_trust(folder)}")
    return ExitCode.DONE


def run_logout(arguments: argparse.Namespace) -> ExitCode:
    """End all logins to the status page."""
    from ..running.cloudconfig_client import CloudConfigClient

    CloudConfigClient(*_chosen(arguments)).post("/v1/logout")
    print("nobody is logged in to the status page any more")
    return ExitCode.DONE


def _trust(folder: ClusterFolder) -> str:
    """Return by what a person knows the server: a browser has the cluster's CA from nobody."""
    from kboot_clusterdesc.shared_files import SERVER_CERTIFICATE

    authority = folder.pki / "cluster-ca.pem"
    certificate = folder.tls / "cloudconfig" / SERVER_CERTIFICATE
    return (
        f"a browser that was not given {authority} asks whether to go on; "
        f"the server's certificate has the SHA-256 {_sha256_of(certificate)}"
    )


def _sha256_of(certificate: Path) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    from ..errors import KbootError

    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise KbootError(f"{certificate}: cannot be read: {error}", "run `kboot up FILE`") from error
    return read.fingerprint(hashes.SHA256()).hex(":").upper()


def _chosen(arguments: argparse.Namespace) -> tuple[ClusterFolder, ClusterDesc]:
    from ..running.chosen import chosen_cluster, description_in_force

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return folder, description_in_force(folder)
