/*
 * A paragraph is a list of items: boxes (glyphs), glue (spaces) and penalties
 * (places to break).  Lines are found over the items, then drawn from them.
 */

#include <unilbrk.h>
#include <uninorm.h>

#include "pt_para.h"


#define PT_PARA_BYTES_MAX      (1000 * 1000)

/* Knuth's and Plass's constants, as plain TeX has them */
#define PT_LINE_PENALTY        10
#define PT_HYPHEN_PENALTY      50
#define PT_DASH_PENALTY        20       /* after a hyphen that is there anyway */
#define PT_LETTER_PENALTY      5000     /* between letters, when nothing helps */
#define PT_NEVER               10000
#define PT_ALWAYS              (-10000)
#define PT_DOUBLE_DEMERITS     10000    /* hyphens on two lines in a row */
#define PT_FINAL_DEMERITS      5000     /* on the last line but one */
#define PT_FITNESS_DEMERITS    10000    /* a tight line beside a loose one */
#define PT_INFINITE            1e9

/* spaces: half as much wider, a fifth narrower; beyond it a line is ragged */
#define PT_SPACE_STRETCH       2
#define PT_SPACE_SHRINK        5
#define PT_STRETCH_LIMIT       4.0


typedef enum {
    PT_ITEM_BOX = 0,
    PT_ITEM_GLUE,
    PT_ITEM_PENALTY
} pt_item_type_t;

typedef struct {
    pt_item_type_t     type;
    bool               flagged;   /* a hyphen is added here */
    int32_t            penalty;
    int32_t            width;
    int32_t            stretch;
    int32_t            shrink;

    pt_font_t         *font;
    const pt_word_t   *word;      /* of a box; of glue: the space */
    uint32_t           first, n;
    const pt_run_t    *run;
} pt_item_t;


/* a place to end a line, and the best way that leads there */
typedef struct pt_break_s  pt_break_t;

struct pt_break_s {
    pt_break_t        *prev;      /* the end of the line before */
    pt_break_t        *next;      /* in the list of active ones */
    size_t             item;
    int                fitness;   /* 0 tight .. 3 very loose */
    bool               flagged;
    double             demerits;
    int64_t            width, stretch, shrink;   /* sums up to the next line */
};


typedef struct {
    const pt_para_style_t  *style;
    pt_room_t             *room;
    char                   *text;
    char                   *breaks;     /* of libunistring, for each byte */
    size_t                  len;

    pt_item_t              *items;
    size_t                  n;
    size_t                  cap;
    bool                    hyphenate;  /* in this pass */
    bool                    failed;     /* no memory */
} pt_para_t;


/* how much a pass accepts */
typedef struct {
    bool               hyphenate;
    double             tolerance;   /* of the stretch ratio */
    int32_t            emergency;   /* per mille of the size: extra stretch */
} pt_pass_t;


static pt_err_t pt_para_text(pt_para_t *para, const pt_run_t *runs, size_t n);
static pt_err_t pt_para_items(pt_para_t *para, const pt_run_t *runs, size_t n);
static void pt_para_run(pt_para_t *para, const pt_run_t *run, size_t begin,
    size_t end);
static void pt_para_chunk(pt_para_t *para, const pt_run_t *run, size_t begin,
    size_t end);
static bool pt_para_joins(const pt_font_t *font, uint32_t before,
    uint32_t mark);
static void pt_para_word(pt_para_t *para, pt_font_t *font,
    const pt_word_t *word, const pt_run_t *run);
static void pt_para_space(pt_para_t *para, pt_font_t *font, bool fixed,
    const pt_run_t *run);
static void pt_para_penalty(pt_para_t *para, int32_t penalty, bool flagged,
    pt_font_t *font);
static void pt_para_finish(pt_para_t *para);
static pt_item_t *pt_para_add(pt_para_t *para);
static pt_err_t pt_para_relax(pt_para_t *para);
static void pt_para_split(pt_para_t *para, const pt_item_t *box);
static int32_t pt_para_glyphs_width(const pt_para_t *para,
    const pt_word_t *word, uint32_t first, uint32_t n);
