/* test_hostile.c - tokenizer files that want to do harm: one clear error each, memory of at most
 * twice the file and 64 MB. */
#include <sys/resource.h>

#include "os/file.h"
#include "support/test.h"
#include "text/pattern.h"
#include "text/tokenizer.h"

static void fails(const char *json, size_t n, fr_status status, const char *words)
{
    fr_error err;
    fr_tokenizer *tok;
    ASSERT_FAILS(fr_tokenizer_open_json(&tok, json, n, "t.json", &err), status, words);
}

/* Appends n times what fmt makes of a number. */
#define REPEAT(s, n, ...)                                        \
    for (int i_ = 0; i_ < (n); i_++) {                           \
        ASSERT_OK(fr_str_appendf(s, &err, "%s", i_ ? "," : "")); \
        ASSERT_OK(fr_str_appendf(s, &err, __VA_ARGS__));         \
    }

/* Opens a file, whatever comes of it, and looks at the memory that took. */
static fr_status open_within_bounds(const fr_str *file, bool spm, fr_error *err)
{
    struct rusage before, after;
    fr_tokenizer *tok;
    getrusage(RUSAGE_SELF, &before);
    fr_status st = spm ? fr_tokenizer_open_spm(&tok, file->data, file->len, "t.model", err)
                       : fr_tokenizer_open_json(&tok, file->data, file->len, "t.json", err);
    getrusage(RUSAGE_SELF, &after);
    if (st == FR_OK) fr_tokenizer_close(tok);
#ifndef __SANITIZE_ADDRESS__
    size_t grown = 1024 * (size_t)(after.ru_maxrss - before.ru_maxrss);
    if (grown > 2 * file->len + (64 << 20))
        fail_msg("%zu bytes of memory for a file of %zu bytes", grown, file->len);
#endif
    return st;
}

#define BPE(more) "{" more "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}"

static void broken_sentencepiece_models_are_refused(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_str model = FR_STR_INIT;
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_file_read(&model, FR_TEST_DIR "/golden/text/spm-unigram.model", 1 << 20, &err));
    /* Cut off anywhere it is refused, or is a model of fewer pieces. */
    for (size_t n = 0; n < model.len; n += 37) {
        const char *path = test_write_bytes(dir, "cut.model", model.data, n);
        fr_status st = fr_tokenizer_open(&tok, path, &err);
        if (st == FR_OK) fr_tokenizer_close(tok);
        assert_true(st == FR_OK || st == FR_ERR_FORMAT);
    }
    const char *path = test_write_file(dir, "text.model", "this is no model");
    ASSERT_FAILS(fr_tokenizer_open(&tok, path, &err), FR_ERR_FORMAT, "text.model");
    path = test_write_bytes(dir, "empty.model", "", 0);
    ASSERT_FAILS(fr_tokenizer_open(&tok, path, &err), FR_ERR_FORMAT, "no pieces");
    fr_str_release(&model);
}

static void nesting_without_end_is_an_error_wherever_it_stands(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    static const char *const heads[] = {"", "{\"model\":", "{\"model\":{\"vocab\":",
                                        "{\"added_tokens\":", "{\"model\":{\"merges\":"};
    char *json = malloc(DEEP + 64);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        for (int object = 0; object < 2; object++) {
            size_t n = strlen(heads[i]);
            memcpy(json, heads[i], n);
            for (size_t k = 0; k < DEEP; k++) json[n + k] = object ? '{' : '[';
            fails(json, n + DEEP, FR_ERR_FORMAT, "t.json:1");
        }
    free(json);
}

