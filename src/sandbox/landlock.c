/* landlock.c - Landlock by its three system calls.
 *
 * The structures are written down here: the headers of older distributions lack the newer fields,
 * and a kernel takes any length that it knows.
 * Reference: landlock(7), Linux Documentation/userspace-api/landlock.rst (ABI 1 to 7). */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* the same number on all machines */
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum {
    FS_EXECUTE = 1 << 0,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_ABI_1 = (1 << 13) - 1,
    FS_REFER = 1 << 13,     /* ABI 2 */
    FS_TRUNCATE = 1 << 14,  /* ABI 3 */
    FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
    NET_TCP = 3,            /* ABI 4: bind, connect */
    SCOPED = 3              /* ABI 6: abstract sockets, signals */
};

struct ruleset_attr {
    uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

static fr_status add_path(int ruleset, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) goto cleanup;
    if (fd < 0 || fstat(fd, &info))
        FR_FAIL(err, FR_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    struct path_attr rule = {.allowed_access = FS_EXECUTE | FS_READ_FILE, .parent_fd = fd};
    if (S_ISDIR(info.st_mode)) rule.allowed_access |= FS_READ_DIR;
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0))
        FR_FAIL(err, FR_ERR_IO, "Landlock: no rule for %s: %s", path, strerror(errno));
cleanup:
    if (fd >= 0) close(fd);
    return st;
}

fr_status fr__landlock_open(int *fd, int *abi, const char *const *paths, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    *fd = -1;
    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
    if (*abi < 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "the kernel offers no Landlock (%s); it needs Linux 5.13 with `landlock` in lsm=",
                strerror(errno));
    struct ruleset_attr attr = {.handled_access_fs = FS_ABI_1};
    size_t size = sizeof(attr.handled_access_fs);
    if (*abi >= 2) attr.handled_access_fs |= FS_REFER;
    if (*abi >= 3) attr.handled_access_fs |= FS_TRUNCATE;
    if (*abi >= 5) attr.handled_access_fs |= FS_IOCTL_DEV;
    if (*abi >= 4) {
        attr.handled_access_net = NET_TCP;
        size += sizeof(attr.handled_access_net);
    }
    if (*abi >= 6) {
        attr.scoped = SCOPED;
        size += sizeof(attr.scoped);
    }
    *fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (*fd < 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "Landlock makes no rule set: %s", strerror(errno));
    for (size_t i = 0; i < n; i++) FR_TRY(add_path(*fd, paths[i], err));
cleanup:
    if (st != FR_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return st;
}

int fr__landlock_enter(int fd)
{
    return (int)syscall(SYS_landlock_restrict_self, fd, 0);
}
