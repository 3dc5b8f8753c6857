/* chat.h - a large model behind an OpenAI-compatible server.
 *
 *     fr_chat_settings s = fr_chat_settings_default();
 *     s.base_url = "http://127.0.0.1:8000";
 *     s.model = "mistral-7b";
 *     s.key_env = "OPENAI_API_KEY";
 *     FR_TRY(fr_chat_client_create(&client, &s, err));
 *     FR_TRY(fr_chat_run(client, prompts, n, &events, err));
 *     fr_chat_client_destroy(client);
 *
 * 429, 5xx, time-outs, refused and broken connections and answers that are not
 * what the API promises are tried again, after a wait drawn from
 * [0, min(retry_cap_s, retry_base_s * 2^(attempt-1))] (full jitter; Brooker,
 * "Exponential Backoff and Jitter", AWS 2015), or after Retry-After.
 * Everything else fails at once, with the server's words.
 *
 * The key comes from the environment, and is in no message: where a server
 * quotes it, it is blotted out.
 * Reference: OpenAI API, "Create chat completion". */
#ifndef FR_REMOTE_CHAT_H
#define FR_REMOTE_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

typedef struct fr_chat_settings {
    const char *base_url;     /* with or without /v1, slash, /chat/completions; required */
    const char *model;        /* as the server calls it; required to run */
    const char *key_env;      /* name of the environment variable; NULL or "": no key */
    size_t concurrency;       /* requests in flight, 1 to 1,024 */
    double timeout_s;         /* of one attempt */
    double connect_timeout_s; /* of one attempt */
    int max_retries;          /* attempts after the first */
    double retry_base_s, retry_cap_s;
    double retry_after_cap_s; /* longest Retry-After that is obeyed */
    size_t give_up_after;     /* items that fail alike before the run stops, at least 1 */
    size_t max_answer;        /* bytes */

    double temperature; /* NaN: not sent */
    int max_tokens;     /* 0: not sent */
    bool send_seed;
    int64_t seed;           /* sent when send_seed */
    const char *extra_json; /* object whose keys are added to each request; NULL for none */
    uint64_t jitter_seed;

    /* For tests; NULL: the real ones. sleep may return early. */
    fr_clock_fn clock;
    void (*sleep)(void *ctx, double s);
    void *clock_ctx;
} fr_chat_settings;

/* concurrency 4, timeout 120 s, connect 10 s, 5 retries from 1 s up to 30 s,
 * Retry-After up to 120 s, give up after 3, temperature 0, answers up to 4 MiB. */
fr_chat_settings fr_chat_settings_default(void);

typedef struct fr_chat_client fr_chat_client;

/* Copies the settings and what they point at; reads the key. Sends nothing.
 * Errors: FR_ERR_USAGE for a URL, key variable, number or extra_json that cannot be. */
FR_NODISCARD fr_status fr_chat_client_create(fr_chat_client **out, const fr_chat_settings *settings,
                                             fr_error *err);
void fr_chat_client_destroy(fr_chat_client *client);

/* Where requests go ("http://host/v1/chat/completions"), fit to be shown. Owner: the client. */
const char *fr_chat_client_url(const fr_chat_client *client);

typedef struct fr_chat_prompt {
    const char *system; /* NULL or "": no system message */
    const char *user;
} fr_chat_prompt;

/* What became of one item. Everything is valid until the callback returns. */
typedef struct fr_chat_answer {
    bool ok;
    const char *text; /* UTF-8, control characters and all; "" when not ok; NUL-terminated */
    size_t text_size; /* bytes, without that NUL (the text may contain others) */
    const char *finish_reason;                /* "stop", "length", ...; "" when unknown */
    int64_t prompt_tokens, completion_tokens; /* 0: unknown */
    double latency_s;                         /* of the last attempt */
    int attempts;                             /* sent in this run */
    int http_status;                          /* of the last attempt; 0 when there was none */
    const char *error;                        /* one line; "" when ok */
} fr_chat_answer;

/* Any may be NULL. All are called on the calling thread; a status other than
 * FR_OK ends the run and is what fr_chat_run returns. */
typedef struct fr_chat_events {
    void *ctx;
    /* Just before a request leaves; attempt counts from 1. */
    fr_status (*on_sent)(void *ctx, size_t index, int attempt, fr_error *err);
    /* An attempt failed and will be repeated after wait_s. */
    fr_status (*on_retry)(void *ctx, size_t index, int attempt, const char *why, double wait_s,
                          fr_error *err);
    /* An item is finished, well or not. Once an item, in the order of finishing. */
    fr_status (*on_answer)(void *ctx, size_t index, const fr_chat_answer *answer, fr_error *err);
    /* True: drop what is in flight and return FR_ERR_INTERRUPTED. */
    bool (*should_stop)(void *ctx);
} fr_chat_events;

/* Asks all n prompts, `concurrency` at a time.
 *
 * An item's failure is an answer, not an error of the run. But where
 * give_up_after items in a row fail alike before any succeeded, the run stops
 * with that one reason; likewise later on, where a server that used to answer
 * fails give_up_after + 2 * concurrency items in a row in a way that is not the
 * items' fault. on_answer is not called for those items: they have to be asked
 * again. A 401 stops the run at once while nothing has succeeded.
 * Errors: FR_ERR_NET as said; FR_ERR_INTERRUPTED; FR_ERR_USAGE without a
 * model; whatever a callback returned. */
FR_NODISCARD fr_status fr_chat_run(fr_chat_client *client, const fr_chat_prompt *prompts, size_t n,
                                   const fr_chat_events *events, fr_error *err);

/* Appends the ids that /v1/models lists to *names, each followed by '\n'.
 * should_stop may be NULL. Errors: FR_ERR_NET. */
FR_NODISCARD fr_status fr_chat_models(fr_chat_client *client, bool (*should_stop)(void *ctx),
                                      void *ctx, fr_str *names, fr_error *err);

#endif
