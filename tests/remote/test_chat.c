/* test_chat.c - the chat client against a server that fails on purpose. Waits
 * between attempts are those of a clock that sleeping turns. */
#include "remote/chat.h"

#include <math.h>

#include "base/log.h"
#include "support/llm_server.h"
#include "support/test.h"

enum { MAX_ITEMS = 1000, MAX_ATTEMPTS = 8 };

static const char key[] = "sk-very-secret-key-1234";
static fr_error err;

/* What happened to an item. */
typedef struct item {
    int n_sent, n_retries, n_answers;
    double sent_at[MAX_ATTEMPTS + 1], waits[MAX_ATTEMPTS + 1];
    bool ok;
    char text[64], error[1024];
    size_t text_size;
    int64_t prompt_tokens, completion_tokens;
    int attempts, status;
    double latency_s;
} item;

typedef struct scene {
    llm_server *server;
    fr_chat_settings settings;
    fr_chat_client *client;
    double now; /* the clock */
    item items[MAX_ITEMS];
    fr_chat_prompt prompts[MAX_ITEMS];
    char texts[MAX_ITEMS][32];
    int stop_after; /* answers; 0: never */
    int n_answers, fail_at;
    char logged[4096];
} scene;

static scene the;

static double clock_of(void *ctx)
{
    return *(double *)ctx;
}

static void turn_clock(void *ctx, double s)
{
    *(double *)ctx += s;
}

static void log_line(void *ctx, fr_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    strncat(the.logged, line, sizeof(the.logged) - strlen(the.logged) - 1);
}

static fr_status on_sent(void *ctx, size_t i, int attempt, fr_error *e)
{
    (void)ctx;
    (void)e;
    the.items[i].n_sent++;
    assert_int_equal(attempt, the.items[i].n_sent);
    if (attempt <= MAX_ATTEMPTS) the.items[i].sent_at[attempt] = the.now;
    return FR_OK;
}

static fr_status on_retry(void *ctx, size_t i, int attempt, const char *why, double wait_s,
                          fr_error *e)
{
    (void)ctx;
    (void)e;
    assert_null(strstr(why, key));
    assert_true(strlen(why) > 0 && !strchr(why, '\n') && !strchr(why, '\x1b'));
    the.items[i].n_retries++;
    if (attempt <= MAX_ATTEMPTS) the.items[i].waits[attempt] = wait_s;
    return FR_OK;
}

static fr_status on_answer(void *ctx, size_t i, const fr_chat_answer *a, fr_error *e)
{
    item *it = &the.items[i];
    (void)ctx;
    it->n_answers++;
    it->ok = a->ok;
    snprintf(it->text, sizeof(it->text), "%s", a->text);
    snprintf(it->error, sizeof(it->error), "%s", a->error);
    it->text_size = a->text_size;
    it->prompt_tokens = a->prompt_tokens;
    it->completion_tokens = a->completion_tokens;
    it->attempts = a->attempts;
    it->status = a->http_status;
    it->latency_s = a->latency_s;
    assert_null(strstr(a->error, key));
    assert_true(!strchr(a->error, '\n') && !strchr(a->error, '\x1b'));
    assert_true(a->ok == (a->error[0] == '\0'));
    if (++the.n_answers == the.fail_at) return fr_error_set(e, FR_ERR_IO, "the ledger is full");
    return FR_OK;
}

static bool should_stop(void *ctx)
{
    (void)ctx;
    return the.stop_after && the.n_answers >= the.stop_after;
}

static const fr_chat_events events = {NULL, on_sent, on_retry, on_answer, should_stop};

/* "text 7" is answered "re: text 7". */
static void echo(void *ctx, const char *user, fr_str *out)
{
    (void)ctx;
    (void)!fr_str_appendf(out, NULL, "re: %s", user);
}

