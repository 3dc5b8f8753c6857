/* llm_server.c - sockets, a little HTTP/1.1, and faults on purpose. */
#include "support/llm_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_FAULTS = 8,
    MAX_CONNECTIONS = 512,
    MAX_HEAD = 64 << 10,
    MAX_BODY = 8 << 20,
    MAX_PROMPTS = 1 << 20,
    IDLE_S = 600 /* nothing waits longer than this for a client */
};

typedef struct prompt_count {
    uint64_t hash; /* 0: an empty place */
    size_t n;
} prompt_count;

struct llm_server {
    llm_server_options options;
    llm_fault faults[MAX_FAULTS];
    int listener, port;
    char url[64];
    pthread_t acceptor;
    bool has_acceptor;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    bool stopping;
    int fds[MAX_CONNECTIONS]; /* -1: free */
    size_t n_connections, n_accepted, n_requests, in_flight, max_in_flight;
    prompt_count *prompts; /* open addressing, a power of two */
    size_t prompts_cap, n_prompts;
    fr_str last_body, last_authorization;
};

typedef struct connection {
    llm_server *server;
    int fd, place;
    fr_str in; /* read, not used yet */
} connection;

/* ---- counting ---- */

static uint64_t hash_text(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h ? h : 1;
}

static prompt_count *find_prompt(prompt_count *table, size_t cap, uint64_t hash)
{
    size_t i = (size_t)(hash ^ hash >> 32) & (cap - 1);
    while (table[i].hash && table[i].hash != hash) i = (i + 1) & (cap - 1);
    return &table[i];
}

static bool grow_prompts(llm_server *s)
{
    size_t cap = s->prompts_cap ? 2 * s->prompts_cap : 256;
    if (cap > 2 * (size_t)MAX_PROMPTS) return false;
    prompt_count *table = calloc(cap, sizeof(*table));
    if (!table) return false;
    for (size_t i = 0; i < s->prompts_cap; i++)
        if (s->prompts[i].hash) *find_prompt(table, cap, s->prompts[i].hash) = s->prompts[i];
    free(s->prompts);
    s->prompts = table;
    s->prompts_cap = cap;
    return true;
}

/* Counts a request; returns the fault that strikes it. */
static llm_fault begin_request(llm_server *s, const char *user, const char *body, const char *auth)
{
    llm_fault fault = {.kind = LLM_NORMAL};
    size_t of_prompt = 1;

    pthread_mutex_lock(&s->lock);
    s->n_requests++;
    if (2 * (s->n_prompts + 1) > s->prompts_cap) (void)grow_prompts(s);
    if (s->n_prompts + 1 < s->prompts_cap) {
        prompt_count *p = find_prompt(s->prompts, s->prompts_cap, hash_text(user));
        if (!p->hash) s->n_prompts++;
        p->hash = hash_text(user);
        of_prompt = ++p->n;
    }
    size_t of_all = s->n_requests;
    for (size_t i = 0; i < s->options.n_faults; i++) {
        size_t *turn = s->faults[i].per_prompt ? &of_prompt : &of_all;
        if (s->faults[i].times == 0 || *turn <= (size_t)s->faults[i].times) {
            fault = s->faults[i];
            break;
        }
        *turn -= (size_t)s->faults[i].times;
    }
    fr_str_clear(&s->last_body);
    fr_str_clear(&s->last_authorization);
    if (fr_str_append(&s->last_body, body, strlen(body), NULL) ||
        fr_str_append(&s->last_authorization, auth, strlen(auth), NULL))
        s->stopping = true;
    if (++s->in_flight > s->max_in_flight) s->max_in_flight = s->in_flight;
    pthread_mutex_unlock(&s->lock);
    return fault;
}

/* Before the last byte leaves: afterwards the client may already ask again. */
static void end_request(llm_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->in_flight--;
    pthread_mutex_unlock(&s->lock);
}

/* Waits; false when the server is being stopped. */
static bool wait_s(llm_server *s, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double t = (double)until.tv_sec + 1e-9 * (double)until.tv_nsec + seconds;
    until.tv_sec = (time_t)t;
    until.tv_nsec = (long)(1e9 * (t - (double)until.tv_sec));
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && pthread_cond_timedwait(&s->changed, &s->lock, &until) != ETIMEDOUT) {
    }
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

/* ---- bytes ---- */