static pt_break_t *pt_para_break(pt_para_t *para, const pt_pass_t *pass);
static pt_break_t *pt_para_try(pt_para_t *para, const pt_pass_t *pass,
    pt_break_t **active, size_t at, const pt_break_t *sums);
static double pt_para_ratio(const pt_para_t *para, const pt_pass_t *pass,
    const pt_break_t *from, size_t at, const pt_break_t *sums,
    bool *ret_last);
static bool pt_item_is_break(const pt_item_t *items, size_t i);
static void pt_para_sum_from(const pt_para_t *para, size_t at,
    pt_break_t *b);
static pt_err_t pt_para_lines(pt_para_t *para, pt_break_t *end,
    pt_textline_t **ret_lines, size_t *ret_n);
static pt_err_t pt_para_line(pt_para_t *para, size_t begin, size_t end,
    pt_textline_t *line);
static pt_frag_t *pt_para_frag(pt_para_t *para, pt_frag_t ***tail,
    const pt_item_t *item, int32_t x, int32_t width);


static const pt_pass_t  pt_passes[] = {
    { false, 1.4,          0    },
    { true,  1.4,          0    },
    { true,  1.4,          3000 },
    { true,  PT_INFINITE,  3000 },
};


pt_err_t
pt_para_set(const pt_run_t *runs, size_t n, const pt_para_style_t *style,
    pt_room_t *room, pt_textline_t **ret_lines, size_t *ret_n)
{
    size_t       i;
    pt_err_t     err;
    pt_para_t    para = { .style = style, .room = room };
    pt_break_t  *end = NULL;

    err = pt_para_text(&para, runs, n);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < sizeof(pt_passes) / sizeof(pt_pass_t) && end == NULL; i++) {

        if (pt_passes[i].hyphenate && style->hyphen == NULL && i == 1) {
            continue;
        }

        if (para.items == NULL || pt_passes[i].hyphenate != para.hyphenate) {
            para.hyphenate = pt_passes[i].hyphenate;

            err = pt_para_items(&para, runs, n);
            if (err != PT_OK) {
                return err;
            }
        }

        end = pt_para_break(&para, &pt_passes[i]);

        if (para.failed) {
            return PT_E_NOMEM;
        }
    }

    if (end == NULL) {
        return PT_E_INTERNAL;         /* the last pass accepts everything */
    }

    return pt_para_lines(&para, end, ret_lines, ret_n);
}


/* one text of all runs: a break may depend on the run before */
static pt_err_t
pt_para_text(pt_para_t *para, const pt_run_t *runs, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (runs[i].text.len > PT_PARA_BYTES_MAX - para->len) {
            return PT_E_TOO_LARGE;
        }

        para->len += runs[i].text.len;
    }

    para->text = pt_room_alloc(para->room, para->len + 1);
    para->breaks = pt_room_alloc(para->room, para->len + 1);

    if (para->text == NULL || para->breaks == NULL) {
        return PT_E_NOMEM;
    }

    para->len = 0;

    for (i = 0; i < n; i++) {
        if (runs[i].text.len != 0) {
            memcpy(para->text + para->len, runs[i].text.data,
                   runs[i].text.len);
            para->len += runs[i].text.len;
        }
    }

    u8_possible_linebreaks((const uint8_t *) para->text, para->len, "UTF-8",
                           para->breaks);

    return PT_OK;
}


static pt_err_t
pt_para_items(pt_para_t *para, const pt_run_t *runs, size_t n)
{
    size_t  i, at;

    para->n = 0;

    for (i = 0, at = 0; i < n; i++) {
        pt_para_run(para, &runs[i], at, at + runs[i].text.len);
        at += runs[i].text.len;
    }

    pt_para_finish(para);

    if (para->failed) {
        return PT_E_NOMEM;
    }

    return pt_para_relax(para);
}


