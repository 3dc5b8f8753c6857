/* http.c - a pool of HTTP requests over one libcurl multi handle.
 *
 * Each slot keeps its easy handle; connections are shared and reused by the
 * multi handle. HTTP/1.1 only: with HTTP/2, one broken connection would take
 * every request in flight with it.
 *
 * Not here: repeating what failed (room remote knows what may be repeated).
 * Reference: https://curl.se/libcurl/c/ */
#include "net/http.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "net/curl_api.h"

enum {
    MAX_CAPACITY = 1024,
    MAX_HEADERS = 64 << 10, /* bytes of all header lines of an answer */
    URL_SHOWN = 300,
    MESSAGE_SIZE = URL_SHOWN + CURL_ERROR_SIZE + 200
};

static const double default_timeout_s = 120, default_connect_s = 10, longest_timeout_s = 86400;
static const size_t default_max_answer = (size_t)8 << 20;

typedef struct slot {
    const fr_curl_api *curl;
    CURL *easy;
    struct curl_slist *headers;
    bool busy;
    fr_http_done_fn done;
    void *ctx;
    fr_str body;
    size_t max_answer, n_header_bytes;
    double timeout_s, connect_timeout_s;
    int n_sent; /* how often libcurl was about to put the request on the wire */
    bool too_large, out_of_memory;
    char shown[URL_SHOWN];
    char words[CURL_ERROR_SIZE]; /* libcurl's own */
} slot;

struct fr_http_pool {
    const fr_curl_api *curl;
    CURLM *multi;
    slot *slots;
    size_t capacity, in_flight;
};

/* OpenSSL writes without MSG_NOSIGNAL: a peer that has gone would kill the program. */
typedef struct sigpipe_guard {
    sigset_t old;
    bool was_pending;
} sigpipe_guard;

static void sigpipe_hold(sigpipe_guard *guard)
{
    sigset_t pending, pipe_only;
    sigemptyset(&pending);
    sigpending(&pending);
    guard->was_pending = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &guard->old);
}

static void sigpipe_release(const sigpipe_guard *guard)
{
    if (!guard->was_pending) {
        static const struct timespec now = {0, 0};
        sigset_t pipe_only;
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        sigtimedwait(&pipe_only, NULL, &now);
    }
    pthread_sigmask(SIG_SETMASK, &guard->old, NULL);
}

/* ---- libcurl's callbacks ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    slot *s = ctx;
    size_t got = size * n;
    if (got > s->max_answer - s->body.len) {
        s->too_large = true;
        return 0;
    }
    if (fr_str_append(&s->body, bytes, got, NULL) != FR_OK) {
        s->out_of_memory = true;
        return 0;
    }
    return got;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    slot *s = ctx;
    (void)line;
    s->n_header_bytes += size * n;
    if (s->n_header_bytes > MAX_HEADERS) {
        s->too_large = true;
        return 0;
    }
    return size * n;
}

static int on_before_request(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    slot *s = ctx;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    /* A second time is libcurl repeating what a dead connection swallowed. */
    return s->n_sent++ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- pool ---- */

fr_status fr_http_pool_create(fr_http_pool **out, size_t capacity, fr_error *err)
{
    fr_status st = FR_OK;
    fr_http_pool *pool = NULL;
    *out = NULL;

    if (capacity < 1 || capacity > MAX_CAPACITY)
        FR_FAIL(err, FR_ERR_USAGE, "%zu requests at a time: from 1 to %d are possible", capacity,
                MAX_CAPACITY);
    pool = calloc(1, sizeof(*pool));
    if (!pool) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for HTTP requests");
    FR_TRY(fr__curl_open(&pool->curl, err));
    pool->slots = calloc(capacity, sizeof(*pool->slots));
    pool->multi = pool->curl->multi_init();
    if (!pool->slots || !pool->multi) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for HTTP requests");
    pool->capacity = capacity;
    pool->curl->multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)capacity);

    *out = pool;
    pool = NULL;
cleanup:
    fr_http_pool_destroy(pool);
    return st;
}

static void slot_release(fr_http_pool *pool, slot *s)
{
    if (!s->busy) return;
    pool->curl->multi_remove_handle(pool->multi, s->easy);
    pool->curl->easy_reset(s->easy); /* forgets the body and the header list */
    pool->curl->slist_free_all(s->headers);
    s->headers = NULL;
    fr_str_release(&s->body);
    s->busy = false;
    pool->in_flight--;
}

void fr_http_pool_cancel(fr_http_pool *pool)
{
    sigpipe_guard guard;
    sigpipe_hold(&guard);
    for (size_t i = 0; i < pool->capacity; i++) slot_release(pool, &pool->slots[i]);
    sigpipe_release(&guard);
}

