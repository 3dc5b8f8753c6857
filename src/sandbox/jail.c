/* jail.c - starts a process behind walls, and ends it for good.
 *
 *     fork - limits - own user -+- exec bwrap --- namespaces - filter - exec python
 *                               '- Landlock - filter - exec python
 *
 * Between fork and exec only system calls are made: other threads of ours may have held a lock.
 * As root the process becomes a user that nothing belongs to before anything else, so that a hole
 * in a wall ends in an empty room, and so that the limit on threads counts.
 * Reference: bwrap(1), pid_namespaces(7), landlock(7), seccomp(2). */
#include "sandbox/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/process.h"
#include "sandbox/landlock.h"

enum {
    FILTER_FD = FR__JAIL_FDS, /* in a child, for bwrap */
    INFO_FD,
    FIRST_FREE_FD,
    /* Users between these are nobody's by the rules of Debian and systemd (DynamicUser). */
    FIRST_USER = 61184,
    N_USERS = 65520 - 61184,
    START_MS = 20000 /* until bwrap must have said what it started */
};

/* What every Linux with glibc keeps its shared libraries in; python->library comes first. */
static const char *const library_dirs[] = {"/usr/lib", "/usr/lib64", "/lib", "/lib64"};

static char *const environment[] = {
    (char[]){"PATH=/usr/bin"},      (char[]){"LC_ALL=C.UTF-8"},
    (char[]){"PYTHONHASHSEED=0"},   (char[]){"PYTHONDONTWRITEBYTECODE=1"},
    (char[]){"PYTHONUNBUFFERED=1"}, (char[]){"HOME=/tmp"},
    (char[]){"TMPDIR=/tmp"},        NULL,
};

fr_status fr__jail_init(fr__jail *jail, fr_jail_kind kind, bool own_user, const fr__python *python,
                        const char *bwrap, fr_error *err)
{
    fr_status st = FR_OK;
    *jail = (fr__jail){
        .kind = kind, .python = python, .bwrap = bwrap, .own_user = own_user, .landlock_fd = -1};
    if (kind == FR_JAIL_BUBBLEWRAP && access(bwrap, X_OK))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s; install package bubblewrap", bwrap,
                strerror(errno));
    if (kind == FR_JAIL_LANDLOCK) {
        const char *paths[] = {python->program, python->library, library_dirs[0], library_dirs[1],
                               library_dirs[2], library_dirs[3], "/dev/null",     "/dev/urandom"};
        FR_TRY(fr__landlock_open(&jail->landlock_fd, &jail->landlock_abi, paths,
                                 sizeof(paths) / sizeof(*paths), err));
    }
    if (kind != FR_JAIL_NONE)
        FR_TRY(fr__filter_init(&jail->filter, kind == FR_JAIL_BUBBLEWRAP, err));
cleanup:
    return st;
}

void fr__jail_release(fr__jail *jail)
{
    if (jail->landlock_fd >= 0) close(jail->landlock_fd);
    jail->landlock_fd = -1;
    fr__filter_release(&jail->filter);
}

/* The words of a command line; those that are numbers live in `numbers`. */
typedef struct words {
    const char *argv[80];
    size_t n;
    char tmp_bytes[24], filter_fd[8], info_fd[8];
    char boot[65536]; /* the program of the process, and the call that starts it */
} words;

static void say(words *w, const char *const *some)
{
    while (*some) w->argv[w->n++] = *some++;
}