/* Starts a server with the faults, separated by ';'. */
static void begin(const char *specs)
{
    llm_fault faults[4];
    char copy[256], *rest = copy, *spec;
    size_t n = 0;

    memset(&the, 0, sizeof(the));
    memset(&err, 0, sizeof(err));
    snprintf(copy, sizeof(copy), "%s", specs);
    while ((spec = strsep(&rest, ";")))
        if (!llm_fault_parse(spec, &faults[n++])) fail_msg("bad fault %s", spec);
    the.server =
        llm_server_start(&(llm_server_options){.answer = echo, .faults = faults, .n_faults = n});
    assert_non_null(the.server);
    the.settings = fr_chat_settings_default();
    the.settings.base_url = llm_server_url(the.server);
    the.settings.model = "stand-in";
    the.settings.key_env = "FRUGAL_TEST_KEY";
    the.settings.timeout_s = 10;
    the.settings.clock = clock_of;
    the.settings.sleep = turn_clock;
    the.settings.clock_ctx = &the.now;
    for (size_t i = 0; i < MAX_ITEMS; i++) {
        snprintf(the.texts[i], sizeof(the.texts[i]), "text %zu", i);
        the.prompts[i] = (fr_chat_prompt){.system = "Be brief.", .user = the.texts[i]};
    }
    setenv("FRUGAL_TEST_KEY", key, 1);
    fr_log_set_sink(log_line, NULL);
}

static fr_status run(size_t n)
{
    if (!the.client) ASSERT_OK(fr_chat_client_create(&the.client, &the.settings, &err));
    fr_status st = fr_chat_run(the.client, the.prompts, n, &events, &err);
    assert_null(strstr(err.message, key));
    assert_true(!strchr(err.message, '\n') && !strchr(err.message, '\x1b'));
    assert_null(strstr(the.logged, key));
    return st;
}

static void end(void)
{
    fr_chat_client_destroy(the.client);
    llm_server_stop(the.server);
    fr_log_set_sink(NULL, NULL);
}

static void assert_all_answered(size_t n)
{
    char wanted[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(wanted, sizeof(wanted), "re: text %zu", i);
        if (!the.items[i].ok) fail_msg("item %zu: %s", i, the.items[i].error);
        assert_string_equal(the.items[i].text, wanted);
        assert_int_equal(the.items[i].n_answers, 1);
        assert_int_equal(the.items[i].attempts, the.items[i].n_sent);
        assert_int_equal(llm_server_requests_of(the.server, the.texts[i]), the.items[i].n_sent);
    }
}

static void every_prompt_gets_its_own_answer_once(void **state)
{
    (void)state;
    begin("normal");
    ASSERT_OK(run(50));
    assert_all_answered(50);
    assert_int_equal(llm_server_requests(the.server), 50);
    assert_int_equal(the.items[7].completion_tokens, 3);
    assert_int_equal(the.items[7].prompt_tokens, 2);
    assert_int_equal(the.items[7].status, 200);
    assert_true(the.items[7].latency_s > 0);
    end();
}

static void a_thousand_items_take_no_time_and_few_connections(void **state)
{
    (void)state;
    begin("normal");
    the.settings.concurrency = 8;
    ASSERT_OK(run(1000));
    assert_all_answered(1000);
    assert_true(llm_server_connections(the.server) <= 16);
    end();
}

static void the_request_says_what_the_settings_say(void **state)
{
    (void)state;
    fr_str body = FR_STR_INIT, authorization = FR_STR_INIT;
    begin("normal");
    the.settings.max_tokens = 5;
    the.settings.send_seed = true;
    the.settings.seed = 42;
    the.settings.extra_json = "{\"top_p\": 0.5}";
    ASSERT_OK(run(1));
    llm_server_last_request(the.server, &body, &authorization);
    assert_string_equal(
        body.data, "{\"model\": \"stand-in\", \"messages\": [{\"role\": \"system\", \"content\": "
                   "\"Be brief.\"}, {\"role\": \"user\", \"content\": \"text 0\"}], "
                   "\"temperature\": 0.0, \"max_tokens\": 5, \"seed\": 42, \"top_p\": 0.5}");
    assert_string_equal(authorization.data, "Bearer sk-very-secret-key-1234");
    fr_str_release(&body);
    fr_str_release(&authorization);
    end();
}

static void as_many_as_allowed_are_in_flight_and_no_more(void **state)
{
    (void)state;
    begin("delay=0.05");
    the.settings.concurrency = 7;
    ASSERT_OK(run(42));
    assert_all_answered(42);
    assert_int_equal(llm_server_max_in_flight(the.server), 7);
    end();
}

