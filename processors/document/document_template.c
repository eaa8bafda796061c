/* Reading a template: its front matter, fonts and placeholders. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <uninorm.h>

#include "document_template.h"


/* a book of clauses; a template is read whole */
#define DOCUMENT_FILE_MAX  (2 * 1024 * 1024)


/* reading one */
typedef struct {
    document_template_t  *template;
    pt_fonts_t           *fonts;
    const char           *dir;
    char                 *error;
    size_t                size;
} document_loader_t;


static pt_err_t document_load_front(document_loader_t *l, pt_str_t *ret_body);
static pt_err_t document_load_key(document_loader_t *l, pt_str_t key,
    pt_str_t value);
static pt_err_t document_load_schema(document_loader_t *l, pt_str_t value,
    pt_str_t *rest);
static pt_err_t document_load_margins(document_loader_t *l, pt_str_t value);
static pt_err_t document_load_fonts(document_loader_t *l, pt_str_t value,
    pt_typeface_t *typeface);
static pt_err_t document_load_length(document_loader_t *l, pt_str_t value,
    int32_t *ret_length);
static pt_err_t document_load_running(document_loader_t *l, pt_str_t value,
    pt_mustache_t **parts);
static pt_str_t document_running_part(pt_str_t *rest);
static pt_err_t document_load_mustache(document_loader_t *l, pt_str_t text,
    pt_mustache_t **ret_template);
static pt_err_t document_load_parties(document_loader_t *l, pt_str_t value);
static pt_err_t document_load_check(document_loader_t *l);
static pt_err_t document_load_fail(document_loader_t *l, pt_err_t err,
    const char *what, pt_str_t value);
static pt_str_t document_part(pt_str_t *rest, char separator);
static pt_str_t document_strip(pt_str_t s);


pt_err_t
document_template_load(const char *dir, const char *name, pt_fonts_t *fonts,
    document_template_t **ret_template, char *ret_error, size_t size)
{
    char                  path[4096];
    pt_err_t              err;
    pt_str_t              body;
    const char           *base;
    pt_hyphen_t          *hyphen = NULL;
    document_loader_t     l = { .fonts = fonts, .error = ret_error,
                                .size = size };
    document_template_t  *t;

    t = calloc(1, sizeof(document_template_t));
    if (t == NULL) {
        return PT_E_NOMEM;
    }

    l.template = t;
    l.dir = dir;
    base = strrchr(name, '/');
    t->name = pt_str(strdup(base != NULL ? base + 1 : name));
    t->page = (pt_page_t) {
        .width = 210 * PT_MM, .height = 297 * PT_MM, .top = 25 * PT_MM,
        .right = 25 * PT_MM, .bottom = 25 * PT_MM, .left = 25 * PT_MM
    };
    t->size = 10500;
    t->leading = 14500;
    t->align = PT_ALIGN_JUSTIFY;

    (void) snprintf(path, sizeof(path), "%s/%s.md", dir, name);

    if (t->name.data == NULL) {
        err = PT_E_NOMEM;
        goto failed;
    }

    if ((err = document_file_read(path, &t->text, ret_error, size)) != PT_OK
        || (err = document_load_front(&l, &body)) != PT_OK
        || (err = document_load_check(&l)) != PT_OK
        || (err = document_load_mustache(&l, body, &t->content)) != PT_OK)
    {
        goto failed;
    }

    /* without patterns for its language a text is set without hyphens */
    err = pt_hyphen_new(t->language, &hyphen);
    if (err == PT_E_NOMEM) {
        goto failed;
    }

    t->hyphen = hyphen;
    *ret_template = t;

    return PT_OK;

failed:

    document_template_free(t);

    return err;
}


void
document_template_free(document_template_t *template)
{
    size_t  i;

    if (template == NULL) {
        return;
    }

    for (i = 0; i < 3; i++) {
        pt_mustache_free(template->header[i]);
        pt_mustache_free(template->footer[i]);
    }

    pt_mustache_free(template->title);
    pt_mustache_free(template->content);
    pt_schema_free(template->schema);
    pt_hyphen_free((pt_hyphen_t *) template->hyphen);
    free((char *) template->name.data);
    free(template->text);
    free(template);
}


