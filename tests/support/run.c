/* run.c - child processes of tests. */
#include "support/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/test.h"

static void keep(char *buf, size_t *used, size_t size, const char *bytes, size_t n)
{
    size_t room = size - 1 - *used;
    if (n > room) n = room;
    memcpy(buf + *used, bytes, n);
    *used += n;
    buf[*used] = '\0';
}

static void start(const char *const *argv, int out, int err)
{
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(err, 2);
    for (int fd = 3; fd < 256; fd++) close(fd);
    const char *path = strcmp(argv[0], "frugal") ? argv[0] : FR_BINARY;
    execvp(path, (char *const *)argv);
    _exit(127);
}

void test_run(const char *const *argv, double limit_s, test_output *out)
{
    int pipes[2][2];
    size_t used[2] = {0, 0};
    memset(out, 0, sizeof(*out));
    assert_int_equal(pipe2(pipes[0], O_CLOEXEC), 0);
    assert_int_equal(pipe2(pipes[1], O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) start(argv, pipes[0][1], pipes[1][1]);
    close(pipes[0][1]);
    close(pipes[1][1]);

    struct pollfd fds[2] = {{pipes[0][0], POLLIN, 0}, {pipes[1][0], POLLIN, 0}};
    double end = fr_clock_monotonic(NULL) + limit_s;
    int n_open = 2;
    while (n_open) {
        double left = end - fr_clock_monotonic(NULL);
        if (left <= 0 || poll(fds, 2, (int)(left * 1000) + 1) < 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            fail_msg("%s %s ran longer than %g s", argv[0], argv[1] ? argv[1] : "", limit_s);
        }
        for (int i = 0; i < 2; i++) {
            char buf[4096];
            if (!fds[i].revents) continue;
            ssize_t n = read(fds[i].fd, buf, sizeof(buf));
            if (n > 0) {
                keep(i ? out->err : out->out, &used[i], sizeof(out->out), buf, (size_t)n);
            } else {
                close(fds[i].fd);
                fds[i].fd = -1;
                n_open--;
            }
        }
    }
    int status;
    waitpid(pid, &status, 0);
    out->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
