"""Rules for how machines boot: what is there for their architecture, and who hands it out."""

from __future__ import annotations

from collections.abc import Iterator

from ..kernel_line import KernelLine
from ..model import ClusterDesc, DhcpMode
from ..problem import Problem
from ..source import Tree
from .at import Steps, problem_at

# What kboot and the OS's own boot loader write on the kernel line, and would no longer work if it stood there twice.
_OURS = {
    "initrd", "cloud-config-url", "ignition.config.url", "flatcar.first_boot", "flatcar.autologin", "coreos.config.url",
    "coreos.first_boot", "coreos.autologin", "root", "rootflags", "usr", "mount.usr", "mount.usrflags",
}  # fmt: skip
_ROOM = 1200  # of the 2048 bytes that a kernel of x86-64 reads, the rest is for what kboot and the OS write


def check_arch(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for an architecture that no boot loader is built for."""
    if desc.os.arch != "amd64":
        yield problem_at(
            tree,
            ("os", "arch"),
            f"kboot has no boot loader for {desc.os.arch}, so no machine would start",
            "write `arch: amd64`, or leave it out, and machines of another architecture too",
        )


def check_loaders(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each loader of a node that nobody would send it to."""
    if desc.network.dhcp.mode is not DhcpMode.OFF:
        return
    for i, node in enumerate(desc.nodes):
        if node.loader is not None:
            yield problem_at(
                tree,
                ("nodes", i, "loader"),
                "with `mode: off` the site's own DHCP server says what a machine loads, kboot does not",
                f"take it out, and have that server send this machine to tftp://{desc.network.bootstrapper}/{node.loader}",
                given=("network.dhcp.mode",),
            )


def check_kernel_args(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each kernel argument that is not the operator's to write, and for a line that is too long."""
    lines: list[tuple[Steps, KernelLine]] = [(("os",), desc.os)]
    lines += [(("nodes", i), node) for i, node in enumerate(desc.nodes)]
    for above, line in lines:
        path = (*above, "kernel_args")
        for i, argument in enumerate(line.kernel_args or ()):
            name = argument.partition("=")[0]
            if name == "console":
                way = f"write it as `console: [{argument.partition('=')[2]}]`"
                yield problem_at(tree, (*path, i), "a console has a key of its own", way)
            elif name in _OURS:
                way = "leave it out" if "root" not in name else "leave it out: the OS finds its disk by itself"
                yield problem_at(tree, (*path, i), f"`{name}` is written by kboot or the OS's own boot loader", way)
        if len(" ".join(line.kernel_args or ())) > _ROOM:
            yield problem_at(tree, path, f"these are more than {_ROOM} letters, which no kernel reads", "write fewer")
