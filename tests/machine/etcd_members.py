"""The etcd of a lab's machines: what it is asked and told, and its members."""

from __future__ import annotations

from kboot.host.waiting import looks
from support.lab import Lab


def etcdctl(lab: Lab, name: str, *words: str) -> str:
    """What etcdctl of a machine prints."""
    return lab.ssh(name, f"sudo /opt/bin/kboot-etcd ctl {' '.join(words)}")


def health_by_vote(lab: Lab, name: str) -> str:
    """What etcdctl says of every member, once all have a vote: a member that has joined just now is a learner still."""
    return _until_done(lab, name, "endpoint health --cluster --write-out=json")


def put(lab: Lab, name: str, key: str, value: str) -> None:
    """A write that may have to wait for the election of another leader."""
    _until_done(lab, name, f"put {key} {value}")


def _until_done(lab: Lab, name: str, words: str) -> str:
    done = None
    for _ in looks(180, 2):
        done = lab.kboot("lab", "ssh", name, "--", f"sudo /opt/bin/kboot-etcd ctl {words}")
        if done.returncode == 0:
            return done.stdout.strip()
    raise AssertionError(done)


def healthy_members(lab: Lab) -> list[dict[str, object]]:
    """The members as `kboot status` has them, once all are healthy."""
    members: list[dict[str, object]] = []
    for _ in looks(300, 3):
        members = lab.status()["etcd"]
        if members and all(member["healthy"] for member in members):
            return members
    raise AssertionError(members)
