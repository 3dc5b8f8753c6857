/* duplicates.c - hashes of normalised texts, sorted and counted. */
#include "task/duplicates.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "text/chars.h"
#include "text/utf8.h"

/* Adds a text, normalised. */
static void add_text(fr_sha256 *h, const char *text, size_t len)
{
    enum { BUFFER = 256, LONGEST = 5 }; /* a space and a character */
    char buf[BUFFER];
    size_t n = 0;
    bool begun = false, space = false;
    const unsigned char *p = (const unsigned char *)text, *end = p + len;
    while (p < end) {
        uint32_t c = fr_utf8_next(&p);
        if (fr_char_props(c) & FR_CHAR_SPACE) {
            space = begun;
            continue;
        }
        if (n > BUFFER - LONGEST) {
            fr_sha256_update(h, buf, n);
            n = 0;
        }
        if (space) buf[n++] = ' ';
        n += fr_utf8_put(fr_char_lower(c), buf + n);
        begun = true;
        space = false;
    }
    fr_sha256_update(h, buf, n);
}

static uint64_t hash_text(const fr_item *item)
{
    uint8_t digest[FR_SHA256_SIZE];
    uint64_t hash;
    fr_sha256 h;
    fr_sha256_init(&h);
    add_text(&h, item->text, item->len);
    if (item->pair) {
        fr_sha256_update(&h, "\n", 1); /* stands in no normalised text */
        add_text(&h, item->pair, item->pair_len);
    }
    fr_sha256_final(&h, digest);
    memcpy(&hash, digest, sizeof(hash));
    return hash;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* *out: [d->n] sorted hashes; the caller frees them. */
static fr_status hash_all(const fr_dataset *d, uint64_t **out, fr_error *err)
{
    *out = malloc((d->n ? d->n : 1) * sizeof(**out));
    if (!*out)
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for comparing %zu texts", d->n);
    for (size_t i = 0; i < d->n; i++) (*out)[i] = hash_text(&d->items[i]);
    qsort(*out, d->n, sizeof(**out), by_value);
    return FR_OK;
}

static size_t repeats(const uint64_t *a, size_t n)
{
    size_t count = 0;
    for (size_t i = 1; i < n; i++) count += a[i] == a[i - 1];
    return count;
}

/* How many of a are in b. */
static size_t common(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
    size_t count = 0, j = 0;
    for (size_t i = 0; i < n_a; i++) {
        while (j < n_b && b[j] < a[i]) j++;
        count += j < n_b && b[j] == a[i];
    }
    return count;
}

fr_status fr_duplicates_count(const fr_dataset *train, const fr_dataset *validation,
                              const fr_dataset *test, fr_duplicates *out, fr_error *err)
{
    fr_status st = FR_OK;
    uint64_t *a = NULL, *b = NULL, *c = NULL;
    memset(out, 0, sizeof(*out));
    fr_chars_init();
    FR_TRY(hash_all(train, &a, err));
    FR_TRY(hash_all(validation, &b, err));
    FR_TRY(hash_all(test, &c, err));
    out->in_train = repeats(a, train->n);
    out->in_validation = repeats(b, validation->n);
    out->in_test = repeats(c, test->n);
    out->validation_in_train = common(b, validation->n, a, train->n);
    out->test_in_train = common(c, test->n, a, train->n);
    out->test_in_validation = common(c, test->n, b, validation->n);
cleanup:
    free(a);
    free(b);
    free(c);
    return st;
}
