/* predict_impl.h - what the files of the predictor share (internal to task). */
#ifndef FR_TASK_PREDICT_IMPL_H
#define FR_TASK_PREDICT_IMPL_H

#include "infer/generate.h"
#include "infer/infer.h"
#include "infer/score.h"
#include "task/predict.h"

/* Items as ids. */
typedef struct fr_inputs {
    fr_sequences texts;   /* an encoder's, or prompts */
    fr_sequences targets; /* prompts with their targets, where the likelihood is asked for */
} fr_inputs;

/* One text that is written. */
typedef struct fr_writing {
    fr_tokens ids; /* the prompt's end, then what was written; owned */
    size_t n_front;
    fr_str text; /* of what was written, without the stop text; owned */
} fr_writing;

struct fr_predictor {
    fr_model *model;
    const fr_tokenizer *tokenizer;
    const fr_task *task;
    fr_predict_options options;
    bool writes, reads_target; /* of a decoder */
    const fr_dataset *items;
    fr_inputs all, one;
    fr_predict_reading reading;
    fr_classifier *classifier; /* each NULL where it is not needed; owned */
    fr_generator *generator;
    fr_scorer *scorer;

    /* of the last run; owned */
    const fr_inputs *inputs; /* which of the two */
    size_t first, at;        /* of its items: in the inputs, in the data set */
    fr_predictions done;
    size_t cap;           /* items that there is room for */
    size_t *index;        /* [cap] */
    fr_writing *writings; /* [cap * samples] */
    fr_text *texts;       /* [cap * samples] */
    fr_prompt *prompts;   /* [cap * samples] */
    fr_score *scores;     /* [cap] */
    fr_str before, whole; /* scratch: decoded texts */
};

/* Writes texts for the items of the run, and reads labels out of them. */
FR_NODISCARD fr_status fr__predict_write(fr_predictor *p, fr_error *err);

#endif
