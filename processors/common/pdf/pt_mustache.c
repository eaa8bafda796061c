/*
 * The template becomes a row of tokens; a section knows where it ends.
 *
 * Lines matter twice: a tag alone on its line takes the line with it, and a
 * partial that stands alone indents each of its own lines.  So the tokens
 * mark where lines begin.
 */

#include <stdio.h>
#include <stdlib.h>

#include "pt_mustache.h"


/* more tags than any contract has */
#define MUSTACHE_TOKENS_MAX  100000
#define MUSTACHE_DELIM_MAX   8

/* loops in loops that write nothing must end too */
#define MUSTACHE_STEPS_MAX   (10 * 1000 * 1000)


typedef enum {
    TOKEN_TEXT = 0,
    TOKEN_LINE,              /* a line begins: the indentation goes here */
    TOKEN_VALUE,
    TOKEN_RAW,
    TOKEN_SECTION,
    TOKEN_INVERTED,
    TOKEN_END,
    TOKEN_PARTIAL
} mustache_token_type_t;

typedef struct {
    mustache_token_type_t  type;
    pt_str_t               text;      /* or the name; borrows from source */
    pt_str_t               filter;    /* of a value; else absent */
    size_t                 end;       /* of a section: its TOKEN_END */
} mustache_token_t;

struct pt_mustache_s {
    char                  *source;
    mustache_token_t      *tokens;
    size_t                 n;
    size_t                 cap;
    bool                   raw;
};


/* reading a template */
typedef struct {
    pt_mustache_t   *template;
    const char            *p, *end;
    size_t                 open[PT_MUSTACHE_DEPTH];   /* sections */
    size_t                 n_open;
    char                   left[MUSTACHE_DELIM_MAX + 1];
    char                   right[MUSTACHE_DELIM_MAX + 1];
    unsigned               line;
    char                  *error;
    size_t                 size;
} mustache_reader_t;


/* rendering one */
typedef struct {
    const pt_mustache_env_t  *env;
    pt_buf_t                       *out;
    const pt_json_t                *stack[2 * PT_MUSTACHE_DEPTH + 2];
    size_t                          depth;
    unsigned                        partials;
    unsigned                        steps;
} mustache_render_t;


static pt_err_t mustache_read(mustache_reader_t *r);
static pt_err_t mustache_read_text(mustache_reader_t *r, const char *end);
static pt_err_t mustache_read_tag(mustache_reader_t *r);
static pt_err_t mustache_read_delimiters(mustache_reader_t *r, pt_str_t text);
static pt_err_t mustache_read_name(mustache_reader_t *r, char sigil,
    pt_str_t name, pt_str_t indent);
static bool mustache_standalone(mustache_reader_t *r, const char *tag,
    const char *after, pt_str_t *ret_indent, const char **ret_next);
static pt_err_t mustache_add(mustache_reader_t *r, mustache_token_type_t type,
    pt_str_t text);
static pt_err_t mustache_fail(mustache_reader_t *r, const char *what,
    pt_str_t name);
static pt_str_t mustache_trim(pt_str_t s);
static pt_err_t mustache_render_tokens(mustache_render_t *r,
    const pt_mustache_t *template, size_t begin, size_t end,
    pt_str_t indent);
static pt_err_t mustache_render_value(mustache_render_t *r,
    const mustache_token_t *token);
static pt_err_t mustache_render_section(mustache_render_t *r,
    const pt_mustache_t *template, size_t at, pt_str_t indent);
static pt_err_t mustache_render_partial(mustache_render_t *r,
    const mustache_token_t *token, pt_str_t indent);
static const pt_json_t *mustache_lookup(const mustache_render_t *r,
    pt_str_t name);
static bool mustache_is_false(const pt_json_t *value);


pt_err_t
pt_mustache_new(pt_str_t text, pt_mustache_t **ret_template,
    char *ret_error, size_t size)
{
    pt_err_t              err;
    mustache_reader_t     r = { .error = ret_error, .size = size };
    pt_mustache_t  *template;

    template = calloc(1, sizeof(pt_mustache_t));
    if (template == NULL) {
        return PT_E_NOMEM;
    }

    template->source = malloc(text.len + 1);
    if (template->source == NULL) {
        free(template);
        return PT_E_NOMEM;
    }

    if (text.len != 0) {
        memcpy(template->source, text.data, text.len);
    }

    r.template = template;
    r.p = template->source;
    r.end = r.p + text.len;
    r.line = 1;
    (void) strcpy(r.left, "{{");
    (void) strcpy(r.right, "}}");

    err = mustache_read(&r);
    if (err != PT_OK) {
        pt_mustache_free(template);
        return err;
    }

    *ret_template = template;

    return PT_OK;
}


