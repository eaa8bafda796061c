/* What the parts of document_markdown share: a text while it is read. */

#ifndef DOCUMENT_READER_H
#define DOCUMENT_READER_H

#include <md4c.h>

#include "document_markdown.h"


#define DOCUMENT_IDS_MAX       500
#define DOCUMENT_LABEL_MAX     80
#define DOCUMENT_LISTS_MAX     16


/* a place that can be referred to: <!-- #name --> */
typedef struct {
    pt_str_t              name;
    pt_str_t              number;     /* "4.2(a)"; absent until it is met */
} document_id_t;

/* a run whose text is the number of a place */
typedef struct document_ref_s  document_ref_t;

struct document_ref_s {
    document_ref_t       *next;
    document_block_t     *block;
    size_t                run;
    unsigned              id;         /* from 1 */
};

typedef struct {
    bool                  ordered;
    unsigned              items;
} document_list_t;


typedef struct {
    pt_room_t           *room;
    document_content_t   *content;
    document_block_t    **tail;
    document_block_t     *block;      /* the open one; NULL between blocks */

    document_list_t       lists[DOCUMENT_LISTS_MAX];
    unsigned              n_lists;
    bool                  item;       /* the next paragraph begins an item */

    unsigned              clause;     /* number of the last numbered heading */
    unsigned              counts[DOCUMENT_LEVELS + 1];
    char                  number[DOCUMENT_LABEL_MAX];    /* of the last label */
    bool                  in_clause;

    unsigned              style;      /* of spans */
    unsigned              bold, italic;
    unsigned              target;     /* of the open link */
    const pt_str_t       *uri;        /* or where it leads outside */
    bool                  image;      /* its words are read */
    size_t                link_run;   /* where it begins in its block */
    unsigned              quotes;
    bool                  head;
    document_block_t     *row;
    bool                  in_word;    /* for counting */

    document_id_t         ids[DOCUMENT_IDS_MAX];
    unsigned              n_ids;
    document_ref_t       *refs;

    pt_err_t              err;
    char                 *error;
    size_t                size;
} document_markdown_t;


/* document_markdown.c: -1 ends the reading, m->err says why */
int document_stop(document_markdown_t *m, pt_err_t err, const char *what,
    pt_str_t name);
int document_open(document_markdown_t *m, document_block_type_t type);
int document_run(document_markdown_t *m, pt_str_t text);

/* document_number.c */
int document_enter_heading(document_markdown_t *m, unsigned level);
int document_leave_heading(document_markdown_t *m);
int document_label_item(document_markdown_t *m);

/* document_directive.c: a whole comment, or an end of line between two */
int document_comment(document_markdown_t *m, pt_str_t text);
int document_image(document_markdown_t *m, const MD_ATTRIBUTE *src);
int document_image_end(document_markdown_t *m);

/* document_entity.c: "&amp;" as UTF-8, terminated; false: there is none */
bool document_entity(pt_str_t name, char text[5]);

/* document_link.c */
unsigned document_id(document_markdown_t *m, pt_str_t name);
int document_link(document_markdown_t *m, const MD_ATTRIBUTE *href);
int document_link_end(document_markdown_t *m);
pt_err_t document_resolve(document_markdown_t *m);


#endif /* DOCUMENT_READER_H */
