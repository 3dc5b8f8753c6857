/* Packed files as Python's gzip and zstandard write them, cut off, damaged and hostile. */
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "base/str.h"
#include "format/stream.h"
#include "os/file.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/rows/"

static fr_error err;
static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    return 0;
}

/* Everything that the file unpacks to, or its first `most` bytes. */
static fr_status read_some(const char *path, size_t most, fr_str *out)
{
    fr_stream *s = NULL;
    const char *bytes;
    size_t n = 1;
    fr_status st = fr_stream_open(&s, path, &err);
    while (st == FR_OK && n && out->len < most) {
        st = fr_stream_peek(s, &bytes, &n, &err);
        if (n > 1000) n = 1000; /* a reader takes what it likes */
        if (st == FR_OK) ASSERT_OK(fr_str_append(out, bytes, n, &err));
        fr_stream_skip(s, n);
    }
    fr_stream_close(s);
    return st;
}

static fr_status read_bytes(const void *bytes, size_t n, fr_str *out)
{
    fr_str_clear(out);
    return read_some(test_write_bytes(dir, "d", bytes, n), SIZE_MAX, out);
}

/* What tools/golden/rows.py has packed. */
static fr_str golden_text(void)
{
    fr_str s = FR_STR_INIT;
    for (int i = 0; i < 1500; i++) {
        ASSERT_OK(fr_str_appendf(&s, &err, "{\"text\": \"row %d ", i));
        for (int k = 0; k < i % 40; k++) ASSERT_OK(fr_str_append(&s, "word ", 5, &err));
        ASSERT_OK(fr_str_appendf(&s, &err, "\", \"label\": %d}\n", i % 2));
    }
    return s;
}

static const char *const golden[] = {GOLDEN "one.jsonl.gz", GOLDEN "members.jsonl.gz",
                                     GOLDEN "one.jsonl.zst", GOLDEN "frames.jsonl.zst",
                                     GOLDEN "piped.jsonl.zst"};
enum { N_GOLDEN = sizeof(golden) / sizeof(*golden) };

static void members_and_frames_are_one_text(void **state)
{
    (void)state;
    fr_str wanted = golden_text(), got = FR_STR_INIT;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        fr_str_clear(&got);
        ASSERT_OK(read_some(golden[i], SIZE_MAX, &got));
        if (got.len != wanted.len || memcmp(got.data, wanted.data, got.len))
            fail_msg("%s: %zu bytes for %zu", golden[i], got.len, wanted.len);
    }
    fr_str_release(&wanted);
    fr_str_release(&got);
}

/* At no byte does a torn file look like a whole one, but where a member or a frame ends. */
static void a_file_that_is_cut_off_is_an_error(void **state)
{
    (void)state;
    fr_str wanted = golden_text(), got = FR_STR_INIT;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        fr_map map;
        size_t n_whole = 0;
        ASSERT_OK(fr_map_open(&map, golden[i], &err));
        for (size_t n = 4; n < map.size; n += n < 40 || n + 40 > map.size ? 1 : 61) {
            fr_status st = read_bytes(map.data, n, &got);
            if (st == FR_OK)
                n_whole++;
            else if (!strstr(err.message, "cut off"))
                fail_msg("%s, %zu of %zu bytes: %s", golden[i], n, map.size, err.message);
            assert_true(got.len <= wanted.len && !memcmp(fr_str_text(&got), wanted.data, got.len));
        }
        /* members.jsonl.gz ends in zeros, which may be fewer. */
        assert_true(i == 1 ? n_whole > 10 : i == 3 ? n_whole < 8 : n_whole == 0);
        fr_map_close(&map);
    }
    fr_str_release(&wanted);
    fr_str_release(&got);
}

static void damage_is_an_error_that_names_the_file(void **state)
{
    (void)state;
    static const size_t checked[] = {0, 2}; /* gzip, zstd with a checksum */
    fr_str got = FR_STR_INIT;
    for (size_t i = 0; i < 2; i++) {
        fr_map map;
        ASSERT_OK(fr_map_open(&map, golden[checked[i]], &err));
        unsigned char *copy = malloc(map.size + 1);
        for (size_t at = 20; at < map.size; at += 131) {
            memcpy(copy, map.data, map.size);
            copy[at] ^= 0x10;
            ASSERT_FAILS(read_bytes(copy, map.size, &got), FR_ERR_FORMAT, "/d: ");
        }
        memcpy(copy, map.data, map.size);
        copy[map.size] = 'x';
        ASSERT_FAILS(read_bytes(copy, map.size + 1, &got), FR_ERR_FORMAT,
                     "something else follows the");
        free(copy);
        fr_map_close(&map);
    }
    fr_str_release(&got);
}

