"""testcontainers' reaper is an image from a public registry: tests here remove what they make themselves."""

import os

import pytest

from kboot.service_images.provide import ensure_images
from kboot.service_images.sources import sources

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"


@pytest.fixture(scope="session")
def service_images() -> dict[str, str]:
    """service -> image, built before anything is timed."""
    return ensure_images(sources(), print)
