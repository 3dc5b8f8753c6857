/* test.c - temporary folders and files of tests. */
#include "support/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DIRS = 64 };

static char dirs[MAX_DIRS][256];
static int n_dirs;
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void remove_dirs(void)
{
    if (getpid() != owner) return; /* a forked child that calls exit */
    for (int i = 0; i < n_dirs; i++) nftw(dirs[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_tmp_dir(void)
{
    const char *root = getenv("TMPDIR");
    assert_true(n_dirs < MAX_DIRS);
    if (n_dirs == 0) {
        owner = getpid();
        atexit(remove_dirs);
    }
    char *dir = dirs[n_dirs];
    snprintf(dir, sizeof(dirs[0]), "%s/frugal-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(dir)) fail_msg("cannot create %s", dir);
    n_dirs++;
    return dir;
}

const char *test_write_bytes(const char *dir, const char *name, const void *bytes, size_t n)
{
    static char paths[16][512];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (!f) fail_msg("cannot write %s", path);
    if (fwrite(bytes, 1, n, f) != n || fclose(f)) fail_msg("cannot write %s", path);
    return path;
}

const char *test_write_file(const char *dir, const char *name, const char *text)
{
    return test_write_bytes(dir, name, text, strlen(text));
}

const char *test_shared_or_skip(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof(path), "%s/%s", FR_SHARED_DIR, name);
    if (access(path, R_OK)) {
        print_message("skipped: %s is not here\n", path);
        skip();
    }
    return path;
}

void test_word_model(const char *folder, const char *golden, int n_words)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char words[1024] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", from[512], to[512];
    for (int i = 5; i < n_words; i++) {
        size_t used = strlen(words);
        snprintf(words + used, sizeof(words) - used, "w%d\n", i);
    }
    test_write_file(folder, "vocab.txt", words);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(from, sizeof(from), "%s/%s", golden, files[i]);
        snprintf(to, sizeof(to), "%s/%s", folder, files[i]);
        assert_int_equal(symlink(from, to), 0);
    }
}

const char *test_word_pairs(const char *dir, int n)
{
    char rows[4096] = "";
    for (int i = 8; i < 8 + n; i++) {
        size_t used = strlen(rows);
        snprintf(rows + used, sizeof(rows) - used,
                 "{\"q\": \"w%d\", \"a\": \"w%d\", \"text\": \"w%d\", \"label\": \"w%d\"}\n", i,
                 i + 1, i, 5 + i % 2);
    }
    return test_write_file(dir, "pairs.jsonl", rows);
}

void assert_contains(const char *text, const char *words)
{
    if (!strstr(text, words)) fail_msg("\"%s\" is not in:\n%s", words, text);
}