void
pt_mustache_free(pt_mustache_t *template)
{
    if (template == NULL) {
        return;
    }

    free(template->tokens);
    free(template->source);
    free(template);
}


bool
pt_mustache_has_raw(const pt_mustache_t *template)
{
    return template->raw;
}


static pt_err_t
mustache_read(mustache_reader_t *r)
{
    pt_err_t     err;
    const char  *tag;

    while (r->p < r->end) {

        tag = memmem(r->p, (size_t) (r->end - r->p), r->left,
                     strlen(r->left));

        err = mustache_read_text(r, tag != NULL ? tag : r->end);
        if (err != PT_OK) {
            return err;
        }

        if (tag == NULL) {
            break;
        }

        err = mustache_read_tag(r);
        if (err != PT_OK) {
            return err;
        }
    }

    if (r->n_open != 0) {
        return mustache_fail(r, "section is not closed",
            r->template->tokens[r->open[r->n_open - 1]].text);
    }

    return PT_OK;
}


/* text up to end, a token for each line */
static pt_err_t
mustache_read_text(mustache_reader_t *r, const char *end)
{
    pt_err_t     err;
    const char  *next;

    while (r->p < end) {
        next = memchr(r->p, '\n', (size_t) (end - r->p));
        next = next != NULL ? next + 1 : end;

        if (r->p == r->template->source || r->p[-1] == '\n') {
            err = mustache_add(r, TOKEN_LINE, PT_STR_NULL);
            if (err != PT_OK) {
                return err;
            }
        }

        err = mustache_add(r, TOKEN_TEXT,
                           (pt_str_t) { r->p, (size_t) (next - r->p) });
        if (err != PT_OK) {
            return err;
        }

        r->line += next[-1] == '\n';
        r->p = next;
    }

    return PT_OK;
}


static pt_err_t
mustache_read_tag(mustache_reader_t *r)
{
    char         sigil, close[MUSTACHE_DELIM_MAX + 2];
    bool         alone;
    size_t       skip;
    pt_str_t     name, indent = PT_STR("");
    pt_err_t     err;
    const char  *tag = r->p, *stop, *next, *s;

    s = tag + strlen(r->left);
    sigil = s < r->end && strchr("#^/!>&{=", *s) != NULL && *s != '\0'
            ? *s : ' ';

    (void) snprintf(close, sizeof(close), "%s%s",
                    sigil == '{' ? "}" : sigil == '=' ? "=" : "", r->right);

    s += sigil != ' ';

    stop = memmem(s, (size_t) (r->end - s), close, strlen(close));
    if (stop == NULL) {
        return mustache_fail(r, "tag is not closed",
            (pt_str_t) { tag, r->end - tag < 20 ? (size_t) (r->end - tag)
                                                : 20 });
    }

    name = mustache_trim((pt_str_t) { s, (size_t) (stop - s) });
    next = stop + strlen(close);

    for (skip = 0; s + skip < next; skip++) {
        r->line += s[skip] == '\n';
    }

    alone = strchr("#^/!>=", sigil) != NULL
            && mustache_standalone(r, tag, next, &indent, &next);

    if (!alone && (tag == r->template->source || tag[-1] == '\n')) {
        err = mustache_add(r, TOKEN_LINE, PT_STR_NULL);
        if (err != PT_OK) {
            return err;
        }
    }

    r->p = next;

    if (sigil == '!') {
        return PT_OK;
    }

    if (sigil == '=') {
        return mustache_read_delimiters(r, name);
    }

    return mustache_read_name(r, sigil, name, indent);
}


/*
 * A tag with nothing but white space beside it on its line(s): the white space
 * before it, which is a token already, goes, and so does the line's end.
 */
