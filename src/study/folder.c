/* folder.c - removing and moving folders. */
#include "study/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

fr_status fr__folder_remove(const char *path, fr_error *err)
{
    enum { OPEN_FOLDERS = 16 };
    if (nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 &&
        errno != ENOENT)
        return fr_error_set(err, FR_ERR_IO, "%s: cannot remove it: %s", path, strerror(errno));
    return FR_OK;
}

/* A rename survives a power cut once its folder is on the disk. */
static fr_status sync_parent(const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str parent = FR_STR_INIT;
    int fd = -1;
    FR_TRY(fr_path_dir(&parent, path, err));
    fd = open(fr_str_text(&parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        FR_FAIL(err, FR_ERR_IO, "%s: %s", fr_str_text(&parent), strerror(errno));
cleanup:
    if (fd >= 0) close(fd);
    fr_str_release(&parent);
    return st;
}

fr_status fr__folder_replace(const char *from, const char *to, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str parent = FR_STR_INIT;
    FR_TRY(fr_path_dir(&parent, to, err));
    FR_TRY(fr_dir_create(fr_str_text(&parent), err));
    FR_TRY(fr__folder_remove(to, err));
    if (rename(from, to) != 0)
        FR_FAIL(err, FR_ERR_IO, "%s: cannot move it to %s: %s", from, to, strerror(errno));
    FR_TRY(sync_parent(from, err));
    FR_TRY(sync_parent(to, err));
cleanup:
    fr_str_release(&parent);
    return st;
}
