/* generation.c - pass@k, perplexity, bits per byte, distinct-n. */
#include "metric/generation.h"

#include <math.h>

#include "metric/runes.h"
#include "metric/words.h"

double fr_pass_at_k(size_t n, size_t c, size_t k)
{
    double fails = 1;
    if (k == 0 || k > n || c > n) return NAN;
    if (n - c < k) return 1;
    for (size_t i = n - c + 1; i <= n; i++) fails *= 1 - (double)k / (double)i;
    return 1 - fails;
}

double fr_perplexity(double sum_log_p, size_t n_tokens)
{
    return n_tokens ? exp(-sum_log_p / (double)n_tokens) : NAN;
}

double fr_bits_per_byte(double sum_log_p, size_t n_bytes)
{
    return n_bytes ? -sum_log_p / (M_LN2 * (double)n_bytes) : NAN;
}

fr_status fr_distinct(const fr_text *texts, size_t n_texts, size_t n, double *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_runes runes = {NULL, 0, 0};
    fr_words words = FR_WORDS_INIT;
    fr_grams grams = FR_GRAMS_INIT;
    size_t all = 0;
    *out = 0;
    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "distinct-0: n-grams have one word at least");
    if (n_texts == 0) return FR_OK;
    for (size_t i = 0; i < n_texts; i++) {
        st = fr__runes_read(&runes, texts[i].data, texts[i].len, err);
        if (st != FR_OK) {
            fr_error_prefix(err, "text %zu", i + 1);
            goto cleanup;
        }
        FR_TRY(fr__words_begin(&words, err));
        for (size_t begin, end = 0; fr__runes_word(&runes, &begin, &end);)
            FR_TRY(fr__words_add(&words, runes.c + begin, end - begin, err));
    }
    FR_TRY(fr__grams_begin(&grams, &words, err));
    while (grams.order < n) fr__grams_next(&grams);
    for (size_t i = 0; i < n_texts; i++) all += fr__grams_count(&grams, i);
    *out = all ? (double)grams.n_distinct / (double)all : 0;
cleanup:
    fr__runes_release(&runes);
    fr__words_release(&words);
    fr__grams_release(&grams);
    return st;
}
