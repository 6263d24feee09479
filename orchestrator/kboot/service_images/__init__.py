"""Images: those of the services, built from `services/` and named by all that goes into them; those that nodes pull."""
