/* md4c's events, in their order, become blocks and runs. */

#include <stdio.h>
#include <stdlib.h>

#include <md4c.h>
#include <unictype.h>

#include "document_markdown.h"


#define DOCUMENT_MARKDOWN_MAX  (8 * 1024 * 1024)
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


static int document_enter_block(MD_BLOCKTYPE type, void *detail, void *data);
static int document_leave_block(MD_BLOCKTYPE type, void *detail, void *data);
static int document_enter_span(MD_SPANTYPE type, void *detail, void *data);
static int document_leave_span(MD_SPANTYPE type, void *detail, void *data);
static int document_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len,
    void *data);
static int document_stop(document_markdown_t *m, pt_err_t err,
    const char *what, pt_str_t name);
static int document_open(document_markdown_t *m, document_block_type_t type);
static int document_enter_heading(document_markdown_t *m, unsigned level);
static int document_enter_paragraph(document_markdown_t *m);
static int document_label_item(document_markdown_t *m);
static int document_label(document_markdown_t *m, const char *label);
static void document_drop_head(document_markdown_t *m);
static int document_enter_cell(document_markdown_t *m,
    const MD_BLOCK_TD_DETAIL *detail);
static int document_leave_heading(document_markdown_t *m);
static int document_run(document_markdown_t *m, pt_str_t text);
static int document_entity(document_markdown_t *m, pt_str_t text);
static int document_comment(document_markdown_t *m, pt_str_t text);
static int document_figure(document_markdown_t *m, pt_str_t text);
static unsigned document_id(document_markdown_t *m, pt_str_t name);
static int document_link(document_markdown_t *m, const MD_ATTRIBUTE *href);
static int document_link_end(document_markdown_t *m);
static pt_err_t document_resolve(document_markdown_t *m);
static pt_err_t document_join_all(pt_room_t *room, document_block_t *block);
static pt_err_t document_join(pt_room_t *room, document_block_t *block);
static void document_letters(unsigned n, char first, char *text, size_t size);
static void document_roman(unsigned n, char *text, size_t size);


pt_err_t
document_markdown_read(pt_str_t text, pt_room_t *room,
    document_content_t *ret_content, char *ret_error, size_t size)
{
    int                   rc;
    pt_err_t              err;
    document_content_t    content = { 0 };
    document_markdown_t  *m;

    static const MD_PARSER  parser = {
        .flags = MD_FLAG_TABLES | MD_FLAG_NOINDENTEDCODEBLOCKS
                 | MD_FLAG_COLLAPSEWHITESPACE,
        .enter_block = document_enter_block,
        .leave_block = document_leave_block,
        .enter_span = document_enter_span,
        .leave_span = document_leave_span,
        .text = document_text,
    };

    if (text.len > DOCUMENT_MARKDOWN_MAX) {
        return PT_E_TOO_LARGE;
    }

    m = calloc(1, sizeof(document_markdown_t));
    if (m == NULL) {
        return PT_E_NOMEM;
    }

    m->room = room;
    m->content = &content;
    m->tail = &content.blocks;
    m->error = ret_error;
    m->size = size;

    rc = md_parse(text.data, (MD_SIZE) text.len, &parser, m);

    err = m->err != PT_OK ? m->err
          : rc != 0 ? PT_E_NOMEM : document_resolve(m);

    if (err == PT_OK) {
        err = document_join_all(room, content.blocks);
    }

    free(m);

    if (err == PT_OK) {
        *ret_content = content;
    }

    return err;
}


