/* chat_wire.c - what travels: URLs, request bodies, answers and their faults.
 *
 * Reference: OpenAI API, "Create chat completion"; llama-server, vLLM and
 * Ollama differ in their errors, so several shapes are understood. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "format/json.h"
#include "remote/chat_internal.h"

enum { QUOTE = 240 }; /* bytes of a server's words that a message quotes */

/* ---- out ---- */

/* Some segment is a version: "v1", "v4", "v1beta". */
static bool has_version(const char *path, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (path[i] == '/' && path[i + 1] == 'v' && isdigit((unsigned char)path[i + 2]))
            return true;
    return false;
}

static bool ends_with(const char *text, size_t n, const char *end)
{
    size_t m = strlen(end);
    return n >= m && memcmp(text + n - m, end, m) == 0;
}

fr_status fr__chat_url(const char *base_url, const char *tail, fr_str *out, fr_error *err)
{
    static const char completions[] = "/chat/completions";
    fr_status st = FR_OK;
    char shown[300];
    fr_http_url_show(base_url, shown, sizeof(shown));

    const char *host = strstr(base_url, "://");
    if (!host || (strncasecmp(base_url, "http://", 7) && strncasecmp(base_url, "https://", 8)))
        FR_FAIL(err, FR_ERR_USAGE,
                "base_url \"%s\": has to begin with http:// or https://, as in "
                "http://127.0.0.1:8000/v1",
                shown);
    host += 3;
    for (const char *c = base_url; *c; c++)
        if ((unsigned char)*c <= 32 || *c == 127)
            FR_FAIL(err, FR_ERR_USAGE, "base_url \"%s\": has blanks or control characters in it",
                    shown);
    size_t n_host = strcspn(host, "/?#");
    if (n_host == 0) FR_FAIL(err, FR_ERR_USAGE, "base_url \"%s\": names no host", shown);
    if (memchr(host, '@', n_host))
        FR_FAIL(err, FR_ERR_USAGE,
                "base_url \"%s\": carries a user or password; put the key into an environment "
                "variable and name that in key_env",
                shown);
    if (strchr(host, '#'))
        FR_FAIL(err, FR_ERR_USAGE, "base_url \"%s\": a part after # is not sent; remove it", shown);

    const char *path = host + n_host;
    size_t n_path = strcspn(path, "?");
    const char *query = path + n_path;
    while (n_path && path[n_path - 1] == '/') n_path--;
    if (ends_with(path, n_path, completions)) n_path -= strlen(completions);
    while (n_path && path[n_path - 1] == '/') n_path--;

    FR_TRY(fr_str_append(out, base_url, (size_t)(path - base_url) + n_path, err));
    if (!has_version(path, n_path)) FR_TRY(fr_str_append(out, "/v1", 3, err));
    FR_TRY(fr_str_append(out, tail, strlen(tail), err));
    FR_TRY(fr_str_append(out, query, strlen(query), err));
cleanup:
    return st;
}

/* Appends {role, content}; -1 when the text is not UTF-8 or memory is out. */
static int add_message(json_t *messages, const char *role, const char *content)
{
    json_t *message = json_object();
    json_object_set_new(message, "role", json_string(role));
    if (json_object_set_new(message, "content", json_string(content)) != 0) {
        json_decref(message);
        return -1;
    }
    return json_array_append_new(messages, message);
}

