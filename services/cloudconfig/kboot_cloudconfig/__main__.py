"""`python3 -m kboot_cloudconfig`: the server, configured by its environment."""

import os
import sys

from .hand_over import given_sockets
from .settings import settings_from

settings = settings_from(os.environ)
if (given := given_sockets(os.environ)) is None:
    from .generations import run

    sys.exit(run(settings))

from .server import serve  # noqa: E402 - what it needs would be in the memory of the other process too

serve(settings, given)
