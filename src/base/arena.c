/* arena.c - blocks of memory, newest first, from which allocations are cut. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fr_arena_block {
    fr_arena_block *next;
    size_t size, used;
    unsigned char *data; /* FR_ALIGN-aligned, `size` bytes */
};

static size_t round_up(size_t n)
{
    return (n + FR_ALIGN - 1) & ~(size_t)(FR_ALIGN - 1);
}

void fr_arena_init(fr_arena *arena, size_t first_block)
{
    memset(arena, 0, sizeof(*arena));
    arena->first_block = round_up(first_block ? first_block : (size_t)64 << 10);
}

static void free_blocks(fr_arena_block *block)
{
    while (block) {
        fr_arena_block *next = block->next;
        free(block->data);
        free(block);
        block = next;
    }
}

void fr_arena_release(fr_arena *arena)
{
    free_blocks(arena->head);
    arena->head = NULL;
    arena->used = 0;
}

static fr_arena_block *push_block(fr_arena *arena, size_t size)
{
    fr_arena_block *block = malloc(sizeof(*block));
    void *data = aligned_alloc(FR_ALIGN, size);
    if (!block || !data) {
        free(block);
        free(data);
        return NULL;
    }
    *block = (fr_arena_block){.next = arena->head, .size = size, .used = 0, .data = data};
    arena->head = block;
    return block;
}

void *fr_arena_alloc(fr_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!fr_size_mul(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
    bytes = round_up(bytes ? bytes : 1);

    fr_arena_block *block = arena->head;
    if (!block || block->size - block->used < bytes) {
        size_t want = block ? 2 * block->size : arena->first_block;
        if (want > (size_t)256 << 20) want = (size_t)256 << 20;
        if (want < bytes) want = bytes;
        block = push_block(arena, want);
        if (!block) return NULL;
    }
    void *p = block->data + block->used;
    block->used += bytes;
    arena->used += bytes;
    if (arena->used > arena->high_water) arena->high_water = arena->used;
    return p;
}

void *fr_arena_calloc(fr_arena *arena, size_t count, size_t size)
{
    void *p = fr_arena_alloc(arena, count, size);
    if (p) memset(p, 0, count * size);
    return p;
}

char *fr_arena_strdup(fr_arena *arena, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = fr_arena_alloc(arena, n, 1);
    if (copy) memcpy(copy, text, n);
    return copy;
}

void fr_arena_reset(fr_arena *arena)
{
    if (arena->head && arena->head->next) {
        free_blocks(arena->head);
        arena->head = NULL;
        push_block(arena, arena->high_water); /* on failure the next alloc tries again */
    }
    if (arena->head) arena->head->used = 0;
    arena->used = 0;
}
