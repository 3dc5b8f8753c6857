/* output.c - standard output, standard error and the terminal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

int cli_report_error(const fr_error *err)
{
    fprintf(stderr, "frugal: %s\n", err->message);
    switch (err->status) {
    case FR_ERR_USAGE: return CLI_USAGE;
    case FR_ERR_INTERRUPTED: return CLI_INTERRUPTED;
    default: return CLI_FAILED;
    }
}

int cli_print(const fr_str *text)
{
    if (fwrite(fr_str_text(text), 1, text->len, stdout) == text->len && !fflush(stdout))
        return CLI_OK;
    if (errno == EPIPE) return CLI_FAILED;
    fr_error err;
    fr_error_set(&err, FR_ERR_IO, "cannot write to standard output; is the disk full?");
    return cli_report_error(&err);
}

static void show_remark(void *ctx, fr_log_level level, const char *line)
{
    (void)ctx;
    fprintf(stderr, "%s%s\n", level == FR_LOG_WARNING ? "warning: " : "", line);
}

void cli_show_remarks(void)
{
    fr_log_set_sink(show_remark, NULL);
}

size_t cli_terminal_width(int fd)
{
    struct winsize size;
    if (!isatty(fd)) return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col == 0) return 80;
    return size.ws_col;
}

bool cli_use_colour(int fd)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

bool cli_is_ascii(int fd)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    if (!isatty(fd)) return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *locale = getenv(names[i]);
        if (locale && *locale) return !strcasestr(locale, "utf-8") && !strcasestr(locale, "utf8");
    }
    return false;
}
