/*
 * The first line is a schema, the rest a document: the schema compiles or is
 * refused with a reason, the document is valid or is refused with at least
 * one violation and at most as many as were asked for.  The verdict is the
 * same where file ids are wanted, since that goes other ways.
 */

#include <stdint.h>
#include <stdlib.h>

#include "pt_schema.h"


#define VIOLATIONS_MAX  3


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_violation(void *ctx, pt_str_t pointer, pt_str_t detail);
static void on_file_id(void *ctx, pt_str_t pointer, pt_str_t id);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  error[200];
    size_t                told = 0;
    pt_err_t              err;
    pt_str_t              text, rest;
    pt_json_t            *document;
    pt_schema_t          *schema;
    const char           *end;
    pt_schema_visitor_t   visitor = { on_violation, NULL, NULL, &told };

    end = size > 0 ? memchr(data, '\n', size) : NULL;

    if (end == NULL) {
        return 0;
    }

    text = (pt_str_t) { (const char *) data,
                        (size_t) (end - (const char *) data) };
    rest = (pt_str_t) { end + 1, size - text.len - 1 };

    if (pt_schema_compile(text, &pt_mem_heap, &schema, error, sizeof(error))
        != PT_OK)
    {
        if (error[0] != '#' || !pt_str_is_utf8(pt_str(error))) {
            abort();
        }

        return 0;
    }

    if (pt_json_parse(rest, &pt_mem_heap, &document, NULL) == PT_OK) {
        err = pt_schema_validate(schema, document, VIOLATIONS_MAX, &visitor);

        if (told > VIOLATIONS_MAX || (err == PT_E_INVALID) != (told > 0)) {
            abort();
        }

        visitor.file_id = on_file_id;

        if (pt_schema_validate(schema, document, VIOLATIONS_MAX, &visitor)
            != err)
        {
            abort();
        }

        pt_json_free(document);
    }

    pt_schema_free(schema);

    return 0;
}


static void
on_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    size_t  *told = ctx;

    if (!pt_str_is_utf8(pointer) || !pt_str_is_utf8(detail)
        || detail.len == 0)
    {
        abort();
    }

    (*told)++;
}


static void
on_file_id(void *ctx, pt_str_t pointer, pt_str_t id)
{
    (void) ctx;

    if (!pt_str_is_utf8(pointer) || id.len != 36) {
        abort();
    }
}
