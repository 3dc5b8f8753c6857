/* test_convert.c - frugal inspect and frugal convert as a user meets them. */
#include <jansson.h>

#include "support/run.h"
#include "support/test.h"

#define BERT FR_TEST_DIR "/golden/encoders/bert"

static test_output o;

static void inspect_prints_a_page_or_one_json_object(void **state)
{
    (void)state;
    json_error_t error;
    TEST_FRUGAL(&o, "inspect", BERT);
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.out, "bert (BertForSequenceClassification)"));
    assert_non_null(strstr(o.out, "convert --to gguf  no: "));
    TEST_FRUGAL(&o, "inspect", BERT "/pytorch_model.bin", "--json");
    assert_int_equal(o.status, 0);
    json_t *about = json_loads(o.out, 0, &error);
    assert_non_null(about);
    assert_string_equal(json_string_value(json_object_get(about, "format")), "PyTorch");
    json_decref(about);
}

static void convert_writes_what_inspect_reads(void **state)
{
    (void)state;
    char out[256];
    snprintf(out, sizeof(out), "%s/out", test_tmp_dir());
    TEST_FRUGAL(&o, "convert", BERT, "--to", "hf", "--type", "bf16", "--out", out);
    assert_int_equal(o.status, 0);
    assert_string_equal(o.err, "");
    TEST_FRUGAL(&o, "inspect", out);
    assert_non_null(strstr(o.out, "BF16"));
}

static void what_cannot_be_done_is_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *args[8];
        int status;
        const char *words;
    } cases[] = {
        {{"inspect", "/no/model", NULL}, 1, "/no/model"},
        {{"inspect", NULL}, 2, "PATH is missing"},
        {{"convert", BERT, "--to", "hf", NULL}, 2, "--out"},
        {{"convert", BERT, "--to", "onnx", "--out", "/tmp/x", NULL}, 2, "hf or gguf, not \"onnx\""},
        {{"convert", BERT, "--to=gguf", "--out=/tmp/x", "--type=q4_k", NULL}, 2, "not \"q4_k\""},
        {{"convert", BERT, "--to=gguf", "--out=/tmp/x", NULL}, 1, "'bert' is no decoder"},
        {{"convert", BERT, "--to=hf", "--out", BERT, NULL}, 2, "name another one"},
        {{"convert", BERT, "--to=hf", "--out", "/proc/no", NULL}, 1, "/proc/no"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *argv[10] = {"frugal"};
        for (int k = 0; k < 8 && cases[i].args[k]; k++) argv[k + 1] = cases[i].args[k];
        test_run(argv, 60, &o);
        if (o.status != cases[i].status) fail_msg("case %zu: status %d: %s", i, o.status, o.err);
        if (!strstr(o.err, cases[i].words)) fail_msg("case %zu: %s", i, o.err);
        assert_string_equal(o.out, "");
        assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspect_prints_a_page_or_one_json_object),
        cmocka_unit_test(convert_writes_what_inspect_reads),
        cmocka_unit_test(what_cannot_be_done_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