static int
document_enter_block(MD_BLOCKTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    switch (type) {

    case MD_BLOCK_QUOTE:
        m->quotes++;
        return 0;

    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        if (m->n_lists == DOCUMENT_LISTS_MAX) {
            return document_stop(m, PT_E_TOO_LARGE, "lists too deep in each other",
                                 PT_STR(""));
        }

        /* what a tight item says before it is complete now */
        m->block = NULL;
        m->lists[m->n_lists++] = (document_list_t) {
            .ordered = type == MD_BLOCK_OL
        };
        return 0;

    case MD_BLOCK_LI:
        m->lists[m->n_lists - 1].items++;
        m->item = true;
        return 0;

    case MD_BLOCK_HR:
        return document_open(m, DOCUMENT_RULE);

    case MD_BLOCK_H:
        return document_enter_heading(m, ((MD_BLOCK_H_DETAIL *) detail)->level);

    case MD_BLOCK_P:
    case MD_BLOCK_CODE:
        return document_enter_paragraph(m);

    case MD_BLOCK_THEAD:
        m->head = true;
        return 0;

    case MD_BLOCK_TBODY:
        m->head = false;
        return 0;

    case MD_BLOCK_TR:
        if (document_open(m, DOCUMENT_ROW) != 0) {
            return -1;
        }

        m->row = m->block;
        m->row->head = m->head;
        m->row->cells = pt_room_array(m->room, DOCUMENT_COLUMNS_MAX,
                                       sizeof(document_block_t));
        return m->row->cells != NULL ? 0
               : document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);

    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        return document_enter_cell(m, detail);

    default:
        return 0;
    }
}


static int
document_leave_block(MD_BLOCKTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    (void) detail;

    m->in_word = false;

    switch (type) {

    case MD_BLOCK_QUOTE:
        m->quotes--;
        break;

    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        m->n_lists--;
        m->item = false;
        break;

    case MD_BLOCK_H:
        return document_leave_heading(m);

    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        m->block = m->row;
        break;

    case MD_BLOCK_THEAD:
        document_drop_head(m);
        break;

    case MD_BLOCK_LI:
        /* an item of tight lists has no paragraph: its text is its own */
        m->block = NULL;
        m->item = false;
        break;

    case MD_BLOCK_P:
    case MD_BLOCK_CODE:
    case MD_BLOCK_TR:
    case MD_BLOCK_HR:
        m->block = NULL;
        break;

    default:
        break;
    }

    return 0;
}


static int
document_enter_span(MD_SPANTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    switch (type) {

    case MD_SPAN_EM:
        m->italic++;
        break;

    case MD_SPAN_STRONG:
        m->bold++;
        break;

    case MD_SPAN_A:
        return document_link(m, &((MD_SPAN_A_DETAIL *) detail)->href);

    case MD_SPAN_IMG:
        return document_stop(m, PT_E_INVALID, "images are not supported",
                             PT_STR(""));

    default:
        break;
    }

    return 0;
}


static int
document_leave_span(MD_SPANTYPE type, void *detail, void *data)
{
    document_markdown_t  *m = data;

    (void) detail;

    switch (type) {

    case MD_SPAN_EM:
        m->italic--;
        break;

    case MD_SPAN_STRONG:
        m->bold--;
        break;

    case MD_SPAN_A:
        return document_link_end(m);

    default:
        break;
    }

    return 0;
}


static int
document_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len, void *data)
{
    pt_str_t              s = { text, len };
    document_markdown_t  *m = data;

    switch (type) {

    case MD_TEXT_HTML:
        return document_comment(m, s);

    case MD_TEXT_NULLCHAR:
        return document_run(m, PT_STR("\xef\xbf\xbd"));

    case MD_TEXT_BR:
        return document_run(m, PT_STR("\n"));

    case MD_TEXT_SOFTBR:
        return document_run(m, PT_STR(" "));

    case MD_TEXT_ENTITY:
        return document_entity(m, s);

    default:
        return document_run(m, s);
    }
}


/* md4c swallows a positive return of some callbacks: -1 ends it always */
static int
document_stop(document_markdown_t *m, pt_err_t err, const char *what,
    pt_str_t name)
{
    m->err = err;

    if (what != NULL && m->size > 0) {
        (void) snprintf(m->error, m->size, name.len > 0 ? "%s \"%.*s\"" : "%s",
                        what, name.len < 60 ? (int) name.len : 60,
                        name.data != NULL ? name.data : "");
    }

    return -1;
}


