/* ends.c - ids that end a text.
 *
 * A model that was taught to chat ends its turns with another token than its texts: files list
 * both. Whoever ended at one of them alone would let the model go on behind the other.
 * Source: transformers, generation/configuration_utils.py; llama.cpp, llama-vocab.cpp (the tokens
 * that end a generation). */
#include "model/ends.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "os/file.h"

/* Ids outside of the vocabulary are never written. */
static void add(fr_model_info *info, int64_t id)
{
    if (id < 0 || (uint64_t)id >= info->vocab_size) return;
    for (size_t i = 0; i < info->n_eos; i++)
        if (info->eos[i] == id) return;
    if (info->n_eos < sizeof(info->eos) / sizeof(*info->eos))
        info->eos[info->n_eos++] = (int32_t)id;
}

/* "eos_token_id": one id, or a list. */
static void add_listed(fr_model_info *info, const json_t *config)
{
    const json_t *ends = json_object_get(config, "eos_token_id");
    size_t n = json_is_array(ends) ? json_array_size(ends) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_is_array(ends) ? json_array_get(ends, i) : ends;
        if (json_is_integer(id)) add(info, json_integer_value(id));
    }
}

fr_status fr__ends_from_folder(fr_model *m, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    json_t *generation = NULL;
    add_listed(&m->info, m->config_json);
    FR_TRY(fr_path_join(&path, dir, "generation_config.json", err));
    if (!fr_file_exists(path.data)) goto cleanup;
    FR_TRY(fr_json_load(&generation, path.data, FR_JSON_MAX_CONFIG, err));
    if (!json_is_object(generation))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path.data,
                fr_json_kind(generation));
    add_listed(&m->info, generation);
cleanup:
    json_decref(generation);
    fr_str_release(&path);
    return st;
}

static bool ends_a_turn(fr_bytes text)
{
    static const char *const names[] = {"<|endoftext|>", "<|im_end|>", "<|eot_id|>",
                                        "<|eom_id|>",    "<|end|>",    "<|end_of_text|>",
                                        "<end_of_turn>"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (fr_bytes_equal(text, names[i])) return true;
    return false;
}

fr_status fr__ends_from_gguf(fr_model *m, const fr_gguf *g, fr_error *err)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    fr_status st = FR_OK;
    fr_bytes *texts = NULL;
    size_t n;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t id;
        FR_TRY(fr_gguf_size_or(g, keys[i], SIZE_MAX, &id, err));
        if (id != SIZE_MAX) add(&m->info, (int64_t)id);
    }
    FR_TRY(fr_gguf_texts(g, "tokenizer.ggml.tokens", &texts, &n, err));
    for (size_t i = 0; i < n; i++)
        if (ends_a_turn(texts[i])) add(&m->info, (int64_t)i);
cleanup:
    free(texts);
    return st;
}
