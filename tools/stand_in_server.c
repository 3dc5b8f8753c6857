/* stand_in_server.c - frugal-stand-in: an OpenAI-compatible server that knows
 * the labels of a data set and answers with planted accuracy.
 *
 *     frugal-stand-in --port 0 --data test.jsonl --labels negative,positive --accuracy 0.93
 *
 * prints "listening on http://127.0.0.1:PORT/v1" and serves until SIGTERM, until
 * --lifetime seconds have passed or --requests-max requests have come; then it
 * prints its counts on stderr. The longest text of the data that a prompt
 * contains is the item asked for. Which items are answered wrongly hangs on
 * seed and text alone; exactly round(accuracy * items) are right.
 *
 * It stands in for a large model in tests and in bench/: it measures nothing. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "base/sha256.h"
#include "support/llm_server.h"

enum { MAX_LABELS = 64, MAX_FAULTS = 8 };

/* A text of the data; items with equal text and label are one. */
typedef struct text_item {
    char *text; /* without blanks at its ends; owned */
    size_t len;
    size_t label, n_items;
    bool mixed; /* items with this text disagree about the label */
    size_t n_other;
    uint64_t rank; /* of seed and text */
    size_t answer; /* label that is answered */
} text_item;

typedef struct stand_in {
    char *labels[MAX_LABELS];
    size_t n_labels;
    text_item *items;
    size_t n_texts, cap, n_items;
} stand_in;

typedef struct arguments {
    int port;
    const char *data, *text_field, *label_field;
    double accuracy, lifetime_s;
    uint64_t seed;
    size_t requests_max; /* 0: any number */
    llm_fault faults[MAX_FAULTS];
    size_t n_faults;
} arguments;

static const char usage[] =
    "usage: frugal-stand-in --data FILE.jsonl [--port N] [--text-field text] [--label-field "
    "label]\n"
    "           [--labels negative,positive] [--accuracy 0.93] [--seed 1] [--fault SPEC]...\n"
    "           [--requests-max N] [--lifetime S]\n"
    "SPEC: KIND[=VALUE][,retry-after=S][,times=N][,per-prompt], as in "
    "status=500,times=2,per-prompt\n"
    "KIND: normal delay hang refuse status garbage wrong-json cut drop reset trickle huge headers\n"
    "      no-usage chunked close redirect\n";

_Noreturn static void die(const char *what, const char *which)
{
    fprintf(stderr, "frugal-stand-in: %s%s%s\n", what, which ? ": " : "", which ? which : "");
    exit(2);
}

static void split_labels(stand_in *s, const char *list)
{
    char *copy = strdup(list), *rest = copy, *label;
    while (s->n_labels) free(s->labels[--s->n_labels]);
    while (copy && (label = strsep(&rest, ","))) {
        if (!*label || s->n_labels == MAX_LABELS) die("bad list of labels", list);
        s->labels[s->n_labels++] = strdup(label);
    }
    free(copy);
    if (s->n_labels < 2) die("at least two labels are needed", list);
}

/* A label in the data: one of the words, or its number. */
static bool find_label(const stand_in *s, const json_t *value, size_t *label)
{
    if (json_is_integer(value)) {
        json_int_t n = json_integer_value(value);
        *label = (size_t)n;
        return n >= 0 && n < (json_int_t)s->n_labels;
    }
    const char *word = json_string_value(value);
    for (size_t i = 0; word && i < s->n_labels; i++)
        if (strcmp(word, s->labels[i]) == 0) return *label = i, true;
    char *end;
    unsigned long n = word && *word >= '0' && *word <= '9' ? strtoul(word, &end, 10) : ULONG_MAX;
    *label = n;
    return n < s->n_labels && *end == '\0';
}

static int by_text(const void *a, const void *b)
{
    const text_item *x = a, *y = b;
    return strcmp(x->text, y->text);
}

static int by_rank(const void *a, const void *b)
{
    const text_item *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return strcmp(x->text, y->text);
}

