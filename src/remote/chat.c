/* chat.c - the chat client, and its run over many prompts.
 *
 * Each of `concurrency` slots carries one item from its first attempt to its
 * end, waits included: a server in trouble is asked less, and memory does not
 * grow with n. Failures that may turn out to be everybody's are held back until
 * it is clear whose they are.
 *
 * Not here: what a prompt says and what an answer means (room task). */
#include "remote/chat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "format/json.h"
#include "remote/chat_internal.h"

enum { MAX_CONCURRENCY = 1024, MAX_RETRIES = 100 };

static const double poll_s = 0.1; /* how often should_stop is asked */

/* ---- client ---- */

fr_chat_settings fr_chat_settings_default(void)
{
    return (fr_chat_settings){
        .concurrency = 4,
        .timeout_s = 120,
        .connect_timeout_s = 10,
        .max_retries = 5,
        .retry_base_s = 1,
        .retry_cap_s = 30,
        .retry_after_cap_s = 120,
        .give_up_after = 3,
        .max_answer = (size_t)4 << 20,
    };
}

static void sleep_really(void *ctx, double s)
{
    (void)ctx;
    struct timespec ts = {(time_t)s, (long)(1e9 * (s - floor(s)))};
    nanosleep(&ts, NULL);
}

static fr_status check_numbers(const fr_chat_settings *s, fr_error *err)
{
    fr_status st = FR_OK;
    if (s->concurrency < 1 || s->concurrency > MAX_CONCURRENCY)
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: concurrency is %zu: has to be from 1 to %d",
                s->concurrency, MAX_CONCURRENCY);
    if (!(s->timeout_s > 0 && s->timeout_s <= 86400))
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: a time-out of %g s: has to be above 0, at most 86400",
                s->timeout_s);
    if (!(s->connect_timeout_s > 0 && s->connect_timeout_s <= 86400))
        FR_FAIL(err, FR_ERR_USAGE,
                "endpoint: a connect time-out of %g s: has to be above 0, at most 86400",
                s->connect_timeout_s);
    if (s->max_retries < 0 || s->max_retries > MAX_RETRIES)
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: %d retries: have to be from 0 to %d", s->max_retries,
                MAX_RETRIES);
    if (!(s->retry_base_s >= 0 && s->retry_base_s <= 3600) ||
        !(s->retry_cap_s >= 0 && s->retry_cap_s <= 3600) ||
        !(s->retry_after_cap_s >= 0 && s->retry_after_cap_s <= 86400))
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: waits between retries have to be from 0 to 3600 s");
    if (s->give_up_after < 1)
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: give_up_after has to be at least 1");
    if (!isnan(s->temperature) && !(s->temperature >= 0 && s->temperature <= 100))
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: a temperature of %g: has to be from 0 to 100",
                s->temperature);
    if (s->max_tokens < 0)
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: max_tokens is %d: has to be 0 (not sent) or more",
                s->max_tokens);
cleanup:
    return st;
}

static fr_status copy_text(char **out, const char *text, fr_error *err)
{
    *out = strdup(text);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "out of memory for an endpoint");
}

static fr_status read_key(fr_chat_client *client, fr_error *err)
{
    fr_status st = FR_OK;
    const char *value = getenv(client->key_env);
    size_t n = value ? strlen(value) : 0;

    while (n && (value[n - 1] == '\n' || value[n - 1] == '\r' || value[n - 1] == ' ')) n--;
    while (n && *value == ' ') value++, n--;
    if (n == 0)
        FR_FAIL(
            err, FR_ERR_USAGE,
            "%s: the key is expected in the environment variable %s, which is %s; export %s=...",
            client->shown, client->key_env, value ? "empty" : "not set", client->key_env);
    client->key = strndup(value, n);
    if (!client->key) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for an endpoint");
    for (size_t i = 0; i < n; i++)
        if (client->key[i] <= 32 || client->key[i] >= 127)
            FR_FAIL(err, FR_ERR_USAGE,
                    "%s: the key in the environment variable %s has blanks or characters in it "
                    "that no header can carry",
                    client->shown, client->key_env);
    if (strncasecmp(client->url, "http://", 7) == 0 && !fr_http_url_is_loopback(client->url))
        fr_log(FR_LOG_WARNING, "%s: the key of %s travels unencrypted; use https:// if you can",
               client->shown, client->key_env);
cleanup:
    return st;
}

static fr_status read_extra(fr_chat_client *client, const char *text, fr_error *err)
{
    static const char *const ours[] = {"model", "messages", "stream"};
    fr_status st = FR_OK;
    FR_TRY(fr_json_parse(&client->extra, text, strlen(text), "endpoint: extra", err));
    if (!json_is_object(client->extra))
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: extra has to be an object, as in {\"top_p\": 0.9}");
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (json_object_get(client->extra, ours[i]))
            FR_FAIL(err, FR_ERR_USAGE, "endpoint: extra must not set \"%s\": frugal does", ours[i]);
cleanup:
    if (st == FR_ERR_FORMAT) {
        st = FR_ERR_USAGE;
        if (err) err->status = st;
    }
    return st;
}

