#include "support/canned.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

static void answer(canned *c, int fd)
{
    char out[sizeof(c->body) + 200];
    ssize_t n = recv(fd, c->head, sizeof(c->head) - 1, 0);
    c->head[n > 0 ? n : 0] = 0;
    c->n_requests++;
    pthread_mutex_lock(&c->lock);
    int status = c->status;
    int len = snprintf(out, sizeof(out),
                       "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       status, strlen(c->body), c->body);
    pthread_mutex_unlock(&c->lock);
    if (status)
        (void)!send(fd, out, (size_t)len, MSG_NOSIGNAL);
    else
        (void)!recv(fd, out, 1, 0); /* until the client gives up */
}

static void *serve(void *ctx)
{
    canned *c = ctx;
    for (;;) {
        int fd = accept(c->listener, NULL, NULL);
        if (fd < 0) return NULL;
        answer(c, fd);
        close(fd);
    }
}

void canned_begin(canned *c, int status, const char *body)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    memset(c, 0, sizeof(*c));
    pthread_mutex_init(&c->lock, NULL);
    canned_say(c, status, body);
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(c->listener, 8), 0);
    assert_int_equal(getsockname(c->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%d", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&c->thread, NULL, serve, c), 0);
}

void canned_say(canned *c, int status, const char *body)
{
    assert_true(strlen(body) < sizeof(c->body));
    pthread_mutex_lock(&c->lock);
    c->status = status;
    memcpy(c->body, body, strlen(body) + 1);
    pthread_mutex_unlock(&c->lock);
}

void canned_end(canned *c)
{
    shutdown(c->listener, SHUT_RDWR);
    pthread_join(c->thread, NULL);
    close(c->listener);
    pthread_mutex_destroy(&c->lock);
}
