/* main.c - finds the command. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kernel/kernel.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    bool computes; /* runs kernels itself */
    const char *summary;
} commands[] = {
    {"study", cli_study, true, "plan, tune, run, compare and report a whole study; resumes"},
    {"tune", cli_tune, true, "fine-tune one model on one task"},
    {"eval", cli_eval, true, "score one model on one task, with its energy"},
    {"score", cli_score, true, "BLEU, ROUGE, BERTScore, macro-F1, pass@k ... of files"},
    {"tasks", cli_tasks, false, "what models can be asked, and task files to start from"},
    {"generate", cli_generate, true, "what a decoder writes after a prompt"},
    {"tokenize", cli_tokenize, false, "token ids of a text"},
    {"inspect", cli_inspect, false, "what a model is, and what can be done with it"},
    {"convert", cli_convert, false, "a model in another file format: Hugging Face folder, GGUF"},
    {"report", cli_report, false, "the report of a study, in another format"},
    {"estimate", cli_estimate, false, "emissions of a language model without running it"},
    {"measure", cli_measure, false, "energy and carbon of any command and its children"},
    {"meters", cli_meters, false, "what can be measured on this machine, and how to get more"},
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

/* Standard streams that are closed stay so for a command that we run, but their numbers are taken:
 * else a report to standard error would end up in whatever file is opened next. */
static void occupy_standard_streams(void)
{
    int fd;
    do fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
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
        names[i] = commands[i].name;
        if (strcmp(argv[1], names[i])) continue;
        /* Spinning threads would be billed as work. This starts the program anew, so only where
         * there will be threads. */
        if (commands[i].computes) fr_kernels_wait_passively(argv);
        return commands[i].run(argc - 1, argv + 1);
    }
    const char *near = fr_nearest(argv[1], names, N_COMMANDS);
    fprintf(stderr, "frugal: unknown command %s%s%s%s; see `frugal --help`\n", argv[1],
            near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    return CLI_USAGE;
}