/* What bwrap is to build: nothing but Python, its libraries, two devices and a small /tmp. */
static void say_bwrap(words *w, const fr__jail *jail, const fr_sandbox_limits *limits)
{
    const fr__python *python = jail->python;
    snprintf(w->tmp_bytes, sizeof(w->tmp_bytes), "%zu", limits->tmp_bytes);
    snprintf(w->filter_fd, sizeof(w->filter_fd), "%d", FILTER_FD);
    snprintf(w->info_fd, sizeof(w->info_fd), "%d", INFO_FD);
    say(w, (const char *const[]){jail->bwrap, "--unshare-user", "--unshare-ipc", "--unshare-pid",
                                 "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
                                 "--die-with-parent", "--new-session", "--cap-drop", "ALL", NULL});
    for (size_t i = 0; i < sizeof(library_dirs) / sizeof(*library_dirs); i++)
        say(w, (const char *const[]){"--ro-bind-try", library_dirs[i], library_dirs[i], NULL});
    if (strcmp(python->library, library_dirs[0]))
        say(w, (const char *const[]){"--ro-bind", python->library, python->library, NULL});
    say(w, (const char *const[]){"--ro-bind",
                                 python->program,
                                 python->program,
                                 "--dev-bind",
                                 "/dev/null",
                                 "/dev/null",
                                 "--dev-bind",
                                 "/dev/urandom",
                                 "/dev/urandom",
                                 "--size",
                                 w->tmp_bytes,
                                 "--tmpfs",
                                 "/tmp",
                                 "--remount-ro",
                                 "/",
                                 "--chdir",
                                 "/tmp",
                                 "--seccomp",
                                 w->filter_fd,
                                 "--info-fd",
                                 w->info_fd,
                                 "--",
                                 NULL});
}

static fr_status say_all(words *w, const fr__jail *jail, int side, const fr_sandbox_limits *limits,
                         fr_error *err)
{
    fr_status st = FR_OK;
    if (jail->kind == FR_JAIL_BUBBLEWRAP) say_bwrap(w, jail, limits);
    /* Where neither namespace nor user are its own, others of our user would count as well. */
    bool alone = jail->kind == FR_JAIL_BUBBLEWRAP || jail->own_user;
    int n = snprintf(w->boot, sizeof(w->boot), "%s(%u)\n", jail->python->boot[side],
                     alone ? limits->threads : 0);
    if (n < 0 || (size_t)n >= sizeof(w->boot))
        FR_FAIL(err, FR_ERR_STATE, "sandbox: the program of the process is too long");
    /* -s -S: no packages of the user or the machine. */
    say(w, (const char *const[]){jail->python->program, "-s", "-S", "-c", w->boot, NULL});
    w->argv[w->n] = NULL;
cleanup:
    return st;
}

/* What the child needs, all made before fork. */
typedef struct plan {
    const fr__jail *jail;
    const char *const *argv;
    int fds[FIRST_FREE_FD]; /* what becomes 0, 1, 2 ...; -1: closed */
    uid_t user;             /* 0: as we are */
    pid_t parent;
    struct {
        int which;
        rlim_t soft, hard;
    } limits[10];
    size_t n_limits;
} plan;

static void set_limit(plan *p, int which, rlim_t soft, rlim_t hard)
{
    struct rlimit now;
    if (getrlimit(which, &now)) return;
    if (now.rlim_max != RLIM_INFINITY && hard > now.rlim_max) hard = now.rlim_max;
    if (soft > hard) soft = hard;
    p->limits[p->n_limits].which = which;
    p->limits[p->n_limits].soft = soft;
    p->limits[p->n_limits++].hard = hard;
}

static void set_limits(plan *p, const fr_sandbox_limits *limits)
{
    rlim_t stack = (rlim_t)8 << 20;
    /* At the soft limit comes SIGXCPU, which can be ignored, and a second later SIGKILL. */
    set_limit(p, RLIMIT_CPU, limits->cpu_s, (rlim_t)limits->cpu_s + 1);
    set_limit(p, RLIMIT_AS, limits->memory_bytes, limits->memory_bytes);
    set_limit(p, RLIMIT_FSIZE, limits->file_bytes, limits->file_bytes);
    set_limit(p, RLIMIT_NOFILE, 64, 64);
    set_limit(p, RLIMIT_STACK, stack, stack);
    set_limit(p, RLIMIT_CORE, 0, 0);
    set_limit(p, RLIMIT_MEMLOCK, 0, 0);
    set_limit(p, RLIMIT_MSGQUEUE, 0, 0);
    set_limit(p, RLIMIT_SIGPENDING, 64, 64);
}

/* For the child: why it did not get to exec, on its standard error. */
_Noreturn static void give_up(const char *what)
{
    static const char after[] = " failed\n";
    const char *const why = strerrordesc_np(errno); /* static text, no allocation */
    ssize_t n = write(2, what, strlen(what));
    if (why && n > 0) {
        n = write(2, ": ", 2);
        n = write(2, why, strlen(why));
    }
    n = write(2, after, sizeof(after) - 1);
    _exit(n < 0 ? 125 : 126);
}

