/* account.h - from the raw values of one sensor to joules. */
#ifndef FR_METER_ACCOUNT_H
#define FR_METER_ACCOUNT_H

#include "meter/source.h"

typedef struct fr_account {
    bool started, frozen;
    bool aside; /* the last look said so: nothing is counted, and nothing is missing */
    double last_value, last_s; /* of the last value that was believed */
    double moved_s;            /* when the counter was last seen to move */
    double sample_s;           /* when the last power was true */
    double joules;             /* since the first value; never falls */
    double tree_joules;        /* the process tree's part of them */
    double unknown_joules;     /* those of them whose share is not known */
    double n_w, sum_w, sum_w2; /* power samples, watts: their spread */
} fr_account;

/* Takes one look at the sensor. cpu_share: the tree's part of the machine's busy time since the
 * last look, NaN unknown. What is not believable is noted and adds nothing. */
void fr__account_take(fr_account *account, const fr_sensor *sensor, const fr_raw *raw,
                      double cpu_share, double now_s, fr_notes *notes);

/* How often the sensor must be read, s; 0: no need. */
double fr__account_max_interval_s(const fr_sensor *sensor);

/* 95 % half-width, J, of the joules from `before` to `after` (duration_s apart) by what is random:
 * steps of the counter at both edges, spread of the power samples. */
double fr__account_random_j(const fr_sensor *sensor, const fr_account *before,
                            const fr_account *after, double duration_s);

#endif
