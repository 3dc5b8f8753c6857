/* test_chat_wire.c - URLs, answers in their many shapes, and strangers' words. */
#include "remote/chat_internal.h"

#include "support/test.h"

static fr_error err;

static void a_base_url_is_completed_however_it_is_written(void **state)
{
    static const char *const cases[][2] = {
        {"http://h:1", "http://h:1/v1/chat/completions"},
        {"http://h:1/", "http://h:1/v1/chat/completions"},
        {"http://h:1/v1", "http://h:1/v1/chat/completions"},
        {"http://h:1/v1//", "http://h:1/v1/chat/completions"},
        {"http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions"},
        {"http://h:1/v1/chat/completions/", "http://h:1/v1/chat/completions"},
        {"https://h/api", "https://h/api/v1/chat/completions"},
        {"https://h/api/paas/v4/", "https://h/api/paas/v4/chat/completions"},
        {"https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions"},
        {"https://h/v1?api-version=2", "https://h/v1/chat/completions?api-version=2"},
        {"HTTP://h?x", "HTTP://h/v1/chat/completions?x"},
        {"https://h/vision", "https://h/vision/v1/chat/completions"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_str url = FR_STR_INIT;
        ASSERT_OK(fr__chat_url(cases[i][0], "/chat/completions", &url, &err));
        assert_string_equal(url.data, cases[i][1]);
        fr_str_release(&url);
    }
}

static fr__chat_reply read_reply(const char *body, size_t n)
{
    static char key[] = "sk-key-1", shown[] = "http://h/v1/chat/completions";
    const fr_chat_client client = {.key = key, .shown = shown};
    const fr_http_answer answer = {.outcome = FR_HTTP_ANSWERED,
                                   .status = 200,
                                   .body = body,
                                   .body_size = n,
                                   .location = "",
                                   .message = ""};
    fr__chat_reply reply;
    fr__chat_reply_read(&client, &answer, &reply);
    return reply;
}

static void answers_are_read_in_every_shape_that_servers_give_them(void **state)
{
    static const struct {
        const char *body, *text;
        size_t size;
        int64_t tokens;
    } cases[] = {
        {"{\"choices\":[{\"message\":{\"content\":\"yes\"}}]}", "yes", 3, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"\"}}]}", "", 0, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"a\\u0000b\\n\\u001b\"}}]}", "a\0b\n\x1b", 5, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"\xc3\xa9\"}}],\"usage\":{\"completion_tokens\":"
         "7}}",
         "\xc3\xa9", 2, 7},
        {"{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"length\"}]}", "", 0, 0},
        {"{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"no\"}}]}", "no", 2, 0},
        {"{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
         "\"text\",\"text\":\"b\"}]}}]}",
         "ab", 2, 0},
        {"{\"choices\":[{\"message\":{\"content\":[]}}]}", "", 0, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":null}", "x", 1, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"completion_tokens\":-4}}",
         "x", 1, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"completion_tokens\":1e30}}",
         "x", 1, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"completion_tokens\":"
         "9000000000000000000}}",
         "x", 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr__chat_reply reply = read_reply(cases[i].body, strlen(cases[i].body));
        if (reply.fault != FR__CHAT_FINE) fail_msg("%s: %s", cases[i].body, reply.why);
        assert_int_equal(reply.text_size, cases[i].size);
        assert_memory_equal(reply.text, cases[i].text, cases[i].size + 1);
        assert_int_equal(reply.completion_tokens, cases[i].tokens);
        fr__chat_reply_release(&reply);
    }
}

static void what_is_no_answer_is_garbage_and_may_be_tried_again(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"choices\":[]}",
        "{\"choices\":{}}",
        "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":{}}]}",
        "{\"choices\":[{\"message\":{\"content\":null}}]}",
        "{\"choices\":[{\"message\":{\"content\":5}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"x\"}}]} trailing",
        "{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"cut",
        "{\"error\":{\"message\":\"sk-key-1 is wrong\"}}",
        "data: {\"choices\":[]}\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        fr__chat_reply reply = read_reply(bodies[i], strlen(bodies[i]));
        assert_int_equal(reply.fault, FR__CHAT_GARBAGE);
        assert_true(reply.may_retry);
        assert_non_null(strstr(reply.why, "http://h/v1"));
        assert_null(strstr(reply.why, "sk-key-1"));
        fr__chat_reply_release(&reply);
    }
    char *deep = malloc(1000001);
    memset(deep, '[', 1000000);
    deep[1000000] = '\0';
    fr__chat_reply reply = read_reply(deep, 1000000);
    assert_int_equal(reply.fault, FR__CHAT_GARBAGE);
    fr__chat_reply_release(&reply);
    free(deep);
}

static void words(const char *bytes, size_t n, size_t size, const char *wanted)
{
    char out[64];
    memset(out, 'X', sizeof(out));
    fr__chat_words(bytes, n, "secret-key", out, size);
    assert_string_equal(out, wanted);
    for (size_t i = size; i < sizeof(out); i++) assert_int_equal(out[i], 'X');
}

#define WORDS(text, size, wanted) words(text, sizeof(text) - 1, size, wanted)

static void strangers_words_become_one_harmless_line(void **state)
{
    (void)state;
    WORDS("plain", 32, "plain");
    WORDS("", 32, "");
    WORDS("  a\r\n\t b\x1b[31m  ", 32, "a b [31m");
    WORDS("a\0b", 32, "a b");
    WORDS("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", 32, "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80");
    WORDS("\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe4\xb8", 32, "????????????");
    WORDS("a\xe2\x80\xae"
          "b\xc2\x9b"
          "c\xe2\x80\xa8"
          "d",
          32, "a b c d");
    WORDS("key secret-key, again secret-key", 40, "key [key], again [key]");
    WORDS("0123456789", 11, "0123456789");
    WORDS("0123456789", 10, "012345...");
    WORDS("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8, "\xc3\xa9\xc3\xa9...");
    WORDS("0123456 secret-key", 12, "0123456 ...");
}

static void any_bytes_fit_any_size(void **state)
{
    uint8_t bytes[48];
    char out[40];
    uint32_t x = 12345;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            x = x * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(x >> 24);
        }
        size_t size = 4 + (size_t)round % 36;
        char *exact = malloc(size); /* a sanitizer sees a byte too many */
        fr__chat_words((const char *)bytes, (size_t)round % 49, NULL, exact, size);
        assert_true(strlen(exact) < size);
        snprintf(out, sizeof(out), "%s", exact);
        assert_string_equal(out, exact);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_url_is_completed_however_it_is_written),
        cmocka_unit_test(answers_are_read_in_every_shape_that_servers_give_them),
        cmocka_unit_test(what_is_no_answer_is_garbage_and_may_be_tried_again),
        cmocka_unit_test(strangers_words_become_one_harmless_line),
        cmocka_unit_test(any_bytes_fit_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
