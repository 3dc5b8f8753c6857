/* pickle.c - a stack machine that can build tensors.
 *
 * Objects live in an arena of bounded size until the end, so that cycles and shared objects need no
 * care; texts stay in the pickle. The memo takes only the next number, as every pickler writes it,
 * so it is no longer than the pickle. Objects are never walked in depth: a list that holds itself
 * does no harm.
 *
 * Not here: where storages lie, and whether a tensor fits into its own (torch_bin.c). */
#include "format/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { MAX_OBJECTS = 48 << 20 /* bytes, beside the size of the pickle */, MAX_MARKS = 256 };

typedef enum kind {
    NONE,
    BOOLEAN,
    INTEGER,
    REAL,
    TEXT,
    TUPLE,
    LIST,
    DICT,
    STORAGE_TYPE, /* torch.FloatStorage and the like */
    FUNCTION,
    STORAGE,
    TENSOR,
} kind;

static const char *const kind_names[] = {
    "None",   "a bool",       "an integer",     "a number",   "a text",    "a tuple",
    "a list", "a dictionary", "a storage type", "a function", "a storage", "a tensor"};

typedef enum function { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER } function;

typedef struct value value;

/* A tuple, or a list or dictionary that grows; a dictionary has key and value in turn. */
typedef struct items {
    value *at;
    uint32_t n, cap;
} items;

typedef struct storage {
    fr_bytes key;
    size_t n;
    fr_dtype dtype;
} storage;

struct value {
    uint8_t kind;
    uint32_t len; /* of a text */
    union {
        int64_t integer; /* also a bool, a function, the fr_dtype of a storage type */
        const char *text;
        items *items;
        const storage *storage;
        const fr_pickled *tensor;
    } as;
};

/* What a pickle may name. */
static const struct {
    const char *module, *name;
    kind kind;
    int64_t what;
} globals[] = {
    {"collections", "OrderedDict", FUNCTION, ORDERED_DICT},
    {"torch._utils", "_rebuild_tensor_v2", FUNCTION, REBUILD_TENSOR},
    {"torch._utils", "_rebuild_parameter", FUNCTION, REBUILD_PARAMETER},
    {"torch", "FloatStorage", STORAGE_TYPE, FR_DTYPE_F32},
    {"torch", "HalfStorage", STORAGE_TYPE, FR_DTYPE_F16},
    {"torch", "BFloat16Storage", STORAGE_TYPE, FR_DTYPE_BF16},
    {"torch", "DoubleStorage", STORAGE_TYPE, FR_DTYPE_F64},
    {"torch", "LongStorage", STORAGE_TYPE, FR_DTYPE_I64},
    {"torch", "IntStorage", STORAGE_TYPE, FR_DTYPE_I32},
    {"torch", "ShortStorage", STORAGE_TYPE, FR_DTYPE_I16},
    {"torch", "CharStorage", STORAGE_TYPE, FR_DTYPE_I8},
    {"torch", "ByteStorage", STORAGE_TYPE, FR_DTYPE_U8},
    {"torch", "BoolStorage", STORAGE_TYPE, FR_DTYPE_BOOL},
};

typedef struct machine {
    const unsigned char *begin, *at, *end;
    const char *path;
    fr_arena arena;
    size_t budget; /* bytes of objects that may still be made */
    value *stack, *memo;
    size_t n_stack, cap_stack, n_memo, cap_memo;
    size_t marks[MAX_MARKS], n_marks;
} machine;

/* A macro, so that the analyzer sees in place that it is never FR_OK. */
#define broken(m, what, err)                                                        \
    fr_error_set((err), FR_ERR_FORMAT, "%s: byte %zu of the pickle: %s", (m)->path, \
                 (size_t)((m)->at - (m)->begin), (what))

static fr_status make(machine *m, size_t count, size_t size, void **out, fr_error *err)
{
    size_t bytes = count * size + FR_ALIGN; /* counts are at most the size of the pickle */
    if (bytes > m->budget) return broken(m, "builds more objects than any model needs", err);
    m->budget -= bytes;
    *out = fr_arena_alloc(&m->arena, count, size);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", m->path);
}

