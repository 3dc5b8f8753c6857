/* test_hostile.c - weights and configurations that want to do harm, opened by a child: one clear
 * line each, at most twice the file and 64 MB of memory, and an end within seconds. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/inspect.h"
#include "os/file.h"
#include "support/test.h"
#include "support/zip.h"

enum { CPU_SECONDS = 20, BIG = 20 << 20 };

static fr_error err;
static fr_str file;

/* What the child leaves behind. */
typedef struct result {
    fr_status status;
    char message[FR_ERROR_MAX];
    char whys[8192]; /* of what cannot be done with it */
} result;

static void collect_whys(const json_t *shown, result *out)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(shown, "can"), i, row)
    {
        const char *why = json_string_value(json_object_get(row, "why"));
        size_t n = strlen(out->whys);
        if (why) snprintf(out->whys + n, sizeof(out->whys) - n, "%s\n", why);
    }
}

/* Looks at path with everything that reads weights, configurations and tokenizers; path NULL: at
 * nothing. Its peak memory in bytes. */
static size_t look(const char *path, result *out)
{
    struct rusage usage;
    int status;
    result *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit seconds = {CPU_SECONDS, CPU_SECONDS};
        setrlimit(RLIMIT_CPU, &seconds);
        json_t *shown = NULL;
        if (path) {
            shared->status = fr_model_inspect(&shown, path, &err);
            if (shared->status != FR_OK)
                snprintf(shared->message, sizeof(shared->message), "%s", err.message);
            collect_whys(shown, shared);
            json_decref(shown);
        }
        _exit(0);
    }
    while (wait4(pid, &status, 0, &usage) < 0) assert_int_equal(errno, EINTR);
    if (!WIFEXITED(status)) fail_msg("%s: died of signal %d", path, WTERMSIG(status));
    *out = *shared;
    munmap(shared, sizeof(*shared));
    return 1024 * (size_t)usage.ru_maxrss;
}

static size_t size_of_folder(const char *dir, const char *const *names)
{
    size_t total = 0;
    for (; *names; names++) {
        struct stat s;
        fr_str path = FR_STR_INIT;
        ASSERT_OK(fr_path_join(&path, dir, *names, &err));
        if (stat(path.data, &s) == 0) total += (size_t)s.st_size;
        fr_str_release(&path);
    }
    return total;
}

/* words: in the message, or in a reason why something cannot be done. */
static void refused_cheaply(const char *path, size_t size, const char *words)
{
    static size_t nothing;
    result r;
    if (!nothing) nothing = look(NULL, &r);
    size_t used = look(path, &r);
    const char *said = r.status != FR_OK ? r.message : r.whys;
    if (!strstr(said, words)) fail_msg("\"%s\" is not in: %s", words, said);
    if (r.status != FR_OK && strchr(r.message, '\n')) fail_msg("two lines: %s", r.message);
#ifndef __SANITIZE_ADDRESS__
    size_t grown = used > nothing ? used - nothing : 0, most = 2 * size + (64 << 20);
    if (grown > most) fail_msg("%zu bytes of memory for %zu of file: %s", grown, size, words);
#else
    (void)used, (void)size;
#endif
}

/* Writes what is in `file` under this name and looks at it. */
static void file_is_refused(const char *name, const char *words)
{
    static const char *dir;
    if (!dir) dir = test_tmp_dir();
    const char *path = test_write_bytes(dir, name, file.data, file.len);
    refused_cheaply(path, file.len, words);
    remove(path);
    fr_str_clear(&file);
}

static void put(const void *bytes, size_t n)
{
    ASSERT_OK(fr_str_append(&file, bytes, n, &err));
}

static void put64(uint64_t x)
{
    put(&x, sizeof(x)); /* little endian, as all machines that we run on */
}

