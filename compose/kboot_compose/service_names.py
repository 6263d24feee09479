"""The names of the services, in the order of `SERVICES` of services.py."""

SERVICE_NAMES = ("dnsmasq", "cloudconfig", "registry", "updater", "time")
