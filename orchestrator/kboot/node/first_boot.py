"""What every machine gets whatever its roles: its identity, the cluster's CA, and the report at each boot."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node
from kboot_compose.templates import shared

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
        "records": tuple(own_records(desc, node)),
    }
    files = (
        File("/etc/kboot/ca.pem", authority, read_by=None),
        File("/etc/kboot/node.env", shared("nodes/node.env.j2", **values), read_by=None),
        File("/etc/kboot/report-token", f"{report_token}\n".encode(), 0o600, read_by=None),
        File("/opt/bin/kboot-clock", shared("nodes/kboot-clock.j2", **values), 0o755, read_by=None),
        File("/opt/bin/kboot-report", shared("nodes/kboot-report.j2", **values), 0o755, read_by=None),
        File("/opt/bin/kboot-units", shared("nodes/kboot-units.j2", **values), 0o755, read_by=None),
        *update_files(desc, node, values),
        File("/etc/hosts", shared("nodes/hosts.j2", **values), read_by=None),
        *network_files(desc, node),
        File(
            "/etc/systemd/timesyncd.conf.d/10-kboot.conf",
            shared("nodes/10-kboot-timesyncd.conf.j2", **values),
            read_by=_TIMESYNCD,
        ),
    )
    units = (
        *update_units(desc, node, values),
        Unit("kboot-timezone.service", shared("nodes/kboot-timezone.service.j2", **values).decode()),
        Unit("kboot-clock.service", shared("nodes/kboot-clock.service.j2", **values).decode()),
        Unit("kboot-report.service", shared("nodes/kboot-report.service.j2", **values).decode()),
        Unit("kboot-units.service", shared("nodes/kboot-units.service.j2", **values).decode(), enabled=False),
        Unit("kboot-units.timer", shared("nodes/kboot-units.timer.j2", **values).decode()),
    )
    return NodeConfig(node.name, desc.ssh_authorized_keys, files, units)
