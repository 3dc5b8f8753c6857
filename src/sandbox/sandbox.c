/* sandbox.c - chooses the jail, and keeps its slots busy. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embedded.h"
#include "os/shell.h"
#include "sandbox/run.h"

enum { STEP_MS = 100, START_S = 30 };

struct fr_sandbox {
    fr__python python;
    char *bwrap;
    fr__jail jail;
    unsigned slots;
    bool (*should_stop)(void *ctx);
    void *ctx;
    char describe[256], why_not[1024];
};

/* What a jail must prove: the program of the other side runs, and a folder of the host that
 * everybody may list cannot be listed. */
static const fr_program probe = {
    .code = "def hidden():\n"
            "    import posix\n"
            "    try:\n"
            "        return len(posix.listdir('/etc'))\n"
            "    except OSError:\n"
            "        return -1\n",
    .tests = "assert hidden() == -1\n",
    .limits = FR_SANDBOX_LIMITS_INIT,
};
static const fr_program free_probe = {.code = "", .limits = FR_SANDBOX_LIMITS_INIT};

static bool should_stop(const fr_sandbox *sb)
{
    return sb->should_stop && sb->should_stop(sb->ctx);
}

/* The program of a process: what both share, its own part, and the call that starts it, for which
 * jail.c adds the arguments. */
static fr_status make_boot(char **out, const char *name, const char *call, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    const char *names[] = {"sandbox/wire.py", name};
    for (size_t i = 0; i < 2; i++) {
        size_t size = 0;
        const char *part = fr_embedded_find(names[i], &size);
        if (!part) FR_FAIL(err, FR_ERR_STATE, "%s is not part of this program", names[i]);
        FR_TRY(fr_str_append(&text, part, size, err));
    }
    FR_TRY(fr_str_appendf(&text, err, "\n%s", call));
    *out = text.data;
    text = (fr_str)FR_STR_INIT; /* ownership has moved to *out */
cleanup:
    fr_str_release(&text);
    return st;
}

/* Where the interpreter really is, and the folder that holds its standard library's. */
static fr_status ask_python(fr__python *python, const char *program, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str line = FR_STR_INIT, answer = FR_STR_INIT;
    if (*program != '/' || strpbrk(program, "'\n"))
        FR_FAIL(err, FR_ERR_USAGE, "python: '%s' is no absolute path without quotes", program);
    if (access(program, X_OK))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s cannot be run: %s; install Python (package python3)",
                program, strerror(errno));
    FR_TRY(fr_str_appendf(&line, err,
                          "'%s' -I -S -c 'import os, sys; print(os.path.realpath(sys.executable));"
                          " print(os.path.dirname(os.path.dirname(os.__file__)))'",
                          program));
    st = fr_shell_read(fr_str_text(&line), START_S, NULL, NULL, &answer, err);
    if (st != FR_OK) {
        fr_error_prefix(err, "%s (package python3)", program);
        goto cleanup;
    }
    char *end = answer.data ? strchr(answer.data, '\n') : NULL;
    if (!end || answer.data[0] != '/' || end[1] != '/')
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s does not tell where its library is", program);
    *end = 0;
    end[1 + strcspn(end + 1, "\n")] = 0;
    python->program = strdup(answer.data);
    python->library = strdup(end + 1);
    if (!python->program || !python->library) FR_FAIL(err, FR_ERR_NOMEM, "sandbox: out of memory");
    FR_TRY(make_boot(&python->boot[FR__CANDIDATE], "sandbox/candidate.py", "serve", err));
    FR_TRY(make_boot(&python->boot[FR__TESTS], "sandbox/tests.py", "judge", err));
cleanup:
    fr_str_release(&line);
    fr_str_release(&answer);
    return st;
}

static void describe(fr_sandbox *sb)
{
    const char *user = sb->jail.own_user ? ", a user of its own" : "";
    char *text = sb->describe;
    size_t size = sizeof(sb->describe);
    switch (sb->jail.kind) {
    case FR_JAIL_BUBBLEWRAP:
        snprintf(text, size, "bubblewrap (namespaces, private /tmp) with a seccomp filter%s", user);
        break;
    case FR_JAIL_LANDLOCK:
        snprintf(text, size, "Landlock (ABI %d, nothing can be written) with a seccomp filter%s",
                 sb->jail.landlock_abi, user);
        break;
    case FR_JAIL_NONE: snprintf(text, size, "none: limits alone%s", user); break;
    }
}

/* Makes the jail and lets it prove itself. Any failure but FR_ERR_INTERRUPTED and FR_ERR_NOMEM is a
 * reason against it. */
static fr_status try_jail(fr_sandbox *sb, fr_jail_kind kind, bool own_user, fr_error *err)
{
    fr_status st = FR_OK;
    fr_program_verdict verdict;
    FR_TRY(fr__jail_init(&sb->jail, kind, own_user, &sb->python, sb->bwrap, err));
    FR_TRY(fr_sandbox_run(sb, kind == FR_JAIL_NONE ? &free_probe : &probe, 1, &verdict, err));
    if (verdict.outcome != FR_OUTCOME_PASSED)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "a first program: %s: %s",
                fr_outcome_name(verdict.outcome), verdict.why);
    describe(sb);
cleanup:
    if (st != FR_OK) fr__jail_release(&sb->jail);
    return st;
}

