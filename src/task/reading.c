/* reading.c - finds the answer in what a model has written.
 *
 * The strict and the lenient reading of GSM8K follow those of the field (a number behind "####";
 * the last number), see Cobbe et al. 2021 and lm-evaluation-harness, gsm8k. */
#include "task/reading.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "task/program.h"

typedef enum answer_kind { NUMBER, CHOICE, TEXT } answer_kind;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

fr_text fr__trim(fr_text text)
{
    while (text.len && isspace((unsigned char)text.data[0])) text.data++, text.len--;
    while (text.len && isspace((unsigned char)text.data[text.len - 1])) text.len--;
    return text;
}

/* Where `word` begins first; text.len where it does not. */
static size_t find(fr_text text, const char *word)
{
    size_t n = strlen(word);
    for (size_t at = 0; at + n <= text.len; at++)
        if (!memcmp(text.data + at, word, n)) return at;
    return text.len;
}

fr_text fr__behind_thoughts(fr_text written)
{
    static const char begin[] = "<think>", end[] = "</think>";
    enum { BEGIN = sizeof(begin) - 1, END = sizeof(end) - 1 };
    for (size_t at = written.len; at >= END; at--)
        if (!memcmp(written.data + at - END, end, END))
            return (fr_text){written.data + at, written.len - at};
    const fr_text first = fr__trim(written);
    if (first.len >= BEGIN && !memcmp(first.data, begin, BEGIN)) written.len = 0;
    return written;
}

size_t fr_task_end(const fr_task *task, const fr_item *item, fr_text written)
{
    size_t n;
    char *const *stops = fr_task_stops(task, item, &n);
    if (task->kind == FR_TASK_CODE) return fr__program_end(task, item, written);
    for (size_t i = 0; i < n; i++) written.len = find(written, stops[i]);
    return written.len;
}

fr_text fr__reading_cut(const fr_task *task, const fr_item *item, fr_text written)
{
    written = fr__behind_thoughts(written);
    written.len = fr_task_end(task, item, written);
    return fr__trim(written);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

/* Bytes of the number that text begins with: digits, with commas between groups of three, and a
 * fraction. 0: none. */
static size_t number_length(fr_text text)
{
    size_t n = 0;
    while (n < text.len && is_digit(text.data[n])) n++;
    size_t first = n;
    while (first && first <= 3 && n + 3 < text.len && text.data[n] == ',' &&
           is_digit(text.data[n + 1]) && is_digit(text.data[n + 2]) && is_digit(text.data[n + 3]) &&
           (n + 4 == text.len || !is_digit(text.data[n + 4])))
        n += 4;
    if (n + 1 < text.len && text.data[n] == '.' && is_digit(text.data[n + 1]))
        for (n++; n < text.len && is_digit(text.data[n]);) n++;
    return n;
}

/* Writes the number text[0 .. n) in one way for each value: no commas, no zeros in front or behind
 * the fraction, "-" in front. False where it is too long. */
static bool write_number(fr_text digits, bool negative, char *out, fr_text *number)
{
    size_t n = 0;
    bool fraction = false;
    out[n++] = '-';
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.data[i];
        if (c == ',' || (c == '0' && n == 1)) continue;
        if (c == '.' && n == 1) out[n++] = '0';
        if (n + 1 >= FR__READING_SIZE) return false;
        fraction |= c == '.';
        out[n++] = c;
    }
    while (fraction && out[n - 1] == '0') n--;
    if (out[n - 1] == '.') n--;
    if (n == 1) out[n++] = '0';
    bool zero = n == 2 && out[1] == '0';
    *number = negative && !zero ? (fr_text){out, n} : (fr_text){out + 1, n - 1};
    return true;
}

/* The number that text begins with, a sign and a currency before it. *behind: the rest. */
static bool read_number(fr_text text, char *out, fr_text *number, fr_text *behind)
{
    static const char *const before[] = {"-", "+", "$", "\xe2\x82\xac", "\xc2\xa3", "\xe2\x88\x92"};
    bool negative = false;
    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
        size_t n = strlen(before[i]);
        if (text.len < n || memcmp(text.data, before[i], n) != 0) continue;
        negative |= i == 0 || i == 5;
        text = fr__trim((fr_text){text.data + n, text.len - n});
        i = (size_t)-1; /* "-$5" and "$-5" alike */
    }
    size_t n = number_length(text);
    *behind = (fr_text){text.data + n, text.len - n};
    return n > 0 && write_number((fr_text){text.data, n}, negative, out, number);
}

static bool last_number(fr_text text, char *out, fr_text *number)
{
    bool found = false;
    for (size_t at = 0; at < text.len;) {
        size_t n = number_length((fr_text){text.data + at, text.len - at});
        bool within = at > 0 && is_word(text.data[at - 1]);
        if (n && !within) {
            size_t sign = at;
            while (sign > 0 && text.data[sign - 1] == '$') sign--;
            bool negative =
                sign > 0 && text.data[sign - 1] == '-' &&
                (sign == 1 || !(is_word(text.data[sign - 2]) || text.data[sign - 2] == ')'));
            found |= write_number((fr_text){text.data + at, n}, negative, out, number);
        }
        at += n ? n : 1;
    }
    return found;
}

