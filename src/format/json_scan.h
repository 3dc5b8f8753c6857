/* json_scan.h - reading JSON value by value, without a tree: vocabularies of many megabytes.
 *
 *     fr_json_scan s;
 *     fr_json_scan_init(&s, text, len, path, 1);
 *     FR_TRY(fr_json_scan_open(&s, '{', err));
 *     while ((st = fr_json_scan_next(&s, '}', &more, err)) == FR_OK && more) {
 *         FR_TRY(fr_json_scan_string(&s, &key, &n, err));
 *         FR_TRY(fr_json_scan_colon(&s, err));
 *         FR_TRY(fr_json_scan_integer(&s, &id, err));
 *     }
 *     fr_json_scan_release(&s);
 *
 * As strict as fr_json_parse; duplicate keys are the caller's business. Errors of all functions:
 * FR_ERR_FORMAT "path:line: ...", FR_ERR_NOMEM. */
#ifndef FR_FORMAT_JSON_SCAN_H
#define FR_FORMAT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

typedef struct fr_json_scan {
    const char *begin, *at, *end;
    const char *where;
    size_t first_line;
    bool first;     /* no element of the innermost list or object has been read yet */
    fr_str text[2]; /* the last two strings that had escapes */
    int which;
} fr_json_scan;

/* first_line: of the file, where text is a piece of it. */
void fr_json_scan_init(fr_json_scan *s, const char *text, size_t len, const char *where,
                       size_t first_line);
void fr_json_scan_release(fr_json_scan *s);

/* The first character of the next value or bracket; 0 at the end. */
char fr_json_scan_peek(fr_json_scan *s);

/* Enters a list or object: bracket is '[' or '{'. */
FR_NODISCARD fr_status fr_json_scan_open(fr_json_scan *s, char bracket, fr_error *err);

/* Is there a further element? Passes the comma, or the closing bracket. */
FR_NODISCARD fr_status fr_json_scan_next(fr_json_scan *s, char bracket, bool *more, fr_error *err);
FR_NODISCARD fr_status fr_json_scan_colon(fr_json_scan *s, fr_error *err);

/* Bytes of the source, or of the scanner where there are escapes: then valid until the second next
 * string is read. UTF-8 is not checked. */
FR_NODISCARD fr_status fr_json_scan_string(fr_json_scan *s, const char **text, size_t *len,
                                           fr_error *err);
FR_NODISCARD fr_status fr_json_scan_integer(fr_json_scan *s, int64_t *out, fr_error *err);
FR_NODISCARD fr_status fr_json_scan_number(fr_json_scan *s, double *out, fr_error *err);

/* Passes one value of any kind, nested at most FR_JSON_MAX_DEPTH deep; what is inside is only
 * looked at as far as brackets and strings go. */
FR_NODISCARD fr_status fr_json_scan_skip(fr_json_scan *s, fr_error *err);

/* Nothing but white space is left. */
FR_NODISCARD fr_status fr_json_scan_finish(fr_json_scan *s, fr_error *err);

/* "where:line: message" */
fr_status fr_json_scan_fail(const fr_json_scan *s, fr_error *err, const char *fmt, ...)
    FR_PRINTF(3, 4);

#endif