/* begin and end are bytes of para->text */
static void
pt_para_run(pt_para_t *para, const pt_run_t *run, size_t begin, size_t end)
{
    size_t       i, start;
    unsigned     len;
    uint32_t     c;
    pt_font_t   *font;

    font = pt_typeface_font(para->style->typeface, run->style, ' ');

    for (i = start = begin; i < end; i += len) {
        c = pt_utf8_get(para->text + i, &len);

        /* a break before this character ends what was collected */
        if (i > start && para->breaks[i] == UC_BREAK_POSSIBLE) {
            pt_para_chunk(para, run, start, i);
            start = i;
        }

        if (i == start && i > 0 && para->breaks[i] == UC_BREAK_POSSIBLE
            && para->n > 0 && para->items[para->n - 1].type == PT_ITEM_BOX)
        {
            pt_para_penalty(para, PT_DASH_PENALTY, false, font);
        }

        if (c == ' ' || c == '\t' || c == 0xa0 || c == 0x202f || c == '\n'
            || c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x0b
            || c == 0x0c || c == 0x85)
        {
            pt_para_chunk(para, run, start, i);
            start = i + len;

            if (c == '\n' || c == 0x2028 || c == 0x2029) {
                pt_para_finish(para);

            } else if (c != '\r') {
                pt_para_space(para, font, c == 0xa0 || c == 0x202f, run);
            }
        }
    }

    pt_para_chunk(para, run, start, end);
}


/* text without white space: pieces of one face each */
static void
pt_para_chunk(pt_para_t *para, const pt_run_t *run, size_t begin, size_t end)
{
    size_t            i, start;
    uint32_t          c, before = 0;
    unsigned          len;
    pt_font_t        *font = NULL, *next;
    const pt_word_t  *word;

    for (i = start = begin; i <= end && begin < end; i += len) {

        if (i < end) {
            c = pt_utf8_get(para->text + i, &len);
            next = pt_typeface_font(para->style->typeface, run->style, c);

            /* marks and joiners stay with the letter that they belong to */
            if (font != NULL && (next == font
                                 || pt_para_joins(font, before, c)
                                 || c == 0xad || c == 0x200b || c == 0x2060
                                 || c == 0xfeff))
            {
                before = c;
                continue;
            }

            before = c;

        } else {
            next = NULL;
            len = 1;
        }

        if (i > start) {
            word = pt_font_shape(font,
                (pt_str_t) { para->text + start, i - start }, para->room);

            if (word == NULL) {
                para->failed = true;
                return;
            }

            pt_para_word(para, font, word, run);
        }

        start = i;
        font = next;
    }
}


/* a mark that its letter's font has, or has as one glyph with the letter */
static bool
pt_para_joins(const pt_font_t *font, uint32_t before, uint32_t mark)
{
    uint32_t  both;

    if (mark < 0x300 || mark >= 0x370) {
        return false;
    }

    both = uc_composition(before, mark);

    return pt_font_covers(font, mark)
           || (both != 0 && pt_font_covers(font, both));
}


static void
pt_para_word(pt_para_t *para, pt_font_t *font, const pt_word_t *word,
    const pt_run_t *run)
{
    bool        hyphenate;
    uint32_t    k, first, end;
    pt_item_t  *item;

    /* an address with a hyphen more would be another */
    hyphenate = para->hyphenate && para->style->hyphen != NULL
                && run->uri == NULL;

    if (hyphenate
        && pt_hyphen_word(para->style->hyphen, (pt_word_t *) word) != PT_OK)
    {
        para->failed = true;
        return;
    }

    first = 0;

    for (k = 0; first < word->n; k++) {
        end = hyphenate && word->dictionary == para->style->hyphen
              && k < word->n_hyphens
              ? word->hyphens[k] : word->n;

        item = pt_para_add(para);
        if (item == NULL) {
            return;
        }

        item->type = PT_ITEM_BOX;
        item->font = font;
        item->word = word;
        item->first = first;
        item->n = end - first;
        item->run = run;
        item->width = pt_para_glyphs_width(para, word, first, end - first);

        if (end < word->n) {
            pt_para_penalty(para, PT_HYPHEN_PENALTY, true, font);
        }

        first = end;
    }
}


