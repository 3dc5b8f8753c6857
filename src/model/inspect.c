/* inspect.c - counts tensors, and asks every part of frugal whether it could use them. */
#include "model/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "format/adapters.h"
#include "format/gguf.h"
#include "format/json.h"
#include "model/convert.h"
#include "model/lora.h"
#include "model/model.h"
#include "os/file.h"
#include "text/tokenizer.h"

static int by_place(const void *a, const void *b)
{
    const fr_stored *x = *(const fr_stored *const *)a, *y = *(const fr_stored *const *)b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

typedef struct tally {
    size_t tensors, parameters, bytes;
} tally;

static fr_status count(const fr_tensors *set, json_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    tally all = {0}, by_type[FR_N_DTYPES] = {{0}};
    size_t n = fr_tensors_count(set);
    json_t *dtypes = json_object();
    const fr_stored **order = calloc(n + 1, sizeof(*order));
    if (!order || !dtypes) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) order[i] = fr_tensors_at(set, i);
    qsort(order, n, sizeof(*order), by_place);
    for (size_t i = 0; i < n; i++) {
        const fr_stored *t = order[i];
        bool shared = i > 0 && t->n_bytes && !by_place(&order[i - 1], &order[i]);
        for (int k = 0; k < 2; k++) {
            tally *to = k ? &by_type[t->dtype] : &all;
            to->tensors++;
            to->parameters += shared ? 0 : t->n;
            to->bytes += shared ? 0 : t->n_bytes;
        }
    }
    for (int i = 0; i < FR_N_DTYPES; i++)
        if (by_type[i].tensors)
            json_object_set_new(dtypes, fr_dtype_name((fr_dtype)i),
                                json_pack("{s:I, s:I, s:I}", "tensors",
                                          (json_int_t)by_type[i].tensors, "parameters",
                                          (json_int_t)by_type[i].parameters, "bytes",
                                          (json_int_t)by_type[i].bytes));
    json_object_set_new(out, "tensors", json_integer((json_int_t)all.tensors));
    json_object_set_new(out, "parameters", json_integer((json_int_t)all.parameters));
    json_object_set_new(out, "bytes", json_integer((json_int_t)all.bytes));
    json_object_set(out, "dtypes", dtypes);
cleanup:
    json_decref(dtypes);
    free(order);
    return st;
}

/* "model_type" and the first of "architectures", where config.json has them. */
static void name_folder(json_t *out, const json_t *config)
{
    json_t *type = json_object_get(config, "model_type");
    json_t *first = json_array_get(json_object_get(config, "architectures"), 0);
    json_object_set(out, "model_type", json_is_string(type) ? type : json_null());
    json_object_set(out, "architecture", json_is_string(first) ? first : json_null());
}

static void name_gguf(json_t *out, const fr_gguf *g)
{
    fr_bytes name;
    json_t *type = json_null();
    if (fr_gguf_text(g, "general.architecture", &name, NULL) == FR_OK) {
        type = json_stringn(name.data, name.len); /* NULL where it is not UTF-8 */
        if (!type) type = json_null();
    }
    json_object_set_new(out, "model_type", type);
    json_object_set_new(out, "architecture", json_null());
}

static void put_can(json_t *can, const char *what, fr_status st, const fr_error *err)
{
    json_t *row = json_pack("{s:s, s:b}", "what", what, "ok", st == FR_OK);
    if (st != FR_OK) {
        json_t *why = json_string(err->message); /* NULL where a path is not UTF-8 */
        json_object_set_new(row, "why", why ? why : json_string("a message that is not UTF-8"));
    }
    json_array_append_new(can, row);
}

/* The file that a tokenizer comes from, NULL for none. */
static const char *tokenizer_file(const char *dir, fr_str *path)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model",
                                        "spiece.model",   "sentencepiece.bpe.model",
                                        "vocab.json",     "vocab.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (fr_path_join(path, dir, names[i], NULL) == FR_OK && fr_file_exists(path->data))
            return names[i];
    return NULL;
}

