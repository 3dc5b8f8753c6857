/* NVIDIA cards by a stub of the driver's library: counting, sharing, setting aside, losing. */
#include "drive.h"

static fr_error err;

enum { LOST = 1, NO_ENERGY };

typedef struct cards {
    drive d;
    char file[300];
    const char *rest; /* what else the stub says */
    bool no_counter;
} cards;

static void say(cards *c, const char *fmt, ...) FR_PRINTF(2, 3);
static void say(cards *c, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    FILE *f = fopen(c->file, "w");
    if (!f || fputs(text, f) < 0 || fclose(f)) fail_msg("cannot write %s", c->file);
}

static void show(drive *d)
{
    cards *c = (cards *)d;
    char energy[64] = "";
    if (!c->no_counter)
        snprintf(energy, sizeof(energy), "0.energy %.0f\n", floor(d->energy_j * 1e3));
    say(c, "count 1\n0.name H100\n%s0.power %.0f\n%s%s", energy, d->w * 1e3,
        d->spoilt == LOST ? "0.lost 15\n" : "", c->rest);
}

/* One card; process 42 is the tree's. */
static void plant(cards *c, const char *rest)
{
    memset(c, 0, sizeof(*c));
    c->d = (drive){
        .domain = FR_DOMAIN_GPU, .counter = true, .step_s = 0.1, .noise = 0.01, .show = show};
    c->rest = rest;
    fake_init(&c->d.f);
    snprintf(c->file, sizeof(c->file), "%s/nvml", test_tmp_dir());
    setenv("FR_NVML_STUB_FILE", c->file, 1);
}

static fr_meter_options options_of(cards *c)
{
    fr_meter_options o = fake_options(&c->d.f);
    o.nvml = FR_NVML_STUB;
    return o;
}

static void begin(cards *c, const char *rest)
{
    plant(c, rest);
    fr_meter_options o = options_of(c);
    drive_open(&c->d, &o);
}

static void energy_counter_is_counted_and_power_agrees(void **state)
{
    (void)state;
    cards c;
    begin(&c, "0.compute 42\n");
    drive_steadily(&c.d);
    const fr_source_info *s = fake_source(c.d.m, "nvml");
    assert_true(s->used);
    assert_non_null(strstr(s->detail, "GPU 0: H100 by energy counter"));
    fr_meter_close(c.d.m);
}

static void power_that_contradicts_the_counter_is_noted(void **state)
{
    (void)state;
    cards c;
    fr_reading r;
    begin(&c, "0.compute 42\n");
    fr_window *w = drive_begin(&c.d);
    for (int i = 0; i < 100; i++) {
        c.d.f.now_s += 0.1;
        c.d.energy_j += 10;
        c.d.w = 200; /* zeus issue 181: 187 J against 327 J */
        show(&c.d);
        fr_meter_tick(c.d.m);
    }
    fr_window_end(w, &r);
    ASSERT_NEAR(r.gpu.j, 1000, 0.1);
    assert_int_equal(r.n_errors, 1);
    assert_non_null(strstr(r.first_error, "GPU 0 (H100) counts 1000.0 J and power of GPU 0 gives"));
    fr_meter_close(c.d.m);
}

static void counter_that_moves_in_steps_makes_no_peaks(void **state)
{
    (void)state;
    cards c;
    fr_reading r;
    begin(&c, "0.compute 42\n");
    fr_window *w = drive_begin(&c.d);
    c.d.w = 100;
    for (int i = 0; i < 100; i++) { /* looked at each 0.07 s, and moving each 0.1 s */
        c.d.f.now_s += 0.07;
        c.d.energy_j = 10 * floor((c.d.f.now_s - 1000) / 0.1);
        show(&c.d);
        fr_meter_tick(c.d.m);
    }
    fr_window_end(w, &r);
    assert_true(r.max_w > 95 && r.max_w < 125); /* 143 from one look to the next */
    fr_meter_close(c.d.m);
}

static void card_without_a_counter_is_counted_by_its_power(void **state)
{
    (void)state;
    cards c;
    plant(&c, "0.compute 42\n");
    c.no_counter = true;
    c.d.counter = false;
    fr_meter_options o = options_of(&c);
    drive_open(&c.d, &o);
    drive_steadily(&c.d);
    drive_through(&c.d, LOST, "GPU is lost");
    ASSERT_NEAR(fake_source(c.d.m, "nvml")->relative_uncertainty, 0.1, 1e-9);
    fr_meter_close(c.d.m);
}

static void lost_reset_and_frozen_cards_are_noted(void **state)
{
    (void)state;
    cards c;
    begin(&c, "0.compute 42\n");
    c.d.w = 100;
    drive_on(&c.d, 1, 100);
    drive_through(&c.d, LOST, "GPU is lost");
    drive_blind(&c.d, LOST);
    drive_frozen(&c.d, 30);
    drive_reset(&c.d, "reset");
    fr_meter_close(c.d.m);
}

