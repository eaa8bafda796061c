/*
 * Compiling a schema: a table of keywords, each with its setter and the place
 * in the node that it sets, then references, then a look for chains of
 * schemas that would never end.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "pt_pointer.h"
#include "pt_schema_node.h"


#define PT_SCHEMA_DIALECT  "https://json-schema.org/draft/2020-12/schema"
#define PT_SCHEMA_DEFS     "#/$defs/"

/* ten nodes; larger schemas take more and larger chunks */
#define PT_SCHEMA_CHUNK    4096

#define PT_SCHEMA_MESSAGE  256


typedef struct {
    pt_schema_t        *schema;
    pt_arena_t         *arena;
    pt_err_t            err;

    char               *error;         /* the caller's */
    size_t              size;
} pt_compiler_t;


typedef struct pt_keyword_s  pt_keyword_t;

struct pt_keyword_s {
    const char         *name;
    bool              (*set)(pt_compiler_t *c, const pt_keyword_t *keyword,
                             const pt_json_t *value, const pt_pointer_t *at,
                             pt_schema_node_t *node);
    size_t              offset;        /* of the field in the node */
};

#define PT_FIELD(node, keyword, type)                                         \
    (*(type *) ((char *) (node) + (keyword)->offset))


static void pt_schema_compile_document(pt_compiler_t *c, pt_str_t text);
static pt_schema_node_t *pt_schema_node(pt_compiler_t *c,
    const pt_json_t *json, const pt_pointer_t *at);
static bool pt_schema_keyword(pt_compiler_t *c, const pt_json_t *value,
    const pt_pointer_t *at, pt_schema_node_t *node);

