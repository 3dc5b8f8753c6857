/* main.c - finds the command. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "kernel/kernel.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"study", cli_study, "plan, tune, run, compare and report a whole study; resumes"},
    {"tune", cli_tune, "fine-tune one model on one task"},
    {"eval", cli_eval, "score one model on one task, with its energy"},
    {"tokenize", cli_tokenize, "token ids of a text"},
    {"report", cli_report, "the report of a study, in another format"},
    {"estimate", cli_estimate, "emissions of a language model without running it"},
    {"meters", cli_meters, "what can be measured on this machine, and how to get more"},
};

enum { N_COMMANDS = sizeof(commands) / sizeof(*commands) };

static void print_usage(FILE *to)
{
    fputs("usage: frugal COMMAND [OPTIONS]\n\n"
          "Find the smallest language model that does the job, and prove what it saves.\n\n",
          to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`frugal COMMAND --help` tells more; `frugal --version` the version.\n", to);
}

int main(int argc, char **argv)
{
    fr_kernels_wait_passively(argv); /* spinning threads would be billed as work */
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of that write, not the end of us */
    if (argc < 2) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_usage(stdout);
        return CLI_OK;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("frugal " FR_VERSION);
        return CLI_OK;
    }
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
        names[i] = commands[i].name;
    }
    const char *near = fr_nearest(argv[1], names, N_COMMANDS);
    fprintf(stderr, "frugal: unknown command %s%s%s%s; see `frugal --help`\n", argv[1],
            near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    return CLI_USAGE;
}