static bool
mustache_standalone(mustache_reader_t *r, const char *tag, const char *after,
    pt_str_t *ret_indent, const char **ret_next)
{
    const char           *p, *line;
    pt_mustache_t  *t = r->template;

    for (line = tag; line > t->source && line[-1] != '\n'; line--) {
        if (line[-1] != ' ' && line[-1] != '\t') {
            return false;
        }
    }

    for (p = after; p < r->end && (*p == ' ' || *p == '\t'); p++) {
        /* to what follows */
    }

    if (p < r->end && *p == '\r' && p + 1 < r->end && p[1] == '\n') {
        p++;
    }

    if (p < r->end && *p != '\n') {
        return false;
    }

    if (p < r->end) {
        p++;
        r->line++;
    }

    *ret_indent = (pt_str_t) { line, (size_t) (tag - line) };
    *ret_next = p;

    /* TOKEN_LINE and the white space's TOKEN_TEXT */
    if (tag > line) {
        t->n -= 2;
    }

    return true;
}


static pt_err_t
mustache_read_delimiters(mustache_reader_t *r, pt_str_t text)
{
    size_t    i;
    pt_str_t  left, right;

    for (i = 0; i < text.len && strchr(" \t\r\n", text.data[i]) == NULL; i++) {
        /* the left one */
    }

    left = (pt_str_t) { text.data, i };
    right = mustache_trim((pt_str_t) { text.data + i, text.len - i });

    if (left.len == 0 || left.len > MUSTACHE_DELIM_MAX || right.len == 0
        || right.len > MUSTACHE_DELIM_MAX
        || memchr(left.data, '=', left.len) != NULL
        || memchr(right.data, '=', right.len) != NULL
        || memchr(left.data, '\0', left.len) != NULL
        || memchr(right.data, '\0', right.len) != NULL
        || memchr(right.data, ' ', right.len) != NULL)
    {
        return mustache_fail(r, "bad delimiters", text);
    }

    memcpy(r->left, left.data, left.len);
    r->left[left.len] = '\0';
    memcpy(r->right, right.data, right.len);
    r->right[right.len] = '\0';

    return PT_OK;
}


static pt_err_t
mustache_read_name(mustache_reader_t *r, char sigil, pt_str_t name,
    pt_str_t indent)
{
    pt_err_t              err;
    const char           *bar;
    mustache_token_t     *open, *token;
    pt_mustache_t  *t = r->template;

    if (name.len == 0) {
        return mustache_fail(r, "tag without a name", name);
    }

    switch (sigil) {

    case '#':
    case '^':
        if (r->n_open == PT_MUSTACHE_DEPTH) {
            return mustache_fail(r, "too many sections in each other", name);
        }

        r->open[r->n_open++] = t->n;

        return mustache_add(r, sigil == '#' ? TOKEN_SECTION : TOKEN_INVERTED,
                            name);

    case '/':
        if (r->n_open == 0
            || !pt_str_eq(t->tokens[r->open[r->n_open - 1]].text, name))
        {
            return mustache_fail(r, "closes a section that is not open",
                                 name);
        }

        err = mustache_add(r, TOKEN_END, name);
        if (err != PT_OK) {
            return err;
        }

        open = &t->tokens[r->open[--r->n_open]];
        open->end = t->n - 1;

        return PT_OK;

    case '>':
        err = mustache_add(r, TOKEN_PARTIAL, name);
        if (err != PT_OK) {
            return err;
        }

        t->tokens[t->n - 1].filter = indent;

        return PT_OK;

    default:
        t->raw |= sigil != ' ';

        err = mustache_add(r, sigil == ' ' ? TOKEN_VALUE : TOKEN_RAW, name);
        if (err != PT_OK) {
            return err;
        }

        bar = memchr(name.data, '|', name.len);
        if (bar != NULL) {
            token = &t->tokens[t->n - 1];
            token->text = mustache_trim(
                (pt_str_t) { name.data, (size_t) (bar - name.data) });
            token->filter = mustache_trim(
                (pt_str_t) { bar + 1,
                             name.len - (size_t) (bar + 1 - name.data) });
        }

        return PT_OK;
    }
}


static pt_err_t
mustache_add(mustache_reader_t *r, mustache_token_type_t type, pt_str_t text)
{
    size_t                cap;
    mustache_token_t     *tokens;
    pt_mustache_t  *t = r->template;

    if (t->n == t->cap) {
        cap = t->cap == 0 ? 64 : t->cap * 2;

        if (cap > MUSTACHE_TOKENS_MAX * 2) {
            return mustache_fail(r, "too long", PT_STR(""));
        }

        tokens = realloc(t->tokens, cap * sizeof(mustache_token_t));
        if (tokens == NULL) {
            return PT_E_NOMEM;
        }

        t->tokens = tokens;
        t->cap = cap;
    }

    t->tokens[t->n++] = (mustache_token_t) { .type = type, .text = text };

    return PT_OK;
}


