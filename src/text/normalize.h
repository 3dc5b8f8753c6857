/* normalize.h - what becomes of a text before it is split: a list of steps.
 *
 *     fr_norm_state state;
 *     fr_norm_state_init(&state);
 *     fr_normal normal;
 *     FR_TRY(fr_norm_run(&norm, &state, text, len, &normal, err));   // valid UTF-8
 *     ... normal.text[0 .. normal.len), valid until the next run with this state ...
 *
 * Source: the normalizers of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_NORMALIZE_H
#define FR_TEXT_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/bert.h"
#include "text/charsmap.h"
#include "text/codes.h"
#include "text/pattern.h"
#include "text/spm_normalize.h"

typedef enum fr_norm_kind {
    FR_NORM_BERT,
    FR_NORM_NFC,
    FR_NORM_NFD,
    FR_NORM_NFKC,
    FR_NORM_NFKD,
    FR_NORM_LOWERCASE,
    FR_NORM_STRIP_ACCENTS,
    FR_NORM_STRIP,
    FR_NORM_REPLACE,
    FR_NORM_PREPEND,
    FR_NORM_CHARSMAP, /* Precompiled */
    FR_NORM_NMT,
    FR_NORM_BYTE_LEVEL,
    FR_NORM_SENTENCEPIECE,
} fr_norm_kind;

typedef struct fr_norm_step {
    fr_norm_kind kind;
    bool left, right;    /* Strip: at which ends */
    fr_bert *bert;       /* owned, as all below */
    fr_pattern *pattern; /* Replace */
    fr_str text;         /* Replace: by what; Prepend: what */
    fr_charsmap *map;
    fr_spm_normalizer *spm;
} fr_norm_step;

enum { FR_NORM_MAX = 16 };

typedef struct fr_norm {
    fr_norm_step steps[FR_NORM_MAX];
    size_t n;
} fr_norm;

/* A further step, empty but for its kind; NULL when there are FR_NORM_MAX. */
fr_norm_step *fr_norm_add(fr_norm *norm, fr_norm_kind kind);
void fr_norm_release(fr_norm *norm);

/* Memory of one thread. */
typedef struct fr_norm_state {
    fr_str text[2];
    fr_codes codes, spare;
    fr_matcher matcher;
    size_t most; /* bytes that may become of the text */
} fr_norm_state;

void fr_norm_state_init(fr_norm_state *s);
void fr_norm_state_release(fr_norm_state *s);

typedef struct fr_normal {
    const char *text; /* the text itself where there are no steps, else memory of the state */
    size_t len;
    bool from_start; /* its first character comes from the first one of the text */
} fr_normal;

/* Errors: FR_ERR_NOMEM; FR_ERR_UNSUPPORTED (an expression that takes too long, a text that grows
 * too much). */
FR_NODISCARD fr_status fr_norm_run(const fr_norm *norm, fr_norm_state *state, const char *text,
                                   size_t len, fr_normal *out, fr_error *err);

#endif