static void nothing_but_zeros_may_follow_zeros(void **state)
{
    (void)state;
    fr_map map;
    fr_str got = FR_STR_INIT, twice = FR_STR_INIT;
    ASSERT_OK(fr_map_open(&map, golden[0], &err));
    ASSERT_OK(fr_str_append(&twice, map.data, map.size, &err));
    ASSERT_OK(fr_str_append(&twice, "\0\0\0", 3, &err));
    ASSERT_OK(read_bytes(twice.data, twice.len, &got));
    ASSERT_OK(fr_str_append(&twice, map.data, map.size, &err));
    ASSERT_FAILS(read_bytes(twice.data, twice.len, &got), FR_ERR_FORMAT,
                 "something else follows the gzip data");
    fr_map_close(&map);
    fr_str_release(&twice);
    fr_str_release(&got);
}

static void what_is_no_text_is_named(void **state)
{
    (void)state;
    fr_str got = FR_STR_INIT;
    ASSERT_FAILS(read_bytes("PK\3\4....", 8, &got), FR_ERR_FORMAT, "a zip archive; unpack it");
    ASSERT_FAILS(read_bytes("\xfd"
                            "7zXZ\0.",
                            7, &got),
                 FR_ERR_FORMAT, "packed with xz");
    ASSERT_FAILS(read_bytes("BZh91AY&SY..", 12, &got), FR_ERR_FORMAT, "packed with bzip2");
    ASSERT_FAILS(read_bytes("\xff\xfe"
                            "a\0",
                            4, &got),
                 FR_ERR_FORMAT, "UTF-16; convert it");
    ASSERT_FAILS(read_some("/no/d", 1, &got), FR_ERR_IO, "/no/d: cannot open");
    ASSERT_FAILS(read_some(dir, 1, &got), FR_ERR_IO, "is a folder");
    ASSERT_OK(read_bytes("\xef\xbb\xbf"
                         "a",
                         4, &got));
    assert_string_equal(fr_str_text(&got), "a");
    ASSERT_OK(read_bytes("\xef\xbc\x81", 3, &got));
    assert_int_equal(got.len, 3);
    ASSERT_OK(read_bytes("", 0, &got));
    assert_int_equal(got.len, 0);
    fr_str_release(&got);
}

/* 70 MiB of zeros in 70 KiB. */
static const char *make_bomb(void)
{
    enum { CHUNK = 1 << 20 };
    char *zeros = calloc(1, CHUNK);
    char path[512];
    snprintf(path, sizeof(path), "%s/bomb.csv.gz", dir);
    gzFile f = gzopen(path, "wb9");
    for (int i = 0; i < 70; i++) assert_int_equal(gzwrite(f, zeros, CHUNK), CHUNK);
    gzclose(f);
    free(zeros);
    static char kept[512];
    snprintf(kept, sizeof(kept), "%s", path);
    return kept;
}

static void a_bomb_is_read_as_far_as_is_asked_and_no_further(void **state)
{
    (void)state;
    fr_str got = FR_STR_INIT;
    const char *path = make_bomb();
    ASSERT_OK(read_some(path, 1 << 20, &got));
    assert_true(got.len < (1 << 20) + 2000);
    fr_str_clear(&got);
    ASSERT_FAILS(read_some(path, SIZE_MAX, &got), FR_ERR_FORMAT,
                 "bomb.csv.gz: unpacks to more than 256 times its size");
    assert_true(got.len < (66 << 20)); /* of 70 */
    fr_str_release(&got);
}

static void a_window_that_costs_more_than_the_file_is_refused(void **state)
{
    (void)state;
    fr_str got = FR_STR_INIT;
    char out[256];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    for (int log = 25; log <= 26; log++) {
        ZSTD_outBuffer to = {out, sizeof(out), 0};
        ZSTD_inBuffer from = {"abc", 3, 0};
        ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
        ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, log);
        ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
        assert_false(ZSTD_isError(ZSTD_compressStream2(c, &to, &from, ZSTD_e_flush)));
        assert_int_equal(ZSTD_compressStream2(c, &to, &from, ZSTD_e_end), 0);
        if (log == 25) {
            ASSERT_OK(read_bytes(out, to.pos, &got));
            assert_string_equal(fr_str_text(&got), "abc");
        } else {
            ASSERT_FAILS(read_bytes(out, to.pos, &got), FR_ERR_FORMAT, "without --long");
        }
    }
    ZSTD_freeCCtx(c);
    fr_str_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_frames_are_one_text),
        cmocka_unit_test(a_file_that_is_cut_off_is_an_error),
        cmocka_unit_test(damage_is_an_error_that_names_the_file),
        cmocka_unit_test(nothing_but_zeros_may_follow_zeros),
        cmocka_unit_test(what_is_no_text_is_named),
        cmocka_unit_test(a_bomb_is_read_as_far_as_is_asked_and_no_further),
        cmocka_unit_test(a_window_that_costs_more_than_the_file_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
