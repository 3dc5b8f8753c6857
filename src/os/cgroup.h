/* cgroup.h - a cgroup v2 of our own: what is born in it is counted to the last child.
 *
 *     fr_cgroup *group = NULL;
 *     FR_TRY(fr_cgroup_create(&group, "/proc", err));
 *     ... clone3 with CLONE_INTO_CGROUP, or fr_cgroup_enter between fork and exec
 *     FR_TRY(fr_cgroup_usage(group, &usage, err));
 *     fr_cgroup_destroy(group);
 *
 * The kernel charges CPU time to the group itself, so it counts children that
 * nobody waits for, also without the cpu controller. A process that moves itself
 * into a foreign cgroup (systemd-run, a container engine's daemon) is out of it.
 *
 * The group lies below the cgroup we run in and is called frugal-PID-N; one that
 * a killed frugal has left is removed by the next one, once nothing lives there.
 *
 * Not here: limits of any kind, and cgroup v1.
 * Reference: Linux Documentation/admin-guide/cgroup-v2.rst */
#ifndef FR_OS_CGROUP_H
#define FR_OS_CGROUP_H

#include "os/process.h"

typedef struct fr_cgroup fr_cgroup;

/* Makes the group, where /proc/self says that we are. Thread-safe.
 * Errors: FR_ERR_UNSUPPORTED, with the path and the reason: no cgroup v2 is mounted, we may not
 * make one there, its kernel counts no CPU time. FR_ERR_NOMEM.
 * Owner: the caller, until fr_cgroup_destroy. */
FR_NODISCARD fr_status fr_cgroup_create(fr_cgroup **out, const char *proc_root, fr_error *err);

/* Removes the group and all below it; what lives there moves to the group that we run in.
 * NULL is fine. */
void fr_cgroup_destroy(fr_cgroup *group);

const char *fr_cgroup_path(const fr_cgroup *group); /* its folder; owned by the group */
int fr_cgroup_fd(const fr_cgroup *group);           /* that folder, open, for clone3 */

/* Moves the calling process into the group; async-signal-safe. False, with errno, if it cannot. */
bool fr_cgroup_enter(const fr_cgroup *group);

/* CPU seconds since the group was made, and what is resident in it now: by its memory controller
 * (anonymous and mapped pages, each once) where it has one, else as fr_usage counts. Groups below
 * it included. Thread-safe.   Errors: FR_ERR_IO, FR_ERR_FORMAT with the path. */
FR_NODISCARD fr_status fr_cgroup_usage(const fr_cgroup *group, fr_usage *out, fr_error *err);

/* Is the process in it, or in one below it? False for one that has ended. Thread-safe. */
bool fr_cgroup_contains(const fr_cgroup *group, pid_t pid);

/* Does anything live in it? Zombies do not. */
bool fr_cgroup_populated(const fr_cgroup *group);

/* The living, at most 65,536; groups below it included.
 * Errors: FR_ERR_NOMEM.   Owner of *out: the caller, by free(). */
FR_NODISCARD fr_status fr_cgroup_members(const fr_cgroup *group, pid_t **out, size_t *n,
                                         fr_error *err);

/* Moves what lives in it to the group that we run in, and removes the groups below it. False when
 * something could not be moved. */
bool fr_cgroup_evict(fr_cgroup *group);

/* Where our cgroup v2 is: *dir is its folder, *path its name as /proc/PID/cgroup gives it. Both of
 * size PATH_MAX. Errors: FR_ERR_UNSUPPORTED, with the reason. */
FR_NODISCARD fr_status fr__cgroup_locate(const char *proc_root, char *dir, char *path,
                                         fr_error *err);

/* Resident bytes by the folder's memory.stat. False when there is no memory controller. */
bool fr__cgroup_memory(const char *dir, double *bytes);

#endif
