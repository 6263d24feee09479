"""One run of the benchmark: the servers that stand beside each other, and their turns."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .figures import Figure, figure_of
from .load import quietest
from .network import Network, server_address
from .rack import IMAGE, IMAGE_PATH, LeaseWriter, Tree, make_release, put_release, render
from .servers import NGINX, Nginx, Product, Server

Window = dict[str, float]


def say(text: str) -> None:
    """Tell who waits what is being done."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Session:
    """What all parts need: where they are, what they compare, and how long they may take."""

    network: Network
    folder: Path
    trees: Sequence[Tree]
    rounds: int
    seconds: int  # of a window
    image_mb: int

    @contextmanager
    def standing(self, machines: int) -> Iterator[Standing]:
        """Yield started servers for a rack of so many machines, all of which have their leases."""
        folder = self.folder / f"rack-{machines}"
        release = self.release()
        products = [self.product(tree, number, machines, release) for number, tree in enumerate(self.trees)]
        nginx = Nginx(self.network, server_address(15), folder / "nginx", products[0].folder / "tls" / "cloudconfig")
        nginx.link(IMAGE_PATH, release / IMAGE)
        standing = Standing(self, products, nginx, machines)
        try:
            for server in standing.servers:
                server.start()
                server.rest()
            yield standing
        finally:
            for server in standing.servers:
                server.stop()

    def product(self, tree: Tree, number: int, machines: int, release: Path, *, are_leased: bool = True) -> Product:
        """Return a tree's server over a folder of its own, without a state; it is rendered when it is needed first."""
        address, folder = server_address(number), self.folder / f"rack-{machines}" / tree.name
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            say(f"  {tree.name} renders {machines} machines: {render(tree, address, machines, folder):.1f} s")
            put_release(release, folder)
        LeaseWriter(folder).give(range(1, machines + 1) if are_leased else ())
        shutil.rmtree(folder / "state")  # an emptied one still tells that it was served
        (folder / "state").mkdir()
        (folder / "state" / "new").touch()
        return Product(tree, self.network, address, folder)

    def release(self) -> Path:
        """Return the folder of the release that all hand out."""
        folder = self.folder / "release"
        if not folder.exists():
            folder.mkdir()
            make_release(folder, self.image_mb)
        return folder


@dataclass(frozen=True, slots=True)
class Standing:
    """Servers that stand, and rest but for the one whose turn it is."""

    session: Session
    products: list[Product]
    nginx: Nginx
    machines: int

    @property
    def servers(self) -> list[Server]:
        """nginx and each tree's server."""
        return [self.nginx, *self.products]

    def in_turns(self, measure: Callable[[Server], Window]) -> list[dict[str, Window]]:
        """Return what each server had in each round; all have their turn in every round, the others rest meanwhile."""
        rounds: list[dict[str, Window]] = []
        for number in range(self.session.rounds):
            found: dict[str, Window] = {}
            servers = self.servers if number % 2 == 0 else self.servers[::-1]
            for server in servers:
                server.wake()
                try:
                    found[server.name] = quietest(lambda server=server: measure(server))  # type: ignore[misc]
                finally:
                    server.rest()
            rounds.append({server.name: found[server.name] for server in self.servers})
        return rounds


def column(
    rounds: Sequence[dict[str, Window]], key: str, name: str, unit: str, *, wanted: str = "", per: float = 1
) -> Figure:
    """Return one key of all windows as a figure with ratios to nginx; values are divided by `per`."""
    values = [{server: window[key] / per for server, window in each.items()} for each in rounds]
    return figure_of(name, unit, values, base=NGINX, wanted=wanted)
