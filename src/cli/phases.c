/* phases.c - windows of the meter that open and close with the phases of generation. */
#include "cli/phases.h"

static void add(cli_phase *to, const fr_reading *r)
{
    to->j += r->total.j;
    to->seconds += r->duration_s;
    to->kind = r->total.kind;
    to->relative_uncertainty = r->total.relative_uncertainty;
    to->source = r->total.source;
}

void cli_phases_on(void *ctx, fr_phase phase, bool begins)
{
    cli_phases *p = ctx;
    if (p->st != FR_OK) return;
    if (begins) {
        p->st = fr_window_begin(p->meter, fr_phase_name(phase), &p->window, &p->error);
        return;
    }
    fr_reading r;
    fr_window_end(p->window, &r);
    p->window = NULL;
    add(phase == FR_PHASE_PREFILL ? &p->prefill : &p->decode, &r);
}

fr_status cli_phases_check(const cli_phases *p, fr_error *err)
{
    if (p->st != FR_OK) *err = p->error;
    return p->st;
}