fr_status fr__chat_body(const fr_chat_client *client, const fr_chat_prompt *prompt, fr_str *out,
                        fr_error *err)
{
    fr_status st = FR_OK;
    const fr_chat_settings *s = &client->settings;
    json_t *root = json_object(), *messages = json_array();
    int bad = 0;

    bad |= json_object_set_new(root, "model", json_string(client->model));
    if (prompt->system && *prompt->system) bad |= add_message(messages, "system", prompt->system);
    bad |= add_message(messages, "user", prompt->user);
    if (bad)
        FR_FAIL(err, FR_ERR_FORMAT, "the prompt is not valid UTF-8; convert the data to UTF-8");
    bad |= json_object_set(root, "messages", messages);
    if (!isnan(s->temperature))
        bad |= json_object_set_new(root, "temperature", json_real(s->temperature));
    if (s->max_tokens > 0)
        bad |= json_object_set_new(root, "max_tokens", json_integer(s->max_tokens));
    if (s->send_seed) bad |= json_object_set_new(root, "seed", json_integer(s->seed));
    if (client->extra) bad |= json_object_update(root, client->extra);
    if (bad) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a request");
    FR_TRY(fr_json_dump(root, out, err));
cleanup:
    json_decref(messages);
    json_decref(root);
    return st;
}

double fr__chat_wait_s(const fr_chat_settings *s, size_t index, int attempt, double retry_after_s)
{
    uint64_t bits = fr_mix64(fr_mix64(s->jitter_seed, index), (uint64_t)attempt);
    double u = (double)(bits >> 11) * 0x1.0p-53; /* [0, 1) */
    if (retry_after_s > 0) /* never earlier than asked, and not all at the same moment */
        return fmin(retry_after_s, s->retry_after_cap_s) + u * s->retry_base_s;
    return u * fmin(s->retry_cap_s, ldexp(s->retry_base_s, attempt - 1));
}

/* ---- in ---- */

/* The server's own words about an error: {"error": {"message": m}}, {"error": m},
 * {"message": m}, {"detail": m}, or the body as it is. */
static void quote(const fr_chat_client *client, const char *body, size_t n, char *out, size_t size)
{
    json_t *root = NULL;
    const char *words = body;
    size_t n_words = n;

    if (fr_json_parse(&root, body, n, "", NULL) == FR_OK) {
        json_t *at = json_object_get(root, "error");
        if (json_is_object(at)) at = json_object_get(at, "message");
        if (!at) at = json_object_get(root, "message");
        if (!at) at = json_object_get(root, "detail");
        if (json_is_string(at)) {
            words = json_string_value(at);
            n_words = json_string_length(at);
        }
    }
    fr__chat_words(words, n_words, client->key, out, size);
    json_decref(root);
}

static const char *advice(const fr_chat_client *client, int status)
{
    switch (status) {
    case 401:
        return client->key ? "check the key"
                           : "the server wants a key: name its variable in key_env";
    case 402: return "check the account";
    case 403: return "may this key use this model?";
    case 404: return "check base_url and the model's name";
    case 405: return "check base_url";
    case 429: return "lower the concurrency or try again later";
    default: return status >= 500 ? "try again later" : "check the model's name and the settings";
    }
}

static void read_refusal(const fr_chat_client *client, const fr_http_answer *answer,
                         fr__chat_reply *reply)
{
    int status = answer->status;
    char words[QUOTE];

    reply->fault = status == 429                                    ? FR__CHAT_THROTTLED
                   : status >= 500                                  ? FR__CHAT_SERVER
                   : status == 401                                  ? FR__CHAT_KEY
                   : status == 402 || status == 403                 ? FR__CHAT_FORBIDDEN
                   : status == 404 || status == 405 || status < 400 ? FR__CHAT_WRONG_URL
                                                                    : FR__CHAT_ITEM;
    reply->may_retry = status == 408 || status == 425 || status == 429 || status >= 500;
    if (answer->location[0]) {
        snprintf(
            reply->why, sizeof(reply->why),
            "%s: the server answered %d and points to %s; write that as base_url if it is right",
            client->shown, status, answer->location);
        return;
    }
    quote(client, answer->body, answer->body_size, words, sizeof(words));
    snprintf(reply->why, sizeof(reply->why), "%s: the server answered %d%s%s%s; %s", client->shown,
             status, words[0] ? " \"" : "", words, words[0] ? "\"" : "", advice(client, status));
}

