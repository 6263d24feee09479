"""Pruning the real registry's store while machines pull from it, and while something is pushed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from kboot.cli.main import run
from kboot.errors import KbootError, NotYet
from kboot.supplies.named_images import is_kept
from kboot.supplies.prune import planned_prune, prune_store
from kboot.supplies.registry import Registry
from kboot.supplies.registry_contents import Plan
from kboot.supplies.registry_store import RegistryStore
from kboot.supplies.standing import Standing
from support.image_archives import digest_of
from support.real_registry import RealRegistry, image_of, index_of, real_registry

SHARED = b"a layer of several images"
WANTED, OLD, LOST = "registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.9", "quay.io/tool/lost:1"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """An empty one."""
    with real_registry(tmp_path, "svc-prune", "127.77.20.253") as made:
        yield made


def store(registry: RealRegistry) -> RegistryStore:
    return RegistryStore(registry.folder.registry)


def prune(registry: RealRegistry, *references: str) -> Plan:
    """What `kboot images prune` does, until pushes are taken again."""
    plan = prune_store(store(registry), is_kept(references, ()), registry.end_pushes)
    registry.wait_ready()
    return plan


def layer_at_both(registry: RealRegistry) -> list[int]:
    """How each of the two processes answers for the shared layer."""
    with registry.puller() as puller, registry.pusher() as pusher:
        return [client.head(f"/v2/pause/blobs/{digest_of(SHARED)}").status_code for client in (puller, pusher)]


def standing(registry: RealRegistry, reference: str) -> Standing:
    with Registry(registry.folder, registry.desc) as client:
        return client.look(reference).standing


def blobs(registry: RealRegistry) -> set[str]:
    return set(store(registry).contents().blobs)


def collectable(registry: RealRegistry) -> int:
    """How many blobs the registry's own garbage collection would remove."""
    place = registry.folder.registry
    command = f'mount --bind "{registry.etc}" /etc && mount --bind "{place}" /var/lib/registry && exec "$@"'
    collect = ["docker-registry", "garbage-collect", "--dry-run", "/etc/docker/registry/push.yml"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command, "sh", *collect], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.count("blob eligible for deletion: ")


def test_what_nobody_needs_goes_and_what_is_needed_stays_whole(registry: RealRegistry) -> None:
    wanted, old, lost = image_of(SHARED, b"new"), image_of(SHARED, b"old"), image_of(SHARED, b"lost")
    for reference, image in ((WANTED, wanted), (OLD, old), (LOST, lost)):
        registry.push(reference, image)
    stays = is_kept([WANTED], ())
    planned = planned_prune(registry.folder, stays)
    assert blobs(registry) == wanted.digests | old.digests | lost.digests
    plan = prune(registry, WANTED)
    assert plan == planned
    assert {(each.repository, each.digest, each.tags) for each in plan.removals} == {
        ("pause", old.digest, ("3.9",)),
        ("tool/lost", lost.digest, ("1",)),
    }
    assert (blobs(registry), plan.kept) == (wanted.digests, 1)
    assert [standing(registry, each) for each in (WANTED, OLD, LOST)] == ["ok", "missing", "missing"]
    assert not (registry.folder.registry / "docker/registry/v2/repositories/tool").exists()
    with registry.pusher() as client:
        assert client.get("/v2/_catalog").json() == {"repositories": ["pause"]}
    assert collectable(registry) == 0
    assert prune(registry, WANTED).removals == ()


def test_what_was_removed_is_pushed_anew_with_every_layer(registry: RealRegistry) -> None:
    image = image_of(SHARED, b"old")
    registry.push(OLD, image)
    assert layer_at_both(registry) == [200, 200]
    prune(registry)
    assert layer_at_both(registry) == [404, 404]  # who kept it in mind would say that it is there
    assert registry.push(OLD, image) == 3
    assert standing(registry, OLD) is Standing.OK


