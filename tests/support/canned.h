/* canned.h - an HTTP server on 127.0.0.1, in this process, that says what it is told to say. */
#ifndef FR_TESTS_SUPPORT_CANNED_H
#define FR_TESTS_SUPPORT_CANNED_H

#include <pthread.h>

typedef struct canned {
    int listener;
    _Atomic int n_requests;
    char head[4096]; /* of the last request; look at it when nothing is in flight */
    char url[64];    /* "http://127.0.0.1:PORT" */
    pthread_t thread;
    pthread_mutex_t lock;
    int status;
    char body[8192];
} canned;

/* One answer for all requests; status 0: never one. */
void canned_begin(canned *c, int status, const char *body);

/* Another answer from now on. */
void canned_say(canned *c, int status, const char *body);

void canned_end(canned *c);

#endif