static void
pt_para_space(pt_para_t *para, pt_font_t *font, bool fixed,
    const pt_run_t *run)
{
    pt_item_t  *item;

    if (fixed) {
        pt_para_penalty(para, PT_NEVER, false, font);
    }

    item = pt_para_add(para);
    if (item == NULL) {
        return;
    }

    item->type = PT_ITEM_GLUE;
    item->font = font;
    item->word = font->space;
    item->n = font->space->n;
    item->run = run;
    item->width = pt_para_glyphs_width(para, font->space, 0, font->space->n);

    if (para->style->align == PT_ALIGN_JUSTIFY) {
        item->stretch = item->width / PT_SPACE_STRETCH;
        item->shrink = item->width / PT_SPACE_SHRINK;
    }
}


static void
pt_para_penalty(pt_para_t *para, int32_t penalty, bool flagged,
    pt_font_t *font)
{
    pt_item_t  *item;

    item = pt_para_add(para);
    if (item == NULL) {
        return;
    }

    item->type = PT_ITEM_PENALTY;
    item->penalty = penalty;
    item->flagged = flagged;
    item->font = font;

    if (flagged) {
        item->word = font->hyphen;
        item->n = font->hyphen->n;
        item->width = pt_para_glyphs_width(para, font->hyphen, 0, item->n);
    }
}


/* the end of a line that is not filled */
static void
pt_para_finish(pt_para_t *para)
{
    pt_item_t  *item;

    pt_para_penalty(para, PT_NEVER, false, NULL);

    item = pt_para_add(para);
    if (item == NULL) {
        return;
    }

    item->type = PT_ITEM_GLUE;
    item->stretch = INT32_MAX;           /* infinite; see pt_para_ratio() */

    pt_para_penalty(para, PT_ALWAYS, false, NULL);
}


static pt_item_t *
pt_para_add(pt_para_t *para)
{
    void  *items;

    items = para->failed ? NULL
            : pt_room_grow(para->room, para->items, para->n, &para->cap,
                            sizeof(pt_item_t));
    if (items == NULL) {
        para->failed = true;
        return NULL;
    }

    para->items = items;
    memset(&para->items[para->n], 0, sizeof(pt_item_t));

    return &para->items[para->n++];
}


/*
 * What stands between two places to break must fit a line; where it does
 * not, it may break between any two letters, and spaces before the first of
 * them are lost.
 */
static pt_err_t
pt_para_relax(pt_para_t *para)
{
    size_t      i, k, start, n;
    int64_t     width;
    pt_item_t  *items;
    bool        wide = false, boxed;

    items = para->items;
    n = para->n;

    for (i = start = 0, width = 0; i < n && !wide; i++) {
        if (pt_item_is_break(items, i)) {
            wide = width + (items[i].flagged ? items[i].width : 0)
                   > para->style->width;
            width = 0;

        } else if (items[i].type != PT_ITEM_PENALTY) {
            width += items[i].width;
        }
    }

    if (!wide) {
        return PT_OK;
    }

    para->items = NULL;
    para->n = para->cap = 0;

    for (i = start = 0, width = 0; i < n; i++) {

        if (!pt_item_is_break(items, i)) {
            width += items[i].type != PT_ITEM_PENALTY ? items[i].width : 0;
            continue;
        }

        wide = width + (items[i].flagged ? items[i].width : 0)
               > para->style->width;

        for (k = start, boxed = false; k <= i; k++) {
            if (wide && items[k].type == PT_ITEM_BOX) {
                pt_para_split(para, &items[k]);
                boxed = true;

            } else if (wide && !boxed && k < i
                       && items[k].type == PT_ITEM_GLUE
                       && items[k].stretch != INT32_MAX)
            {
                continue;

            } else if (wide && k < i && items[k].type == PT_ITEM_PENALTY
                       && items[k].penalty == PT_NEVER
                       && items[k + 1].stretch != INT32_MAX)
            {
                /* a space that must not break, but nothing else would */
                pt_para_penalty(para, PT_LETTER_PENALTY, false, NULL);

            } else if (pt_para_add(para) != NULL) {
                para->items[para->n - 1] = items[k];
            }
        }

        start = i + 1;
        width = 0;
    }

    return para->failed ? PT_E_NOMEM : PT_OK;
}


