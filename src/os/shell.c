/* shell.c - runs a line of shell and takes what it prints. */
#include "os/shell.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { STEP_MS = 50, MAX_ERROR = 200 };

typedef struct shell {
    pid_t pid; /* also of its group; 0: not started */
    int fd[2]; /* our ends of its standard output and error; -1: closed */
    fr_str *out;
    char words[MAX_ERROR]; /* of its standard error */
    size_t n_words;
} shell;

static fr_status start(shell *s, const char *line, fr_error *err)
{
    fr_status st = FR_OK;
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    fr_str script = FR_STR_INIT;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    for (int i = 0; i < 2; i++)
        if (pipe2(pipes[i], O_CLOEXEC))
            FR_FAIL(err, FR_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    FR_TRY(fr_str_appendf(&script, err, "LC_ALL=C; export LC_ALL\n%s\n", line));

    /* The thread that calls has blocked its signals, maybe: the command must not inherit that. */
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes[1][1], 2);
    char sh[] = "sh", dash_c[] = "-c";
    char *argv[] = {sh, dash_c, script.data, NULL};
    int rc = posix_spawn(&s->pid, "/bin/sh", &actions, &attr, argv, environ);
    if (rc) {
        s->pid = 0;
        FR_FAIL(err, FR_ERR_IO, "cannot start /bin/sh: %s", strerror(rc));
    }
    for (int i = 0; i < 2; i++) {
        s->fd[i] = pipes[i][0];
        pipes[i][0] = -1;
        fcntl(s->fd[i], F_SETFL, O_NONBLOCK);
    }
cleanup:
    for (int i = 0; i < 4; i++)
        if (pipes[i / 2][i % 2] >= 0) close(pipes[i / 2][i % 2]);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    fr_str_release(&script);
    return st;
}

/* Takes what there is to read, without waiting. */
static fr_status take(shell *s, int which, fr_error *err)
{
    fr_status st = FR_OK;
    char bytes[4096];
    while (s->fd[which] >= 0) {
        ssize_t n = read(s->fd[which], bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            close(s->fd[which]);
            s->fd[which] = -1;
        } else if (which == 0) {
            if (s->out->len + (size_t)n > FR_SHELL_MAX_OUTPUT)
                FR_FAIL(err, FR_ERR_IO, "it prints more than %d bytes", FR_SHELL_MAX_OUTPUT);
            FR_TRY(fr_str_append(s->out, bytes, (size_t)n, err));
        } else {
            size_t room = sizeof(s->words) - 1 - s->n_words;
            size_t some = (size_t)n < room ? (size_t)n : room;
            memcpy(s->words + s->n_words, bytes, some);
            s->n_words += some;
        }
    }
cleanup:
    return st;
}

/* It is a zombie, or somebody else has waited for it. */
static bool has_ended(pid_t pid)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

static fr_status follow(shell *s, double timeout_s, bool (*should_stop)(void *ctx), void *ctx,
                        fr_error *err)
{
    fr_status st = FR_OK;
    double until_s = fr_clock_monotonic(NULL) + timeout_s;
    for (;;) {
        bool ended = has_ended(s->pid); /* asked before: what it has printed is in the pipe */
        FR_TRY(take(s, 0, err));
        FR_TRY(take(s, 1, err));
        if (ended) break;
        if (should_stop && should_stop(ctx)) FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted");
        if (fr_clock_monotonic(NULL) >= until_s)
            FR_FAIL(err, FR_ERR_IO, "it was not done within %g s and has been killed", timeout_s);
        /* With both ends closed it is about to end: only the time is waited for. */
        struct pollfd fds[2] = {{.fd = s->fd[0], .events = POLLIN},
                                {.fd = s->fd[1], .events = POLLIN}};
        bool closed = s->fd[0] < 0 && s->fd[1] < 0;
        poll(fds, 2, closed ? 1 : STEP_MS);
    }
cleanup:
    return st;
}

/* Kills what is left of the group while its leader still holds the number; gives the status. */
static int finish(shell *s)
{
    int status = 0;
    if (s->pid <= 0) return 0;
    kill(-s->pid, SIGKILL);
    while (waitpid(s->pid, &status, 0) < 0)
        if (errno != EINTR) return 0;
    return status;
}

/* First line of its standard error, printable. */
static const char *first_words(shell *s)
{
    s->words[s->n_words] = 0;
    s->words[strcspn(s->words, "\n")] = 0;
    for (char *c = s->words; *c; c++)
        if (!isprint((unsigned char)*c)) *c = '?';
    return s->words;
}

fr_status fr_shell_read(const char *line, double timeout_s, bool (*should_stop)(void *ctx),
                        void *ctx, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    shell s = {.fd = {-1, -1}, .out = out};
    FR_TRY(start(&s, line, err));
    st = follow(&s, timeout_s, should_stop, ctx, err);
    int status = finish(&s);
    FR_TRY(st);
    if (WIFSIGNALED(status)) FR_FAIL(err, FR_ERR_IO, "it was ended by signal %d", WTERMSIG(status));
    if (status)
        FR_FAIL(err, FR_ERR_IO, "exit status %d%s%s", WEXITSTATUS(status), s.n_words ? ": " : "",
                first_words(&s));
cleanup:
    for (int i = 0; i < 2; i++)
        if (s.fd[i] >= 0) close(s.fd[i]);
    return st;
}
