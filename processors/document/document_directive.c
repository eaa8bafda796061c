/* What comments in Markdown ask for: page breaks, names, figures. */

#include "document_reader.h"


static int document_figure(document_markdown_t *m, pt_str_t text);


/* a whole comment, or an end of line between two */
int
document_comment(document_markdown_t *m, pt_str_t text)
{
    pt_str_t   s = text;
    unsigned   id;

    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\n')) {
        s.data++;
        s.len--;
    }

    while (s.len > 0 && (s.data[s.len - 1] == ' '
                         || s.data[s.len - 1] == '\n'))
    {
        s.len--;
    }

    if (s.len == 0) {
        return 0;
    }

    if (s.len < 7 || memcmp(s.data, "<!--", 4) != 0
        || memcmp(s.data + s.len - 3, "-->", 3) != 0)
    {
        return document_stop(m, PT_E_INVALID, "HTML is not supported", s);
    }

    s.data += 4;
    s.len -= 7;

    while (s.len > 0 && s.data[0] == ' ') {
        s.data++;
        s.len--;
    }

    while (s.len > 0 && s.data[s.len - 1] == ' ') {
        s.len--;
    }

    if (pt_str_is(s, "page break") || pt_str_is(s, "signatures")) {

        /* a heading or paragraph that is open would lose its own block */
        if (m->block != NULL) {
            return document_stop(m, PT_E_INVALID,
                                 "not on a line of its own:", s);
        }

        if (document_open(m, s.data[0] == 'p' ? DOCUMENT_PAGE_BREAK
                                              : DOCUMENT_SIGNATURES) != 0)
        {
            return -1;
        }

        m->block = NULL;
        return 0;
    }

    if (s.len > 6 && (memcmp(s.data, "image ", 6) == 0
                      || memcmp(s.data, "chart ", 6) == 0))
    {
        return document_figure(m, s);
    }

    if (m->block != NULL && pt_str_is(s, "unnumbered")) {
        m->block->unnumbered = true;
        return 0;
    }

    if (m->block != NULL && s.len > 1 && s.data[0] == '#') {
        id = document_id(m, (pt_str_t) { s.data + 1, s.len - 1 });
        if (id == 0) {
            return -1;
        }

        m->block->target = id;
        m->ids[id - 1].number = pt_room_copy(m->room, pt_str(m->number));

        return 0;
    }

    /* any other comment is the author's own */
    return 0;
}


/* "chart budget.lines Budget by department": the parameter, then its title */
static int
document_figure(document_markdown_t *m, pt_str_t text)
{
    pt_str_t           name;
    const char        *space;
    document_block_t  *block;

    if (m->block != NULL) {
        return document_stop(m, PT_E_INVALID, "not on a line of its own:",
                             text);
    }

    if (document_open(m, text.data[0] == 'i' ? DOCUMENT_IMAGE
                                             : DOCUMENT_CHART) != 0)
    {
        return -1;
    }

    name = (pt_str_t) { text.data + 6, text.len - 6 };
    space = memchr(name.data, ' ', name.len);

    if (space != NULL) {
        text = (pt_str_t) { space + 1,
                            (size_t) (name.data + name.len - space - 1) };
        name.len = (size_t) (space - name.data);

    } else {
        text = name;
    }

    block = m->block;
    block->label = pt_room_copy(m->room, name);

    if (block->label.data == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    m->image = true;

    if (document_run(m, text) != 0) {
        return -1;
    }

    m->image = false;
    m->block = NULL;

    return 0;
}


/* "![Poster of the film](poster)", a paragraph of its own: the same */
int
document_image(document_markdown_t *m, const MD_ATTRIBUTE *src)
{
    pt_str_t           name = { src->text, src->size };
    document_block_t  *block = m->block;

    /* a cell or what is in an item, too, is in something else */
    if (block == NULL || block->type != DOCUMENT_PARAGRAPH || block->n > 0
        || block->level > 0 || m->tail != &block->next || m->target != 0
        || m->uri != NULL)
    {
        return document_stop(m, PT_E_INVALID,
                             "an image is not on a line of its own:", name);
    }

    if (name.len == 0) {
        return document_stop(m, PT_E_INVALID, "an image names no parameter",
                             PT_STR(""));
    }

    block->type = DOCUMENT_IMAGE;
    block->label = pt_room_copy(m->room, name);
    m->image = true;

    return block->label.data != NULL ? 0
           : document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
}


int
document_image_end(document_markdown_t *m)
{
    int  rc;

    rc = m->block->n > 0 ? 0 : document_run(m, m->block->label);
    m->image = false;

    return rc;
}
