"""A cluster's first day: it comes up, runs pods, outlasts a power cut and a change of address.

The tests stand in that order and share one lab; each needs the one before.
"""

from __future__ import annotations

import time
from ipaddress import IPv4Address
from pathlib import Path

import kboot_clusterdesc
from kboot.host.waiting import looks
from support.kubernetes_lab import KubePod, KubernetesLab

NODES = ("node1", "node2", "node3")
WORKERS = ("node2", "node3")
POOL, OTHER_POOL = ("[10.77.30.100, 10.77.30.150]", "[10.77.30.30, 10.77.30.60]")  # node3 has an address of these
MOVED = "node3"


def _asked_from(lab: KubernetesLab, pod: KubePod, *words: str) -> str:
    """What the program `hello` finds from inside of a pod."""
    return lab.wait_kubectl("exec", pod.name, "--", "/hello", *words)


def _wait_greetings(lab: KubernetesLab, pods: dict[str, KubePod]) -> None:
    """Wait until the pod on each worker answers that on the other, at its address."""
    here, there = (pods[name] for name in WORKERS)
    for asking, asked in ((here, there), (there, here)):
        assert _asked_from(lab, asking, "get", f"http://{asked.address}:8080/") == f"hello from {asked.name}"


def _wait_name(lab: KubernetesLab, pods: dict[str, KubePod]) -> None:
    """Wait until the name of the Service leads to one of the pods, from each worker."""
    greetings = [f"hello from {pod.name}" for pod in pods.values()]
    for pod in pods.values():
        assert _asked_from(lab, pod, "get", "http://hello/") in greetings


def _wait_route(lab: KubernetesLab, on: str, block: str, address: IPv4Address) -> None:
    """Wait until a machine sends what is for `block` to the machine at `address`."""
    route = ""
    for _ in looks(300, 5):
        route = lab.ssh(on, f"ip -4 route show {block}")
        if route.startswith(f"{block} via {address} "):
            return
    raise AssertionError(f"{on}: {route}, not via {address}")


def test_empty_machines_become_a_cluster_whose_nodes_are_ready(lab: KubernetesLab) -> None:
    up = lab.kboot("lab", "up", str(lab.path), timeout_s=5400)
    assert up.returncode == 0, up.stdout + up.stderr
    assert [(node["name"], node["phase"]) for node in lab.status()["nodes"]] == [(name, "ready") for name in NODES]
    nodes = lab.wait_nodes({})
    assert sorted(nodes) == sorted(NODES)
    kubernetes = kboot_clusterdesc.load(lab.path).kubernetes
    assert kubernetes is not None
    assert {node.version for node in nodes.values()} == {kubernetes.version}


def test_the_clocks_of_emulated_machines_run_like_the_one_of_their_host(lab: KubernetesLab) -> None:
    for name in NODES:
        before = time.time()
        assert before - 30 < float(lab.ssh(name, "date +%s")) < time.time() + 30, name


def test_each_worker_runs_a_pod_of_an_image_of_the_registry(lab: KubernetesLab) -> None:
    lab.wait_kubectl("apply", "--filename", str(Path(__file__).with_name("hello.yaml")))
    pods = lab.wait_pods("hello", {}, WORKERS)
    assert len({pod.address for pod in pods.values()}) == 2


def test_pods_on_two_nodes_reach_each_other(lab: KubernetesLab) -> None:
    _wait_greetings(lab, lab.pods("hello"))


def test_a_service_answers_by_its_name(lab: KubernetesLab) -> None:
    pods = lab.pods("hello")
    address = lab.wait_kubectl("get", "service", "hello", "--output=jsonpath={.spec.clusterIP}")
    assert _asked_from(lab, pods["node2"], "lookup", "hello") == address
    assert _asked_from(lab, pods["node3"], "lookup", "hello.default.svc.cluster.local") == address
    _wait_name(lab, pods)


def test_the_logs_of_every_worker_can_be_read(lab: KubernetesLab) -> None:
    for pod in lab.pods("hello").values():
        assert lab.wait_kubectl("logs", pod.name) == f"hello from {pod.name}"


def test_the_cluster_stands_again_after_every_machine_lost_its_power(lab: KubernetesLab) -> None:
    nodes, pods = lab.nodes(), lab.pods("hello")
    for name in NODES:
        lab.ssh(name, "sync")  # an image that was unpacked just before a power cut may be broken: docs/kubernetes.md
    for way in ("off", "on"):
        for name in NODES:
            assert lab.kboot("lab", "power", name, way).returncode == 0
    again = lab.wait_nodes(nodes)
    assert {name: node.uid for name, node in again.items()} == {name: node.uid for name, node in nodes.items()}
    same = lab.wait_pods("hello", pods, WORKERS)
    assert {pod.uid for pod in same.values()} == {pod.uid for pod in pods.values()}
    _wait_greetings(lab, same)
    _wait_name(lab, same)
    assert lab.wait_kubectl("logs", same["node2"].name) == f"hello from {same['node2'].name}"


def test_a_node_at_a_new_address_is_the_same_node_and_the_routes_follow(lab: KubernetesLab) -> None:
    node, pods = lab.nodes()[MOVED], lab.pods("hello")
    lab.path.write_text(lab.path.read_text().replace(POOL, OTHER_POOL))
    up = lab.kboot("lab", "up", str(lab.path), timeout_s=1800)
    assert up.returncode == 0, up.stdout + up.stderr
    assert lab.kboot("lab", "power", MOVED, "cycle").returncode == 0

    moved = lab.wait_nodes({MOVED: node})[MOVED]
    assert IPv4Address("10.77.30.30") <= moved.address <= IPv4Address("10.77.30.60")
    assert (moved.uid, moved.block) == (node.uid, node.block)
    assert lab.exec("dig", "+short", "@10.77.30.253", f"{MOVED}.kube.example.com").strip() == str(moved.address)
    for name in NODES:
        if name != MOVED:
            _wait_route(lab, name, moved.block, moved.address)
    again = lab.wait_pods("hello", {MOVED: pods[MOVED]}, WORKERS)
    assert again[MOVED].uid == pods[MOVED].uid
    _wait_greetings(lab, again)
    assert lab.wait_kubectl("logs", again[MOVED].name) == f"hello from {again[MOVED].name}"


def test_down_leaves_nothing(lab: KubernetesLab) -> None:
    done = lab.kboot("lab", "down", timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert lab.leftovers() == []
    assert not lab.folder.path.exists()
