/*
 * Mustache (the specification without lambdas) over JSON trees.
 *
 * A template is compiled once and then only read.  What a value's text is
 * turned into is the caller's choice: HTML wants other escapes than Markdown.
 * Beyond the specification, {{name|filter}} formats a value, and {{#list.0}}
 * is rendered once where the list is not empty.
 */

#ifndef PT_MUSTACHE_H
#define PT_MUSTACHE_H

#include "pt_json.h"


/* sections within sections, and partials within partials */
#define PT_MUSTACHE_DEPTH  32


typedef struct pt_mustache_s  pt_mustache_t;


typedef struct {
    /* writes the text of {{name}}, so that it is only text where it lands */
    void                        (*escape)(pt_buf_t *out, pt_str_t text);

    /*
     * Writes the text of {{name|filter}} before escaping.  PT_E_INVALID: no
     * such filter, or not for this value.  May be NULL.
     */
    pt_err_t                    (*filter)(void *ctx, pt_str_t filter,
                                    const pt_json_t *value, pt_buf_t *out);

    /* the partial of a name; NULL: renders as nothing.  May be NULL. */
    const pt_mustache_t  *(*partial)(void *ctx, pt_str_t name);

    /* a value that {{name}} wants and the data lacks.  May be NULL. */
    void                        (*missing)(void *ctx, pt_str_t name);

    void                         *ctx;
} pt_mustache_env_t;


/*
 * Compiles; the text may be freed afterwards.
 *
 * ret_error  what is wrong, "line 3: ...", terminated, at most size bytes
 * Errors     PT_E_INVALID, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_mustache_new(pt_str_t text,
    pt_mustache_t **ret_template, char *ret_error, size_t size);

/* takes NULL */
void pt_mustache_free(pt_mustache_t *template);

/* whether it has a tag whose value is not escaped: {{{name}}}, {{&name}} */
bool pt_mustache_has_raw(const pt_mustache_t *template);

/*
 * Renders to out, whose maximum bounds what loops can make of a small text.
 *
 * Errors  PT_E_TOO_LARGE (out, or deeper than PT_MUSTACHE_DEPTH),
 *         PT_E_INVALID (a filter), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_mustache_render(
    const pt_mustache_t *template, const pt_json_t *data,
    const pt_mustache_env_t *env, pt_buf_t *out);

/* the specification's own: & < > " become entities */
void pt_mustache_html(pt_buf_t *out, pt_str_t text);


#endif /* PT_MUSTACHE_H */