void fr_http_pool_destroy(fr_http_pool *pool)
{
    if (!pool) return;
    if (!pool->curl || !pool->slots) { /* a creation that failed */
        free(pool->slots);
        free(pool);
        return;
    }
    sigpipe_guard guard;
    sigpipe_hold(&guard); /* closing a TLS connection writes, too */
    for (size_t i = 0; i < pool->capacity; i++) {
        slot_release(pool, &pool->slots[i]);
        pool->curl->easy_cleanup(pool->slots[i].easy);
    }
    pool->curl->multi_cleanup(pool->multi);
    sigpipe_release(&guard);
    free(pool->slots);
    free(pool);
}

size_t fr_http_pool_in_flight(const fr_http_pool *pool)
{
    return pool->in_flight;
}

static double seconds_or(double s, double otherwise)
{
    if (!(s > 0)) return otherwise;
    return s < longest_timeout_s ? s : longest_timeout_s;
}

static long milliseconds(double s)
{
    return s < 0.001 ? 1 : lround(s * 1000);
}

static fr_status add_header(slot *s, const char *line, fr_error *err)
{
    struct curl_slist *longer = s->curl->slist_append(s->headers, line);
    if (!longer) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for HTTP headers");
    s->headers = longer;
    return FR_OK;
}

/* A line break would smuggle in headers of its own. */
static fr_status check_header(const slot *s, const char *text, unsigned char lowest, fr_error *err)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < lowest || (unsigned char)*c >= 127)
            return fr_error_set(err, FR_ERR_USAGE,
                                "%s: the key has blanks or control characters in it, which no "
                                "header can carry; check the variable it comes from",
                                s->shown);
    return FR_OK;
}

static fr_status set_headers(slot *s, const fr_http_request *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str line = FR_STR_INIT;

    FR_TRY(add_header(s, "Accept: application/json", err));
    FR_TRY(add_header(s, "Expect:", err)); /* no 100-continue round */
    if (r->body) FR_TRY(add_header(s, "Content-Type: application/json", err));
    if (r->header) {
        FR_TRY(check_header(s, r->header, ' ', err));
        FR_TRY(add_header(s, r->header, err));
    }
    if (r->bearer) {
        FR_TRY(check_header(s, r->bearer, ' ' + 1, err));
        FR_TRY(fr_str_appendf(&line, err, "Authorization: Bearer %s", r->bearer));
        FR_TRY(add_header(s, line.data, err));
    }
cleanup:
    if (line.data) explicit_bzero(line.data, line.cap);
    fr_str_release(&line);
    return st;
}

static CURLcode set_options(slot *s, const fr_http_request *r)
{
    CURL *e = s->easy;
    CURLcode rc = CURLE_OK;
    const char *roots = getenv("CURL_CA_BUNDLE");
    if (!roots || !*roots) roots = getenv("SSL_CERT_FILE");

#define SET(option, value) \
    if (rc == CURLE_OK) rc = s->curl->easy_setopt(e, option, value)
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROGRESS, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (roots && *roots) SET(CURLOPT_CAINFO, roots);
    if (fr_http_url_is_loopback(r->url)) SET(CURLOPT_PROXY, "");
    SET(CURLOPT_USERAGENT, "frugal/" FR_VERSION);
    SET(CURLOPT_HTTPHEADER, s->headers);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* no key for a proxy */
    SET(CURLOPT_TIMEOUT_MS, milliseconds(s->timeout_s));
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(s->connect_timeout_s));
    SET(CURLOPT_ERRORBUFFER, s->words);
    SET(CURLOPT_PRIVATE, (void *)s);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, (void *)s);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, (void *)s);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_PREREQDATA, (void *)s);
    if (r->body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_size);
        SET(CURLOPT_COPYPOSTFIELDS, r->body);
    }
#undef SET
    return rc;
}

fr_status fr_http_pool_submit(fr_http_pool *pool, const fr_http_request *request,
                              fr_http_done_fn done, void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    slot *s = NULL;
    bool added = false;

    for (size_t i = 0; i < pool->capacity && !s; i++)
        if (!pool->slots[i].busy) s = &pool->slots[i];
    if (!s)
        FR_FAIL(err, FR_ERR_STATE, "all %zu HTTP requests are in flight already", pool->capacity);
    if (!s->easy) s->easy = pool->curl->easy_init();
    if (!s->easy) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for an HTTP request");

    *s = (slot){.curl = pool->curl, .easy = s->easy, .done = done, .ctx = ctx, .body = FR_STR_INIT};
    s->max_answer = request->max_answer ? request->max_answer : default_max_answer;
    s->timeout_s = seconds_or(request->timeout_s, default_timeout_s);
    s->connect_timeout_s = seconds_or(request->connect_timeout_s, default_connect_s);
    fr_http_url_show(request->url, s->shown, sizeof(s->shown));
    if (strncasecmp(request->url, "http://", 7) != 0 &&
        strncasecmp(request->url, "https://", 8) != 0)
        FR_FAIL(err, FR_ERR_USAGE, "%s: a URL has to begin with http:// or https://", s->shown);
    FR_TRY(set_headers(s, request, err));
    CURLcode rc = set_options(s, request);
    if (rc != CURLE_OK)
        FR_FAIL(err, FR_ERR_NET, "%s: libcurl: %s", s->shown, pool->curl->easy_strerror(rc));
    CURLMcode mc = pool->curl->multi_add_handle(pool->multi, s->easy);
    if (mc != CURLM_OK)
        FR_FAIL(err, FR_ERR_NET, "%s: libcurl: %s", s->shown, pool->curl->multi_strerror(mc));
    added = true;
    s->busy = true;
    pool->in_flight++;
cleanup:
    if (s && !added) {
        if (s->easy) pool->curl->easy_reset(s->easy);
        pool->curl->slist_free_all(s->headers);
        s->headers = NULL;
    }
    return st;
}

