/* tokenizer_json.c - tokenizer.json of the Hugging Face tokenizers library.
 *
 * Vocabulary and merges, nearly all of the file, are read as a stream; what is
 * left without them is small and becomes a tree. Each component must be one we
 * implement: another one would give other ids, so it is an error that names it.
 * Truncation and padding play no part in what the ids of a text are. */
#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "format/json_scan.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

enum {
    MAX_REST = 8 << 20,  /* bytes of all but vocabulary and merges */
    MAX_OBJECTS = 40000, /* of these: an added token is one, and has 7 keys */
    MAX_LISTS = 40000,
    MAX_KEYS = 300000,
    MAX_COMMAS = 400000,
};

/* A value that was cut out of the file. */
typedef struct span {
    const char *text; /* NULL: there is none */
    size_t len;
    size_t line;
} span;

typedef struct parts {
    fr_str rest; /* the file, with "null" for what was cut out */
    span vocab, merges;
    const char *done; /* up to here the file is in `rest` */
    size_t line;      /* of done */
} parts;

/* Puts the file up to `to` into `rest`. */
static fr_status keep(parts *p, const char *to, fr_error *err)
{
    for (const char *c = p->done; c < to; c++) p->line += *c == '\n';
    fr_status st = fr_str_append(&p->rest, p->done, (size_t)(to - p->done), err);
    p->done = to;
    return st;
}

/* Cuts the value that comes next out of the file; line ends stay, so that lines stay true. */
static fr_status cut_value(fr_json_scan *s, parts *p, span *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (fr_json_scan_peek(s) == 'n') return fr_json_scan_skip(s, err); /* null */
    const char *from = s->at;
    FR_TRY(keep(p, from, err));
    FR_TRY(fr_json_scan_skip(s, err));
    *out = (span){from, (size_t)(s->at - from), p->line};
    FR_TRY(fr_str_append(&p->rest, "null", 4, err));
    for (const char *c = from; c < s->at; c++) {
        if (*c != '\n') continue;
        p->line++;
        FR_TRY(fr_str_append(&p->rest, "\n", 1, err));
    }
    p->done = s->at;
cleanup:
    return st;
}

static fr_status cut_model(fr_json_scan *s, parts *p, fr_error *err)
{
    fr_status st = FR_OK;
    const char *key;
    size_t n;
    bool more;
    FR_TRY(fr_json_scan_open(s, '{', err));
    for (;;) {
        FR_TRY(fr_json_scan_next(s, '}', &more, err));
        if (!more) break;
        FR_TRY(fr_json_scan_string(s, &key, &n, err));
        bool vocab = n == 5 && !memcmp(key, "vocab", 5);
        bool merges = n == 6 && !memcmp(key, "merges", 6);
        FR_TRY(fr_json_scan_colon(s, err));
        if (vocab || merges)
            FR_TRY(cut_value(s, p, vocab ? &p->vocab : &p->merges, err));
        else
            FR_TRY(fr_json_scan_skip(s, err));
    }
cleanup:
    return st;
}

static fr_status cut_root(fr_json_scan *s, parts *p, fr_error *err)
{
    fr_status st = FR_OK;
    const char *key;
    size_t n;
    bool more;
    FR_TRY(fr_json_scan_open(s, '{', err));
    for (;;) {
        FR_TRY(fr_json_scan_next(s, '}', &more, err));
        if (!more) break;
        FR_TRY(fr_json_scan_string(s, &key, &n, err));
        bool model = n == 5 && !memcmp(key, "model", 5);
        FR_TRY(fr_json_scan_colon(s, err));
        if (model && fr_json_scan_peek(s) == '{')
            FR_TRY(cut_model(s, p, err));
        else
            FR_TRY(fr_json_scan_skip(s, err));
    }
cleanup:
    return st;
}

/* Cuts vocabulary and merges out of the file; what is no object stays as it is. */
static fr_status cut(parts *p, const char *text, size_t len, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_json_scan s;
    fr_json_scan_init(&s, text, len, where, 1);
    p->done = text;
    p->line = 1;
    if (fr_json_scan_peek(&s) == '{')
        FR_TRY(cut_root(&s, p, err));
    else
        FR_TRY(fr_json_scan_skip(&s, err));
    FR_TRY(keep(p, text + len, err));
    if (p->rest.len > MAX_REST)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: longer than %d bytes without vocabulary and merges",
                where, MAX_REST);
    fr_json_marks m = fr_json_count_marks(fr_str_text(&p->rest), p->rest.len);
    if (m.objects > MAX_OBJECTS || m.lists > MAX_LISTS || m.colons > MAX_KEYS ||
        m.commas > MAX_COMMAS)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: more than %d added tokens or other parts", where,
                MAX_OBJECTS);
