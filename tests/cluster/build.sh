#!/bin/sh
# The real parts of a cluster: etcd, kube-apiserver, kubectl, and the kubelet without containers that kubemark is, built into OUTDIR
# from the Go modules that go.mod pins.
#
#     build.sh OUTDIR
#
# What is there already for these pins is left alone, so a second run takes no time. With KUBEBUILDER_ASSETS (a directory that
# holds the first three programs, as setup-envtest lays it out) only kubemark is built: the tests take the others from there.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
control_plane='etcd kube-apiserver kubectl'
programs="$control_plane kubemark"
packages=tool

fail() {
    echo "$0: $*" >&2
    exit 1
}

holds_all() {
    for program in $programs; do
        [ -x "$1/$program" ] || return 1
    done
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    programs=$control_plane
    holds_all "$KUBEBUILDER_ASSETS" || fail "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS must hold: $programs"
    echo "taking $programs from KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS"
    programs=kubemark
    packages=k8s.io/kubernetes/cmd/kubemark
fi

[ $# -eq 1 ] || fail "usage: build.sh OUTDIR"
mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd)
# Half a gigabyte that git and cargo would have to look through, and a clone that is thrown away should not throw them away too.
case $out/ in
"$(CDPATH='' cd -- "$here/../.." && pwd)"/*) fail "$out is inside the clone: choose a directory outside it" ;;
esac

# Two runs at once would build everything twice: the second one waits, then finds it done.
exec 9>"$out/.lock"
flock 9

cd "$here"
pins=$(cat go.mod go.sum build.sh | sha256sum)$programs
if [ "$(cat "$out/.pins" 2>/dev/null)" = "$pins" ] && holds_all "$out"; then
    exit 0
fi

command -v go >/dev/null || fail "building $programs needs Go (https://go.dev/dl), or set KUBEBUILDER_ASSETS"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
echo "building $programs (Kubernetes $version) into $out: minutes at the first time, seconds from the Go build cache"

# Into a directory of their own first, on the same disk: a run that is interrupted leaves nothing that looks finished.
fresh=$(mktemp -d "$out/.building.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
trap 'exit 1' HUP INT TERM
rm -f "$out/.pins"
# Without a stamped version kube-apiserver calls itself v0.0.0; -s -w leaves out a third of the size.
go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$fresh/" "$packages"
# The main package of etcd is called server.
[ ! -e "$fresh/server" ] || mv "$fresh/server" "$fresh/etcd"
for program in $programs; do
    mv -f "$fresh/$program" "$out/$program"
done
echo "$pins" >"$out/.pins"