static void merges_and_tokens_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *words;
    } cases[] = {
        {BPE("") ",\"merges\":[\"a c\"]}}", "merge 1 names 'c', which is not in the vocabulary"},
        {BPE("") ",\"merges\":[\"b a\"]}}", "makes a token that is not in the vocabulary"},
        {BPE("") ",\"merges\":[\"ab\"]}}", "merge 'ab' is not two tokens"},
        {BPE("") ",\"merges\":[[\"a\"]]}}", "a merge is no pair"},
        {BPE("") ",\"merges\":[[\"a\",\"b\",\"c\"]]}}", "a merge is no pair"},
        {BPE("") ",\"merges\":[\"a b\",]}}", "expected a string"},
        {BPE("") ",\"merges\":[\"a b\"}}", "expected"},
        {BPE("") ",\"unk_token\":\"<unk>\"}}", "unknown token '<unk>' is not in the vocabulary"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1}}}", "token 'a' is there twice"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"\\ud800\":0}}}", "half of a surrogate pair"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", "is no number"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":1}}", "unk_id is 1"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", "no pair of text and score"},
        {BPE("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"},") "}}",
         "precompiled map"},
        {BPE("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"A\"},") "}}",
         "not base64"},
        {BPE("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"}},") "}}",
         "regular expression '('"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        fails(cases[i].json, strlen(cases[i].json), FR_ERR_FORMAT, cases[i].words);
    const char *class = BPE("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
                            "\"[a&&b]\"}},") "}}";
    fails(class, strlen(class), FR_ERR_UNSUPPORTED, "&& in the regular expression '[a&&b]'");
}

static void a_map_of_characters_that_points_outside_itself_maps_nothing(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    /* Four bytes of units, all bits set: every offset leads away. One NUL of texts. */
    const char json[] = BPE("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":"
                            "\"BAAAAP////8A\"},") "}}";
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "t.json", &err));
    const int32_t same[] = {0, 1};
    ASSERT_OK(fr_tokenizer_encode(tok, "ab", 2, FR_SPECIAL, 0, &t, &err));
    assert_int_equal(t.n, 2);
    assert_memory_equal(t.ids, same, sizeof(same));
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
}

/* (a+)+[bc] over many a: without limits longer than anyone waits. */
static void an_expression_that_backtracks_for_ever_is_an_error(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    char text[4000];
    static const char *const expressions[] = {"(a+)+[bc]", "(a|a)*[bc]", "(?:a*)*[bc]",
                                              "(.*)(.*)(.*)(.*)[bc]"};
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        char json[512];
        snprintf(json, sizeof(json),
                 "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"pre_tokenizer\":{\"type\":"
                 "\"Split\",\"pattern\":{\"Regex\":\"%s\"}}}",
                 expressions[i]);
        ASSERT_OK(fr_tokenizer_open_json(&tok, json, strlen(json), "t.json", &err));
        ASSERT_FAILS(fr_tokenizer_encode(tok, text, sizeof(text), FR_SPECIAL, 0, &t, &err),
                     FR_ERR_UNSUPPORTED, "takes too long");
        fr_tokenizer_close(tok);
    }
    fr_tokens_release(&t);
}

/* A text of n times 'a' through this part of a tokenizer.json. */
static void text_fails(const char *json, size_t n, const char *words)
{
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    char *text = malloc(n);
    memset(text, 'a', n);
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, strlen(json), "t.json", &err));
    ASSERT_FAILS(fr_tokenizer_encode(tok, text, n, FR_SPECIAL, 0, &t, &err), FR_ERR_UNSUPPORTED,
                 words);
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
    free(text);
}

/* 2^16 ways to fail at each place: within the limit of one place, and hours in all. */
static void an_expression_that_is_slow_at_every_place_is_an_error(void **state)
{
    (void)state;
    fr_error err;
    fr_str json = FR_STR_INIT;
    ASSERT_OK(fr_str_appendf(&json, &err,
                             "{\"normalizer\":{\"type\":\"Replace\",\"content\":\"\","
                             "\"pattern\":{\"Regex\":\""));
    for (int i = 0; i < 16; i++) ASSERT_OK(fr_str_appendf(&json, &err, "(?:a|a)"));
    ASSERT_OK(fr_str_appendf(&json, &err, "[bc]\"}},\"model\":{\"type\":\"BPE\",\"vocab\":{}}}"));
    text_fails(json.data, 1000000, "takes too long at byte");
    fr_str_release(&json);
}

/* A search goes so many places at a time: what it finds is the same wherever it stands. */
static void matches_are_found_however_far_away(void **state)
{
    (void)state;
    fr_error err;
    fr_pattern *p;
    fr_matcher m;
    char text[1800 + 2];
    fr_matcher_init(&m);
    ASSERT_OK(fr_pattern_regex(&p, "(?<=\\W)b$", 9, "t", &err));
    for (size_t gap = 0; gap < 1800; gap++) { /* a multiple of three bytes, and up to two more */
        size_t n = 0;
        bool found;
        for (; n + 3 <= gap; n += 3) memcpy(text + n, "\xe4\xb8\xad", 3);
        for (; n < gap; n++) text[n] = 'x';
        memcpy(text + n, "-b", 2);
        fr_search s = {.text = text, .len = n + 2};
        ASSERT_OK(fr_pattern_next(p, &m, &s, &found, &err));
        assert_true(found && s.begin == n + 1 && s.end == n + 2);
        ASSERT_OK(fr_pattern_next(p, &m, &s, &found, &err));
        assert_false(found);
    }
    fr_pattern_close(p);
    fr_matcher_release(&m);
}