static fr_status grow(machine *m, value **array, size_t *cap, size_t n, fr_error *err)
{
    if (n < *cap) return FR_OK;
    size_t more = *cap ? 2 * *cap : 64;
    if ((more - *cap) * sizeof(value) > m->budget)
        return broken(m, "builds more objects than any model needs", err);
    value *grown = realloc(*array, more * sizeof(*grown));
    if (!grown) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", m->path);
    m->budget -= (more - *cap) * sizeof(value);
    *array = grown;
    *cap = more;
    return FR_OK;
}

static fr_status push(machine *m, value v, fr_error *err)
{
    fr_status st = grow(m, &m->stack, &m->cap_stack, m->n_stack, err);
    if (st == FR_OK) m->stack[m->n_stack++] = v;
    return st;
}

static fr_status push_integer(machine *m, kind k, int64_t x, fr_error *err)
{
    return push(m, (value){.kind = (uint8_t)k, .as.integer = x}, err);
}

/* The last n values, which lie above the last mark; they leave the stack. */
static fr_status take(machine *m, size_t n, const value **out, fr_error *err)
{
    size_t floor = m->n_marks ? m->marks[m->n_marks - 1] : 0;
    if (m->n_stack - floor < n) return broken(m, "takes more from the stack than lies there", err);
    m->n_stack -= n;
    *out = m->stack + m->n_stack;
    return FR_OK;
}

/* All values above the last mark, which goes too. */
static fr_status take_marked(machine *m, const value **out, size_t *n, fr_error *err)
{
    if (!m->n_marks) return broken(m, "has no mark on the stack", err);
    size_t floor = m->marks[--m->n_marks];
    *n = m->n_stack - floor;
    m->n_stack = floor;
    *out = *n ? m->stack + floor : NULL; /* nothing was ever pushed, perhaps: there is no stack */
    return FR_OK;
}

static fr_status top(machine *m, value **out, fr_error *err)
{
    size_t floor = m->n_marks ? m->marks[m->n_marks - 1] : 0;
    if (m->n_stack == floor) return broken(m, "takes more from the stack than lies there", err);
    *out = &m->stack[m->n_stack - 1];
    return FR_OK;
}

static fr_status read_bytes(machine *m, size_t n, const unsigned char **out, fr_error *err)
{
    if (n > (size_t)(m->end - m->at)) return broken(m, "ends inside an opcode", err);
    *out = m->at;
    m->at += n;
    return FR_OK;
}

/* A little-endian integer of 1 to 8 bytes, without sign. */
static fr_status read_unsigned(machine *m, size_t bytes, uint64_t *out, fr_error *err)
{
    const unsigned char *p = NULL;
    fr_status st = read_bytes(m, bytes, &p, err);
    *out = 0;
    for (size_t i = 0; st == FR_OK && i < bytes; i++) *out |= (uint64_t)p[i] << (8 * i);
    return st;
}

/* --- Objects --------------------------------------------------------------------------- */

static fr_status push_items(machine *m, kind k, const value *from, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    void *memory;
    FR_TRY(make(m, 1, sizeof(items), &memory, err));
    items *list = memory;
    *list = (items){NULL, (uint32_t)n, (uint32_t)n};
    if (n) {
        FR_TRY(make(m, n, sizeof(value), &memory, err));
        list->at = memory;
        memcpy(list->at, from, n * sizeof(value));
    }
    FR_TRY(push(m, (value){.kind = (uint8_t)k, .as.items = list}, err));
cleanup:
    return st;
}

static fr_status append(machine *m, items *list, const value *from, size_t n, fr_error *err)
{
    size_t total = list->n + n;
    if (total > UINT32_MAX / 2) return broken(m, "builds more objects than any model needs", err);
    if (total > list->cap) {
        size_t cap = total < 8 ? 8 : 2 * total;
        void *memory;
        fr_status st = make(m, cap, sizeof(value), &memory, err);
        if (st != FR_OK) return st;
        if (list->n) memcpy(memory, list->at, list->n * sizeof(value));
        list->at = memory;
        list->cap = (uint32_t)cap;
    }
    if (n) memcpy(list->at + list->n, from, n * sizeof(value));
    list->n = (uint32_t)total;
    return FR_OK;
}

/* Adds values to the list or dictionary that lies below them. */
static fr_status add_to(machine *m, kind wanted, const value *from, size_t n, fr_error *err)
{
    value *target = NULL;
    fr_status st = top(m, &target, err);
    if (st != FR_OK) return st;
    if (target->kind != wanted || (wanted == DICT && n % 2))
        return broken(m,
                      wanted == DICT ? "sets an item of what is no dictionary"
                                     : "appends to what is no list",
                      err);
    return append(m, target->as.items, from, n, err);
}

