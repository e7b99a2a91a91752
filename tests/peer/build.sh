#!/bin/sh
# The program that this project takes the place of, aws-iam-authenticator, built into OUTDIR from the Go module that go.mod pins.
#
#     build.sh OUTDIR
#
# What is there already for this pin is left alone, so a second run takes no time.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
    echo "$0: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: build.sh OUTDIR"
mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd)
program=$out/aws-iam-authenticator

# Two runs at once would build it twice: the second one waits, then finds it done.
exec 9>"$out/.lock"
flock 9

cd "$here"
pins=$(cat go.mod go.sum build.sh | sha256sum)
if [ "$(cat "$out/.pins" 2>/dev/null)" = "$pins" ] && [ -x "$program" ]; then
    exit 0
fi

command -v go >/dev/null || fail "building aws-iam-authenticator needs Go (https://go.dev/dl)"
echo "building aws-iam-authenticator into $out: two minutes at the first time, seconds from the Go build cache"
rm -f "$out/.pins"
go build -ldflags "-s -w" -o "$program" sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator
echo "$pins" >"$out/.pins"