static fr_status choose_jail(fr_sandbox *sb, const fr_sandbox_options *o, fr_error *err)
{
    bool root = geteuid() == 0;
    const struct {
        fr_jail_kind kind;
        bool own_user, excluded;
        const char *name;
    } jails[] = {
        {FR_JAIL_BUBBLEWRAP, root, o->no_bubblewrap, "bubblewrap"},
        /* Where only root may make namespaces. */
        {FR_JAIL_BUBBLEWRAP, false, o->no_bubblewrap || !root, "bubblewrap as root"},
        {FR_JAIL_LANDLOCK, root, o->no_landlock, "Landlock"},
        {FR_JAIL_NONE, root, !o->run_unprotected_code, "no protection"},
    };
    fr_status st = FR_OK;
    fr_str reasons = FR_STR_INIT;
    for (size_t i = 0; i < sizeof(jails) / sizeof(*jails); i++) {
        fr_error why = {0};
        if (jails[i].excluded) continue;
        st = try_jail(sb, jails[i].kind, jails[i].own_user, &why);
        if (st == FR_OK) {
            snprintf(sb->why_not, sizeof(sb->why_not), "%s", fr_str_text(&reasons));
            goto cleanup;
        }
        if (st == FR_ERR_INTERRUPTED || st == FR_ERR_NOMEM) FR_FAIL(err, st, "%s", why.message);
        FR_TRY(fr_str_appendf(&reasons, err, "%s%s: %s", reasons.len ? "; " : "", jails[i].name,
                              why.message));
    }
    FR_FAIL(err, FR_ERR_UNSUPPORTED, "nothing here can hold untrusted code: %s",
            reasons.len ? reasons.data : "bubblewrap and Landlock are excluded");
cleanup:
    fr_str_release(&reasons);
    return st;
}

fr_status fr_sandbox_open(fr_sandbox **out, const fr_sandbox_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    fr_sandbox *sb = calloc(1, sizeof(*sb));
    if (!sb) FR_FAIL(err, FR_ERR_NOMEM, "sandbox: out of memory");
    sb->jail.landlock_fd = -1;
    if (options->slots < 1 || options->slots > FR_SANDBOX_MAX_SLOTS)
        FR_FAIL(err, FR_ERR_USAGE, "sandbox: %u slots; there can be 1 to %d", options->slots,
                FR_SANDBOX_MAX_SLOTS);
    sb->slots = options->slots;
    sb->should_stop = options->should_stop;
    sb->ctx = options->ctx;
    sb->bwrap = strdup(options->bwrap);
    if (!sb->bwrap) FR_FAIL(err, FR_ERR_NOMEM, "sandbox: out of memory");
    FR_TRY(ask_python(&sb->python, options->python, err));
    FR_TRY(choose_jail(sb, options, err));
    *out = sb;
    sb = NULL; /* ownership has moved to the caller */
cleanup:
    fr_sandbox_close(sb);
    return st;
}

void fr_sandbox_close(fr_sandbox *sb)
{
    if (!sb) return;
    fr__jail_release(&sb->jail);
    free(sb->python.program);
    free(sb->python.library);
    for (int side = 0; side < FR__SIDES; side++) free(sb->python.boot[side]);
    free(sb->bwrap);
    free(sb);
}

fr_jail_kind fr_sandbox_jail(const fr_sandbox *sb)
{
    return sb->jail.kind;
}

const char *fr_sandbox_describe(const fr_sandbox *sb)
{
    return sb->describe;
}

const char *fr_sandbox_why_not(const fr_sandbox *sb)
{
    return sb->why_not;
}

static fr_status check_programs(const fr_program *programs, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < n; i++) {
        const fr_sandbox_limits *l = &programs[i].limits;
        if (!programs[i].code) FR_FAIL(err, FR_ERR_USAGE, "program %zu: no code", i);
        if (!(l->wall_s > 0) || !l->cpu_s || !l->memory_bytes || !l->file_bytes || !l->tmp_bytes ||
            !l->output_bytes || !l->threads)
            FR_FAIL(err, FR_ERR_USAGE, "program %zu: a limit is 0", i);
    }
cleanup:
    return st;
}

/* Sleeps until something happens in one of the runs. */
static void wait_for_news(const fr__run *runs, unsigned slots)
{
    struct pollfd fds[FR__RUN_FDS * FR_SANDBOX_MAX_SLOTS];
    size_t n = 0;
    for (unsigned i = 0; i < slots; i++)
        if (runs[i].program) n += fr__run_polled(&runs[i], fds + n);
    poll(fds, n, STEP_MS);
}

fr_status fr_sandbox_run(fr_sandbox *sb, const fr_program *programs, size_t n,
                         fr_program_verdict *verdicts, fr_error *err)
{
    fr_status st = FR_OK;
    size_t next = 0, running = 0;
    fr__run *runs = NULL;
    if (n) memset(verdicts, 0, n * sizeof(*verdicts));
    FR_TRY(check_programs(programs, n, err));
    runs = calloc(sb->slots, sizeof(*runs));
    if (!runs) FR_FAIL(err, FR_ERR_NOMEM, "sandbox: out of memory");
    while (next < n || running) {
        if (should_stop(sb)) FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted");
        for (unsigned i = 0; i < sb->slots && next < n; i++) {
            if (runs[i].program) continue;
            FR_TRY(fr__run_start(&runs[i], &sb->jail, i, &programs[next], &verdicts[next], err));
            next++;
            running++;
        }
        wait_for_news(runs, sb->slots);
        for (unsigned i = 0; i < sb->slots; i++) {
            if (!runs[i].program || !fr__run_step(&runs[i])) continue;
            running--;
            FR_TRY(fr__run_finish(&runs[i], err));
        }
    }
cleanup:
    for (unsigned i = 0; runs && i < sb->slots; i++)
        if (runs[i].program) fr__run_drop(&runs[i]);
    free(runs);
    return st;
}
