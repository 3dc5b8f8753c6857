/* eval.c - frugal eval: scores one model on one task, and measures what that takes. */
#include "cli/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/observer.h"
#include "cli/cli.h"

static void show_item(void *ctx, size_t done, size_t n)
{
    (void)ctx;
    if (isatty(2))
        fprintf(stderr, "\reval  %zu of %zu items\033[K%s", done, n, done == n ? "\n" : "");
}

static const fr_observer observer = {.on_item = show_item, .should_stop = cli_job_should_stop};

/* Worked examples of the training data, the same ones for every item. */
static fr_status read_shots(cli_evaluation *e, fr_error *err)
{
    fr_status st = FR_OK;
    const cli_eval_words *w = e->words;
    fr_dataset train = {0};
    if (!w->shots != !w->train)
        FR_FAIL(err, FR_ERR_USAGE, "--shots and --train go together: examples out of a file");
    if (!w->shots) goto cleanup;
    FR_TRY(cli_job_load(&e->job, w->train, 0, &train, err));
    FR_TRY(fr_dataset_shots(&train, e->job.task, NULL, w->shots, w->seed, &e->shots, err));
cleanup:
    fr_dataset_release(&train);
    return st;
}

static fr_status prepare(cli_evaluation *e, fr_error *err)
{
    fr_status st = FR_OK;
    const cli_eval_words *w = e->words;
    const fr_predict_options options = {
        .max_tokens = e->job.max_tokens,
        .batch = w->batch,
        .stride = w->stride,
        .samples = w->samples,
        .temperature = w->temperature,
        .seed = w->seed,
        .prompting = {.shots = {fr_str_text(&e->shots), e->shots.len}},
        .observer = &observer};
    const fr_scoring_options scoring = {.run_unprotected_code = w->run_unprotected_code,
                                        .should_stop = cli_job_should_stop};
    FR_TRY(fr_predictor_create(&e->predictor, e->job.model, e->job.tokenizer, e->job.task, &options,
                               err));
    FR_TRY(fr_scoring_create(&e->scoring, e->job.task, &scoring, err));
    size_t k = fr_measure_k(fr_scoring_measure(e->scoring, 0));
    if (k > w->samples)
        FR_FAIL(err, FR_ERR_USAGE, "%s needs --samples %zu and a --temperature, like 0.8",
                fr_scoring_name(e->scoring, 0), k);
    FR_TRY(fr_predictor_read(e->predictor, &e->items, err));
    size_t n_cut = fr_predictor_reading(e->predictor).n_cut;
    if (n_cut)
        fr_log(FR_LOG_WARNING,
               "%zu of %zu prompts are so long that no answer fits behind them within %zu tokens: "
               "what they ask about loses its end",
               n_cut, e->items.n, e->job.max_tokens);
cleanup:
    return st;
}

static fr_status eval(cli_evaluation *e, fr_error *err)
{
    fr_status st = FR_OK;
    const cli_eval_words *w = e->words;
    fr_window *window = NULL;
    FR_TRY(cli_job_open(&e->job, &w->job, NULL, false, err));
    if (w->batch == 0) FR_FAIL(err, FR_ERR_USAGE, "--batch must be at least 1");
    if (w->stride && !fr_task_reads_target(e->job.task))
        FR_FAIL(err, FR_ERR_USAGE, "--stride is for tasks that score whole texts; %s does not",
                e->job.task->name);
    FR_TRY(cli_job_load(&e->job, w->data, w->limit, &e->items, err));
    FR_TRY(read_shots(e, err));
    FR_TRY(prepare(e, err));
    FR_TRY(fr_window_begin(e->job.meter, fr_phase_name(FR_PHASE_INFER), &window, err));
    st = fr_predictor_run(e->predictor, 0, e->items.n, &e->got, err);
    fr_window_end(window, &e->energy);
    if (st != FR_OK) goto cleanup;
    FR_TRY(fr_predictor_score_targets(e->predictor, err));
    FR_TRY(cli_eval_score(e, err));
    if (w->predictions) FR_TRY(cli_eval_save(e, w->predictions, err));
    FR_TRY(cli_eval_print(e, err));
cleanup:
    fr_predictor_destroy(e->predictor);
    fr_scoring_destroy(e->scoring);
    fr_dataset_release(&e->items);
    fr_str_release(&e->shots);
    free(e->statistics);
    free(e->sums);
    free(e->scores);
    cli_job_close(&e->job);
    return st;
}

int cli_eval(int argc, char **argv)
{
    cli_eval_words w = {.job = CLI_JOB_WORDS_INIT, .batch = 32, .samples = 1, .seed = 1};
    cli_evaluation e = {.words = &w};
    const cli_option options[] = {
        {"--model", CLI_TEXT, &w.job.model, true, "PATH",
         "Hugging Face folder, or GGUF file of a decoder"},
        {"--task", CLI_TEXT, &w.job.task, true, "NAME", CLI_TASK_HELP},
        {"--data", CLI_TEXT, &w.data, true, "F", CLI_DATA_HELP},
        {"--limit", CLI_COUNT, &w.limit, false, "N", "only the first N items"},
        {"--shuffle", CLI_SEED, &w.job.shuffle, false, "SEED", CLI_SHUFFLE_HELP},
        {"--predictions", CLI_TEXT, &w.predictions, false, "OUT.jsonl",
         "write one line an item: label and class, texts, log-probability, scores"},
        {"--batch", CLI_COUNT, &w.batch, false, "N", "texts at a time, default 32"},
        {"--max-tokens", CLI_COUNT, &w.job.max_tokens, false, "N",
         "longest text; default: the model's limit, at most 512 (decoders: 1024)"},
        {"--stride", CLI_COUNT, &w.stride, false, "N",
         "tokens between windows of longer texts; default: half of them"},
        {"--shots", CLI_COUNT, &w.shots, false, "N", "worked examples before each prompt"},
        {"--train", CLI_TEXT, &w.train, false, "F", "data that the examples are drawn from"},
        {"--samples", CLI_COUNT, &w.samples, false, "N",
         "texts that a decoder writes for an item, default 1; pass@k needs k"},
        {"--temperature", CLI_NUMBER, &w.temperature, false, "X",
         "of what it writes; default 0: always the most likely token"},
        {"--seed", CLI_SEED, &w.seed, false, "N", "of samples and examples, default 1"},
        {"--run-unprotected-code", CLI_FLAG, &w.run_unprotected_code, false, NULL,
         "run generated programs where no sandbox holds: they can then do what you can"},
        {"--threads", CLI_COUNT, &w.job.threads, false, "N", "default: all processors"},
        {"--text-field", CLI_TEXT, &w.job.text_field, false, "NAME", CLI_TEXT_FIELD_HELP},
        {"--label-field", CLI_TEXT, &w.job.label_field, false, "NAME", "default label"},
        {"--region", CLI_TEXT, &w.job.region, false, "NAME", "of the grid; default: world average"},
        {"--live", CLI_TEXT, &w.job.live, false, "SERVICE", CLI_LIVE_HELP},
        {"--pue", CLI_NUMBER, &w.job.pue, false, "X", "of the data centre, default 1"},
        {"--json", CLI_FLAG, &w.json, false, NULL, "the result as one JSON object"},
    };
    const cli_command command = {
        .name = "eval",
        .summary = "Scores a model on the items of a task, with its energy and carbon.",
        .usage = "",
        .example = "frugal eval --model tuned --task sentiment --data test.jsonl --json",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    cli_show_remarks();
    return eval(&e, &err) == FR_OK ? CLI_OK : cli_report_error(&err);
}