#define SEQUENCE16(kind, list, part)                                                              \
    BPE("\"" kind "\":{\"type\":\"Sequence\",\"" list "\":[" part "," part "," part "," part      \
        "," part "," part "," part "," part "," part "," part "," part "," part "," part "," part \
        "," part "," part "]},")                                                                  \
    "}}"

static void parts_that_make_a_text_longer_and_longer_are_an_error(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_str decoded = FR_STR_INIT;
    static const char words[] = "makes a text more than 32 times as long as it was";
    text_fails(SEQUENCE16("normalizer", "normalizers",
                          "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":"
                          "\"aaaaaaaa\"}"),
               10, words);
    text_fails(SEQUENCE16("normalizer", "normalizers",
                          "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\"},\"content\":\"ab\"}"),
               1000, words);
    const char *split = SEQUENCE16("pre_tokenizer", "pretokenizers", "{\"type\":\"ByteLevel\"}");
    fails(split, strlen(split), FR_ERR_UNSUPPORTED, "more than 3 pre-tokenizers Metaspace or");
    const char *decoder = SEQUENCE16("decoder", "decoders",
                                     "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},"
                                     "\"content\":\"aaaaaaaa\"}");
    ASSERT_OK(fr_tokenizer_open_json(&tok, decoder, strlen(decoder), "t.json", &err));
    ASSERT_FAILS(fr_tokenizer_decode(tok, (const int32_t[]){0, 0}, 2, FR_SPECIAL, &decoded, &err),
                 FR_ERR_UNSUPPORTED, words);
    fr_tokenizer_close(tok);
    fr_str_release(&decoded);
}

#define TEMPLATE(single, specials)                                                                 \
    BPE("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[" single "],\"pair\":["   \
        "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}]" \
        ","                                                                                        \
        "\"special_tokens\":{" specials "}},")                                                     \
    "}}"
#define TEXT_A "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}"
#define TOKEN_X "{\"SpecialToken\":{\"id\":\"[X]\",\"type_id\":0}}"

static void templates_of_unknown_tokens_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        fr_status status;
        const char *words;
    } cases[] = {
        {TEMPLATE(TOKEN_X "," TEXT_A, ""), FR_ERR_FORMAT, "\"[X]\" (an object) is missing"},
        {TEMPLATE(TOKEN_X "," TEXT_A, "\"[X]\":{\"ids\":[77]}"), FR_ERR_FORMAT,
         "puts id 77 around a text, and no token has it"},
        {TEMPLATE(TOKEN_X "," TEXT_A, "\"[X]\":{\"ids\":[2147483648]}"), FR_ERR_FORMAT,
         "special token '[X]' has an id that is none"},
        {TEMPLATE(TOKEN_X, "\"[X]\":{\"ids\":[0]}"), FR_ERR_UNSUPPORTED,
         "does not take each text once"},
        {TEMPLATE(TEXT_A "," TEXT_A, ""), FR_ERR_UNSUPPORTED, "does not take each text once"},
        {BPE("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"x\",99],\"cls\":"
             "[\"y\",1]},") "}}",
         FR_ERR_FORMAT, "puts id 99 around a text"},
        {BPE("\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"x\",-1],\"cls\":"
             "[\"y\",1]},") "}}",
         FR_ERR_FORMAT, "\"sep\" must be [token, id]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        fails(cases[i].json, strlen(cases[i].json), cases[i].status, cases[i].words);
}

static void ids_far_apart_or_out_of_range_cost_little(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *words; /* NULL: it opens */
    } cases[] = {
        {"{\"added_tokens\":[{\"id\":1048575,\"content\":\"c\"}],\"model\":{\"type\":\"BPE\","
         "\"vocab\":{\"a\":0,\"b\":1048574}}}",
         NULL},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":2147483648}}}", "id 2147483648, not in"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":18446744073709551617}}}", "is no integer"},
        {BPE("\"added_tokens\":[{\"id\":2147483648,\"content\":\"c\"}],") "}}",
         "added token 'c' has id 2147483648, not in"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fr_error err;
        const fr_str file = {(char *)(uintptr_t)cases[i].json, strlen(cases[i].json), 0};
        fr_status st = open_within_bounds(&file, false, &err);
        if (!cases[i].words) ASSERT_OK(st);
        if (cases[i].words) ASSERT_FAILS(st, FR_ERR_FORMAT, cases[i].words);
    }
}