static fr_status push_global(machine *m, fr_error *err)
{
    const char *words[2];
    size_t len[2];
    for (int i = 0; i < 2; i++) {
        const unsigned char *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
        if (!end) return broken(m, "ends inside an opcode", err);
        words[i] = (const char *)m->at;
        len[i] = (size_t)(end - m->at);
        m->at = end + 1;
    }
    for (size_t i = 0; i < sizeof(globals) / sizeof(*globals); i++)
        if (fr_bytes_equal((fr_bytes){words[0], len[0]}, globals[i].module) &&
            fr_bytes_equal((fr_bytes){words[1], len[1]}, globals[i].name))
            return push_integer(m, globals[i].kind, globals[i].what, err);
    char shown[2][81];
    for (int i = 0; i < 2; i++) {
        size_t n = len[i] < 80 ? len[i] : 80;
        for (size_t k = 0; k < n; k++) /* a message is one line of plain letters */
            shown[i][k] = words[i][k] > ' ' && words[i][k] < 127 ? words[i][k] : '?';
        shown[i][n] = 0;
    }
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: the pickle wants to import %s.%s, which a file of weights has no need "
                        "for; nothing was executed. If you trust the file, load it with torch and "
                        "save its state_dict as safetensors",
                        m->path, shown[0], shown[1]);
}

static bool is_size(const value *v, size_t *out)
{
    if (v->kind != INTEGER || v->as.integer < 0 || v->as.integer >= (int64_t)1 << 48) return false;
    *out = (size_t)v->as.integer;
    return true;
}

/* ("storage", type, key, location, number of elements) */
static fr_status push_storage(machine *m, const value *id, fr_error *err)
{
    size_t n;
    void *memory;
    const value *a = id->kind == TUPLE ? id->as.items->at : NULL;
    if (!a || id->as.items->n != 5 || a[0].kind != TEXT ||
        !fr_bytes_equal((fr_bytes){a[0].as.text, a[0].len}, "storage") ||
        a[1].kind != STORAGE_TYPE || a[2].kind != TEXT || a[3].kind != TEXT || !is_size(&a[4], &n))
        return broken(m, "names something outside that is no storage of a tensor", err);
    fr_status st = make(m, 1, sizeof(storage), &memory, err);
    if (st != FR_OK) return st;
    storage *s = memory;
    *s = (storage){{a[2].as.text, a[2].len}, n, (fr_dtype)a[1].as.integer};
    return push(m, (value){.kind = STORAGE, .as.storage = s}, err);
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]) */
static fr_status push_tensor(machine *m, const items *args, fr_error *err)
{
    const char *wrong = "describes a tensor in a way that torch.save does not";
    void *memory;
    fr_pickled t = {.name = {NULL, 0}};
    const value *a = args->at;
    if (args->n < 6 || args->n > 7 || a[0].kind != STORAGE || !is_size(&a[1], &t.offset) ||
        a[2].kind != TUPLE || a[3].kind != TUPLE || a[2].as.items->n != a[3].as.items->n)
        return broken(m, wrong, err);
    if (a[2].as.items->n > FR_MAX_DIMS)
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: a tensor of %u dimensions, at most %d are known", m->path,
                            (unsigned)a[2].as.items->n, FR_MAX_DIMS);
    t.n_dims = a[2].as.items->n;
    for (size_t d = 0; d < t.n_dims; d++)
        if (!is_size(&a[2].as.items->at[d], &t.shape[d]) ||
            !is_size(&a[3].as.items->at[d], &t.strides[d]))
            return broken(m, wrong, err);
    t.storage = a[0].as.storage->key;
    t.storage_n = a[0].as.storage->n;
    t.dtype = a[0].as.storage->dtype;
    fr_status st = make(m, 1, sizeof(t), &memory, err);
    if (st != FR_OK) return st;
    memcpy(memory, &t, sizeof(t));
    return push(m, (value){.kind = TENSOR, .as.tensor = memory}, err);
}