static void ask_tokenizer(json_t *out, json_t *can, const char *path, const fr_gguf *g)
{
    fr_error err;
    fr_tokenizer *tokenizer = NULL;
    fr_gguf_vocab vocab = {.n = 0};
    fr_str file = FR_STR_INIT;
    const char *source = g ? "GGUF" : tokenizer_file(path, &file);
    fr_status st = fr_tokenizer_open(&tokenizer, path, &err);
    size_t n = tokenizer ? fr_tokenizer_vocab_size(tokenizer) : 0;
    if (!n && g && fr_gguf_vocab_read(g, &vocab, NULL) == FR_OK) n = vocab.n;
    json_t *about = source ? json_pack("{s:s, s:o}", "source", source, "vocab_size",
                                       n ? json_integer((json_int_t)n) : json_null())
                           : json_null();
    json_object_set_new(out, "tokenizer", about);
    put_can(can, "tokenize", st, &err);
    fr_gguf_vocab_release(&vocab);
    fr_tokenizer_close(tokenizer);
    fr_str_release(&file);
}

static void ask(json_t *out, const char *path, const fr_gguf *g)
{
    const fr_model_options as_it_is = {.either = true}, decoder = {.decoder = true},
                           new_head = {.new_head = true, .either = true};
    fr_error err;
    json_t *can = json_array();
    ask_tokenizer(out, can, path, g);
    put_can(can, "tune", fr_model_check(path, &new_head, &err), &err);
    put_can(can, "eval", fr_model_check(path, &as_it_is, &err), &err);
    put_can(can, "generate", fr_model_check(path, &decoder, &err), &err);
    put_can(can, "convert --to hf", fr_convert_check_hf(path, &err), &err);
    put_can(can, "convert --to gguf", fr_convert_check_gguf(path, &err), &err);
    json_object_set_new(out, "can", can);
}

/* The words of adapter_config.json, whatever their types. */
static fr_status name_adapters(json_t *out, const char *dir, fr_error *err)
{
    static const char *const keys[][2] = {{"type", "peft_type"},
                                          {"base", "base_model_name_or_path"},
                                          {"rank", "r"},
                                          {"alpha", "lora_alpha"},
                                          {"targets", "target_modules"}};
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    json_t *config = NULL, *about = json_object();
    FR_TRY(fr_path_join(&path, dir, FR_ADAPTERS_CONFIG, err));
    FR_TRY(fr_json_load(&config, path.data, FR_JSON_MAX_CONFIG, err));
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        json_t *value = json_object_get(config, keys[i][1]);
        json_object_set(about, keys[i][0], value ? value : json_null());
    }
    json_object_set(out, "adapters", about);
cleanup:
    json_decref(about);
    json_decref(config);
    fr_str_release(&path);
    return st;
}

/* config.json of the folder, or of the adapters' base where that is to be found. */
static fr_status find_config(fr_str *file, const char *path, bool adapters, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str base = FR_STR_INIT;
    bool found = adapters && fr_adapters_base(&base, path, NULL) == FR_OK;
    FR_TRY(fr_path_join(file, found ? base.data : path, "config.json", err));
cleanup:
    fr_str_release(&base);
    return st;
}

fr_status fr_model_inspect(json_t **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *set = NULL;
    fr_str file = FR_STR_INIT;
    json_t *config = NULL, *shown = NULL;
    bool adapters = fr_adapters_here(path);
    *out = NULL;
    if (adapters)
        FR_TRY(fr__lora_open(&set, path, err));
    else
        FR_TRY(fr_tensors_open(&set, path, err));
    shown = json_pack("{s:s, s:s}", "path", path, "format", fr_tensors_format(set));
    if (!shown) FR_FAIL(err, FR_ERR_FORMAT, "the path is not UTF-8, or out of memory");
    if (adapters) FR_TRY(name_adapters(shown, path, err));
    FR_TRY(find_config(&file, path, adapters, err));
    if (fr_tensors_gguf(set)) {
        name_gguf(shown, fr_tensors_gguf(set));
    } else {
        if (fr_file_exists(file.data))
            FR_TRY(fr_json_load(&config, file.data, FR_JSON_MAX_CONFIG, err));
        name_folder(shown, config);
    }
    FR_TRY(count(set, shown, err));
    ask(shown, path, fr_tensors_gguf(set));
    *out = shown;
    shown = NULL;
cleanup:
    json_decref(config);
    json_decref(shown);
    fr_str_release(&file);
    fr_tensors_close(set);
    return st;
}
