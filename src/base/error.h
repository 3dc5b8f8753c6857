/* error.h - the one way in which things fail.
 *
 * A function that can fail returns fr_status, takes `fr_error *err` last and
 * has one `cleanup:` label, which FR_TRY and FR_FAIL jump to:
 *
 *     fr_status thing_open(thing **out, const char *path, fr_error *err)
 *     {
 *         fr_status st = FR_OK;
 *         ...
 *         if (!t) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
 *         FR_TRY(thing_read(t, err));
 *     cleanup:
 *         ...
 *         return st;
 *     }
 *
 * A message says what, where (file, line, tensor, limit) and what to do.
 * `err` may be NULL when the caller does not want the words. */
#ifndef FR_BASE_ERROR_H
#define FR_BASE_ERROR_H

#include "frugal/status.h"

#ifdef __clang_analyzer__ /* it cannot see across files that this is never FR_OK */
/* No function: at the depth where it matters, the analyzer looks into none. */
#define fr_error_set(...)                              \
    __extension__({                                    \
        fr_status failed_ = fr_error_set(__VA_ARGS__); \
        if (failed_ == FR_OK) __builtin_unreachable(); \
        failed_;                                       \
    })
#endif

/* Puts "words: " in front of the message of a call that failed, for a caller that knows more about
 * where. */
void fr_error_prefix(fr_error *err, const char *fmt, ...) FR_PRINTF(2, 3);

#define FR_FAIL(err, status, ...)                        \
    do {                                                 \
        st = fr_error_set((err), (status), __VA_ARGS__); \
        goto cleanup;                                    \
    } while (0)

#define FR_TRY(call)                   \
    do {                               \
        st = (call);                   \
        if (st != FR_OK) goto cleanup; \
    } while (0)

#endif
