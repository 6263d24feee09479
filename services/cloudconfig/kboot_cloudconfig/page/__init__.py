"""The page of the cluster: what people see of it in a browser."""
