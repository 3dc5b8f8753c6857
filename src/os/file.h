/* file.h - files: mapped, read whole, written all or not at all.
 *
 *     fr_map map;
 *     FR_TRY(fr_map_open(&map, path, err));      // map.data[0 .. map.size)
 *     fr_map_close(&map);
 *
 *     fr_file_writer *w;
 *     FR_TRY(fr_file_writer_open(&w, path, err));        // writes path.<random>.tmp
 *     FR_TRY(fr_file_writer_write(w, bytes, n, err));
 *     FR_TRY(fr_file_writer_commit(w, err));             // fsync, then rename over path
 *     fr_file_writer_close(w);                           // before commit: path is left as it was
 *
 * Every error names the path and the reason of the system ("No space left on device"). */
#ifndef FR_OS_FILE_H
#define FR_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/str.h"

/* A file in memory, read-only. data is NULL for an empty file. */
typedef struct fr_map {
    const unsigned char *data;
    size_t size; /* bytes */
} fr_map;

/* Errors: FR_ERR_IO (missing, unreadable, not a regular file). A file that another process makes
 * shorter while it is mapped ends ours with SIGBUS: write model files atomically, as we do. */
FR_NODISCARD fr_status fr_map_open(fr_map *map, const char *path, fr_error *err);
void fr_map_close(fr_map *map); /* a zeroed map may be closed */

/* Appends the whole file to *out.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT when it is longer than max_bytes. */
FR_NODISCARD fr_status fr_file_read(fr_str *out, const char *path, size_t max_bytes, fr_error *err);

/* A file that appears whole under its name or not at all; where the name is that of a pipe or a
 * device, that is written to. Not two at once for one path in one process. */
typedef struct fr_file_writer fr_file_writer;

FR_NODISCARD fr_status fr_file_writer_open(fr_file_writer **out, const char *path, fr_error *err);
FR_NODISCARD fr_status fr_file_writer_write(fr_file_writer *w, const void *bytes, size_t n,
                                            fr_error *err);
/* Writes what is buffered, syncs, renames to the path of open. Call close afterwards. */
FR_NODISCARD fr_status fr_file_writer_commit(fr_file_writer *w, fr_error *err);
/* Frees; removes the temporary file unless it was committed. NULL is allowed. */
void fr_file_writer_close(fr_file_writer *w);

/* All of the above in one call. */
FR_NODISCARD fr_status fr_file_write_atomic(const char *path, const void *bytes, size_t n,
                                            fr_error *err);

/* Removes what writers of `path` left behind whose processes were killed, as open does too. */
void fr_file_remove_leftovers(const char *path);

/* Copies a file, atomically. */
FR_NODISCARD fr_status fr_file_copy(const char *from, const char *to, fr_error *err);

bool fr_file_exists(const char *path); /* a regular file, after links */
bool fr_dir_exists(const char *path);

/* Creates the folder and those above it, where missing. */
FR_NODISCARD fr_status fr_dir_create(const char *path, fr_error *err);

/* Replaces *out by "dir/name" ("name" where dir is "" or name starts with '/'). */
FR_NODISCARD fr_status fr_path_join(fr_str *out, const char *dir, const char *name, fr_error *err);

/* Replaces *out by the folder part of path: "a/b" of "a/b/c", "." of "c". */
FR_NODISCARD fr_status fr_path_dir(fr_str *out, const char *path, fr_error *err);

#endif
