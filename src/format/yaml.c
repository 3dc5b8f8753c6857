/* yaml.c - libyaml's document, copied into a tree of our own that knows its lines.
 *
 * libyaml lets through what nobody means in a configuration (duplicate keys,
 * cycles by aliases, `? complex` keys); the events are watched and the tree is
 * checked while it is built, so that what comes out is plain.
 *
 * Not here: values and their types (yaml_values.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/str.h"
#include "format/yaml_node.h"
#include "os/file.h"

struct fr_yaml {
    fr_arena arena; /* everything */
    const char *name;
    fr_yaml_node *root;
    size_t n_nodes;
};

/* One pass over a text, event by event. */
typedef struct reader {
    fr_yaml *doc;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
} reader;

static const char *event_where(const reader *r, char buf[FR_YAML_WHERE_SIZE])
{
    snprintf(buf, FR_YAML_WHERE_SIZE, "%s:%zu", r->doc->name, r->event.start_mark.line + 1);
    return buf;
}

/* Moves to the next event. */
static fr_status advance(reader *r, fr_error *err)
{
    if (r->has_event) yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event);
    if (r->has_event) return FR_OK;

    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", r->doc->name);
    if (p->error == YAML_READER_ERROR)
        return fr_error_set(err, FR_ERR_USAGE, "%s:%zu: byte %zu: %s", r->doc->name,
                            p->mark.line + 1, p->problem_offset, p->problem);
    return fr_error_set(err, FR_ERR_USAGE, "%s:%zu: not valid YAML: %s%s%s", r->doc->name,
                        p->problem_mark.line + 1, p->context ? p->context : "",
                        p->context ? ": " : "", p->problem ? p->problem : "unknown error");
}

static fr_status refuse(const reader *r, const char *what, fr_error *err)
{
    char where[FR_YAML_WHERE_SIZE];
    return fr_error_set(err, FR_ERR_USAGE, "%s: %s", event_where(r, where), what);
}

static fr_status new_node(reader *r, fr_yaml_kind kind, const char *label, fr_yaml_node **out,
                          fr_error *err)
{
    char where[FR_YAML_WHERE_SIZE];
    if (++r->doc->n_nodes > FR_YAML_MAX_NODES) return refuse(r, "too many values", err);
    fr_yaml_node *node = fr_arena_calloc(&r->doc->arena, 1, sizeof(*node));
    const char *copy = fr_arena_strdup(&r->doc->arena, event_where(r, where));
    if (!node || !copy) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", r->doc->name);
    node->kind = kind;
    node->where = copy;
    node->label = label;
    *out = node;
    return FR_OK;
}

/* Text of the current scalar event, in the arena. */
static fr_status scalar_text(reader *r, const char **out, fr_error *err)
{
    const char *value = (const char *)r->event.data.scalar.value;
    if (strlen(value) != r->event.data.scalar.length)
        return refuse(r, "a NUL character in a value", err);
    *out = fr_arena_strdup(&r->doc->arena, value);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", r->doc->name);
}

static fr_status read_key(reader *r, const fr_yaml_node *map, const char **key, fr_error *err)
{
    if (r->event.type != YAML_SCALAR_EVENT) return refuse(r, "a key must be a plain word", err);
    if (r->event.data.scalar.anchor || r->event.data.scalar.tag)
        return refuse(r, "anchors and tags are not supported", err);
    fr_status st = scalar_text(r, key, err);
    if (st != FR_OK) return st;
    const fr_yaml_node *earlier = fr_yaml_get(map, *key);
    if (!earlier) return FR_OK;
    char where[FR_YAML_WHERE_SIZE];
    return fr_error_set(err, FR_ERR_USAGE, "%s: key '%s' was already given at %s",
                        event_where(r, where), *key, earlier->where);
}

static bool is_anchored(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT: return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default: return false;
    }
}

/* Reads the value that the current event begins; ends at its last event. label: what messages
 * call it ("epochs", "an item of seeds"). */
static fr_status read_value(reader *r, size_t depth, const char *label, fr_yaml_node **out,
                            fr_error *err);