static fr_status call(machine *m, fr_error *err)
{
    const value *v = NULL;
    fr_status st = take(m, 2, &v, err);
    if (st != FR_OK) return st;
    if (v[0].kind != FUNCTION || v[1].kind != TUPLE)
        return broken(m, "calls what is no function", err);
    const items *args = v[1].as.items;
    switch ((function)v[0].as.integer) {
    case ORDERED_DICT:
        if (args->n) return broken(m, "makes an OrderedDict of something", err);
        return push_items(m, DICT, NULL, 0, err);
    case REBUILD_TENSOR: return push_tensor(m, args, err);
    case REBUILD_PARAMETER:
        if (args->n != 3 || args->at[0].kind != TENSOR)
            return broken(m, "makes a parameter of what is no tensor", err);
        return push(m, args->at[0], err);
    }
    return broken(m, "calls what is no function", err);
}

/* --- Opcodes --------------------------------------------------------------------------- */

static fr_status memoize(machine *m, uint64_t index, fr_error *err)
{
    value *v;
    fr_status st = top(m, &v, err);
    if (st != FR_OK) return st;
    if (index != m->n_memo) return broken(m, "numbers its memo as no pickler does", err);
    st = grow(m, &m->memo, &m->cap_memo, m->n_memo, err);
    if (st == FR_OK) m->memo[m->n_memo++] = *v;
    return st;
}

static fr_status recall(machine *m, uint64_t index, fr_error *err)
{
    if (index >= m->n_memo) return broken(m, "recalls what the memo does not hold", err);
    return push(m, m->memo[index], err);
}

static fr_status push_text(machine *m, fr_error *err)
{
    uint64_t len = 0;
    const unsigned char *text = NULL;
    fr_status st = read_unsigned(m, 4, &len, err);
    if (st == FR_OK) st = read_bytes(m, (size_t)len, &text, err);
    if (st != FR_OK) return st;
    return push(m, (value){.kind = TEXT, .len = (uint32_t)len, .as.text = (const char *)text}, err);
}

/* An integer of up to 255 bytes in two's complement; torch writes none of more than eight. */
static fr_status push_long(machine *m, fr_error *err)
{
    uint64_t len = 0, bits = 0;
    fr_status st = read_unsigned(m, 1, &len, err);
    if (st != FR_OK) return st;
    if (len > 8) return broken(m, "holds an integer of more than 64 bits", err);
    st = read_unsigned(m, (size_t)len, &bits, err);
    if (st != FR_OK) return st;
    if (len && len < 8 && bits >> (8 * len - 1)) bits |= UINT64_MAX << (8 * len);
    return push_integer(m, INTEGER, (int64_t)bits, err);
}

static fr_status push_number(machine *m, size_t bytes, fr_error *err)
{
    uint64_t x = 0;
    fr_status st = read_unsigned(m, bytes, &x, err);
    if (st != FR_OK) return st;
    return push_integer(m, INTEGER, bytes == 4 ? (int32_t)(uint32_t)x : (int64_t)x, err);
}

static fr_status push_tuple(machine *m, size_t n, fr_error *err)
{
    const value *from = NULL;
    fr_status st = take(m, n, &from, err);
    if (st != FR_OK) return st;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the arena owns what is made */
    return push_items(m, TUPLE, from, n, err);
}

/* Everything above the mark as a tuple, or into the list or dictionary below it. */
static fr_status gather(machine *m, kind k, fr_error *err)
{
    const value *from = NULL;
    size_t n = 0;
    fr_status st = take_marked(m, &from, &n, err);
    if (st != FR_OK) return st;
    return k == TUPLE ? push_items(m, TUPLE, from, n, err) : add_to(m, k, from, n, err);
}

static fr_status add_last(machine *m, kind k, fr_error *err)
{
    const value *from = NULL;
    size_t n = k == DICT ? 2 : 1;
    fr_status st = take(m, n, &from, err);
    return st == FR_OK ? add_to(m, k, from, n, err) : st;
}

static fr_status mark(machine *m, fr_error *err)
{
    if (m->n_marks == MAX_MARKS) return broken(m, "nests deeper than any model needs", err);
    m->marks[m->n_marks++] = m->n_stack;
    return FR_OK;
}

/* Attributes of a dictionary (_metadata of a state_dict): versions of modules, not weights. */
static fr_status drop_attributes(machine *m, fr_error *err)
{
    const value *from = NULL;
    value *target = NULL;
    fr_status st = take(m, 1, &from, err);
    bool fits = st == FR_OK && from->kind == DICT;
    if (st == FR_OK) st = top(m, &target, err);
    if (st != FR_OK) return st;
    if (!fits || target->kind != DICT)
        return broken(m, "sets attributes of what is no dictionary", err);
    return FR_OK;
}

