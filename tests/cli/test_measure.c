/* test_measure.c - frugal measure as a user meets it. */
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/run.h"
#include "support/test.h"

static test_output o;

#define FRUGAL "'" FR_BINARY "'" /* in a line for the shell; its path may hold spaces */
#define MEASURE(...) TEST_FRUGAL(&o, "measure", __VA_ARGS__)

static void has(const char *text, const char *words)
{
    if (!strstr(text, words)) fail_msg("\"%s\" is not in: %s", words, text);
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("not JSON: %s: %s", error.text, text);
    return root;
}

/* The number at "a.b.c". */
static double number_at(json_t *root, const char *path)
{
    char word[64];
    json_t *at = root;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, ".");
        snprintf(word, sizeof(word), "%.*s", (int)n, p);
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(word)) : json_object_get(at, word);
        p += n + (p[n] == '.');
    }
    if (!json_is_number(at)) fail_msg("%s is not a number", path);
    return json_number_value(at);
}

static bool has_note(json_t *root, const char *words)
{
    size_t i;
    json_t *note;
    json_array_foreach(json_object_get(root, "notes"), i,
                       note) if (strstr(json_string_value(note), words)) return true;
    return false;
}

static void expect_failure(int status, const char *words)
{
    const char *line_end = strchr(o.err, '\n');
    if (o.status != status) fail_msg("exit status %d: %s", o.status, o.err);
    has(o.err, words);
    if (strncmp(o.err, "frugal: ", 8)) fail_msg("not an error of ours: %s", o.err);
    if (!line_end || line_end[1]) fail_msg("not one line: %s", o.err);
    assert_string_equal(o.out, "");
}

static void the_report_goes_to_standard_error_and_the_commands_output_stays_its_own(void **state)
{
    (void)state;
    MEASURE("--", "sh", "-c", "echo out; echo err >&2; exit 7");
    assert_int_equal(o.status, 7);
    assert_string_equal(o.out, "out\n");
    static const char *const words[] = {"err\n",           " s    duration", "J    CPU",
                                        "J    RAM",        "J    total",     "W    mean power",
                                        "W    peak power", "CPU time",       "MB   peak memory",
                                        "CO2e [",          "World",          "no region was given"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) has(o.err, words[i]);
}

static void figures_as_json_agree_with_each_other(void **state)
{
    (void)state;
    MEASURE("--json", "--region", "India", "--pue", "1.5", "--", "sh", "-c",
            "head -c 20000000 /dev/zero | cksum");
    assert_int_equal(o.status, 0);
    json_t *root = parse(o.err);
    double j = number_at(root, "energy.total.joules.mean"), g = number_at(root, "g_co2e.value");
    assert_true(j > 0);
    assert_true(number_at(root, "cpu_s.mean") > 0.001);
    assert_true(number_at(root, "duration_s.mean") > 0);
    ASSERT_NEAR(g, j / 3.6e6 * number_at(root, "grid.g_per_kwh") * 1.5, 1e-9 * g);
    assert_true(number_at(root, "g_co2e.low") < g && g < number_at(root, "g_co2e.high"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "grid"), "region")),
                        "IND");
    assert_false(has_note(root, "no region"));
    assert_int_equal(json_array_size(json_object_get(root, "command")), 3);
    json_decref(root);
}

static void command_that_ends_before_anybody_looks_has_memory_all_the_same(void **state)
{
    (void)state;
    MEASURE("--json", "--interval", "3600", "--", "sh", "-c", "exit 0");
    assert_int_equal(o.status, 0);
    json_t *root = parse(o.err);
    /* From nothing to its peak, over the window: 3/8 W per 1e9 bytes. */
    double ram_j = number_at(root, "energy.RAM.joules.mean");
    double peak = number_at(root, "peak_bytes.mean"), s = number_at(root, "duration_s.mean");
    assert_true(peak > 1e5 && peak < 1e8);
    assert_true(ram_j > 0.9 * s * peak / 2 * 0.375e-9);
    ASSERT_NEAR(number_at(root, "energy.RAM.relative_random"), 1, 0); /* a single look */
    json_decref(root);
}

static void idle_power_that_nobody_can_tell_is_noted(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        MEASURE("--json", "--idle", asked ? "0.01" : "0", "--", "sh", "-c", "exit 0");
        assert_int_equal(o.status, 0);
        json_t *root = parse(o.err), *energy = json_object_get(root, "energy");
        const char *kind =
            json_string_value(json_object_get(json_object_get(energy, "total"), "kind"));
        /* Where there is a sensor, it may well be too slow for this. */
        if (!strcmp(kind, "modelled"))
            assert_int_equal(has_note(root, "no idle power was found"), asked);
        json_decref(root);
    }
}