pt_err_t
document_file_read(const char *path, char **ret_text, char *ret_error,
    size_t size)
{
    FILE              *file;
    char              *text;
    size_t             n, len;
    uint8_t           *normal;
    document_loader_t  l = { .error = ret_error, .size = size };

    file = fopen(path, "re");
    if (file == NULL) {
        if (size > 0) {
            (void) snprintf(ret_error, size, "could not open \"%s\": %s",
                            path, strerror(errno));
        }

        return errno == ENOENT ? PT_E_NOT_FOUND : PT_E_IO;
    }

    text = malloc(DOCUMENT_FILE_MAX);
    if (text == NULL) {
        (void) fclose(file);
        return PT_E_NOMEM;
    }

    n = fread(text, 1, DOCUMENT_FILE_MAX, file);

    if (ferror(file) || n == DOCUMENT_FILE_MAX
        || !pt_str_is_utf8((pt_str_t) { text, n })
        || memchr(text, '\0', n) != NULL)
    {
        (void) fclose(file);
        free(text);
        return document_load_fail(&l, PT_E_INVALID,
                                  "not UTF-8, unreadable or too large",
                                  pt_str(path));
    }

    (void) fclose(file);

    normal = u8_normalize(UNINORM_NFC, (uint8_t *) text, n, NULL, &len);
    free(text);

    if (normal == NULL) {
        return PT_E_NOMEM;
    }

    text = realloc(normal, len + 1);
    if (text == NULL) {
        free(normal);
        return PT_E_NOMEM;
    }

    text[len] = '\0';
    *ret_text = text;

    return PT_OK;
}


static pt_err_t
document_load_front(document_loader_t *l, pt_str_t *ret_body)
{
    pt_err_t  err;
    pt_str_t  rest, line, key;

    rest = pt_str(l->template->text);
    line = document_strip(document_part(&rest, '\n'));

    if (!pt_str_is(line, "---")) {
        return document_load_fail(l, PT_E_INVALID,
                                  "front matter does not begin with ---",
                                  line);
    }

    while (rest.len > 0) {
        line = document_strip(document_part(&rest, '\n'));

        if (pt_str_is(line, "---")) {
            *ret_body = rest;
            return PT_OK;
        }

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }

        if (memchr(line.data, ':', line.len) == NULL) {
            return document_load_fail(l, PT_E_INVALID, "not \"key: value\"",
                                      line);
        }

        key = document_strip(document_part(&line, ':'));

        line = document_strip(line);

        err = pt_str_is(key, "schema")
              ? document_load_schema(l, line, &rest)
              : document_load_key(l, key, line);
        if (err != PT_OK) {
            return err;
        }
    }

    return document_load_fail(l, PT_E_INVALID,
                              "front matter does not end with ---",
                              PT_STR(""));
}


static pt_err_t
document_load_key(document_loader_t *l, pt_str_t key, pt_str_t value)
{
    document_template_t  *t = l->template;

    if (pt_str_is(key, "title")) {
        return document_load_mustache(l, value, &t->title);
    }

    if (pt_str_is(key, "version")) {
        t->version = value;
        return PT_OK;
    }

    if (pt_str_is(key, "language")) {
        t->language = value;
        return PT_OK;
    }

    if (pt_str_is(key, "jurisdiction")) {
        t->jurisdiction = value;
        return PT_OK;
    }

    if (pt_str_is(key, "subject")) {
        t->subject = value;
        return PT_OK;
    }

    if (pt_str_is(key, "page")) {
        if (pt_str_is(value, "Letter")) {
            t->page.width = 612 * PT_POINT;
            t->page.height = 792 * PT_POINT;
            return PT_OK;
        }

        return pt_str_is(value, "A4") ? PT_OK
               : document_load_fail(l, PT_E_INVALID,
                                    "page is A4 or Letter, not", value);
    }

    if (pt_str_is(key, "margins")) {
        return document_load_margins(l, value);
    }

    if (pt_str_is(key, "fonts")) {
        return document_load_fonts(l, value, &t->body);
    }

    if (pt_str_is(key, "heading-fonts")) {
        return document_load_fonts(l, value, &t->heading);
    }

    if (pt_str_is(key, "size")) {
        return document_load_length(l, value, &t->size);
    }

    if (pt_str_is(key, "leading")) {
        return document_load_length(l, value, &t->leading);
    }

    if (pt_str_is(key, "align")) {
        t->align = pt_str_is(value, "left") ? PT_ALIGN_LEFT
                                            : PT_ALIGN_JUSTIFY;
        return pt_str_is(value, "left") || pt_str_is(value, "justify") ? PT_OK
               : document_load_fail(l, PT_E_INVALID,
                                    "align is left or justify, not", value);
    }

    if (pt_str_is(key, "header")) {
        return document_load_running(l, value, t->header);
    }

    if (pt_str_is(key, "footer")) {
        return document_load_running(l, value, t->footer);
    }

    if (pt_str_is(key, "signatures")) {
        return document_load_parties(l, value);
    }

    return document_load_fail(l, PT_E_INVALID, "unknown key", key);
}


