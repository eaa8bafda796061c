/*
 * Memory of one document: an arena with a maximum, so that no parameters can
 * make a layout eat the machine.
 */

#ifndef PT_ROOM_H
#define PT_ROOM_H

#include "pt_arena.h"


typedef struct {
    pt_arena_t   arena;
    size_t       left;       /* bytes that it may still take */
} pt_room_t;


/* must not be moved afterwards: the arena calls back */
void pt_room_init(pt_room_t *room, size_t max);
void pt_room_done(pt_room_t *room);

/* size zeroed bytes, aligned for any type; NULL: no memory, or over max */
void *pt_room_alloc(pt_room_t *room, size_t size);

/* n objects of size bytes; NULL also where the product overflows */
void *pt_room_array(pt_room_t *room, size_t n, size_t size);

/* a copy of s, terminated too; data is NULL without memory */
pt_str_t pt_room_copy(pt_room_t *room, pt_str_t s);

/*
 * Room for one more in an array that grows: returns items, moved when *cap
 * was reached; NULL without memory (items stays good).
 */
void *pt_room_grow(pt_room_t *room, void *items, size_t n, size_t *cap,
    size_t size);


#endif /* PT_ROOM_H */
