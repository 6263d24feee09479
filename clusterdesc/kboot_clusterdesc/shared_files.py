"""Names of files that one process writes and another reads, by who writes them and in which folder of the cluster."""

from __future__ import annotations

from .model import Os

# `config/`: the launcher renders them, cloud-config server and updater read them.
DESCRIPTION = "clusterdesc.yaml"  # the description in force, normalised
RELEASE_KEY = "release-key.asc"  # the operator's own; absent where the family's key is used
PAYLOAD_KEY = "payload-key.pem"  # the operator's own, of update payloads; absent where the family's is used
RELEASE_AUTHORITY = "release-ca.pem"  # who vouches for the release server's TLS, beside the public ones
SUMMARY = "summary.json"  # see summary.py; no part of a render, written after it
AUTHORITY = "ca.pem"  # of the services' certificates; also served at /ca.pem
INSTALLER = "install.sh"
MEMORY_IGNITION = "pxe.ign"  # for Ignition in the OS in memory
QUERY_MARK = "KBOOT-QUERY"  # in pxe.ign: the cloud-config server puts what is one machine's own there
OPERATOR_TOKEN_SHA256 = "operator-token.sha256"  # noqa: S105 - a file's name
MACHINE_MARK = "# kboot:machine"  # a line of install.sh: the cloud-config server puts what is one machine's own there

# `tls/<service>/`: the launcher renders them, the service reads them.
SERVER_CERTIFICATE = "server.pem"
SERVER_KEY = "server.key"
PUSH_PASSWORDS = "htpasswd"  # the registry's alone
KUBERNETES_AUTHORITY = "kubernetes-ca.pem"  # this and the next two are the cloud-config server's alone
STATUS_CERTIFICATE = "status-client.pem"
STATUS_KEY = "status-client.key"
ETCD_AUTHORITY = "etcd-ca.pem"  # this and the next two too, where a node keeps etcd
ETCD_STATUS_CERTIFICATE = "etcd-status-client.pem"
ETCD_STATUS_KEY = "etcd-status-client.key"

# `nodes/<mac>/`: the launcher renders them, the cloud-config server serves or compares them.
IGNITION = "ignition.json"
CLOUD_CONFIG = "cloud-config.yaml"
NODE_CONFIG = "node-config.json"  # the same for kboot itself: it names the reader of each file
CONFIG_HASH = "config-hash"
REPORT_TOKEN = "report-token"  # noqa: S105 - a file's name

# `images/`: the updater writes them, the cloud-config server reads them.
UPDATER_STATUS = "status.json"
CURRENT = "current"  # below the channel: a link to the release in force
CHOICE = ".choice.json"  # below the channel: what the operator chose by `kboot os use`
ORIGIN = ".origin"  # in the folder of each verified release: its family and board, see `origin_of`
UPDATE = "update.json"  # there too, once its update payloads are whole and verified, see `update_payload.py`

# `leases/`: dnsmasq writes it, the cloud-config server reads it.
LEASES = "dnsmasq.leases"


# `state/`: the cloud-config server writes it, the launcher looks at its version before it starts a server.
DATABASE = "kboot.db"
DATABASE_VERSION = 7  # `PRAGMA user_version`: of the tables that this kboot makes


def origin_of(os: Os) -> str:
    """Return the content of a release's `.origin` file, from its family and board."""
    return f"{os.family} {os.board}"