/* Two cards of 100 W each for ten seconds; `rest` tells who is on them. */
static void ten_seconds(cards *c, double *mj, const char *rest)
{
    for (int i = 0; i < 100; i++) {
        c->d.f.now_s += 0.1;
        *mj += 1e4;
        say(c, "count 2\n0.energy %.0f\n1.energy %.0f\n0.power 100000\n1.power 100000\n%s", *mj,
            *mj, rest);
        fr_meter_tick(c->d.m);
    }
}

static void only_cards_that_the_tree_uses_count_and_from_then_on_always(void **state)
{
    (void)state;
    cards c;
    fr_reading r;
    double mj = 5e6;
    plant(&c, "");
    say(&c, "count 2\n0.energy 5000000\n1.energy 5000000\n0.power 1\n1.power 1\n1.compute 7\n");
    test_write_file(c.d.f.proc, "stat", "cpu 1 0 0 0 0 0 0 0 0 0\n");
    fake_dir(c.d.f.proc, "7");
    test_write_file(c.d.f.proc, "7/stat",
                    "7 (other) S 1 1 1 0 -1 0 0 0 0 0 1 0 0 0 20 0 1 0 99 1000000 1 1 1\n");
    fr_meter_options o = options_of(&c);
    ASSERT_OK(fr_meter_open(&c.d.m, &o, &err));
    fr_window *w = drive_begin(&c.d);
    ten_seconds(&c, &mj, "1.compute 7\n"); /* somebody else's */
    fr_window_peek(w, &r);
    ASSERT_NEAR(r.gpu.j, 0, 0);
    ASSERT_NEAR(r.gpu.attributed_j, 0, 0);
    ASSERT_NEAR(r.gpu.covered_s, 10, 1e-6); /* nothing is missing */
    assert_int_equal(r.n_errors, 0);
    ten_seconds(&c, &mj, "0.graphics 42\n1.compute 7\n"); /* card 0 is ours */
    fr_window_peek(w, &r);
    ASSERT_NEAR(r.gpu.j, 1000, 0.1);
    ASSERT_NEAR(r.gpu.attributed_j, 1000, 0.1);
    ten_seconds(&c, &mj, "1.compute 7\n"); /* left: it goes on counting, but is not our doing */
    fr_window_end(w, &r);
    ASSERT_NEAR(r.gpu.j, 2000, 0.1);
    ASSERT_NEAR(r.gpu.attributed_j, 1000, 0.1);
    fr_meter_close(c.d.m);
}

static double shared(const char *rest)
{
    cards c;
    fr_reading r;
    double mj = 0;
    plant(&c, "");
    say(&c, "count 1\n0.energy 0\n0.power 1\n0.compute 42\n");
    fake_dir(c.d.f.proc, "7");
    test_write_file(c.d.f.proc, "7/stat",
                    "7 (other) S 1 1 1 0 -1 0 0 0 0 0 1 0 0 0 20 0 1 0 99 1000000 1 1 1\n");
    fr_meter_options o = options_of(&c);
    ASSERT_OK(fr_meter_open(&c.d.m, &o, &err));
    fr_window *w = drive_begin(&c.d);
    c.d.f.now_s += 1;
    mj += 1e5;
    say(&c, "count 1\n0.energy %.0f\n0.power 100000\n%s", mj, rest);
    fr_window_end(w, &r);
    ASSERT_NEAR(r.gpu.j, 100, 0.01);
    fr_meter_close(c.d.m);
    return r.gpu.attributed_j;
}

static void shares_are_by_utilisation_else_in_equal_parts(void **state)
{
    (void)state;
    ASSERT_NEAR(shared("0.compute 42 7\n0.samples 10:42:60 20:7:20\n"), 75, 1e-6);
    ASSERT_NEAR(shared("0.compute 42 7\n0.samples 10:42:60 20:42:20 30:7:0\n"), 100, 1e-6);
    ASSERT_NEAR(shared("0.compute 42 7\n"), 50, 1e-6); /* the driver does not tell */
    ASSERT_NEAR(shared("0.compute 42 7\n0.graphics 7 8\n"), 100.0 / 3, 1e-6);
    ASSERT_NEAR(shared("0.compute 42 7\n0.samples 10:42:0 20:7:0\n"), 50, 1e-6); /* nobody busy */
    ASSERT_NEAR(shared("0.compute 42\n0.samples 10:42:60 11:7:4000000000\n"), 100, 1e-6);
    /* It has ended since the last look, but the samples are still its own. */
    ASSERT_NEAR(shared("0.compute 7\n0.samples 10:42:30 20:7:90\n"), 25, 1e-6);
}

static void shares_of_a_divided_card_are_not_known(void **state)
{
    (void)state;
    cards c;
    fr_reading r;
    begin(&c, "0.compute 42\n0.mig 1\n");
    fr_window *w = drive_begin(&c.d);
    drive_on(&c.d, 10, 100);
    fr_window_end(w, &r);
    assert_true(r.gpu.j > 0);
    assert_true(isnan(r.gpu.attributed_j));
    assert_non_null(strstr(fake_source(c.d.m, "nvml")->detail, "MIG is on"));
    fr_meter_close(c.d.m);
}

