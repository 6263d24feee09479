"""A machine from which Kubernetes is taken: its pods are containerd's, and end with the kubelet."""

from __future__ import annotations

from pathlib import Path

from kboot.render import Attachments
from kboot.render.nodes import node_config
from service.kboot.upgrade.test_apply import Machine, described
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet

# A process that heeds SIGTERM, and one that does not.
_CTR = """#!/bin/bash
[ "$1 $2 $3" = "--namespace k8s.io tasks" ] || exit 1
case $4 in
  ls) ls "$EDGE/tasks" ;;
  kill)
    echo "${*:5}" >>"$EDGE/killed"
    [ "$6 $7" = "SIGTERM stubborn" ] || rm "$EDGE/tasks/$7"
    ;;
esac
"""


def test_pods_end_with_the_kubelet_and_etcd_stays(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name, text in (("ctr", _CTR), ("sleep", "#!/bin/bash\n")):
        (machine.edge / name).write_text(text)
        (machine.edge / name).chmod(0o755)
    (machine.edge / "tasks").mkdir()
    for name in ("apiserver", "stubborn"):
        (machine.edge / "tasks" / name).touch()
    machine.install(described())
    assert not (machine.edge / "killed").exists()
    machine.said()
    desc = Fleet(kubernetes=False).desc
    said = machine.give(node_config(desc, desc.nodes[0], fixed_secrets(desc), Attachments()))
    assert "disable --now kubelet.service" in said
    assert list((machine.edge / "tasks").iterdir()) == []
    assert (machine.edge / "killed").read_text().split() == [
        *("--signal", "SIGTERM", "apiserver"),
        *("--signal", "SIGTERM", "stubborn"),
        *("--signal", "SIGKILL", "stubborn"),
    ]
    assert (machine.root / "etc/systemd/system/etcd.service").exists()
