#!/bin/sh
# Client libraries of Kubernetes that the suite logs in with, as pinned beside this file, into FOLDER: those of Python as a virtual
# environment, that of Node as node_modules, those for the JVM as lib and classes.
#
#     install.sh python|node|java FOLDER
#
# FOLDER/ready is there when all else is: what an interrupted run left is removed by the next one, and what is ready is left alone.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
    echo "$0: $*" >&2
    exit 1
}

needs() {
    command -v "$1" >/dev/null || fail "the tests with client libraries need $1: $2"
}

[ $# -eq 2 ] || fail "usage: install.sh python|node|java FOLDER"
kind=$1
mkdir -p "$(dirname -- "$2")"
folder=$(CDPATH='' cd -- "$(dirname -- "$2")" && pwd)/$(basename -- "$2")

case $kind in
python)
    needs python3 "with venv (on Debian: apt-get install python3-venv)"
    ;;
node)
    needs npm "with Node.js 20 or later (https://nodejs.org, on Debian: apt-get install npm)"
    ;;
java)
    needs mvn "Maven (https://maven.apache.org, on Debian: apt-get install maven)"
    needs javac "a JDK, 17 or later (https://adoptium.net, on Debian: apt-get install default-jdk-headless)"
    ;;
*) fail "invalid kind \"$kind\": expected python, node or java" ;;
esac

# Two runs at once would install everything twice: the second one waits, then finds it done.
exec 9>"$folder.lock"
flock 9
[ ! -e "$folder/ready" ] || exit 0

echo "installing client libraries ($kind) into $folder"
rm -rf "$folder"
mkdir "$folder"
case $kind in
python)
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/python/requirements.txt"
    ;;
node)
    cp "$here/node/package.json" "$here/node/package-lock.json" "$folder"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
    ;;
java)
    mvn --batch-mode --quiet -Dstyle.color=never --strict-checksums --file "$here/java/pom.xml" \
        dependency:copy-dependencies -DoutputDirectory="$folder/lib"
    javac -cp "$folder/lib/*" -d "$folder/classes" "$here"/java/*.java
    ;;
esac
touch "$folder/ready"
