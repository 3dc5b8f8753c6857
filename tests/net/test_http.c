/* test_http.c - the HTTP client against a server that fails on purpose. */
#include "net/http.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/curl_api.h"
#include "support/llm_server.h"
#include "support/test.h"

static const char body[] =
    "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";

static fr_error err;

/* A server with one fault, and a request to it. */
typedef struct scene {
    llm_server *server;
    char url[256];
    fr_http_request request;
    int status;
    fr_str got;
} scene;

static void begin(scene *s, const char *spec)
{
    llm_fault fault;
    memset(s, 0, sizeof(*s));
    if (!llm_fault_parse(spec, &fault)) fail_msg("bad fault %s", spec);
    s->server = llm_server_start(&(llm_server_options){.faults = &fault, .n_faults = 1});
    assert_non_null(s->server);
    snprintf(s->url, sizeof(s->url), "%s/v1/chat/completions?api-key=hidden",
             llm_server_url(s->server));
    s->request = (fr_http_request){.url = s->url,
                                   .body = body,
                                   .body_size = sizeof(body) - 1,
                                   .bearer = "sk-secret",
                                   .timeout_s = 5};
}

static fr_status fetch(scene *s)
{
    memset(&err, 0, sizeof(err));
    fr_status st = fr_http_fetch(&s->request, NULL, NULL, &s->status, &s->got, &err);
    assert_null(strstr(err.message, "hidden"));
    assert_null(strstr(err.message, "sk-secret"));
    if (st != FR_OK) assert_non_null(strstr(err.message, "http"));
    return st;
}

static void end(scene *s)
{
    llm_server_stop(s->server);
    fr_str_release(&s->got);
}

static void a_request_carries_body_and_key_and_brings_the_answer(void **state)
{
    (void)state;
    scene s;
    fr_str sent = FR_STR_INIT, authorization = FR_STR_INIT;
    begin(&s, "normal");
    ASSERT_OK(fetch(&s));
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(s.got.data, "\"content\":\"ok\""));
    llm_server_last_request(s.server, &sent, &authorization);
    assert_string_equal(sent.data, body);
    assert_string_equal(authorization.data, "Bearer sk-secret");
    fr_str_release(&sent);
    fr_str_release(&authorization);
    end(&s);
}

static void chunks_closed_ends_and_slow_bytes_are_whole_answers(void **state)
{
    static const char *const specs[] = {"chunked", "close", "trickle=0.0001"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        scene s;
        begin(&s, specs[i]);
        ASSERT_OK(fetch(&s));
        assert_int_equal(s.status, 200);
        assert_non_null(strstr(s.got.data, "total_tokens"));
        end(&s);
    }
}

static void a_get_has_no_body(void **state)
{
    (void)state;
    scene s;
    begin(&s, "normal");
    snprintf(s.url, sizeof(s.url), "%s/v1/models", llm_server_url(s.server));
    s.request.body = NULL;
    ASSERT_OK(fetch(&s));
    assert_int_equal(s.status, 200);
    assert_non_null(strstr(s.got.data, "stand-in"));
    end(&s);
}

static void a_status_is_an_answer(void **state)
{
    (void)state;
    scene s;
    begin(&s, "status=503,retry-after=7");
    ASSERT_OK(fetch(&s));
    assert_int_equal(s.status, 503);
    end(&s);
}

static void a_closed_port_is_an_error_that_asks_for_the_server(void **state)
{
    (void)state;
    scene s;
    begin(&s, "refuse");
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "Connection refused");
    assert_non_null(strstr(err.message, "is the server running"));
    end(&s);
}

static void silence_times_out_and_says_after_how_long(void **state)
{
    (void)state;
    scene s;
    begin(&s, "hang");
    s.request.timeout_s = 0.2;
    double from = fr_clock_monotonic(NULL);
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "no whole answer within 0.2 s (0 bytes came)");
    assert_true(fr_clock_monotonic(NULL) - from < 4);
    end(&s);
}

static void a_slow_trickle_times_out_in_the_middle(void **state)
{
    (void)state;
    scene s;
    begin(&s, "trickle=0.05");
    s.request.timeout_s = 0.4;
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "no whole answer within 0.4 s");
    assert_null(strstr(err.message, "(0 bytes"));
    end(&s);
}