/* ---- what became of a request ---- */

static fr_http_outcome outcome_of(const slot *s, CURLcode rc, long proxy_status)
{
    if (s->too_large) return FR_HTTP_TOO_LARGE;
    switch (rc) {
    case CURLE_OK: return FR_HTTP_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST: return FR_HTTP_UNRESOLVED;
    case CURLE_COULDNT_CONNECT: return FR_HTTP_REFUSED;
    case CURLE_OPERATION_TIMEDOUT: return FR_HTTP_TIMED_OUT;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        /* a proxy that says no ends up here as well */
        return proxy_status >= 300 ? FR_HTTP_BROKEN : FR_HTTP_CUT_OFF;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_ABORTED_BY_CALLBACK: return FR_HTTP_CUT_OFF;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return FR_HTTP_UNTRUSTED;
    default: return FR_HTTP_BROKEN;
    }
}

static void describe(const slot *s, CURLcode rc, fr_http_outcome outcome, char *message)
{
    char words[CURL_ERROR_SIZE];
    curl_off_t ready_us = 0;
    long os_errno = 0;
    size_t n = 0;

    /* libcurl's words may quote a certificate: nothing in them is to be obeyed. */
    const char *from = s->words[0] ? s->words : s->curl->easy_strerror(rc);
    for (; from[n] && n + 1 < sizeof(words); n++) {
        unsigned char c = (unsigned char)from[n];
        words[n] = c >= 32 && c < 127 ? from[n] : '?';
    }
    words[n] = '\0';
    s->curl->easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    s->curl->easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &os_errno);

    switch (outcome) {
    case FR_HTTP_ANSWERED: message[0] = '\0'; break;
    case FR_HTTP_UNRESOLVED:
        snprintf(message, MESSAGE_SIZE, "%s: no such host; check the URL and the network",
                 s->shown);
        break;
    case FR_HTTP_REFUSED:
        snprintf(message, MESSAGE_SIZE,
                 "%s: cannot connect (%s); is the server running, and is the port right?", s->shown,
                 os_errno ? strerror((int)os_errno) : words);
        break;
    case FR_HTTP_TIMED_OUT:
        if (ready_us == 0)
            fr_snprintf(message, MESSAGE_SIZE,
                        "%s: timed out: no connection within %g s; is the server reachable?",
                        s->shown,
                        s->connect_timeout_s < s->timeout_s ? s->connect_timeout_s : s->timeout_s);
        else
            fr_snprintf(message, MESSAGE_SIZE,
                        "%s: timed out: no whole answer within %g s (%zu bytes came); raise the "
                        "time-out or ask for less at a time",
                        s->shown, s->timeout_s, s->body.len);
        break;
    case FR_HTTP_CUT_OFF:
        if (s->body.len)
            snprintf(message, MESSAGE_SIZE,
                     "%s: the answer was cut off after %zu bytes; did the server stop?", s->shown,
                     s->body.len);
        else
            snprintf(message, MESSAGE_SIZE,
                     "%s: the connection was closed before any answer; did the server stop?",
                     s->shown);
        break;
    case FR_HTTP_TOO_LARGE:
        if (s->n_header_bytes > MAX_HEADERS)
            snprintf(message, MESSAGE_SIZE, "%s: more than %d bytes of headers; is it an API?",
                     s->shown, MAX_HEADERS);
        else
            snprintf(message, MESSAGE_SIZE,
                     "%s: the answer is larger than %zu bytes; ask for fewer tokens, or check "
                     "the URL",
                     s->shown, s->max_answer);
        break;
    case FR_HTTP_UNTRUSTED:
        snprintf(message, MESSAGE_SIZE,
                 "%s: its certificate is not trusted (%s); if the authority is yours, name its "
                 "file in CURL_CA_BUNDLE",
                 s->shown, words);
        break;
    case FR_HTTP_BROKEN:
        snprintf(message, MESSAGE_SIZE, "%s: %s; check the URL and any proxy", s->shown, words);
        break;
    }
}

