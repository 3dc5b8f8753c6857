/* folder.c - copying a folder's small files. */
#include "model/folder.h"

#include <stdbool.h>
#include <sys/stat.h>

#include "os/file.h"

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

fr_status fr__folder_copy_tokenizer(const char *from, const char *to, fr_error *err)
{
    static const char *const names[] = {"vocab.txt",
                                        "vocab.json",
                                        "merges.txt",
                                        "tokenizer.json",
                                        "spiece.model",
                                        "tokenizer.model",
                                        "sentencepiece.bpe.model",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "chat_template.jinja",
                                        "generation_config.json"};
    fr_status st = FR_OK;
    fr_str a = FR_STR_INIT, b = FR_STR_INIT;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        FR_TRY(fr_path_join(&a, from, names[i], err));
        FR_TRY(fr_path_join(&b, to, names[i], err));
        if (fr_file_exists(a.data) && !same_file(a.data, b.data))
            FR_TRY(fr_file_copy(a.data, b.data, err));
    }
cleanup:
    fr_str_release(&a);
    fr_str_release(&b);
    return st;
}