static void a_cut_answer_is_an_error_that_counts_its_bytes(void **state)
{
    (void)state;
    scene s;
    begin(&s, "cut=33");
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "cut off after 33 bytes");
    end(&s);
}

static void a_connection_closed_or_reset_before_any_answer_is_an_error(void **state)
{
    static const char *const specs[] = {"drop", "reset"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        scene s;
        begin(&s, specs[i]);
        ASSERT_FAILS(fetch(&s), FR_ERR_NET, "closed before any answer");
        assert_int_equal(llm_server_requests(s.server), 1);
        end(&s);
    }
}

static void an_answer_above_the_limit_is_stopped(void **state)
{
    (void)state;
    scene s;
    begin(&s, "huge=50000000");
    s.request.max_answer = 100000;
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "larger than 100000 bytes");
    end(&s);
}

static void an_answer_of_exactly_the_limit_is_whole(void **state)
{
    (void)state;
    scene s;
    begin(&s, "normal");
    ASSERT_OK(fetch(&s));
    s.request.max_answer = s.got.len;
    ASSERT_OK(fetch(&s));
    s.request.max_answer--;
    s.request.max_answer /= 2;
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "larger than");
    end(&s);
}

static void headers_without_end_are_stopped(void **state)
{
    (void)state;
    scene s;
    begin(&s, "headers");
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "of headers");
    end(&s);
}

static void remember(void *ctx, const fr_http_answer *answer)
{
    fr_str *out = ctx;
    (void)!fr_str_appendf(out, NULL, "%d %d %s|", (int)answer->outcome, answer->status,
                          answer->location);
}

static void a_redirect_is_not_followed_and_shows_no_secret(void **state)
{
    (void)state;
    scene s;
    fr_http_pool *pool;
    begin(&s, "redirect");
    ASSERT_OK(fr_http_pool_create(&pool, 1, &err));
    ASSERT_OK(fr_http_pool_submit(pool, &s.request, remember, &s.got, &err));
    while (fr_http_pool_in_flight(pool)) ASSERT_OK(fr_http_pool_step(pool, 0.1, &err));
    assert_string_equal(s.got.data, "0 307 http://elsewhere.invalid/v1/x|");
    fr_http_pool_destroy(pool);
    end(&s);
}

static void tls_against_a_plain_server_is_an_error(void **state)
{
    (void)state;
    scene s;
    begin(&s, "normal");
    memmove(s.url + 5, s.url + 4, strlen(s.url + 4) + 1);
    s.url[4] = 's';
    s.request.timeout_s = 0.5; /* the server waits for a request that it understands */
    ASSERT_FAILS(fetch(&s), FR_ERR_NET, "https://127.0.0.1");
    end(&s);
}

static void loopback_goes_past_the_proxy_and_others_do_not(void **state)
{
    (void)state;
    scene s, closed;
    begin(&s, "normal");
    begin(&closed, "refuse");
    setenv("http_proxy", llm_server_url(closed.server), 1);
    ASSERT_OK(fetch(&s));
    fr_http_request other = {.url = "http://192.0.2.1/", .timeout_s = 5};
    char words[64];
    snprintf(words, sizeof(words), "Connection refused");
    ASSERT_FAILS(fr_http_fetch(&other, NULL, NULL, &s.status, NULL, &err), FR_ERR_NET, words);
    unsetenv("http_proxy");
    end(&closed);
    end(&s);
}

static void what_is_no_http_url_or_no_key_is_refused(void **state)
{
    static const char *const urls[] = {"", "localhost:8000", "file:///etc/passwd", "ftp://h/",
                                       "http://"};
    (void)state;
    scene s;
    begin(&s, "normal");
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        s.request.url = urls[i];
        assert_int_not_equal(fr_http_fetch(&s.request, NULL, NULL, &s.status, &s.got, &err), FR_OK);
    }
    s.request.url = s.url;
    s.request.bearer = "sk\r\nX-Evil: 1";
    ASSERT_FAILS(fetch(&s), FR_ERR_USAGE, "no header can carry");
    assert_null(strstr(err.message, "Evil"));
    s.request.bearer = NULL;
    s.request.header = "auth-token: sk\nX-Evil: 1";
    ASSERT_FAILS(fetch(&s), FR_ERR_USAGE, "no header can carry");
    assert_null(strstr(err.message, "Evil"));
    assert_int_equal(llm_server_requests(s.server), 0);
    end(&s);
}

