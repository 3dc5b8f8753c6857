/* run.h - one program on its way from text to verdict (internal to sandbox). */
#ifndef FR_SANDBOX_RUN_H
#define FR_SANDBOX_RUN_H

#include <poll.h>

#include "sandbox/jail.h"

/* The report: 300 characters of up to six bytes (\\udc80), and room for the lines before. */
enum { FR__RUN_FDS = 6, FR__REPORT_SIZE = 2048, FR__NONCE_SIZE = 33 };

typedef enum fr__side { FR__CANDIDATE, FR__TESTS, FR__SIDES } fr__side;

typedef struct fr__run {
    const fr__jail *jail;
    const fr_program *program; /* NULL: the slot is free */
    fr_program_verdict *verdict;
    fr__inmate inmates[FR__SIDES];
    int output_fd, report_fd;
    char nonce[FR__NONCE_SIZE];
    char report[FR__REPORT_SIZE]; /* what came through report_fd */
    size_t n_report, n_output;    /* n_output: bytes printed, also those not kept */
    double started_s, lost_s;     /* lost_s: since when the tests have no candidate; 0: they have */
    bool candidate_left;          /* it ended before it was ended */
    bool late;                    /* the wall time was over before the tests were */
} fr__run;

/* Starts both processes. slot: which of the slots this is.
 * Errors: FR_ERR_IO, FR_ERR_NOMEM; nothing runs then. */
FR_NODISCARD fr_status fr__run_start(fr__run *run, const fr__jail *jail, unsigned slot,
                                     const fr_program *program, fr_program_verdict *verdict,
                                     fr_error *err);

/* What this run waits for; returns how many of fds[FR__RUN_FDS] were filled. */
size_t fr__run_polled(const fr__run *run, struct pollfd *fds);

/* Takes what there is to read. True when nothing more is to be expected: then fr__run_finish. */
bool fr__run_step(fr__run *run);

/* Ends both processes, and gives the verdict. Errors: FR_ERR_IO when the jail did not start. */
FR_NODISCARD fr_status fr__run_finish(fr__run *run, fr_error *err);

/* Ends both processes without a verdict; the slot is free. */
void fr__run_drop(fr__run *run);

/* The verdict, from what was reported, printed and how both ended. Errors: as fr__run_finish. */
FR_NODISCARD fr_status fr__run_judge(fr__run *run, double wall_s, fr_error *err);

#endif