static void embodied_share_is_that_of_the_time_and_adds_up_to_sci(void **state)
{
    (void)state;
    MEASURE("--json", "--embodied-kg", "1000", "--lifetime", "2", "--share", "0.25", "--", "sh",
            "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    assert_int_equal(o.status, 0);
    json_t *root = parse(o.err);
    double embodied = number_at(root, "g_co2e.embodied");
    /* 1000 kg, a quarter of it, over two years of 365 days. */
    ASSERT_NEAR(embodied, 1e6 * 0.25 * number_at(root, "duration_s.mean") / (2 * 365 * 86400.0),
                1e-9 * embodied);
    ASSERT_NEAR(number_at(root, "g_co2e.sci"), number_at(root, "g_co2e.value") + embodied,
                1e-9 * embodied);
    json_decref(root);
    MEASURE("--embodied-kg", "10", "--share", "1.5", "--", "true");
    expect_failure(2, "share (1.5)");
}

static void options_end_at_the_command_or_at_two_dashes(void **state)
{
    (void)state;
    MEASURE("echo", "--help", "--json");
    assert_int_equal(o.status, 0);
    assert_string_equal(o.out, "--help --json\n");
    MEASURE("--interval", "0.5", "echo", "--", "x");
    assert_string_equal(o.out, "-- x\n");
    MEASURE("--repeat=2", "--", "echo", "x");
    assert_string_equal(o.out, "x\nx\n");
    MEASURE("--json", "--help");
    assert_int_equal(o.status, 0);
    has(o.out, "example:");
}

static void wrong_words_are_one_line_and_start_nothing(void **state)
{
    (void)state;
    MEASURE("--jsn", "--", "echo", "x");
    expect_failure(2, "did you mean --json?");
    MEASURE("--json");
    expect_failure(2, "command is missing");
    MEASURE("--");
    expect_failure(2, "command is missing");
    MEASURE("--repeat", "0", "echo", "x");
    expect_failure(2, "--repeat");
    MEASURE("--pue", "0.5", "echo", "x");
    expect_failure(2, "--pue");
    MEASURE("--interval", "0", "echo", "x");
    expect_failure(2, "interval");
    MEASURE("--region", "Indai", "echo", "x");
    expect_failure(2, "did you mean");
    MEASURE("--replay", "x", "echo", "x");
    expect_failure(2, "runs no command");
    MEASURE("--replay", "/no/such/file");
    expect_failure(1, "/no/such/file");
    MEASURE("--record-sensors", "/no/such/file", "echo", "x");
    expect_failure(1, "/no/such/file");
}

static void a_source_that_the_user_names_is_the_total(void **state)
{
    (void)state;
    MEASURE("--json", "--source", "command:W,echo 20", "--", "sh", "-c", "exit 0");
    assert_int_equal(o.status, 0);
    json_t *root = parse(o.err);
    ASSERT_NEAR(number_at(root, "mean_w.mean"), 20, 1e-6);
    ASSERT_NEAR(number_at(root, "energy.total.joules.mean"),
                number_at(root, "energy.system.joules.mean"), 0);
    json_decref(root);
    MEASURE("--source", "command:false", "echo", "x");
    expect_failure(2, "energy source command false: exit status 1");
    TEST_FRUGAL(&o, "meters", "--source", "command:gpu,W,echo 20");
    assert_int_equal(o.status, 0);
    has(o.out, "command (what the user says; measured): in use\n    command echo as GPU");
}

static void a_command_that_cannot_be_started_gives_127_or_126(void **state)
{
    (void)state;
    const char *plain = test_write_file(test_tmp_dir(), "plain", "text");
    MEASURE("--repeat", "3", "--", "/no/such/command");
    expect_failure(127, "cannot start /no/such/command: No such file");
    MEASURE("--", plain);
    expect_failure(126, "Permission denied");
}

static void standard_input_is_the_commands(void **state)
{
    (void)state;
    test_run((const char *const[]){"sh", "-c", "echo hello | " FRUGAL " measure -- cat", NULL}, 60,
             &o);
    assert_int_equal(o.status, 0);
    assert_string_equal(o.out, "hello\n");
}

static void closed_streams_stay_closed_and_take_no_report(void **state)
{
    (void)state;
    static const char script[] = FRUGAL " measure -- sh -c 'echo x' >&- 2>&-; echo $?; " FRUGAL
                                        " measure -- sh -c 'exec 2>&1; echo x' 2>&-; echo $?";
    test_run((const char *const[]){"sh", "-c", script, NULL}, 60, &o);
    assert_string_equal(o.out, "1\nx\n0\n"); /* 1: echo finds no standard output, as without us */
}

static void a_command_that_kills_its_watcher_is_an_error(void **state)
{
    (void)state;
    static const char *const ways[] = {"--json", "--no-cgroup"};
    for (int i = 0; i < 2; i++) {
        MEASURE(ways[i], "--", "sh", "-c", "kill -KILL $PPID");
        expect_failure(1, "the watcher of the command was killed");
    }
}

static void measuring_works_below_measuring_and_where_sigchld_is_ignored(void **state)
{
    (void)state;
    MEASURE("--", FR_BINARY, "measure", "--json", "--", "sh", "-c", "exit 4");
    assert_int_equal(o.status, 4);
    has(o.err, "\"cpu_s\"");
    has(o.err, "J    total");
    test_run(
        (const char *const[]){"sh", "-c", "trap '' CHLD; " FRUGAL " measure sh -c 'exit 5'", NULL},
        60, &o);
    assert_int_equal(o.status, 5);
}

static void a_signal_that_ends_the_command_is_told(void **state)
{
    (void)state;
    MEASURE("--", "sh", "-c", "kill -TERM $$");
    assert_int_equal(o.status, 128 + SIGTERM);
    has(o.err, "ended by signal 15");
}

static void repeats_give_means_and_spread_and_the_first_failure(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    char file[512];
    snprintf(file, sizeof(file), "%s/runs", dir);
    /* The second run takes longer and fails, the third does not. */
    static const char script[] = "echo x >>\"$0\"; [ $(wc -l <\"$0\") != 2 ] || "
                                 "{ head -c 20000000 /dev/zero | cksum >/dev/null; exit 4; }";
    MEASURE("--json", "--repeat", "3", "--", "sh", "-c", script, file);
    assert_int_equal(o.status, 4);
    json_t *root = parse(o.err);
    assert_int_equal(json_array_size(json_object_get(root, "runs")), 3);
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        char path[32];
        snprintf(path, sizeof(path), "runs.%d.duration_s", i);
        sum += number_at(root, path);
    }
    ASSERT_NEAR(number_at(root, "duration_s.mean"), sum / 3, 1e-9);
    assert_true(number_at(root, "duration_s.standard_error") >= 0);
    assert_true(has_note(root, "run 2: ended with status 4"));
    double random = 1.959964 * number_at(root, "energy.total.joules.standard_error") /
                    number_at(root, "energy.total.joules.mean");
    double doubt = hypot(random, number_at(root, "energy.total.relative_uncertainty"));
    double g = number_at(root, "g_co2e.value");
    assert_true(random > 0.3);
    assert_true(number_at(root, "g_co2e.high") > g * (1 + doubt)); /* and that of the grid */
    json_decref(root);
    MEASURE("--repeat", "2", "true");
    has(o.err, "(2 runs)");
    has(o.err, "( +- ");
}

