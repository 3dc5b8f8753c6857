/* fs.h - what kind of file system a path lies on. */
#ifndef FR_OS_FS_H
#define FR_OS_FS_H

#include <stdbool.h>

/* True when `path` (which must exist) lies on a file system that several hosts may share or
 * whose locks and shared memory may not be the kernel's own (NFS, SMB/CIFS, FUSE, 9p, Ceph,
 * Lustre, GPFS, BeeGFS, AFS, OCFS2, GFS2, Coda): a ledger there must not use WAL.
 * *name (may be NULL): its name in words, static text, NULL for local ones.
 * A path that cannot be looked at counts as local. */
bool fr_fs_is_network(const char *path, const char **name);

/* The same from the f_type of statfs(2). */
bool fr_fs_magic_is_network(unsigned long magic, const char **name);

#endif
