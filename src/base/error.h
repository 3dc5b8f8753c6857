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

/* clang-format off */
#define FR_STATUS_MAP(X)                                              \
    X(OK,              "done")                                        \
    X(ERR_NOMEM,       "out of memory")                               \
    X(ERR_IO,          "reading or writing failed")                   \
    X(ERR_FORMAT,      "malformed input")                             \
    X(ERR_SHAPE,       "sizes disagree")                              \
    X(ERR_USAGE,       "wrong argument or configuration")             \
    X(ERR_UNSUPPORTED, "not supported")                               \
    X(ERR_NET,         "the network or a server failed")              \
    X(ERR_BUSY,        "in use by another process")                   \
    X(ERR_STATE,       "not possible in this state")                  \
    X(ERR_INTERRUPTED, "interrupted")
/* clang-format on */

typedef enum fr_status {
#define FR_STATUS_ENUM(name, text) FR_##name,
    FR_STATUS_MAP(FR_STATUS_ENUM)
#undef FR_STATUS_ENUM
} fr_status;

#define FR_NODISCARD __attribute__((warn_unused_result))
#define FR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum { FR_ERROR_MAX = 1024 };

typedef struct fr_error {
    fr_status status;
    char message[FR_ERROR_MAX]; /* one line, cut at the end if longer */
} fr_error;

/* Short name of a status ("ERR_IO") and its meaning in words. Static text. */
const char *fr_status_name(fr_status status);
const char *fr_status_text(fr_status status);

/* Fills *err (if not NULL) and returns `status`. */
fr_status fr_error_set(fr_error *err, fr_status status, const char *fmt, ...) FR_PRINTF(3, 4);

#ifdef __clang_analyzer__ /* it cannot see across files that this is never FR_OK */
static inline fr_status fr__failed(fr_status status)
{
    if (status == FR_OK) __builtin_unreachable();
    return status;
}
#define fr_error_set(...) fr__failed(fr_error_set(__VA_ARGS__))
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
