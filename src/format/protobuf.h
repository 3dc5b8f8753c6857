/* protobuf.h - the wire format of Protocol Buffers, field by field, within bounds.
 *
 *     fr_protobuf p = {bytes, bytes + n, path};
 *     fr_protobuf_field f;
 *     while ((st = fr_protobuf_next(&p, &f, &more, err)) == FR_OK && more)
 *         switch (f.number) { case 1: ... f.bytes[0 .. f.len) ... }
 *
 * Reference: "Encoding" in the Protocol Buffers documentation. */
#ifndef FR_FORMAT_PROTOBUF_H
#define FR_FORMAT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct fr_protobuf {
    const unsigned char *at, *end;
    const char *where; /* for messages */
} fr_protobuf;

typedef enum fr_protobuf_wire {
    FR_PROTOBUF_VARINT = 0,
    FR_PROTOBUF_FIXED64 = 1,
    FR_PROTOBUF_BYTES = 2,
    FR_PROTOBUF_FIXED32 = 5,
} fr_protobuf_wire;

typedef struct fr_protobuf_field {
    uint32_t number;
    fr_protobuf_wire wire;
    uint64_t value;             /* of all but bytes */
    const unsigned char *bytes; /* of a string or message; not owned */
    size_t len;
} fr_protobuf_field;

/* The next field; *more is false at the end.
 * Errors: FR_ERR_FORMAT (a field that does not fit, groups). */
FR_NODISCARD fr_status fr_protobuf_next(fr_protobuf *p, fr_protobuf_field *f, bool *more,
                                        fr_error *err);

/* The field has this wire type, else an error that names it. */
FR_NODISCARD fr_status fr_protobuf_expect(const fr_protobuf *p, const fr_protobuf_field *f,
                                          fr_protobuf_wire wire, const char *name, fr_error *err);

/* A fixed32 as a float. */
float fr_protobuf_float(const fr_protobuf_field *f);

#endif