cleanup:
    fr_json_scan_release(&s);
    return st;
}

fr_status fr__load_vocab_object(fr_vocab *vocab, const char *text, size_t len, const char *where,
                                size_t first_line, fr_error *err)
{
    fr_status st = FR_OK;
    fr_json_scan s;
    const char *token;
    size_t n;
    int64_t id;
    bool more;
    fr_json_scan_init(&s, text, len, where, first_line);
    FR_TRY(fr_json_scan_open(&s, '{', err));
    for (;;) {
        FR_TRY(fr_json_scan_next(&s, '}', &more, err));
        if (!more) break;
        FR_TRY(fr_json_scan_string(&s, &token, &n, err));
        FR_TRY(fr_json_scan_colon(&s, err));
        st = fr_json_scan_integer(&s, &id, err);
        if (st != FR_OK) {
            fr_error_prefix(err, "the id of token '%.*s'", (int)(n < 100 ? n : 100), token);
            goto cleanup;
        }
        size_t known = vocab->n_slots_used;
        FR_TRY(fr_vocab_add(vocab, token, n, id, where, err));
        if (vocab->n_slots_used == known) {
            st = fr_json_scan_fail(&s, err, "token '%.*s' is there twice", (int)(n < 100 ? n : 100),
                                   token);
            goto cleanup;
        }
    }
    FR_TRY(fr_json_scan_finish(&s, err));
cleanup:
    fr_json_scan_release(&s);
    return st;
}

/* "a b", or ["a", "b"] */
static fr_status load_merge(fr_tokenizer *tok, fr_json_scan *s, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    const char *left, *right;
    size_t n_left, n_right;
    bool more = true;
    if (fr_json_scan_peek(s) == '[') {
        FR_TRY(fr_json_scan_open(s, '[', err));
        FR_TRY(fr_json_scan_next(s, ']', &more, err));
        if (more) FR_TRY(fr_json_scan_string(s, &left, &n_left, err));
        if (more) FR_TRY(fr_json_scan_next(s, ']', &more, err));
        if (more) FR_TRY(fr_json_scan_string(s, &right, &n_right, err));
        bool pair = more;
        if (more) FR_TRY(fr_json_scan_next(s, ']', &more, err));
        if (!pair || more) return fr_json_scan_fail(s, err, "a merge is no pair of tokens");
    } else {
        FR_TRY(fr_json_scan_string(s, &left, &n_left, err));
        const char *space = memchr(left, ' ', n_left);
        right = space ? space + 1 : NULL;
        n_right = space ? n_left - (size_t)(right - left) : 0;
        if (!space || memchr(right, ' ', n_right))
            return fr_json_scan_fail(s, err, "merge '%.*s' is not two tokens with a space between",
                                     (int)(n_left < 100 ? n_left : 100), left);
        n_left = (size_t)(space - left);
    }
    FR_TRY(fr_bpe_add(&tok->bpe, left, n_left, right, n_right, where, err));
cleanup:
    return st;
}

static fr_status load_merges(fr_tokenizer *tok, const span *merges, const char *where,
                             fr_error *err)
{
    fr_status st = FR_OK;
    fr_json_scan s;
    bool more;
    size_t quotes = 0;
    for (size_t i = 0; i < merges->len; i++) quotes += merges->text[i] == '"';
    fr_json_scan_init(&s, merges->text, merges->len, where, merges->line);
    FR_TRY(fr_json_scan_open(&s, '[', err));
    FR_TRY(fr_bpe_reserve(&tok->bpe, quotes / (fr_json_scan_peek(&s) == '[' ? 4 : 2), err));
    for (;;) {
        FR_TRY(fr_json_scan_next(&s, ']', &more, err));
        if (!more) break;
        FR_TRY(load_merge(tok, &s, where, err));
    }
cleanup:
    fr_json_scan_release(&s);
    return st;
}