static pt_err_t
mustache_fail(mustache_reader_t *r, const char *what, pt_str_t name)
{
    if (r->size > 0) {
        (void) snprintf(r->error, r->size, "line %u: %s \"%.*s\"", r->line,
                        what, name.len < 60 ? (int) name.len : 60,
                        name.data != NULL ? name.data : "");
    }

    return PT_E_INVALID;
}


static pt_str_t
mustache_trim(pt_str_t s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.data[0]) != NULL
           && s.data[0] != '\0')
    {
        s.data++;
        s.len--;
    }

    while (s.len > 0 && strchr(" \t\r\n", s.data[s.len - 1]) != NULL
           && s.data[s.len - 1] != '\0')
    {
        s.len--;
    }

    return s;
}


pt_err_t
pt_mustache_render(const pt_mustache_t *template,
    const pt_json_t *data, const pt_mustache_env_t *env, pt_buf_t *out)
{
    pt_err_t           err;
    mustache_render_t  r = { .env = env, .out = out };

    r.stack[r.depth++] = data;

    err = mustache_render_tokens(&r, template, 0, template->n, PT_STR(""));

    return err != PT_OK ? err : out->err;
}


static pt_err_t
mustache_render_tokens(mustache_render_t *r,
    const pt_mustache_t *template, size_t begin, size_t end,
    pt_str_t indent)
{
    size_t                   i;
    pt_err_t                 err;
    const mustache_token_t  *token;

    for (i = begin; i < end; i++) {
        token = &template->tokens[i];
        err = PT_OK;

        if (r->steps++ >= MUSTACHE_STEPS_MAX) {
            return PT_E_TOO_LARGE;
        }

        switch (token->type) {

        case TOKEN_TEXT:
            pt_buf_add_str(r->out, token->text);
            break;

        case TOKEN_LINE:
            pt_buf_add_str(r->out, indent);
            break;

        case TOKEN_VALUE:
        case TOKEN_RAW:
            err = mustache_render_value(r, token);
            break;

        case TOKEN_SECTION:
        case TOKEN_INVERTED:
            err = mustache_render_section(r, template, i, indent);
            i = token->end;
            break;

        case TOKEN_PARTIAL:
            err = mustache_render_partial(r, token, indent);
            break;

        case TOKEN_END:
            break;
        }

        if (err != PT_OK) {
            return err;
        }

        if (r->out->err != PT_OK) {
            return r->out->err;
        }
    }

    return PT_OK;
}


static pt_err_t
mustache_render_value(mustache_render_t *r, const mustache_token_t *token)
{
    pt_buf_t          text;
    pt_err_t          err;
    const pt_json_t  *value;

    value = mustache_lookup(r, token->text);

    if (value == NULL || value->type == PT_JSON_NULL) {
        if (r->env->missing != NULL) {
            r->env->missing(r->env->ctx, token->text);
        }

        return PT_OK;
    }

    pt_buf_init(&text, &pt_mem_heap, r->out->max);

    if (token->filter.data != NULL) {
        err = r->env->filter == NULL ? PT_E_INVALID
              : r->env->filter(r->env->ctx, token->filter, value, &text);
        if (err != PT_OK) {
            pt_buf_done(&text);
            return err;
        }

    } else if (value->type == PT_JSON_STRING
               || value->type == PT_JSON_NUMBER)
    {
        pt_buf_add_str(&text, value->text);

    } else if (value->type == PT_JSON_BOOL) {
        pt_buf_add_text(&text, value->boolean ? "true" : "false");
    }

    if (token->type == TOKEN_RAW) {
        pt_buf_add_str(r->out, pt_buf_str(&text));
    } else {
        r->env->escape(r->out, pt_buf_str(&text));
    }

    err = text.err;
    pt_buf_done(&text);

    return err;
}


