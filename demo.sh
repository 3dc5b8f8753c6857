#!/bin/sh
# Installs what is missing, builds, and runs the study of the starter kit into demo/.
# Works from any directory; a second run needs no network and goes on where the first one was.
set -eu
cd "$(dirname "$0")"
tools/install-packages.sh build
tools/build release frugal
build/release/frugal study data/kit/study.yaml --out demo "$@" </dev/null
echo
echo "The report: $(pwd)/demo/report.html"
