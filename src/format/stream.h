/* stream.h - the text of a file, piece by piece, unpacked on the way where it is gzip or zstd.
 *
 *     fr_stream *s;
 *     const char *bytes;
 *     size_t n;
 *     FR_TRY(fr_stream_open(&s, "reviews.csv.gz", err));
 *     for (;;) {
 *         FR_TRY(fr_stream_peek(s, &bytes, &n, err));
 *         if (n == 0) break;
 *         fr_stream_skip(s, n);
 *     }
 *     fr_stream_close(s);
 *
 * What packs a file its first bytes tell, not its name. Members of a gzip file and frames of a
 * zstd file follow each other. A UTF-8 byte-order mark is passed over; UTF-16 is refused. Memory
 * is two buffers and the window of zstd, whatever a file unpacks to.
 * Reference: RFC 1952 (gzip), RFC 8878 (zstd). */
#ifndef FR_FORMAT_STREAM_H
#define FR_FORMAT_STREAM_H

#include <stddef.h>

#include "base/error.h"

typedef struct fr_stream fr_stream;

/* path: a file, or a pipe.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT (packed in another way; UTF-16; damaged). */
FR_NODISCARD fr_status fr_stream_open(fr_stream **out, const char *path, fr_error *err);

/* The bytes at hand, at least one, valid until the next call; *n is 0 at the end.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT when the packed data are damaged, cut off, followed by something
 * else, or unpack to more than FR_STREAM_MAX_RATIO times their size. */
FR_NODISCARD fr_status fr_stream_peek(fr_stream *s, const char **bytes, size_t *n, fr_error *err);
void fr_stream_skip(fr_stream *s, size_t n); /* n: at most what peek gave */
void fr_stream_close(fr_stream *s);          /* NULL is allowed */

/* Text and tables pack to a tenth, repetitive ones to a hundredth; gzip's bombs reach a thousandth.
 * The first FR_STREAM_FREE bytes are not looked at. */
enum { FR_STREAM_MAX_RATIO = 256, FR_STREAM_FREE = 64 << 20 };

#endif
