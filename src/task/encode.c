/* encode.c - items as token ids: for encoders, and for decoders, which read a prompt and go on. */
#include <string.h>

#include "task/fields.h"

fr_status fr_dataset_encode(const fr_dataset *d, const fr_tokenizer *tokenizer, size_t max_tokens,
                            fr_sequences *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokens tokens = FR_TOKENS_INIT;
    for (size_t i = 0; i < d->n; i++) {
        const fr_item *item = &d->items[i];
        if (item->pair)
            FR_TRY(fr_tokenizer_encode_pair(tokenizer, item->text, item->len, item->pair,
                                            item->pair_len, FR_SPECIAL, max_tokens,
                                            FR_TRUNCATE_LONGEST_FIRST, &tokens, err));
        else
            FR_TRY(fr_tokenizer_encode(tokenizer, item->text, item->len, FR_SPECIAL, max_tokens,
                                       &tokens, err));
        FR_TRY(fr_sequences_append(out, tokens.ids, tokens.types, tokens.n, item->label, err));
    }
cleanup:
    fr_tokens_release(&tokens);
    return st;
}

/* How many special tokens the tokenizer puts behind every text: a text that goes on has none. */
static fr_status count_behind(const fr_encoding *e, size_t *n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokens with = FR_TOKENS_INIT, without = FR_TOKENS_INIT;
    *n = 0;
    FR_TRY(fr_tokenizer_encode(e->tokenizer, "a", 1, FR_SPECIAL, 0, &with, err));
    FR_TRY(fr_tokenizer_encode(e->tokenizer, "a", 1, FR_NO_SPECIAL, 0, &without, err));
    for (size_t front = 0; front + without.n <= with.n; front++) {
        if (memcmp(with.ids + front, without.ids, without.n * sizeof(*with.ids)) != 0) continue;
        *n = with.n - front - without.n;
        break;
    }
cleanup:
    fr_tokens_release(&with);
    fr_tokens_release(&without);
    return st;
}

static fr_status encode_open(const fr_encoding *e, size_t n_behind, const fr_str *text,
                             fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(
        fr_tokenizer_encode(e->tokenizer, fr_str_text(text), text->len, FR_SPECIAL, 0, out, err));
    out->n -= n_behind < out->n ? n_behind : out->n;
cleanup:
    return st;
}

/* Tokens that a prompt may have: an answer has to follow, of a text half of all will do. */
static size_t prompt_limit(const fr_encoding *e)
{
    size_t answer = e->task->max_tokens, half = (e->max_tokens + 1) / 2;
    if (!e->max_tokens) return SIZE_MAX;
    if (e->task->kind != FR_TASK_CLASSIFY && answer > half) answer = half;
    return e->max_tokens > answer ? e->max_tokens - answer : 0;
}

/* The item's prompt into *text and its ids. Of fields that are too long the end goes, what the
 * prompt says behind them stays. */
static fr_status encode_prompt(const fr_encoding *e, size_t n_behind, const fr_item *item,
                               fr_str *text, fr_tokens *out, bool *cut, fr_error *err)
{
    fr_status st = FR_OK;
    size_t limit = prompt_limit(e), most = 0;
    for (size_t i = 0; i < e->task->n_fields; i++)
        if (item->fields[i].len > most) most = item->fields[i].len;
    *cut = false;
    for (;;) {
        fr_str_clear(text);
        FR_TRY(fr__prompt_cut(e->task, e->prompting, item, most, text, err));
        FR_TRY(encode_open(e, n_behind, text, out, err));
        if (out->n <= limit) break;
        if (most == 0 && e->task->kind != FR_TASK_CLASSIFY && out->n < e->max_tokens) break;
        if (most == 0)
            FR_FAIL(err, FR_ERR_USAGE,
                    "the prompt has %zu tokens; of %zu in all that leaves no room for what goes on "
                    "behind it",
                    out->n, e->max_tokens);
        size_t excess = out->n - limit; /* a token is a byte at least */
        most -= excess < most ? excess : most;
        *cut = true;
    }
    if (!out->n)
        FR_FAIL(err, FR_ERR_USAGE,
                "the prompt has no token; a model of this kind goes on from at least one");
cleanup:
    return st;
}

