#!/usr/bin/env bash
# aws-cli-v2.sh FOLDER: puts Debian's aws-cli 2 into FOLDER, as FOLDER/aws, and a Python that can import it beside it.
#
# PyPI has version 1 alone, and version 2 is what the matrix of environments holds our client against. Its packages and those that
# this machine lacks are unpacked, not installed: nothing of the system changes, and nobody needs to be root.
set -euo pipefail

folder=$1
version=2.9.19-1

if ! command -v apt-get >/dev/null || ! apt-cache show "awscli=$version" >/dev/null 2>&1; then
    echo "aws-cli $version is a package of Debian 12, which this is not (or 'apt-get update' is due)." >&2
    echo "With a Python of your own that has it: make test AWS_CLI_V2_PYTHON=/path/to/python" >&2
    exit 1
fi

rm -rf "$folder"
mkdir -p "$folder/packages"
cd "$folder/packages"
# One line a package that is missing here: 'URL' file size hash. The package itself may be installed, what it needs then too.
missing=$(apt-get install --yes --no-install-recommends --print-uris "awscli=$version" | sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p")
apt-get download --quiet "awscli=$version" $(grep -vx awscli <<<"$missing" || true)
for package in *.deb; do
    dpkg-deb --extract "$package" "$folder/root"
done
cd "$folder"
rm -r packages
# As the packages themselves would when they are installed: half of each start is this.
/usr/bin/python3 -m compileall -q root >/dev/null || true

run() {
    printf '#!/bin/sh\nPYTHONPATH=%q exec /usr/bin/python3 %s"$@"\n' "$folder/root/usr/lib/python3/dist-packages" "$1"
}
run "'$folder/root/usr/bin/aws' " >"$folder/aws"
run "" >"$folder/python"
chmod +x "$folder/aws" "$folder/python"
"$folder/aws" --version
