"""testcontainers' reaper is an image from a public registry: tests here remove what they make themselves."""

import os

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
