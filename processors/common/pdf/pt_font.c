/* Faces: finding, reading, measuring, shaping with a cache, coverage. */

#include <stdio.h>
#include <stdlib.h>

#include <fontconfig/fontconfig.h>
#include <hb-ot.h>
#include <openssl/sha.h>
#include <unictype.h>

#include "pt_font.h"
#include "pt_subset.h"


/* a contract has some 600 different words; what comes after is shaped anew */
#define PT_FONT_CACHE_WORDS    16384
#define PT_FONT_CACHE_BUCKETS  8192      /* a power of two */
#define PT_FONT_CACHE_LEN      64        /* bytes; longer words are rare */
#define PT_FONT_CACHE_BYTES    (16 * 1024 * 1024)

#define PT_FONTS_FAMILIES      16
#define PT_FONTS_ERROR         256

/* 2^16 - 1 glyphs is what two bytes a glyph can name */
#define PT_FONT_GLYPHS_MAX     65535
#define PT_FONT_PLANE          0x10000


struct pt_fonts_s {
    FcConfig     *config;
    hb_buffer_t  *buffer;                 /* reused by every shape */
    hb_language_t language;
    pt_family_t   families[PT_FONTS_FAMILIES];
    unsigned      n;
    unsigned      n_faces;
    char          error[PT_FONTS_ERROR];
};


static pt_err_t pt_fonts_load(pt_fonts_t *fonts, pt_family_t *family);
static pt_err_t pt_fonts_find(pt_fonts_t *fonts, const char *family,
    unsigned style, char **ret_path);
static pt_err_t pt_font_open(pt_fonts_t *fonts, char *path, unsigned style,
    pt_font_t **ret_font);
static pt_err_t pt_font_open_hb(pt_font_t *font);
static void pt_font_measure(pt_font_t *font);
static pt_err_t pt_font_tables(pt_font_t *font);
static void pt_font_free(pt_font_t *font);
static bool pt_font_has(const pt_font_t *font, uint32_t c);
static pt_word_t *pt_font_shape_new(pt_font_t *font, pt_str_t text,
    pt_room_t *room);
static int32_t pt_font_scale(const pt_font_t *font, int32_t units);
static uint32_t pt_font_hash(pt_str_t text);
static bool pt_script_is_simple(hb_script_t script);


pt_err_t
pt_fonts_new(pt_fonts_t **ret_fonts)
{
    pt_fonts_t  *fonts;

    fonts = calloc(1, sizeof(pt_fonts_t));
    if (fonts == NULL) {
        return PT_E_NOMEM;
    }

    /* never the locale's: the same text must give the same glyphs anywhere */
    fonts->language = hb_language_from_string("en", -1);
    fonts->buffer = hb_buffer_create();
    fonts->config = FcInitLoadConfigAndFonts();

    if (fonts->config == NULL
        || !hb_buffer_allocation_successful(fonts->buffer))
    {
        pt_fonts_free(fonts);
        return PT_E_NOMEM;
    }

    *ret_fonts = fonts;

    return PT_OK;
}


void
pt_fonts_free(pt_fonts_t *fonts)
{
    unsigned  i, style;

    if (fonts == NULL) {
        return;
    }

    for (i = 0; i < fonts->n; i++) {
        for (style = 0; style < PT_STYLE_FACES; style++) {
            pt_font_free(fonts->families[i].faces[style]);
        }

        free((char *) fonts->families[i].name);
    }

    if (fonts->config != NULL) {
        FcConfigDestroy(fonts->config);
    }

    hb_buffer_destroy(fonts->buffer);
    free(fonts);
}


const char *
pt_fonts_error(const pt_fonts_t *fonts)
{
    return fonts->error;
}


unsigned
pt_fonts_count(const pt_fonts_t *fonts)
{
    return fonts->n_faces;
}


