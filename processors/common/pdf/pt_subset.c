/* Cutting a face down, and describing the rest of it to a PDF viewer. */

#include <stdlib.h>

#include <hb-subset.h>
#include <sodium.h>
#include <zlib.h>

#include "pt_subset.h"


/* an extra for every glyph of a face would take less */
#define PT_SUBSET_TEXT_MAX  (4 * 1024 * 1024)


/* glyphs in order of their numbers, with the text of each */
typedef struct {
    pt_subset_extra_t  *items;
    size_t              n;
    size_t              cap;
    pt_room_t          room;
} pt_subset_glyphs_t;


static pt_err_t pt_subset_base_glyphs(pt_font_t *font,
    pt_subset_glyphs_t *glyphs);
static pt_err_t pt_subset_add_text(pt_font_t *font, pt_str_t text,
    pt_subset_glyphs_t *glyphs);
static pt_err_t pt_subset_add(pt_subset_glyphs_t *glyphs, uint16_t gid,
    pt_str_t text);
static int pt_subset_compare(const void *a, const void *b);
static pt_err_t pt_subset_make(pt_font_t *font, pt_subset_glyphs_t *glyphs,
    pt_subset_t **ret_subset);
static pt_err_t pt_subset_cut(pt_font_t *font,
    const pt_subset_glyphs_t *glyphs, pt_subset_t *subset);
static pt_err_t pt_subset_describe(pt_font_t *font,
    const pt_subset_glyphs_t *glyphs, pt_subset_t *subset);
static void pt_subset_tounicode(const pt_subset_glyphs_t *glyphs,
    const pt_subset_t *subset, pt_buf_t *buf);
static void pt_subset_utf16(pt_buf_t *buf, pt_str_t text);


/* Latin-1 and what well set Latin text has besides */
static const struct {
    uint32_t  first, last;
} pt_base_ranges[] = {
    { 0x0020, 0x007e },
    { 0x00a0, 0x00ac }, { 0x00ae, 0x00ff },
    { 0x0152, 0x0153 }, { 0x0160, 0x0161 }, { 0x0178, 0x0178 },
    { 0x017d, 0x017e },
    { 0x2010, 0x2014 }, { 0x2018, 0x201a }, { 0x201c, 0x201e },
    { 0x2020, 0x2022 }, { 0x2026, 0x2026 },
    { 0x20ac, 0x20ac }, { 0x2122, 0x2122 },
};

static const char *const  pt_base_ligatures[] = {
    "ff", "fi", "fl", "ffi", "ffl",
};


pt_err_t
pt_subset_new_base(pt_font_t *font, pt_subset_t **ret_subset)
{
    return pt_subset_new(font, NULL, 0, ret_subset);
}


pt_err_t
pt_subset_new(pt_font_t *font, const pt_subset_extra_t *extra, size_t n,
    pt_subset_t **ret_subset)
{
    size_t              i;
    pt_err_t            err;
    pt_subset_glyphs_t  glyphs = { 0 };

    pt_room_init(&glyphs.room, PT_SUBSET_TEXT_MAX);

    err = pt_subset_base_glyphs(font, &glyphs);

    for (i = 0; err == PT_OK && i < n; i++) {
        err = pt_subset_add(&glyphs, extra[i].gid, extra[i].text);
    }

    if (err == PT_OK) {
        err = pt_subset_make(font, &glyphs, ret_subset);
    }

    pt_room_done(&glyphs.room);

    return err;
}


void
pt_subset_free(pt_subset_t *subset)
{
    if (subset == NULL) {
        return;
    }

    free(subset->map);
    free(subset->file);
    free(subset->tounicode);
    free(subset->widths);
    free(subset);
}