static int
document_open(document_markdown_t *m, document_block_type_t type)
{
    document_block_t  *block;

    block = pt_room_alloc(m->room, sizeof(document_block_t));
    if (block == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    block->type = type;
    block->quote = m->quotes > 0;
    block->in_clause = m->in_clause;

    *m->tail = block;
    m->tail = &block->next;
    m->block = block;

    return 0;
}


static int
document_enter_heading(document_markdown_t *m, unsigned level)
{
    if (document_open(m, DOCUMENT_HEADING) != 0) {
        return -1;
    }

    m->block->level = level;
    m->block->unnumbered = level != 2;

    return 0;
}


/* only now it is known whether a comment took the number away */
static int
document_leave_heading(document_markdown_t *m)
{
    char               label[DOCUMENT_LABEL_MAX];
    document_block_t  *block = m->block;

    if (block->unnumbered) {
        m->in_clause = m->in_clause && block->level > 2;
        m->number[0] = '\0';

    } else {
        m->clause++;
        memset(m->counts, 0, sizeof(m->counts));
        m->in_clause = true;
        (void) snprintf(m->number, sizeof(m->number), "%u", m->clause);
        (void) snprintf(label, sizeof(label), "%u.", m->clause);

        if (document_label(m, label) != 0) {
            return -1;
        }
    }

    if (block->target != 0) {
        m->ids[block->target - 1].number =
            pt_room_copy(m->room, pt_str(m->number));
    }

    m->block = NULL;

    return 0;
}


static int
document_enter_paragraph(document_markdown_t *m)
{
    if (document_open(m, DOCUMENT_PARAGRAPH) != 0) {
        return -1;
    }

    m->block->level = m->n_lists;

    if (m->n_lists > 0 && m->item) {
        m->item = false;
        return document_label_item(m);
    }

    return 0;
}


/* 1.1 in a clause, else 1.; then (a), (i), (A) */
static int
document_label_item(document_markdown_t *m)
{
    char             label[DOCUMENT_LABEL_MAX], mark[32];
    size_t           len;
    unsigned         i, n, level = 0;
    document_list_t *list = &m->lists[m->n_lists - 1];

    if (!list->ordered) {
        return document_label(m, "\xe2\x80\xa2");
    }

    for (i = 0; i < m->n_lists; i++) {
        level += m->lists[i].ordered;
    }

    /* what goes on after an interruption goes on counting in its clause */
    n = level == 1 && m->in_clause ? ++m->counts[1] : list->items;

    /* the number so far, less what belongs to deeper levels */
    if (level <= DOCUMENT_LEVELS) {
        m->counts[level] = n;
    }

    switch (level) {
    case 1:
        if (m->in_clause) {
            (void) snprintf(label, sizeof(label), "%u.%u", m->clause, n);
            (void) snprintf(m->number, sizeof(m->number), "%s", label);
        } else {
            (void) snprintf(label, sizeof(label), "%u.", n);
            (void) snprintf(m->number, sizeof(m->number), "%u", n);
        }

        return document_label(m, label);

    case 2:
        document_letters(n, 'a', mark, sizeof(mark));
        break;

    case 3:
        document_roman(n, mark, sizeof(mark));
        break;

    default:
        document_letters(n, 'A', mark, sizeof(mark));
        break;
    }

    /* the number of a place is that of what it is in, and its own */
    len = 0;
    for (i = 2; m->number[len] != '\0'; len++) {
        if (m->number[len] == '(' && i++ == level) {
            break;
        }
    }

    m->number[len] = '\0';
    (void) snprintf(label, sizeof(label), "(%.30s)", mark);
    (void) snprintf(m->number + len, sizeof(m->number) - len, "%s", label);

    return document_label(m, label);
}


static int
document_label(document_markdown_t *m, const char *label)
{
    m->block->label = pt_room_copy(m->room, pt_str(label));

    return m->block->label.data != NULL ? 0
           : document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
}


/* Markdown knows no table without a head: an empty one is none */
static void
document_drop_head(document_markdown_t *m)
{
    size_t              i, n = 0;
    document_block_t  **block;

    for (i = 0; i < m->row->n_cells; i++) {
        n += m->row->cells[i].n;
    }

    if (n > 0) {
        return;
    }

    for (block = &m->content->blocks; *block != m->row;
         block = &(*block)->next)
    {
        /* to what points at it */
    }

    *block = NULL;
    m->tail = block;
}


static int
document_enter_cell(document_markdown_t *m, const MD_BLOCK_TD_DETAIL *detail)
{
    if (m->row->n_cells == DOCUMENT_COLUMNS_MAX) {
        return document_stop(m, PT_E_TOO_LARGE, "too many columns",
                             PT_STR(""));
    }

    m->block = &m->row->cells[m->row->n_cells++];
    m->block->type = DOCUMENT_PARAGRAPH;
    m->block->align = detail->align == MD_ALIGN_RIGHT ? PT_ALIGN_RIGHT
                      : detail->align == MD_ALIGN_CENTER ? PT_ALIGN_CENTER
                      : PT_ALIGN_LEFT;

    return 0;
}


static int
document_run(document_markdown_t *m, pt_str_t text)
{
    char               c;
    void              *runs;
    size_t             i;
    pt_run_t          *run;
    document_block_t  *block;

    /* text of a tight item */
    if (m->block == NULL && document_enter_paragraph(m) != 0) {
        return -1;
    }

    block = m->block;

    runs = pt_room_grow(m->room, block->runs, block->n, &block->cap,
                         sizeof(pt_run_t));
    if (runs == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    block->runs = runs;
    run = &block->runs[block->n++];
    run->text = pt_room_copy(m->room, text);
    run->style = (m->bold > 0 ? PT_STYLE_BOLD : 0)
                 | (m->italic > 0 ? PT_STYLE_ITALIC : 0);
    run->target = m->target;

    if (run->text.data == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == ' ' || c == '\n' || c == '\t') {
            m->in_word = false;

        } else if (!m->in_word) {
            m->in_word = true;
            m->content->words++;
        }
    }

    return 0;
}


static int
document_entity(document_markdown_t *m, pt_str_t text)
{
    char           utf8[5] = { 0 };
    size_t         i;
    unsigned long  c;

    static const struct {
        const char  *name, *text;
    } entities[] = {
        { "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" },
        { "&nbsp;", "\xc2\xa0" }, { "&shy;", "\xc2\xad" },
        { "&ndash;", "\xe2\x80\x93" }, { "&mdash;", "\xe2\x80\x94" },
        { "&sect;", "\xc2\xa7" }, { "&copy;", "\xc2\xa9" },
        { "&hellip;", "\xe2\x80\xa6" }, { "&euro;", "\xe2\x82\xac" },
    };

    for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (pt_str_is(text, entities[i].name)) {
            return document_run(m, pt_str(entities[i].text));
        }
    }

    if (text.len < 4 || text.data[1] != '#') {
        return document_stop(m, PT_E_INVALID, "unknown entity", text);
    }

    c = text.data[2] == 'x' || text.data[2] == 'X'
        ? strtoul(text.data + 3, NULL, 16) : strtoul(text.data + 2, NULL, 10);

    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        c = 0xfffd;
    }

    if (c < 0x80) {
        utf8[0] = (char) c;

    } else if (c < 0x800) {
        utf8[0] = (char) (0xc0 | c >> 6);
        utf8[1] = (char) (0x80 | (c & 0x3f));

    } else if (c < 0x10000) {
        utf8[0] = (char) (0xe0 | c >> 12);
        utf8[1] = (char) (0x80 | (c >> 6 & 0x3f));
        utf8[2] = (char) (0x80 | (c & 0x3f));

    } else {
        utf8[0] = (char) (0xf0 | c >> 18);
        utf8[1] = (char) (0x80 | (c >> 12 & 0x3f));
        utf8[2] = (char) (0x80 | (c >> 6 & 0x3f));
        utf8[3] = (char) (0x80 | (c & 0x3f));
    }

    return document_run(m, pt_str(utf8));
}