fr_status fr_chat_client_create(fr_chat_client **out, const fr_chat_settings *settings,
                                fr_error *err)
{
    fr_status st = FR_OK;
    fr_chat_client *client = NULL;
    fr_str url = FR_STR_INIT, models_url = FR_STR_INIT;
    char shown[300];
    *out = NULL;

    FR_TRY(check_numbers(settings, err));
    if (!settings->base_url || !*settings->base_url)
        FR_FAIL(err, FR_ERR_USAGE, "endpoint: base_url is missing");
    client = calloc(1, sizeof(*client));
    if (!client) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for an endpoint");
    client->settings = *settings;
    if (!settings->clock) client->settings.clock = fr_clock_monotonic;
    if (!settings->sleep) client->settings.sleep = sleep_really;

    FR_TRY(fr__chat_url(settings->base_url, "/chat/completions", &url, err));
    FR_TRY(fr__chat_url(settings->base_url, "/models", &models_url, err));
    FR_TRY(copy_text(&client->url, url.data, err));
    FR_TRY(copy_text(&client->models_url, models_url.data, err));
    FR_TRY(copy_text(&client->shown, fr_http_url_show(url.data, shown, sizeof(shown)), err));
    if (settings->model && *settings->model)
        FR_TRY(copy_text(&client->model, settings->model, err));
    if (settings->extra_json) FR_TRY(read_extra(client, settings->extra_json, err));
    if (settings->key_env && *settings->key_env) {
        FR_TRY(copy_text(&client->key_env, settings->key_env, err));
        FR_TRY(read_key(client, err));
    }
    *out = client;
    client = NULL;
cleanup:
    fr_str_release(&url);
    fr_str_release(&models_url);
    fr_chat_client_destroy(client);
    return st;
}

void fr_chat_client_destroy(fr_chat_client *client)
{
    if (!client) return;
    if (client->key) explicit_bzero(client->key, strlen(client->key));
    free(client->key);
    free(client->key_env);
    free(client->model);
    free(client->url);
    free(client->models_url);
    free(client->shown);
    json_decref(client->extra);
    free(client);
}

const char *fr_chat_client_url(const fr_chat_client *client)
{
    return client->shown;
}

/* ---- a run ---- */

typedef enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_FLYING } slot_state;

typedef struct run run;

typedef struct slot {
    run *run;
    slot_state state;
    size_t index;
    int attempt; /* the one that flies, or flew last; from 1 */
    double due;  /* WAITING: when the next may leave */
} slot;

/* An item's failure that has not been told yet. */
typedef struct held {
    size_t index;
    int attempts, http_status;
    double latency_s;
    char why[FR__CHAT_WORDS];
} held;

struct run {
    const fr_chat_client *client;
    const fr_chat_prompt *prompts;
    size_t n;
    const fr_chat_events *events;
    fr_http_pool *pool;
    slot *slots;
    size_t next, n_finished; /* n_finished: also counts what is held */
    double pause_until;      /* a Retry-After holds for everybody */
    bool any_ok;

    fr__chat_fault streak; /* what the last failures have in common */
    held *held;
    size_t n_held, max_held;

    fr_status st; /* of what a callback of the pool ran into */
    fr_error *err;
};

static fr_status tell(run *r, size_t index, const fr_chat_answer *answer)
{
    if (!r->events->on_answer) return FR_OK;
    return r->events->on_answer(r->events->ctx, index, answer, r->err);
}

static fr_status tell_held(run *r)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < r->n_held && st == FR_OK; i++) {
        const held *h = &r->held[i];
        const fr_chat_answer answer = {.text = "",
                                       .finish_reason = "",
                                       .latency_s = h->latency_s,
                                       .attempts = h->attempts,
                                       .http_status = h->http_status,
                                       .error = h->why};
        st = tell(r, h->index, &answer);
    }
    r->n_held = 0;
    return st;
}

/* How many items in a row may fail in this way before the run stops; 0: any number. */
static size_t failures_allowed(const run *r, fr__chat_fault fault)
{
    const fr_chat_settings *s = &r->client->settings;
    if (!r->any_ok)
        return fault == FR__CHAT_KEY            ? 1
               : r->max_held < s->give_up_after ? r->max_held
                                                : s->give_up_after;
    return fault == FR__CHAT_ITEM || fault == FR__CHAT_GARBAGE ? 0 : r->max_held;
}

