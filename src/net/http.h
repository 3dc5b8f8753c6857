/* http.h - HTTP requests with JSON bodies, one or many in flight, in one thread.
 *
 *     fr_http_pool *pool = NULL;
 *     FR_TRY(fr_http_pool_create(&pool, 8, err));
 *     FR_TRY(fr_http_pool_submit(pool, &request, on_done, ctx, err));
 *     while (fr_http_pool_in_flight(pool) > 0)
 *         FR_TRY(fr_http_pool_step(pool, 0.1, err));     // on_done is called in here
 *     fr_http_pool_destroy(pool);
 *
 * TLS certificates are verified. http_proxy, https_proxy, all_proxy and
 * no_proxy are respected, except that loopback is always reached directly.
 * CURL_CA_BUNDLE or SSL_CERT_FILE name other roots of trust. Redirects are
 * never followed: the key would travel with them. The Authorization header is
 * in no message and no log. libcurl is loaded by the first request (curl_api.h). What is sent once
 * is on the wire at most once: libcurl's silent repetition on a dead connection is turned off. */
#ifndef FR_NET_HTTP_H
#define FR_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

typedef struct fr_http_request {
    const char *url;          /* http or https; required */
    const char *body;         /* JSON, sent by POST; NULL: GET */
    size_t body_size;         /* bytes of body */
    const char *bearer;       /* token of the Authorization header, NULL for none */
    const char *header;       /* one more line, "name: value"; as secret as bearer; NULL for none */
    double timeout_s;         /* for all of it; 0: 120 s */
    double connect_timeout_s; /* until connected, TLS included; 0: 10 s */
    size_t max_answer;        /* bytes of the answer's body; 0: 8 MiB */
} fr_http_request;

typedef enum fr_http_outcome {
    FR_HTTP_ANSWERED,   /* a whole answer, whatever its status */
    FR_HTTP_UNRESOLVED, /* no such host */
    FR_HTTP_REFUSED,    /* nobody listens, or no route */
    FR_HTTP_TIMED_OUT,
    FR_HTTP_CUT_OFF, /* the connection ended in the middle, or before any answer */
    FR_HTTP_TOO_LARGE,
    FR_HTTP_UNTRUSTED, /* the certificate does not verify */
    FR_HTTP_BROKEN     /* not HTTP, handshake failed, proxy failed ... */
} fr_http_outcome;

typedef struct fr_http_answer {
    fr_http_outcome outcome;
    int status;           /* HTTP status, 0 when none was read */
    const char *body;     /* what came, also of a cut-off answer; NUL-terminated */
    size_t body_size;     /* bytes, without that NUL */
    double retry_after_s; /* from Retry-After (seconds or a date); 0 for none */
    double latency_s;     /* from submission to the last byte */
    const char *location; /* of a redirect, without credentials and query; "" for none */
    const char *message;  /* one line: URL, what happened, what to do; "" when ANSWERED */
} fr_http_answer;

/* Called once for each submitted request, from within fr_http_pool_step; the
 * answer is valid until it returns. May submit, may not destroy the pool. */
typedef void (*fr_http_done_fn)(void *ctx, const fr_http_answer *answer);

typedef struct fr_http_pool fr_http_pool;

/* capacity: most requests in flight, 1 to 1,024. Not thread-safe; one pool a thread.
 * Errors: FR_ERR_NET where libcurl is not installed. */
FR_NODISCARD fr_status fr_http_pool_create(fr_http_pool **out, size_t capacity, fr_error *err);

/* What is in flight is dropped without a callback. NULL is fine. */
void fr_http_pool_destroy(fr_http_pool *pool);

/* Starts a request. The request and what it points at are copied.
 * Errors: FR_ERR_USAGE for a URL that is not http(s) or for a token that cannot
 * be a header; FR_ERR_STATE when the pool is full. */
FR_NODISCARD fr_status fr_http_pool_submit(fr_http_pool *pool, const fr_http_request *request,
                                           fr_http_done_fn done, void *ctx, fr_error *err);

/* Moves everything on, waiting up to wait_s for something to happen. Failures
 * of a request go to its callback; an error here is one of the machine. */
FR_NODISCARD fr_status fr_http_pool_step(fr_http_pool *pool, double wait_s, fr_error *err);

size_t fr_http_pool_in_flight(const fr_http_pool *pool);

/* Drops everything in flight without callbacks. */
void fr_http_pool_cancel(fr_http_pool *pool);

/* One request, waited for. body: the answer's body is appended to it (may be
 * NULL); *status: HTTP status. should_stop may be NULL; it is asked ten times a second.
 * Errors: FR_ERR_NET when there was no whole answer; FR_ERR_INTERRUPTED.
 * A status of 4xx or 5xx is not an error here. */
FR_NODISCARD fr_status fr_http_fetch(const fr_http_request *request, bool (*should_stop)(void *ctx),
                                     void *ctx, int *status, fr_str *body, fr_error *err);

/* `url` as it may be shown: no user, no password, no query, no fragment. Writes at most
 * `size` bytes with the NUL; returns buf. */
char *fr_http_url_show(const char *url, char *buf, size_t size);

/* localhost, 127.0.0.0/8 or ::1. */
bool fr_http_url_is_loopback(const char *url);

#endif
