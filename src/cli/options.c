/* options.c - reading a command's words, and its help. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/cli.h"

enum { MAX_OPTIONS = 64 }; /* of a command */

static const cli_option *find_option(const cli_command *command, const char *name, size_t len)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        if (strlen(o->name) == len && !memcmp(o->name, name, len)) return o;
    }
    return NULL;
}

static fr_status unknown_option(const cli_command *command, const char *word, fr_error *err)
{
    const char *names[MAX_OPTIONS];
    for (size_t i = 0; i < command->n_options; i++) names[i] = command->options[i].name;
    const char *near = fr_nearest(word, names, command->n_options);
    return fr_error_set(err, FR_ERR_USAGE, "unknown option %s%s%s%s; see `frugal %s --help`", word,
                        near ? " (did you mean " : "", near ? near : "", near ? "?)" : "",
                        command->name);
}

static fr_status set_value(const cli_option *o, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    char *end = NULL;
    errno = 0;
    switch (o->kind) {
    case CLI_FLAG: *(bool *)o->value = true; break;
    case CLI_TEXT:
        if (!*text) FR_FAIL(err, FR_ERR_USAGE, "%s needs a value that is not empty", o->name);
        *(const char **)o->value = text;
        break;
    case CLI_TEXTS: {
        cli_texts *texts = o->value;
        enum { MAX = sizeof(texts->all) / sizeof(*texts->all) };
        if (!*text) FR_FAIL(err, FR_ERR_USAGE, "%s needs a value that is not empty", o->name);
        if (texts->n == MAX) FR_FAIL(err, FR_ERR_USAGE, "%s: more than %d", o->name, (int)MAX);
        texts->all[texts->n++] = text;
        break;
    }
    case CLI_COUNT:
    case CLI_SEED: {
        unsigned long long n = strtoull(text, &end, 10);
        if (end == text || *end || errno || text[0] == '-')
            FR_FAIL(err, FR_ERR_USAGE, "%s needs a whole number, not \"%s\"", o->name, text);
        if (o->kind == CLI_COUNT)
            *(size_t *)o->value = (size_t)n;
        else
            *(uint64_t *)o->value = n;
        break;
    }
    case CLI_NUMBER: {
        double x = fr_strtod(text, &end);
        if (end == text || *end || !isfinite(x))
            FR_FAIL(err, FR_ERR_USAGE, "%s needs a number, not \"%s\"", o->name, text);
        *(double *)o->value = x;
        break;
    }
    }
cleanup:
    return st;
}

/* Index of the first word that is somebody else's; argc for none. */
static int own_words(const cli_command *command, int argc, char **argv)
{
    int i = 1;
    for (; command->rest && i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--")) return i;
        const cli_option *o = find_option(command, argv[i], strlen(argv[i]));
        if (o && o->kind != CLI_FLAG && i + 1 < argc) i++; /* its value */
    }
    return command->rest ? i : argc;
}

fr_status cli_parse(const cli_command *command, int argc, char **argv, const char **positional,
                    bool *help, fr_error *err)
{
    fr_status st = FR_OK;
    bool given[MAX_OPTIONS] = {false};
    size_t n_positional = 0;
    assert(command->n_options <= MAX_OPTIONS);
    int end = own_words(command, argc, argv);
    *help = false;
    for (int i = 1; i < end; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) *help = true;
    if (*help) goto cleanup;
    if (command->rest) /* argv ends with NULL */
        *command->rest = (const char *const *)argv + end + (end < argc && !strcmp(argv[end], "--"));

    for (int i = 1; i < end; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || !word[1]) {
            if (n_positional == command->n_positional + command->n_optional)
                FR_FAIL(err, FR_ERR_USAGE, "one word too many: \"%s\"; see `frugal %s --help`",
                        word, command->name);
            positional[n_positional++] = word;
            continue;
        }
        const char *equals = strchr(word, '=');
        const cli_option *o =
            find_option(command, word, equals ? (size_t)(equals - word) : strlen(word));
        if (!o) {
            st = unknown_option(command, word, err);
            goto cleanup;
        }
        given[o - command->options] = true;
        const char *value = equals ? equals + 1 : NULL;
        if (o->kind == CLI_FLAG && value) FR_FAIL(err, FR_ERR_USAGE, "%s takes no value", o->name);
        if (o->kind != CLI_FLAG && !value) {
            if (i + 1 == end) FR_FAIL(err, FR_ERR_USAGE, "%s needs a value", o->name);
            value = argv[++i];
        }
        FR_TRY(set_value(o, value, err));
    }
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].required && !given[i])
            FR_FAIL(err, FR_ERR_USAGE, "%s %s is missing; see `frugal %s --help`",
                    command->options[i].name, command->options[i].metavar, command->name);
    if (n_positional < command->n_positional)
        FR_FAIL(err, FR_ERR_USAGE, "%s is missing; see `frugal %s --help`", command->usage,
                command->name);
cleanup:
    return st;
}

static void print_help(const cli_command *command)
{
    if (command->rest)
        printf("usage: frugal %s [OPTIONS] %s\n\n%s\n\n", command->name, command->usage,
               command->summary);
    else
        printf("usage: frugal %s%s%s [OPTIONS]\n\n%s\n\n", command->name,
               *command->usage ? " " : "", command->usage, command->summary);
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *o = &command->options[i];
        char left[64];
        snprintf(left, sizeof(left), "%s%s%s", o->name, o->metavar ? " " : "",
                 o->metavar ? o->metavar : "");
        printf("  %-24s %s%s\n", left, o->help, o->required ? " (required)" : "");
    }
    printf("  %-24s %s\n\nexample:\n  %s\n", "--help", "this text", command->example);
}

bool cli_begin(const cli_command *command, int argc, char **argv, const char **positional,
               int *status)
{
    fr_error err;
    bool help;
    *status = CLI_OK;
    if (cli_parse(command, argc, argv, positional, &help, &err) != FR_OK) {
        *status = cli_report_error(&err);
        return false;
    }
    if (help) print_help(command);
    return !help;
}