static bool send_bytes(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool send_text(int fd, const char *text)
{
    return send_bytes(fd, text, strlen(text));
}

/* More of the client's bytes into c->in; false at the end of them. */
static bool receive(connection *c)
{
    char bytes[16 << 10];
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (poll(&p, 1, IDLE_S * 1000) <= 0) return false;
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
    return n > 0 && fr_str_append(&c->in, bytes, (size_t)n, NULL) == FR_OK;
}

/* The value of a header in the head (which ends in a blank line), appended. */
static void find_header(const char *head, const char *name, fr_str *value)
{
    size_t n = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':') continue;
        const char *from = line + 3 + n;
        while (*from == ' ') from++;
        (void)!fr_str_append(value, from, strcspn(from, "\r\n"), NULL);
        return;
    }
}

/* One request. head: from the request line to the blank line. False: no more. */
static bool read_request(connection *c, fr_str *head, fr_str *body)
{
    bool ok = false;
    fr_str length = FR_STR_INIT;
    const char *end;
    fr_str_clear(head);
    fr_str_clear(body);
    while (!(end = strstr(fr_str_text(&c->in), "\r\n\r\n")))
        if (c->in.len > MAX_HEAD || !receive(c)) goto cleanup;
    size_t n_head = (size_t)(end - c->in.data) + 4;
    if (fr_str_append(head, c->in.data, n_head, NULL)) goto cleanup;
    find_header(head->data, "Content-Length", &length);
    size_t n_body = strtoul(fr_str_text(&length), NULL, 10);
    if (n_body > MAX_BODY) goto cleanup;
    while (c->in.len < n_head + n_body)
        if (!receive(c)) goto cleanup;
    if (fr_str_append(body, c->in.data + n_head, n_body, NULL)) goto cleanup;
    c->in.len -= n_head + n_body;
    memmove(c->in.data, c->in.data + n_head + n_body, c->in.len);
    c->in.data[c->in.len] = '\0';
    ok = true;
cleanup:
    fr_str_release(&length);
    return ok;
}

/* ---- answers ---- */

static size_t count_words(const char *text)
{
    size_t n = 0;
    for (size_t i = 0; text[i]; i++) n += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
    return n;
}

/* The body of a completion; to be freed. NULL when it is not JSON-able. */
static char *completion(llm_server *s, const char *user, bool usage)
{
    fr_str text = FR_STR_INIT;
    if (s->options.answer)
        s->options.answer(s->options.ctx, user, &text);
    else if (fr_str_append(&text, "ok", 2, NULL))
        return NULL;
    json_int_t n_in = (json_int_t)count_words(user);
    json_int_t n_out = (json_int_t)count_words(fr_str_text(&text));
    json_t *root = json_pack("{s:s, s:s, s:s, s:[{s:i, s:s, s:{s:s, s:s%}}]}", "id",
                             "chatcmpl-stand-in", "object", "chat.completion", "model", "stand-in",
                             "choices", "index", 0, "finish_reason", "stop", "message", "role",
                             "assistant", "content", fr_str_text(&text), text.len);
    if (usage)
        json_object_set_new(root, "usage",
                            json_pack("{s:I, s:I, s:I}", "prompt_tokens", n_in, "completion_tokens",
                                      n_out, "total_tokens", n_in + n_out));
    char *body = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    fr_str_release(&text);
    return body;
}

static bool send_head(int fd, int status, const char *extra, size_t length)
{
    char head[512];
    snprintf(head, sizeof(head),
             "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
             status, status == 200 ? "OK" : "Fault", extra, length);
    return send_text(fd, head);
}

static bool send_whole(int fd, int status, const char *extra, const char *body)
{
    return send_head(fd, status, extra, strlen(body)) && send_text(fd, body);
}

static bool send_status(int fd, const llm_fault *fault, const char *authorization)
{
    char body[1024], extra[64] = "";
    char key[256];
    snprintf(key, sizeof(key), "%s",
             strchr(authorization, ' ') ? strchr(authorization, ' ') + 1 : "");
    snprintf(body, sizeof(body),
             "{\"error\": {\"message\": \"stand-in fault %d\\u001b[31m,\\nkey provided: %s.\", "
             "\"type\": \"fault\"}}",
             fault->status, key);
    if (fault->retry_after_s)
        snprintf(extra, sizeof(extra), "Retry-After: %d\r\n", fault->retry_after_s);
    return send_whole(fd, fault->status, extra, body);
}

