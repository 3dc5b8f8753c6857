/* predict_write.c - what a decoder writes behind the prompts, and the labels in it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "task/predict_impl.h"

/* Tokens of the prompt that stand before what was written when it is decoded: a tokenizer may join
 * what meets at the seam. */
enum { FRONT_TOKENS = 16 };

typedef struct sink_state {
    fr_predictor *p;
    size_t n_ended, n;
    fr_status st; /* of the sink, which cannot return one */
    fr_error *err;
} sink_state;

/* What was written so far as text; *stopped: it has come to its end, and what follows is left
 * away. */
static fr_status decode(fr_predictor *p, fr_writing *w, const fr_item *item, bool *stopped,
                        fr_error *err)
{
    fr_status st = FR_OK;
    fr_str_clear(&p->before);
    fr_str_clear(&p->whole);
    fr_str_clear(&w->text);
    FR_TRY(
        fr_tokenizer_decode(p->tokenizer, w->ids.ids, w->n_front, FR_NO_SPECIAL, &p->before, err));
    FR_TRY(fr_tokenizer_decode(p->tokenizer, w->ids.ids, w->ids.n, FR_NO_SPECIAL, &p->whole, err));
    const char *before = fr_str_text(&p->before), *whole = fr_str_text(&p->whole);
    size_t skip = 0, most = p->before.len < p->whole.len ? p->before.len : p->whole.len;
    while (skip < most && before[skip] == whole[skip]) skip++;
    while (skip > 0 && ((unsigned char)whole[skip] & 0xc0) == 0x80) skip--;
    FR_TRY(fr_str_append(&w->text, whole + skip, p->whole.len - skip, err));
    size_t end = fr_task_end(p->task, item, (fr_text){fr_str_text(&w->text), w->text.len});
    *stopped = end < w->text.len;
    if (*stopped) {
        w->text.len = end;
        w->text.data[end] = '\0';
    }
cleanup:
    return st;
}

static bool take_token(void *ctx, size_t prompt, int32_t id)
{
    sink_state *s = ctx;
    fr_predictor *p = s->p;
    fr_writing *w = &p->writings[prompt];
    bool ends = fr_ends_text(p->model, p->tokenizer, id), stopped = false;
    size_t n_stops;
    if (s->st == FR_OK && fr_observe_stop(p->options.observer))
        s->st = fr_error_set(s->err, FR_ERR_INTERRUPTED, "interrupted while writing");
    if (s->st == FR_OK && !ends) {
        s->st = fr_tokens_reserve(&w->ids, 1, s->err);
        if (s->st == FR_OK) w->ids.ids[w->ids.n++] = id;
        const fr_item *item = &p->items->items[p->at + prompt / p->options.samples];
        fr_task_stops(p->task, item, &n_stops);
        if (s->st == FR_OK && n_stops) s->st = decode(p, w, item, &stopped, s->err);
    }
    ends |= stopped || s->st != FR_OK || w->ids.n - w->n_front >= p->prompts[prompt].max_tokens;
    if (ends && s->st == FR_OK)
        fr_observe_item(p->options.observer, ++s->n_ended / p->options.samples,
                        s->n / p->options.samples);
    return !ends;
}

/* The same text has the same random numbers wherever it stands. */
static uint64_t stream_of(const fr_item *item, size_t sample)
{
    enum { DIGITS = 16 };
    char digits[DIGITS + 1];
    memcpy(digits, item->hash, DIGITS);
    digits[DIGITS] = '\0';
    return fr_mix64(strtoull(digits, NULL, 16), sample);
}

static fr_status begin(fr_predictor *p, size_t item, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_sequences *s = &p->inputs->texts;
    const int32_t *ids = s->ids + s->offsets[p->first + item];
    size_t n = fr_sequences_length(s, p->first + item), samples = p->options.samples;
    size_t n_front = n < FRONT_TOKENS ? n : FRONT_TOKENS, room = p->options.max_tokens - n;
    for (size_t i = item * samples; i < (item + 1) * samples; i++) {
        fr_writing *w = &p->writings[i];
        w->ids.n = 0;
        w->n_front = n_front;
        FR_TRY(fr_tokens_reserve(&w->ids, n_front, err));
        memcpy(w->ids.ids, ids + (n - n_front), n_front * sizeof(*ids));
        w->ids.n = n_front;
        p->prompts[i] =
            (fr_prompt){.ids = ids,
                        .n = n,
                        .max_tokens = p->task->max_tokens < room ? p->task->max_tokens : room,
                        .stream = stream_of(&p->items->items[p->at + item], i % samples)};
    }
    p->done.tokens_in[item] = n;
cleanup:
    return st;
}

static fr_status end(fr_predictor *p, size_t item, fr_error *err)
{
    fr_status st = FR_OK;
    size_t samples = p->options.samples;
    fr_answer *answer = &p->done.answers[item];
    p->done.tokens_out[item] = 0;
    for (size_t i = item * samples; i < (item + 1) * samples; i++) {
        bool stopped;
        fr_writing *w = &p->writings[i];
        FR_TRY(decode(p, w, &p->items->items[p->at + item], &stopped, err));
        p->texts[i] = (fr_text){fr_str_text(&w->text), w->text.len};
        p->done.tokens_out[item] += w->ids.n - w->n_front;
    }
    answer->texts = &p->texts[item * samples];
    answer->n_texts = samples;
    if (p->task->kind == FR_TASK_CLASSIFY)
        answer->label = fr_task_read_answer(p->task, answer->texts[0].data, answer->texts[0].len);
cleanup:
    return st;
}

fr_status fr__predict_write(fr_predictor *p, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = p->done.n * p->options.samples;
    fr_sampling sampling = FR_SAMPLING_GREEDY;
    sink_state state = {.p = p, .n = n, .err = err};
    fr_sink sink = {&state, take_token};
    sampling.temperature = p->options.temperature;
    sampling.seed = p->options.seed;
    for (size_t i = 0; i < p->done.n; i++) FR_TRY(begin(p, i, err));
    FR_TRY(fr_generate(p->generator, p->prompts, n, &sampling, &sink, err));
    FR_TRY(state.st);
    for (size_t i = 0; i < p->done.n; i++) FR_TRY(end(p, i, err));
cleanup:
    return st;
}