static void move_fds(const plan *p)
{
    int high[FIRST_FREE_FD];
    for (int i = 0; i < FIRST_FREE_FD; i++) {
        high[i] = p->fds[i] < 0 ? -1 : fcntl(p->fds[i], F_DUPFD, FIRST_FREE_FD);
        if (p->fds[i] >= 0 && high[i] < 0) give_up("dup");
    }
    for (int i = 0; i < FIRST_FREE_FD; i++) {
        if (high[i] < 0)
            close(i);
        else if (dup2(high[i], i) < 0)
            give_up("dup2");
    }
}

/* The libraries' functions would tell other threads to do the same; there are none here. */
static void become(uid_t user)
{
    if (syscall(SYS_setgroups, 0, NULL)) give_up("setgroups");
    if (syscall(SYS_setresgid, user, user, user)) give_up("setresgid");
    if (syscall(SYS_setresuid, user, user, user)) give_up("setresuid");
}

static void reset_signals(void)
{
    sigset_t none;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int i = 1; i < 65; i++) sigaction(i, &usual, NULL); /* two of them refuse: no matter */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The life of the child until exec. */
_Noreturn static void child(const plan *p)
{
    const fr__jail *jail = p->jail;
    int landlock_fd = jail->landlock_fd;
    reset_signals();
    setsid();
    if (p->user) become(p->user);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which forgets it */
    if (getppid() != p->parent) _exit(126);
    if (landlock_fd >= 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) give_up("no new privileges");
        if (fr__landlock_enter(landlock_fd)) give_up("Landlock");
    }
    move_fds(p);
    if (syscall(SYS_close_range, FIRST_FREE_FD, ~0U, 0)) give_up("close_range");
    if (chdir("/")) give_up("chdir"); /* ours may be closed to its user */
    for (size_t i = 0; i < p->n_limits; i++) {
        struct rlimit limit = {p->limits[i].soft, p->limits[i].hard};
        if (setrlimit((__rlimit_resource_t)p->limits[i].which, &limit)) give_up("setrlimit");
    }
    if (jail->kind == FR_JAIL_LANDLOCK) {
        struct sock_fprog filter = {(unsigned short)jail->filter.n, jail->filter.code};
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0)) give_up("seccomp");
    }
    execve(p->argv[0], (char *const *)(uintptr_t)p->argv, environment);
    give_up(p->argv[0]);
}

/* A memory file that holds the filter: bwrap reads it to its end, so each needs its own. */
static fr_status filter_file(int *fd, const fr__filter *filter, fr_error *err)
{
    fr_status st = FR_OK;
    ssize_t size = (ssize_t)(filter->n * sizeof(*filter->code));
    *fd = memfd_create("frugal-filter", MFD_CLOEXEC);
    if (*fd < 0 || write(*fd, filter->code, (size_t)size) != size || lseek(*fd, 0, SEEK_SET))
        FR_FAIL(err, FR_ERR_IO, "sandbox: no memory file for the filter: %s", strerror(errno));
cleanup:
    return st;
}

uid_t fr__jail_user(unsigned seat)
{
    return FIRST_USER + ((unsigned)getpid() * 4 + seat) % N_USERS;
}

fr_status fr__inmate_start(fr__inmate *inmate, const fr__jail *jail, int side, unsigned seat,
                           const fr_sandbox_limits *limits, const int fds[FR__JAIL_FDS],
                           fr_error *err)
{
    fr_status st = FR_OK;
    int info[2] = {-1, -1}, filter_fd = -1;
    *inmate = (fr__inmate)FR__INMATE_INIT;
    words *w = calloc(1, sizeof(*w));
    if (!w) FR_FAIL(err, FR_ERR_NOMEM, "sandbox: out of memory");
    FR_TRY(say_all(w, jail, side, limits, err));
    if (jail->kind == FR_JAIL_BUBBLEWRAP) {
        FR_TRY(filter_file(&filter_fd, &jail->filter, err));
        if (pipe2(info, O_CLOEXEC))
            FR_FAIL(err, FR_ERR_IO, "sandbox: no pipe: %s", strerror(errno));
    }
    plan p = {.jail = jail, .argv = w->argv, .parent = getpid()};
    memcpy(p.fds, fds, sizeof(*fds) * FR__JAIL_FDS);
    p.fds[FILTER_FD] = filter_fd;
    p.fds[INFO_FD] = info[1];
    if (jail->own_user) p.user = fr__jail_user(seat);
    set_limits(&p, limits);
    inmate->pid = fork();
    if (inmate->pid == 0) child(&p);
    if (inmate->pid < 0) {
        inmate->pid = 0;
        FR_FAIL(err, FR_ERR_IO, "sandbox: cannot fork: %s", strerror(errno));
    }
    inmate->info_fd = info[0];
    info[0] = -1;
    inmate->fd = (int)syscall(SYS_pidfd_open, inmate->pid, 0);
    if (inmate->fd < 0)
        FR_FAIL(err, FR_ERR_IO, "sandbox: pidfd_open: %s; it needs Linux 5.3", strerror(errno));
cleanup:
    if (filter_fd >= 0) close(filter_fd);
    for (int i = 0; i < 2; i++)
        if (info[i] >= 0) close(info[i]);
    free(w);
    if (st != FR_OK) fr__inmate_end(inmate);
    return st;
}