static void put32(uint32_t x)
{
    put(&x, sizeof(x));
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* The text again and again, until the file is that long. */
static void fill(const char *text, size_t n, size_t size)
{
    while (file.len + n <= size) put(text, n);
}

/* --- PyTorch ----------------------------------------------------------------------------- */

static void put_zip(const char *pickle, size_t n)
{
    static const float numbers[4] = {1, 2, 3, 4};
    test_zip *zip = calloc(1, sizeof(*zip));
    test_zip_add(zip, "m/data.pkl", pickle, n);
    test_zip_add(zip, "m/data/0", numbers, sizeof(numbers));
    test_zip_end(zip);
    put(zip->bytes, zip->size);
    free(zip);
}

static void pickles_are_refused_cheaply(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t n;
        const char *words;
    } cases[] = {
        {"\x80\2cos\nsystem\nX\2\0\0\0id\x85R.", 22, "import os.system"},
        {"\x80\2cposix\nsystem\nX\2\0\0\0id\x85R.", 25, "import posix.system"},
        {"\x80\2]q\0h\0a.", 9, "holds a list"},
        {"\x80\2}r\xff\xff\xff\xff.", 9, "memo"},
        {"\x80\2j\xff\xff\xff\x7f.", 8, "memo"},
        {"\x80\2X\xff\xff\xff\xff.", 8, "ends inside an opcode"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        put_zip(cases[i].pickle, cases[i].n);
        file_is_refused("m.bin", cases[i].words);
    }
}

/* A local header, as the directory wants it, of a stored entry. */
static void put_directory_entry(uint32_t local, uint32_t size, uint32_t method, const char *name)
{
    put32(0x02014b50);
    put32(0);
    put32(method << 16);
    put32(0);
    put32(0); /* CRC-32 */
    put32(size);
    put32(method ? 0x7ffffff0 : size);
    put32((uint32_t)strlen(name));
    put64(0);
    put32(0);
    put32(local);
    put_text(name);
}

static void put_directory_end(size_t at, uint32_t n)
{
    size_t length = file.len - at;
    put32(0x06054b50);
    put32(0);
    put32(n | n << 16);
    put32((uint32_t)length);
    put32((uint32_t)at);
    put("\0", 2);
}

static void archives_that_blow_up_are_refused_cheaply(void **state)
{
    (void)state;
    /* A directory of many entries, all of the same bytes. */
    put_text("PK\3\4");
    fill("\0", 1, 100);
    size_t at = file.len;
    for (int i = 0; i < 65000; i++) put_directory_entry(0, 16, 0, "m/data/0");
    put_directory_end(at, 65000);
    file_is_refused("m.bin", "m.bin");
    /* One that would unpack to 2 GB. */
    put_text("PK\3\4");
    fill("\0", 1, 2000);
    at = file.len;
    put_directory_entry(0, 1900, 8, "m/data.pkl");
    put_directory_end(at, 1);
    file_is_refused("m.bin", "m.bin");
}

/* --- safetensors -------------------------------------------------------------------------- */

static void put_safetensors(const char *header)
{
    put64(strlen(header));
    put_text(header);
}

static void headers_of_safetensors_are_refused_cheaply(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,16],\"data_offsets\":[0,0]}}",
         "tensor 'a'"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[1099511627776,1099511627792]}}",
         "ends at byte 1099511627792"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "shape[0]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        put_safetensors(cases[i][0]);
        file_is_refused("m.safetensors", cases[i][1]);
    }
    put64(UINT64_MAX - 3);
    file_is_refused("m.safetensors", "is longer than the file");
    put64(100000);
    fill("[", 1, 100008);
    file_is_refused("m.safetensors", "");
    static const char *const swells[] = {"[],", "{},", "\"\":0,", "0,"};
    for (size_t i = 0; i < sizeof(swells) / sizeof(*swells); i++) {
        put64((15 << 20) - 8);
        put_text("{\"a\":[");
        fill(swells[i], strlen(swells[i]), 15 << 20);
        fill(" ", 1, 15 << 20);
        file_is_refused("m.safetensors", "m.safetensors");
    }
}

/* --- GGUF --------------------------------------------------------------------------------- */

static void put_gguf(uint64_t n_tensors, uint64_t n_values)
{
    put_text("GGUF");
    put32(3);
    put64(n_tensors);
    put64(n_values);
}

static void put_name(const char *name)
{
    put64(strlen(name));
    put_text(name);
}

static void put_array(const char *key, uint32_t type, uint64_t n)
{
    put_name(key);
    put32(9);
    put32(type);
    put64(n);
}

static void counts_in_gguf_are_refused_cheaply(void **state)
{
    (void)state;
    put_gguf(1ULL << 60, 0);
    file_is_refused("m.gguf", "m.gguf");
    put_gguf(0, 1ULL << 60);
    file_is_refused("m.gguf", "m.gguf");
    for (uint32_t type = 0; type < 13; type++) {
        put_gguf(0, 1);
        put_array("a", type, 1ULL << 60);
        file_is_refused("m.gguf", "a");
    }
    put_gguf(0, 1);
    put64(1ULL << 63); /* a key of that length */
    file_is_refused("m.gguf", "m.gguf");
    put_gguf(0, 1);
    put_name("a");
    put32(8);
    put64(UINT64_MAX); /* a text of that length */
    file_is_refused("m.gguf", "a");
    static const uint32_t alignments[] = {0, 3, 1U << 31, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        put_gguf(1, 1);
        put_name("general.alignment");
        put32(4);
        put32(alignments[i]);
        put_name("t");
        put32(1);
        put64(4);
        put32(0);
        put64(0);
        fill("\0", 1, 200);
        file_is_refused("m.gguf", "m.gguf");
    }
}