pt_err_t
pt_fonts_family(pt_fonts_t *fonts, pt_str_t name,
    const pt_family_t **ret_family)
{
    unsigned      i;
    pt_err_t      err;
    pt_family_t  *family;

    for (i = 0; i < fonts->n; i++) {
        if (pt_str_is(name, fonts->families[i].name)) {
            *ret_family = &fonts->families[i];
            return PT_OK;
        }
    }

    if (fonts->n == PT_FONTS_FAMILIES) {
        (void) snprintf(fonts->error, sizeof(fonts->error),
                        "more than %d font families", PT_FONTS_FAMILIES);
        return PT_E_TOO_LARGE;
    }

    family = &fonts->families[fonts->n];
    *family = (pt_family_t) { 0 };

    family->name = strndup(name.data != NULL ? name.data : "", name.len);
    if (family->name == NULL) {
        return PT_E_NOMEM;
    }

    err = pt_fonts_load(fonts, family);
    if (err != PT_OK) {
        for (i = 0; i < PT_STYLE_FACES; i++) {
            pt_font_free(family->faces[i]);
        }

        free((char *) family->name);
        return err;
    }

    for (i = 0; i < PT_STYLE_FACES; i++) {
        family->faces[i]->index = fonts->n_faces++;
    }

    fonts->n++;
    *ret_family = family;

    return PT_OK;
}


void
pt_fonts_version(const pt_fonts_t *fonts, pt_buf_t *buf)
{
    size_t            k;
    unsigned          i, style;
    const pt_font_t  *font;

    for (i = 0; i < fonts->n; i++) {
        for (style = 0; style < PT_STYLE_FACES; style++) {
            font = fonts->families[i].faces[style];
            pt_buf_printf(buf, "font %s ", font->name);

            for (k = 0; k < sizeof(font->sha256); k++) {
                pt_buf_printf(buf, "%02x", font->sha256[k]);
            }

            pt_buf_add_char(buf, '\n');
        }
    }
}


