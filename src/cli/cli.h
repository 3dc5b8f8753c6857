/* cli.h - what the commands share (internal to cli).
 *
 * Each command is one file with one `int cli_<name>(int argc, char **argv)`,
 * which returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped
 * by Ctrl-C; measure gives that of its command. Results go to standard output, all else to standard
 * error. */
#ifndef FR_CLI_CLI_H
#define FR_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "frugal/carbon.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

typedef enum cli_kind {
    CLI_FLAG,   /* bool; takes no value */
    CLI_TEXT,   /* const char * */
    CLI_COUNT,  /* size_t */
    CLI_SEED,   /* uint64_t */
    CLI_NUMBER, /* double */
    CLI_TEXTS,  /* cli_texts; may be given several times */
} cli_kind;

typedef struct cli_texts {
    const char *all[16]; /* of argv */
    size_t n;
} cli_texts;

typedef struct cli_option {
    const char *name; /* "--model" */
    cli_kind kind;
    void *value;
    bool required;
    const char *metavar; /* "DIR"; NULL for flags */
    const char *help;
} cli_option;

typedef struct cli_command {
    const char *name;    /* "tune" */
    const char *summary; /* one line */
    const char *usage;   /* what follows "frugal tune", without the options: "FILE" or "" */
    const char *example; /* "frugal tune --model ..." */
    const cli_option *options;
    size_t n_options;
    size_t n_positional; /* how many words without -- it takes, all required */
    size_t n_optional;   /* how many more there may be; positional[] keeps what it held for those
                            that are missing */
    /* Not NULL: from "--" or the first word that is no option on, the words (as many as there are,
     * ended by NULL) are somebody else's. */
    const char *const **rest;
} cli_command;

/* Reads argv[1 ..]: fills the options' values and positional[n_positional]. *help is set for
 * --help, and then nothing else is checked.
 * Errors: FR_ERR_USAGE (unknown option: the nearest is named; missing or malformed value). */
FR_NODISCARD fr_status cli_parse(const cli_command *command, int argc, char **argv,
                                 const char **positional, bool *help, fr_error *err);

/* cli_parse; on --help prints the help, on an error the error. True: go on; else *status is the
 * exit status. */
bool cli_begin(const cli_command *command, int argc, char **argv, const char **positional,
               int *status);

/* Prints "frugal: message" to standard error and gives the exit status that belongs to it. */
int cli_report_error(const fr_error *err);

/* Writes text to standard output; CLI_FAILED when that fails, with the reason on standard error (a
 * full disk) unless nobody reads any more (a closed pipe). */
int cli_print(const fr_str *text);

/* Remarks (base/log.h) go to standard error from now on. */
void cli_show_remarks(void);

/* Columns of the terminal on standard output; 0 when it is not a terminal. */
size_t cli_terminal_width(int fd);

/* Colours may be used on this file descriptor (a terminal, and NO_COLOR is unset). */
bool cli_use_colour(int fd);

/* A terminal whose user says that it is not UTF-8: the first of LC_ALL, LC_CTYPE and LANG that is
 * set names another character set. */
bool cli_is_ascii(int fd);

/* The grid's intensity at --region and --live (NULL: the table's); a remark where a live figure
 * could not be had. */
FR_NODISCARD fr_status cli_place(const char *region, const char *live, fr_intensity *out,
                                 fr_error *err);

#define CLI_SOURCE_HELP "one more: command:..., hwmon:... or prometheus:...; repeatable"
#define CLI_TASK_HELP "see `frugal tasks`; or a file of your own, NAME.yaml"
#define CLI_DATA_HELP "labelled texts: .jsonl, .json, .csv or .tsv, also .gz or .zst"
#define CLI_SHUFFLE_HELP "draw the order of rows by this seed; default: file order"
#define CLI_TEXT_FIELD_HELP "default text; a.b is field b inside of a"
#define CLI_LIVE_HELP "intensity now: electricity-maps[:ZONE] or uk; default: the table"

int cli_study(int argc, char **argv);
int cli_tune(int argc, char **argv);
int cli_eval(int argc, char **argv);
int cli_generate(int argc, char **argv);
int cli_tokenize(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_meters(int argc, char **argv);
int cli_estimate(int argc, char **argv);
int cli_measure(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_convert(int argc, char **argv);
int cli_score(int argc, char **argv);
int cli_tasks(int argc, char **argv);

#endif