static void where_process_numbers_are_not_ours_whole_cards_count_and_are_called_so(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        cards c;
        fr_reading r;
        plant(&c, i ? "0.compute 4711\n" : ""); /* a number that is nobody's here */
        if (i == 0) fake_pid_namespace(&c.d.f, "pid:[4026532999]");
        fr_meter_options o = options_of(&c);
        drive_open(&c.d, &o);
        fr_window *w = drive_begin(&c.d);
        drive_on(&c.d, 10, 100);
        fr_window_end(w, &r);
        assert_true(r.gpu.j > 400);
        assert_true(isnan(r.gpu.attributed_j));
        assert_non_null(strstr(r.gpu.source, "whoever uses them"));
        assert_non_null(strstr(fake_source(c.d.m, "nvml")->detail, "device level"));
        fr_meter_close(c.d.m);
    }
}

static void record_of_cards_that_come_into_use_replays_the_same(void **state)
{
    (void)state;
    cards c;
    fr_reading r;
    double mj = 0;
    char path[600];
    plant(&c, "");
    say(&c, "count 2\n0.energy 0\n1.energy 0\n0.power 1\n1.power 1\n");
    fr_meter_options o = options_of(&c);
    snprintf(path, sizeof(path), "%s/record", test_tmp_dir());
    o.record = path;
    ASSERT_OK(fr_meter_open(&c.d.m, &o, &err));
    fr_window *w = drive_begin(&c.d);
    ten_seconds(&c, &mj, "");
    ten_seconds(&c, &mj, "1.compute 42\n1.blind 999\n"); /* in use, but not to be read */
    ten_seconds(&c, &mj, "1.compute 42\n");
    fr_window_end(w, &r);
    fr_meter_close(c.d.m);
    ASSERT_NEAR(r.gpu.j, 2000, 0.1); /* the gap is made up for */

    fr_reading again = {0};
    ASSERT_OK(fr_meter_replay(path, fake_keep_reading, &again, &err));
    ASSERT_NEAR(again.gpu.j, r.gpu.j, 0);
    ASSERT_NEAR(again.gpu.attributed_j, r.gpu.attributed_j, 0);
    ASSERT_NEAR(again.gpu.covered_s, r.gpu.covered_s, 0);
    assert_int_equal(again.n_errors, r.n_errors);
}

static void missing_driver_and_missing_card_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words, *remedy;
    } cases[] = {{"init 9\n", "Driver Not Loaded", "sudo modprobe nvidia"},
                 {"count 0\n", "no card", ""},
                 {"count 1\n", "no sensor", ""}};
    for (size_t i = 0; i < 3; i++) {
        cards c;
        plant(&c, "");
        say(&c, "%s", cases[i].text);
        fr_meter_options o = options_of(&c);
        ASSERT_OK(fr_meter_open(&c.d.m, &o, &err));
        const fr_source_info *s = fake_source(c.d.m, "nvml");
        assert_false(s->usable);
        if (!strstr(s->detail, cases[i].words)) fail_msg("%s", s->detail);
        assert_string_equal(s->remedy, cases[i].remedy);
        fr_meter_close(c.d.m);
    }
}

static void card_whose_driver_gives_no_figures_is_told_and_not_passed_over(void **state)
{
    (void)state;
    for (int here = 0; here < 2; here++) {
        fake f;
        fr_window *w = NULL;
        fr_reading r;
        fake_init(&f); /* its library of the driver does not exist */
        if (here) {
            fake_dir(f.proc, "self/root");
            fake_dir(f.proc, "self/root/dev");
            test_write_file(f.proc, "self/root/dev/nvidiactl", "");
        }
        fr_meter *m = fake_open(&f);
        ASSERT_OK(fr_window_begin(m, "w", &w, &err));
        f.now_s += 1;
        fr_window_end(w, &r);
        ASSERT_NEAR(r.gpu.j, 0, 0);
        assert_int_equal(r.gpu.kind, FR_KIND_NONE);
        assert_int_equal(!strncmp(r.gpu.why, "not counted, nvml: no NVIDIA driver here", 40), here);
        assert_int_equal(strstr(fr_meter_summary(m), "GPU not counted") != NULL, here);
        if (!here) assert_string_equal(r.gpu.why, "");
        fr_meter_close(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_counter_is_counted_and_power_agrees),
        cmocka_unit_test(power_that_contradicts_the_counter_is_noted),
        cmocka_unit_test(counter_that_moves_in_steps_makes_no_peaks),
        cmocka_unit_test(card_without_a_counter_is_counted_by_its_power),
        cmocka_unit_test(lost_reset_and_frozen_cards_are_noted),
        cmocka_unit_test(only_cards_that_the_tree_uses_count_and_from_then_on_always),
        cmocka_unit_test(shares_are_by_utilisation_else_in_equal_parts),
        cmocka_unit_test(shares_of_a_divided_card_are_not_known),
        cmocka_unit_test(where_process_numbers_are_not_ours_whole_cards_count_and_are_called_so),
        cmocka_unit_test(record_of_cards_that_come_into_use_replays_the_same),
        cmocka_unit_test(missing_driver_and_missing_card_are_explained),
        cmocka_unit_test(card_whose_driver_gives_no_figures_is_told_and_not_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
