/* run_tune.c - fine-tuning one model with one seed, across kills. */
#include <string.h>

#include "os/file.h"
#include "study/folder.h"
#include "study/keys.h"
#include "study/local.h"
#include "study/run.h"

typedef struct tuning {
    const fr_run_job *job;
    fr_booking booking;
    fr_tuning how;
    fr_model *model;
    fr_tuning_data data;
} tuning;

static fr_status load(tuning *t, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = t->job;
    const fr_spec_model *s = j->model->spec;
    fr_tokenizer *tokenizer = NULL;
    fr_model_options options =
        fr_tuning_model_options(&t->how, j->plan->task, s->kind == FR_SPEC_SCRATCH);
    fr__running_phase(j->run, FR_PHASE_LOAD, 0, 0);
    FR_TRY(fr__booking_open(&t->booking, j->run, s->name, j->cell->tune_key, FR_PHASE_LOAD, err));
    FR_TRY(fr_tokenizer_open(&tokenizer, s->path, err));
    FR_TRY(fr_model_load(&t->model, s->path, &options, err));
    fr_encoding encoding = fr__local_encoding(j->plan, j->model, t->model, tokenizer);
    FR_TRY(
        fr_tuning_read(&t->data, t->model, &encoding, &j->plan->train, &j->plan->validation, err));
    FR_TRY(fr__booking_close(&t->booking, false, NULL, err));
cleanup:
    fr_tokenizer_close(tokenizer);
    return st;
}

/* The observer cannot return an error: it is kept, and training is asked to stop. */
static void on_step(void *ctx, size_t step, size_t n_steps, double loss)
{
    tuning *t = ctx;
    fr_running *run = t->job->run;
    run->now.loss = loss;
    if (run->failed == FR_OK) run->failed = fr__booking_tick(&t->booking, &run->error);
    fr__running_progress(run, &t->booking, step, n_steps);
}

static bool should_stop(void *ctx)
{
    const tuning *t = ctx;
    return fr__running_stop(t->job->run);
}

static fr_status train(tuning *t, const char *checkpoint_dir, fr_ledger_tuned *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = t->job;
    fr_observer observer = {.ctx = t, .on_step = on_step, .should_stop = should_stop};
    fr_train_result result;
    t->how.train.checkpoint_dir = checkpoint_dir;
    t->how.train.checkpoint_every_s = j->plan->spec.checkpoint_s;
    t->how.train.fingerprint = j->cell->tune_key;

    st = fr_tuning_run(&t->how, t->model, &t->data, &observer, &result, err);
    if (j->run->failed != FR_OK) {
        if (err) *err = j->run->error;
        st = j->run->failed;
    }
    if (st != FR_OK) goto cleanup;
    if (result.resumed_at)
        fr__running_note(j->run, FR_LOG_INFO, "%s seed %llu: went on at step %zu of %zu",
                         j->model->spec->name, (unsigned long long)j->cell->seed, result.resumed_at,
                         result.n_steps);
    out->best_validation = result.best_validation;
    out->last_loss = result.last_loss;
    out->best_epoch = (int64_t)result.best_epoch;
    out->n_steps = (int64_t)result.n_steps;
cleanup:
    return st;
}

/* The folder is moved into place before the ledger knows of it: killed in between, the next start
 * finds the last checkpoint and does the rest again, to the same bits. */
static fr_status tune(tuning *t, const char *folder, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_run_job *j = t->job;
    fr_ledger *ledger = j->run->ledger;
    fr_ledger_tuned tuned = {0};
    fr_str work = FR_STR_INIT, saved = FR_STR_INIT;
    FR_TRY(fr_str_appendf(&work, err, "%s/work/%.16s", j->out_dir, j->cell->tune_key));
    FR_TRY(fr_str_appendf(&saved, err, "%s-model", fr_str_text(&work)));

    FR_TRY(load(t, err));
    fr__running_phase(j->run, FR_PHASE_TUNE, 0, 0);
    FR_TRY(fr__booking_open(&t->booking, j->run, j->model->spec->name, j->cell->tune_key,
                            FR_PHASE_TUNE, err));
    FR_TRY(train(t, fr_str_text(&work), &tuned, err));
    FR_TRY(fr__folder_remove(fr_str_text(&saved), err));
    FR_TRY(fr_model_save(t->model, fr_str_text(&saved), err));
    FR_TRY(fr__key_folder(fr_str_text(&saved), true, tuned.weights_hash, err));
    FR_TRY(fr__folder_replace(fr_str_text(&saved), folder, err));

    FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(fr_ledger_put_tuned(ledger, j->cell->tune_key, j->model->spec->name, j->cell->seed,
                               folder, &tuned, err));
    FR_TRY(fr__booking_close(&t->booking, false, NULL, err));
    FR_TRY(fr_ledger_commit(ledger, err));
    fr_train_forget(fr_str_text(&work));
cleanup:
    fr__booking_abandon(&t->booking);
    if (st != FR_OK) fr_ledger_rollback(ledger);
    fr_str_release(&work);
    fr_str_release(&saved);
    return st;
}

fr_status fr__run_tune(const fr_run_job *job, fr_str *folder, fr_error *err)
{
    fr_status st = FR_OK;
    tuning t = {
        .job = job, .how = fr__local_tuning(job->model, job->cell), .data = FR_TUNING_DATA_INIT};
    fr_ledger_tuned known;
    bool found;
    FR_TRY(fr_str_appendf(folder, err, "%s/models/%s-seed%llu", job->out_dir,
                          job->model->spec->name, (unsigned long long)job->cell->seed));
    FR_TRY(fr_ledger_get_tuned(job->run->ledger, job->cell->tune_key, &found, &known, err));
    if (found && fr_dir_exists(fr_str_text(folder))) {
        char hash[FR_SHA256_HEX_SIZE];
        FR_TRY(fr__key_folder(fr_str_text(folder), true, hash, err));
        if (!strcmp(hash, known.weights_hash)) goto cleanup;
    }
    if (found)
        fr__running_note(job->run, FR_LOG_WARNING,
                         "%s is gone or no longer what was tuned; it is tuned again",
                         fr_str_text(folder));
    FR_TRY(tune(&t, fr_str_text(folder), err));
cleanup:
    fr_model_destroy(t.model);
    fr_tuning_data_release(&t.data);
    return st;
}
