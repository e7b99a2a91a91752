#!/usr/bin/env bash
# aws-cli-v2.sh FOLDER: puts Debian's aws-cli 2 into FOLDER, as FOLDER/aws.
#
# PyPI has version 1 alone, and version 2 is what the matrix of environments holds our client against. Its packages and those that
# this machine lacks are unpacked, not installed: nothing of the system changes, and nobody needs to be root.
set -euo pipefail

folder=$1
version=2.9.19-1

if ! command -v apt-get >/dev/null || ! apt-cache show "awscli=$version" >/dev/null 2>&1; then
    echo "aws-cli $version is a package of Debian 12, which this is not (or 'apt-get update' is due)." >&2
    echo "With an aws-cli 2.9 of your own: make test AWS_CLI_V2=/path/to/aws" >&2
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

cat >"$folder/aws" <<END
#!/bin/sh
PYTHONPATH='$folder/root/usr/lib/python3/dist-packages' exec /usr/bin/python3 '$folder/root/usr/bin/aws' "\$@"
END
chmod +x "$folder/aws"
"$folder/aws" --version