/* a whole comment, or an end of line between two */
static int
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

    if (document_run(m, text) != 0) {
        return -1;
    }

    m->block = NULL;

    return 0;
}


/* the place of a name, from 1; 0: no room */
static unsigned
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


static int
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
static int
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


static pt_err_t
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


/* the cells of a row are no list: each stands beside the one before */
static pt_err_t
document_join_all(pt_room_t *room, document_block_t *block)
{
    size_t    i;
    pt_err_t  err = PT_OK;

    for ( /* void */ ; err == PT_OK && block != NULL; block = block->next) {
        err = document_join(room, block);

        for (i = 0; err == PT_OK && i < block->n_cells; i++) {
            err = document_join(room, &block->cells[i]);
        }
    }

    return err;
}


/*
 * Runs of one style beside each other are one: each escaped character begins
 * another, and no kerning would reach over it.
 */
static pt_err_t
document_join(pt_room_t *room, document_block_t *block)
{
    char      *text;
    size_t     i, k, n, len;
    pt_run_t   run, *runs = block->runs;

    for (i = 0, n = 0; i < block->n; i = k, n++) {
        len = runs[i].text.len;

        for (k = i + 1; k < block->n && runs[k].style == runs[i].style
                        && runs[k].target == runs[i].target; k++)
        {
            len += runs[k].text.len;
        }

        run = runs[i];

        if (k > i + 1) {
            text = pt_room_alloc(room, len + 1);
            if (text == NULL) {
                return PT_E_NOMEM;
            }

            run.text = (pt_str_t) { text, len };

            for ( /* void */ ; i < k; text += runs[i++].text.len) {
                memcpy(text, runs[i].text.data, runs[i].text.len);
            }
        }

        runs[n] = run;
    }

    block->n = n;

    return PT_OK;
}