static bool stop_now(void *ctx)
{
    return ++*(int *)ctx > 2;
}

static void a_fetch_can_be_interrupted(void **state)
{
    (void)state;
    scene s;
    int asked = 0;
    begin(&s, "hang");
    ASSERT_FAILS(fr_http_fetch(&s.request, stop_now, &asked, &s.status, &s.got, &err),
                 FR_ERR_INTERRUPTED, "interrupted");
    end(&s);
}

/* A chain of requests: each answer submits the next. */
typedef struct chain {
    fr_http_pool *pool;
    const fr_http_request *request;
    int left, done, whole;
} chain;

static void next(void *ctx, const fr_http_answer *answer)
{
    chain *c = ctx;
    c->done++;
    c->whole += answer->outcome == FR_HTTP_ANSWERED;
    if (c->left-- > 0) ASSERT_OK(fr_http_pool_submit(c->pool, c->request, next, c, &err));
}

static void callbacks_may_submit_and_connections_are_reused(void **state)
{
    (void)state;
    scene s;
    begin(&s, "normal");
    chain c = {.request = &s.request, .left = 196};
    ASSERT_OK(fr_http_pool_create(&c.pool, 4, &err));
    for (int i = 0; i < 4; i++) ASSERT_OK(fr_http_pool_submit(c.pool, &s.request, next, &c, &err));
    ASSERT_FAILS(fr_http_pool_submit(c.pool, &s.request, next, &c, &err), FR_ERR_STATE,
                 "in flight");
    while (fr_http_pool_in_flight(c.pool)) ASSERT_OK(fr_http_pool_step(c.pool, 0.1, &err));
    assert_int_equal(c.done, 200);
    assert_int_equal(c.whole, 200);
    assert_int_equal(llm_server_requests(s.server), 200);
    assert_true(llm_server_connections(s.server) <= 8);
    fr_http_pool_destroy(c.pool);
    end(&s);
}

static void nothing_is_repeated_behind_our_back_on_a_dead_connection(void **state)
{
    const llm_fault faults[] = {{.kind = LLM_NORMAL, .times = 1}, {.kind = LLM_DROP}};
    (void)state;
    scene s;
    begin(&s, "normal");
    llm_server_stop(s.server);
    s.server = llm_server_start(&(llm_server_options){.faults = faults, .n_faults = 2});
    snprintf(s.url, sizeof(s.url), "%s/v1/chat/completions", llm_server_url(s.server));
    chain c = {.request = &s.request, .left = 1};
    ASSERT_OK(fr_http_pool_create(&c.pool, 1, &err));
    ASSERT_OK(fr_http_pool_submit(c.pool, &s.request, next, &c, &err));
    while (fr_http_pool_in_flight(c.pool)) ASSERT_OK(fr_http_pool_step(c.pool, 0.1, &err));
    assert_int_equal(c.done, 2);
    assert_int_equal(c.whole, 1);
    assert_int_equal(llm_server_requests(s.server), 2);
    fr_http_pool_destroy(c.pool);
    end(&s);
}

static void what_is_cancelled_never_calls_back(void **state)
{
    (void)state;
    scene s;
    begin(&s, "delay=0.05");
    chain c = {.request = &s.request};
    ASSERT_OK(fr_http_pool_create(&c.pool, 2, &err));
    ASSERT_OK(fr_http_pool_submit(c.pool, &s.request, next, &c, &err));
    ASSERT_OK(fr_http_pool_step(c.pool, 0.01, &err));
    fr_http_pool_cancel(c.pool);
    assert_int_equal(fr_http_pool_in_flight(c.pool), 0);
    ASSERT_OK(fr_http_pool_step(c.pool, 0.1, &err));
    assert_int_equal(c.done, 0);
    ASSERT_OK(fr_http_pool_submit(c.pool, &s.request, next, &c, &err));
    while (fr_http_pool_in_flight(c.pool)) ASSERT_OK(fr_http_pool_step(c.pool, 0.1, &err));
    assert_int_equal(c.whole, 1);
    fr_http_pool_destroy(c.pool);
    end(&s);
}