/* one box for each cluster */
static void
pt_para_split(pt_para_t *para, const pt_item_t *box)
{
    uint32_t           i, end, last;
    pt_item_t         *item;
    const pt_glyph_t  *glyphs = box->word->glyphs;

    last = box->first + box->n;

    for (i = box->first; i < last; i = end) {

        for (end = i + 1; end < last; end++) {
            if (glyphs[end].start != glyphs[i].start) {
                break;
            }
        }

        /* after the last letter the space breaks, not this */
        if (para->n > 0 && para->items[para->n - 1].type == PT_ITEM_BOX) {
            pt_para_penalty(para, PT_LETTER_PENALTY, false, NULL);
        }

        item = pt_para_add(para);
        if (item == NULL) {
            return;
        }

        *item = *box;
        item->first = i;
        item->n = end - i;
        item->width = pt_para_glyphs_width(para, box->word, i, end - i);
    }
}


static int32_t
pt_para_glyphs_width(const pt_para_t *para, const pt_word_t *word,
    uint32_t first, uint32_t n)
{
    int64_t   sum;
    uint32_t  i;

    if (first == 0 && n == word->n) {
        sum = word->width;

    } else {
        for (i = first, sum = 0; i < first + n; i++) {
            sum += word->glyphs[i].advance;
        }
    }

    return (int32_t) (sum * para->style->size / 1000);
}


/* the end of the best way through all items, or NULL: not in this pass */
static pt_break_t *
pt_para_break(pt_para_t *para, const pt_pass_t *pass)
{
    size_t       i;
    pt_break_t  *active, *best, *b, sums = { 0 };

    active = pt_room_alloc(para->room, sizeof(pt_break_t));
    if (active == NULL) {
        para->failed = true;
        return NULL;
    }

    active->item = SIZE_MAX;              /* before the first item */
    active->fitness = 1;

    for (i = 0; i < para->n; i++) {

        if (pt_item_is_break(para->items, i)) {
            active = pt_para_try(para, pass, &active, i, &sums);

            if (active == NULL) {
                return NULL;
            }
        }

        if (para->items[i].type != PT_ITEM_PENALTY) {
            sums.width += para->items[i].width;
            sums.shrink += para->items[i].shrink;

            if (para->items[i].stretch != INT32_MAX) {
                sums.stretch += para->items[i].stretch;
            }
        }
    }

    for (b = best = active; b != NULL; b = b->next) {
        if (b->demerits < best->demerits) {
            best = b;
        }
    }

    return best;
}


/*
 * Considers the place at: drops active places that are too far back now, adds
 * this one for each fitness in which a line can end here.  Returns the list.
 */
static pt_break_t *
pt_para_try(pt_para_t *para, const pt_pass_t *pass, pt_break_t **active,
    size_t at, const pt_break_t *sums)
{
    int               fitness;
    bool              last, forced;
    double            r, badness, demerits, p;
    double            least[4] = { -1, -1, -1, -1 };
    pt_break_t       *from[4] = { NULL, NULL, NULL, NULL };
    pt_break_t       *b, *made, **link;
    const pt_item_t  *item = &para->items[at];

    p = item->type == PT_ITEM_PENALTY ? item->penalty : 0;
    forced = p <= PT_ALWAYS;

    for (link = active; (b = *link) != NULL; /* void */ ) {

        r = pt_para_ratio(para, pass, b, at, sums, &last);

        if (r < -1 || forced) {
            *link = b->next;               /* no line may span this place */
        } else {
            link = &b->next;
        }

        if (r < -1 || r > pass->tolerance) {
            continue;
        }

        badness = r < 0 ? -100 * r * r * r : 100 * r * r * r;
        if (badness > 10000) {
            badness = 10000 + (r < 1000 ? r : 1000);
        }

        demerits = (PT_LINE_PENALTY + badness) * (PT_LINE_PENALTY + badness);
        if (p > 0) {
            demerits += p * p;
        }

        if (item->flagged && b->flagged) {
            demerits += PT_DOUBLE_DEMERITS;
        }

        if (last && b->flagged) {
            demerits += PT_FINAL_DEMERITS;
        }

        fitness = r < -0.5 ? 0 : r <= 0.5 ? 1 : r <= 1 ? 2 : 3;
        if (fitness > b->fitness + 1 || fitness < b->fitness - 1) {
            demerits += PT_FITNESS_DEMERITS;
        }

        demerits += b->demerits;

        if (from[fitness] == NULL || demerits < least[fitness]) {
            least[fitness] = demerits;
            from[fitness] = b;
        }
    }

    /* link is the end of the list now */
    for (fitness = 0; fitness < 4; fitness++) {
        if (from[fitness] == NULL) {
            continue;
        }

        made = pt_room_alloc(para->room, sizeof(pt_break_t));
        if (made == NULL) {
            para->failed = true;
            return NULL;
        }

        *made = *sums;
        made->prev = from[fitness];
        made->next = NULL;
        made->item = at;
        made->fitness = fitness;
        made->flagged = item->flagged;
        made->demerits = least[fitness];
        pt_para_sum_from(para, at, made);

        *link = made;
        link = &made->next;
    }

    return *active;
}


