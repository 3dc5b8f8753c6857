/* stream.c - files as streams of bytes: plain, gzip (zlib), zstd.
 *
 * What is cut off is an error, since half of a data set would score like a whole one. */
#include "format/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { IN_SIZE = 64 << 10, OUT_SIZE = 128 << 10, MAGIC_SIZE = 10, BOM_SIZE = 3 };

/* A window of up to 32 MiB is within every bound; a larger one only where the file is as large. */
enum { WINDOW_LOG = 25, WINDOW_LOG_MAX = 27 };

typedef enum packing { PLAIN, GZIP, ZSTD } packing;

struct fr_stream {
    char *path;
    int fd;
    packing packing;
    uint64_t file_size;       /* 0 for pipes */
    uint64_t n_read, n_given; /* bytes: of the file, unpacked */
    bool in_ended, ended;     /* nothing more to read, to give */
    bool open;                /* within a gzip member or a zstd frame */
    bool padded;              /* zeros were found behind a gzip member */
    unsigned char *in, *out;  /* out: in itself for a plain file */
    size_t in_at, in_n;
    size_t out_at, out_n;
    z_stream zlib;
    bool zlib_ready;
    ZSTD_DCtx *zstd;
};

/* More bytes of the file behind those that are there. */
static fr_status read_more(fr_stream *s, fr_error *err)
{
    if (s->in_at == s->in_n) s->in_at = s->in_n = 0;
    for (;;) {
        ssize_t n = read(s->fd, s->in + s->in_n, IN_SIZE - s->in_n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return fr_error_set(err, FR_ERR_IO, "%s: cannot read: %s", s->path, strerror(errno));
        s->in_ended = n == 0;
        s->in_n += (size_t)n;
        s->n_read += (uint64_t)n;
        return FR_OK;
    }
}

static const char *name_of(const fr_stream *s)
{
    return s->packing == GZIP ? "gzip" : "zstd";
}

static fr_status cut_off(const fr_stream *s, fr_error *err)
{
    return fr_error_set(err, FR_ERR_FORMAT,
                        "%s: the %s data are cut off after %llu bytes; fetch the file again",
                        s->path, name_of(s), (unsigned long long)s->n_read);
}

static fr_status something_else(const fr_stream *s, fr_error *err)
{
    return fr_error_set(err, FR_ERR_FORMAT,
                        "%s: something else follows the %s data; is the file damaged?", s->path,
                        name_of(s));
}

/* Between members: another one, zeros up to the end (what tapes leave), or the end. */
static fr_status next_member(fr_stream *s, fr_error *err)
{
    for (; s->in_at < s->in_n && s->in[s->in_at] == 0; s->in_at++) s->padded = true;
    if (s->in_at == s->in_n) {
        s->ended = s->in_ended;
        return FR_OK;
    }
    if (s->padded || s->in[s->in_at] != 0x1f) return something_else(s, err);
    s->open = true;
    inflateReset(&s->zlib);
    return FR_OK;
}

static fr_status unpack_gzip(fr_stream *s, fr_error *err)
{
    if (s->in_at == s->in_n && !s->in_ended) {
        fr_status st = read_more(s, err);
        if (st != FR_OK) return st;
    }
    if (!s->open) return next_member(s, err);
    if (s->in_at == s->in_n) return cut_off(s, err);

    s->zlib.next_in = s->in + s->in_at;
    s->zlib.avail_in = (uInt)(s->in_n - s->in_at);
    s->zlib.next_out = s->out + s->out_n;
    s->zlib.avail_out = (uInt)(OUT_SIZE - s->out_n);
    int got = inflate(&s->zlib, Z_NO_FLUSH);
    s->in_at = s->in_n - s->zlib.avail_in;
    s->n_given += OUT_SIZE - s->out_n - s->zlib.avail_out;
    s->out_n = OUT_SIZE - s->zlib.avail_out;
    if (got == Z_STREAM_END) s->open = false;
    if (got == Z_STREAM_END || got == Z_OK || got == Z_BUF_ERROR) return FR_OK;
    if (got == Z_MEM_ERROR) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", s->path);
    return fr_error_set(err, FR_ERR_FORMAT, "%s: the gzip data are damaged: %s", s->path,
                        s->zlib.msg ? s->zlib.msg : "a preset dictionary is asked for");
}

static fr_status unpack_zstd(fr_stream *s, fr_error *err)
{
    if (s->in_at == s->in_n && !s->in_ended) {
        fr_status st = read_more(s, err);
        if (st != FR_OK) return st;
    }
    if (s->in_at == s->in_n && !s->open) {
        s->ended = s->in_ended;
        return FR_OK;
    }
    ZSTD_inBuffer in = {s->in, s->in_n, s->in_at};
    ZSTD_outBuffer out = {s->out, OUT_SIZE, s->out_n};
    size_t got = ZSTD_decompressStream(s->zstd, &out, &in);
    ZSTD_ErrorCode code = ZSTD_getErrorCode(got); /* 0 where there is none */
    if (code == ZSTD_error_prefix_unknown) return something_else(s, err);
    if (code == ZSTD_error_frameParameter_windowTooLarge)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: the zstd window is larger than this file allows; pack it with "
                            "zstd -19 or less, without --long",
                            s->path);
    if (code)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: the zstd data are damaged: %s", s->path,
                            ZSTD_getErrorName(got));
    /* Nothing went in and nothing came out, and there is nothing more to give it. */
    if (in.pos == s->in_at && out.pos == s->out_n && s->in_ended && s->in_at == s->in_n)
        return cut_off(s, err);
    s->open = got != 0;
    s->in_at = in.pos;
    s->n_given += out.pos - s->out_n;
    s->out_n = out.pos;
    return FR_OK;
}

