/*
 * JSON Schema, draft 2020-12: the keywords that a request schema may use, and
 * no others.  A schema is compiled once (patterns included) and then only
 * read, so any number of threads and processes may validate with it.
 *
 * The keywords: type enum const properties required additionalProperties
 * patternProperties propertyNames minProperties maxProperties
 * dependentRequired items prefixItems minItems maxItems uniqueItems contains
 * minLength maxLength pattern format minimum maximum exclusiveMinimum
 * exclusiveMaximum multipleOf allOf anyOf oneOf not if then else $ref (to
 * #/$defs/...) $defs title description default examples, and writeOnly and
 * x-pitchey, which refuse nothing; $schema, at the top, if it names 2020-12.
 * Any other keyword is an error.  pattern is PCRE2's.  format asserts uuid,
 * date, date-time, email, uri and file-id.
 */

#ifndef PT_SCHEMA_H
#define PT_SCHEMA_H

#include "pt_json.h"


typedef struct pt_schema_s  pt_schema_t;


typedef struct {
    /* one violation; both strings live for the call only.  The pointer is
     * RFC 6901 of the instance, "" for the whole document. */
    void  (*violation)(void *ctx, pt_str_t pointer, pt_str_t detail);

    /* each string under "format": "file-id" that is one; may be NULL.  May
     * be called more than once for one string. */
    void  (*file_id)(void *ctx, pt_str_t pointer, pt_str_t id);

    /* each value under "writeOnly": true; may be NULL.  The same. */
    void  (*secret)(void *ctx, pt_str_t pointer);

    void   *ctx;
} pt_schema_visitor_t;


/*
 * Compiles; the text may be freed afterwards.
 *
 * ret_error  where it is wrong: "#/properties/a/type: unknown type \"strin\"",
 *            terminated, at most size bytes
 * Errors     PT_E_INVALID, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_schema_compile(pt_str_t text, const pt_mem_t *mem,
    pt_schema_t **ret_schema, char *ret_error, size_t size);

/* takes NULL */
void pt_schema_free(pt_schema_t *schema);

/* the schema's own document, for x-pitchey, writeOnly and openapi.json */
const pt_json_t *pt_schema_document(const pt_schema_t *schema);

/*
 * Tells every violation, at most max of them: of a value before those of what
 * is in it, in document order; what allOf, $ref and their like add comes
 * after.  anyOf, oneOf, not and contains have one line each.
 *
 * The work is bounded by the sizes of schema and document; a string that
 * would cost a pattern more ends it with a violation.  What memory it needs
 * for that is malloc()'s and is given back.
 *
 * PT_OK, or PT_E_INVALID after at least one violation, or PT_E_NOMEM.
 */
PT_MUST_CHECK pt_err_t pt_schema_validate(const pt_schema_t *schema,
    const pt_json_t *document, size_t max, const pt_schema_visitor_t *visitor);


#endif /* PT_SCHEMA_H */