static bool send_trickle(llm_server *s, int fd, const char *body, double seconds)
{
    if (!send_head(fd, 200, "", strlen(body))) return false;
    for (; *body; body++)
        if (!send_bytes(fd, body, 1) || !wait_s(s, seconds)) return false;
    return true;
}

static bool send_huge(int fd, size_t bytes)
{
    static const char begin[] = "{\"choices\": [{\"message\": {\"content\": \"";
    char fill[16 << 10];
    memset(fill, 'a', sizeof(fill));
    if (!send_head(fd, 200, "", bytes + sizeof(begin) - 1) || !send_text(fd, begin)) return false;
    for (size_t n; bytes; bytes -= n) {
        n = bytes < sizeof(fill) ? bytes : sizeof(fill);
        if (!send_bytes(fd, fill, n)) return false;
    }
    return true;
}

static bool send_endless_headers(int fd)
{
    if (!send_text(fd, "HTTP/1.1 200 OK\r\n")) return false;
    for (int i = 0; i < 100000; i++)
        if (!send_text(fd, "X-More: and more and more and more and more\r\n")) return false;
    return false;
}

static bool send_chunked(int fd, const char *body)
{
    char chunk[32];
    if (!send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) return false;
    for (size_t left = strlen(body), n; left; left -= n, body += n) {
        n = left < 7 ? left : 7;
        snprintf(chunk, sizeof(chunk), "%zx\r\n%.*s\r\n", n, (int)n, body);
        if (!send_text(fd, chunk)) return false;
    }
    return send_text(fd, "0\r\n\r\n");
}

static void reset_at_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Waits until the client goes away. */
static void hang(llm_server *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
    for (int i = 0; i < IDLE_S * 10; i++)
        if (poll(&p, 1, 100) != 0 || !wait_s(s, 0)) return;
}