/* Items of a list or pairs of a map until the closing event. */
static fr_status read_children(reader *r, size_t depth, fr_yaml_node *node, fr_error *err)
{
    fr_status st = FR_OK;
    bool is_map = node->kind == FR_YAML_MAP;
    fr_yaml_node *last = NULL;
    for (;;) {
        const char *key = NULL;
        FR_TRY(advance(r, err));
        if (r->event.type == YAML_SEQUENCE_END_EVENT || r->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (is_map) {
            FR_TRY(read_key(r, node, &key, err));
            FR_TRY(advance(r, err));
        }
        fr_yaml_node *child;
        FR_TRY(read_value(r, depth + 1, is_map ? key : node->label, &child, err));
        child->key = key;
        child->in_list = !is_map;
        if (last)
            last->next = child;
        else
            node->children = child;
        last = child;
        node->n++;
    }
cleanup:
    return st;
}

static fr_status read_value(reader *r, size_t depth, const char *label, fr_yaml_node **out,
                            fr_error *err)
{
    fr_status st = FR_OK;
    if (depth > FR_YAML_MAX_DEPTH) return refuse(r, "nested too deep", err);
    if (is_anchored(&r->event)) return refuse(r, "anchors and tags are not supported", err);
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        FR_TRY(new_node(r, FR_YAML_SCALAR, label, out, err));
        FR_TRY(scalar_text(r, &(*out)->text, err));
        (*out)->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        FR_TRY(new_node(r, r->event.type == YAML_MAPPING_START_EVENT ? FR_YAML_MAP : FR_YAML_LIST,
                        label, out, err));
        FR_TRY(read_children(r, depth, *out, err));
        break;
    default: st = refuse(r, "aliases (*name) are not supported", err);
    }
cleanup:
    return st;
}

static fr_status read_document(reader *r, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(advance(r, err)); /* stream start */
    FR_TRY(advance(r, err));
    if (r->event.type != YAML_DOCUMENT_START_EVENT)
        FR_FAIL(err, FR_ERR_USAGE, "%s:1: the file is empty", r->doc->name);
    FR_TRY(advance(r, err));
    FR_TRY(read_value(r, 1, "the document", &r->doc->root, err));
    FR_TRY(advance(r, err)); /* document end */
    FR_TRY(advance(r, err));
    if (r->event.type != YAML_STREAM_END_EVENT)
        st = refuse(r, "a second document begins here; one is expected", err);
cleanup:
    return st;
}

fr_status fr_yaml_open_text(fr_yaml **out, const char *text, size_t n, const char *name,
                            fr_error *err)
{
    fr_status st = FR_OK;
    reader r = {NULL};
    bool initialised = false;
    *out = NULL;
    r.doc = calloc(1, sizeof(*r.doc));
    if (!r.doc) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", name);
    fr_arena_init(&r.doc->arena, 0);
    r.doc->name = fr_arena_strdup(&r.doc->arena, name);
    initialised = yaml_parser_initialize(&r.parser);
    if (!r.doc->name || !initialised) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", name);
    if (n > FR_YAML_MAX_BYTES)
        FR_FAIL(err, FR_ERR_USAGE, "%s:1: longer than the limit of %d bytes", name,
                FR_YAML_MAX_BYTES);

    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    FR_TRY(read_document(&r, err));
    *out = r.doc;
    r.doc = NULL;
cleanup:
    if (r.has_event) yaml_event_delete(&r.event);
    if (initialised) yaml_parser_delete(&r.parser);
    fr_yaml_close(r.doc);
    return st;
}

fr_status fr_yaml_open(fr_yaml **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    *out = NULL;
    FR_TRY(fr_file_read(&text, path, FR_YAML_MAX_BYTES, err));
    FR_TRY(fr_yaml_open_text(out, fr_str_text(&text), text.len, path, err));
cleanup:
    fr_str_release(&text);
    return st;
}

void fr_yaml_close(fr_yaml *doc)
{
    if (!doc) return;
    fr_arena_release(&doc->arena);
    free(doc);
}

const fr_yaml_node *fr_yaml_root(const fr_yaml *doc)
{
    return doc->root;
}