static void the_report_can_go_to_a_file(void **state)
{
    (void)state;
    char file[512], text[65536];
    snprintf(file, sizeof(file), "%s/report.json", test_tmp_dir());
    MEASURE("--json", "--output", file, "--", "sh", "-c", "echo err >&2");
    assert_int_equal(o.status, 0);
    assert_string_equal(o.err, "err\n");
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    json_decref(parse(text));
}

static void a_daemon_is_noted_and_not_waited_for(void **state)
{
    (void)state;
    /* It lives as long as the pipe that the outer shell holds. */
    static const char script[] =
        "exec 3<>$0/fifo; " FRUGAL " measure --json --output $0/report -- "
        "sh -c 'setsid sh -c \"read x <&3\" >/dev/null 2>&1 & "
        "while ! kill -0 $!; do :; done'; echo done; echo x >&3; cat $0/report >&2";
    char fifo[512];
    const char *dir = test_tmp_dir();
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    test_run((const char *const[]){"sh", "-c", script, dir, NULL}, 60, &o);
    assert_string_equal(o.out, "done\n");
    json_t *root = parse(o.err);
    if (!has_note(root, "still run")) fail_msg("no note of it: %s", o.err);
    assert_true(number_at(root, "runs.0.left_running") >= 1);
    json_decref(root);
}

static void children_that_the_kernel_forgets_make_it_a_lower_bound(void **state)
{
    (void)state;
    test_run((const char *const[]){"env", "--ignore-signal=CHLD", "true", NULL}, 60, &o);
    if (o.status) {
        print_message("skipped: env knows no --ignore-signal\n");
        skip();
    }
    MEASURE("--no-cgroup", "--no-perf", "--", "env", "--ignore-signal=CHLD", "true");
    assert_int_equal(o.status, 0);
    has(o.err, "lower bound");
    MEASURE("--no-cgroup", "--no-perf", "--", "true");
    assert_null(strstr(o.err, "lower bound"));
    has(o.err, "no cgroup: as asked for");
}

