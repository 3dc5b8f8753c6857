/* filter.c - the seccomp filter: a list of what Python needs, nothing that reaches out of it.
 *
 * No sockets but pairs, no new processes, no signals to anyone, no other process's limits or
 * priority. What is not named fails with ENOSYS, as on an older kernel, so that libraries fall
 * back; what no program of the standard library calls, and attacks do, ends the process.
 * Reference: seccomp(2), seccomp_rule_add(3), syscalls(2). */
#include "sandbox/filter.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* names of memory areas, by glibc */
#endif

/* clang-format off */
static const char *const allowed[] = {
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "close", "close_range", "lseek", "_llseek", "dup", "dup2", "dup3", "pipe", "pipe2",
    "sendfile", "copy_file_range",
    "stat", "lstat", "fstat", "newfstatat", "fstatat64", "statx", "fstatfs", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "getdents64", "umask",
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2",
    "recvfrom", "recvmsg", "sendto", "sendmsg", "shutdown",
    "mmap", "mprotect", "munmap", "mremap", "madvise", "brk", "membarrier",
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "set_tid_address", "rseq",
    "arch_prctl", "sched_yield", "sched_getaffinity", "getcpu",
    "getpid", "gettid", "getppid", "getpgid", "getpgrp", "getsid", "getuid", "geteuid", "getgid",
    "getegid", "getresuid", "getresgid", "getgroups", "uname", "sysinfo", "times", "getrusage",
    "getrlimit", "setrlimit", "getpriority", "getrandom",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "alarm", "setitimer", "getitimer", "pause",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
    "rt_sigtimedwait", "sigaltstack", "restart_syscall", "wait4", "waitid",
    "exit", "exit_group",
    "execve", /* Python itself is started under the filter; no fork, so it gains nothing */
};

static const char *const allowed_with_writes[] = {
    "open", "openat", "creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename",
    "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "truncate", "ftruncate",
    "fallocate", "fsync", "fdatasync", "chmod", "fchmod", "fchmodat", "utime", "utimes",
    "utimensat",
};

static const char *const refused[] = { /* EPERM: a PermissionError, where ENOSYS would mislead */
    "fork", "vfork", "socket", "connect", "bind", "listen", "accept", "accept4", "kill", "tkill",
    "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal", "setuid",
    "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset",
    "setpriority", "sched_setscheduler", "sched_setparam", "sched_setattr", "sched_setaffinity",
    "ioprio_set", "chown", "fchown", "lchown", "fchownat", "mknod", "mknodat", "setsid",
    "setpgid", "shmget", "msgget", "semget", "mq_open", "memfd_create",
};

static const char *const deadly[] = {
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount",
    "fsconfig", "fspick", "mount_setattr", "setns", "unshare", "bpf", "perf_event_open",
    "userfaultfd", "keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "open_by_handle_at", "name_to_handle_at", "init_module", "finit_module",
    "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct",
    "quotactl", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname",
    "setdomainname", "iopl", "ioperm", "modify_ldt", "personality", "syslog", "vhangup",
    "fanotify_init", "lookup_dcookie", "memfd_secret", "move_pages", "migrate_pages", "mbind",
    "set_mempolicy", "seccomp",
};
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Adds one rule; a call that this machine has not is none to allow or forbid. */
static fr_status rule(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned n_args,
                      struct scmp_arg_cmp arg, fr_error *err)
{
    fr_status st = FR_OK;
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) goto cleanup; /* newer than the library */
    int rc = seccomp_rule_add_array(ctx, action, number, n_args, &arg);
    if (rc && rc != -EDOM)
        FR_FAIL(err, rc == -ENOMEM ? FR_ERR_NOMEM : FR_ERR_IO, "seccomp: no rule for %s: %s", name,
                strerror(-rc));
cleanup:
    return st;
}

static fr_status rules(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n,
                       fr_error *err)
{
    fr_status st = FR_OK;
    struct scmp_arg_cmp none = {0};
    for (size_t i = 0; i < n; i++) FR_TRY(rule(ctx, action, names[i], 0, none, err));
cleanup:
    return st;
}

/* Allows the call when its argument `arg` is one of the values. */
static fr_status allow_values(scmp_filter_ctx ctx, const char *name, unsigned arg,
                              const unsigned long *values, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < n; i++)
        FR_TRY(rule(ctx, SCMP_ACT_ALLOW, name, 1, SCMP_CMP(arg, SCMP_CMP_EQ, values[i]), err));
cleanup:
    return st;
}