/* --- Letters and texts ------------------------------------------------------------------------ */

/* The letter of "(C)", "C)", "C." and "C" with no other letter behind it. */
static bool read_letter(fr_text text, fr_text *letter)
{
    size_t at = text.len && text.data[0] == '(';
    if (at >= text.len || !isalpha((unsigned char)text.data[at])) return false;
    if (at + 1 < text.len && (is_word(text.data[at + 1]) || text.data[at + 1] == '\''))
        return false;
    *letter = (fr_text){text.data + at, 1};
    return true;
}

/* What stands behind the last "answer is", "answer:" or the like. */
static bool behind_answer(fr_text text, fr_text *out)
{
    static const char word[] = "answer";
    bool found = false;
    for (size_t at = 0; at + sizeof(word) - 1 <= text.len; at++) {
        size_t end = at + sizeof(word) - 1;
        if (strncasecmp(text.data + at, word, sizeof(word) - 1) != 0) continue;
        while (end < text.len && (text.data[end] == ' ' || text.data[end] == '*')) end++;
        if (end + 2 <= text.len && !strncasecmp(text.data + end, "is", 2))
            end += 2;
        else if (end >= text.len || text.data[end] != ':')
            continue;
        while (end < text.len && strchr(" :*\"", text.data[end])) end++;
        *out = (fr_text){text.data + end, text.len - end};
        found = true;
    }
    return found;
}

/* The first line, without a full stop. */
static fr_text first_line(fr_text text)
{
    text.len = find(text, "\n");
    text = fr__trim(text);
    if (text.len && text.data[text.len - 1] == '.') text.len--;
    return fr__trim(text);
}

static fr_text last_line(fr_text text)
{
    text = fr__trim(text);
    for (size_t at = text.len; at > 0; at--)
        if (text.data[at - 1] == '\n') return (fr_text){text.data + at, text.len - at};
    return text;
}

static bool last_letter(fr_text text, fr_text *letter)
{
    bool found = false;
    fr_text behind;
    for (size_t at = 0; at + 2 < text.len; at++)
        if (text.data[at] == '(' && text.data[at + 2] == ')')
            found |= read_letter((fr_text){text.data + at, text.len - at}, letter);
    if (found) return true;
    return behind_answer(text, &behind) ? read_letter(behind, letter) : read_letter(text, letter);
}

static bool is_yes_or_no(fr_text text)
{
    return (text.len == 3 && !strncasecmp(text.data, "yes", 3)) ||
           (text.len == 2 && !strncasecmp(text.data, "no", 2));
}

static bool last_yes_or_no(fr_text text, fr_text *out)
{
    bool found = false;
    for (size_t at = 0, end; at < text.len; at = end + 1) {
        for (end = at; end < text.len && is_word(text.data[end]);) end++;
        fr_text word = {text.data + at, end - at};
        if (!is_yes_or_no(word)) continue;
        *out = word;
        found = true;
    }
    return found;
}

static bool search(fr_text text, answer_kind kind, bool yes_or_no, char *out, fr_text *answer)
{
    if (kind == NUMBER) return last_number(text, out, answer);
    if (kind == CHOICE) return last_letter(text, answer);
    if (yes_or_no) return last_yes_or_no(text, answer);
    *answer = first_line(behind_answer(text, answer) ? *answer : last_line(text));
    return answer->len > 0;
}

/* What stands behind the first marker. */
static bool behind_marker(const char *marker, fr_text text, fr_text *out)
{
    size_t at = find(text, marker);
    if (at == text.len) return false;
    at += strlen(marker);
    *out = first_line((fr_text){text.data + at, text.len - at});
    return out->len > 0;
}

static bool read_as(fr_text text, answer_kind kind, char *out, fr_text *answer)
{
    fr_text behind;
    *answer = text;
    if (kind == NUMBER) return read_number(text, out, answer, &behind);
    return kind == CHOICE ? read_letter(text, answer) : text.len > 0;
}

static answer_kind kind_of(fr_text reference)
{
    char digits[FR__READING_SIZE];
    fr_text number, behind;
    if (read_number(reference, digits, &number, &behind) &&
        (behind.len == 0 || (behind.len == 1 && behind.data[0] == '%')))
        return NUMBER;
    return read_letter(reference, &number) && reference.len <= 3 ? CHOICE : TEXT;
}

bool fr__reading_has_answer(const char *marker, fr_text target)
{
    fr_text answer;
    return behind_marker(marker, target, &answer);
}

bool fr__reading_take(const char *marker, bool lenient, fr_text *written, fr_text *target,
                      char buffers[2][FR__READING_SIZE])
{
    fr_text reference = *target, strict, answer;
    if (!behind_marker(marker, *target, &reference)) reference = first_line(last_line(*target));
    answer_kind kind = kind_of(reference);
    bool found =
        behind_marker(marker, *written, &strict) && read_as(strict, kind, buffers[0], &answer);
    if (!found && lenient)
        found = search(*written, kind, is_yes_or_no(reference), buffers[0], &answer);
    *written = found ? answer : (fr_text){NULL, 0};
    if (!read_as(reference, kind, buffers[1], target)) *target = reference;
    return kind == TEXT;
}