static void a_replay_gives_the_same_figures_without_any_sensor(void **state)
{
    (void)state;
    char file[512];
    static const char *const same[] = {"energy.total.joules.mean", "energy.CPU.joules.mean",
                                       "energy.RAM.joules.mean", "peak_w.mean", "g_co2e.value"};
    snprintf(file, sizeof(file), "%s/record", test_tmp_dir());
    MEASURE("--json", "--repeat", "2", "--record-sensors", file, "--", "sh", "-c",
            "head -c 20000000 /dev/zero | cksum");
    assert_int_equal(o.status, 0);
    json_t *live = parse(o.err);
    MEASURE("--json", "--replay", file);
    assert_int_equal(o.status, 0);
    json_t *again = parse(o.err);
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        double x = number_at(live, same[i]);
        ASSERT_NEAR(number_at(again, same[i]), x, 1e-6 * fabs(x));
    }
    assert_int_equal(json_array_size(json_object_get(again, "runs")), 2);
    json_decref(live);
    json_decref(again);
}

/* Reads from the terminal into `text` until `words` are there, or its end. */
static void read_until(int fd, char *text, size_t size, const char *words)
{
    size_t n = strlen(text);
    struct pollfd p = {fd, POLLIN, 0};
    while (n < size - 1 && !(words && strstr(text, words))) {
        if (poll(&p, 1, 30000) != 1) fail_msg("nothing more than: %s", text);
        ssize_t got = read(fd, text + n, size - 1 - n);
        if (got <= 0) return;
        n += (size_t)got;
        text[n] = 0;
    }
}

static void ctrl_c_reaches_the_command_once_and_the_report_still_comes(void **state)
{
    (void)state;
    static char text[65536];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) || unlockpt(master) || !ptsname(master)) {
        print_message("skipped: no pseudo-terminals here\n");
        skip();
    }
    char name[128];
    snprintf(name, sizeof(name), "%s", ptsname(master));
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int fd = open(name, O_RDWR);
        if (fd < 0) _exit(98);
        ioctl(fd, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++) dup2(fd, i);
        execl(FR_BINARY, "frugal", "measure", "--", "sh", "-c",
              "trap 'echo g\"\"ot; exit 5' INT; echo ready; while :; do sleep 0.05; done",
              (char *)NULL);
        _exit(99);
    }
    text[0] = 0;
    read_until(master, text, sizeof(text), "ready");
    assert_int_equal(write(master, "\x03", 1), 1);
    read_until(master, text, sizeof(text), NULL);
    int status;
    waitpid(pid, &status, 0);
    close(master);
    const char *got = strstr(text, "got");
    if (!got || strstr(got + 3, "got")) fail_msg("not once: %s", text);
    has(text, "duration");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_goes_to_standard_error_and_the_commands_output_stays_its_own),
        cmocka_unit_test(figures_as_json_agree_with_each_other),
        cmocka_unit_test(command_that_ends_before_anybody_looks_has_memory_all_the_same),
        cmocka_unit_test(idle_power_that_nobody_can_tell_is_noted),
        cmocka_unit_test(embodied_share_is_that_of_the_time_and_adds_up_to_sci),
        cmocka_unit_test(options_end_at_the_command_or_at_two_dashes),
        cmocka_unit_test(wrong_words_are_one_line_and_start_nothing),
        cmocka_unit_test(a_source_that_the_user_names_is_the_total),
        cmocka_unit_test(a_command_that_cannot_be_started_gives_127_or_126),
        cmocka_unit_test(standard_input_is_the_commands),
        cmocka_unit_test(closed_streams_stay_closed_and_take_no_report),
        cmocka_unit_test(a_command_that_kills_its_watcher_is_an_error),
        cmocka_unit_test(measuring_works_below_measuring_and_where_sigchld_is_ignored),
        cmocka_unit_test(a_signal_that_ends_the_command_is_told),
        cmocka_unit_test(repeats_give_means_and_spread_and_the_first_failure),
        cmocka_unit_test(the_report_can_go_to_a_file),
        cmocka_unit_test(a_daemon_is_noted_and_not_waited_for),
        cmocka_unit_test(children_that_the_kernel_forgets_make_it_a_lower_bound),
        cmocka_unit_test(a_replay_gives_the_same_figures_without_any_sensor),
        cmocka_unit_test(ctrl_c_reaches_the_command_once_and_the_report_still_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
