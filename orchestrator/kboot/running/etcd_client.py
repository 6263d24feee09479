"""A client of etcd's JSON gateway, which every member has at its client port."""

from __future__ import annotations

import json
import re
import ssl
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx

from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.model import ETCD_PORT
from kboot_clusterdesc.shared_files import ETCD_AUTHORITY

from .tls_client import Fault, answer_of, get

_QUESTION_TIMEOUT_S = 5  # for what a member knows without the others
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_ALARM = re.compile(r"alarm:(\w+)")
_TIMEOUT = httpx.Timeout(60, connect=10)  # seconds between two parts of a snapshot; a slow disk is no fault


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a snapshot, in order, and how many bytes of the database follow it."""

    blob: bytes
    remaining_bytes: int


def client_context(desc: ClusterDesc, pki: Path) -> ssl.SSLContext:
    """Return the TLS context of a client, with any member's client certificate: etcd takes all alike. Raise OSError."""
    folders = [pki / "nodes" / node.mac.dashed for node in desc.etcd_members]
    folder = next((each for each in folders if (each / "etcd-client.pem").exists()), folders[0] if folders else pki)
    context = ssl.create_default_context(cafile=str(pki / ETCD_AUTHORITY))
    context.load_cert_chain(folder / "etcd-client.pem", folder / "etcd-client.key")
    return context


@dataclass(frozen=True, slots=True)
class ListedMember:
    """An etcd member as the members list it; `name` is empty until it has started."""

    name: str
    is_learner: bool  # it follows the log and has no vote yet
    id: str = ""  # hexadecimal, as etcdctl has it
    peers: tuple[str, ...] = ()  # the URLs at which other members reach it


def listed_members(name: str, address: IPv4Address, context: ssl.SSLContext) -> list[ListedMember]:
    """Return the etcd members that the voter `name` lists; raise Fault."""
    url = f"https://{address}:{ETCD_PORT}/v3/cluster/member/list"
    with answer_of("POST", url, name, context, timeout=httpx.Timeout(_QUESTION_TIMEOUT_S), json={}) as answer:
        answer.read()
        if not answer.is_success:
            raise Fault(f"answers {answer.status_code} to who asks for the members")
    try:
        # protobuf's JSON leaves out what is false or empty
        return [_listed(each) for each in answer.json()["members"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Fault("sends what is no list of members") from error


def _listed(member: dict[str, Any]) -> ListedMember:
    # protobuf's JSON leaves out what is false or empty
    peers = tuple(str(url) for url in member.get("peerURLs", ()))
    number = int(member.get("ID", 0))
    return ListedMember(str(member.get("name", "")), bool(member.get("isLearner", False)), f"{number:x}", peers)


@dataclass(frozen=True, slots=True)
class EtcdVersion:
    """The version of one etcd member, and the cluster's: that of the oldest member, None until they have agreed."""

    server: str
    cluster: str | None = None


def version_of(name: str, address: IPv4Address, context: ssl.SSLContext) -> EtcdVersion:
    """Return the versions that the etcd member `name` reports; raise Fault."""
    answer = get(f"https://{address}:{ETCD_PORT}/version", name, context, _QUESTION_TIMEOUT_S)
    try:
        said = answer.json()
        server, cluster = str(said["etcdserver"]), str(said.get("etcdcluster", ""))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Fault(f"answers {answer.status_code}, which is no version of etcd's") from error
    if not _VERSION.match(server):
        raise Fault(f"says that it is `{server[:40]}`, which is no version")
    return EtcdVersion(server, cluster if _VERSION.match(cluster) else None)  # `not_decided` at first


@dataclass(frozen=True, slots=True)
class Database:
    """The database of one etcd member: its size, what it may have where the member tells (3.6), and its alarms."""

    size_bytes: int
    quota_bytes: int | None = None
    alarms: tuple[str, ...] = ()  # `NOSPACE`: no write is taken before somebody takes the alarm away


def database_of(name: str, address: IPv4Address, context: ssl.SSLContext, timeout_s: float) -> Database:
    """Return how large the database of the etcd member `name` is, as it says without the others; raise Fault."""
    url = f"https://{address}:{ETCD_PORT}/v3/maintenance/status"
    with answer_of("POST", url, name, context, timeout=httpx.Timeout(timeout_s), json={}) as answer:
        answer.read()
    try:
        said = answer.json()
        alarms = sorted({each for error in said.get("errors", ()) for each in _ALARM.findall(str(error))})
        return Database(int(said["dbSize"]), int(said.get("dbSizeQuota", 0)) or None, tuple(alarms))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Fault(f"answers {answer.status_code}, which is no status of etcd's") from error


def snapshot_parts(name: str, address: IPv4Address, context: ssl.SSLContext) -> Iterator[Part]:
    """Yield the member's database as it streams it, with its SHA-256 as the last part; raise Fault.

    A stream that is cut short looks like a whole one: only the SHA-256 tells.
    """
    url = f"https://{address}:{ETCD_PORT}/v3/maintenance/snapshot"
    with answer_of("POST", url, name, context, timeout=_TIMEOUT, json={}) as answer:
        if not answer.is_success:
            raise Fault(f"answers {answer.status_code} to who asks for a snapshot")
        for line in answer.iter_lines():
            yield parsed(line)


def parsed(line: str) -> Part:
    """Return the part of a snapshot that one line of the gateway's stream holds; raise Fault."""
    try:
        message = json.loads(line)
        if "error" in message:
            raise Fault(f"breaks off: {message['error']['message']}")
        result = message["result"]
        # protobuf's JSON leaves out what is zero or empty, and writes 64 bits as text
        return Part(b64decode(result.get("blob", ""), validate=True), int(result.get("remaining_bytes", 0)))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise Fault("sends what is no part of a snapshot") from error
