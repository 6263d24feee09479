"""What tests with Docker share."""

from support.service_images import service_images

__all__ = ["service_images"]
