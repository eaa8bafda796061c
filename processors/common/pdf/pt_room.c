/* base's arena over an allocator that counts. */

#include <stdlib.h>

#include "pt_room.h"


#define PT_ROOM_CHUNK  (32 * 1024)


static void *pt_room_take(void *ctx, size_t size);
static void pt_room_give(void *ctx, void *p);


void
pt_room_init(pt_room_t *room, size_t max)
{
    const pt_mem_t  mem = { pt_room_take, pt_room_give, room };

    room->left = max;
    pt_arena_init(&room->arena, &mem, PT_ROOM_CHUNK);
}


void
pt_room_done(pt_room_t *room)
{
    pt_arena_done(&room->arena);
}


void *
pt_room_alloc(pt_room_t *room, size_t size)
{
    return pt_arena_zalloc(&room->arena, size);
}


void *
pt_room_array(pt_room_t *room, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        return NULL;
    }

    return pt_room_alloc(room, n * size);
}


pt_str_t
pt_room_copy(pt_room_t *room, pt_str_t s)
{
    char  *p;

    p = pt_arena_copy(&room->arena, s.data, s.len);

    return p != NULL ? (pt_str_t) { p, s.len } : PT_STR_NULL;
}


void *
pt_room_grow(pt_room_t *room, void *items, size_t n, size_t *cap, size_t size)
{
    void    *p;
    size_t   more;

    if (n < *cap) {
        return items;
    }

    more = *cap == 0 ? 16 : *cap * 2;

    p = pt_room_array(room, more, size);
    if (p == NULL) {
        return NULL;
    }

    if (n != 0) {
        memcpy(p, items, n * size);
    }

    *cap = more;

    return p;
}


/* what is given back is not counted again: a document only grows */
static void *
pt_room_take(void *ctx, size_t size)
{
    pt_room_t  *room = ctx;

    if (size > room->left) {
        return NULL;
    }

    room->left -= size;

    return malloc(size);
}


static void
pt_room_give(void *ctx, void *p)
{
    (void) ctx;

    free(p);
}
