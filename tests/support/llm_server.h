/* llm_server.h - a stand-in for an OpenAI-compatible server, in this process,
 * on 127.0.0.1, which fails in the ways that servers fail.
 *
 *     const llm_fault faults[] = {{.kind = LLM_STATUS, .status = 500, .times = 2}};
 *     llm_server *server = llm_server_start(&(llm_server_options){
 *         .answer = say_positive, .faults = faults, .n_faults = 1});
 *     ... llm_server_url(server) ...
 *     llm_server_stop(server);
 *
 * POST /v1/chat/completions, GET /v1/models, GET /stats (what it has counted,
 * for other processes). A thread a connection; everything it takes is bounded. */
#ifndef FR_TESTS_SUPPORT_LLM_SERVER_H
#define FR_TESTS_SUPPORT_LLM_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* kind, its name in a specification, what `name=VALUE` sets (see llm_fault_parse) */
#define LLM_FAULT_MAP(X)                                                             \
    X(NORMAL, "normal")         /* an answer with length and usage */                \
    X(DELAY, "delay")           /* seconds=0.1, then an answer */                    \
    X(HANG, "hang")             /* never a byte */                                   \
    X(REFUSE, "refuse")         /* nobody listens; counts for the whole server */    \
    X(STATUS, "status")         /* status=500, with the key quoted in the message */ \
    X(GARBAGE, "garbage")       /* 200, HTML with escape sequences */                \
    X(WRONG_JSON, "wrong-json") /* 200, JSON of another API */                       \
    X(CUT, "cut")               /* bytes=10 of the body, then closed */              \
    X(DROP, "drop")             /* closed without an answer */                       \
    X(RESET, "reset")           /* reset without an answer */                        \
    X(TRICKLE, "trickle")       /* seconds=0.01 between bytes */                     \
    X(HUGE, "huge")             /* bytes=67108864 of text */                         \
    X(HEADERS, "headers")       /* headers without end */                            \
    X(NO_USAGE, "no-usage")     /* without token counts */                           \
    X(CHUNKED, "chunked")       /* in chunks of a few bytes */                       \
    X(CLOSE, "close")           /* no length: ends with the connection */            \
    X(REDIRECT, "redirect")     /* 307 to another host */

typedef enum llm_fault_kind {
#define LLM_FAULT_ENUM(name, text) LLM_##name,
    LLM_FAULT_MAP(LLM_FAULT_ENUM)
#undef LLM_FAULT_ENUM
        LLM_N_FAULTS
} llm_fault_kind;

typedef struct llm_fault {
    llm_fault_kind kind;
    int status;        /* STATUS */
    int retry_after_s; /* STATUS: the header; 0: none */
    double seconds;    /* DELAY, TRICKLE */
    size_t bytes;      /* CUT, HUGE */
    int times;         /* how many requests it strikes before the next fault has its turn; 0: all */
    bool per_prompt;   /* `times` counts the requests of each prompt by itself */
} llm_fault;

typedef struct llm_server_options {
    /* Appends the answer to `user` (the last user message). Called on several
     * threads. NULL: "ok". */
    void (*answer)(void *ctx, const char *user, fr_str *out);
    void *ctx;
    const llm_fault *faults; /* copied; one after the other, then normal */
    size_t n_faults;         /* at most 8 */
    int port;                /* 0: any */
} llm_server_options;

typedef struct llm_server llm_server;

/* NULL, with errno, when there is no socket or no memory. */
llm_server *llm_server_start(const llm_server_options *options);
void llm_server_stop(llm_server *server);

int llm_server_port(const llm_server *server);
const char *llm_server_url(const llm_server *server); /* "http://127.0.0.1:PORT" */

size_t llm_server_requests(llm_server *server); /* completions asked for, faults included */
size_t llm_server_prompts(llm_server *server);  /* different user messages among them */
size_t llm_server_requests_of(llm_server *server, const char *user);
size_t llm_server_max_in_flight(llm_server *server); /* highest number at work at once */
size_t llm_server_connections(llm_server *server);   /* accepted */

/* The last request's body, and its Authorization header ("" for none), appended. */
void llm_server_last_request(llm_server *server, fr_str *body, fr_str *authorization);

/* "KIND[=VALUE][,retry-after=S][,times=N][,per-prompt]", as in "status=429,retry-after=1,times=1"
 * or "cut=20,times=1,per-prompt". False when it cannot be. */
bool llm_fault_parse(const char *spec, llm_fault *out);

#endif
