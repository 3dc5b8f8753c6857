#!/bin/sh
# Installs what is missing, builds, and runs all tests.
# Last line: how many test cases passed, failed and were skipped. Status 1 if one failed.
#     ./test.sh [preset]      release unless given; asan, tsan
set -eu
cd "$(dirname "$0")"
preset=${1:-release}
tools/install-packages.sh build test
tools/build "$preset"
status=0
ctest --preset "$preset" --no-tests=error </dev/null || status=$?
exec tools/count-tests.sh "build/$preset/Testing/Temporary/LastTest.log" "$status"