/* Opening allowed without these flags, refused with any of them. */
static fr_status open_to_read(scmp_filter_ctx ctx, const char *name, unsigned arg, fr_error *err)
{
    static const unsigned long flags[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    fr_status st = FR_OK;
    unsigned long all = 0;
    for (size_t i = 0; i < COUNT(flags); i++) {
        all |= flags[i];
        FR_TRY(rule(ctx, SCMP_ACT_ERRNO(EACCES), name, 1,
                    SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, flags[i], flags[i]), err));
    }
    FR_TRY(rule(ctx, SCMP_ACT_ALLOW, name, 1, SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, all, 0), err));
cleanup:
    return st;
}

/* Calls that depend on what they are told. */
static fr_status add_conditional(scmp_filter_ctx ctx, fr_error *err)
{
    /* No F_SETOWN (signals to others), no locks on files of the host. */
    static const unsigned long fcntls[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,
                                           F_SETFD, F_GETFL,         F_SETFL};
    static const unsigned long ioctls[] = {TCGETS, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};
    static const unsigned long prctls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA};
    static const unsigned long itself[] = {0};
    fr_status st = FR_OK;
    FR_TRY(allow_values(ctx, "fcntl", 1, fcntls, COUNT(fcntls), err));
    FR_TRY(allow_values(ctx, "ioctl", 1, ioctls, COUNT(ioctls), err));
    FR_TRY(allow_values(ctx, "prctl", 0, prctls, COUNT(prctls), err));
    FR_TRY(allow_values(ctx, "prlimit64", 0, itself, COUNT(itself), err));
    /* Threads, not processes. clone3 hides its flags in memory: unlisted, glibc then uses clone. */
    FR_TRY(rule(ctx, SCMP_ACT_ALLOW, "clone", 1,
                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD), err));
    FR_TRY(rule(ctx, SCMP_ACT_ERRNO(EPERM), "clone", 1,
                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0), err));
    /* asyncio wants a pair. Of streams: a datagram could be sent to any socket that has a name. */
    FR_TRY(rule(
        ctx, SCMP_ACT_ALLOW, "socketpair", 1,
        SCMP_A1(SCMP_CMP_MASKED_EQ, ~(unsigned long)(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_STREAM),
        err));
cleanup:
    return st;
}

/* The library writes the program only to a file. */
static fr_status export_code(scmp_filter_ctx ctx, fr__filter *filter, fr_error *err)
{
    fr_status st = FR_OK;
    int fd = memfd_create("frugal-filter", MFD_CLOEXEC);
    if (fd < 0) FR_FAIL(err, FR_ERR_IO, "seccomp: no memory file: %s", strerror(errno));
    int rc = seccomp_export_bpf(ctx, fd);
    off_t size = lseek(fd, 0, SEEK_END);
    if (rc || size <= 0 || (size_t)size % sizeof(*filter->code) || size > 1 << 20)
        FR_FAIL(err, FR_ERR_IO, "seccomp: the filter cannot be made: %s", strerror(-rc));
    filter->code = malloc((size_t)size);
    if (!filter->code) FR_FAIL(err, FR_ERR_NOMEM, "seccomp: out of memory");
    if (pread(fd, filter->code, (size_t)size, 0) != size)
        FR_FAIL(err, FR_ERR_IO, "seccomp: the filter cannot be read back");
    filter->n = (size_t)size / sizeof(*filter->code);
cleanup:
    if (fd >= 0) close(fd);
    return st;
}

fr_status fr__filter_init(fr__filter *filter, bool writes, fr_error *err)
{
    fr_status st = FR_OK;
    *filter = (fr__filter){0};
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!ctx) FR_FAIL(err, FR_ERR_NOMEM, "seccomp: out of memory");
    FR_TRY(rules(ctx, SCMP_ACT_ALLOW, allowed, COUNT(allowed), err));
    FR_TRY(rules(ctx, SCMP_ACT_ERRNO(EPERM), refused, COUNT(refused), err));
    FR_TRY(rules(ctx, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly), err));
    FR_TRY(add_conditional(ctx, err));
    if (writes) {
        FR_TRY(rules(ctx, SCMP_ACT_ALLOW, allowed_with_writes, COUNT(allowed_with_writes), err));
    } else {
        FR_TRY(open_to_read(ctx, "open", 1, err));
        FR_TRY(open_to_read(ctx, "openat", 2, err));
        for (size_t i = 2; i < COUNT(allowed_with_writes); i++)
            FR_TRY(rules(ctx, SCMP_ACT_ERRNO(EACCES), &allowed_with_writes[i], 1, err));
    }
    FR_TRY(export_code(ctx, filter, err));
cleanup:
    if (ctx) seccomp_release(ctx);
    if (st != FR_OK) fr__filter_release(filter);
    return st;
}

void fr__filter_release(fr__filter *filter)
{
    free(filter->code);
    *filter = (fr__filter){0};
}