/* Answers as the fault has it; false: the connection is over. */
static bool respond(llm_server *s, int fd, const llm_fault *fault, const char *user,
                    const char *authorization)
{
    bool go_on = false;
    if (fault->kind == LLM_DELAY && !wait_s(s, fault->seconds)) {
        end_request(s);
        return false;
    }
    if (fault->kind == LLM_HANG) hang(s, fd);
    char *body = completion(s, user, fault->kind != LLM_NO_USAGE);
    end_request(s);
    if (!body) return false;

    switch (fault->kind) {
    case LLM_NORMAL:
    case LLM_DELAY:
    case LLM_NO_USAGE: go_on = send_whole(fd, 200, "", body); break;
    case LLM_STATUS: go_on = send_status(fd, fault, authorization); break;
    case LLM_GARBAGE: go_on = send_whole(fd, 200, "", "<html>\x1b[31mnot\x07 JSON \xff"); break;
    case LLM_WRONG_JSON: go_on = send_whole(fd, 200, "", "{\"hello\": [\"world\"]}"); break;
    case LLM_CUT: {
        size_t n = strlen(body);
        if (send_head(fd, 200, "", n))
            send_bytes(fd, body, fault->bytes < n ? fault->bytes : n - 1);
        break;
    }
    case LLM_RESET: reset_at_close(fd); break;
    case LLM_TRICKLE: go_on = send_trickle(s, fd, body, fault->seconds); break;
    case LLM_HUGE: go_on = send_huge(fd, fault->bytes); break;
    case LLM_HEADERS: go_on = send_endless_headers(fd); break;
    case LLM_CHUNKED: go_on = send_chunked(fd, body); break;
    case LLM_CLOSE:
        if (send_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")) send_text(fd, body);
        break;
    case LLM_REDIRECT:
        go_on = send_whole(fd, 307,
                           "Location: http://user:pw@elsewhere.invalid/v1/x?token=hidden\r\n", "");
        break;
    case LLM_DROP:
    case LLM_HANG:
    case LLM_REFUSE:
    case LLM_N_FAULTS: break;
    }
    free(body);
    return go_on;
}

/* The last user message, to be freed; NULL when the body is no request. */
static char *read_user(const fr_str *body)
{
    char *user = NULL;
    json_t *root = json_loadb(fr_str_text(body), body->len, 0, NULL);
    json_t *messages = json_object_get(root, "messages"), *message;
    size_t i;
    json_array_foreach(messages, i, message)
    {
        const char *role = json_string_value(json_object_get(message, "role"));
        const char *content = json_string_value(json_object_get(message, "content"));
        if (!role || !content || strcmp(role, "user") != 0) continue;
        free(user);
        user = strdup(content);
    }
    if (!json_is_string(json_object_get(root, "model"))) {
        free(user);
        user = NULL;
    }
    json_decref(root);
    return user;
}

static bool send_stats(llm_server *s, int fd)
{
    char body[256];
    pthread_mutex_lock(&s->lock);
    snprintf(body, sizeof(body),
             "{\"requests\": %zu, \"prompts\": %zu, \"max_in_flight\": %zu, \"connections\": %zu}",
             s->n_requests, s->n_prompts, s->max_in_flight, s->n_accepted);
    pthread_mutex_unlock(&s->lock);
    return send_whole(fd, 200, "", body);
}

static bool serve_one(connection *c, const fr_str *head, const fr_str *body)
{
    static const char models[] = "{\"object\": \"list\", \"data\": [{\"id\": \"stand-in\"}, "
                                 "{\"id\": \"other\\u001b[31m\"}]}";
    if (strncmp(head->data, "GET /v1/models ", 15) == 0) return send_whole(c->fd, 200, "", models);
    if (strncmp(head->data, "GET /stats ", 11) == 0) return send_stats(c->server, c->fd);
    if (strncmp(head->data, "POST /v1/chat/completions", 25) != 0 || !strchr(" ?", head->data[25]))
        return send_whole(c->fd, 404, "", "{\"detail\": \"Not Found\"}");
    char *user = read_user(body);
    if (!user)
        return send_whole(c->fd, 400, "",
                          "{\"error\": {\"message\": \"no model or no messages\"}}");
    fr_str authorization = FR_STR_INIT;
    find_header(head->data, "Authorization", &authorization);
    llm_fault fault =
        begin_request(c->server, user, fr_str_text(body), fr_str_text(&authorization));
    bool go_on = respond(c->server, c->fd, &fault, user, fr_str_text(&authorization));
    fr_str_release(&authorization);
    free(user);
    return go_on;
}

static void *serve(void *ctx)
{
    connection *c = ctx;
    llm_server *s = c->server;
    fr_str head = FR_STR_INIT, body = FR_STR_INIT;

    while (read_request(c, &head, &body) && serve_one(c, &head, &body)) {
    }
    fr_str_release(&head);
    fr_str_release(&body);
    fr_str_release(&c->in);
    pthread_mutex_lock(&s->lock);
    close(c->fd);
    s->fds[c->place] = -1;
    s->n_connections--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    free(c);
    return NULL;
}

/* ---- server ---- */

static void take_connection(llm_server *s, int fd)
{
    static const int yes = 1;
    pthread_t thread;
    connection *c = calloc(1, sizeof(*c));
    bool taken = false;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    pthread_mutex_lock(&s->lock);
    s->n_accepted++;
    for (int i = 0; c && !s->stopping && i < MAX_CONNECTIONS; i++) {
        if (s->fds[i] >= 0) continue;
        *c = (connection){.server = s, .fd = fd, .place = i, .in = FR_STR_INIT};
        taken = pthread_create(&thread, NULL, serve, c) == 0;
        if (taken) {
            pthread_detach(thread);
            s->fds[i] = fd;
            s->n_connections++;
        }
        break;
    }
    pthread_mutex_unlock(&s->lock);
    if (!taken) {
        close(fd);
        free(c);
    }
}

static void *accept_all(void *ctx)
{
    llm_server *s = ctx;
    for (;;) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            take_connection(s, fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            return NULL; /* llm_server_stop has shut the listener down */
    }
}

static bool listen_at(llm_server *s, int port)
{
    static const int yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0) return false;
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(s->listener, (struct sockaddr *)&at, n) ||
        getsockname(s->listener, (struct sockaddr *)&at, &n))
        return false;
    s->port = ntohs(at.sin_port);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
    /* REFUSE: bound, so that nobody else gets the port, but deaf. */
    if (s->options.n_faults && s->faults[0].kind == LLM_REFUSE) return true;
    if (listen(s->listener, 256)) return false;
    s->has_acceptor = pthread_create(&s->acceptor, NULL, accept_all, s) == 0;
    return s->has_acceptor;
}

llm_server *llm_server_start(const llm_server_options *options)
{
    llm_server *s = calloc(1, sizeof(*s));
    pthread_condattr_t monotonic;
    if (!s) return NULL;
    s->options = *options;
    if (s->options.n_faults > MAX_FAULTS) s->options.n_faults = MAX_FAULTS;
    for (size_t i = 0; i < s->options.n_faults; i++) s->faults[i] = options->faults[i];
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) s->fds[i] = -1;
    s->listener = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!listen_at(s, options->port)) {
        int why = errno;
        llm_server_stop(s);
        errno = why;
        return NULL;
    }
    return s;
}