bool fr__inmate_ended(fr__inmate *inmate)
{
    if (!inmate->waited)
        inmate->waited = waitpid(inmate->pid, &inmate->status, WNOHANG) == inmate->pid;
    return inmate->waited;
}

bool fr__inmate_unheard(const fr__inmate *inmate)
{
    return inmate->info_fd >= 0 && inmate->inner_fd < 0;
}

void fr__inmate_hear(fr__inmate *inmate)
{
    static const char key[] = "\"child-pid\":";
    char text[512];
    ssize_t n = read(inmate->info_fd, text, sizeof(text) - 1);
    if (n < 0 && errno == EINTR) return;
    text[n > 0 ? n : 0] = 0;
    const char *at = strstr(text, key);
    long pid = at ? strtol(at + sizeof(key) - 1, NULL, 10) : 0;
    if (pid > 0) inmate->inner_fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    /* Looked at after it is held: the number of one that has ended may be another's by now. */
    fr_process held;
    if (inmate->inner_fd >= 0 && fr_process_read("/proc", (pid_t)pid, &held, NULL) == FR_OK &&
        held.parent == inmate->pid)
        return; /* bwrap goes on writing: the pipe stays open */
    if (inmate->inner_fd >= 0) close(inmate->inner_fd);
    inmate->inner_fd = -1;
    close(inmate->info_fd);
    inmate->info_fd = -1;
}

static void wait_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    while (poll(&one, 1, timeout_ms) < 0 && errno == EINTR) {
    }
}

void fr__inmate_end(fr__inmate *inmate)
{
    if (!inmate->pid) return;
    /* Killed before it has told of its child, bwrap would leave one that waits for ever. */
    if (fr__inmate_unheard(inmate) && !fr__inmate_ended(inmate)) {
        wait_readable(inmate->info_fd, START_MS);
        fr__inmate_hear(inmate);
    }
    if (inmate->inner_fd >= 0) {
        /* The first process of a namespace is gone only when all others in it are. */
        syscall(SYS_pidfd_send_signal, inmate->inner_fd, SIGKILL, NULL, 0);
        wait_readable(inmate->inner_fd, -1);
    }
    if (!fr__inmate_ended(inmate)) {
        kill(inmate->pid, SIGKILL);
        while (waitpid(inmate->pid, &inmate->status, 0) < 0 && errno == EINTR) {
        }
        inmate->waited = true;
    }
    for (int i = 0; i < 3; i++) {
        int fd = i == 0 ? inmate->fd : i == 1 ? inmate->info_fd : inmate->inner_fd;
        if (fd >= 0) close(fd);
    }
    inmate->fd = inmate->info_fd = inmate->inner_fd = -1;
    inmate->pid = 0;
}

int fr__inmate_signal(const fr__inmate *inmate, fr_jail_kind kind, int *exit_status)
{
    *exit_status = 0;
    if (WIFSIGNALED(inmate->status)) return WTERMSIG(inmate->status);
    int status = WEXITSTATUS(inmate->status);
    if (kind == FR_JAIL_BUBBLEWRAP && status > 128 && status <= 128 + SIGRTMAX)
        return status - 128; /* as bwrap tells it */
    *exit_status = status;
    return 0;
}
