/* replay.c - feeds files, and those of folders, to a fuzz target: a corpus as a regression test. */
#include <dirent.h>
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "os/file.h"

static int replay(const char *path)
{
    fr_error err;
    fr_map map;
    if (fr_map_open(&map, path, &err) != FR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    /* A copy of its own, so that reading past its end is seen. */
    uint8_t *copy = malloc(map.size + !map.size);
    if (!copy) abort();
    if (map.size) memcpy(copy, map.data, map.size);
    LLVMFuzzerTestOneInput(copy, map.size);
    free(copy);
    fr_map_close(&map);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0, n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;
        while (dir && (entry = readdir(dir))) {
            fr_str path = FR_STR_INIT;
            if (entry->d_name[0] == '.') continue;
            failed |= fr_path_join(&path, argv[i], entry->d_name, NULL) || replay(path.data);
            fr_str_release(&path);
            n++;
        }
        if (dir)
            closedir(dir);
        else
            failed |= replay(argv[i]), n++;
    }
    printf("%d inputs replayed\n", n);
    return failed || n == 0;
}