static fr_status finish(fr_http_pool *pool, slot *s, CURLcode rc, fr_error *err)
{
    char message[MESSAGE_SIZE], location[URL_SHOWN] = "";
    const char *redirect = NULL;
    long status = 0, proxy_status = 0;
    curl_off_t total_us = 0, retry_after_s = 0;

    if (s->out_of_memory || rc == CURLE_OUT_OF_MEMORY)
        return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory for the answer", s->shown);

    pool->curl->easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    pool->curl->easy_getinfo(s->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    pool->curl->easy_getinfo(s->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    pool->curl->easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    pool->curl->easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, &redirect);
    if (redirect) fr_http_url_show(redirect, location, sizeof(location));

    fr_http_outcome outcome = outcome_of(s, rc, proxy_status);
    describe(s, rc, outcome, message);

    /* The callback may submit again: the slot is free by then. */
    fr_str body = s->body;
    fr_http_done_fn done = s->done;
    void *ctx = s->ctx;
    s->body = (fr_str)FR_STR_INIT;
    slot_release(pool, s);

    const fr_http_answer answer = {
        .outcome = outcome,
        .status = (int)status,
        .body = fr_str_text(&body),
        .body_size = body.len,
        .retry_after_s = retry_after_s > 0 ? (double)retry_after_s : 0,
        .latency_s = 1e-6 * (double)total_us,
        .location = location,
        .message = message,
    };
    done(ctx, &answer);
    fr_str_release(&body);
    return FR_OK;
}

/* Hands over what has ended; *n counts it. */
static fr_status reap(fr_http_pool *pool, size_t *n, fr_error *err)
{
    CURLMsg *message;
    int left;
    while ((message = pool->curl->multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode rc = message->data.result;
        slot *s = NULL;
        pool->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&s);
        fr_status st = finish(pool, s, rc, err);
        if (st != FR_OK) return st;
        (*n)++;
    }
    return FR_OK;
}

fr_status fr_http_pool_step(fr_http_pool *pool, double wait_s, fr_error *err)
{
    fr_status st = FR_OK;
    sigpipe_guard guard;
    size_t n_done = 0;
    int running;
    CURLMcode mc;

    if (pool->in_flight == 0) return FR_OK;
    sigpipe_hold(&guard);
    mc = pool->curl->multi_perform(pool->multi, &running);
    if (mc == CURLM_OK) {
        FR_TRY(reap(pool, &n_done, err));
        if (n_done == 0 && wait_s > 0) {
            mc = pool->curl->multi_poll(pool->multi, NULL, 0, (int)milliseconds(fmin(wait_s, 60)),
                                        NULL);
            if (mc == CURLM_OK) mc = pool->curl->multi_perform(pool->multi, &running);
            if (mc == CURLM_OK) FR_TRY(reap(pool, &n_done, err));
        }
    }
    if (mc != CURLM_OK)
        FR_FAIL(err, mc == CURLM_OUT_OF_MEMORY ? FR_ERR_NOMEM : FR_ERR_NET, "libcurl: %s",
                pool->curl->multi_strerror(mc));
cleanup:
    sigpipe_release(&guard);
    return st;
}

/* ---- one request ---- */

typedef struct fetch {
    bool done;
    fr_status st;
    int status;
    fr_str *body;
    fr_error *err;
} fetch;

static void fetch_done(void *ctx, const fr_http_answer *answer)
{
    fetch *f = ctx;
    f->done = true;
    f->status = answer->status;
    if (answer->outcome != FR_HTTP_ANSWERED)
        f->st = fr_error_set(f->err, FR_ERR_NET, "%s", answer->message);
    else if (f->body)
        f->st = fr_str_append(f->body, answer->body, answer->body_size, f->err);
}

fr_status fr_http_fetch(const fr_http_request *request, bool (*should_stop)(void *ctx), void *ctx,
                        int *status, fr_str *body, fr_error *err)
{
    fr_status st = FR_OK;
    fr_http_pool *pool = NULL;
    fetch f = {.st = FR_OK, .body = body, .err = err};
    char shown[URL_SHOWN];

    FR_TRY(fr_http_pool_create(&pool, 1, err));
    FR_TRY(fr_http_pool_submit(pool, request, fetch_done, &f, err));
    while (!f.done) {
        if (should_stop && should_stop(ctx))
            FR_FAIL(err, FR_ERR_INTERRUPTED, "%s: interrupted before the answer came",
                    fr_http_url_show(request->url, shown, sizeof(shown)));
        FR_TRY(fr_http_pool_step(pool, 0.1, err));
    }
    *status = f.status;
    st = f.st;
cleanup:
    fr_http_pool_destroy(pool);
    return st;
}