static pt_err_t
pt_fonts_load(pt_fonts_t *fonts, pt_family_t *family)
{
    char      *path;
    unsigned   style;
    pt_err_t   err;

    for (style = 0; style < PT_STYLE_FACES; style++) {
        err = pt_fonts_find(fonts, family->name, style, &path);
        if (err != PT_OK) {
            return err;
        }

        err = pt_font_open(fonts, path, style, &family->faces[style]);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


/* fontconfig always has an answer; only the family that was named will do */
static pt_err_t
pt_fonts_find(pt_fonts_t *fonts, const char *family, unsigned style,
    char **ret_path)
{
    int         weight, slant;
    FcChar8    *file, *name;
    FcResult    result;
    pt_err_t    err = PT_E_NOT_FOUND;
    FcPattern  *pattern, *match;

    weight = style & PT_STYLE_BOLD ? FC_WEIGHT_BOLD : FC_WEIGHT_REGULAR;
    slant = style & PT_STYLE_ITALIC ? FC_SLANT_ITALIC : FC_SLANT_ROMAN;

    pattern = FcPatternBuild(NULL, FC_FAMILY, FcTypeString, family,
                             FC_WEIGHT, FcTypeInteger, weight,
                             FC_SLANT, FcTypeInteger, slant,
                             FC_WIDTH, FcTypeInteger, FC_WIDTH_NORMAL,
                             (char *) NULL);
    if (pattern == NULL) {
        return PT_E_NOMEM;
    }

    (void) FcConfigSubstitute(fonts->config, pattern, FcMatchPattern);
    FcDefaultSubstitute(pattern);

    match = FcFontMatch(fonts->config, pattern, &result);
    FcPatternDestroy(pattern);

    if (match != NULL
        && FcPatternGetString(match, FC_FAMILY, 0, &name) == FcResultMatch
        && strcasecmp((const char *) name, family) == 0
        && FcPatternGetString(match, FC_FILE, 0, &file) == FcResultMatch)
    {
        *ret_path = strdup((const char *) file);
        err = *ret_path != NULL ? PT_OK : PT_E_NOMEM;
    }

    if (match != NULL) {
        FcPatternDestroy(match);
    }

    if (err == PT_E_NOT_FOUND) {
        (void) snprintf(fonts->error, sizeof(fonts->error),
                        "font family \"%.80s\" is not installed", family);
    }

    return err;
}


/* takes path over */
static pt_err_t
pt_font_open(pt_fonts_t *fonts, char *path, unsigned style,
    pt_font_t **ret_font)
{
    pt_err_t    err;
    pt_font_t  *font;

    font = calloc(1, sizeof(pt_font_t));
    if (font == NULL) {
        free(path);
        return PT_E_NOMEM;
    }

    font->fonts = fonts;
    font->path = path;
    font->bold = style & PT_STYLE_BOLD;
    font->italic = style & PT_STYLE_ITALIC;
    pt_room_init(&font->room, PT_FONT_CACHE_BYTES);

    font->words = calloc(PT_FONT_CACHE_BUCKETS, sizeof(pt_word_t *));
    if (font->words == NULL) {
        err = PT_E_NOMEM;
        goto failed;
    }

    err = pt_font_open_hb(font);
    if (err != PT_OK) {
        goto failed;
    }

    pt_font_measure(font);

    err = pt_font_tables(font);
    if (err != PT_OK) {
        goto failed;
    }

    font->space = pt_font_shape(font, PT_STR(" "), &font->room);
    font->hyphen = pt_font_shape(font, PT_STR("-"), &font->room);

    if (font->space == NULL || font->hyphen == NULL) {
        err = PT_E_NOMEM;
        goto failed;
    }

    *ret_font = font;

    return PT_OK;

failed:

    pt_font_free(font);

    return err;
}


static pt_err_t
pt_font_open_hb(pt_font_t *font)
{
    unsigned     len;
    hb_blob_t   *blob, *glyf;
    const char  *data;

    blob = hb_blob_create_from_file_or_fail(font->path);
    if (blob == NULL) {
        (void) snprintf(font->fonts->error, PT_FONTS_ERROR,
                        "could not read font \"%.180s\"", font->path);
        return PT_E_IO;
    }

    data = hb_blob_get_data(blob, &len);

    /* OpenSSL's uses the CPU's instructions: megabytes, each time we start */
    (void) SHA256((const uint8_t *) data, len, font->sha256);

    font->face = hb_face_create(blob, 0);
    hb_blob_destroy(blob);

    glyf = hb_face_reference_table(font->face, HB_TAG('g', 'l', 'y', 'f'));
    len = hb_blob_get_length(glyf);
    hb_blob_destroy(glyf);

    font->upem = hb_face_get_upem(font->face);
    font->n_glyphs = hb_face_get_glyph_count(font->face);

    if (len == 0 || font->n_glyphs == 0 || font->n_glyphs > PT_FONT_GLYPHS_MAX
        || font->upem == 0)
    {
        (void) snprintf(font->fonts->error, PT_FONTS_ERROR,
                        "font \"%.180s\" has no TrueType outlines", font->path);
        return PT_E_NOT_FOUND;
    }

    font->hb = hb_font_create(font->face);
    hb_font_set_scale(font->hb, (int) font->upem, (int) font->upem);
    hb_face_make_immutable(font->face);

    return PT_OK;
}


static void
pt_font_measure(pt_font_t *font)
{
    size_t              i;
    unsigned            len, size = sizeof(font->name);
    hb_blob_t          *head;
    const uint8_t      *p;
    hb_position_t       v;
    hb_font_extents_t   extents;

    if (hb_ot_name_get_utf8(font->face, HB_OT_NAME_ID_POSTSCRIPT_NAME,
                            font->fonts->language, &size, font->name) == 0)
    {
        (void) snprintf(font->name, sizeof(font->name), "Font");
    }

    for (i = 0; font->name[i] != '\0'; i++) {
        if (font->name[i] <= ' ' || font->name[i] > '~'
            || strchr("()<>[]{}/%#", font->name[i]) != NULL)
        {
            font->name[i] = '-';      /* what a PDF name cannot hold as it is */
        }
    }

    (void) hb_font_get_h_extents(font->hb, &extents);
    font->ascent = pt_font_scale(font, extents.ascender);
    font->descent = pt_font_scale(font, extents.descender);

    font->cap_height = 700;
    if (hb_ot_metrics_get_position(font->hb, HB_OT_METRICS_TAG_CAP_HEIGHT, &v)
        && v > 0)
    {
        font->cap_height = pt_font_scale(font, v);
    }

    font->italic_angle = font->italic ? -12 : 0;

    /* xMin, yMin, xMax, yMax of 'head' */
    head = hb_face_reference_table(font->face, HB_TAG('h', 'e', 'a', 'd'));
    p = (const uint8_t *) hb_blob_get_data(head, &len);

    for (i = 0; len >= 44 && i < 4; i++) {
        font->bbox[i] = pt_font_scale(font,
            (int16_t) (p[36 + 2 * i] << 8 | p[37 + 2 * i]));
    }

    hb_blob_destroy(head);

    font->fixed = strstr(font->name, "Mono") != NULL;
    font->serif = strstr(font->name, "Serif") != NULL
                  || strstr(font->name, "Charis") != NULL
                  || strstr(font->name, "Gentium") != NULL;
}


/* what is asked for each letter of each document */
static pt_err_t
pt_font_tables(pt_font_t *font)
{
    unsigned        gid;
    hb_set_t       *set;
    hb_codepoint_t  c = HB_SET_VALUE_INVALID;

    font->widths = calloc(font->n_glyphs, sizeof(int16_t));
    font->covered = calloc(PT_FONT_PLANE / 64, sizeof(uint64_t));
    set = hb_set_create();

    if (font->widths == NULL || font->covered == NULL
        || !hb_set_allocation_successful(set))
    {
        hb_set_destroy(set);
        return PT_E_NOMEM;
    }

    for (gid = 0; gid < font->n_glyphs; gid++) {
        font->widths[gid] = (int16_t) pt_font_scale(font,
            hb_font_get_glyph_h_advance(font->hb, gid));
    }

    hb_face_collect_unicodes(font->face, set);

    while (hb_set_next(set, &c) && c < PT_FONT_PLANE) {
        if (pt_font_has(font, c)) {
            font->covered[c / 64] |= 1ULL << c % 64;
        }
    }

    hb_set_destroy(set);

    return PT_OK;
}


static void
pt_font_free(pt_font_t *font)
{
    if (font == NULL) {
        return;
    }

    pt_subset_free(font->base);
    pt_room_done(&font->room);
    hb_font_destroy(font->hb);
    hb_face_destroy(font->face);
    free(font->covered);
    free(font->widths);
    free(font->words);
    free(font->path);
    free(font);
}


const pt_word_t *
pt_font_shape(pt_font_t *font, pt_str_t text, pt_room_t *room)
{
    uint32_t    hash;
    pt_word_t  *word, **bucket;

    if (text.len > PT_FONT_CACHE_LEN) {
        return pt_font_shape_new(font, text, room);
    }

    hash = pt_font_hash(text);
    bucket = &font->words[hash & (PT_FONT_CACHE_BUCKETS - 1)];

    for (word = *bucket; word != NULL; word = word->next) {
        if (word->hash == hash
            && pt_str_eq(text, (pt_str_t) { word->text, word->len }))
        {
            return word;
        }
    }

    if (font->n_words == PT_FONT_CACHE_WORDS) {
        return pt_font_shape_new(font, text, room);
    }

    word = pt_font_shape_new(font, text, &font->room);
    if (word == NULL) {
        return pt_font_shape_new(font, text, room);
    }

    word->hash = hash;
    word->next = *bucket;
    *bucket = word;
    font->n_words++;

    return word;
}


static pt_word_t *
pt_font_shape_new(pt_font_t *font, pt_str_t text, pt_room_t *room)
{
    unsigned                    i, n;
    int32_t                     nominal;
    pt_str_t                    copy;
    pt_word_t                  *word;
    pt_glyph_t                 *glyphs;
    hb_buffer_t                *buffer = font->fonts->buffer;
    const hb_glyph_info_t      *info;
    const hb_glyph_position_t  *pos;

    hb_buffer_clear_contents(buffer);
    hb_buffer_set_flags(buffer, HB_BUFFER_FLAG_DEFAULT);
    hb_buffer_add_utf8(buffer, text.data, (int) text.len, 0, (int) text.len);
    hb_buffer_guess_segment_properties(buffer);
    hb_buffer_set_direction(buffer, HB_DIRECTION_LTR);
    hb_buffer_set_language(buffer, font->fonts->language);
    hb_shape(font->hb, buffer, NULL, 0);

    if (!hb_buffer_allocation_successful(buffer)) {
        return NULL;
    }

    info = hb_buffer_get_glyph_infos(buffer, &n);
    pos = hb_buffer_get_glyph_positions(buffer, NULL);

    word = pt_room_alloc(room, sizeof(pt_word_t));
    glyphs = pt_room_array(room, n, sizeof(pt_glyph_t));
    copy = pt_room_copy(room, text);

    if (word == NULL || glyphs == NULL || copy.data == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        nominal = pt_font_glyph_width(font, info[i].codepoint);

        glyphs[i].gid = (uint16_t) info[i].codepoint;
        glyphs[i].advance = (int16_t) (nominal + pt_font_scale(font,
            pos[i].x_advance
            - hb_font_get_glyph_h_advance(font->hb, info[i].codepoint)));
        glyphs[i].dx = (int16_t) pt_font_scale(font, pos[i].x_offset);
        glyphs[i].dy = (int16_t) pt_font_scale(font, pos[i].y_offset);
        glyphs[i].start = info[i].cluster;

        word->width += glyphs[i].advance;
    }

    word->text = copy.data;
    word->len = (uint32_t) copy.len;
    word->glyphs = glyphs;
    word->n = n;
    word->room = room;

    return word;
}


int32_t
pt_font_glyph_width(const pt_font_t *font, uint32_t gid)
{
    return gid < font->n_glyphs ? font->widths[gid] : 0;
}


/* font units to thousandths of the em, to the nearest */
static int32_t
pt_font_scale(const pt_font_t *font, int32_t units)
{
    int64_t  v = (int64_t) units * 1000, half = font->upem / 2;

    return (int32_t) ((v >= 0 ? v + half : v - half) / (int64_t) font->upem);
}


bool
pt_font_covers(const pt_font_t *font, uint32_t c)
{
    return c < PT_FONT_PLANE ? font->covered[c / 64] >> c % 64 & 1
           : pt_font_has(font, c);
}


static bool
pt_font_has(const pt_font_t *font, uint32_t c)
{
    hb_codepoint_t  gid;

    return hb_font_get_nominal_glyph(font->hb, c, &gid) && gid != 0;
}


pt_font_t *
pt_typeface_font(const pt_typeface_t *typeface, unsigned style, uint32_t c)
{
    unsigned    i;
    pt_font_t  *font;

    for (i = 0; i < typeface->n; i++) {
        font = typeface->families[i]->faces[style & (PT_STYLE_FACES - 1)];

        if (pt_font_covers(font, c)) {
            return font;
        }
    }

    return typeface->families[0]->faces[style & (PT_STYLE_FACES - 1)];
}


pt_cover_t
pt_typeface_cover(const pt_typeface_t *typeface, unsigned style, uint32_t c)
{
    hb_script_t  script;

    if (c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c < 0x7f)) {
        return PT_COVER_OK;
    }

    if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc
                                            | UC_CATEGORY_MASK_Cs
                                            | UC_CATEGORY_MASK_Cn
                                            | UC_CATEGORY_MASK_Co))
    {
        return PT_COVER_CONTROL;
    }

    /* soft hyphen, zero width space, word joiner: they steer, nothing shows */
    if (c == 0xad || c == 0x200b || c == 0x2060 || c == 0xfeff) {
        return PT_COVER_OK;
    }

    if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cf)) {
        return PT_COVER_CONTROL;
    }

    script = hb_unicode_script(hb_unicode_funcs_get_default(), c);

    if (!pt_script_is_simple(script)) {
        return PT_COVER_SHAPING;
    }

    return pt_font_covers(pt_typeface_font(typeface, style, c), c)
           ? PT_COVER_OK : PT_COVER_MISSING;
}