/* An item has failed for good. */
static fr_status fail_item(run *r, const held *failure, fr__chat_fault fault)
{
    fr_status st = FR_OK;
    size_t allowed = failures_allowed(r, fault);

    if (fault != r->streak || allowed == 0) FR_TRY(tell_held(r));
    r->streak = fault;
    r->held[r->n_held++] = *failure;
    r->n_finished++;
    if (allowed == 0) {
        FR_TRY(tell_held(r));
    } else if (r->n_held >= allowed) {
        if (r->n_held == 1) FR_FAIL(r->err, FR_ERR_NET, "%s", failure->why);
        FR_FAIL(r->err, FR_ERR_NET, "%s%zu items in a row failed alike: %s",
                r->any_ok ? "" : "nothing was answered; ", r->n_held, failure->why);
    }
cleanup:
    return st;
}

static fr_status succeed(run *r, const slot *s, const fr__chat_reply *reply,
                         const fr_http_answer *http)
{
    fr_status st = FR_OK;
    char finish_reason[64];

    r->any_ok = true;
    r->streak = FR__CHAT_FINE;
    r->n_finished++;
    FR_TRY(tell_held(r));
    fr__chat_words(reply->finish_reason, strlen(reply->finish_reason), r->client->key,
                   finish_reason, sizeof(finish_reason));
    const fr_chat_answer answer = {.ok = true,
                                   .text = reply->text,
                                   .text_size = reply->text_size,
                                   .finish_reason = finish_reason,
                                   .prompt_tokens = reply->prompt_tokens,
                                   .completion_tokens = reply->completion_tokens,
                                   .latency_s = http->latency_s,
                                   .attempts = s->attempt,
                                   .http_status = http->status,
                                   .error = ""};
    FR_TRY(tell(r, s->index, &answer));
cleanup:
    return st;
}

/* An attempt failed in a way that may pass. */
static fr_status wait_and_retry(run *r, slot *s, const fr__chat_reply *reply,
                                const fr_http_answer *http)
{
    const fr_chat_settings *set = &r->client->settings;
    double now = set->clock(set->clock_ctx);
    double wait_s = fr__chat_wait_s(set, s->index, s->attempt, http->retry_after_s);

    s->state = SLOT_WAITING;
    s->due = now + wait_s;
    if (http->retry_after_s > 0)
        r->pause_until =
            fmax(r->pause_until, now + fmin(http->retry_after_s, set->retry_after_cap_s));
    if (!r->events->on_retry) return FR_OK;
    return r->events->on_retry(r->events->ctx, s->index, s->attempt, reply->why, wait_s, r->err);
}

static void on_done(void *ctx, const fr_http_answer *http)
{
    slot *s = ctx;
    run *r = s->run;
    fr__chat_reply reply;

    s->state = SLOT_FREE;
    if (r->st != FR_OK) return;
    fr__chat_reply_read(r->client, http, &reply);
    if (reply.fault == FR__CHAT_FINE) {
        r->st = succeed(r, s, &reply, http);
    } else if (reply.may_retry && s->attempt <= r->client->settings.max_retries) {
        r->st = wait_and_retry(r, s, &reply, http);
    } else {
        held failure = {s->index, s->attempt, http->status, http->latency_s, ""};
        memcpy(failure.why, reply.why, sizeof(failure.why));
        r->st = fail_item(r, &failure, reply.fault);
    }
    fr__chat_reply_release(&reply);
}

/* Sends the slot's item, once more or for the first time. */
static fr_status send_item(run *r, slot *s)
{
    fr_status st = FR_OK;
    const fr_chat_client *c = r->client;
    fr_str body = FR_STR_INIT;
    fr_error why = {FR_OK, ""};

    st = fr__chat_body(c, &r->prompts[s->index], &body, &why);
    if (st == FR_ERR_FORMAT) { /* never sent */
        held failure = {s->index, 0, 0, 0, ""};
        snprintf(failure.why, sizeof(failure.why), "%.*s", FR__CHAT_WORDS - 1, why.message);
        s->state = SLOT_FREE;
        FR_TRY(fail_item(r, &failure, FR__CHAT_ITEM));
        goto cleanup;
    }
    if (st != FR_OK) FR_FAIL(r->err, st, "%s", why.message);

    const fr_http_request request = {.url = c->url,
                                     .body = body.data,
                                     .body_size = body.len,
                                     .bearer = c->key,
                                     .timeout_s = c->settings.timeout_s,
                                     .connect_timeout_s = c->settings.connect_timeout_s,
                                     .max_answer = c->settings.max_answer};
    s->attempt++;
    s->state = SLOT_FLYING;
    if (r->events->on_sent)
        FR_TRY(r->events->on_sent(r->events->ctx, s->index, s->attempt, r->err));
    FR_TRY(fr_http_pool_submit(r->pool, &request, on_done, s, r->err));
cleanup:
    fr_str_release(&body);
    return st;
}

