/* chat_internal.h - what the files of the chat client share.
 *
 *     chat.c        client, the run over many items, when to stop
 *     chat_wire.c   URLs, request bodies, answers, how a failure is classed
 *     chat_words.c  a stranger's words made fit for an error message */
#ifndef FR_REMOTE_CHAT_INTERNAL_H
#define FR_REMOTE_CHAT_INTERNAL_H

#include <jansson.h>

#include "net/http.h"
#include "remote/chat.h"

enum { FR__CHAT_WORDS = 700 }; /* bytes of one failure in words */

struct fr_chat_client {
    fr_chat_settings settings; /* its strings are not valid: see below */
    char *model, *key_env;     /* NULL where not given */
    char *key;                 /* NULL: none; cleared on destruction */
    char *url, *models_url;    /* as requested */
    char *shown;               /* url without its query */
    json_t *extra;             /* NULL: none */
};

/* Failures of one kind have one cause; a run of one kind may stop the run. */
typedef enum fr__chat_fault {
    FR__CHAT_FINE,
    FR__CHAT_UNREACHABLE, /* refused, timed out, cut off, TLS ... */
    FR__CHAT_THROTTLED,   /* 429 */
    FR__CHAT_SERVER,      /* 5xx */
    FR__CHAT_KEY,         /* 401 */
    FR__CHAT_FORBIDDEN,   /* 402, 403 */
    FR__CHAT_WRONG_URL,   /* 404, 405, a redirect */
    FR__CHAT_GARBAGE,     /* 2xx, but not an answer */
    FR__CHAT_ITEM         /* any other 4xx, too large: this prompt does not go */
} fr__chat_fault;

/* An HTTP answer, understood. */
typedef struct fr__chat_reply {
    fr__chat_fault fault;
    bool may_retry;
    json_t *root;  /* holds text and finish_reason; owned */
    fr_str joined; /* holds the text where it came in parts; owned */
    const char *text, *finish_reason;
    size_t text_size;
    int64_t prompt_tokens, completion_tokens;
    char why[FR__CHAT_WORDS]; /* one line; "" when FINE */
} fr__chat_reply;

/* Appends base_url, completed with /v1 where it has no version, and `tail` ("/chat/completions").
 */
FR_NODISCARD fr_status fr__chat_url(const char *base_url, const char *tail, fr_str *out,
                                    fr_error *err);

/* Appends the body of a request. FR_ERR_FORMAT: the prompt is not UTF-8. */
FR_NODISCARD fr_status fr__chat_body(const fr_chat_client *client, const fr_chat_prompt *prompt,
                                     fr_str *out, fr_error *err);

void fr__chat_reply_read(const fr_chat_client *client, const fr_http_answer *answer,
                         fr__chat_reply *reply);
void fr__chat_reply_release(fr__chat_reply *reply);

/* Seconds before attempt + 1. retry_after_s: 0 for none. The same for the same
 * seed, index and attempt. */
double fr__chat_wait_s(const fr_chat_settings *s, size_t index, int attempt, double retry_after_s);

/* Copies bytes as one line of at most size - 1 bytes of UTF-8: control and
 * direction characters become blanks, bad bytes '?', `secret` (may be NULL)
 * "[key]"; ends in "..." where cut. */
void fr__chat_words(const char *bytes, size_t n, const char *secret, char *out, size_t size);

#endif
