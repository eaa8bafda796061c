/* Places with names, and the links that lead to them. */

#include "document_reader.h"


/* the place of a name, from 1; 0: no room */
unsigned
document_id(document_markdown_t *m, pt_str_t name)
{
    unsigned  i;

    for (i = 0; i < m->n_ids; i++) {
        if (pt_str_eq(m->ids[i].name, name)) {
            return i + 1;
        }
    }

    if (m->n_ids == DOCUMENT_IDS_MAX) {
        (void) document_stop(m, PT_E_TOO_LARGE, "too many references",
                             PT_STR(""));
        return 0;
    }

    m->ids[m->n_ids].name = pt_room_copy(m->room, name);

    if (m->ids[m->n_ids].name.data == NULL) {
        (void) document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
        return 0;
    }

    return ++m->n_ids;
}


int
document_link(document_markdown_t *m, const MD_ATTRIBUTE *href)
{
    if (href->size < 2 || href->text[0] != '#') {
        return document_stop(m, PT_E_INVALID,
                             "only links to places in the document",
                             (pt_str_t) { href->text, href->size });
    }

    m->link_run = m->block != NULL ? m->block->n : 0;
    m->target = document_id(m, (pt_str_t) { href->text + 1, href->size - 1 });

    return m->target == 0 ? -1 : 0;
}


/* the number follows the link's text: "clause" and a space that holds */
int
document_link_end(document_markdown_t *m)
{
    document_ref_t  *ref;

    if (m->block != NULL && m->block->n > m->link_run
        && document_run(m, PT_STR("\xc2\xa0")) != 0)
    {
        return -1;
    }

    ref = pt_room_alloc(m->room, sizeof(document_ref_t));
    if (ref == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    if (document_run(m, PT_STR("?")) != 0) {
        return -1;
    }

    ref->block = m->block;
    ref->run = m->block->n - 1;
    ref->id = m->target;
    ref->next = m->refs;
    m->refs = ref;
    m->target = 0;

    return 0;
}


pt_err_t
document_resolve(document_markdown_t *m)
{
    document_ref_t  *ref;
    document_id_t   *id;

    for (ref = m->refs; ref != NULL; ref = ref->next) {
        id = &m->ids[ref->id - 1];

        if (id->number.len == 0) {
            (void) document_stop(m, PT_E_INVALID,
                                 "reference to a clause that has no number",
                                 id->name);
            return m->err;
        }

        ref->block->runs[ref->run].text = id->number;
    }

    return PT_OK;
}
