/* Numbers of clauses and their items, as lawyers count. */

#include <stdio.h>

#include "document_reader.h"


static int document_label(document_markdown_t *m, const char *label);
static void document_letters(unsigned n, char first, char *text, size_t size);
static void document_roman(unsigned n, char *text, size_t size);


int
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
int
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


/* 1.1 in a clause, else 1.; then (a), (i), (A) */
int
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
