"""Downloads the binaries that nodes fetch from where they are released."""

from __future__ import annotations

import re
import shutil
import ssl
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.site_proxy import SiteProxy

from ..errors import KbootError
from .assets import CNI_NEEDED, CNI_PLUGINS, KUBERNETES_BINARIES, Asset, add_assets, is_whole
from .release_urls import CNI_URL, CNI_VERSION, KUBERNETES_URL
from .scratch import PULL, scratch_folder

_AS_IT_IS = {"Accept-Encoding": "identity"}
_CHUNK = 1024**2


def pull_assets(
    folder: ClusterFolder,
    version: str,
    arch: str,
    progress: Callable[[str], None],
    *,
    kubernetes_url: str = KUBERNETES_URL,
    cni_url: str = CNI_URL,
    proxy: SiteProxy | None = None,
    one_by_one: bool = False,
) -> list[Asset]:
    """Download the binaries that are not there whole, check each against its published SHA-256, and return them.

    They are asked for by `proxy`, or by what the environment says of one where that is None.
    All take their places together, or each at once: a run that is killed then need not do it again.
    """
    missing = [name for name in KUBERNETES_BINARIES if not is_whole(folder, f"kubernetes/{version}/{name}")]
    with scratch_folder(folder, PULL) as scratch, _client(proxy) as client:
        added: list[Asset] = []
        files: dict[str, Path] = {}
        for name in missing:
            url = f"{kubernetes_url.rstrip('/')}/{version}/bin/linux/{arch}/{name}"
            files[name] = _download(client, url, scratch / name, progress)
            if one_by_one:
                added += add_assets(folder, {name: files.pop(name)}, version, arch=arch)
        if not all(is_whole(folder, f"cni/{name}") for name in CNI_NEEDED):
            archive = f"cni-plugins-linux-{arch}-{CNI_VERSION}.tgz"
            url = f"{cni_url.rstrip('/')}/{CNI_VERSION}/{archive}"
            files |= _unpacked(_download(client, url, scratch / archive, progress), scratch / "cni")
        return added + (add_assets(folder, files, version, arch=arch) if files else [])


def _client(proxy: SiteProxy | None) -> httpx.Client:
    """Return a client that trusts the CAs of this machine, a site's own too; httpx would take its own list."""
    context = ssl.create_default_context()
    return httpx.Client(
        timeout=30,
        follow_redirects=True,
        headers=_AS_IT_IS,
        verify=context,
        mounts=_mounts(proxy, context) if proxy else None,
        trust_env=proxy is None,
    )


def _mounts(proxy: SiteProxy, context: ssl.SSLContext) -> dict[str, httpx.BaseTransport | None]:
    """Return the way to each kind of address; None is without a proxy. Whatever is more exact comes first."""
    asked = {"http://": proxy.http, "https://": proxy.https}
    ways: dict[str, httpx.BaseTransport | None] = {
        kind: httpx.HTTPTransport(proxy=url, verify=context) for kind, url in asked.items() if url
    }
    own = (*proxy.no_proxy, "127.0.0.1", "localhost")
    return ways | {f"all://*{host.removeprefix('.')}": None for host in own}


def _download(client: httpx.Client, url: str, target: Path, progress: Callable[[str], None]) -> Path:
    """Download `url` to `target`, and return that; raise KbootError unless it has the SHA-256 published beside it."""
    try:
        published = client.get(f"{url}.sha256").raise_for_status().text.split()
        wanted = published[0].lower() if published else ""
        if not re.fullmatch(r"[0-9a-f]{64}", wanted):
            raise KbootError(f"{url}.sha256: is no SHA-256", "is that the address of a release server?")
        progress(f"downloading {url}")
        found = sha256()
        with client.stream("GET", url) as answer, target.open("wb") as stream:
            answer.raise_for_status()
            for chunk in _with_progress(answer, target.name, progress):
                found.update(chunk)
                stream.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise KbootError(
            f"{url}: {error}", "is it reached from here? Without internet: `kboot assets add FOLDER`"
        ) from error
    if found.hexdigest() != wanted:
        raise KbootError(f"{url}: its bytes are {found.hexdigest()}, published is {wanted}", "try again")
    return target


def _with_progress(answer: httpx.Response, name: str, progress: Callable[[str], None]) -> Iterator[bytes]:
    """Yield the body of an answer in chunks, and report progress at each quarter."""
    total, seen, said = int(answer.headers.get("Content-Length", 0)), 0, 0
    for chunk in answer.iter_raw(_CHUNK):
        yield chunk
        seen += len(chunk)
        if total and seen * 4 // total > said:
            said = seen * 4 // total
            progress(f"  {name} {seen // 1_000_000} of {total // 1_000_000} MB")


def _unpacked(archive: Path, folder: Path) -> dict[str, Path]:
    """Unpack the known plugins of an archive of CNI plugins into `folder`, and return name -> file."""
    folder.mkdir()
    files: dict[str, Path] = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name).name
                content = tar.extractfile(member) if member.isfile() and name in CNI_PLUGINS else None
                if content is not None:
                    files[name] = folder / name
                    with files[name].open("wb") as stream:
                        shutil.copyfileobj(content, stream)
    except (tarfile.TarError, EOFError) as error:
        raise KbootError(f"{archive.name}: cannot be unpacked: {error}", "try again") from error
    return files
