/* test_stand_in.c - frugal-stand-in plants exactly what it is told to. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote/chat.h"
#include "support/test.h"

enum { N = 777 };

static fr_error err;
static char answers[2][N][32];

/* Starts it with a port of its own choice; url: what it printed. */
static pid_t start(const char *const argv[], char *url, size_t size)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        int quiet = open("/dev/null", O_WRONLY);
        if (quiet >= 0) dup2(quiet, 2);
        execv(FR_STAND_IN, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    assert_non_null(f);
    if (!fgets(url, (int)size, f)) url[0] = '\0';
    fclose(f);
    char *from = strstr(url, "http://");
    if (from) {
        from[strcspn(from, "\n")] = '\0';
        memmove(url, from, strlen(from) + 1);
    }
    return pid;
}

static int wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Texts of which some are part of others, and some occur twice. */
static const char *text_of(size_t i)
{
    static char text[64];
    if (i % 100 == 3) i--;
    snprintf(text, sizeof(text), i % 5 ? "\\\"film %zu\\\" was fine" : "film %zu", i);
    return text;
}

static const char *write_data(bool numbers)
{
    fr_str lines = FR_STR_INIT;
    for (size_t i = 0; i < N; i++) {
        size_t label = (i - (i % 100 == 3)) / 3 % 2;
        ASSERT_OK(fr_str_appendf(&lines, &err, "{\"text\": \" %s\\n\", \"label\": ", text_of(i)));
        ASSERT_OK(numbers ? fr_str_appendf(&lines, &err, "%zu}\n", label)
                          : fr_str_appendf(&lines, &err, "\"%s\"}\n", label ? "good" : "bad"));
    }
    const char *path = test_write_file(test_tmp_dir(), "data.jsonl", lines.data);
    fr_str_release(&lines);
    return path;
}

static fr_status on_answer(void *ctx, size_t i, const fr_chat_answer *a, fr_error *e)
{
    (void)e;
    snprintf(answers[*(int *)ctx][i], sizeof(answers[0][0]), "%s", a->text);
    assert_true(a->ok && a->completion_tokens == 1 && a->prompt_tokens > 3);
    return FR_OK;
}

static void ask_all(const char *url, int round)
{
    static char users[N][160];
    fr_chat_prompt prompts[N];
    fr_chat_client *client;
    fr_chat_settings s = fr_chat_settings_default();
    const fr_chat_events events = {.ctx = &round, .on_answer = on_answer};
    s.base_url = url;
    s.model = "stand-in";
    for (size_t i = 0; i < N; i++) {
        char plain[64];
        size_t n = 0;
        for (const char *c = text_of(i); *c; c++)
            if (*c != '\\') plain[n++] = *c;
        plain[n] = '\0';
        snprintf(users[i], sizeof(users[i]), "Is this good or bad?\n\n%s\n\nOne word:", plain);
        prompts[i] = (fr_chat_prompt){.user = users[i]};
    }
    ASSERT_OK(fr_chat_client_create(&client, &s, &err));
    ASSERT_OK(fr_chat_run(client, prompts, N, &events, &err));
    fr_chat_client_destroy(client);
}

static void exactly_as_many_items_are_right_as_planted_each_time(void **state)
{
    static const char *const accuracies[] = {"0.93", "0.5", "1"};
    static const size_t wanted[] = {723, 389, 777};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        char url[128], data[512];
        size_t right = 0;
        snprintf(data, sizeof(data), "%s", write_data(k == 1));
        char accuracy[8];
        snprintf(accuracy, sizeof(accuracy), "%s", accuracies[k]);
        const char *const argv[] = {
            "frugal-stand-in",    "--data",     data,     "--labels", "bad,good",
            "--accuracy",         accuracy,     "--seed", "7",        "--fault",
            "status=500,times=1", "--lifetime", "60",     NULL};
        pid_t pid = start(argv, url, sizeof(url));
        ask_all(url, 0);
        ask_all(url, 1);
        kill(pid, SIGTERM);
        assert_int_equal(wait_for(pid), 0);
        for (size_t i = 0; i < N; i++) {
            size_t label = (i - (i % 100 == 3)) / 3 % 2;
            assert_string_equal(answers[0][i], answers[1][i]);
            right += strcmp(answers[0][i], label ? "good" : "bad") == 0;
        }
        assert_int_equal(right, wanted[k]);
    }
}

static void it_ends_by_itself(void **state)
{
    (void)state;
    char url[128], data[512];
    snprintf(data, sizeof(data), "%s", write_data(false));
    const char *const argv[] = {"frugal-stand-in", "--data",     data,  "--labels",
                                "bad,good",        "--lifetime", "0.2", NULL};
    pid_t pid = start(argv, url, sizeof(url));
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(strncmp(url, "http://127.0.0.1:", 17), 0);
}

static void wrong_arguments_are_wrong_usage(void **state)
{
    (void)state;
    char url[128], data[512];
    snprintf(data, sizeof(data), "%s", write_data(false));
    const char *const cases[][6] = {{"x", NULL},
                                    {"x", "--data", "/nonexistent", NULL},
                                    {"x", "--data", data, NULL}, /* its labels are others */
                                    {"x", "--data", data, "--fault", "earthquake", NULL},
                                    {"x", "--data", data, "--accuracy", "1.5", NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(wait_for(start(cases[i], url, sizeof(url))), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_as_many_items_are_right_as_planted_each_time),
        cmocka_unit_test(it_ends_by_itself),
        cmocka_unit_test(wrong_arguments_are_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