static void files_of_many_small_things_stay_within_their_memory(void **state)
{
    (void)state;
    fr_error err;
    fr_str s = FR_STR_INIT;
    ASSERT_OK(fr_str_appendf(&s, &err, "%s,\"merges\":[", BPE("")));
    REPEAT(&s, 1000000, "\"a b\"")
    ASSERT_OK(fr_str_appendf(&s, &err, "]}}"));
    ASSERT_OK(open_within_bounds(&s, false, &err));

    fr_str_clear(&s);
    ASSERT_OK(fr_str_appendf(&s, &err, "{\"x\":["));
    REPEAT(&s, 1000000, "[]")
    ASSERT_OK(fr_str_appendf(&s, &err, "]}"));
    ASSERT_FAILS(open_within_bounds(&s, false, &err), FR_ERR_UNSUPPORTED,
                 "more than 40000 added tokens or other parts");

    fr_str_clear(&s);
    ASSERT_OK(fr_str_appendf(&s, &err,
                             "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{"
                             "\"[UNK]\":0,"));
    REPEAT(&s, 200000, "\"##%08x%08x\":%d", (unsigned)i_ * 2654435761u, (unsigned)i_, i_ + 1)
    ASSERT_OK(fr_str_appendf(&s, &err, "}}}"));
    ASSERT_FAILS(open_within_bounds(&s, false, &err), FR_ERR_UNSUPPORTED,
                 "too long and too unlike each other");

    fr_str_clear(&s);
    ASSERT_OK(
        fr_str_appendf(&s, &err, "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":["));
    REPEAT(&s, 500000, "[\"%x\",0]", (unsigned)i_)
    ASSERT_OK(fr_str_appendf(&s, &err, "]}}"));
    ASSERT_OK(open_within_bounds(&s, false, &err));
    fr_str_release(&s);
}

static void tokens_of_white_space_take_it_along_in_one_go(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    enum { MANY = 1000000 };
    const char json[] = BPE("\"added_tokens\":[{\"id\":3,\"content\":\" \",\"lstrip\":true,"
                            "\"rstrip\":true}],") "}}";
    char *text = malloc(MANY);
    memset(text, ' ', MANY);
    ASSERT_OK(fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "t.json", &err));
    ASSERT_OK(fr_tokenizer_encode(tok, text, MANY, FR_SPECIAL, 0, &t, &err));
    assert_int_equal(t.n, MANY); /* as the reference counts */
    fr_tokens_release(&t);
    fr_tokenizer_close(tok);
    free(text);
}

/* <unk>, and a: the fewest pieces a model has. */
#define PIECES                              \
    "\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02" \
    "\n\x08\n\x01"                          \
    "a\x15\0\0\x80\xbf"

static void append(fr_str *s, const char *bytes, size_t n)
{
    fr_error err;
    ASSERT_OK(fr_str_append(s, bytes, n, &err));
}

/* Pieces and a normalizer whose map is these bytes; sizes below 2^14. */
static void append_map(fr_str *s, const fr_str *map)
{
    size_t n = map->len, spec = n + 3;
    append(s, PIECES, sizeof(PIECES) - 1);
    const char head[] = {0x1a, (char)(spec & 127) | (char)0x80, (char)(spec >> 7),
                         0x12, (char)(n & 127) | (char)0x80,    (char)(n >> 7)};
    append(s, head, sizeof(head));
    append(s, map->data, n);
}

static void sentencepiece_models_that_lie_are_refused(void **state)
{
    (void)state;
    fr_error err;
#define MODEL(text)            \
    {                          \
        text, sizeof(text) - 1 \
    }
    static const struct {
        struct {
            const char *bytes;
            size_t n;
        } model;
        const char *words;
    } cases[] = {
        {MODEL("\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "cut off or of an unknown kind"},
        {MODEL(PIECES "\n\x80\x80\x80\x80\x10"), "cut off or of an unknown kind"},
        {MODEL(PIECES "\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "cut off or of an"},
        {MODEL("\x0b\x0b\x0b\x0b"), "cut off or of an unknown kind"}, /* groups */
        {MODEL("\x08\x01"), "has wire type 0, expected 2"},
        {MODEL(PIECES "\n\0"), "piece 2 is empty"},
        {MODEL(PIECES PIECES), "piece '<unk>' is there twice"},
        {MODEL(PIECES "\n\x08\n\x01"
                      "b\x15\0\0\xc0\x7f"),
         "the score of token 2 is no number"},
        {MODEL(PIECES "\n\x0a\n\x01"
                      "b\x15\0\0\0\0\x18\x09"),
         "piece 2 is of type 9"},
        {MODEL(PIECES "\n\x08\n\x01"
                      "\xff\x15\0\0\0\0"),
         "token 2 is no valid text"},
        {MODEL(PIECES "\x1a\x0e\x12\x0c\xfc\xff\xff\xff"
                      "12345678"),
         "12 bytes and says 4294967292"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const fr_str file = {(char *)(uintptr_t)cases[i].model.bytes, cases[i].model.n, 0};
        ASSERT_FAILS(open_within_bounds(&file, true, &err), FR_ERR_FORMAT, cases[i].words);
    }
#undef MODEL
}

/* A trie whose every unit leads everywhere, and texts that are very long. */
static void maps_of_characters_that_lead_in_circles_end(void **state)
{
    (void)state;
    fr_error err;
    fr_tokenizer *tok;
    fr_tokens t = FR_TOKENS_INIT;
    fr_str map = FR_STR_INIT, file = FR_STR_INIT;
    for (uint32_t offset = 0; offset < 256; offset++) {
        const uint32_t n_bytes = 1024;
        fr_str_clear(&map);
        fr_str_clear(&file);
        append(&map, (const char *)&n_bytes, 4);
        /* Each unit's label is its number; it has a leaf, and the same offset. */
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t unit = offset << 10 | 0x100 | i;
            append(&map, (const char *)&unit, 4);
        }
        for (int i = 0; i < 300; i++) append(&map, i % 100 == 99 ? "" : " ", 1);
        append_map(&file, &map);
        ASSERT_OK(fr_tokenizer_open_spm(&tok, file.data, file.len, "t.model", &err));
        fr_status st = fr_tokenizer_encode(tok, "aaaaaaaa b c", 12, FR_SPECIAL, 0, &t, &err);
        assert_true(st == FR_OK);
        fr_tokenizer_close(tok);
    }
    for (int i = 0; i < 300; i++) append(&map, " ", 1);
    append(&map, "", 1);
    fr_str_clear(&file);
    append_map(&file, &map);
    ASSERT_FAILS(open_within_bounds(&file, true, &err), FR_ERR_UNSUPPORTED,
                 "holds a text of 300 bytes, at most 256");
    fr_tokens_release(&t);
    fr_str_release(&map);
    fr_str_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_far_apart_or_out_of_range_cost_little),
        cmocka_unit_test(sentencepiece_models_that_lie_are_refused),
        cmocka_unit_test(maps_of_characters_that_lead_in_circles_end),
        cmocka_unit_test(broken_sentencepiece_models_are_refused),
        cmocka_unit_test(nesting_without_end_is_an_error_wherever_it_stands),
        cmocka_unit_test(merges_and_tokens_that_do_not_fit_are_refused),
        cmocka_unit_test(templates_of_unknown_tokens_are_refused),
        cmocka_unit_test(a_map_of_characters_that_points_outside_itself_maps_nothing),
        cmocka_unit_test(an_expression_that_backtracks_for_ever_is_an_error),
        cmocka_unit_test(an_expression_that_is_slow_at_every_place_is_an_error),
        cmocka_unit_test(matches_are_found_however_far_away),
        cmocka_unit_test(parts_that_make_a_text_longer_and_longer_are_an_error),
        cmocka_unit_test(tokens_of_white_space_take_it_along_in_one_go),
        cmocka_unit_test(files_of_many_small_things_stay_within_their_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
