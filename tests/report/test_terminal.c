/* The table at the end of a study, in wide and narrow terminals. */
#include "report/format.h"
#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

static char *render(fr_results r, int width, bool colour, bool ascii)
{
    static fr_str out = FR_STR_INIT;
    fr_error err;
    fr_str_clear(&out);
    fr_report_terminal_options options = {.width = width, .colour = colour, .ascii = ascii};
    ASSERT_OK(fr_report_terminal(&r, &options, &out, &err));
    return out.data;
}

int main(int argc, char **argv)
{
    if (argc > 1) { puts(render(fixture_study(), atoi(argv[1]), argc > 2, false)); return 0; }
    return 0;
}
