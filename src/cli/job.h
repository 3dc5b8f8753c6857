/* job.h - what tune and eval share: one task, one model, its tokenizer and a meter. */
#ifndef FR_CLI_JOB_H
#define FR_CLI_JOB_H

#include "base/error.h"
#include "frugal/carbon.h"
#include "frugal/meter.h"
#include "model/model.h"
#include "study/tuning.h"
#include "task/dataset.h"
#include "task/task.h"
#include "text/tokenizer.h"

/* What the options say; the defaults are in CLI_JOB_WORDS_INIT. */
typedef struct cli_job_words {
    const char *model, *task;
    const char *text_field, *label_field;
    uint64_t shuffle;          /* seed; 0: rows in the order of the files */
    const char *region, *live; /* live: NULL for the table */
    double pue;
    size_t max_tokens; /* 0: the model's own limit, at most 512 of an encoder, 1024 of a decoder */
    size_t threads;    /* 0: all */
} cli_job_words;

#define CLI_JOB_WORDS_INIT                    \
    {                                         \
        .region = FR_REGION_WORLD, .pue = 1.0 \
    }

typedef struct cli_job {
    const cli_job_words *words;
    fr_task *task;
    fr_tokenizer *tokenizer;
    fr_model *model;
    fr_meter *meter;
    fr_intensity grid;
    fr_reading load; /* energy of loading */
    size_t max_tokens;
} cli_job;

/* Opens all of it, the model in a "load" window: to be tuned so, or to be used where tuning is
 * NULL. Also catches Ctrl-C from here on. */
FR_NODISCARD fr_status cli_job_open(cli_job *job, const cli_job_words *words,
                                    const fr_tuning *tuning, bool from_config, fr_error *err);
void cli_job_close(cli_job *job);

/* Loads the items of a file; limit: rows at most, 0 for all. */
FR_NODISCARD fr_status cli_job_load(const cli_job *job, const char *path, size_t limit,
                                    fr_dataset *items, fr_error *err);

/* A decoder: it reads prompts and goes on; else an encoder, which classifies. */
bool cli_job_generates(const cli_job *job);

/* A remark where items were cut. what: "text" */
void cli_tell_cut(size_t n_cut, size_t n, size_t max_tokens, const char *what);

/* Grams of CO2e of so many joules, at the job's place. */
double cli_job_grams(const cli_job *job, double joules);

/* Should the work stop (Ctrl-C)? For fr_observer.should_stop. */
bool cli_job_should_stop(void *ctx);

#endif