/*
 * "generate-nda": an action's own; or "{", and JSON up to the line that is
 * "}" alone
 */
static pt_err_t
document_load_schema(document_loader_t *l, pt_str_t value, pt_str_t *rest)
{
    char      path[4096], *file = NULL;
    pt_err_t  err;
    pt_str_t  line, text = value;

    if (l->template->schema != NULL) {
        return document_load_fail(l, PT_E_INVALID, "a second schema",
                                  PT_STR(""));
    }

    if (pt_str_is(value, "{")) {

        do {
            line = document_part(rest, '\n');
            text.len = (size_t) (line.data + line.len - text.data);
        } while (rest->len > 0 && !pt_str_is(document_strip(line), "}")
                 && !pt_str_is(document_strip(line), "---"));

    } else {
        (void) snprintf(path, sizeof(path),
                        "%s/../schemas/document-generation/%.*s.json", l->dir,
                        PT_STR_ARG(value));

        err = document_file_read(path, &file, l->error, l->size);
        if (err != PT_OK) {
            return err;
        }

        text = pt_str(file);
    }

    err = pt_schema_compile(text, &pt_mem_heap, &l->template->schema,
                            l->error, l->size);
    free(file);

    return err;
}


/* "25mm 25mm 30mm 25mm": top, right, bottom, left */
static pt_err_t
document_load_margins(document_loader_t *l, pt_str_t value)
{
    size_t      i;
    pt_err_t    err;
    pt_page_t  *page = &l->template->page;

    int32_t *const  margins[] = {
        &page->top, &page->right, &page->bottom, &page->left
    };

    for (i = 0; i < 4; i++) {
        value = document_strip(value);

        err = document_load_length(l, document_part(&value, ' '), margins[i]);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


/* "Gentium Book Plus, DejaVu Serif": the second where the first has no glyph */
static pt_err_t
document_load_fonts(document_loader_t *l, pt_str_t value,
    pt_typeface_t *typeface)
{
    pt_err_t  err;
    pt_str_t  name;

    typeface->n = 0;

    while (value.len > 0) {
        name = document_strip(document_part(&value, ','));

        if (typeface->n == PT_TYPEFACE_MAX) {
            return document_load_fail(l, PT_E_INVALID, "too many fonts", name);
        }

        err = pt_fonts_family(l->fonts, name,
                              &typeface->families[typeface->n]);
        if (err != PT_OK) {
            return document_load_fail(l, err, pt_fonts_error(l->fonts),
                                      PT_STR(""));
        }

        typeface->n++;
    }

    return PT_OK;
}


/* points, or millimetres with "mm"; 1 pt to 1,000 pt */
static pt_err_t
document_load_length(document_loader_t *l, pt_str_t value,
    int32_t *ret_length)
{
    char     text[16], *end;
    double   v;

    if (value.len == 0 || value.len >= sizeof(text)) {
        return document_load_fail(l, PT_E_INVALID, "not a length", value);
    }

    memcpy(text, value.data, value.len);
    text[value.len] = '\0';

    v = strtod(text, &end) * PT_POINT;

    if (strcmp(end, "mm") == 0) {
        v = v / PT_POINT * PT_MM;

    } else if (*end != '\0' && strcmp(end, "pt") != 0) {
        return document_load_fail(l, PT_E_INVALID, "not a length", value);
    }

    if (!(v >= PT_POINT && v <= 1000 * PT_POINT)) {
        return document_load_fail(l, PT_E_INVALID, "length out of range",
                                  value);
    }

    *ret_length = (int32_t) (v + 0.5);

    return PT_OK;
}


/* "left | centre | right", with {page} and {pages} */
static pt_err_t
document_load_running(document_loader_t *l, pt_str_t value,
    pt_mustache_t **parts)
{
    size_t     i, k;
    pt_buf_t   buf;
    pt_err_t   err = PT_OK;
    pt_str_t   part;

    pt_buf_init(&buf, &pt_mem_heap, DOCUMENT_FILE_MAX);

    for (i = 0; i < 3 && err == PT_OK; i++) {
        part = document_strip(document_running_part(&value));
        pt_buf_reset(&buf);

        for (k = 0; k < part.len; k++) {
            if (part.len - k >= 7 && memcmp(part.data + k, "{pages}", 7) == 0) {
                pt_buf_add_char(&buf, PT_RUNNING_PAGES);
                k += 6;

            } else if (part.len - k >= 6
                       && memcmp(part.data + k, "{page}", 6) == 0)
            {
                pt_buf_add_char(&buf, PT_RUNNING_PAGE);
                k += 5;

            } else {
                pt_buf_add_char(&buf, part.data[k]);
            }
        }

        err = buf.err;

        if (err == PT_OK && buf.len > 0) {
            err = document_load_mustache(l, pt_buf_str(&buf), &parts[i]);
        }
    }

    pt_buf_done(&buf);

    return err;
}


/* up to a bar that is no placeholder's: {{date|date}} has one of its own */
static pt_str_t
document_running_part(pt_str_t *rest)
{
    size_t    i, braces = 0;
    pt_str_t  part = *rest;

    for (i = 0; i < rest->len; i++) {
        braces += rest->data[i] == '{';
        braces -= rest->data[i] == '}' && braces > 0;

        if (rest->data[i] == '|' && braces == 0) {
            part.len = i;
            i++;
            break;
        }
    }

    rest->data += i;
    rest->len -= i;

    return part;
}


static pt_err_t
document_load_mustache(document_loader_t *l, pt_str_t text,
    pt_mustache_t **ret_template)
{
    pt_err_t              err;
    pt_mustache_t  *template;

    err = pt_mustache_new(text, &template, l->error, l->size);
    if (err != PT_OK) {
        return err;
    }

    if (pt_mustache_has_raw(template)) {
        pt_mustache_free(template);
        return document_load_fail(l, PT_E_INVALID,
            "values must be escaped: {{name}}, neither {{{name}}} nor"
            " {{&name}}", PT_STR(""));
    }

    pt_mustache_free(*ret_template);
    *ret_template = template;

    return PT_OK;
}


static pt_err_t
document_load_parties(document_loader_t *l, pt_str_t value)
{
    pt_str_t              name;
    document_template_t  *t = l->template;

    t->n_parties = 0;

    while (value.len > 0) {
        name = document_strip(document_part(&value, ','));

        if (t->n_parties == DOCUMENT_PARTIES_MAX) {
            return document_load_fail(l, PT_E_INVALID, "too many parties",
                                      name);
        }

        t->parties[t->n_parties++] = name;
    }

    return PT_OK;
}


static pt_err_t
document_load_check(document_loader_t *l)
{
    document_template_t  *t = l->template;
    const pt_page_t      *page = &t->page;

    if (t->title == NULL || t->version.len == 0 || t->language.len == 0
        || t->body.n == 0)
    {
        return document_load_fail(l, PT_E_INVALID,
            "title, version, language and fonts are needed", PT_STR(""));
    }

    if (t->heading.n == 0) {
        t->heading = t->body;
    }

    /* room for a few words and lines, whatever the indentation */
    if (page->width - page->left - page->right < 200 * PT_POINT
        || page->height - page->top - page->bottom < 100 * PT_POINT
        || t->leading < t->size || t->size > 36 * PT_POINT)
    {
        return document_load_fail(l, PT_E_INVALID,
            "margins, size and leading leave no room for text", PT_STR(""));
    }

    return PT_OK;
}


static pt_err_t
document_load_fail(document_loader_t *l, pt_err_t err, const char *what,
    pt_str_t value)
{
    if (l->size > 0) {
        (void) snprintf(l->error, l->size,
                        value.len > 0 ? "%s \"%.*s\"" : "%s", what,
                        value.len < 80 ? (int) value.len : 80,
                        value.data != NULL ? value.data : "");
    }

    return err;
}


/* what stands before the separator; rest goes on behind it */
static pt_str_t
document_part(pt_str_t *rest, char separator)
{
    pt_str_t     part = *rest;
    const char  *p;

    p = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;

    if (p == NULL) {
        rest->data += rest->len;
        rest->len = 0;
        return part;
    }

    part.len = (size_t) (p - rest->data);
    rest->data = p + 1;
    rest->len -= part.len + 1;

    return part;
}


static pt_str_t
document_strip(pt_str_t s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'
                         || s.data[0] == '\r'))
    {
        s.data++;
        s.len--;
    }

    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'
                         || s.data[s.len - 1] == '\r'))
    {
        s.len--;
    }

    return s;
}
