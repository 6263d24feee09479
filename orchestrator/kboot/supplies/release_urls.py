"""Where the binaries that nodes fetch are released."""

KUBERNETES_URL = "https://dl.k8s.io"
CNI_URL = "https://github.com/containernetworking/plugins/releases/download"
CNI_VERSION = "v1.9.1"
