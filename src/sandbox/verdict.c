/* verdict.c - what became of a program: the report of its tests, and how its processes ended.
 *
 * Only a line of the report that begins with the nonce counts. Without one the program has not
 * passed, whatever it printed and with whatever status it ended. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "sandbox/run.h"

const char *fr_outcome_name(fr_outcome outcome)
{
    static const char *const names[] = {
#define FR_OUTCOME_NAME(name, text) [FR_OUTCOME_##name] = text,
        FR_OUTCOME_MAP(FR_OUTCOME_NAME)
#undef FR_OUTCOME_NAME
    };
    return (size_t)outcome < sizeof(names) / sizeof(*names) ? names[outcome] : "?";
}

static void say(fr_program_verdict *v, fr_outcome outcome, const char *fmt, ...) FR_PRINTF(3, 4);

static void say(fr_program_verdict *v, fr_outcome outcome, const char *fmt, ...)
{
    va_list args;
    v->outcome = outcome;
    va_start(args, fmt);
    fr_vsnprintf(v->why, sizeof(v->why), fmt, args);
    va_end(args);
}

/* The rest of the first line of the report that begins with the nonce and `word`, which goes into
 * why[size]; NULL when there is none. */
static const char *reported(const fr__run *run, const char *word, char *why, size_t size)
{
    char head[FR__NONCE_SIZE + 16];
    int n = snprintf(head, sizeof(head), "%s %s", run->nonce, word);
    for (const char *line = run->report; *line;) {
        size_t len = strcspn(line, "\n");
        if (line[len] == '\n' && len >= (size_t)n && !strncmp(line, head, (size_t)n) &&
            (line[n] == ' ' || line[n] == '\n')) {
            const char *rest = line[n] == ' ' ? line + n + 1 : line + n;
            snprintf(why, size, "%.*s", (int)(line + len - rest), rest);
            return why;
        }
        line += len + (line[len] == '\n');
    }
    return NULL;
}

/* A process that ended without its tests having come to an end; `whose`: "" or "the tests: ". */
static void judge_end(fr__run *run, fr__side side, const char *whose, double wall_s)
{
    const fr_sandbox_limits *limits = &run->program->limits;
    const fr__inmate *inmate = &run->inmates[side];
    fr_program_verdict *v = run->verdict;
    int status;
    int number = fr__inmate_signal(inmate, run->jail->kind, &status);
    const char *name = sigdescr_np(number);
    /* Who ignores SIGXCPU is ended by SIGKILL at the hard limit. */
    if (number == SIGXCPU || (number == SIGKILL && wall_s >= limits->cpu_s))
        say(v, FR_OUTCOME_TIMED_OUT, "%sCPU time: more than %u s", whose, limits->cpu_s);
    else if (number == SIGSYS)
        say(v, FR_OUTCOME_KILLED, "%sseccomp: it made a system call that is forbidden", whose);
    else if (number == SIGXFSZ)
        say(v, FR_OUTCOME_KILLED, "%sfile size: a file of more than %zu bytes", whose,
            limits->file_bytes);
    else if (number)
        say(v, FR_OUTCOME_KILLED, "%ssignal %d (%s)", whose, number, name ? name : "?");
    else
        say(v, FR_OUTCOME_FAILED, "%sit ended by itself (exit status %d) before its tests did",
            whose, status);
}

/* First line that came out, for a message. */
static const char *first_words(fr__run *run)
{
    char *text = run->verdict->output;
    text[strcspn(text, "\n")] = 0;
    for (char *c = text; *c; c++)
        if (!isprint((unsigned char)*c)) *c = '?';
    return *text ? text : "it said nothing";
}

fr_status fr__run_judge(fr__run *run, double wall_s, fr_error *err)
{
    static const struct {
        const char *word;
        fr_outcome outcome;
        const char *before;
    } words[] = {{"passed", FR_OUTCOME_PASSED, ""},
                 {"failed", FR_OUTCOME_FAILED, ""},
                 {"error", FR_OUTCOME_ERROR, ""},
                 {"memory", FR_OUTCOME_KILLED, "memory: "},
                 {"garbled", FR_OUTCOME_FAILED, "it wrote something else than answers: "}};
    fr_status st = FR_OK;
    const fr_sandbox_limits *limits = &run->program->limits;
    fr_program_verdict *v = run->verdict;
    char why[FR_SANDBOX_WHY_SIZE];
    v->wall_s = wall_s;

    if (!reported(run, "begun", why, sizeof(why)))
        FR_FAIL(err, FR_ERR_IO, "sandbox: the jail %s %.1f s: %s",
                run->late ? "did not start within" : "ended before it had begun, after", wall_s,
                first_words(run));
    if (run->n_output > limits->output_bytes) {
        say(v, FR_OUTCOME_KILLED, "output: more than %zu bytes", limits->output_bytes);
        goto cleanup;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!reported(run, words[i].word, why, sizeof(why))) continue;
        say(v, words[i].outcome, "%s%s", words[i].before, why);
        goto cleanup;
    }
    if (run->late) {
        say(v, FR_OUTCOME_TIMED_OUT, "wall time: more than %g s", limits->wall_s);
        goto cleanup;
    }
    bool lost = reported(run, "lost", why, sizeof(why));
    if (lost && run->candidate_left)
        judge_end(run, FR__CANDIDATE, "", wall_s);
    else if (lost)
        say(v, FR_OUTCOME_FAILED, "it closed the pipe to its tests");
    else
        judge_end(run, FR__TESTS, "the tests: ", wall_s);
cleanup:
    return st;
}
