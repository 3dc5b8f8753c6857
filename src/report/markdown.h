/* markdown.h - text in Markdown pages (internal to report). */
#ifndef FR_REPORT_MARKDOWN_H
#define FR_REPORT_MARKDOWN_H

#include "base/str.h"

/* Cleaned, and everything that Markdown or HTML would act on made literal. */
FR_NODISCARD fr_status fr__markdown_text(fr_str *out, const char *text, fr_error *err);

/* "| text " */
FR_NODISCARD fr_status fr__markdown_cell(fr_str *out, const char *text, fr_error *err);

#endif