static int64_t count_of(const json_t *usage, const char *key)
{
    const json_t *value = json_object_get(usage, key);
    int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;
    return n > 0 && n < (int64_t)1 << 40 ? n : 0;
}

/* The text of a message: a string, null (nothing was said), or a list of parts. */
static bool read_content(const json_t *message, fr__chat_reply *reply)
{
    json_t *content = json_object_get(message, "content");
    if (!content || json_is_null(content)) {
        json_t *refusal = json_object_get(message, "refusal");
        if (json_is_string(refusal)) content = refusal;
    }
    if (json_is_string(content)) {
        reply->text = json_string_value(content);
        reply->text_size = json_string_length(content);
        return true;
    }
    if (!content || json_is_null(content)) return reply->finish_reason[0] != '\0';
    if (!json_is_array(content)) return false;

    size_t i;
    json_t *part;
    json_array_foreach(content, i, part)
    {
        json_t *text = json_object_get(part, "text");
        if (json_is_string(text) && fr_str_append(&reply->joined, json_string_value(text),
                                                  json_string_length(text), NULL) != FR_OK)
            return false;
    }
    reply->text = fr_str_text(&reply->joined);
    reply->text_size = reply->joined.len;
    return true;
}

static void read_completion(const fr_chat_client *client, const fr_http_answer *answer,
                            fr__chat_reply *reply)
{
    fr_error parse = {FR_OK, ""};
    char words[QUOTE];

    reply->fault = FR__CHAT_GARBAGE;
    reply->may_retry = true;
    if (fr_json_parse(&reply->root, answer->body, answer->body_size, "answer", &parse) != FR_OK) {
        fr__chat_words(parse.message, strlen(parse.message), client->key, words, sizeof(words));
        snprintf(reply->why, sizeof(reply->why),
                 "%s: the server answered %d with what is not JSON (%s); is it an "
                 "OpenAI-compatible API?",
                 client->shown, answer->status, words);
        return;
    }
    json_t *choice = json_array_get(json_object_get(reply->root, "choices"), 0);
    json_t *finish = json_object_get(choice, "finish_reason");
    if (json_is_string(finish)) reply->finish_reason = json_string_value(finish);
    if (!read_content(json_object_get(choice, "message"), reply)) {
        quote(client, answer->body, answer->body_size, words, sizeof(words));
        snprintf(reply->why, sizeof(reply->why),
                 "%s: the server answered %d without choices[0].message.content (\"%s\"); is it an "
                 "OpenAI-compatible API?",
                 client->shown, answer->status, words);
        return;
    }
    json_t *usage = json_object_get(reply->root, "usage");
    reply->prompt_tokens = count_of(usage, "prompt_tokens");
    reply->completion_tokens = count_of(usage, "completion_tokens");
    reply->fault = FR__CHAT_FINE;
    reply->may_retry = false;
}

void fr__chat_reply_read(const fr_chat_client *client, const fr_http_answer *answer,
                         fr__chat_reply *reply)
{
    *reply = (fr__chat_reply){.joined = FR_STR_INIT, .text = "", .finish_reason = ""};
    if (answer->outcome == FR_HTTP_ANSWERED) {
        if (answer->status >= 200 && answer->status < 300)
            read_completion(client, answer, reply);
        else
            read_refusal(client, answer, reply);
        return;
    }
    reply->fault = answer->outcome == FR_HTTP_TOO_LARGE ? FR__CHAT_ITEM : FR__CHAT_UNREACHABLE;
    reply->may_retry = answer->outcome != FR_HTTP_TOO_LARGE && answer->outcome != FR_HTTP_UNTRUSTED;
    fr__chat_words(answer->message, strlen(answer->message), client->key, reply->why,
                   sizeof(reply->why));
}

void fr__chat_reply_release(fr__chat_reply *reply)
{
    json_decref(reply->root);
    fr_str_release(&reply->joined);
}