void llm_server_stop(llm_server *s)
{
    if (!s) return;
    if (s->has_acceptor) {
        shutdown(s->listener, SHUT_RDWR);
        pthread_join(s->acceptor, NULL);
    }
    if (s->listener >= 0) close(s->listener);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    for (size_t i = 0; i < MAX_CONNECTIONS; i++)
        if (s->fds[i] >= 0) shutdown(s->fds[i], SHUT_RDWR);
    while (s->n_connections > 0) pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    fr_str_release(&s->last_body);
    fr_str_release(&s->last_authorization);
    free(s->prompts);
    free(s);
}

int llm_server_port(const llm_server *s)
{
    return s->port;
}

const char *llm_server_url(const llm_server *s)
{
    return s->url;
}

static size_t read_count(llm_server *s, const size_t *count)
{
    pthread_mutex_lock(&s->lock);
    size_t n = *count;
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t llm_server_requests(llm_server *s)
{
    return read_count(s, &s->n_requests);
}

size_t llm_server_prompts(llm_server *s)
{
    return read_count(s, &s->n_prompts);
}

size_t llm_server_max_in_flight(llm_server *s)
{
    return read_count(s, &s->max_in_flight);
}

size_t llm_server_connections(llm_server *s)
{
    return read_count(s, &s->n_accepted);
}

size_t llm_server_requests_of(llm_server *s, const char *user)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->prompts_cap ? find_prompt(s->prompts, s->prompts_cap, hash_text(user))->n : 0;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void llm_server_last_request(llm_server *s, fr_str *body, fr_str *authorization)
{
    pthread_mutex_lock(&s->lock);
    (void)!fr_str_append(body, fr_str_text(&s->last_body), s->last_body.len, NULL);
    (void)!fr_str_append(authorization, fr_str_text(&s->last_authorization),
                         s->last_authorization.len, NULL);
    pthread_mutex_unlock(&s->lock);
}

/* ---- specifications ---- */

static bool set_value(llm_fault *fault, const char *value)
{
    char *end;
    double x = strtod(value, &end);
    if (end == value || *end || !(x >= 0 && x <= 1e9)) return false;
    switch (fault->kind) {
    case LLM_DELAY:
    case LLM_TRICKLE: fault->seconds = x; return true;
    case LLM_STATUS: fault->status = (int)x; return x >= 100 && x <= 999;
    case LLM_CUT:
    case LLM_HUGE: fault->bytes = (size_t)x; return true;
    default: return false;
    }
}

static bool set_part(llm_fault *fault, const char *name, const char *value)
{
    if (strcmp(name, "per-prompt") == 0) return (fault->per_prompt = !value);
    if (!value) return false;
    char *end;
    long n = strtol(value, &end, 10);
    if (end == value || *end || n < 0 || n > 1000000) return false;
    if (strcmp(name, "times") == 0) return fault->times = (int)n, true;
    if (strcmp(name, "retry-after") == 0) return fault->retry_after_s = (int)n, true;
    return false;
}

bool llm_fault_parse(const char *spec, llm_fault *out)
{
    static const char *const names[] = {
#define LLM_FAULT_NAME(name, text) text,
        LLM_FAULT_MAP(LLM_FAULT_NAME)
#undef LLM_FAULT_NAME
    };
    char copy[256], *rest = copy, *part;
    *out = (llm_fault){.kind = LLM_N_FAULTS, .seconds = 0.1, .status = 500, .bytes = 10};
    if (snprintf(copy, sizeof(copy), "%s", spec) >= (int)sizeof(copy)) return false;
    while ((part = strsep(&rest, ","))) {
        char *value = strchr(part, '=');
        if (value) *value++ = '\0';
        if (out->kind != LLM_N_FAULTS) {
            if (!set_part(out, part, value)) return false;
            continue;
        }
        for (int i = 0; i < LLM_N_FAULTS; i++)
            if (strcmp(part, names[i]) == 0) out->kind = (llm_fault_kind)i;
        if (out->kind == LLM_N_FAULTS) return false;
        if (out->kind == LLM_HUGE) out->bytes = (size_t)64 << 20;
        if (value && !set_value(out, value)) return false;
    }
    return out->kind != LLM_N_FAULTS;
}
