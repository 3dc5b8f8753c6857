/* arena.h - memory that is given back all at once.
 *
 *     fr_arena a;
 *     fr_arena_init(&a, 0);
 *     float *x = fr_arena_alloc(&a, n, sizeof(*x));   // NULL when out of memory
 *     fr_arena_reset(&a);                             // all of it is free again
 *     fr_arena_release(&a);
 *
 *     block 1            block 2 (larger)
 *     [ used used used ] [ used | free          ]
 *
 * After a reset, one block of the highest use seen replaces them all, so that
 * a step of the same size allocates nothing. */
#ifndef FR_BASE_ARENA_H
#define FR_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum { FR_ALIGN = 64 }; /* a cache line, and one AVX-512 vector */

typedef struct fr_arena_block fr_arena_block;

typedef struct fr_arena {
    fr_arena_block *head; /* newest first; owned */
    size_t used;          /* bytes handed out since the last reset */
    size_t high_water;    /* highest `used` ever */
    size_t first_block;   /* bytes of the first block */
} fr_arena;

/* first_block: bytes to start with, 0 for a default of 64 KiB. Allocates nothing yet. */
void fr_arena_init(fr_arena *arena, size_t first_block);
void fr_arena_release(fr_arena *arena);

/* count * size bytes, FR_ALIGN-aligned, not cleared. NULL when the product
 * overflows or memory is out. Valid until reset or release. */
void *fr_arena_alloc(fr_arena *arena, size_t count, size_t size);

/* The same, set to zero. */
void *fr_arena_calloc(fr_arena *arena, size_t count, size_t size);

/* A copy of `text`, with its NUL. */
char *fr_arena_strdup(fr_arena *arena, const char *text);

/* Frees everything that was handed out; keeps the memory for the next round. */
void fr_arena_reset(fr_arena *arena);

/* a * b into *out; false on overflow. */
static inline bool fr_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