/* The ids of prompt and what goes on behind it, text[at ..], as one text, or apart where the
 * tokenizer joins the end of the one with the other: a model that writes is given the prompt alone
 * and must have learnt to go on from there. */
static fr_status encode_whole(const fr_encoding *e, size_t n_behind, const fr_tokens *prompt,
                              const fr_str *text, size_t at, fr_tokens *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t bytes = prompt->n * sizeof(*prompt->ids);
    FR_TRY(encode_open(e, n_behind, text, out, err));
    if (out->n >= prompt->n && !memcmp(out->ids, prompt->ids, bytes)) goto cleanup;
    FR_TRY(fr_tokenizer_encode(e->tokenizer, fr_str_text(text) + at, text->len - at, FR_NO_SPECIAL,
                               0, out, err));
    FR_TRY(fr_tokens_reserve(out, prompt->n, err));
    memmove(out->ids + prompt->n, out->ids, out->n * sizeof(*out->ids));
    memcpy(out->ids, prompt->ids, bytes);
    out->n += prompt->n;
cleanup:
    return st;
}

static fr_status append_completion(const fr_encoding *e, size_t start, fr_tokens *whole,
                                   fr_sequences *out, bool *cut, fr_error *err)
{
    fr_status st = FR_OK;
    if (e->eos >= 0) {
        FR_TRY(fr_tokens_reserve(whole, 1, err));
        whole->ids[whole->n++] = e->eos;
    }
    if (e->max_tokens && whole->n > e->max_tokens) {
        whole->n = e->max_tokens;
        *cut = true;
    }
    FR_TRY(fr_sequences_append_completion(out, whole->ids, whole->n, start, err));
cleanup:
    return st;
}

fr_status fr_dataset_encode_completions(const fr_dataset *d, const fr_encoding *e,
                                        fr_sequences *out, size_t *n_cut, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    fr_tokens prompt = FR_TOKENS_INIT, whole = FR_TOKENS_INIT;
    size_t line = 0, n_behind;
    *n_cut = 0;
    FR_TRY(count_behind(e, &n_behind, err));
    for (size_t i = 0; i < d->n; i++) {
        const fr_item *item = &d->items[i];
        bool cut;
        line = item->line;
        FR_TRY(encode_prompt(e, n_behind, item, &text, &prompt, &cut, err));
        size_t at = text.len;
        FR_TRY(fr__prompt_append_behind(e->task, item, &text, err));
        FR_TRY(encode_whole(e, n_behind, &prompt, &text, at, &whole, err));
        FR_TRY(append_completion(e, prompt.n, &whole, out, &cut, err));
        *n_cut += cut;
    }
cleanup:
    if (st != FR_OK && line) fr_error_prefix(err, "the item of line %zu", line);
    fr_str_release(&text);
    fr_tokens_release(&prompt);
    fr_tokens_release(&whole);
    return st;
}

fr_status fr_dataset_encode_prompts(const fr_dataset *d, const fr_encoding *e, fr_sequences *out,
                                    size_t *n_cut, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    fr_tokens prompt = FR_TOKENS_INIT;
    size_t line = 0, n_behind;
    *n_cut = 0;
    FR_TRY(count_behind(e, &n_behind, err));
    for (size_t i = 0; i < d->n; i++) {
        bool cut;
        line = d->items[i].line;
        FR_TRY(encode_prompt(e, n_behind, &d->items[i], &text, &prompt, &cut, err));
        FR_TRY(fr_sequences_append(out, prompt.ids, NULL, prompt.n, d->items[i].label, err));
        *n_cut += cut;
    }
cleanup:
    if (st != FR_OK && line) fr_error_prefix(err, "the item of line %zu", line);
    fr_str_release(&text);
    fr_tokens_release(&prompt);
    return st;
}
