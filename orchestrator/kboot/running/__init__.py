"""What runs, asked and told: the services' state, the cloud-config server, etcd, the API servers, machines by ssh."""