static fr_status step(machine *m, unsigned char op, fr_error *err)
{
    uint64_t n = 0;
    const value *v = NULL;
    const unsigned char *skipped;
    fr_status st = FR_OK;
    switch (op) {
    case '(': return mark(m, err);
    case ')': return push_items(m, TUPLE, NULL, 0, err);
    case ']': return push_items(m, LIST, NULL, 0, err);
    case '}': return push_items(m, DICT, NULL, 0, err);
    case 't': return gather(m, TUPLE, err);
    case 'e': return gather(m, LIST, err);
    case 'u': return gather(m, DICT, err);
    case 'a': return add_last(m, LIST, err);
    case 's': return add_last(m, DICT, err);
    case 0x85:
    case 0x86:
    case 0x87: return push_tuple(m, op - 0x84u, err);
    case 'N': return push_integer(m, NONE, 0, err);
    case 0x88:
    case 0x89: return push_integer(m, BOOLEAN, op == 0x88, err);
    case 'J': return push_number(m, 4, err);
    case 'K': return push_number(m, 1, err);
    case 'M': return push_number(m, 2, err);
    case 0x8a: return push_long(m, err);
    case 'G': /* no float is part of a tensor */
        FR_TRY(read_bytes(m, 8, &skipped, err));
        return push_integer(m, REAL, 0, err);
    case 'X': return push_text(m, err);
    case 'c': return push_global(m, err);
    case 'R': return call(m, err);
    case 'b': return drop_attributes(m, err);
    case 'Q': FR_TRY(take(m, 1, &v, err)); return push_storage(m, v, err);
    case 'q':
    case 'r': FR_TRY(read_unsigned(m, op == 'q' ? 1 : 4, &n, err)); return memoize(m, n, err);
    case 'h':
    case 'j': FR_TRY(read_unsigned(m, op == 'h' ? 1 : 4, &n, err)); return recall(m, n, err);
    default:
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: byte %zu of the pickle: opcode 0x%02x, which torch.save does not "
                            "write for weights",
                            m->path, (size_t)(m->at - 1 - m->begin), op);
    }
cleanup:
    return st;
}

static fr_status visit_all(const machine *m, const items *dict, fr_pickle_visit *visit, void *ctx,
                           fr_error *err)
{
    for (size_t i = 0; i + 1 < dict->n; i += 2) {
        const value *key = &dict->at[i], *v = &dict->at[i + 1];
        if (key->kind != TEXT)
            return fr_error_set(err, FR_ERR_FORMAT, "%s: a key of the dictionary is %s, not a text",
                                m->path, kind_names[key->kind]);
        if (v->kind != TENSOR)
            return fr_error_set(err, FR_ERR_FORMAT,
                                "%s: '%.*s' is %s, not a tensor; a state_dict is wanted: names and "
                                "tensors, nothing else",
                                m->path, key->len < 100 ? (int)key->len : 100, key->as.text,
                                kind_names[v->kind]);
        fr_pickled t = *v->as.tensor;
        t.name = (fr_bytes){key->as.text, key->len};
        fr_status st = visit(ctx, &t, err);
        if (st != FR_OK) return st;
    }
    return FR_OK;
}

fr_status fr_pickle_read(const unsigned char *pickle, size_t size, const char *path,
                         fr_pickle_visit *visit, void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    value *result = NULL;
    machine m = {.begin = pickle, .at = pickle, .end = pickle + size, .path = path};
    m.budget = MAX_OBJECTS + size;
    fr_arena_init(&m.arena, 0);
    if (size < 2 || pickle[0] != 0x80 || pickle[1] != 2)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: not a pickle of protocol 2, which torch.save writes",
                path);
    m.at += 2;
    for (;;) {
        if (m.at == m.end) FR_TRY(broken(&m, "ends without a result", err));
        unsigned char op = *m.at++;
        if (op == '.') break;
        FR_TRY(step(&m, op, err));
    }
    FR_TRY(top(&m, &result, err));
    if (m.n_stack != 1 || m.n_marks || result->kind != DICT)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: holds %s, not the dictionary of tensors that torch.save(model.state_dict()) "
                "writes",
                path, kind_names[result->kind]);
    FR_TRY(visit_all(&m, result->as.items, visit, ctx, err));
cleanup:
    free(m.stack);
    free(m.memo);
    fr_arena_release(&m.arena);
    return st;
}
