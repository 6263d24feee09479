"""`python3 -m kboot_cloudconfig.health_check`: exit 0 when the server answers on both of its ports.

It runs every ten seconds for as long as the cluster does, so it loads nothing of the description.
"""

from __future__ import annotations

import os
import ssl
import sys
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from .settings import settings_from


def is_healthy(environ: dict[str, str]) -> bool:
    """Return whether /readyz answers over HTTP, and over HTTPS with a certificate of the cluster's authority."""
    settings = settings_from(environ)
    context = ssl.create_default_context(cafile=str(settings.authority))
    urls = [
        f"http://{settings.bind}:{settings.http_port}/readyz",
        f"https://{settings.bind}:{settings.https_port}/readyz",
    ]
    try:
        for url in urls:
            with urlopen(url, timeout=5, context=context if url.startswith("https") else None) as answer:  # noqa: S310
                if answer.status != 200:
                    return False
    except HTTPError as fault:
        print(fault, fault.read(1000).decode(errors="replace"), file=sys.stderr)
        return False
    except (URLError, OSError) as error:
        print(error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if is_healthy(dict(os.environ)) else 1)
