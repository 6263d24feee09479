"""What every machine gets whatever its roles: its identity, the cluster's CA, and the report at each boot."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node
from kboot_compose.templates import rendered

from .config import File, NodeConfig, Unit
from .names import own_records
from .network import network_files
from .os_update import update_files, update_units

_TIMESYNCD = "systemd-timesyncd.service"


def base_config(desc: ClusterDesc, node: Node, *, authority: bytes, report_token: str) -> NodeConfig:
    """Return the config of a machine without a role."""
    values: dict[str, object] = {
        "cluster": desc.cluster.name,
        "domain": desc.cluster.domain,
        "bootstrapper": str(desc.network.bootstrapper),
        "mac": str(node.mac),
        "name": node.name,
        "roles": " ".join(role.value for role in node.roles),
        "timezone": desc.os.timezone,
        "serves_time": desc.serves_time,
        "time_servers": desc.time_servers,
        "channel": desc.os.channel,
        "records": own_records(desc, node),
    }
    files = (
        File("/etc/kboot/ca.pem", authority, read_by=None),
        File("/etc/kboot/node.env", rendered("nodes/node.env.j2", **values), read_by=None),
        File("/etc/kboot/report-token", f"{report_token}\n".encode(), 0o600, read_by=None),
        File("/opt/bin/kboot-clock", rendered("nodes/kboot-clock.j2", **values), 0o755, read_by=None),
        File("/opt/bin/kboot-report", rendered("nodes/kboot-report.j2", **values), 0o755, read_by=None),
        *update_files(desc, node, values),
        File("/etc/hosts", rendered("nodes/hosts.j2", **values), read_by=None),
        *network_files(desc, node),
        File(
            "/etc/systemd/timesyncd.conf.d/10-kboot.conf",
            rendered("nodes/10-kboot-timesyncd.conf.j2", **values),
            read_by=_TIMESYNCD,
        ),
    )
    units = (
        *update_units(desc, node, values),
        Unit("kboot-timezone.service", rendered("nodes/kboot-timezone.service.j2", **values).decode()),
        Unit("kboot-clock.service", rendered("nodes/kboot-clock.service.j2", **values).decode()),
        Unit("kboot-report.service", rendered("nodes/kboot-report.service.j2", **values).decode()),
    )
    return NodeConfig(node.name, desc.ssh_authorized_keys, files, units)
