/* program.c - code out of answers. */
#include "task/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/reading.h"

static const char fence[] = "```";

/* Where the line that text[at] lies in ends: its line end, or the end of the text. */
static size_t line_end(fr_text text, size_t at)
{
    while (at < text.len && text.data[at] != '\n') at++;
    return at;
}

/* Where the next line that begins with a fence (behind spaces) begins, from the line at `at` on;
 * text.len: there is none. */
static size_t next_fence(fr_text text, size_t at)
{
    while (at < text.len) {
        size_t begin = at;
        while (begin < text.len && (text.data[begin] == ' ' || text.data[begin] == '\t')) begin++;
        if (text.len - begin >= 3 && !memcmp(text.data + begin, fence, 3)) return at;
        at = line_end(text, at) + 1;
    }
    return text.len;
}

/* Where a line "def entry(" begins; text.len: nowhere. */
static size_t find_definition(fr_text text, const char *entry)
{
    size_t n = entry ? strlen(entry) : 0;
    for (size_t at = 0; n && at < text.len; at = line_end(text, at) + 1) {
        size_t name = at + 4;
        if (text.len - at <= n + 4 || memcmp(text.data + at, "def ", 4) != 0) continue;
        if (memcmp(text.data + name, entry, n) != 0) continue;
        if (text.data[name + n] == '(' || text.data[name + n] == ' ') return at;
    }
    return text.len;
}

/* Does the text go on with the body of a function? */
static bool is_body(fr_text text)
{
    size_t n = 0;
    while (n < text.len && (text.data[n] == '\n' || text.data[n] == '\r')) n++;
    return n < text.len && (text.data[n] == ' ' || text.data[n] == '\t') && fr__trim(text).len > 0;
}

/* Is this code that a fence behind it closes, and no word about code that a fence will open? */
static bool is_code(fr_text before, const char *entry)
{
    return is_body(before) || find_definition(before, entry) < before.len;
}

/* The code within fences. False where there is no fence. */
static bool take_fenced(fr_text text, const char *entry, fr_text *code)
{
    size_t at = next_fence(text, 0);
    bool found = false;
    if (at >= text.len) return false;
    *code = (fr_text){text.data, at};
    if (is_code(*code, entry)) return true;
    while (at < text.len) {
        size_t begin = line_end(text, at);
        if (begin < text.len) begin++;
        size_t end = next_fence(text, begin);
        fr_text block = {text.data + begin, end - begin};
        bool defines = find_definition(block, entry) < block.len;
        if (!found || defines) *code = block;
        found = true;
        if (defines || end >= text.len) break;
        at = next_fence(text, line_end(text, end) + 1);
    }
    return true;
}

/* Is text, as far as it goes, the beginning of the function asked for? */
static bool may_define(fr_text text, const char *entry)
{
    char head[160];
    int n = snprintf(head, sizeof(head), "def %s", entry ? entry : "");
    if (!entry || n < 0 || (size_t)n >= sizeof(head)) return false;
    if (text.len <= (size_t)n) return !memcmp(text.data, head, text.len);
    return !memcmp(text.data, head, (size_t)n) && strchr(" (", text.data[n]);
}

/* Where the first of the item's stops is, from the definition of the function asked for on; while
 * that may still come, its own beginning is no stop. */
static size_t find_stop(const fr_task *task, const fr_item *item, fr_text text)
{
    size_t n_stops, definition = find_definition(text, item->entry);
    char *const *stops = fr_task_stops(task, item, &n_stops);
    bool may_come = definition == text.len && !is_body(text);
    size_t from = definition < text.len ? definition + 1 : 0;
    for (size_t i = 0; i < n_stops; i++) {
        size_t n = strlen(stops[i]);
        for (size_t at = from; at + n <= text.len; at++) {
            fr_text line = {text.data + at + 1, text.len - at - 1};
            if (memcmp(text.data + at, stops[i], n) != 0) continue;
            if (!may_come || n == 1 || !may_define(line, item->entry)) text.len = at;
        }
    }
    return text.len;
}

