/* protobuf.c - a strict reader of fields. */
#include "format/protobuf.h"

#include <string.h>

static bool varint(fr_protobuf *p, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && p->at < p->end; shift += 7) {
        unsigned char byte = *p->at++;
        if (shift == 63 && byte > 1) return false;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

static bool fixed(fr_protobuf *p, size_t n, uint64_t *out)
{
    *out = 0;
    if ((size_t)(p->end - p->at) < n) return false;
    for (size_t i = 0; i < n; i++) *out |= (uint64_t)p->at[i] << 8 * i;
    p->at += n;
    return true;
}

fr_status fr_protobuf_next(fr_protobuf *p, fr_protobuf_field *f, bool *more, fr_error *err)
{
    uint64_t tag, len;
    *more = p->at < p->end;
    if (!*more) return FR_OK;
    memset(f, 0, sizeof(*f));
    if (!varint(p, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: not a protocol buffer", p->where);
    f->number = (uint32_t)(tag >> 3);
    f->wire = (fr_protobuf_wire)(tag & 7);
    bool good = false;
    switch (f->wire) {
    case FR_PROTOBUF_VARINT: good = varint(p, &f->value); break;
    case FR_PROTOBUF_FIXED64: good = fixed(p, 8, &f->value); break;
    case FR_PROTOBUF_FIXED32: good = fixed(p, 4, &f->value); break;
    case FR_PROTOBUF_BYTES:
        good = varint(p, &len) && len <= (uint64_t)(p->end - p->at);
        if (!good) break;
        f->bytes = p->at;
        f->len = (size_t)len;
        p->at += len;
        break;
    }
    if (good) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT,
                        "%s: field %u of the protocol buffer is cut off or of an unknown kind",
                        p->where, f->number);
}

fr_status fr_protobuf_expect(const fr_protobuf *p, const fr_protobuf_field *f,
                             fr_protobuf_wire wire, const char *name, fr_error *err)
{
    if (f->wire == wire) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT, "%s: %s has wire type %d, expected %d", p->where, name,
                        (int)f->wire, (int)wire);
}

float fr_protobuf_float(const fr_protobuf_field *f)
{
    uint32_t bits = (uint32_t)f->value;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