static fr_status load_wordpiece(fr_tokenizer *tok, const json_t *model, const span *vocab,
                                const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    const char *prefix, *unk;
    fr_wordpiece *w = &tok->wordpiece;
    FR_TRY(fr_json_string_or(model, where, "continuing_subword_prefix", "##", &prefix, err));
    FR_TRY(fr_json_string_or(model, where, "unk_token", "[UNK]", &unk, err));
    FR_TRY(fr_json_size_or(model, where, "max_input_chars_per_word", 100, &w->max_chars, err));
    if (w->max_chars > FR_WORDPIECE_MAX_CHARS)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: max_input_chars_per_word is %zu, at most %d", where,
                w->max_chars, FR_WORDPIECE_MAX_CHARS);
    FR_TRY(fr__load_vocab_object(&tok->vocab, vocab->text, vocab->len, where, vocab->line, err));
    FR_TRY(fr_wordpiece_prepare(w, &tok->vocab, prefix, err));
    w->unk = fr_vocab_find(&tok->vocab, unk, strlen(unk));
    if (w->unk < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the unknown token '%.100s' is not in the vocabulary",
                where, unk);
    tok->roles[FR_TOKEN_UNK] = w->unk;
    tok->kind = FR_MODEL_WORDPIECE;
cleanup:
    return st;
}

static fr_status load_affix(const json_t *model, const char *where, const char *key, fr_str *out,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    FR_TRY(fr_json_string_or(model, where, key, "", &text, err));
    if (strlen(text) > FR_BPE_AFFIX_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s has %zu bytes, at most %d", where, key,
                strlen(text), FR_BPE_AFFIX_MAX);
    FR_TRY(fr_str_append(out, text, strlen(text), err));
cleanup:
    return st;
}

static fr_status load_bpe(fr_tokenizer *tok, const json_t *model, const span *vocab,
                          const span *merges, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bpe *b = &tok->bpe;
    const char *unk;
    double dropout;
    FR_TRY(fr_json_number_or(model, where, "dropout", 0.0, &dropout, err));
    if (dropout != 0.0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: dropout %g gives other ids each time; only 0 does not", where, dropout);
    FR_TRY(load_affix(model, where, "continuing_subword_prefix", &b->prefix, err));
    FR_TRY(load_affix(model, where, "end_of_word_suffix", &b->suffix, err));
    FR_TRY(fr_json_bool_or(model, where, "fuse_unk", false, &b->fuse_unk, err));
    FR_TRY(fr_json_bool_or(model, where, "byte_fallback", false, &b->byte_fallback, err));
    FR_TRY(fr_json_bool_or(model, where, "ignore_merges", false, &b->ignore_merges, err));
    FR_TRY(fr__load_vocab_object(&tok->vocab, vocab->text, vocab->len, where, vocab->line, err));
    FR_TRY(fr_json_string_or(model, where, "unk_token", NULL, &unk, err));
    if (unk) b->unk = fr_vocab_find(&tok->vocab, unk, strlen(unk));
    if (unk && b->unk < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the unknown token '%.100s' is not in the vocabulary",
                where, unk);
    tok->roles[FR_TOKEN_UNK] = b->unk;
    if (merges->text) FR_TRY(load_merges(tok, merges, where, err));
    FR_TRY(fr_bpe_prepare(b, err));
    tok->kind = FR_MODEL_BPE;
cleanup:
    return st;
}

/* [["text", score], ...] */
static fr_status load_scores(fr_tokenizer *tok, const span *vocab, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_json_scan s;
    const char *token;
    size_t n;
    double score;
    bool more, another;
    fr_json_scan_init(&s, vocab->text, vocab->len, where, vocab->line);
    FR_TRY(fr_json_scan_open(&s, '[', err));
    for (int64_t id = 0;; id++) {
        FR_TRY(fr_json_scan_next(&s, ']', &more, err));
        if (!more) break;
        FR_TRY(fr_json_scan_open(&s, '[', err));
        FR_TRY(fr_json_scan_next(&s, ']', &another, err));
        FR_TRY(fr_json_scan_string(&s, &token, &n, err));
        FR_TRY(fr_json_scan_next(&s, ']', &another, err));
        if (another) FR_TRY(fr_json_scan_number(&s, &score, err));
        bool pair = another;
        if (another) FR_TRY(fr_json_scan_next(&s, ']', &another, err));
        if (!pair || another) {
            st = fr_json_scan_fail(&s, err, "a token is no pair of text and score");
            goto cleanup;
        }
        FR_TRY(fr_vocab_add(&tok->vocab, token, n, id, where, err));
        FR_TRY(fr_scored_add(&tok->scored, score, FR_PIECE_NORMAL, where, err));
    }
cleanup:
    fr_json_scan_release(&s);
    return st;
}

static fr_status load_unigram(fr_tokenizer *tok, const json_t *model, const span *vocab,
                              const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    int64_t unk;
    FR_TRY(load_scores(tok, vocab, where, err));
    FR_TRY(fr_json_integer_or(model, where, "unk_id", -1, &unk, err));
    if (unk < -1 || unk >= (int64_t)tok->scored.n)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: unk_id is %lld, and there are %zu tokens", where,
                (long long)unk, tok->scored.n);
    FR_TRY(fr_json_bool_or(model, where, "byte_fallback", false, &tok->scored.byte_fallback, err));
    tok->scored.unk = (int32_t)unk;
    tok->roles[FR_TOKEN_UNK] = (int32_t)unk;
    FR_TRY(fr_scored_prepare(&tok->scored, err));
    tok->kind = FR_MODEL_SCORED;
cleanup:
    return st;
}