static void answers_in_chunks_or_to_the_end_of_the_connection_are_whole(void **state)
{
    static const char *const specs[] = {"chunked", "close", "trickle=0.0005"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin(specs[i]);
        ASSERT_OK(run(4));
        assert_all_answered(4);
        end();
    }
}

static void unknown_token_counts_are_zero(void **state)
{
    (void)state;
    begin("no-usage");
    ASSERT_OK(run(2));
    assert_all_answered(2);
    assert_int_equal(the.items[0].prompt_tokens, 0);
    assert_int_equal(the.items[0].completion_tokens, 0);
    end();
}

/* Each of these strikes twice a prompt and is then over. */
static void what_may_pass_is_tried_again(void **state)
{
    static const char *const specs[] = {
        "status=500,times=2,per-prompt", "status=429,times=2,per-prompt",
        "status=503,times=2,per-prompt", "garbage,times=2,per-prompt",
        "wrong-json,times=2,per-prompt", "cut=25,times=2,per-prompt",
        "drop,times=2,per-prompt",       "reset,times=2,per-prompt"};
    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        begin(specs[i]);
        ASSERT_OK(run(6));
        assert_all_answered(6);
        for (size_t k = 0; k < 6; k++) {
            assert_int_equal(the.items[k].n_sent, 3);
            assert_int_equal(the.items[k].n_retries, 2);
        }
        end();
    }
}

static void silence_is_tried_again_after_the_time_out(void **state)
{
    (void)state;
    begin("hang,times=1,per-prompt");
    the.settings.timeout_s = 0.3;
    ASSERT_OK(run(4));
    assert_all_answered(4);
    assert_int_equal(the.items[3].n_sent, 2);
    end();
}

static void waits_double_up_to_the_cap_and_are_kept(void **state)
{
    (void)state;
    begin("status=500,times=6");
    the.settings.max_retries = 6;
    the.settings.retry_base_s = 2;
    the.settings.retry_cap_s = 10;
    the.settings.concurrency = 1;
    ASSERT_OK(run(1));
    const item *it = &the.items[0];
    assert_int_equal(it->n_sent, 7);
    bool beyond_half = false, differ = false;
    for (int k = 1; k <= 6; k++) {
        double most = fmin(10, 2 * pow(2, k - 1));
        assert_true(it->waits[k] >= 0 && it->waits[k] <= most);
        if (k > 2 && it->waits[k] > most / 2) beyond_half = true;
        if (it->waits[k] / most != it->waits[1] / 2) differ = true;
        ASSERT_NEAR(it->sent_at[k + 1] - it->sent_at[k], it->waits[k], 1e-6);
    }
    assert_true(beyond_half && differ);
    end();
}

static void the_same_seed_gives_the_same_waits(void **state)
{
    double waits[2][3];
    (void)state;
    for (int round = 0; round < 3; round++) {
        begin("status=500,times=3");
        the.settings.jitter_seed = round == 2 ? 6 : 5;
        ASSERT_OK(run(1));
        for (int k = 0; k < 3; k++) {
            if (round == 1) assert_true(waits[0][k] == the.items[0].waits[k + 1]);
            if (round == 2) assert_true(waits[0][k] != the.items[0].waits[k + 1]);
            waits[round > 0][k] = the.items[0].waits[k + 1];
        }
        end();
    }
}

static void retry_after_is_obeyed_by_everybody(void **state)
{
    (void)state;
    begin("status=429,retry-after=17,times=1");
    the.settings.concurrency = 1;
    ASSERT_OK(run(3));
    assert_all_answered(3);
    assert_int_equal(the.items[0].n_sent, 2);
    assert_true(the.items[0].waits[1] >= 17 && the.items[0].waits[1] <= 18);
    assert_true(the.items[0].sent_at[2] >= 17 && the.items[0].sent_at[2] < 18.1);
    assert_true(the.items[1].sent_at[1] >= 17);
    end();

    begin("status=429,retry-after=17,times=1");
    the.settings.concurrency = 2;
    ASSERT_OK(run(10));
    assert_all_answered(10);
    for (size_t i = 3; i < 10; i++) assert_true(the.items[i].sent_at[1] >= 17);
    end();
}