static bool pt_set_types(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_one_type(pt_compiler_t *c, const pt_json_t *value,
    const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_enum(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_value(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_size(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_number(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_multiple(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_bool(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_pattern(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_patterns(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_format(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_names(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_dependent(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_node(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_nodes(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_members(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_set_ref(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_check_text(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_check_bool(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_check_array(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_check_nothing(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_check_extension(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_check_dialect(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node);
static bool pt_is_strings(pt_compiler_t *c, const pt_json_t *value,
    const pt_pointer_t *at);

static pt_schema_pattern_t *pt_schema_pattern(pt_compiler_t *c, pt_str_t text,
    const pt_pointer_t *at);
static bool pt_schema_unescape(pt_compiler_t *c, pt_str_t *fragment);
static int pt_schema_hex(char c);
static void pt_schema_resolve(pt_compiler_t *c);
static void pt_schema_measure(pt_compiler_t *c);
static bool pt_schema_height(pt_schema_node_t *node, unsigned depth);
static bool pt_schema_raise(pt_schema_node_t *node, pt_schema_node_t *below,
    unsigned depth);
static bool pt_schema_raise_all(pt_schema_node_t *node,
    const pt_schema_nodes_t *below, unsigned depth);

static bool pt_schema_wrong(pt_compiler_t *c, const pt_pointer_t *at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void *pt_schema_alloc(pt_compiler_t *c, size_t size);
static void *pt_schema_pcre2_alloc(size_t size, void *mem);
static void pt_schema_pcre2_free(void *p, void *mem);


#define PT_AT(field)  offsetof(pt_schema_node_t, field)

static const pt_keyword_t  pt_keywords[] = {
    { "type",                 pt_set_types,       0 },
    { "enum",                 pt_set_enum,        PT_AT(enumeration) },
    { "const",                pt_set_value,       PT_AT(constant) },

    { "minLength",            pt_set_size,        PT_AT(min_length) },
    { "maxLength",            pt_set_size,        PT_AT(max_length) },
    { "pattern",              pt_set_pattern,     PT_AT(pattern) },
    { "format",               pt_set_format,      PT_AT(format) },

    { "minimum",              pt_set_number,      PT_AT(minimum) },
    { "maximum",              pt_set_number,      PT_AT(maximum) },
    { "exclusiveMinimum",     pt_set_number,      PT_AT(exclusive_minimum) },
    { "exclusiveMaximum",     pt_set_number,      PT_AT(exclusive_maximum) },
    { "multipleOf",           pt_set_multiple,    PT_AT(multiple_of) },

    { "minItems",             pt_set_size,        PT_AT(min_items) },
    { "maxItems",             pt_set_size,        PT_AT(max_items) },
    { "uniqueItems",          pt_set_bool,        PT_AT(unique_items) },
    { "prefixItems",          pt_set_nodes,       PT_AT(prefix_items) },
    { "items",                pt_set_node,        PT_AT(items) },
    { "contains",             pt_set_node,        PT_AT(contains) },

    { "minProperties",        pt_set_size,        PT_AT(min_properties) },
    { "maxProperties",        pt_set_size,        PT_AT(max_properties) },
    { "required",             pt_set_names,       PT_AT(required) },
    { "dependentRequired",    pt_set_dependent,   PT_AT(dependent_required) },
    { "properties",           pt_set_members,     PT_AT(properties) },
    { "patternProperties",    pt_set_patterns,    PT_AT(pattern_properties) },
    { "additionalProperties", pt_set_node,        PT_AT(additional) },
    { "propertyNames",        pt_set_node,        PT_AT(property_names) },

    { "$ref",                 pt_set_ref,         PT_AT(ref) },
    { "allOf",                pt_set_nodes,       PT_AT(all_of) },
    { "anyOf",                pt_set_nodes,       PT_AT(any_of) },
    { "oneOf",                pt_set_nodes,       PT_AT(one_of) },
    { "not",                  pt_set_node,        PT_AT(not_) },
    { "if",                   pt_set_node,        PT_AT(if_) },
    { "then",                 pt_set_node,        PT_AT(then_) },
    { "else",                 pt_set_node,        PT_AT(else_) },

    { "$defs",                pt_set_members,     PT_AT(defs) },
    { "$schema",              pt_check_dialect,   0 },
    { "title",                pt_check_text,      0 },
    { "description",          pt_check_text,      0 },
    { "default",              pt_check_nothing,   0 },
    { "examples",             pt_check_array,     0 },
    { "writeOnly",            pt_set_bool,        PT_AT(write_only) },
    { "x-pitchey",            pt_check_extension, 0 },

    { NULL, NULL, 0 }
};


static const struct {
    const char  *name;
    unsigned     bit;
} pt_types[] = {
    { "null",    1u << PT_JSON_NULL },
    { "boolean", 1u << PT_JSON_BOOL },
    { "number",  1u << PT_JSON_NUMBER },
    { "integer", PT_TYPE_INTEGER },
    { "string",  1u << PT_JSON_STRING },
    { "array",   1u << PT_JSON_ARRAY },
    { "object",  1u << PT_JSON_OBJECT },
    { NULL, 0 }
};


pt_err_t
pt_schema_compile(pt_str_t text, const pt_mem_t *mem,
    pt_schema_t **ret_schema, char *ret_error, size_t size)
{
    pt_arena_t     arena;
    pt_compiler_t  c = { .error = ret_error, .size = size };

    pt_arena_init(&arena, mem, PT_SCHEMA_CHUNK);

    c.schema = pt_arena_zalloc(&arena, sizeof(*c.schema));
    if (c.schema == NULL) {
        return PT_E_NOMEM;
    }

    c.schema->arena = arena;
    c.arena = &c.schema->arena;

    pt_schema_compile_document(&c, text);

    if (c.err != PT_OK) {
        pt_schema_free(c.schema);
        return c.err;
    }

    *ret_schema = c.schema;
    return PT_OK;
}


void
pt_schema_free(pt_schema_t *schema)
{
    pt_schema_pattern_t  *pattern;

    if (schema == NULL) {
        return;
    }

    for (pattern = schema->patterns; pattern != NULL;
         pattern = pattern->next_all)
    {
        pcre2_code_free(pattern->code);
    }

    pcre2_general_context_free(schema->memory);
    pt_json_free(schema->document);
    pt_arena_done(&schema->arena);
}


const pt_json_t *
pt_schema_document(const pt_schema_t *schema)
{
    return schema->document;
}


static void
pt_schema_compile_document(pt_compiler_t *c, pt_str_t text)
{
    pt_schema_t      *schema = c->schema;
    pt_json_error_t   error;

    c->err = pt_json_parse(text, &c->arena->mem, &schema->document, &error);

    if (c->err == PT_E_INVALID) {
        (void) pt_schema_wrong(c, NULL, "not JSON: %s at byte %zu",
                               error.message, error.offset);
    }

    if (c->err != PT_OK) {
        return;
    }

    schema->memory = pcre2_general_context_create(pt_schema_pcre2_alloc,
                                                  pt_schema_pcre2_free,
                                                  &c->arena->mem);
    if (schema->memory == NULL) {
        c->err = PT_E_NOMEM;
        return;
    }

    schema->root = pt_schema_node(c, schema->document, NULL);

    if (c->err == PT_OK) {
        pt_schema_resolve(c);
    }

    if (c->err == PT_OK) {
        pt_schema_measure(c);
    }
}


/* NULL with c->err set; recursion as deep as the document */
static pt_schema_node_t *
pt_schema_node(pt_compiler_t *c, const pt_json_t *json, const pt_pointer_t *at)
{
    pt_pointer_t       below = { .up = at };
    const pt_json_t   *value;
    pt_schema_node_t  *node;

    node = pt_schema_alloc(c, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }

    node->json = json;
    node->max_length = SIZE_MAX;
    node->max_items = SIZE_MAX;
    node->max_properties = SIZE_MAX;
    node->minimum = -INFINITY;
    node->maximum = INFINITY;
    node->exclusive_minimum = -INFINITY;
    node->exclusive_maximum = INFINITY;

    node->next = c->schema->nodes;
    c->schema->nodes = node;

    if (json->type == PT_JSON_BOOL) {
        node->never = !json->boolean;
        return node;
    }

    if (json->type != PT_JSON_OBJECT) {
        (void) pt_schema_wrong(c, at, "a schema is an object, true or false");
        return NULL;
    }

    for (value = json->first; value != NULL; value = value->next) {
        below.key = value->key;

        if (!pt_schema_keyword(c, value, &below, node)) {
            return NULL;
        }
    }

    return node;
}


static bool
pt_schema_keyword(pt_compiler_t *c, const pt_json_t *value,
    const pt_pointer_t *at, pt_schema_node_t *node)
{
    const pt_keyword_t  *keyword;

    for (keyword = pt_keywords; keyword->name != NULL; keyword++) {
        if (pt_str_is(value->key, keyword->name)) {
            return keyword->set(c, keyword, value, at, node);
        }
    }

    return pt_schema_wrong(c, at, "a keyword that is not supported");
}


static bool
pt_set_types(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_pointer_t      below = { .up = at };
    const pt_json_t  *v;

    (void) keyword;

    if (value->type != PT_JSON_ARRAY) {
        return pt_set_one_type(c, value, at, node);
    }

    if (value->n == 0) {
        return pt_schema_wrong(c, at, "lists no type");
    }

    for (v = value->first; v != NULL; v = v->next, below.index++) {
        if (!pt_set_one_type(c, v, &below, node)) {
            return false;
        }
    }

    return true;
}


static bool
pt_set_one_type(pt_compiler_t *c, const pt_json_t *value,
    const pt_pointer_t *at, pt_schema_node_t *node)
{
    size_t  i;

    if (value->type != PT_JSON_STRING) {
        return pt_schema_wrong(c, at, "must be the name of a type");
    }

    for (i = 0; pt_types[i].name != NULL; i++) {
        if (pt_str_is(value->text, pt_types[i].name)) {
            break;
        }
    }

    if (pt_types[i].name == NULL) {
        return pt_schema_wrong(c, at, "unknown type \"%.*s\"",
                               PT_STR_ARG(value->text));
    }

    if (node->types & pt_types[i].bit) {
        return pt_schema_wrong(c, at, "lists \"%s\" twice", pt_types[i].name);
    }

    node->types |= pt_types[i].bit;
    return true;
}


static bool
pt_set_enum(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (value->type != PT_JSON_ARRAY || value->n == 0) {
        return pt_schema_wrong(c, at, "must be an array with a value at least");
    }

    return pt_set_value(c, keyword, value, at, node);
}


static bool
pt_set_value(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) c;
    (void) at;

    PT_FIELD(node, keyword, const pt_json_t *) = value;
    return true;
}


static bool
pt_set_size(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (value->type != PT_JSON_NUMBER || !value->integer || value->i64 < 0) {
        return pt_schema_wrong(c, at, "must be an integer of 0 or more");
    }

    PT_FIELD(node, keyword, size_t) = (size_t) value->i64;
    return true;
}


static bool
pt_set_number(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (value->type != PT_JSON_NUMBER) {
        return pt_schema_wrong(c, at, "must be a number");
    }

    PT_FIELD(node, keyword, double) = value->number;
    return true;
}


static bool
pt_set_multiple(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (value->type != PT_JSON_NUMBER || value->number <= 0) {
        return pt_schema_wrong(c, at, "must be a number above 0");
    }

    return pt_set_number(c, keyword, value, at, node);
}


static bool
pt_set_bool(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (!pt_check_bool(c, keyword, value, at, node)) {
        return false;
    }

    PT_FIELD(node, keyword, bool) = value->boolean;
    return true;
}


static bool
pt_set_pattern(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (!pt_check_text(c, keyword, value, at, node)) {
        return false;
    }

    node->pattern = pt_schema_pattern(c, value->text, at);

    return node->pattern != NULL;
}


static bool
pt_set_patterns(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_pointer_t           below = { .up = at };
    const pt_json_t       *v;
    pt_schema_pattern_t  **end = &node->pattern_properties;

    (void) keyword;

    if (value->type != PT_JSON_OBJECT) {
        return pt_schema_wrong(c, at, "must be an object of schemas");
    }

    for (v = value->first; v != NULL; v = v->next) {
        below.key = v->key;

        *end = pt_schema_pattern(c, v->key, &below);
        if (*end == NULL) {
            return false;
        }

        (*end)->node = pt_schema_node(c, v, &below);
        if ((*end)->node == NULL) {
            return false;
        }

        end = &(*end)->next;
    }

    return true;
}


static bool
pt_set_format(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    if (!pt_check_text(c, keyword, value, at, node)) {
        return false;
    }

    node->format = pt_format_from_name(value->text);

    if (node->format == PT_FORMAT_NONE) {
        return pt_schema_wrong(c, at, "unknown format \"%.*s\"",
                               PT_STR_ARG(value->text));
    }

    return true;
}


static bool
pt_set_names(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    return pt_is_strings(c, value, at)
           && pt_set_value(c, keyword, value, at, node);
}


static bool
pt_set_dependent(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_pointer_t      below = { .up = at };
    const pt_json_t  *v;

    if (value->type != PT_JSON_OBJECT) {
        return pt_schema_wrong(c, at, "must be an object of arrays of names");
    }

    for (v = value->first; v != NULL; v = v->next) {
        below.key = v->key;

        if (!pt_is_strings(c, v, &below)) {
            return false;
        }
    }

    return pt_set_value(c, keyword, value, at, node);
}


static bool
pt_set_node(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_schema_node_t  *below;

    below = pt_schema_node(c, value, at);

    PT_FIELD(node, keyword, pt_schema_node_t *) = below;
    return below != NULL;
}


static bool
pt_set_nodes(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_pointer_t        below = { .up = at };
    const pt_json_t    *v;
    pt_schema_nodes_t   list = { NULL, 0 };

    if (value->type != PT_JSON_ARRAY || value->n == 0) {
        return pt_schema_wrong(c, at, "must be an array with a schema at "
                               "least");
    }

    list.nodes = pt_schema_alloc(c, value->n * sizeof(*list.nodes));
    if (list.nodes == NULL) {
        return false;
    }

    for (v = value->first; v != NULL; v = v->next) {
        below.index = list.n;

        list.nodes[list.n] = pt_schema_node(c, v, &below);
        if (list.nodes[list.n] == NULL) {
            return false;
        }

        list.n++;
    }

    PT_FIELD(node, keyword, pt_schema_nodes_t) = list;
    return true;
}


static bool
pt_set_members(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_pointer_t          below = { .up = at };
    const pt_json_t      *v;
    pt_schema_member_t   *member;
    pt_schema_members_t   list = { NULL, 0 };

    if (value->type != PT_JSON_OBJECT) {
        return pt_schema_wrong(c, at, "must be an object of schemas");
    }

    list.members = pt_schema_alloc(c, value->n * sizeof(*list.members));
    if (list.members == NULL) {
        return false;
    }

    for (v = value->first; v != NULL; v = v->next) {
        below.key = v->key;

        member = &list.members[list.n++];
        member->name = v->key;
        member->node = pt_schema_node(c, v, &below);

        if (member->node == NULL) {
            return false;
        }
    }

    PT_FIELD(node, keyword, pt_schema_members_t) = list;
    return true;
}


/* the node that it names may come later, so that is looked for at the end */
static bool
pt_set_ref(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    pt_str_t  pointer;

    if (!pt_check_text(c, keyword, value, at, node)) {
        return false;
    }

    if (value->text.len < sizeof(PT_SCHEMA_DEFS) - 1
        || memcmp(value->text.data, PT_SCHEMA_DEFS,
                  sizeof(PT_SCHEMA_DEFS) - 1) != 0)
    {
        return pt_schema_wrong(c, at, "only references to #/$defs/... are "
                               "supported");
    }

    /* behind the "#" */
    pointer = (pt_str_t) { value->text.data + 1, value->text.len - 1 };

    if (pt_schema_unescape(c, &pointer)) {
        node->ref_json = pt_pointer_find(c->schema->document, pointer);
    }

    if (c->err == PT_OK && node->ref_json == NULL) {
        return pt_schema_wrong(c, at, "\"%.*s\" does not exist",
                               PT_STR_ARG(value->text));
    }

    return c->err == PT_OK;
}


static bool
pt_check_text(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) keyword;
    (void) node;

    if (value->type != PT_JSON_STRING) {
        return pt_schema_wrong(c, at, "must be a string");
    }

    return true;
}


static bool
pt_check_bool(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) keyword;
    (void) node;

    if (value->type != PT_JSON_BOOL) {
        return pt_schema_wrong(c, at, "must be true or false");
    }

    return true;
}


static bool
pt_check_array(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) keyword;
    (void) node;

    if (value->type != PT_JSON_ARRAY) {
        return pt_schema_wrong(c, at, "must be an array");
    }

    return true;
}


static bool
pt_check_nothing(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) c;
    (void) keyword;
    (void) value;
    (void) at;
    (void) node;

    return true;
}


/* what is in it concerns the edge, which reads it from the document */
static bool
pt_check_extension(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) keyword;

    if (node->json != c->schema->document) {
        return pt_schema_wrong(c, at, "is for the top level only");
    }

    if (value->type != PT_JSON_OBJECT) {
        return pt_schema_wrong(c, at, "must be an object");
    }

    return true;
}


/* says what we do anyway, and editors like to see it */
static bool
pt_check_dialect(pt_compiler_t *c, const pt_keyword_t *keyword,
    const pt_json_t *value, const pt_pointer_t *at, pt_schema_node_t *node)
{
    (void) keyword;

    if (node->json != c->schema->document) {
        return pt_schema_wrong(c, at, "is for the top level only");
    }

    if (value->type != PT_JSON_STRING
        || !pt_str_is(value->text, PT_SCHEMA_DIALECT))
    {
        return pt_schema_wrong(c, at, "must be \"%s\"", PT_SCHEMA_DIALECT);
    }

    return true;
}


static bool
pt_is_strings(pt_compiler_t *c, const pt_json_t *value, const pt_pointer_t *at)
{
    pt_pointer_t      below = { .up = at };
    const pt_json_t  *v, *before;

    if (value->type != PT_JSON_ARRAY) {
        return pt_schema_wrong(c, at, "must be an array of names");
    }

    for (v = value->first; v != NULL; v = v->next, below.index++) {
        if (v->type != PT_JSON_STRING) {
            return pt_schema_wrong(c, &below, "must be a string");
        }

        for (before = value->first; before != v; before = before->next) {
            if (pt_str_eq(before->text, v->text)) {
                return pt_schema_wrong(c, &below, "lists \"%.*s\" twice",
                                       PT_STR_ARG(v->text));
            }
        }
    }

    return true;
}


/*
 * "$" is the end alone, as in ECMAScript, not before a last line feed too.
 * \C could split a character, after which nothing is UTF-8.
 */
static pt_schema_pattern_t *
pt_schema_pattern(pt_compiler_t *c, pt_str_t text, const pt_pointer_t *at)
{
    int                     error;
    size_t                  offset;
    PCRE2_UCHAR             message[PT_SCHEMA_MESSAGE];
    pt_schema_pattern_t    *pattern;
    pcre2_compile_context  *context;

    pattern = pt_schema_alloc(c, sizeof(*pattern));
    if (pattern == NULL) {
        return NULL;
    }

    context = pcre2_compile_context_create(c->schema->memory);
    if (context == NULL) {
        c->err = PT_E_NOMEM;
        return NULL;
    }

    pattern->text = text;
    pattern->code = pcre2_compile((PCRE2_SPTR) text.data, text.len,
                                  PCRE2_UTF | PCRE2_DOLLAR_ENDONLY
                                  | PCRE2_NEVER_BACKSLASH_C
                                  | PCRE2_NO_UTF_CHECK,
                                  &error, &offset, context);

    pcre2_compile_context_free(context);

    if (pattern->code == NULL) {
        if (error == PCRE2_ERROR_HEAP_FAILED) {
            c->err = PT_E_NOMEM;
            return NULL;
        }

        (void) pcre2_get_error_message(error, message, sizeof(message));
        (void) pt_schema_wrong(c, at, "pattern \"%.*s\": %s at byte %zu",
                               PT_STR_ARG(text), (char *) message, offset);
        return NULL;
    }

    pattern->next_all = c->schema->patterns;
    c->schema->patterns = pattern;

    return pattern;
}


/* the percent-escapes of a URI's fragment; false where they are broken */
static bool
pt_schema_unescape(pt_compiler_t *c, pt_str_t *fragment)
{
    char        *p;
    int          hi, lo;
    size_t       i, n = 0;

    p = pt_schema_alloc(c, fragment->len);
    if (p == NULL) {
        return false;
    }

    for (i = 0; i < fragment->len; i++) {
        p[n] = fragment->data[i];

        if (p[n++] != '%') {
            continue;
        }

        if (fragment->len - i < 3) {
            return false;
        }

        hi = pt_schema_hex(fragment->data[++i]);
        lo = pt_schema_hex(fragment->data[++i]);

        if (hi < 0 || lo < 0) {
            return false;
        }

        p[n - 1] = (char) (hi << 4 | lo);
    }

    *fragment = (pt_str_t) { p, n };
    return true;
}


static int
pt_schema_hex(char c)
{
    const char  *digit;

    static const char  hex[] = "0123456789abcdefABCDEF";

    digit = c == '\0' ? NULL : strchr(hex, c);

    if (digit == NULL) {
        return -1;
    }

    return (int) (digit - hex) - (digit - hex > 15 ? 6 : 0);
}


static void
pt_schema_resolve(pt_compiler_t *c)
{
    pt_schema_node_t  *node, *target;

    for (node = c->schema->nodes; node != NULL; node = node->next) {
        if (node->ref_json == NULL) {
            continue;
        }

        for (target = c->schema->nodes; target != NULL; target = target->next) {
            if (target->json == node->ref_json) {
                break;
            }
        }

        if (target == NULL) {
            (void) pt_schema_wrong(c, NULL, "$ref \"%.*s\" names no schema",
                PT_STR_ARG(pt_json_string(node->json, "$ref", PT_STR_NULL)));
            return;
        }

        node->ref = target;
    }
}


static void
pt_schema_measure(pt_compiler_t *c)
{
    pt_schema_node_t  *node;

    for (node = c->schema->nodes; node != NULL; node = node->next) {
        if (!pt_schema_height(node, 0)) {
            (void) pt_schema_wrong(c, NULL, "schemas apply one through the "
                                   "other without end, or more than %d times",
                                   PT_SCHEMA_CHAIN_MAX);
            return;
        }
    }
}


/* false for a chain that is too long, as one without end is */
static bool
pt_schema_height(pt_schema_node_t *node, unsigned depth)
{
    if (node->entered || depth == PT_SCHEMA_CHAIN_MAX) {
        return false;
    }

    if (node->height > 0) {
        return true;
    }

    node->entered = true;

    if (!pt_schema_raise(node, node->ref, depth)
        || !pt_schema_raise_all(node, &node->all_of, depth)
        || !pt_schema_raise_all(node, &node->any_of, depth)
        || !pt_schema_raise_all(node, &node->one_of, depth)
        || !pt_schema_raise(node, node->not_, depth)
        || !pt_schema_raise(node, node->if_, depth)
        || !pt_schema_raise(node, node->then_, depth)
        || !pt_schema_raise(node, node->else_, depth))
    {
        return false;
    }

    node->entered = false;
    node->height++;

    return node->height <= PT_SCHEMA_CHAIN_MAX;
}


/* to what stands below at least; NULL is nothing */
static bool
pt_schema_raise(pt_schema_node_t *node, pt_schema_node_t *below,
    unsigned depth)
{
    if (below == NULL) {
        return true;
    }

    if (!pt_schema_height(below, depth + 1)) {
        return false;
    }

    if (node->height < below->height) {
        node->height = below->height;
    }

    return true;
}


static bool
pt_schema_raise_all(pt_schema_node_t *node, const pt_schema_nodes_t *below,
    unsigned depth)
{
    size_t  i;

    for (i = 0; i < below->n; i++) {
        if (!pt_schema_raise(node, below->nodes[i], depth)) {
            return false;
        }
    }

    return true;
}


/* false, which stops the compiler; "#/properties/a/type: what is wrong" */
static bool
pt_schema_wrong(pt_compiler_t *c, const pt_pointer_t *at, const char *fmt, ...)
{
    va_list   args;
    pt_buf_t  b;
    pt_str_t  text;
    char      message[PT_SCHEMA_MESSAGE];

    c->err = PT_E_INVALID;

    if (c->size == 0) {
        return false;
    }

    va_start(args, fmt);
    (void) vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);

    /* what does not fit is left out; a failed allocation leaves all out */
    pt_buf_init(&b, &c->arena->mem, c->size + sizeof(message));
    pt_buf_add_char(&b, '#');
    pt_pointer_write(at, &b);
    pt_buf_add_text(&b, ": ");
    pt_buf_add_text(&b, message);

    text = pt_buf_str(&b);

    if (text.len > c->size - 1) {
        text.len = c->size - 1;
    }

    text.len = pt_str_utf8_len(text);

    memcpy(c->error, text.data, text.len);
    c->error[text.len] = '\0';

    if (b.err == PT_E_NOMEM) {
        c->err = PT_E_NOMEM;
    }

    pt_buf_done(&b);

    return false;
}


static void *
pt_schema_alloc(pt_compiler_t *c, size_t size)
{
    void  *p;

    p = pt_arena_zalloc(c->arena, size);
    if (p == NULL) {
        c->err = PT_E_NOMEM;
    }

    return p;
}


static void *
pt_schema_pcre2_alloc(size_t size, void *mem)
{
    const pt_mem_t  *m = mem;

    return m->alloc(m->ctx, size);
}


static void
pt_schema_pcre2_free(void *p, void *mem)
{
    const pt_mem_t  *m = mem;

    if (p != NULL && m->free != NULL) {
        m->free(m->ctx, p);
    }
}