static int longest_first(const void *a, const void *b)
{
    const text_item *x = a, *y = b;
    if (x->len != y->len) return x->len > y->len ? -1 : 1;
    return strcmp(x->text, y->text);
}

static void add_item(stand_in *s, const char *text, size_t label)
{
    size_t n = strlen(text);
    while (n && strchr(" \t\r\n", text[n - 1])) n--;
    while (n && strchr(" \t\r\n", *text)) text++, n--;
    if (n == 0) return;
    if (s->n_texts == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 1024;
        s->items = realloc(s->items, s->cap * sizeof(*s->items));
        if (!s->items) die("out of memory", NULL);
    }
    s->items[s->n_texts] =
        (text_item){.text = strndup(text, n), .len = n, .label = label, .n_items = 1};
    if (!s->items[s->n_texts++].text) die("out of memory", NULL);
    s->n_items++;
}

static void load(stand_in *s, const arguments *a)
{
    char where[64], *line = NULL;
    size_t cap = 0, n_line = 0;
    FILE *f = fopen(a->data, "r");
    if (!f) die(strerror(errno), a->data);
    while (getline(&line, &cap, f) > 0) {
        n_line++;
        if (line[strspn(line, " \t\r\n")] == '\0') continue;
        json_t *root = json_loads(line, JSON_ALLOW_NUL, NULL);
        const char *text = json_string_value(json_object_get(root, a->text_field));
        size_t label;
        snprintf(where, sizeof(where), "line %zu", n_line);
        if (!text) die("no text in the data", where);
        if (!find_label(s, json_object_get(root, a->label_field), &label))
            die("no known label in the data", where);
        add_item(s, text, label);
        json_decref(root);
    }
    free(line);
    fclose(f);
    if (s->n_items == 0) die("no items in the data", a->data);
}

/* Makes one of the items with the same text. */
static void merge_texts(stand_in *s)
{
    size_t kept = 0;
    qsort(s->items, s->n_texts, sizeof(*s->items), by_text);
    for (size_t i = 1; i < s->n_texts; i++) {
        text_item *to = &s->items[kept], *from = &s->items[i];
        if (strcmp(to->text, from->text) != 0) {
            s->items[++kept] = *from;
            continue;
        }
        to->n_items++;
        if (to->label != from->label) {
            to->mixed = true;
            to->n_other++;
        }
        free(from->text);
    }
    s->n_texts = kept + 1;
}

static uint64_t rank_of(uint64_t seed, const char *text)
{
    uint8_t digest[FR_SHA256_SIZE];
    uint64_t rank = 0;
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_update(&h, &seed, sizeof(seed));
    fr_sha256_update(&h, text, strlen(text));
    fr_sha256_final(&h, digest);
    for (int i = 0; i < 8; i++) rank = rank << 8 | digest[i];
    return rank;
}

/* Decides which texts are answered wrongly, so that the wrong items are as
 * many as planted. */
static void plant(stand_in *s, const arguments *a)
{
    size_t right = (size_t)lround(a->accuracy * (double)s->n_items);
    size_t wrong = s->n_items - right, so_far = 0;

    for (size_t i = 0; i < s->n_texts; i++) {
        s->items[i].rank = rank_of(a->seed, s->items[i].text);
        s->items[i].answer = s->items[i].label;
        so_far += s->items[i].n_other; /* whoever is right about one is wrong about another */
    }
    qsort(s->items, s->n_texts, sizeof(*s->items), by_rank);
    for (size_t i = 0; i < s->n_texts && so_far < wrong; i++) {
        text_item *item = &s->items[i];
        if (item->mixed || so_far + item->n_items > wrong) continue;
        item->answer = (item->label + 1 + (size_t)(item->rank % (s->n_labels - 1))) % s->n_labels;
        so_far += item->n_items;
    }
    if (so_far != wrong)
        fprintf(stderr, "frugal-stand-in: %zu items are answered wrongly instead of %zu\n", so_far,
                wrong);
    qsort(s->items, s->n_texts, sizeof(*s->items), longest_first);
}