/* Sends whatever may leave by now; *wait_s: until more may. */
static fr_status send_what_is_due(run *r, double *wait_s)
{
    fr_status st = FR_OK;
    const fr_chat_settings *set = &r->client->settings;
    double now = set->clock(set->clock_ctx);

    *wait_s = poll_s;
    for (size_t i = 0; i < set->concurrency; i++) {
        slot *s = &r->slots[i];
        if (s->state == SLOT_FLYING || (s->state == SLOT_FREE && r->next >= r->n)) continue;
        double due = s->state == SLOT_WAITING ? fmax(s->due, r->pause_until) : r->pause_until;
        if (due > now) {
            *wait_s = fmin(*wait_s, due - now);
            continue;
        }
        if (s->state == SLOT_FREE) {
            s->index = r->next++;
            s->attempt = 0;
        }
        FR_TRY(send_item(r, s));
        if (s->state == SLOT_FREE) *wait_s = 0; /* the item could not be sent; take the next */
    }
cleanup:
    return st;
}

fr_status fr_chat_run(fr_chat_client *client, const fr_chat_prompt *prompts, size_t n,
                      const fr_chat_events *events, fr_error *err)
{
    static const fr_chat_events nothing = {.ctx = NULL};
    const fr_chat_settings *set = &client->settings;
    fr_status st = FR_OK;
    run r = {.client = client, .prompts = prompts, .n = n, .err = err};

    r.events = events ? events : &nothing;
    if (!client->model) FR_FAIL(err, FR_ERR_USAGE, "%s: which model? Name it", client->shown);
    if (n == 0) goto cleanup;
    r.max_held = n;
    if (set->give_up_after < n && set->give_up_after + 2 * set->concurrency < n)
        r.max_held = set->give_up_after + 2 * set->concurrency;
    r.held = calloc(r.max_held, sizeof(*r.held));
    r.slots = calloc(set->concurrency, sizeof(*r.slots));
    if (!r.held || !r.slots) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for an endpoint");
    for (size_t i = 0; i < set->concurrency; i++) r.slots[i].run = &r;
    FR_TRY(fr_http_pool_create(&r.pool, set->concurrency, err));

    r.pause_until = set->clock(set->clock_ctx);
    while (r.n_finished < n) {
        double wait_s;
        if (r.events->should_stop && r.events->should_stop(r.events->ctx))
            FR_FAIL(err, FR_ERR_INTERRUPTED, "%s: interrupted with %zu of %zu items answered",
                    client->shown, r.n_finished - r.n_held, n);
        FR_TRY(send_what_is_due(&r, &wait_s));
        if (fr_http_pool_in_flight(r.pool) > 0)
            FR_TRY(fr_http_pool_step(r.pool, wait_s, err));
        else if (r.n_finished < n && wait_s > 0)
            set->sleep(set->clock_ctx, wait_s);
        FR_TRY(r.st);
    }
    FR_TRY(tell_held(&r));
cleanup:
    fr_http_pool_destroy(r.pool);
    free(r.slots);
    free(r.held);
    return st;
}

/* ---- models ---- */

fr_status fr_chat_models(fr_chat_client *client, bool (*should_stop)(void *ctx), void *ctx,
                         fr_str *names, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str body = FR_STR_INIT;
    fr_error words = {FR_OK, ""};
    json_t *root = NULL, *data, *entry;
    char shown[300], name[256];
    int status = 0;
    size_t i;
    const fr_http_request request = {.url = client->models_url,
                                     .bearer = client->key,
                                     .timeout_s = client->settings.timeout_s,
                                     .connect_timeout_s = client->settings.connect_timeout_s,
                                     .max_answer = client->settings.max_answer};

    fr_http_url_show(client->models_url, shown, sizeof(shown));
    FR_TRY(fr_http_fetch(&request, should_stop, ctx, &status, &body, err));
    if (status != 200)
        FR_FAIL(err, FR_ERR_NET, "%s: the server answered %d; name the model yourself", shown,
                status);
    st = fr_json_parse(&root, fr_str_text(&body), body.len, "answer", &words);
    data = json_object_get(root, "data");
    if (st != FR_OK || !json_is_array(data))
        FR_FAIL(err, FR_ERR_NET,
                "%s: the server's list of models is not one; name the model "
                "yourself",
                shown);
    json_array_foreach(data, i, entry)
    {
        json_t *id = json_object_get(entry, "id");
        if (!json_is_string(id)) continue;
        fr__chat_words(json_string_value(id), json_string_length(id), client->key, name,
                       sizeof(name));
        FR_TRY(fr_str_appendf(names, err, "%s\n", name));
    }
cleanup:
    fr_str_release(&body);
    json_decref(root);
    return st;
}
