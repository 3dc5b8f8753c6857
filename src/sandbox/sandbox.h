/* sandbox.h - runs Python programs that nobody should trust, and says what became of each.
 *
 *     fr_sandbox *sb = NULL;
 *     FR_TRY(fr_sandbox_open(&sb, &options, err));         // FR_ERR_UNSUPPORTED: not run, and why
 *     FR_TRY(fr_sandbox_run(sb, programs, n, verdicts, err));
 *     fr_sandbox_close(sb);
 *
 * A program is two processes, each in a jail of its own:
 *
 *     we ----- tests       holds the tests and a nonce, calls the candidate, compares, reports
 *        \       | ^
 *         \      v |  plain data through two pipes (data/sandbox/wire.py)
 *          --- candidate   runs its code; knows neither tests nor nonce
 *
 * So whatever a candidate does to its own process (exit(0), patched builtins, frames, memory), it
 * can only answer calls rightly or wrongly. docs/sandbox.md has what is protected by what.
 *
 * Not here: other languages, and kernels with holes in what a filter must leave open.
 * Linux. Reference: bwrap(1), seccomp(2), landlock(7), Chen et al. 2021 (HumanEval), section 2.3.
 */
#ifndef FR_SANDBOX_SANDBOX_H
#define FR_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct fr_sandbox fr_sandbox;

typedef enum fr_jail_kind {
    FR_JAIL_BUBBLEWRAP, /* namespaces and a seccomp filter */
    FR_JAIL_LANDLOCK,   /* Landlock, the filter and, as root, a user of its own; no /tmp */
    FR_JAIL_NONE        /* limits alone */
} fr_jail_kind;

typedef struct fr_sandbox_options {
    const char *python;             /* "/usr/bin/python3": its standard library is all there is */
    const char *bwrap;              /* "/usr/bin/bwrap" */
    unsigned slots;                 /* programs at a time, 1 to FR_SANDBOX_MAX_SLOTS */
    bool no_bubblewrap;             /* do without, also where it could be had */
    bool no_landlock;               /* likewise */
    bool run_unprotected_code;      /* where neither holds, run with limits alone: the code can then
                                       read, change and send what we can */
    bool (*should_stop)(void *ctx); /* may be NULL; asked ten times a second */
    void *ctx;
} fr_sandbox_options;

#define FR_SANDBOX_OPTIONS_INIT                                             \
    {                                                                       \
        .python = "/usr/bin/python3", .bwrap = "/usr/bin/bwrap", .slots = 2 \
    }

enum { FR_SANDBOX_MAX_SLOTS = 64, FR_SANDBOX_WHY_SIZE = 400, FR_SANDBOX_OUTPUT_SIZE = 512 };

/* Of each of the two processes, wall time and output of both together. */
typedef struct fr_sandbox_limits {
    double wall_s;       /* generous: a busy machine is no fault of the program */
    unsigned cpu_s;      /* what decides */
    size_t memory_bytes; /* of address space */
    size_t file_bytes;   /* of one file */
    size_t tmp_bytes;    /* of the private /tmp */
    size_t output_bytes; /* to standard output and error */
    unsigned threads;    /* and processes; binds where the jail's user is not root */
} fr_sandbox_limits;

#define FR_SANDBOX_LIMITS_INIT                                        \
    {                                                                 \
        .wall_s = 60, .cpu_s = 10, .memory_bytes = (size_t)512 << 20, \
        .file_bytes = (size_t)8 << 20, .tmp_bytes = (size_t)16 << 20, \
        .output_bytes = (size_t)1 << 20, .threads = 32                \
    }

/* Texts are UTF-8 Python 3 and belong to the caller. */
typedef struct fr_program {
    const char *code;  /* of the candidate */
    const char *setup; /* trusted, runs beside the tests: names of it win over the candidate's, but
                          for the entry point (HumanEval's prompt, MBPP's test_setup_code); NULL */
    const char *tests; /* passed when this runs to its end; NULL: when the code has loaded */
    const char *entry; /* the function asked for: may hide a builtin or a stub of setup; NULL */
    fr_sandbox_limits limits;
} fr_program;

/* clang-format off */
#define FR_OUTCOME_MAP(X)                                                           \
    X(NOT_RUN,   "not run")                                                         \
    X(PASSED,    "passed")                                                          \
    X(FAILED,    "failed")   /* an assertion, an exception in a call, an early end */ \
    X(ERROR,     "error")    /* the code does not load: syntax, exception */        \
    X(TIMED_OUT, "time-out") /* CPU or wall time */                                 \
    X(KILLED,    "killed")   /* memory, file size, output, seccomp, another signal */
/* clang-format on */

typedef enum fr_outcome {
#define FR_OUTCOME_ENUM(name, text) FR_OUTCOME_##name,
    FR_OUTCOME_MAP(FR_OUTCOME_ENUM)
#undef FR_OUTCOME_ENUM
} fr_outcome;

typedef struct fr_program_verdict {
    fr_outcome outcome;
    char why[FR_SANDBOX_WHY_SIZE];       /* one line; "" when passed */
    char output[FR_SANDBOX_OUTPUT_SIZE]; /* first words of what it printed, control characters and
                                            all; cut at the end */
    double wall_s;                       /* start-up included */
} fr_program_verdict;

/* "passed", "time-out", ... Static text. */
const char *fr_outcome_name(fr_outcome outcome);

/* Tries the jails in the order of fr_jail_kind, each by a small program that looks at what must be
 * hidden, and keeps the first that holds. Copies what it needs of *options.
 * Errors: FR_ERR_UNSUPPORTED when none holds, with the reason for each, or there is no Python;
 * FR_ERR_USAGE; FR_ERR_NOMEM; FR_ERR_INTERRUPTED.
 * Owner of *out: the caller, until fr_sandbox_close. */
FR_NODISCARD fr_status fr_sandbox_open(fr_sandbox **out, const fr_sandbox_options *options,
                                       fr_error *err);

/* NULL is fine. Nothing of it runs any more. */
void fr_sandbox_close(fr_sandbox *sb);

fr_jail_kind fr_sandbox_jail(const fr_sandbox *sb);

/* What holds, in words, and why nothing better ("" where nothing is). Owned by the sandbox. */
const char *fr_sandbox_describe(const fr_sandbox *sb);
const char *fr_sandbox_why_not(const fr_sandbox *sb);

/* Runs n programs, `slots` at a time; verdicts[i] is that of programs[i]. On return no process of
 * them is left. One thread at a time, which must live until it returns.
 * Errors: FR_ERR_INTERRUPTED by should_stop, the verdicts not reached being NOT_RUN; FR_ERR_IO when
 * a jail does not start, with what it said; FR_ERR_USAGE (a limit of 0); FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_sandbox_run(fr_sandbox *sb, const fr_program *programs, size_t n,
                                      fr_program_verdict *verdicts, fr_error *err);

#endif