static void answer(void *ctx, const char *user, fr_str *out)
{
    const stand_in *s = ctx;
    const char *word = "I do not know this text.";
    size_t n = strlen(user);
    for (size_t i = 0; i < s->n_texts; i++) {
        if (s->items[i].len > n || !memmem(user, n, s->items[i].text, s->items[i].len)) continue;
        word = s->labels[s->items[i].answer];
        break;
    }
    (void)!fr_str_append(out, word, strlen(word), NULL);
}

static double number(const char *text, double least, double most, const char *option)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !(x >= least && x <= most)) die("bad number for", option);
    return x;
}

static void read_arguments(arguments *a, stand_in *s, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, NULL, 'p'},        {"data", 1, NULL, 'd'},   {"text-field", 1, NULL, 't'},
        {"label-field", 1, NULL, 'l'}, {"labels", 1, NULL, 'w'}, {"accuracy", 1, NULL, 'a'},
        {"seed", 1, NULL, 's'},        {"fault", 1, NULL, 'f'},  {"requests-max", 1, NULL, 'm'},
        {"lifetime", 1, NULL, 'x'},    {"help", 0, NULL, 'h'},   {NULL, 0, NULL, 0}};
    int c;
    split_labels(s, "negative,positive");
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p': a->port = (int)number(optarg, 0, 65535, "--port"); break;
        case 'd': a->data = optarg; break;
        case 't': a->text_field = optarg; break;
        case 'l': a->label_field = optarg; break;
        case 'w': split_labels(s, optarg); break;
        case 'a': a->accuracy = number(optarg, 0, 1, "--accuracy"); break;
        case 's': a->seed = (uint64_t)number(optarg, 0, 9e15, "--seed"); break;
        case 'f':
            if (a->n_faults == MAX_FAULTS || !llm_fault_parse(optarg, &a->faults[a->n_faults]))
                die("bad --fault", optarg);
            a->n_faults++;
            break;
        case 'm': a->requests_max = (size_t)number(optarg, 0, 1e12, "--requests-max"); break;
        case 'x': a->lifetime_s = number(optarg, 0.1, 86400, "--lifetime"); break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    if (optind < argc || !a->data) {
        fputs(usage, stderr);
        exit(2);
    }
}

static void serve_until_the_end(llm_server *server, const arguments *a, const sigset_t *signals)
{
    static const struct timespec tick = {0, 50 * 1000 * 1000};
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        if (sigtimedwait(signals, NULL, &tick) > 0) return;
        if (a->requests_max && llm_server_requests(server) >= a->requests_max) {
            nanosleep(&tick, NULL); /* the last answer gets out */
            return;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begin.tv_sec) + 1e-9 * (double)(now.tv_nsec - begin.tv_nsec) <
             a->lifetime_s);
}

int main(int argc, char **argv)
{
    arguments a = {.text_field = "text",
                   .label_field = "label",
                   .accuracy = 0.93,
                   .seed = 1,
                   .lifetime_s = 600};
    stand_in s = {.n_labels = 0};
    sigset_t signals;

    read_arguments(&a, &s, argc, argv);
    load(&s, &a);
    merge_texts(&s);
    plant(&s, &a);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    llm_server *server = llm_server_start(&(llm_server_options){
        .answer = answer, .ctx = &s, .faults = a.faults, .n_faults = a.n_faults, .port = a.port});
    if (!server) die("cannot listen", strerror(errno));
    printf("listening on %s/v1\n", llm_server_url(server));
    fflush(stdout);
    serve_until_the_end(server, &a, &signals);
    fprintf(stderr, "requests %zu prompts %zu max-in-flight %zu\n", llm_server_requests(server),
            llm_server_prompts(server), llm_server_max_in_flight(server));
    llm_server_stop(server);
    for (size_t i = 0; i < s.n_texts; i++) free(s.items[i].text);
    for (size_t i = 0; i < s.n_labels; i++) free(s.labels[i]);
    free(s.items);
    return 0;
}