/* At least `wanted` bytes at hand, or the end. */
static fr_status gather(fr_stream *s, size_t wanted, fr_error *err)
{
    fr_status st = FR_OK;
    if (s->out_at == s->out_n && s->packing != PLAIN) s->out_at = s->out_n = 0;
    while (s->packing == PLAIN && s->in_n - s->in_at < wanted && !s->in_ended)
        FR_TRY(read_more(s, err));
    while (s->packing != PLAIN && s->out_n - s->out_at < wanted && !s->ended) {
        FR_TRY(s->packing == GZIP ? unpack_gzip(s, err) : unpack_zstd(s, err));
        if (s->n_given > FR_STREAM_FREE && s->n_given / FR_STREAM_MAX_RATIO > s->n_read)
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: unpacks to more than %d times its size, which no data set does; unpack it "
                    "yourself if you trust it, or set a limit of rows",
                    s->path, FR_STREAM_MAX_RATIO);
    }
cleanup:
    return st;
}

static fr_status refuse_others(const fr_stream *s, fr_error *err)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *what, *advice;
    } others[] = {
        {"PK\3\4", 4, "a zip archive", "unpack it first"},
        {"\xfd"
         "7zXZ",
         5, "packed with xz", "unpack it first, or pack it with gzip or zstd"},
        {"BZh91AY&SY", 10, "packed with bzip2", "unpack it first, or pack it with gzip or zstd"},
        {"\xff\xfe", 2, "UTF-16", "convert it to UTF-8"},
        {"\xfe\xff", 2, "UTF-16", "convert it to UTF-8"},
    };
    const unsigned char *at = s->packing == PLAIN ? s->in + s->in_at : s->out + s->out_at;
    size_t n = s->packing == PLAIN ? s->in_n - s->in_at : s->out_n - s->out_at;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (n >= others[i].n && !memcmp(at, others[i].magic, others[i].n))
            return fr_error_set(err, FR_ERR_FORMAT, "%s: is %s; %s", s->path, others[i].what,
                                others[i].advice);
    return FR_OK;
}

static packing packing_of(const unsigned char *in, size_t n)
{
    if (n >= 2 && in[0] == 0x1f && in[1] == 0x8b) return GZIP;
    if (n >= 4 && !memcmp(in, "\x28\xb5\x2f\xfd", 4)) return ZSTD;
    /* A skippable frame: what parallel compressors begin with. */
    if (n >= 4 && (in[0] & 0xf0) == 0x50 && !memcmp(in + 1, "\x2a\x4d\x18", 3)) return ZSTD;
    return PLAIN;
}

static fr_status begin_unpacking(fr_stream *s, fr_error *err)
{
    fr_status st = FR_OK;
    int log = WINDOW_LOG;
    if (s->packing == PLAIN) return FR_OK;
    s->out = malloc(OUT_SIZE);
    if (!s->out) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->path);
    if (s->packing == GZIP) {
        enum { GZIP_ONLY = 16 };
        s->zlib_ready = inflateInit2(&s->zlib, MAX_WBITS + GZIP_ONLY) == Z_OK;
        if (!s->zlib_ready) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->path);
        goto cleanup;
    }
    s->zstd = ZSTD_createDCtx();
    if (!s->zstd) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->path);
    while (log < WINDOW_LOG_MAX && (uint64_t)1 << (log + 1) <= s->file_size) log++;
    ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, log);
cleanup:
    return st;
}

fr_status fr_stream_open(fr_stream **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    struct stat info;
    const char *at;
    size_t n;
    *out = NULL;
    fr_stream *s = calloc(1, sizeof(*s));
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0) FR_FAIL(err, FR_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(s->fd, &info)) FR_FAIL(err, FR_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) FR_FAIL(err, FR_ERR_IO, "%s: is a folder, not a file", path);
    if (S_ISREG(info.st_mode)) s->file_size = (uint64_t)info.st_size;
    s->path = strdup(path);
    s->in = malloc(IN_SIZE);
    if (!s->path || !s->in) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);

    FR_TRY(gather(s, MAGIC_SIZE, err));
    FR_TRY(refuse_others(s, err));
    s->packing = packing_of(s->in, s->in_n);
    FR_TRY(begin_unpacking(s, err));
    FR_TRY(gather(s, BOM_SIZE, err));
    FR_TRY(refuse_others(s, err));
    FR_TRY(fr_stream_peek(s, &at, &n, err));
    if (n >= BOM_SIZE && !memcmp(at, "\xef\xbb\xbf", BOM_SIZE)) fr_stream_skip(s, BOM_SIZE);
    *out = s;
    s = NULL;
cleanup:
    fr_stream_close(s);
    return st;
}

fr_status fr_stream_peek(fr_stream *s, const char **bytes, size_t *n, fr_error *err)
{
    fr_status st = gather(s, 1, err);
    bool plain = s->packing == PLAIN;
    *bytes = (const char *)(plain ? s->in + s->in_at : s->out + s->out_at);
    *n = st == FR_OK ? (plain ? s->in_n - s->in_at : s->out_n - s->out_at) : 0;
    return st;
}

void fr_stream_skip(fr_stream *s, size_t n)
{
    if (s->packing == PLAIN)
        s->in_at += n;
    else
        s->out_at += n;
}

void fr_stream_close(fr_stream *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    if (s->zlib_ready) inflateEnd(&s->zlib);
    ZSTD_freeDCtx(s->zstd);
    free(s->in);
    free(s->out);
    free(s->path);
    free(s);
}
