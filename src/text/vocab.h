/* vocab.h - tokens by id and ids by token.
 *
 *     fr_vocab v;
 *     fr_vocab_init(&v);
 *     FR_TRY(fr_vocab_add(&v, "play", 4, 17, where, err));
 *     id = fr_vocab_find(&v, "play", 4);           // 17, or -1
 *     text = fr_vocab_text(&v, 17, &len);          // "play", or NULL
 *     fr_vocab_release(&v);
 *
 *     bytes  | p l a y 0 | i n g 0 | ...           all texts in one string
 *     tokens [ at, len ]                           by id
 *     slots  [ hash, id ]                          open addressing, at most half full */
#ifndef FR_TEXT_VOCAB_H
#define FR_TEXT_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum {
    FR_TOKEN_ID_MAX = 1 << 20,  /* ids are below this: tables have an entry for each */
    FR_TOKEN_BYTES_MAX = 10000, /* of one token */
};

typedef struct fr_vocab_token {
    uint32_t at;
    int32_t len; /* -1: there is no such token */
} fr_vocab_token;

typedef struct fr_vocab_slot {
    uint32_t hash;
    int32_t id; /* -1: free */
} fr_vocab_slot;

typedef struct fr_vocab {
    fr_str bytes;
    fr_vocab_token *tokens; /* [size]; owned */
    size_t size;            /* highest id + 1 */
    size_t cap;
    fr_vocab_slot *slots; /* [1 << bits]; owned */
    size_t n_slots_used;  /* texts there are */
    int bits;
    uint64_t seed; /* of the hash; random, so that no file can aim at one slot */
} fr_vocab;

void fr_vocab_init(fr_vocab *v);
void fr_vocab_release(fr_vocab *v);

/* Adds a token. The same text under a further id: fr_vocab_find gives the last one. The same text
 * and id again: nothing. where: the file, for messages.
 * Errors: FR_ERR_FORMAT (another text has this id, an id out of range, no UTF-8, too long);
 * FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_vocab_add(fr_vocab *v, const char *text, size_t n, int64_t id,
                                    const char *where, fr_error *err);

int32_t fr_vocab_find(const fr_vocab *v, const char *text, size_t n);

/* With a NUL behind it; NULL where no token has this id. */
const char *fr_vocab_text(const fr_vocab *v, int32_t id, size_t *len);

uint64_t fr_bytes_hash(uint64_t seed, const char *bytes, size_t n);

#endif
