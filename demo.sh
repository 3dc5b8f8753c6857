#!/bin/sh
# Installs what is missing, builds, and runs the six studies of the starter kit into demo/.
# Works from any directory; a second run needs no network and goes on where the first one was.
set -eu
cd "$(dirname "$0")"
tools/install-packages.sh build
tools/build release frugal
frugal=build/release/frugal
set -- sentiment nli story cot code-summary code-generation
for task; do
    echo "$task: tunes and runs two tiny models, runs what they must beat" >&2
    $frugal study "data/kit/$task/study.yaml" --out "demo/$task" </dev/null >/dev/null
done
cd demo # its page links to theirs from here
"../$frugal" report "$@" --format html >report.html
echo
"../$frugal" report "$@"
echo
echo "The report: $(pwd)/report.html"