static void a_shown_url_has_no_secrets(void **state)
{
    static const char *const cases[][2] = {
        {"http://user:pass@host:8000/v1/x?key=1#f", "http://host:8000/v1/x"},
        {"https://api.example.com/v1", "https://api.example.com/v1"},
        {"http://us@er:p@ss@host/x?y", "host/x"},
        {"http://host/a@b", "http://host/a@b"},
        {"not a url?key=1", "not?a?url"},
        {"gopher:user:pw@h", "h"},
        {"http://h/\x1b[31m", NULL},
    };
    (void)state;
    char shown[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_http_url_show(cases[i][0], shown, sizeof(shown));
        if (cases[i][1]) assert_string_equal(shown, cases[i][1]);
        assert_null(strchr(shown, '\x1b'));
    }
    assert_string_equal(fr_http_url_show("http://host/long", shown, 8), "http://");
}

static void only_this_machine_is_loopback(void **state)
{
    static const char *const yes[] = {"http://localhost/", "https://LOCALHOST:1/v1",
                                      "http://127.0.0.1", "http://127.8.9.1:80/",
                                      "http://[::1]:8000/v1"};
    static const char *const no[] = {"http://127.0.0.1.evil.example/",
                                     "http://localhost.evil.example",
                                     "http://[::2]/",
                                     "http://128.0.0.1/",
                                     "localhost",
                                     "",
                                     "http://127.0.0.1@evil.example/"};
    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        assert_true(fr_http_url_is_loopback(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
        assert_false(fr_http_url_is_loopback(no[i]));
}

static void a_missing_or_foreign_libcurl_is_an_error_that_names_the_package(void **state)
{
    (void)state;
    fr_curl_api api;
    ASSERT_FAILS(fr__curl_load(&api, "libcurl-of-nowhere.so.4", &err), FR_ERR_NET,
                 "apt-get install libcurl4");
    ASSERT_FAILS(fr__curl_load(&api, "libm.so.6", &err), FR_ERR_NET, "libm.so.6 has no curl_");
}

int main(void)
{
    static const char *const proxies[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY",
                                          "HTTP_PROXY", "ALL_PROXY",   "no_proxy",  "NO_PROXY"};
    for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++) unsetenv(proxies[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_body_and_key_and_brings_the_answer),
        cmocka_unit_test(chunks_closed_ends_and_slow_bytes_are_whole_answers),
        cmocka_unit_test(a_get_has_no_body),
        cmocka_unit_test(a_status_is_an_answer),
        cmocka_unit_test(a_closed_port_is_an_error_that_asks_for_the_server),
        cmocka_unit_test(silence_times_out_and_says_after_how_long),
        cmocka_unit_test(a_slow_trickle_times_out_in_the_middle),
        cmocka_unit_test(a_cut_answer_is_an_error_that_counts_its_bytes),
        cmocka_unit_test(a_connection_closed_or_reset_before_any_answer_is_an_error),
        cmocka_unit_test(an_answer_above_the_limit_is_stopped),
        cmocka_unit_test(an_answer_of_exactly_the_limit_is_whole),
        cmocka_unit_test(headers_without_end_are_stopped),
        cmocka_unit_test(a_redirect_is_not_followed_and_shows_no_secret),
        cmocka_unit_test(tls_against_a_plain_server_is_an_error),
        cmocka_unit_test(loopback_goes_past_the_proxy_and_others_do_not),
        cmocka_unit_test(what_is_no_http_url_or_no_key_is_refused),
        cmocka_unit_test(a_fetch_can_be_interrupted),
        cmocka_unit_test(callbacks_may_submit_and_connections_are_reused),
        cmocka_unit_test(nothing_is_repeated_behind_our_back_on_a_dead_connection),
        cmocka_unit_test(what_is_cancelled_never_calls_back),
        cmocka_unit_test(a_shown_url_has_no_secrets),
        cmocka_unit_test(only_this_machine_is_loopback),
        cmocka_unit_test(a_missing_or_foreign_libcurl_is_an_error_that_names_the_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
