/* ops.h - the op table: one row an operation.
 *
 *   name       FR_OP_<name>; "name" in messages
 *   inputs     most tensors it takes
 *   params     most weights it takes
 *   reads      what its backward reads again: FR_READS_IN, FR_READS_OUT
 *   take       what may be made in the buffer of input 0, where nobody reads that again
 *   shape      checks sizes and indices; sets rows, cols of the output and n_saved
 *   forward    computes; cannot fail
 *   backward   adds into the gradients that are wanted, or FR_NO_GRAD
 *
 * A row with a missing entry does not compile, and tests/graph/test_ops.c does
 * not compile for an op without a test case. */
#ifndef FR_GRAPH_OPS_H
#define FR_GRAPH_OPS_H

#include "graph/graph.h"

enum { FR_READS_NONE = 0, FR_READS_IN = 1, FR_READS_OUT = 2 };

typedef enum fr_take { FR_TAKE_NONE, FR_TAKE_AS_OUT, FR_TAKE_AS_SAVED } fr_take;

#define FR_NO_GRAD NULL

/* clang-format off */
/*    name               inputs  params  reads                       take              shape                        forward                        backward */
#define FR_OP_MAP(X)                                                                                                                                                             \
    X(embed,             0,      3,      FR_READS_NONE,              FR_TAKE_NONE,     embed_shape,                 embed_forward,                 embed_backward)               \
    X(linear,            1,      2,      FR_READS_IN,                FR_TAKE_NONE,     linear_shape,                linear_forward,                linear_backward)              \
    X(bias_act,          1,      1,      FR_READS_IN,                FR_TAKE_NONE,     bias_act_shape,              bias_act_forward,              bias_act_backward)            \
    X(layer_norm,        2,      2,      FR_READS_NONE,              FR_TAKE_AS_SAVED, layer_norm_shape,            layer_norm_forward,            layer_norm_backward)          \
    X(norm,              1,      2,      FR_READS_IN,                FR_TAKE_NONE,     norm_shape,                  norm_forward,                  norm_backward)                \
    X(attend,            3,      0,      FR_READS_IN | FR_READS_OUT, FR_TAKE_NONE,     fr__attend_shape,            fr__attend_forward,            fr__attend_backward)          \
    X(attend_cached,     3,      0,      FR_READS_NONE,              FR_TAKE_NONE,     fr__attend_cached_shape,     fr__attend_cached_forward,     FR_NO_GRAD)                   \
    X(rotate,            1,      0,      FR_READS_NONE,              FR_TAKE_AS_OUT,   fr__rotate_shape,            fr__rotate_forward,            fr__rotate_backward)          \
    X(gate,              2,      0,      FR_READS_IN,                FR_TAKE_NONE,     gate_shape,                  gate_forward,                  gate_backward)                \
    X(drop,              1,      0,      FR_READS_NONE,              FR_TAKE_AS_OUT,   drop_shape,                  drop_forward,                  drop_backward)                \
    X(gather_rows,       1,      0,      FR_READS_NONE,              FR_TAKE_NONE,     gather_rows_shape,           gather_rows_forward,           gather_rows_backward)         \
    X(add,               2,      0,      FR_READS_NONE,              FR_TAKE_AS_OUT,   add_shape,                   add_forward,                   add_backward)                 \
    X(cross_entropy,     1,      0,      FR_READS_NONE,              FR_TAKE_NONE,     fr__cross_entropy_shape,     fr__cross_entropy_forward,     fr__cross_entropy_backward)   \
    X(vocabulary_loss,   1,      1,      FR_READS_NONE,              FR_TAKE_NONE,     fr__vocabulary_loss_shape,   fr__vocabulary_loss_forward,   fr__vocabulary_loss_backward) \
    X(vocabulary_scores, 1,      1,      FR_READS_NONE,              FR_TAKE_NONE,     fr__vocabulary_scores_shape, fr__vocabulary_scores_forward, FR_NO_GRAD)
/* clang-format on */

typedef enum fr_op {
#define FR_OP_ENUM(name, inputs, params, reads, take, shape, forward, backward) FR_OP_##name,
    FR_OP_MAP(FR_OP_ENUM)
#undef FR_OP_ENUM
        FR_N_OPS
} fr_op;

enum { FR_OP_MAX_IN = 3, FR_OP_MAX_PARAMS = 3, FR_OP_MAX_SAVED = 3 };

/* An activation. Its fr_tensor comes first: what callers hold is a pointer to it. */
typedef struct fr_node {
    fr_tensor t;
    bool leaf;
    bool wants_grad;
    bool read_again; /* the backward of a recorded call reads t.data */
} fr_node;

/* One operation at work. */
typedef struct fr_call {
    fr_op op;
    fr_node *in[FR_OP_MAX_IN];
    fr_param *param[FR_OP_MAX_PARAMS];
    const int32_t *ids;     /* embed: token ids; gather_rows: rows; losses: labels */
    const fr_batch *batch;  /* embed, attend_cached, rotate */
    fr_attention attention; /* attend, attend_cached */
    fr_rotary rotary;       /* rotate */
    size_t place;           /* embed: first position; attend_cached: layer; rotate: max positions */
    fr_norm_kind norm;
    float divisor;     /* vocabulary_loss */
    float factor;      /* add */
    bool leaves_input; /* input 0 is used again: its buffer is not taken over */
    fr_dropout dropout;
    fr_activation act;
    float eps;
    bool training;

    size_t rows, cols;               /* of the output; set by shape */
    size_t n_saved[FR_OP_MAX_SAVED]; /* numbers kept for backward; set by shape */
    fr_node *out;
    float *saved[FR_OP_MAX_SAVED];
    const struct fr_part_call *part; /* a part of a net instead of an operation; or NULL */
} fr_call;

typedef struct fr_op_row {
    const char *name;
    unsigned n_inputs, n_params;
    unsigned reads;
    fr_take take;
    fr_status (*shape)(fr_call *c, fr_error *err);
    void (*forward)(const fr_kernels *k, fr_call *c);
    void (*backward)(const fr_kernels *k, fr_call *c);
} fr_op_row;

extern const fr_op_row fr__op_table[FR_N_OPS];

/* Checks, allocates, computes and (in training) records one call; graph.c. */
FR_NODISCARD fr_status fr__graph_run(fr_graph *g, fr_call *c, fr_tensor **out, fr_error *err);

/* Walks the tape back from root, whose gradient is given: [rows, cols] of root. */
FR_NODISCARD fr_status fr__graph_backward_from(fr_graph *g, fr_tensor *root, const float *grad,
                                               fr_error *err);

/* The next dropout of this step: off unless training. Counts sites in order of execution. */
fr_dropout fr__graph_dropout(fr_graph *g, float rate);

#endif
