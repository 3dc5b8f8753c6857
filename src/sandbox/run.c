/* run.c - starts the two processes of a program, listens to them, ends them. */
#include "sandbox/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

/* How long a candidate that has left its tests may take to end by itself. */
#define LINGER_S 2.0

static fr_status make_nonce(char *nonce, fr_error *err)
{
    fr_status st = FR_OK;
    unsigned char bytes[(FR__NONCE_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        FR_FAIL(err, FR_ERR_IO, "sandbox: no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof(bytes); i++) snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
cleanup:
    return st;
}

/* What the process of the tests is given, as data/sandbox/wire.py reads it, in a sealed memory
 * file: no other process has it, and a pipe would have to be fed. */
static fr_status make_task(int *fd, const fr_program *program, const char *nonce, fr_error *err)
{
    fr_status st = FR_OK;
    const char *parts[] = {nonce, program->code, program->setup, program->tests, program->entry};
    enum { N = sizeof(parts) / sizeof(*parts) };
    fr_str text = FR_STR_INIT;
    FR_TRY(fr_str_appendf(&text, err, "l%x\n", N));
    for (int i = 0; i < N; i++) {
        const char *part = parts[i] ? parts[i] : "";
        FR_TRY(fr_str_appendf(&text, err, "a%zx\n", strlen(part)));
        FR_TRY(fr_str_append(&text, part, strlen(part), err));
    }
    *fd = memfd_create("frugal-task", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    for (size_t done = 0; *fd >= 0 && done < text.len;) {
        ssize_t n = write(*fd, text.data + done, text.len - done);
        if (n <= 0) FR_FAIL(err, FR_ERR_IO, "sandbox: no room for a program: %s", strerror(errno));
        done += (size_t)n;
    }
    if (*fd < 0 || lseek(*fd, 0, SEEK_SET) ||
        fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL))
        FR_FAIL(err, FR_ERR_IO, "sandbox: no memory file: %s", strerror(errno));
cleanup:
    fr_str_release(&text);
    return st;
}

/* Pipes of a run: each has its two ends at [2 i] (read) and [2 i + 1] (written). */
enum { ASKED, ANSWERS, OUTPUT, REPORT, N_PIPES };

fr_status fr__run_start(fr__run *run, const fr__jail *jail, unsigned slot,
                        const fr_program *program, fr_program_verdict *verdict, fr_error *err)
{
    fr_status st = FR_OK;
    int fd[2 * N_PIPES], task = -1, null = -1;
    memset(fd, -1, sizeof(fd));
    *run = (fr__run){.jail = jail,
                     .program = program,
                     .verdict = verdict,
                     .inmates = {FR__INMATE_INIT, FR__INMATE_INIT},
                     .output_fd = -1,
                     .report_fd = -1,
                     .started_s = fr_clock_monotonic(NULL)};
    FR_TRY(make_nonce(run->nonce, err));
    FR_TRY(make_task(&task, program, run->nonce, err));
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool made = null >= 0;
    for (int i = 0; i < N_PIPES && made; i++) made = pipe2(fd + 2 * i, O_CLOEXEC) == 0;
    if (!made) FR_FAIL(err, FR_ERR_IO, "sandbox: no pipe: %s", strerror(errno));

    const int candidate[] = {null,          fd[2 * OUTPUT + 1],  fd[2 * OUTPUT + 1],
                             fd[2 * ASKED], fd[2 * ANSWERS + 1], -1};
    const int tests[] = {task,
                         fd[2 * OUTPUT + 1],
                         fd[2 * OUTPUT + 1],
                         fd[2 * ANSWERS],
                         fd[2 * ASKED + 1],
                         fd[2 * REPORT + 1]};
    for (int side = 0; side < FR__SIDES; side++)
        FR_TRY(fr__inmate_start(&run->inmates[side], jail, side, slot * FR__SIDES + (unsigned)side,
                                &program->limits, side == FR__TESTS ? tests : candidate, err));
    run->output_fd = fd[2 * OUTPUT];
    run->report_fd = fd[2 * REPORT];
    fd[2 * OUTPUT] = fd[2 * REPORT] = -1;
    fcntl(run->output_fd, F_SETFL, O_NONBLOCK);
    fcntl(run->report_fd, F_SETFL, O_NONBLOCK);
cleanup:
    for (int i = 0; i < 2 * N_PIPES; i++)
        if (fd[i] >= 0) close(fd[i]);
    if (task >= 0) close(task);
    if (null >= 0) close(null);
    if (st != FR_OK) fr__run_drop(run);
    return st;
}

size_t fr__run_polled(const fr__run *run, struct pollfd *fds)
{
    size_t n = 0;
    int wanted[FR__RUN_FDS] = {run->output_fd, run->report_fd, -1, -1, -1, -1};
    for (int side = 0; side < FR__SIDES; side++) {
        const fr__inmate *inmate = &run->inmates[side];
        if (fr__inmate_unheard(inmate)) wanted[2 + side] = inmate->info_fd;
        if (!inmate->waited) wanted[4 + side] = inmate->fd;
    }
    for (int i = 0; i < FR__RUN_FDS; i++)
        if (wanted[i] >= 0) fds[n++] = (struct pollfd){.fd = wanted[i], .events = POLLIN};
    return n;
}

/* Reads what is there, keeping the first `size` - 1 bytes in `kept` (of which *n have come so far)
 * and counting the rest. Closes *fd at its end. */
static void take(int *fd, char *kept, size_t size, size_t *n, size_t most)
{
    char bytes[16384];
    while (*fd >= 0 && *n <= most) {
        ssize_t got = read(*fd, bytes, sizeof(bytes));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            close(*fd);
            *fd = -1;
            return;
        }
        if (*n < size - 1) {
            size_t room = size - 1 - *n;
            size_t some = (size_t)got < room ? (size_t)got : room;
            memcpy(kept + *n, bytes, some);
            kept[*n + some] = 0;
        }
        *n += (size_t)got;
    }
}

static void take_all(fr__run *run)
{
    take(&run->output_fd, run->verdict->output, sizeof(run->verdict->output), &run->n_output,
         run->program->limits.output_bytes);
    take(&run->report_fd, run->report, sizeof(run->report), &run->n_report, sizeof(run->report));
}

bool fr__run_step(fr__run *run)
{
    const fr_sandbox_limits *limits = &run->program->limits;
    double now_s = fr_clock_monotonic(NULL);
    bool ended[FR__SIDES];
    for (int side = 0; side < FR__SIDES; side++) {
        if (fr__inmate_unheard(&run->inmates[side])) {
            struct pollfd one = {.fd = run->inmates[side].info_fd, .events = POLLIN};
            if (poll(&one, 1, 0) > 0) fr__inmate_hear(&run->inmates[side]);
        }
        ended[side] = fr__inmate_ended(&run->inmates[side]); /* first: what it wrote is there */
    }
    take_all(run);
    run->late = !ended[FR__TESTS] && now_s - run->started_s > limits->wall_s;
    if (run->n_output > limits->output_bytes || run->late) return true;
    if (!ended[FR__TESTS]) return false;
    /* Where the tests have lost their candidate, it is about to tell by its status why. */
    char lost[FR__NONCE_SIZE + 8];
    snprintf(lost, sizeof(lost), "%s lost", run->nonce);
    if (!strstr(run->report, lost) || ended[FR__CANDIDATE]) return true;
    if (run->lost_s <= 0) run->lost_s = now_s;
    return now_s - run->lost_s > LINGER_S;
}

/* The tests first: they would still report that they have lost their candidate. */
static void end_both(fr__run *run)
{
    fr__inmate_end(&run->inmates[FR__TESTS]);
    fr__inmate_end(&run->inmates[FR__CANDIDATE]);
}

fr_status fr__run_finish(fr__run *run, fr_error *err)
{
    fr_status st = FR_OK;
    double wall_s = fr_clock_monotonic(NULL) - run->started_s;
    run->candidate_left = fr__inmate_ended(&run->inmates[FR__CANDIDATE]);
    end_both(run);
    take_all(run);
    st = fr__run_judge(run, wall_s, err);
    fr__run_drop(run);
    return st;
}

void fr__run_drop(fr__run *run)
{
    end_both(run);
    if (run->output_fd >= 0) close(run->output_fd);
    if (run->report_fd >= 0) close(run->report_fd);
    run->output_fd = run->report_fd = -1;
    run->program = NULL;
}