static fr_status load_model(fr_tokenizer *tok, const json_t *root, const parts *p,
                            const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *model;
    const char *type;
    FR_TRY(fr_json_object(root, where, "model", true, &model, err));
    FR_TRY(fr_json_string_or(model, where, "type", p->merges.text ? "BPE" : NULL, &type, err));
    if (!type) FR_FAIL(err, FR_ERR_FORMAT, "%s: the model has no type", where);
    bool known = !strcmp(type, "WordPiece") || !strcmp(type, "BPE") || !strcmp(type, "Unigram");
    if (!known)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: model '%.100s' is not supported, only WordPiece, BPE and Unigram", where,
                type);
    if (!p->vocab.text) FR_FAIL(err, FR_ERR_FORMAT, "%s: the model has no vocab", where);
    if (!strcmp(type, "WordPiece")) FR_TRY(load_wordpiece(tok, model, &p->vocab, where, err));
    if (!strcmp(type, "BPE")) FR_TRY(load_bpe(tok, model, &p->vocab, &p->merges, where, err));
    if (!strcmp(type, "Unigram")) FR_TRY(load_unigram(tok, model, &p->vocab, where, err));
cleanup:
    return st;
}

fr_status fr__load_added_token(fr_tokenizer *tok, const json_t *entry, int64_t id,
                               const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_added_token t;
    const char *content;
    size_t n;
    FR_TRY(fr_json_text(entry, where, "content", &content, &n, err));
    FR_TRY(fr_json_bool_or(entry, where, "special", false, &t.special, err));
    FR_TRY(fr_json_bool_or(entry, where, "normalized", !t.special, &t.normalized, err));
    FR_TRY(fr_json_bool_or(entry, where, "single_word", false, &t.single_word, err));
    FR_TRY(fr_json_bool_or(entry, where, "lstrip", false, &t.lstrip, err));
    FR_TRY(fr_json_bool_or(entry, where, "rstrip", false, &t.rstrip, err));
    if (id < 0 || id >= FR_TOKEN_ID_MAX)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: added token '%.100s' has id %lld, not in [0, %d)", where,
                content, (long long)id, FR_TOKEN_ID_MAX);
    t.id = (int32_t)id;
    FR_TRY(fr__tokenizer_add(tok, content, n, t, where, err));
cleanup:
    return st;
}

fr_status fr__tokenizer_load_json(fr_tokenizer *tok, const char *text, size_t len,
                                  const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    parts p = {.rest = FR_STR_INIT};
    json_t *root = NULL, *list, *entry;
    size_t i;
    int64_t id;
    FR_TRY(cut(&p, text, len, where, err));
    FR_TRY(fr_json_parse(&root, fr_str_text(&p.rest), p.rest.len, where, err));
    FR_TRY(load_model(tok, root, &p, where, err));
    FR_TRY(fr__load_normalizer(&tok->norm, json_object_get(root, "normalizer"), where, err));
    FR_TRY(fr__load_pre_tokenizer(&tok->split, json_object_get(root, "pre_tokenizer"), where, err));
    FR_TRY(fr__load_decoder(&tok->decoder, json_object_get(root, "decoder"), where, err));
    FR_TRY(fr_json_list(root, where, "added_tokens", false, &list, err));
    json_array_foreach(list, i, entry)
    {
        FR_TRY(fr_json_integer(entry, where, "id", &id, err));
        FR_TRY(fr__load_added_token(tok, entry, id, where, err));
    }
    FR_TRY(fr__load_processor(tok, json_object_get(root, "post_processor"), where, err));
cleanup:
    json_decref(root);
    fr_str_release(&p.rest);
    return st;
}