size_t fr__program_end(const fr_task *task, const fr_item *item, fr_text written)
{
    size_t open = next_fence(written, 0);
    if (open >= written.len) return find_stop(task, item, written);
    if (is_code((fr_text){written.data, open}, item->entry)) return open;
    size_t close = next_fence(written, line_end(written, open) + 1);
    return close < written.len ? line_end(written, close) : written.len;
}

/* Python takes no zero byte, and a fr_program ends at one. */
static fr_status append_code(fr_str *out, fr_text code, fr_error *err)
{
    size_t from = out->len;
    fr_status st = fr_str_append(out, code.data, code.len, err);
    for (size_t i = from; st == FR_OK && i < out->len; i++)
        if (!out->data[i]) out->data[i] = '\1';
    return st;
}

/* Does code begin with a statement of a function's body that has lost the space before it? */
static bool lacks_space(fr_text code)
{
    static const char *const outer[] = {"def ", "class ", "import ", "from ", "@", "#", "async "};
    if (code.len == 0 || code.data[0] == ' ' || code.data[0] == '\t') return false;
    for (size_t i = 0; i < sizeof(outer) / sizeof(*outer); i++)
        if (code.len >= strlen(outer[i]) && !memcmp(code.data, outer[i], strlen(outer[i])))
            return false;
    return true;
}

fr_status fr__program_write(const fr_task *task, const fr_item *item, fr_text written, fr_str *out,
                            fr_error *err)
{
    fr_status st = FR_OK;
    written = fr__behind_thoughts(written);
    fr_text code = written, before = {item->code, strlen(item->code)};
    if (!take_fenced(written, item->entry, &code)) code.len = find_stop(task, item, written);
    bool defines = find_definition(code, item->entry) < code.len;
    while (before.len && before.data[before.len - 1] == '\n') before.len--;
    while (code.len && (code.data[0] == '\n' || code.data[0] == '\r')) code.data++, code.len--;
    FR_TRY(append_code(out, before, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
    if (before.len && !defines && lacks_space(code)) FR_TRY(fr_str_append(out, "    ", 4, err));
    FR_TRY(append_code(out, code, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    return st;
}

fr_status fr__programs_make(fr__programs *out, const fr_task *task, const fr_item *items,
                            const fr_answer *answers, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    size_t all = 0;
    for (size_t i = 0; i < n; i++) all += answers[i].n_texts;
    memset(out, 0, sizeof(*out));
    out->all = calloc(all + 1, sizeof(*out->all));
    out->code = calloc(all + 1, sizeof(*out->code));
    if (!out->all || !out->code) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu programs", all);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < answers[i].n_texts; j++) {
            fr_str *code = &out->code[out->n];
            fr_program *p = &out->all[out->n++];
            FR_TRY(fr__program_write(task, &items[i], answers[i].texts[j], code, err));
            *p = (fr_program){.code = fr_str_text(code),
                              .setup = items[i].setup,
                              .tests = items[i].tests,
                              .entry = items[i].entry,
                              .limits = FR_SANDBOX_LIMITS_INIT};
            p->limits.cpu_s = task->cpu_seconds;
            p->limits.wall_s = 10.0 * task->cpu_seconds;
        }
cleanup:
    return st;
}

void fr__programs_release(fr__programs *p)
{
    for (size_t i = 0; i < p->n; i++) fr_str_release(&p->code[i]);
    free(p->code);
    free(p->all);
}

void fr__program_find_entry(const char *code, const char *tests, char *entry, size_t size)
{
    entry[0] = '\0';
    for (const char *at = code; (at = strstr(at, "def ")); at += 4) {
        char call[128];
        int n = (int)strcspn(at + 4, " (:\n");
        if (n == 0 || (size_t)n + 2 > sizeof(call) || (size_t)n + 1 > size) continue;
        snprintf(call, sizeof(call), "%.*s(", n, at + 4);
        if (!strstr(tests, call)) continue;
        snprintf(entry, size, "%.*s", n, at + 4);
    }
}
