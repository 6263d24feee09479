"""`kboot etcd snapshot` of a real etcd over TLS, and what that etcd's own tool makes of the file."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.host.waiting import looks
from kboot.pki import Secrets
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.model import ETCD_PORT
from support.etcd import Client, Member, program
from support.kubernetes_api import TlsServer

_DATABASE = bytes(16) + (0xED0CDAED).to_bytes(4, "little") + bytes(492)


@pytest.fixture
def client(tmp_path: Path, secrets: Secrets, desc: ClusterDesc, members: list[Member]) -> Client:
    """A client, once every member takes what it writes."""
    made = Client(tmp_path / "client", secrets, desc.nodes[0])
    for member in members:
        made.wait(member)
    return made


@pytest.fixture
def snapshot(folder: ClusterFolder, tmp_path: Path) -> Callable[..., int]:
    """Runs the command in a folder of its own; its exit code."""
    return lambda *words: run(["etcd", "snapshot", *words, "--root", str(folder.root)])


def read_back(file: Path, folder: Path, address: str) -> dict[str, str]:
    """The keys of a snapshot, as etcd has them that its own tool restored."""
    restored = [program("etcdctl"), "snapshot", "restore", str(file), "--data-dir", str(folder)]
    done = subprocess.run(restored, env={"ETCDCTL_API": "3"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    url = f"http://{address}:12379"
    options = ["--data-dir", str(folder), "--listen-client-urls", url, "--advertise-client-urls", url]
    peer = ["--listen-peer-urls", f"http://{address}:12380"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program("etcd"), *options, *peer], stdout=log, stderr=log)
    try:
        get = [program("etcdctl"), "--endpoints", url, "get", "", "--prefix", "--write-out=json"]
        done = subprocess.run(get, env={"ETCDCTL_API": "3"}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + (folder / "log").read_text()[-2000:]
        return {entry["key"]: entry["value"] for entry in json.loads(done.stdout)["kvs"]}
    finally:
        process.terminate()
        process.wait(30)


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_a_snapshot_brings_back_what_was_written_until_then(
    tmp_path: Path,
    desc: ClusterDesc,
    members: list[Member],
    client: Client,
    snapshot: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    values = ["value"] * client.written  # while the members were waited for
    for number in range(100):  # a hundred KiB: the stream is of more than two parts
        values.append(f"{number}" * 1024)
        client.put(members[0], values[-1])
    file = tmp_path / "kept" / "etcd.db"
    file.parent.mkdir()
    assert snapshot("-o", str(file), "--json") == 0
    client.put(members[0])
    said = json.loads(capsys.readouterr().out)
    content = file.read_bytes()
    assert said == {
        "file": str(file),
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
        "member": "node1",
        "healthy": True,
    }
    assert len(content) > 2 * 32_768
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    address = str(desc.network.bootstrapper)
    assert read_back(file, tmp_path / "restored", address) == {
        base64(f"key{number}"): base64(value) for number, value in enumerate(values)
    }


def test_a_file_that_is_there_is_not_replaced(
    tmp_path: Path, client: Client, snapshot: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "etcd.db"
    file.write_text("mine")
    assert snapshot("-o", str(file)) == 2
    assert f"{file}: exists, and a snapshot replaces nothing" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_without_a_name_it_is_called_after_the_cluster_and_the_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    snapshot: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert snapshot() == 0
    (file,) = here.iterdir()
    digest = sha256(file.read_bytes()).hexdigest()
    size = f"{file.stat().st_size / 1e3:.1f} kB"
    out, err = capsys.readouterr()
    assert out == f"{file.name}: {size} from node1, sha256 {digest}\n"
    assert file.match("unit-20*T*Z.db")
    assert err == "asking node1 for a snapshot\n"


def test_members_that_are_down_are_passed_over_and_the_last_one_gives_what_it_has(
    tmp_path: Path,
    members: list[Member],
    client: Client,
    snapshot: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    members[0].stop()
    client.wait(members[1])
    assert snapshot("-o", str(tmp_path / "two.db"), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["member"], said["healthy"]) == ("node2", True)

    members[1].stop()
    for _ in looks(60, 1):  # until node3 knows that it is alone
        (tmp_path / "one.db").unlink(missing_ok=True)
        capsys.readouterr()
        assert snapshot("-o", str(tmp_path / "one.db")) == 0
        out, err = capsys.readouterr()
        if "note: " in err:
            break
    assert " from node3, " in out
    assert "note: node3 " in err
    assert "what was written last may be missing" in err

    members[2].stop()
    assert snapshot("-o", str(tmp_path / "none.db")) == 3
    err = capsys.readouterr().err
    assert "no etcd member gave a snapshot: node1: does not answer; node2: does not answer; node3: does not ans" in err
    assert not (tmp_path / "none.db").exists()


@contextmanager
def instead_of(member: Member, secrets: Secrets, folder: Path, stream: bytes) -> Iterator[TlsServer]:
    """Something that says it is well, with the keys of a member that is stopped, and gives `stream` for a snapshot."""
    assert secrets.etcd_authority is not None
    member.stop()
    server = TlsServer(
        (str(member.node.ip), ETCD_PORT),
        secrets.node_keys[member.node.mac]["etcd-server"],
        folder,
        lambda path: (200, b'{"health":"true"}' if path == "/health" else stream),
        secrets.etcd_authority.certificate,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def line(blob: bytes, remaining: int = 0) -> bytes:
    """As the gateway writes a part."""
    result = {"header": {}, "remaining_bytes": str(remaining), "blob": b64encode(blob).decode()}
    return json.dumps({"result": result}).encode() + b"\n"


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b"", "what it sent is not a database of etcd's"),
        (line(_DATABASE, 512), "what it sent does not end with the SHA-256 of a snapshot"),
        (line(_DATABASE) + line(sha256(b"").digest()), "what it sent does not have the SHA-256 that it ends with"),
        (line(_DATABASE) + line(b"short"), "what it sent does not end with the SHA-256 of a snapshot"),
        (line(_DATABASE) + b'{"error":{"message":"stopped"}}\n', "breaks off: stopped"),
        (line(_DATABASE)[:-20], "sends what is no part of a snapshot"),
    ],
    ids=["nothing", "cut short", "wrong hash", "no hash", "an error", "half a line"],
)
def test_a_stream_that_is_not_whole_leaves_no_file_and_another_member_is_asked(
    tmp_path: Path,
    secrets: Secrets,
    members: list[Member],
    client: Client,
    snapshot: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    stream: bytes,
    said: str,
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with instead_of(members[0], secrets, tmp_path / "far", stream) as server:
        client.wait(members[1])
        assert snapshot("-o", str(kept / "etcd.db"), "--json") == 0
        out, err = capsys.readouterr()
        assert f"node1: {said}" in err
        assert json.loads(out)["member"] == "node2"
        assert server.asked == ["/health", "/v3/maintenance/status", "/v3/maintenance/snapshot"]
        (kept / "etcd.db").unlink()
        for member in members[1:]:
            member.stop()
        assert snapshot("-o", str(kept / "etcd.db")) == 3
        assert f"no etcd member gave a snapshot: node1: {said}" in capsys.readouterr().err
        assert list(kept.iterdir()) == []