static void tensors_in_gguf_are_refused_cheaply(void **state)
{
    (void)state;
    static const uint64_t dims[][2] = {{1ULL << 62, 16}, {1ULL << 32, 1ULL << 31}, {0, 5}};
    for (size_t i = 0; i < 3; i++) {
        put_gguf(1, 0);
        put_name("t");
        put32(2);
        put64(dims[i][0]);
        put64(dims[i][1]);
        put32(0);
        put64(i == 2 ? 1ULL << 50 : 0);
        fill("\0", 1, 256);
        file_is_refused("m.gguf", "tensor");
    }
}

/* The shortest entries that ask for the most. */
static void metadata_that_swells_is_held_cheaply(void **state)
{
    (void)state;
    size_t n = (BIG - 24) / 21;
    put_gguf(0, n);
    for (size_t i = 0; i < n; i++) {
        char key[9];
        snprintf(key, sizeof(key), "%08zx", i);
        put_name(key);
        put32(0);
        put("", 1);
    }
    file_is_refused("m.gguf", "m.gguf");
    n = BIG / 8;
    put_gguf(0, 2);
    put_name("tokenizer.ggml.model");
    put32(8);
    put_name("gpt2");
    put_array("tokenizer.ggml.tokens", 8, n);
    for (size_t i = 0; i < n; i++) put64(0);
    file_is_refused("m.gguf", "m.gguf");
}

/* --- JSON beside weights ------------------------------------------------------------------- */

static const char *const json_files[] = {"config.json", "tokenizer_config.json", "tokenizer.json",
                                         "model.safetensors.index.json", NULL};

/* A folder whose one weight is good, and that has this file. */
static void folder_is_refused(const char *name, const char *words)
{
    static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    const char *dir = test_tmp_dir();
    char weights[128] = {sizeof(header) - 1};
    memcpy(weights + 8, header, sizeof(header) - 1);
    bool index = !strcmp(name, "model.safetensors.index.json");
    test_write_bytes(dir, index ? "a.safetensors" : "model.safetensors", weights,
                     8 + sizeof(header) - 1 + 4);
    test_write_file(dir, "config.json",
                    "{\"model_type\":\"olmo\",\"hidden_size\":1,\"num_hidden_layers\":1,"
                    "\"num_attention_heads\":1,\"max_position_embeddings\":1,\"vocab_size\":1}");
    test_write_bytes(dir, name, file.data, file.len);
    refused_cheaply(dir, size_of_folder(dir, json_files), words);
    fr_str_clear(&file);
}

static void json_nested_without_end_is_refused_cheaply(void **state)
{
    (void)state;
    for (size_t i = 0; json_files[i]; i++) {
        for (int object = 0; object < 2; object++) {
            put_text("{\"weight_map\":");
            fill(object ? "{\"a\":" : "[", object ? 5 : 1, 100000);
            folder_is_refused(json_files[i], "nested deeper");
        }
    }
}

static void json_that_swells_is_refused_cheaply(void **state)
{
    (void)state;
    static const char *const swells[] = {"[],", "{},", "0,", "\"\","};
    for (size_t i = 0; json_files[i]; i++) {
        for (size_t k = 0; k < sizeof(swells) / sizeof(*swells); k++) {
            put_text("{\"weight_map\":[");
            fill(swells[k], strlen(swells[k]), 15 << 20);
            put_text("0]}");
            folder_is_refused(json_files[i], json_files[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pickles_are_refused_cheaply),
        cmocka_unit_test(archives_that_blow_up_are_refused_cheaply),
        cmocka_unit_test(headers_of_safetensors_are_refused_cheaply),
        cmocka_unit_test(counts_in_gguf_are_refused_cheaply),
        cmocka_unit_test(tensors_in_gguf_are_refused_cheaply),
        cmocka_unit_test(metadata_that_swells_is_held_cheaply),
        cmocka_unit_test(json_nested_without_end_is_refused_cheaply),
        cmocka_unit_test(json_that_swells_is_refused_cheaply),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fr_str_release(&file);
    return failed;
}
