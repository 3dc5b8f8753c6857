#!/bin/sh
# Counts test cases in ctest's log of cmocka programs, names the skipped ones and closes with
# "N passed, N failed, N skipped". A program without cases counts as one, and so does one that died
# without naming a failed case.
#     tools/count-tests.sh LOG STATUS_OF_CTEST
set -eu
awk -v status="$2" '
    /^[0-9]+\/[0-9]+ Test(ing)?: / { program = $NF; failed_here = cases_here = 0 }
    /^\[       OK \] / { passed++; cases_here++ }
    /^\[  SKIPPED \] / && NF == 4 { cases_here++; skipped[program ": " $4] = 1 }
    /^\[  FAILED  \] / && NF == 4 && $4 !~ /^[0-9]+$/ { failures[program ": " $4] = 1; failed_here = 1 }
    /^Test Passed/ && !cases_here { passed++ }
    /^Test (Failed|time.*)|^\*\*\*|^Test Pass Reason/ && /Failed|\*\*\*/ && !failed_here {
        failures[program ": ended before its last case"] = 1
    }
    END {
        for (name in skipped) { n_skipped++; print "skipped " name }
        for (name in failures) { n_failed++; print "FAILED " name }
        if (status != 0 && !n_failed) { n_failed = 1; print "FAILED ctest ended with status " status }
        printf "%d passed, %d failed, %d skipped\n", passed, n_failed, n_skipped
        exit n_failed > 0
    }' "$1"
