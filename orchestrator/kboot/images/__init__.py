"""The images of the services: built from `services/`, named by the hash of all that goes into them."""