/* left to right, a glyph after the other: no reordering, no joining */
static bool
pt_script_is_simple(hb_script_t script)
{
    switch (script) {
    case HB_SCRIPT_COMMON:
    case HB_SCRIPT_INHERITED:
    case HB_SCRIPT_LATIN:
    case HB_SCRIPT_GREEK:
    case HB_SCRIPT_CYRILLIC:
    case HB_SCRIPT_ARMENIAN:
    case HB_SCRIPT_GEORGIAN:
    case HB_SCRIPT_CHEROKEE:
    case HB_SCRIPT_COPTIC:
    case HB_SCRIPT_GOTHIC:
    case HB_SCRIPT_RUNIC:
    case HB_SCRIPT_OGHAM:
    case HB_SCRIPT_HAN:
    case HB_SCRIPT_HIRAGANA:
    case HB_SCRIPT_KATAKANA:
    case HB_SCRIPT_BOPOMOFO:
    case HB_SCRIPT_HANGUL:
    case HB_SCRIPT_YI:
    case HB_SCRIPT_TIFINAGH:
    case HB_SCRIPT_ETHIOPIC:
    case HB_SCRIPT_CANADIAN_SYLLABICS:
        return true;

    default:
        return false;
    }
}


/* FNV-1a */
static uint32_t
pt_font_hash(pt_str_t text)
{
    size_t    i;
    uint32_t  h = 2166136261u;

    for (i = 0; i < text.len; i++) {
        h = (h ^ (uint8_t) text.data[i]) * 16777619u;
    }

    return h;
}