static pt_err_t
pt_subset_base_glyphs(pt_font_t *font, pt_subset_glyphs_t *glyphs)
{
    char      text[4];
    size_t    i;
    uint32_t  c;
    pt_err_t  err;
    size_t    len;

    for (i = 0; i < sizeof(pt_base_ranges) / sizeof(pt_base_ranges[0]); i++) {
        for (c = pt_base_ranges[i].first; c <= pt_base_ranges[i].last; c++) {

            if (!pt_font_covers(font, c)) {
                continue;
            }

            if (c < 0x80) {
                text[0] = (char) c;
                len = 1;

            } else if (c < 0x800) {
                text[0] = (char) (0xc0 | c >> 6);
                text[1] = (char) (0x80 | (c & 0x3f));
                len = 2;

            } else {
                text[0] = (char) (0xe0 | c >> 12);
                text[1] = (char) (0x80 | (c >> 6 & 0x3f));
                text[2] = (char) (0x80 | (c & 0x3f));
                len = 3;
            }

            err = pt_subset_add_text(font, (pt_str_t) { text, len }, glyphs);
            if (err != PT_OK) {
                return err;
            }
        }
    }

    for (i = 0; i < sizeof(pt_base_ligatures) / sizeof(char *); i++) {
        err = pt_subset_add_text(font, pt_str(pt_base_ligatures[i]), glyphs);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


/* a text that is one glyph; others consist of glyphs that come anyway */
static pt_err_t
pt_subset_add_text(pt_font_t *font, pt_str_t text, pt_subset_glyphs_t *glyphs)
{
    const pt_word_t  *word;

    word = pt_font_shape(font, text, &glyphs->room);
    if (word == NULL) {
        return PT_E_NOMEM;
    }

    if (word->n != 1 || word->glyphs[0].gid == 0) {
        return PT_OK;
    }

    return pt_subset_add(glyphs, word->glyphs[0].gid, text);
}


/* the first text of a glyph stays: U+0020 before U+00A0 */
static pt_err_t
pt_subset_add(pt_subset_glyphs_t *glyphs, uint16_t gid, pt_str_t text)
{
    void    *items;
    size_t   i;

    for (i = 0; i < glyphs->n; i++) {
        if (glyphs->items[i].gid == gid) {
            return PT_OK;
        }
    }

    items = pt_room_grow(&glyphs->room, glyphs->items, glyphs->n,
                          &glyphs->cap, sizeof(pt_subset_extra_t));
    if (items == NULL) {
        return PT_E_NOMEM;
    }

    glyphs->items = items;
    glyphs->items[glyphs->n].gid = gid;
    glyphs->items[glyphs->n].text = pt_room_copy(&glyphs->room, text);

    if (glyphs->items[glyphs->n].text.data == NULL) {
        return PT_E_NOMEM;
    }

    glyphs->n++;

    return PT_OK;
}


static int
pt_subset_compare(const void *a, const void *b)
{
    const pt_subset_extra_t  *x = a, *y = b;

    return (int) x->gid - (int) y->gid;
}


static pt_err_t
pt_subset_make(pt_font_t *font, pt_subset_glyphs_t *glyphs,
    pt_subset_t **ret_subset)
{
    int           k;
    pt_err_t      err;
    uint8_t       digest[crypto_hash_sha256_BYTES];
    size_t        i;
    pt_subset_t  *subset;
    crypto_hash_sha256_state  hash;

    if (glyphs->n == 0) {
        return PT_E_NOT_FOUND;        /* a font without any Latin letter */
    }

    qsort(glyphs->items, glyphs->n, sizeof(pt_subset_extra_t),
          pt_subset_compare);

    subset = calloc(1, sizeof(pt_subset_t));
    if (subset == NULL) {
        return PT_E_NOMEM;
    }

    subset->map = calloc(font->n_glyphs, sizeof(uint16_t));
    if (subset->map == NULL) {
        err = PT_E_NOMEM;
        goto failed;
    }

    (void) crypto_hash_sha256_init(&hash);
    for (i = 0; i < glyphs->n; i++) {
        (void) crypto_hash_sha256_update(&hash,
            (const uint8_t *) &glyphs->items[i].gid, sizeof(uint16_t));
    }
    (void) crypto_hash_sha256_final(&hash, digest);

    for (k = 0; k < 6; k++) {
        subset->tag[k] = (char) ('A' + digest[k] % 26);
    }

    err = pt_subset_cut(font, glyphs, subset);
    if (err != PT_OK) {
        goto failed;
    }

    err = pt_subset_describe(font, glyphs, subset);
    if (err != PT_OK) {
        goto failed;
    }

    *ret_subset = subset;

    return PT_OK;

failed:

    pt_subset_free(subset);

    return err;
}


static pt_err_t
pt_subset_cut(pt_font_t *font, const pt_subset_glyphs_t *glyphs,
    pt_subset_t *subset)
{
    size_t              i;
    unsigned            len;
    pt_err_t            err = PT_E_NOMEM;
    const hb_map_t     *map;
    hb_set_t           *set;
    hb_blob_t          *blob;
    hb_face_t          *face;
    const char         *data;
    hb_subset_plan_t   *plan;
    hb_subset_input_t  *input;

    /* of all tables a PDF needs glyf, loca, head, hhea, hmtx and maxp only */
    static const hb_tag_t  drop[] = {
        HB_TAG('G', 'S', 'U', 'B'), HB_TAG('G', 'P', 'O', 'S'),
        HB_TAG('G', 'D', 'E', 'F'), HB_TAG('B', 'A', 'S', 'E'),
        HB_TAG('k', 'e', 'r', 'n'), HB_TAG('n', 'a', 'm', 'e'),
        HB_TAG('O', 'S', '/', '2'), HB_TAG('p', 'o', 's', 't'),
        HB_TAG('c', 'm', 'a', 'p'), HB_TAG('g', 'a', 's', 'p'),
        HB_TAG('V', 'D', 'M', 'X'), HB_TAG('L', 'T', 'S', 'H'),
        HB_TAG('h', 'd', 'm', 'x'), HB_TAG('D', 'S', 'I', 'G'),
    };

    input = hb_subset_input_create_or_fail();
    if (input == NULL) {
        return PT_E_NOMEM;
    }

    /* hints matter to screens of the last century and double the size */
    hb_subset_input_set_flags(input, HB_SUBSET_FLAGS_NO_HINTING
                                     | HB_SUBSET_FLAGS_NOTDEF_OUTLINE);

    set = hb_subset_input_glyph_set(input);
    for (i = 0; i < glyphs->n; i++) {
        hb_set_add(set, glyphs->items[i].gid);
    }

    set = hb_subset_input_set(input, HB_SUBSET_SETS_DROP_TABLE_TAG);
    for (i = 0; i < sizeof(drop) / sizeof(drop[0]); i++) {
        hb_set_add(set, drop[i]);
    }

    plan = hb_subset_plan_create_or_fail(font->face, input);
    face = plan != NULL ? hb_subset_plan_execute_or_fail(plan) : NULL;

    if (face != NULL) {
        map = hb_subset_plan_old_to_new_glyph_mapping(plan);

        for (i = 0; i < glyphs->n; i++) {
            subset->map[glyphs->items[i].gid] =
                (uint16_t) hb_map_get(map, glyphs->items[i].gid);
        }

        blob = hb_face_reference_blob(face);
        data = hb_blob_get_data(blob, &len);
        subset->file_raw = len;

        err = pt_deflate(data, len, Z_BEST_COMPRESSION, &subset->file,
                         &subset->file_len);
        hb_blob_destroy(blob);
    }

    hb_face_destroy(face);
    hb_subset_plan_destroy(plan);
    hb_subset_input_destroy(input);

    return err;
}


static pt_err_t
pt_subset_describe(pt_font_t *font, const pt_subset_glyphs_t *glyphs,
    pt_subset_t *subset)
{
    size_t     i, n;
    int32_t   *widths;
    pt_buf_t   buf;
    pt_err_t   err;

    pt_buf_init(&buf, &pt_mem_heap, PT_SUBSET_TEXT_MAX);

    /* composite glyphs bring their parts, which get numbers too */
    n = 0;
    for (i = 0; i < glyphs->n; i++) {
        if (subset->map[glyphs->items[i].gid] > n) {
            n = subset->map[glyphs->items[i].gid];
        }
    }

    widths = calloc(n + 1, sizeof(int32_t));
    if (widths == NULL) {
        return PT_E_NOMEM;
    }

    widths[0] = pt_font_glyph_width(font, 0);
    for (i = 0; i < glyphs->n; i++) {
        widths[subset->map[glyphs->items[i].gid]] =
            pt_font_glyph_width(font, glyphs->items[i].gid);
    }

    pt_buf_add_text(&buf, "[0 [");
    for (i = 0; i <= n; i++) {
        pt_buf_printf(&buf, i == 0 ? "%d" : " %d", (int) widths[i]);
    }
    pt_buf_add(&buf, "]]", sizeof("]]"));

    free(widths);

    if (buf.err != PT_OK) {
        err = buf.err;
        goto done;
    }

    subset->widths = strdup(buf.data);
    if (subset->widths == NULL) {
        err = PT_E_NOMEM;
        goto done;
    }

    pt_buf_reset(&buf);
    pt_subset_tounicode(glyphs, subset, &buf);

    err = buf.err != PT_OK ? buf.err
          : pt_deflate(buf.data, buf.len, Z_BEST_COMPRESSION,
                       &subset->tounicode, &subset->tounicode_len);

done:

    pt_buf_done(&buf);

    return err;
}


/*
 * Adobe Technical Note 5411.  libharu writes its own with one bfrange for
 * each run and codes of the wrong width, which poppler complains about.
 */
static void
pt_subset_tounicode(const pt_subset_glyphs_t *glyphs,
    const pt_subset_t *subset, pt_buf_t *buf)
{
    size_t  i, n, left;

    pt_buf_add_text(buf,
        "/CIDInit /ProcSet findresource begin\n"
        "12 dict begin\n"
        "begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >>"
        " def\n"
        "/CMapName /Adobe-Identity-UCS def\n"
        "/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n");

    left = 0;
    for (i = 0; i < glyphs->n; i++) {
        left += glyphs->items[i].text.len != 0;
    }

    /* at most 100 entries in one block */
    for (i = 0, n = 0; i < glyphs->n; i++) {
        if (glyphs->items[i].text.len == 0) {
            continue;
        }

        if (n == 0) {
            n = left < 100 ? left : 100;
            left -= n;
            pt_buf_printf(buf, "%zu beginbfchar\n", n);
        }

        pt_buf_printf(buf, "<%04X> <", subset->map[glyphs->items[i].gid]);
        pt_subset_utf16(buf, glyphs->items[i].text);
        pt_buf_add_text(buf, ">\n");

        if (--n == 0) {
            pt_buf_add_text(buf, "endbfchar\n");
        }
    }

    pt_buf_add_text(buf,
        "endcmap\n"
        "CMapName currentdict /CMap defineresource pop\n"
        "end\nend\n");
}


static void
pt_subset_utf16(pt_buf_t *buf, pt_str_t text)
{
    size_t    i;
    uint32_t  c;
    unsigned  len;

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        if (c < 0x10000) {
            pt_buf_printf(buf, "%04X", c);
            continue;
        }

        c -= 0x10000;
        pt_buf_printf(buf, "%04X%04X", 0xd800 | c >> 10, 0xdc00 | (c & 0x3ff));
    }
}


pt_err_t
pt_deflate(const void *data, size_t len, int level, uint8_t **ret_data,
    size_t *ret_len)
{
    uLongf    size;
    uint8_t  *out;

    size = compressBound(len);

    out = malloc(size);
    if (out == NULL) {
        return PT_E_NOMEM;
    }

    if (compress2(out, &size, data, len, level) != Z_OK) {
        free(out);
        return PT_E_NOMEM;
    }

    *ret_data = out;
    *ret_len = size;

    return PT_OK;
}
