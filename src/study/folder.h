/* folder.h - model folders that appear whole or not at all (internal to study). */
#ifndef FR_STUDY_FOLDER_H
#define FR_STUDY_FOLDER_H

#include "base/error.h"

/* Removes a folder and all in it; a missing one is fine. Links are removed, not followed. */
FR_NODISCARD fr_status fr__folder_remove(const char *path, fr_error *err);

/* Moves folder `from` to `to`, in place of what is there, and syncs both parents. Killed in
 * between, `to` is missing or whole, never half. */
FR_NODISCARD fr_status fr__folder_replace(const char *from, const char *to, fr_error *err);

#endif