/* a .. z, aa, bb, ... as contracts have it */
static void
document_letters(unsigned n, char first, char *text, size_t size)
{
    size_t  i, times = (n - 1) / 26 + 1;

    for (i = 0; i < times && i + 1 < size; i++) {
        text[i] = (char) (first + (n - 1) % 26);
    }

    text[i] = '\0';
}


static void
document_roman(unsigned n, char *text, size_t size)
{
    size_t  i, len = 0;

    static const struct {
        unsigned     value;
        const char  *digits;
    } steps[] = {
        { 100, "c" }, { 90, "xc" }, { 50, "l" }, { 40, "xl" }, { 10, "x" },
        { 9, "ix" }, { 5, "v" }, { 4, "iv" }, { 1, "i" },
    };

    text[0] = '\0';

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        for ( /* void */ ; n >= steps[i].value && len + 3 < size;
             n -= steps[i].value)
        {
            len += (size_t) snprintf(text + len, size - len, "%s",
                                     steps[i].digits);
        }
    }
}


void
document_escape_markdown(pt_buf_t *out, pt_str_t text)
{
    char    c;
    bool    space = false, begun = false;
    size_t  i;

    text = document_trim(text);

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            space = begun;
            continue;
        }

        if (space) {
            pt_buf_add_char(out, ' ');
            space = false;
        }

        begun = true;

        if ((c > ' ' && c < '0') || (c > '9' && c < 'A')
            || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7f))
        {
            pt_buf_add_char(out, '\\');
        }

        pt_buf_add_char(out, c);
    }
}


/*
 * Without the white space around it, Unicode's too: "**" before or after that
 * would be no emphasis, but two asterisks in a contract.
 */
pt_str_t
document_trim(pt_str_t text)
{
    size_t    at;
    unsigned  len;

    while (text.len > 0) {
        if (!uc_is_property_white_space(pt_utf8_get(text.data, &len))) {
            break;
        }

        text.data += len;
        text.len -= len;
    }

    while (text.len > 0) {
        for (at = text.len - 1;
             at > 0 && (text.data[at] & 0xc0) == 0x80; at--)
        {
            /* to the last character's first byte */
        }

        if (!uc_is_property_white_space(pt_utf8_get(text.data + at, &len))) {
            break;
        }

        text.len = at;
    }

    return text;
}
