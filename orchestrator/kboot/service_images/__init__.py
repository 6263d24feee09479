"""The service images, built from `services/` and named by the hash of all that goes into them."""