def test_of_what_has_no_tag_the_parts_of_a_needed_index_stay(registry: RealRegistry) -> None:
    ours, theirs, left = image_of(b"amd64"), image_of(b"arm64"), image_of(b"of no index and no tag")
    index = index_of(amd64=ours, arm64=theirs)
    for image in (ours, theirs, left):
        registry.push(f"quay.io/tool/two@{image.digest}", image)
    registry.push("quay.io/tool/two:1", index)
    plan = prune(registry, "quay.io/tool/two:1")
    assert [(each.digest, each.tags) for each in plan.removals] == [(left.digest, ())]
    assert (plan.kept, blobs(registry)) == (1, index.digests | ours.digests | theirs.digests)
    assert standing(registry, "quay.io/tool/two:1") is Standing.OK
    assert prune(registry, f"quay.io/tool/two@{theirs.digest}").kept == 1
    assert blobs(registry) == theirs.digests


def test_no_pull_fails_while_others_are_pushed_and_pruned(registry: RealRegistry) -> None:
    layer = os.urandom(1 << 20) * 200
    needed = {f"registry.k8s.io/needed:{number}": image_of(SHARED, bytes([number]) * 200_000) for number in range(6)}
    needed["registry.k8s.io/large:1"] = image_of(SHARED, layer)
    for reference, image in needed.items():
        registry.push(reference, image)
    pulled: list[int] = []
    failed: list[BaseException] = []
    is_over = threading.Event()

    def pull(references: list[str]) -> None:
        try:
            while not is_over.is_set():
                with registry.puller() as client:
                    pulled.extend(registry.pull(reference, client) for reference in references)
        except BaseException as error:
            failed.append(error)

    small = [reference for reference in needed if "large" not in reference]
    threads = [
        threading.Thread(target=pull, args=(each,)) for each in (small, small[::-1], ["registry.k8s.io/large:1"])
    ]
    for thread in threads:
        thread.start()
    for number in range(8):
        passing = image_of(SHARED, b"passing %d" % number * 100_000)
        assert registry.push(f"quay.io/tool/passing:{number}", passing) == 2 + (number == 0 or 1)
        assert len(prune(registry, *needed).removals) == 1
    is_over.set()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert len(pulled) > 8
    assert blobs(registry) == {digest for image in needed.values() for digest in image.digests}


def test_a_push_beside_a_prune_ends_whole_or_not_at_all(registry: RealRegistry) -> None:
    registry.push(WANTED, image_of(SHARED))
    begun: list[str] = []
    whole: list[str] = []
    is_over = threading.Event()

    def push() -> None:
        while not is_over.is_set():
            begun.append(f"quay.io/tool/stray:{len(begun)}")
            layers = (b"in all that is pushed", b"%d" % len(begun) * 50_000)
            with suppress(httpx.HTTPError):
                registry.push(begun[-1], image_of(*layers))
                whole.append(begun[-1])

    thread = threading.Thread(target=push)
    thread.start()
    try:
        for _ in range(15):
            prune(registry, WANTED)
            for reference in begun[-8:]:
                assert standing(registry, reference) is not Standing.WRONG, reference
    finally:
        is_over.set()
        thread.join(60)
    assert whole
    assert standing(registry, WANTED) is Standing.OK


def test_what_a_broken_push_left_goes_and_what_stood_is_whole(registry: RealRegistry) -> None:
    registry.push(WANTED, image_of(SHARED))
    cut, image = os.urandom(1 << 20) * 20, image_of(b"small")
    sent = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield cut[: 10 << 20]
        sent.set()
        registry.killed.wait(30)
        yield cut[10 << 20 :]

    def push() -> None:
        with registry.pusher() as client:
            place = client.post("/v2/tool/cut/blobs/uploads/").headers["Location"]
            with pytest.raises(httpx.TransportError):
                client.patch(place, content=pieces())

    thread = threading.Thread(target=push)
    thread.start()
    assert sent.wait(30)
    registry.kill()
    thread.join(30)
    registry.start()
    assert standing(registry, WANTED) is Standing.OK
    assert registry.push("quay.io/tool/cut:1", image_of(cut)) == 2
    assert registry.push("quay.io/tool/cut:2", image) == 2
    assert standing(registry, "quay.io/tool/cut:1") is Standing.OK
    assert prune(registry, WANTED, "quay.io/tool/cut:1", "quay.io/tool/cut:2").freed_bytes > 1 << 20
    assert list(registry.folder.registry.glob("docker/registry/v2/repositories/**/_uploads/*")) == []
    assert standing(registry, "quay.io/tool/cut:1") is Standing.OK