static void a_long_retry_after_is_cut_to_the_cap(void **state)
{
    (void)state;
    begin("status=503,retry-after=100000,times=1");
    the.settings.retry_after_cap_s = 60;
    the.settings.concurrency = 1;
    ASSERT_OK(run(2));
    assert_all_answered(2);
    assert_true(the.items[0].waits[1] >= 60 && the.items[0].waits[1] <= 61);
    end();
}

static void refusals_stop_the_run_with_the_servers_words(void **state)
{
    static const struct {
        const char *spec, *words;
        size_t n_requests;
    } cases[] = {
        {"status=401",
         "answered 401 \"stand-in fault 401 [31m, key provided: [key].\"; check the key", 1},
        {"status=403", "3 items in a row failed alike: ", 3},
        {"status=404", "check base_url", 3},
        {"status=400", "answered 400", 3},
        {"redirect", "points to http://elsewhere.invalid/v1/x;", 3},
        {"huge=5000000", "larger than 100000 bytes", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(cases[i].spec);
        the.settings.concurrency = 1;
        the.settings.max_answer = 100000;
        ASSERT_FAILS(run(20), FR_ERR_NET, cases[i].words);
        assert_int_equal(llm_server_requests(the.server), cases[i].n_requests);
        for (size_t k = 0; k < 20; k++) assert_int_equal(the.items[k].n_answers, 0);
        end();
    }
}

static void a_server_in_ruins_stops_the_run_after_its_retries(void **state)
{
    static const struct {
        const char *spec, *words;
    } cases[] = {{"refuse", "Connection refused"},
                 {"status=500", "answered 500"},
                 {"status=429,retry-after=1", "lower the concurrency"},
                 {"garbage", "what is not JSON"},
                 {"wrong-json", "without choices[0].message.content"},
                 {"drop", "closed before any answer"},
                 {"cut=9", "cut off after 9 bytes"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(cases[i].spec);
        the.settings.concurrency = 2;
        the.settings.max_retries = 2;
        the.settings.give_up_after = 2;
        ASSERT_FAILS(run(100), FR_ERR_NET, cases[i].words);
        assert_non_null(strstr(err.message, "2 items in a row failed alike"));
        assert_int_equal(the.n_answers, 0);
        assert_int_equal(the.items[0].n_sent, 3);
        assert_int_equal(the.items[50].n_sent, 0);
        end();
    }
}

static void silence_for_all_stops_the_run(void **state)
{
    (void)state;
    begin("hang");
    the.settings.timeout_s = 0.2;
    the.settings.max_retries = 1;
    ASSERT_FAILS(run(100), FR_ERR_NET, "timed out");
    end();
}

static void one_item_that_fails_does_not_stop_the_others(void **state)
{
    (void)state;
    begin("normal,times=1;status=400,times=1;normal,times=1;status=400,times=1");
    the.settings.concurrency = 1;
    ASSERT_OK(run(6));
    assert_true(the.items[0].ok && !the.items[1].ok && the.items[2].ok && !the.items[3].ok);
    assert_true(the.items[4].ok && the.items[5].ok);
    assert_int_equal(the.items[1].attempts, 1);
    assert_int_equal(the.items[1].status, 400);
    assert_non_null(strstr(the.items[1].error, "stand-in fault 400"));
    assert_int_equal(the.n_answers, 6);
    end();
}

static void first_failures_are_told_once_somebody_succeeds(void **state)
{
    (void)state;
    begin("status=400,times=2");
    the.settings.concurrency = 1;
    ASSERT_OK(run(4));
    assert_false(the.items[0].ok || the.items[1].ok);
    assert_true(the.items[2].ok && the.items[3].ok);
    assert_int_equal(the.n_answers, 4);
    end();
}

static void fewer_items_than_it_takes_to_give_up_still_stop_the_run(void **state)
{
    (void)state;
    begin("status=400");
    ASSERT_FAILS(run(2), FR_ERR_NET, "2 items in a row failed alike");
    assert_int_equal(the.n_answers, 0);
    end();
}

static void a_server_that_dies_half_way_stops_the_run_and_no_item_pays(void **state)
{
    (void)state;
    begin("normal,times=20;status=500");
    the.settings.concurrency = 2;
    the.settings.max_retries = 1;
    ASSERT_FAILS(run(200), FR_ERR_NET, "7 items in a row failed alike");
    assert_int_equal(the.n_answers, 20);
    for (size_t i = 0; i < 200; i++) assert_true(the.items[i].n_answers == 0 || the.items[i].ok);
    end();
}

static void prompts_that_the_server_refuses_half_way_do_not_stop_the_run(void **state)
{
    (void)state;
    begin("normal,times=5;status=400");
    ASSERT_OK(run(100));
    assert_int_equal(the.n_answers, 100);
    end();
}

static void a_prompt_that_is_not_utf8_is_never_sent(void **state)
{
    (void)state;
    begin("normal");
    the.prompts[1].user = "bad \xff byte";
    ASSERT_OK(run(3));
    assert_true(the.items[0].ok && !the.items[1].ok && the.items[2].ok);
    assert_non_null(strstr(the.items[1].error, "UTF-8"));
    assert_int_equal(the.items[1].n_sent, 0);
    assert_int_equal(the.items[1].attempts, 0);
    end();
}

static void an_interrupt_ends_the_run_in_the_middle(void **state)
{
    (void)state;
    begin("delay=0.01");
    the.stop_after = 10;
    ASSERT_FAILS(run(1000), FR_ERR_INTERRUPTED, "of 1000 items answered");
    assert_true(the.n_answers >= 10 && the.n_answers < 30);
    size_t sent = 0;
    for (size_t i = 0; i < 1000; i++) sent += (size_t)the.items[i].n_sent;
    assert_true(sent >= (size_t)the.n_answers && sent <= (size_t)the.n_answers + 4);
    end();
}

static bool stop_at_once(void *ctx)
{
    return ++*(int *)ctx > 3;
}

static void an_interrupt_ends_a_wait(void **state)
{
    static const fr_chat_events impatient = {.should_stop = stop_at_once};
    (void)state;
    int asked = 0;
    fr_chat_events e = impatient;
    e.ctx = &asked;
    begin("hang");
    ASSERT_OK(fr_chat_client_create(&the.client, &the.settings, &err));
    ASSERT_FAILS(fr_chat_run(the.client, the.prompts, 5, &e, &err), FR_ERR_INTERRUPTED, "0 of 5");
    end();
}

static void a_callback_that_fails_ends_the_run_with_its_error(void **state)
{
    (void)state;
    begin("normal");
    the.fail_at = 3;
    ASSERT_FAILS(run(100), FR_ERR_IO, "the ledger is full");
    assert_int_equal(the.n_answers, 3);
    end();
}

static void no_items_are_no_work(void **state)
{
    (void)state;
    begin("refuse");
    ASSERT_OK(run(0));
    end();
}

static void the_server_lists_its_models(void **state)
{
    (void)state;
    fr_str names = FR_STR_INIT;
    begin("normal");
    the.settings.model = NULL;
    ASSERT_OK(fr_chat_client_create(&the.client, &the.settings, &err));
    ASSERT_OK(fr_chat_models(the.client, NULL, NULL, &names, &err));
    assert_string_equal(names.data, "stand-in\nother [31m\n");
    ASSERT_FAILS(run(1), FR_ERR_USAGE, "which model");
    fr_str_release(&names);
    end();

    begin("refuse");
    ASSERT_OK(fr_chat_client_create(&the.client, &the.settings, &err));
    ASSERT_FAILS(fr_chat_models(the.client, NULL, NULL, &names, &err), FR_ERR_NET, "refused");
    end();
}

static void assert_refused(const char *words)
{
    fr_chat_client *client;
    ASSERT_FAILS(fr_chat_client_create(&client, &the.settings, &err), FR_ERR_USAGE, words);
    assert_null(client);
    assert_null(strstr(err.message, "hunter2"));
}

static void settings_that_cannot_be_are_refused_by_name(void **state)
{
    (void)state;
#define REFUSED(field, value, words)  \
    do {                              \
        begin("normal");              \
        the.settings.field = (value); \
        assert_refused(words);        \
        end();                        \
    } while (0)
    REFUSED(base_url, NULL, "base_url is missing");
    REFUSED(base_url, "localhost:8000", "has to begin with http");
    REFUSED(base_url, "http://me:hunter2@host/v1", "carries a user or password");
    REFUSED(base_url, "http://h/v1 x", "blanks");
    REFUSED(base_url, "http:///v1", "no host");
    REFUSED(key_env, "FRUGAL_NO_SUCH_KEY", "FRUGAL_NO_SUCH_KEY, which is not set");
    REFUSED(concurrency, 0, "concurrency is 0");
    REFUSED(concurrency, 5000, "concurrency is 5000");
    REFUSED(timeout_s, NAN, "time-out");
    REFUSED(max_retries, -1, "retries");
    REFUSED(retry_cap_s, INFINITY, "waits");
    REFUSED(give_up_after, 0, "give_up_after");
    REFUSED(temperature, -1, "temperature");
    REFUSED(max_tokens, -5, "max_tokens");
    REFUSED(extra_json, "{\"a\": ", "extra");
    REFUSED(extra_json, "[1]", "has to be an object");
    REFUSED(extra_json, "{\"messages\": []}", "must not set \"messages\"");
#undef REFUSED
    begin("normal");
    setenv("FRUGAL_TEST_KEY", "", 1);
    assert_refused("which is empty");
    setenv("FRUGAL_TEST_KEY", "hunter2 hunter2", 1);
    assert_refused("no header can carry");
    end();
}

static void a_key_over_plain_http_is_warned_about_without_the_key(void **state)
{
    (void)state;
    begin("normal");
    the.settings.base_url = "http://192.0.2.1/v1";
    ASSERT_OK(fr_chat_client_create(&the.client, &the.settings, &err));
    assert_non_null(strstr(the.logged, "unencrypted"));
    assert_null(strstr(the.logged, key));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prompt_gets_its_own_answer_once),
        cmocka_unit_test(a_thousand_items_take_no_time_and_few_connections),
        cmocka_unit_test(the_request_says_what_the_settings_say),
        cmocka_unit_test(as_many_as_allowed_are_in_flight_and_no_more),
        cmocka_unit_test(answers_in_chunks_or_to_the_end_of_the_connection_are_whole),
        cmocka_unit_test(unknown_token_counts_are_zero),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(silence_is_tried_again_after_the_time_out),
        cmocka_unit_test(waits_double_up_to_the_cap_and_are_kept),
        cmocka_unit_test(the_same_seed_gives_the_same_waits),
        cmocka_unit_test(retry_after_is_obeyed_by_everybody),
        cmocka_unit_test(a_long_retry_after_is_cut_to_the_cap),
        cmocka_unit_test(refusals_stop_the_run_with_the_servers_words),
        cmocka_unit_test(a_server_in_ruins_stops_the_run_after_its_retries),
        cmocka_unit_test(silence_for_all_stops_the_run),
        cmocka_unit_test(one_item_that_fails_does_not_stop_the_others),
        cmocka_unit_test(first_failures_are_told_once_somebody_succeeds),
        cmocka_unit_test(fewer_items_than_it_takes_to_give_up_still_stop_the_run),
        cmocka_unit_test(a_server_that_dies_half_way_stops_the_run_and_no_item_pays),
        cmocka_unit_test(prompts_that_the_server_refuses_half_way_do_not_stop_the_run),
        cmocka_unit_test(a_prompt_that_is_not_utf8_is_never_sent),
        cmocka_unit_test(an_interrupt_ends_the_run_in_the_middle),
        cmocka_unit_test(an_interrupt_ends_a_wait),
        cmocka_unit_test(a_callback_that_fails_ends_the_run_with_its_error),
        cmocka_unit_test(no_items_are_no_work),
        cmocka_unit_test(the_server_lists_its_models),
        cmocka_unit_test(settings_that_cannot_be_are_refused_by_name),
        cmocka_unit_test(a_key_over_plain_http_is_warned_about_without_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