/* how far the glue of the line from..at is stretched (> 0) or shrunk (< 0) */
static double
pt_para_ratio(const pt_para_t *para, const pt_pass_t *pass,
    const pt_break_t *from, size_t at, const pt_break_t *sums,
    bool *ret_last)
{
    int64_t           width, stretch, shrink, left;
    const pt_item_t  *item = &para->items[at];

    width = sums->width - from->width;
    stretch = sums->stretch - from->stretch;
    shrink = sums->shrink - from->shrink;

    if (item->type == PT_ITEM_PENALTY) {
        width += item->width;
    }

    left = para->style->width - width;
    *ret_last = item->type == PT_ITEM_PENALTY && item->penalty <= PT_ALWAYS;

    if (*ret_last && left >= 0) {
        return 0;                           /* infinite stretch at its end */
    }

    if (left < 0) {
        return shrink > 0 ? (double) left / (double) shrink
               : left < 0 ? -PT_INFINITE : 0;
    }

    /* a ragged line takes three ems of white without harm */
    if (para->style->align != PT_ALIGN_JUSTIFY) {
        stretch += 3 * (int64_t) para->style->size;
    }

    stretch += (int64_t) pass->emergency * para->style->size / 1000;

    if (left == 0) {
        return 0;
    }

    return stretch > 0 ? (double) left / (double) stretch : PT_INFINITE;
}


static bool
pt_item_is_break(const pt_item_t *items, size_t i)
{
    switch (items[i].type) {

    case PT_ITEM_PENALTY:
        return items[i].penalty < PT_NEVER;

    case PT_ITEM_GLUE:
        return i > 0 && items[i - 1].type == PT_ITEM_BOX;

    default:
        return false;
    }
}


/* a line begins with the first box after the break: what is between is lost */
static void
pt_para_sum_from(const pt_para_t *para, size_t at, pt_break_t *b)
{
    size_t            i;
    const pt_item_t  *item;

    for (i = at; i < para->n; i++) {
        item = &para->items[i];

        if (item->type == PT_ITEM_BOX
            || (item->type == PT_ITEM_PENALTY && i > at
                && item->penalty <= PT_ALWAYS))
        {
            return;
        }

        if (item->type == PT_ITEM_GLUE && item->stretch != INT32_MAX) {
            b->width += item->width;
            b->stretch += item->stretch;
            b->shrink += item->shrink;
        }
    }
}


static pt_err_t
pt_para_lines(pt_para_t *para, pt_break_t *end, pt_textline_t **ret_lines,
    size_t *ret_n)
{
    size_t           n;
    pt_err_t         err;
    pt_break_t      *b, *next;
    pt_textline_t   *line, *first = NULL, **tail = &first;

    /* turn the chain of breaks round: next is free to use now */
    for (b = end, next = NULL; b != NULL; b = b->prev) {
        b->next = next;
        next = b;
    }

    for (b = next, n = 0; b->next != NULL; b = b->next, n++) {

        line = pt_room_alloc(para->room, sizeof(pt_textline_t));
        if (line == NULL) {
            return PT_E_NOMEM;
        }

        err = pt_para_line(para, b->item == SIZE_MAX ? 0 : b->item,
                           b->next->item, line);
        if (err != PT_OK) {
            return err;
        }

        *tail = line;
        tail = &line->next;
    }

    *ret_lines = first;
    *ret_n = n;

    return PT_OK;
}


