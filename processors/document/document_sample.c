/* A schema's examples, put together to one instance. */

#include "document_library.h"


#define DOCUMENT_SAMPLE_DEPTH  16


static void document_sample_value(const pt_json_t *root,
    const pt_json_t *schema, unsigned depth, pt_jsonw_t *w);
static void document_sample_object(const pt_json_t *root,
    const pt_json_t *schema, unsigned depth, pt_jsonw_t *w);
static bool document_sample_skips(const pt_json_t *schema);
static const pt_json_t *document_sample_ref(const pt_json_t *root,
    const pt_json_t *schema);


void
document_sample(const pt_json_t *schema, pt_buf_t *out)
{
    pt_jsonw_t  w;

    pt_jsonw_init(&w, out);
    document_sample_value(schema, schema, 0, &w);
}


/* its example, its constant, its first choice, or what is in it */
static void
document_sample_value(const pt_json_t *root, const pt_json_t *schema,
    unsigned depth, pt_jsonw_t *w)
{
    pt_str_t          type;
    const pt_json_t  *list;

    schema = document_sample_ref(root, schema);

    if (schema == NULL || depth == DOCUMENT_SAMPLE_DEPTH) {
        pt_jsonw_null(w);
        return;
    }

    list = pt_json_member(schema, "examples");
    if (list == NULL) {
        list = pt_json_member(schema, "enum");
    }

    if (list != NULL && list->first != NULL) {
        pt_jsonw_value(w, list->first);
        return;
    }

    type = pt_json_string(schema, "type", PT_STR("object"));

    if (pt_json_member(schema, "const") != NULL) {
        pt_jsonw_value(w, pt_json_member(schema, "const"));

    } else if (pt_str_is(type, "object")) {
        document_sample_object(root, schema, depth, w);

    } else if (pt_str_is(type, "array")) {
        pt_jsonw_array(w);
        document_sample_value(root, pt_json_member(schema, "items"),
                              depth + 1, w);
        pt_jsonw_end(w);

    } else if (pt_str_is(type, "boolean")) {
        pt_jsonw_bool(w, true);

    } else if (pt_str_is(type, "string")) {
        pt_jsonw_text(w, "Example");

    } else {
        pt_jsonw_int(w, pt_json_int(schema, "minimum", 1));
    }
}


static void
document_sample_object(const pt_json_t *root, const pt_json_t *schema,
    unsigned depth, pt_jsonw_t *w)
{
    const pt_json_t  *member, *properties;

    pt_jsonw_object(w);

    properties = pt_json_member(schema, "properties");

    for (member = properties != NULL ? properties->first : NULL;
         member != NULL; member = member->next)
    {
        if (!document_sample_skips(member)) {
            pt_jsonw_key_str(w, member->key);
            document_sample_value(root, member, depth + 1, w);
        }
    }

    pt_jsonw_end(w);
}


/* what stands for a file or a secret has no example */
static bool
document_sample_skips(const pt_json_t *schema)
{
    return pt_json_bool(schema, "writeOnly", false)
           || pt_str_is(pt_json_string(schema, "format", PT_STR("")),
                        "file-id");
}


static const pt_json_t *
document_sample_ref(const pt_json_t *root, const pt_json_t *schema)
{
    pt_str_t        ref;
    const pt_str_t  defs = PT_STR("#/$defs/");

    ref = pt_json_string(schema, "$ref", PT_STR(""));

    if (ref.len <= defs.len || memcmp(ref.data, defs.data, defs.len) != 0) {
        return schema;
    }

    ref.data += defs.len;
    ref.len -= defs.len;

    return pt_json_member_str(pt_json_member(root, "$defs"), ref);
}
