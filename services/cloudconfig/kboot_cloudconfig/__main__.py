"""`python3 -m kboot_cloudconfig`: the server, configured by its environment."""

import os

from .server import run
from .settings import settings_from

run(settings_from(os.environ))