static pt_err_t
mustache_render_section(mustache_render_t *r,
    const pt_mustache_t *template, size_t at, pt_str_t indent)
{
    pt_err_t                 err = PT_OK;
    const pt_json_t         *value, *item;
    const mustache_token_t  *token = &template->tokens[at];

    value = mustache_lookup(r, token->text);

    if (token->type == TOKEN_INVERTED) {
        return mustache_is_false(value)
               ? mustache_render_tokens(r, template, at + 1, token->end,
                                        indent)
               : PT_OK;
    }

    if (mustache_is_false(value)) {
        return PT_OK;
    }

    if (r->depth == sizeof(r->stack) / sizeof(r->stack[0])) {
        return PT_E_TOO_LARGE;
    }

    /* a question alone: what the list begins with gives no names */
    if (token->text.len > 2
        && memcmp(token->text.data + token->text.len - 2, ".0", 2) == 0)
    {
        return mustache_render_tokens(r, template, at + 1, token->end,
                                      indent);
    }

    item = value->type == PT_JSON_ARRAY ? value->first : value;

    r->depth++;

    do {
        /* a section with nothing in it goes round all the same */
        if (r->steps++ >= MUSTACHE_STEPS_MAX) {
            err = PT_E_TOO_LARGE;
            break;
        }

        r->stack[r->depth - 1] = item;
        err = mustache_render_tokens(r, template, at + 1, token->end, indent);
        item = item->next;
    } while (err == PT_OK && value->type == PT_JSON_ARRAY && item != NULL);

    r->depth--;

    return err;
}


static pt_err_t
mustache_render_partial(mustache_render_t *r, const mustache_token_t *token,
    pt_str_t indent)
{
    pt_buf_t                    buf;
    pt_err_t                    err;
    const pt_mustache_t  *partial;

    partial = r->env->partial == NULL ? NULL
              : r->env->partial(r->env->ctx, token->text);
    if (partial == NULL) {
        return PT_OK;
    }

    if (r->partials == PT_MUSTACHE_DEPTH) {
        return PT_E_TOO_LARGE;
    }

    /* inside an indented partial the indentations add up */
    pt_buf_init(&buf, &pt_mem_heap, r->out->max);
    pt_buf_add_str(&buf, indent);
    pt_buf_add_str(&buf, token->filter);

    r->partials++;
    err = buf.err != PT_OK ? buf.err
          : mustache_render_tokens(r, partial, 0, partial->n,
                                   token->filter.len == 0 && indent.len == 0
                                   ? PT_STR("") : pt_buf_str(&buf));
    r->partials--;

    pt_buf_done(&buf);

    return err;
}


/*
 * "a.b.c": a by the stack from the inside, b and c as members; "list.0" is
 * what a list begins with, so that a section can ask whether it has anything
 */
static const pt_json_t *
mustache_lookup(const mustache_render_t *r, pt_str_t name)
{
    size_t            i, len;
    pt_str_t          part, rest;
    const char       *dot;
    const pt_json_t  *value = NULL;

    if (pt_str_is(name, ".")) {
        return r->stack[r->depth - 1];
    }

    dot = memchr(name.data, '.', name.len);
    len = dot != NULL ? (size_t) (dot - name.data) : name.len;
    part = (pt_str_t) { name.data, len };

    for (i = r->depth; i-- > 0 && value == NULL; ) {
        value = pt_json_member_str(r->stack[i], part);
    }

    while (value != NULL && len < name.len) {
        rest = (pt_str_t) { name.data + len + 1, name.len - len - 1 };
        dot = memchr(rest.data, '.', rest.len);
        part = (pt_str_t) { rest.data,
                            dot != NULL ? (size_t) (dot - rest.data)
                                        : rest.len };
        value = value->type == PT_JSON_ARRAY && pt_str_is(part, "0")
                ? value->first : pt_json_member_str(value, part);
        len += 1 + part.len;
    }

    return value;
}


static bool
mustache_is_false(const pt_json_t *value)
{
    if (value == NULL) {
        return true;
    }

    switch (value->type) {
    case PT_JSON_NULL:
        return true;
    case PT_JSON_BOOL:
        return !value->boolean;
    case PT_JSON_STRING:
        return value->text.len == 0;
    case PT_JSON_ARRAY:
        return value->n == 0;
    default:
        return false;
    }
}


void
pt_mustache_html(pt_buf_t *out, pt_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&':
            pt_buf_add_text(out, "&amp;");
            break;
        case '<':
            pt_buf_add_text(out, "&lt;");
            break;
        case '>':
            pt_buf_add_text(out, "&gt;");
            break;
        case '"':
            pt_buf_add_text(out, "&quot;");
            break;
        default:
            pt_buf_add_char(out, text.data[i]);
        }
    }
}
