#!/usr/bin/env bash
# Builds Kubernetes, etcd and CoreDNS from their public Go modules into the folder OUT: `build.sh OUT`. The versions are
# pinned in go.mod and checked against go.sum. Static, stripped; half an OUT is never left behind.
set -euo pipefail
out=${1:?build.sh OUT}
here=$(cd "$(dirname "$0")" && pwd)
needed=1.26
PATH=$PATH:/usr/local/go/bin

if ! command -v go >/dev/null; then
  printf 'kubernetes: Go is not installed: install Go %s or newer, it is looked for on PATH and in /usr/local/go\n' "$needed" >&2
  exit 1
fi
found=$(go env GOVERSION)
if [ "$(printf '%s\n%s\n' "$needed" "${found#go}" | sort -V | head -n 1)" != "$needed" ]; then
  printf 'kubernetes: %s is too old: install Go %s or newer\n' "$found" "$needed" >&2
  exit 1
fi

version_of() { (cd "$1" && go list -m -f '{{.Version}}' "$2"); }
kubernetes=$(version_of "$here" k8s.io/kubernetes)
etcd=$(version_of "$here" go.etcd.io/etcd/server/v3)
coredns=$(version_of "$here/coredns" github.com/coredns/coredns)
minor=${kubernetes#v1.}
stamp="-X k8s.io/component-base/version.gitVersion=$kubernetes -X k8s.io/component-base/version.gitMajor=1"
stamp="$stamp -X k8s.io/component-base/version.gitMinor=${minor%%.*} -X k8s.io/component-base/version.gitTreeState=clean"

work=$out.new
rm -rf "$work"
mkdir -p "$work"

build() { # build FOLDER PACKAGE NAME [LINKER FLAGS]
  local began=$SECONDS
  (cd "$1" && CGO_ENABLED=0 nice -n 10 go build -trimpath -ldflags "-s -w ${4:-}" -o "$work/$3" "$2")
  printf 'kubernetes: %-24s %4d MB %5d s\n' "$3" "$(($(stat -c %s "$work/$3") >> 20))" "$((SECONDS - began))"
}

printf 'kubernetes: building Kubernetes %s, etcd %s, CoreDNS %s with %s\n' "$kubernetes" "$etcd" "$coredns" "$found"
for name in kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
  build "$here" "k8s.io/kubernetes/cmd/$name" "$name" "$stamp"
done
build "$here" go.etcd.io/etcd/server/v3 etcd
build "$here" go.etcd.io/etcd/etcdctl/v3 etcdctl
build "$here" go.etcd.io/etcd/etcdutl/v3 etcdutl
build "$here" ./pause pause
build "$here" ./hello hello
build "$here/coredns" github.com/coredns/coredns coredns
printf 'kubernetes %s\netcd %s\ncoredns %s\n' "$kubernetes" "$etcd" "$coredns" >"$work/versions"
(cd "$work" && sha256sum -- *) >"$out.sums"
mv "$out.sums" "$work/SHA256SUMS"
rm -rf "$out"
mv "$work" "$out"
printf 'kubernetes: %s is whole\n' "$out"
