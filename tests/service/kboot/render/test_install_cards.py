"""The card by which install.sh asks the bootstrapper, with real cards, curl and kernel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_compose.templates import rendered
from support.namespace import Namespace, cabled, ip

_BOOTSTRAPPER = "10.9.0.253"
_ADDRESSES = {"eth0": "10.9.0.11", "eth1": "10.9.0.27"}
Network = tuple[Namespace, Namespace]
_SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.client_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("10.9.0.253", 80), Handler).serve_forever()
"""
_TRIES = """
set -eu
asked() {
  for try in $(seq 0 "$1"); do
    if ask_by_own_card "$try" && curl "${by_own_card[@]}" --silent --max-time 3 http://10.9.0.253/; then
      echo " $try"
      return
    fi
  done
  exit 1
}
for tries in "$@"; do asked "$tries"; done
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A bootstrapper that answers with the address it sees, and a machine with two cards in its network."""
    with cabled({"eth0": "10.9.1.1/32", "eth1": "10.9.1.2/32"}, "cards") as (server, client):
        ip("-n", server.name, "link", "add", "rack", "type", "bridge")
        ip("-n", server.name, "addr", "add", f"{_BOOTSTRAPPER}/24", "dev", "rack")
        for link in ("rack", "eth0", "eth1"):
            ip("-n", server.name, "link", "set", link, "up", *(() if link == "rack" else ("master", "rack")))
        with server.daemon([sys.executable, "-c", _SERVER], {}, tmp_path / "log"):
            for _ in looks(10, 0.1):
                if server.run("curl", "--silent", f"http://{_BOOTSTRAPPER}/").returncode == 0:
                    break
            yield server, client


@pytest.fixture
def machine(network: Network) -> Namespace:
    return network[1]


def _asked(machine: Namespace, macs: str, *tries: int) -> str:
    """The address that the bootstrapper saw, and at which of so many tries, a line a question; else nothing."""
    script = rendered("config/install_cards.sh.j2").decode() + _TRIES
    return machine.run("bash", "-c", f"KBOOT_CARDS='{macs}'\n{script}", "bash", *map(str, tries or (1,))).stdout.strip()


def _mac(machine: Namespace, card: str) -> str:
    return machine.run("ip", "-br", "link", "show", "dev", card).stdout.split()[2]


@pytest.mark.parametrize("rp_filter", [0, 1, 2])
@pytest.mark.parametrize("cards", [("eth0", "eth1"), ("eth1", "eth0")])
def test_it_is_asked_from_the_address_of_its_own_card_whichever_has_the_route(
    machine: Namespace, cards: tuple[str, str], rp_filter: int
) -> None:
    for card in cards:  # the first has the route
        assert machine.run("sysctl", "-qw", f"net.ipv4.conf.{card}.rp_filter={rp_filter}").returncode == 0
        ip("-n", machine.name, "addr", "add", f"{_ADDRESSES[card]}/24", "dev", card)
    assert machine.run("curl", "--silent", f"http://{_BOOTSTRAPPER}/").stdout == _ADDRESSES[cards[0]]
    for card, address in _ADDRESSES.items():
        assert _asked(machine, _mac(machine, card)) == f"{address} 0"


def test_it_is_asked_by_the_card_where_that_alone_may_send_from_its_address(network: Network) -> None:
    server, machine = network
    for card, address in sorted(_ADDRESSES.items(), reverse=True):
        ip("-n", machine.name, "addr", "add", f"{address}/24", "dev", card)
        # Like a switch that lets each port send from its own address alone.
        ip("-n", server.name, "link", "set", card, "nomaster")
        ip("-n", server.name, "addr", "add", f"{_BOOTSTRAPPER}/32", "dev", card)
        ip("-n", server.name, "route", "add", f"{address}/32", "dev", card)
        assert server.run("sysctl", "-qw", f"net.ipv4.conf.{card}.rp_filter=1").returncode == 0
    assert _asked(machine, _mac(machine, "eth0")) == "10.9.0.11 1"


def test_a_card_without_an_address_is_waited_for_and_then_it_is_asked_by_any(machine: Namespace) -> None:
    ip("-n", machine.name, "addr", "add", "10.9.0.27/24", "dev", "eth1")
    assert _asked(machine, _mac(machine, "eth0"), 9) == ""
    assert _asked(machine, _mac(machine, "eth0"), 10) == "10.9.0.27 10"
    both = f"{_mac(machine, 'eth0')} {_mac(machine, 'eth1')}"
    assert _asked(machine, both) == "10.9.0.27 0", "a further card of the node is its own, too"


def test_what_went_well_is_the_first_try_of_the_next_question(machine: Namespace) -> None:
    ip("-n", machine.name, "addr", "add", "10.9.0.27/24", "dev", "eth1")
    macs = _mac(machine, "eth0")
    assert _asked(machine, macs, 10, 0, 2).splitlines() == ["10.9.0.27 10", "10.9.0.27 0", "10.9.0.27 0"]
    ip("-n", machine.name, "addr", "add", "10.9.0.11/24", "dev", "eth0")
    ip("-n", machine.name, "rule", "add", "from", "10.9.0.11", "prohibit")
    ip("-n", machine.name, "link", "set", "eth0", "down")
    assert _asked(machine, macs, 20, 0).splitlines() == ["10.9.0.27 10", "10.9.0.27 0"]