@contextmanager
def held(registry: RealRegistry) -> Iterator[None]:
    with store(registry).pushes_held_off(registry.end_pushes):
        yield


def test_while_a_store_is_pruned_no_push_is_taken_and_a_second_prune_is_refused(registry: RealRegistry) -> None:
    registry.push(WANTED, image_of(SHARED))
    with held(registry):
        with registry.puller() as client:
            assert registry.pull(WANTED, client) > 0
        with pytest.raises(httpx.ConnectError):
            registry.push(OLD, image_of(b"old"))
        with pytest.raises(KbootError, match="is pruned by another process"):
            prune(registry, WANTED)
    registry.wait_ready()
    assert registry.push(OLD, image_of(b"old")) == 2


def test_pushes_are_taken_again_when_who_pruned_was_killed(registry: RealRegistry, tmp_path: Path) -> None:
    mark = tmp_path / "held"
    program = f"""
import os, signal
from pathlib import Path
from kboot.supplies.registry_store import RegistryStore
store = RegistryStore(Path({str(registry.folder.registry)!r}))
with store.pushes_held_off(lambda: os.kill({registry.pid}, signal.SIGUSR1)):
    Path({str(mark)!r}).touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == -9
    assert mark.exists()
    registry.wait_ready()
    assert registry.push(OLD, image_of(b"old")) == 2


def test_a_store_that_no_registry_of_this_kind_opened_is_not_pruned(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="no registry that can be pruned ever ran here"):
        prune_store(RegistryStore(tmp_path), is_kept((), ()), lambda: None)


def test_a_dry_run_says_what_would_go_and_removes_nothing(
    registry: RealRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    old = image_of(b"x" * 3_000_000)
    registry.push(WANTED, image_of(SHARED))
    registry.push(OLD, old)
    registry.push("quay.io/shop/till:7", image_of(SHARED))
    before = blobs(registry)
    words = ["images", "prune", "--dry-run", "--keep", "shop/*", "--root", str(registry.folder.root)]
    assert run(words) == 0
    said = f"pause:3.9 {old.digest}\n", "1 would be removed, 3 MB would be freed; 2 stay\n"
    assert capsys.readouterr() == said
    assert blobs(registry) == before


DAMAGES = {
    "the tag's link": ("repositories/pause/_manifests/tags/3.10/current/link", b""),
    "the manifest's link": ("repositories/pause/_manifests/revisions/sha256/{manifest}/link", b""),
    "the manifest": ("blobs/sha256/{manifest:.2}/{manifest}/data", b""),
    "a layer's link": ("repositories/pause/_layers/sha256/{layer}/link", b""),
    "a layer": ("blobs/sha256/{layer:.2}/{layer}/data", b"a lay"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_power_cut_damaged_goes_so_that_a_push_brings_it_again(registry: RealRegistry, damage: str) -> None:
    image, other = image_of(SHARED, b"new"), image_of(SHARED, b"old")
    registry.push(WANTED, image)
    registry.push(OLD, other)
    path, content = DAMAGES[damage]
    named = {"manifest": image.digest[7:], "layer": digest_of(b"new")[7:]}
    (registry.folder.registry / "docker/registry/v2" / path.format(**named)).write_bytes(content)
    prune(registry, WANTED, OLD)
    registry.push(WANTED, image)
    assert [standing(registry, each) for each in (WANTED, OLD)] == ["ok", "ok"]
    assert prune(registry, WANTED, OLD).removals == ()
