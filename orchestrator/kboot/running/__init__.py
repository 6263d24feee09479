"""Clients of what runs: the engine's services, the cloud-config server, etcd, the API servers, machines by ssh."""