/* draws the items from after the break begin to the break end */
static pt_err_t
pt_para_line(pt_para_t *para, size_t begin, size_t end, pt_textline_t *line)
{
    size_t            i, last;
    double            r;
    int32_t           x, w;
    int64_t           width, stretch, shrink, left, given, used;
    pt_frag_t       **tail = &line->frags;
    const pt_item_t  *item, *items = para->items;

    /* the break before leaves nothing: neither its hyphen nor its space */
    if (begin > 0 || items[begin].type != PT_ITEM_BOX) {
        while (begin < end && items[begin].type != PT_ITEM_BOX) {
            begin++;
        }
    }

    last = end;
    while (last > begin && items[last - 1].type != PT_ITEM_BOX) {
        last--;
    }

    width = stretch = shrink = 0;

    for (i = begin; i < last; i++) {
        if (items[i].type != PT_ITEM_PENALTY) {
            width += items[i].width;
            stretch += items[i].stretch;
            shrink += items[i].shrink;
        }
    }

    if (items[end].type == PT_ITEM_PENALTY) {
        width += items[end].width;
    }

    left = para->style->width - width;

    if (items[end].penalty <= PT_ALWAYS && left > 0) {
        left = 0;

    } else if (left > 0 && para->style->align != PT_ALIGN_JUSTIFY) {
        left = 0;
    }

    r = left > 0 ? (stretch > 0 ? (double) left / (double) stretch : 0)
        : (shrink > 0 ? (double) left / (double) shrink : 0);

    if (r > PT_STRETCH_LIMIT) {
        r = 0;                          /* better ragged than torn apart */
        left = 0;
    }

    x = 0;
    if (para->style->align == PT_ALIGN_CENTER) {
        x = (int32_t) ((para->style->width - width) / 2);

    } else if (para->style->align == PT_ALIGN_RIGHT) {
        x = (int32_t) (para->style->width - width);
    }

    given = used = 0;

    for (i = begin; i < last; i++) {
        item = &items[i];

        if (item->type == PT_ITEM_PENALTY) {
            continue;
        }

        w = item->width;

        if (item->type == PT_ITEM_GLUE) {
            /* shares of the whole, so that roundings do not add up */
            used += r >= 0 ? item->stretch : item->shrink;

            if ((r >= 0 ? stretch : shrink) > 0) {
                w += (int32_t) (left * used / (r >= 0 ? stretch : shrink)
                                - given);
                given = left * used / (r >= 0 ? stretch : shrink);
            }
        }

        if (pt_para_frag(para, &tail, item, x, w) == NULL) {
            return PT_E_NOMEM;
        }

        x += w;
    }

    if (items[end].type == PT_ITEM_PENALTY && items[end].flagged) {
        if (pt_para_frag(para, &tail, &items[end], x, items[end].width)
            == NULL)
        {
            return PT_E_NOMEM;
        }

        x += items[end].width;
    }

    line->width = x;

    return PT_OK;
}


static pt_frag_t *
pt_para_frag(pt_para_t *para, pt_frag_t ***tail, const pt_item_t *item,
    int32_t x, int32_t width)
{
    pt_frag_t  *frag;

    frag = pt_room_alloc(para->room, sizeof(pt_frag_t));
    if (frag == NULL) {
        return NULL;
    }

    frag->font = item->font;
    frag->word = item->word;
    frag->first = item->first;
    frag->n = item->n;
    frag->x = x;
    frag->width = width;
    frag->size = para->style->size;

    if (item->run != NULL) {
        frag->target = item->run->target;
        frag->uri = item->run->uri;
    }

    **tail = frag;
    *tail = &frag->next;

    return frag;
}
