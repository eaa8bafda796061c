/*
 * Validating a document against a compiled schema.
 *
 * pt_check() applies one schema to one value.  It runs in two manners: loud,
 * which tells violations and file ids, and silent, where only the verdict
 * counts (the branches of anyOf, oneOf, not, if, and contains).  Verdicts of
 * schemas that a $ref names are remembered for each value, since only by
 * references can a schema come to the same value on many ways; so the work
 * is at most schemas times values.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pt_number.h"
#include "pt_pointer.h"
#include "pt_schema_node.h"


/* bytes of a violation's text, and of the values listed in it */
#define PT_DETAIL_MAX        512
#define PT_DETAIL_LIST_MAX   320

/* bytes of its pointer; beyond, keys are left out */
#define PT_DETAIL_POINTER_MAX  8192

/*
 * Backtracking that a pattern may do: enough for any sane pattern, and linear
 * in the string, so that hostile strings cost no more than long ones.
 */
#define PT_MATCH_STEPS       2000
#define PT_MATCH_STEPS_BYTE  50
#define PT_MATCH_HEAP_KIB    8192

/* a pattern tried from each position of a longer one takes too long */
#define PT_MATCH_BYTES_MAX   16384

#define PT_MEMO_MIN          64      /* a power of two */


typedef enum {
    PT_UNKNOWN = 0,
    PT_INVALID,
    PT_VALID
} pt_verdict_t;


/* a slot of the hash table of verdicts; node is NULL where it is free */
typedef struct {
    const pt_schema_node_t     *node;
    const void                 *value;
    uint8_t                     silent;    /* pt_verdict_t */
    uint8_t                     loud;
} pt_memo_t;


typedef struct {
    const pt_schema_visitor_t  *visitor;
    size_t                      left;      /* violations that may be told */
    unsigned                    silent;    /* branches around */
    bool                        stop;      /* nothing more may change */
    bool                        failed;    /* whatever the verdict says */
    pt_err_t                    err;

    pt_memo_t                  *memo;
    size_t                      memo_n;
    size_t                      memo_size; /* a power of two, or 0 */

    /* the name that propertyNames looks at, and the member that has it */
    const pt_json_t            *name;
    const pt_json_t            *named;

    pcre2_match_data           *match;
    pcre2_match_context        *limits;
    pt_buf_t                    pointer;
} pt_validator_t;


/* an item's canonical text, for uniqueItems */
typedef struct {
    pt_str_t                    text;
    size_t                      at;        /* of its text, while that grows */
    size_t                      index;
} pt_text_t;


typedef bool (*pt_check_fn)(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);


static bool pt_check(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_shared(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_quietly(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static void pt_check_visits(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_wants_visits(const pt_validator_t *v);
static bool pt_is_settled(const pt_validator_t *v, bool ok);

static bool pt_check_type(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_enum(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_string(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_number(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_array(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_items(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_contains(pt_validator_t *v,
    const pt_schema_node_t *contains, const pt_json_t *value,
    const pt_pointer_t *at);
static bool pt_check_unique(pt_validator_t *v, const pt_json_t *value,
    const pt_pointer_t *at);
static int pt_text_order(const void *a, const void *b);
static bool pt_check_object(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_required(pt_validator_t *v, const pt_json_t *names,
    const pt_json_t *because, const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_member(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *member, const pt_pointer_t *at);
static bool pt_check_name(pt_validator_t *v, const pt_schema_node_t *names,
    const pt_json_t *member, const pt_pointer_t *at);
static bool pt_check_ref(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_all_of(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_any_of(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_one_of(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_not(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);
static bool pt_check_if(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at);

static bool pt_match(pt_validator_t *v, const pt_schema_pattern_t *pattern,
    pt_str_t s, const pt_pointer_t *at);
static bool pt_match_prepare(pt_validator_t *v);
static size_t pt_code_points(pt_str_t s);
static const pt_schema_node_t *pt_property(const pt_schema_node_t *node,
    pt_str_t name);
static unsigned pt_type_bits(const pt_json_t *value);

static bool pt_tell(pt_validator_t *v, const pt_pointer_t *at, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
static bool pt_tell_number(pt_validator_t *v, const pt_pointer_t *at,
    const char *what, double bound);
static bool pt_tell_size(pt_validator_t *v, const pt_pointer_t *at,
    const char *bound, size_t n, const char *what);
static bool pt_tell_values(pt_validator_t *v, const pt_pointer_t *at,
    const char *what, const pt_json_t *value, const pt_json_t *rest);
static bool pt_tell_branches(pt_validator_t *v, const pt_pointer_t *at,
    const char *what, const pt_schema_nodes_t *branches);
static pt_str_t pt_place(pt_validator_t *v, const pt_pointer_t *at);
static bool pt_nomem(pt_validator_t *v);

static pt_memo_t *pt_memo(pt_validator_t *v, const pt_schema_node_t *node,
    const void *value);
static pt_memo_t *pt_memo_slot(pt_memo_t *table, size_t size,
    const pt_schema_node_t *node, const void *value);
static bool pt_memo_grow(pt_validator_t *v);


/*
 * In this order.  A value of the wrong type, or not in its list, is wrong in
 * one way: what comes after the first two would only be noise.
 */
static const pt_check_fn  pt_checks[] = {
    pt_check_type,
    pt_check_enum,
    pt_check_string,
    pt_check_number,
    pt_check_array,
    pt_check_object,
    pt_check_ref,
    pt_check_all_of,
    pt_check_any_of,
    pt_check_one_of,
    pt_check_not,
    pt_check_if
};

#define PT_CHECKS       (sizeof(pt_checks) / sizeof(pt_checks[0]))
#define PT_CHECKS_ONLY  2


static const struct {
    unsigned     bit;
    const char  *name;
} pt_type_names[] = {
    { 1u << PT_JSON_STRING, "a string" },
    { PT_TYPE_INTEGER,      "an integer" },
    { 1u << PT_JSON_NUMBER, "a number" },
    { 1u << PT_JSON_BOOL,   "true or false" },
    { 1u << PT_JSON_ARRAY,  "an array" },
    { 1u << PT_JSON_OBJECT, "an object" },
    { 1u << PT_JSON_NULL,   "null" }
};

#define PT_TYPE_NAMES  (sizeof(pt_type_names) / sizeof(pt_type_names[0]))


/*
 * Memory is malloc()'s, whatever the schema was compiled with: that of a
 * configuration would never come back.
 */
pt_err_t
pt_schema_validate(const pt_schema_t *schema, const pt_json_t *document,
    size_t max, const pt_schema_visitor_t *visitor)
{
    bool            ok;
    pt_validator_t  v = { .visitor = visitor, .left = max };

    pt_buf_init(&v.pointer, &pt_mem_heap, PT_DETAIL_POINTER_MAX);

    ok = pt_check(&v, schema->root, document, NULL);

    pt_buf_done(&v.pointer);
    pcre2_match_data_free(v.match);
    pcre2_match_context_free(v.limits);

    if (v.memo != NULL) {
        pt_mem_heap.free(pt_mem_heap.ctx, v.memo);
    }

    if (v.err != PT_OK) {
        return v.err;
    }

    return ok && !v.failed ? PT_OK : PT_E_INVALID;
}


static bool
pt_check(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool    ok = true;
    size_t  i;

    if (node->never) {
        return pt_tell(v, at, "is not allowed");
    }

    if (node->write_only && !v->silent && v->visitor->secret != NULL) {
        v->visitor->secret(v->visitor->ctx, pt_place(v, at));
    }

    for (i = 0; i < PT_CHECKS && !v->stop; i++) {
        if (pt_checks[i](v, node, value, at)) {
            continue;
        }

        ok = false;

        if (v->silent || i < PT_CHECKS_ONLY) {
            break;
        }
    }

    return ok;
}


/* whether a loop over parts of a value has nothing more to find out */
static bool
pt_is_settled(const pt_validator_t *v, bool ok)
{
    return v->stop || (v->silent && !ok);
}


/* a schema that is named by a $ref: once for each value in each manner */
static bool
pt_check_shared(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool          ok;
    pt_memo_t    *memo;
    const void   *id;

    /* the name under propertyNames lives on the stack, its member does not */
    id = value == v->name ? (const void *) &v->named->key : value;

    memo = pt_memo(v, node, id);
    if (memo == NULL) {
        return false;
    }

    if (memo->loud != PT_UNKNOWN) {
        return memo->loud == PT_VALID;
    }

    if (memo->silent == PT_VALID && !pt_wants_visits(v)) {
        return true;
    }

    if (memo->silent == PT_INVALID && v->silent) {
        return false;
    }

    ok = pt_check(v, node, value, at);

    /* the table may have moved */
    memo = pt_memo(v, node, id);
    if (memo == NULL) {
        return false;
    }

    if (v->silent) {
        memo->silent = ok ? PT_VALID : PT_INVALID;
    } else {
        memo->loud = ok ? PT_VALID : PT_INVALID;
    }

    return ok;
}


static bool
pt_check_quietly(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool  ok;

    v->silent++;
    ok = pt_check(v, node, value, at);
    v->silent--;

    return ok;
}


/* in a branch that was found to be valid */
static void
pt_check_visits(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    if (pt_wants_visits(v)) {
        (void) pt_check(v, node, value, at);
    }
}


static bool
pt_wants_visits(const pt_validator_t *v)
{
    return !v->silent && (v->visitor->file_id != NULL
                          || v->visitor->secret != NULL);
}


static bool
pt_check_type(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    char         list[PT_DETAIL_LIST_MAX];
    size_t       i, len = 0;
    unsigned     left, bits;
    const char  *got = "a fraction";

    bits = pt_type_bits(value);

    if (node->types == 0 || (node->types & bits) != 0) {
        return true;
    }

    if (v->silent) {
        return false;
    }

    left = node->types;
    list[0] = '\0';

    for (i = 0; i < PT_TYPE_NAMES; i++) {
        if (left & pt_type_names[i].bit) {
            left &= ~pt_type_names[i].bit;
            len += (size_t) snprintf(list + len, sizeof(list) - len, "%s%s",
                                     len == 0 ? "" : left == 0 ? " or " : ", ",
                                     pt_type_names[i].name);
        }

        if (pt_type_names[i].bit == 1u << value->type
            && !(value->type == PT_JSON_NUMBER
                 && (node->types & PT_TYPE_INTEGER)))
        {
            got = pt_type_names[i].name;
        }
    }

    return pt_tell(v, at, "must be %s, not %s", list, got);
}


static bool
pt_check_enum(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    const pt_json_t  *allowed;

    if (node->constant != NULL && !pt_json_equal(node->constant, value)) {
        return pt_tell_values(v, at, "must be", node->constant, NULL);
    }

    if (node->enumeration == NULL) {
        return true;
    }

    for (allowed = node->enumeration->first; allowed != NULL;
         allowed = allowed->next)
    {
        if (pt_json_equal(allowed, value)) {
            return true;
        }
    }

    allowed = node->enumeration->first;

    return pt_tell_values(v, at, allowed->next != NULL ? "must be one of"
                          : "must be", allowed, allowed->next);
}


static bool
pt_check_string(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool    ok = true;
    size_t  n;

    if (value->type != PT_JSON_STRING) {
        return true;
    }

    if (node->min_length > 0 || node->max_length < SIZE_MAX) {
        n = pt_code_points(value->text);

        if (n > node->max_length) {
            return pt_tell_size(v, at, "at most", node->max_length,
                                "character");
        }

        if (n < node->min_length) {
            return pt_tell_size(v, at, "at least", node->min_length,
                                "character");
        }
    }

    if (node->pattern != NULL
        && !pt_match(v, node->pattern, value->text, at))
    {
        ok = pt_tell(v, at, "must match the pattern \"%.*s\"",
                     PT_STR_ARG(node->pattern->text));
    }

    if (node->format == PT_FORMAT_NONE) {
        return ok;
    }

    if (!pt_format_check(node->format, value->text)) {
        return pt_tell(v, at, "%s", pt_format_detail(node->format));
    }

    if (node->format == PT_FORMAT_FILE_ID && !v->silent && !v->stop
        && v->visitor->file_id != NULL)
    {
        v->visitor->file_id(v->visitor->ctx, pt_place(v, at), value->text);
    }

    return ok;
}


static bool
pt_check_number(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool    ok = true;
    double  n = value->number;

    if (value->type != PT_JSON_NUMBER) {
        return true;
    }

    if (n < node->minimum) {
        ok = pt_tell_number(v, at, "at least", node->minimum);
    }

    if (n <= node->exclusive_minimum) {
        ok = pt_tell_number(v, at, "more than", node->exclusive_minimum);
    }

    if (n > node->maximum) {
        ok = pt_tell_number(v, at, "at most", node->maximum);
    }

    if (n >= node->exclusive_maximum) {
        ok = pt_tell_number(v, at, "less than", node->exclusive_maximum);
    }

    if (node->multiple_of > 0 && !pt_number_is_multiple(n, node->multiple_of)) {
        ok = pt_tell_number(v, at, "a multiple of", node->multiple_of);
    }

    return ok;
}


static bool
pt_check_array(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool  ok = true;

    if (value->type != PT_JSON_ARRAY) {
        return true;
    }

    if (value->n < node->min_items) {
        ok = pt_tell_size(v, at, "at least", node->min_items, "item");
    }

    if (value->n > node->max_items) {
        ok = pt_tell_size(v, at, "at most", node->max_items, "item");
    }

    if (!pt_is_settled(v, ok) && node->unique_items
        && !pt_check_unique(v, value, at))
    {
        ok = false;
    }

    if (!pt_is_settled(v, ok) && node->contains != NULL
        && !pt_check_contains(v, node->contains, value, at))
    {
        ok = false;
    }

    if (!pt_is_settled(v, ok) && !pt_check_items(v, node, value, at)) {
        ok = false;
    }

    return ok;
}


static bool
pt_check_items(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool                     ok = true;
    pt_pointer_t             below = { .up = at };
    const pt_json_t         *item;
    const pt_schema_node_t  *schema;

    for (item = value->first; item != NULL; item = item->next, below.index++) {
        schema = below.index < node->prefix_items.n
                 ? node->prefix_items.nodes[below.index] : node->items;

        if (schema == NULL) {
            break;
        }

        if (!pt_check(v, schema, item, &below)) {
            ok = false;
        }

        if (pt_is_settled(v, ok)) {
            break;
        }
    }

    return ok;
}


static bool
pt_check_contains(pt_validator_t *v, const pt_schema_node_t *contains,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool              found = false;
    pt_pointer_t      below = { .up = at };
    const pt_json_t  *item;

    for (item = value->first; item != NULL && !v->stop;
         item = item->next, below.index++)
    {
        if (!pt_check_quietly(v, contains, item, &below)) {
            continue;
        }

        found = true;

        if (!pt_wants_visits(v)) {
            break;
        }

        pt_check_visits(v, contains, item, &below);
    }

    return found || pt_tell(v, at, "has no item of the kind that it must "
                            "contain");
}


/*
 * Equal items have equal canonical texts, which can be sorted; comparing
 * each with each takes too long from some thousand items on.
 */
static bool
pt_check_unique(pt_validator_t *v, const pt_json_t *value,
    const pt_pointer_t *at)
{
    bool              ok = true;
    size_t            i;
    pt_buf_t          b;
    pt_text_t        *texts;
    const pt_json_t  *item;

    if (value->n < 2) {
        return true;
    }

    texts = pt_mem_heap.alloc(pt_mem_heap.ctx, value->n * sizeof(*texts));
    if (texts == NULL) {
        return pt_nomem(v);
    }

    pt_buf_init(&b, &pt_mem_heap, SIZE_MAX / 4);

    for (i = 0, item = value->first; item != NULL; item = item->next, i++) {
        texts[i].index = i;
        texts[i].at = b.len;
        pt_json_canonical(item, &b);
        texts[i].text.len = b.len - texts[i].at;
    }

    if (b.err != PT_OK) {
        ok = pt_nomem(v);
        goto done;
    }

    for (i = 0; i < value->n; i++) {
        texts[i].text.data = b.data + texts[i].at;
    }

    qsort(texts, value->n, sizeof(*texts), pt_text_order);

    for (i = 1; i < value->n && ok; i++) {
        if (pt_str_eq(texts[i - 1].text, texts[i].text)) {
            ok = pt_tell(v, at, "must not have equal items, as %zu and %zu are",
                         texts[i - 1].index, texts[i].index);
        }
    }

done:

    pt_buf_done(&b);
    pt_mem_heap.free(pt_mem_heap.ctx, texts);

    return ok;
}


static int
pt_text_order(const void *a, const void *b)
{
    int               order;
    const pt_text_t  *ta = a, *tb = b;

    if (ta->text.len != tb->text.len) {
        return ta->text.len < tb->text.len ? -1 : 1;
    }

    order = memcmp(ta->text.data, tb->text.data, ta->text.len);

    return order != 0 ? order : ta->index < tb->index ? -1 : 1;
}


static bool
pt_check_object(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool              ok = true;
    pt_pointer_t      below = { .up = at };
    const pt_json_t  *member, *dependent;

    if (value->type != PT_JSON_OBJECT) {
        return true;
    }

    if (value->n < node->min_properties) {
        ok = pt_tell_size(v, at, "at least", node->min_properties, "member");
    }

    if (value->n > node->max_properties) {
        ok = pt_tell_size(v, at, "at most", node->max_properties, "member");
    }

    if (node->required != NULL
        && !pt_check_required(v, node->required, NULL, value, at))
    {
        ok = false;
    }

    dependent = node->dependent_required != NULL
                ? node->dependent_required->first : NULL;

    for (/* void */; dependent != NULL; dependent = dependent->next) {
        if (pt_json_member_str(value, dependent->key) != NULL
            && !pt_check_required(v, dependent, dependent, value, at))
        {
            ok = false;
        }
    }

    for (member = value->first; member != NULL; member = member->next) {
        if (pt_is_settled(v, ok)) {
            break;
        }

        below.key = member->key;

        if (!pt_check_member(v, node, member, &below)) {
            ok = false;
        }
    }

    return ok;
}


/* because: the member that requires them, or NULL */
static bool
pt_check_required(pt_validator_t *v, const pt_json_t *names,
    const pt_json_t *because, const pt_json_t *value, const pt_pointer_t *at)
{
    bool              ok = true;
    pt_pointer_t      below = { .up = at };
    const pt_json_t  *name;

    for (name = names->first; name != NULL && !pt_is_settled(v, ok);
         name = name->next)
    {
        if (pt_json_member_str(value, name->text) != NULL) {
            continue;
        }

        below.key = name->text;

        ok = because == NULL
             ? pt_tell(v, &below, "is required")
             : pt_tell(v, &below, "is required where \"%.*s\" is given",
                       PT_STR_ARG(because->key));
    }

    return ok;
}


static bool
pt_check_member(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *member, const pt_pointer_t *at)
{
    bool                        ok = true, known = false;
    const pt_schema_node_t     *property;
    const pt_schema_pattern_t  *pattern;

    if (node->property_names != NULL
        && !pt_check_name(v, node->property_names, member, at))
    {
        ok = false;
    }

    property = pt_property(node, member->key);

    if (property != NULL) {
        known = true;

        if (!pt_check(v, property, member, at)) {
            ok = false;
        }
    }

    for (pattern = node->pattern_properties; pattern != NULL;
         pattern = pattern->next)
    {
        if (pt_is_settled(v, ok)) {
            return ok;
        }

        if (pt_match(v, pattern, member->key, at)) {
            known = true;

            if (!pt_check(v, pattern->node, member, at)) {
                ok = false;
            }
        }
    }

    if (known || node->additional == NULL || pt_is_settled(v, ok)) {
        return ok;
    }

    if (node->additional->never) {
        return pt_tell(v, at, "unknown member");
    }

    return pt_check(v, node->additional, member, at) && ok;
}


static bool
pt_check_name(pt_validator_t *v, const pt_schema_node_t *names,
    const pt_json_t *member, const pt_pointer_t *at)
{
    bool       ok;
    pt_json_t  name = { .type = PT_JSON_STRING, .text = member->key };

    v->name = &name;
    v->named = member;

    ok = pt_check_quietly(v, names, &name, at);

    v->name = NULL;

    return ok || pt_tell(v, at, "is not a name that a member may have");
}


static bool
pt_check_ref(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    return node->ref == NULL || pt_check_shared(v, node->ref, value, at);
}


static bool
pt_check_all_of(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool    ok = true;
    size_t  i;

    for (i = 0; i < node->all_of.n && !pt_is_settled(v, ok); i++) {
        if (!pt_check(v, node->all_of.nodes[i], value, at)) {
            ok = false;
        }
    }

    return ok;
}


static bool
pt_check_any_of(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    bool    found = false;
    size_t  i;

    for (i = 0; i < node->any_of.n && !v->stop; i++) {
        if (!pt_check_quietly(v, node->any_of.nodes[i], value, at)) {
            continue;
        }

        found = true;

        if (!pt_wants_visits(v)) {
            break;
        }

        pt_check_visits(v, node->any_of.nodes[i], value, at);
    }

    return found || node->any_of.n == 0
           || pt_tell_branches(v, at, "fits none of", &node->any_of);
}


static bool
pt_check_one_of(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    size_t                   i;
    const pt_schema_node_t  *branch, *found = NULL;

    for (i = 0; i < node->one_of.n && !v->stop; i++) {
        branch = node->one_of.nodes[i];

        if (!pt_check_quietly(v, branch, value, at)) {
            continue;
        }

        if (found != NULL) {
            return pt_tell_branches(v, at, "must fit one alone of",
                                    &node->one_of);
        }

        found = branch;
    }

    if (found != NULL) {
        pt_check_visits(v, found, value, at);
        return true;
    }

    return node->one_of.n == 0
           || pt_tell_branches(v, at, "fits none of", &node->one_of);
}


static bool
pt_check_not(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    if (node->not_ == NULL || !pt_check_quietly(v, node->not_, value, at)) {
        return true;
    }

    return pt_tell(v, at, "has a form that is not allowed");
}


static bool
pt_check_if(pt_validator_t *v, const pt_schema_node_t *node,
    const pt_json_t *value, const pt_pointer_t *at)
{
    const pt_schema_node_t  *branch;

    if (node->if_ == NULL) {
        return true;
    }

    if (pt_check_quietly(v, node->if_, value, at)) {
        pt_check_visits(v, node->if_, value, at);
        branch = node->then_;

    } else {
        branch = node->else_;
    }

    return branch == NULL || v->stop || pt_check(v, branch, value, at);
}


/*
 * False also where the pattern takes too much work: then the document is
 * refused whatever the schemas around make of it, "not" for example.
 */
static bool
pt_match(pt_validator_t *v, const pt_schema_pattern_t *pattern, pt_str_t s,
    const pt_pointer_t *at)
{
    int       rc;
    unsigned  silent;

    if (!pt_match_prepare(v)) {
        return false;
    }

    rc = PCRE2_ERROR_MATCHLIMIT;

    if (s.len <= PT_MATCH_BYTES_MAX) {
        (void) pcre2_set_match_limit(v->limits, PT_MATCH_STEPS
                                     + PT_MATCH_STEPS_BYTE * (uint32_t) s.len);

        rc = pcre2_match(pattern->code, (PCRE2_SPTR) s.data, s.len, 0,
                         PCRE2_NO_UTF_CHECK, v->match, v->limits);
    }

    if (rc >= 0) {
        return true;
    }

    if (rc == PCRE2_ERROR_NOMATCH) {
        return false;
    }

    if (rc == PCRE2_ERROR_NOMEMORY) {
        return pt_nomem(v);
    }

    silent = v->silent;
    v->silent = 0;
    (void) pt_tell(v, at, "is too much to check against the pattern \"%.*s\"",
                   PT_STR_ARG(pattern->text));
    v->silent = silent;
    v->failed = true;
    v->stop = true;

    return false;
}


static bool
pt_match_prepare(pt_validator_t *v)
{
    if (v->limits != NULL) {
        return true;
    }

    if (v->match == NULL) {
        v->match = pcre2_match_data_create(1, NULL);
    }

    v->limits = pcre2_match_context_create(NULL);

    if (v->match == NULL || v->limits == NULL) {
        return pt_nomem(v);
    }

    (void) pcre2_set_heap_limit(v->limits, PT_MATCH_HEAP_KIB);

    return true;
}


static size_t
pt_code_points(pt_str_t s)
{
    size_t  i, n = 0;

    for (i = 0; i < s.len; i++) {
        n += ((uint8_t) s.data[i] & 0xc0) != 0x80;
    }

    return n;
}


static const pt_schema_node_t *
pt_property(const pt_schema_node_t *node, pt_str_t name)
{
    size_t  i;

    for (i = 0; i < node->properties.n; i++) {
        if (pt_str_eq(node->properties.members[i].name, name)) {
            return node->properties.members[i].node;
        }
    }

    return NULL;
}


static unsigned
pt_type_bits(const pt_json_t *value)
{
    unsigned  bits = 1u << value->type;

    /* a double that large has no fraction: 1e300 is an integer too */
    if (value->type == PT_JSON_NUMBER
        && (value->integer || fabs(value->number) > (double) PT_JSON_INT_MAX))
    {
        bits |= PT_TYPE_INTEGER;
    }

    return bits;
}


/* false, the verdict */
static bool
pt_tell(pt_validator_t *v, const pt_pointer_t *at, const char *fmt, ...)
{
    char      text[PT_DETAIL_MAX];
    va_list   args;
    pt_str_t  detail, pointer;

    if (v->silent || v->stop) {
        return false;
    }

    if (v->left > 0) {
        va_start(args, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);

        /* it may have been cut inside a character */
        detail = pt_str(text);
        detail.len = pt_str_utf8_len(detail);

        pointer = pt_place(v, at);

        if (v->err == PT_OK) {
            v->left--;
            v->visitor->violation(v->visitor->ctx, pointer, detail);
        }
    }

    if (v->left == 0) {
        v->stop = true;
    }

    return false;
}


static bool
pt_tell_number(pt_validator_t *v, const pt_pointer_t *at, const char *what,
    double bound)
{
    int   len;
    char  text[PT_NUMBER_TEXT_MAX];

    if (v->silent) {
        return false;
    }

    len = (int) pt_number_format(bound, text);

    return pt_tell(v, at, "must be %s %.*s", what, len, text);
}


static bool
pt_tell_size(pt_validator_t *v, const pt_pointer_t *at, const char *bound,
    size_t n, const char *what)
{
    return pt_tell(v, at, "must have %s %zu %s%s", bound, n, what,
                   n == 1 ? "" : "s");
}


/* a value, and those behind it from rest on, as many as fit */
static bool
pt_tell_values(pt_validator_t *v, const pt_pointer_t *at, const char *what,
    const pt_json_t *value, const pt_json_t *rest)
{
    size_t       end;
    pt_buf_t     b;
    pt_str_t     list;
    pt_jsonw_t   w;
    const char  *more = "";

    if (v->silent) {
        return false;
    }

    pt_buf_init(&b, &pt_mem_heap, PT_DETAIL_LIST_MAX);

    for ( ;; ) {
        end = b.len;

        if (end > 0) {
            pt_buf_add_text(&b, ", ");
        }

        pt_jsonw_init(&w, &b);
        pt_jsonw_value(&w, value);

        if (b.err != PT_OK) {
            b.len = end;
            more = end > 0 ? ", ..." : "...";
            break;
        }

        if (rest == NULL) {
            break;
        }

        value = rest;
        rest = rest->next;
    }

    if (b.err == PT_E_NOMEM) {
        pt_buf_done(&b);
        return pt_nomem(v);
    }

    list = pt_buf_str(&b);
    (void) pt_tell(v, at, "%s %.*s%s", what, PT_STR_ARG(list), more);
    pt_buf_done(&b);

    return false;
}


/* by their titles, where all have one */
static bool
pt_tell_branches(pt_validator_t *v, const pt_pointer_t *at, const char *what,
    const pt_schema_nodes_t *branches)
{
    int       len = 0;
    char      list[PT_DETAIL_LIST_MAX];
    size_t    i;
    pt_str_t  title;

    if (v->silent) {
        return false;
    }

    for (i = 0; i < branches->n; i++) {
        title = pt_json_string(branches->nodes[i]->json, "title", PT_STR_NULL);

        if (title.data == NULL) {
            break;
        }

        len += snprintf(list + len, sizeof(list) - (size_t) len, "%s%.*s",
                        i == 0 ? "" : ", ", PT_STR_ARG(title));

        if ((size_t) len >= sizeof(list)) {
            break;
        }
    }

    if (i < branches->n) {
        return pt_tell(v, at, "%s the %zu allowed forms", what, branches->n);
    }

    return pt_tell(v, at, "%s these: %s", what, list);
}


/* for the call of a visitor only */
static pt_str_t
pt_place(pt_validator_t *v, const pt_pointer_t *at)
{
    pt_buf_reset(&v->pointer);
    pt_pointer_write(at, &v->pointer);

    if (v->pointer.err == PT_E_NOMEM) {
        (void) pt_nomem(v);
    }

    return pt_buf_str(&v->pointer);
}


static bool
pt_nomem(pt_validator_t *v)
{
    v->err = PT_E_NOMEM;
    v->stop = true;

    return false;
}


/* the place of a verdict, made if there is none; NULL: no memory */
static pt_memo_t *
pt_memo(pt_validator_t *v, const pt_schema_node_t *node, const void *value)
{
    pt_memo_t  *memo;

    if (v->memo_n >= v->memo_size / 2 && !pt_memo_grow(v)) {
        (void) pt_nomem(v);
        return NULL;
    }

    memo = pt_memo_slot(v->memo, v->memo_size, node, value);

    if (memo->node == NULL) {
        *memo = (pt_memo_t) { .node = node, .value = value };
        v->memo_n++;
    }

    return memo;
}


/* where it is, or where it would be */
static pt_memo_t *
pt_memo_slot(pt_memo_t *table, size_t size, const pt_schema_node_t *node,
    const void *value)
{
    uint64_t  hash;
    size_t    i;

    /* Knuth's multiplication, whose high bits depend on all of the low ones */
    hash = (uint64_t) (uintptr_t) node * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ (uint64_t) (uintptr_t) value) * 0x9e3779b97f4a7c15ULL;

    for (i = (size_t) (hash >> 32) & (size - 1); table[i].node != NULL;
         i = (i + 1) & (size - 1))
    {
        if (table[i].node == node && table[i].value == value) {
            break;
        }
    }

    return &table[i];
}


static bool
pt_memo_grow(pt_validator_t *v)
{
    size_t      i, size;
    pt_memo_t  *table;

    size = v->memo_size == 0 ? PT_MEMO_MIN : v->memo_size * 2;

    table = pt_mem_heap.alloc(pt_mem_heap.ctx, size * sizeof(*table));
    if (table == NULL) {
        return false;
    }

    memset(table, 0, size * sizeof(*table));

    for (i = 0; i < v->memo_size; i++) {
        if (v->memo[i].node != NULL) {
            *pt_memo_slot(table, size, v->memo[i].node, v->memo[i].value) =
                v->memo[i];
        }
    }

    if (v->memo != NULL) {
        pt_mem_heap.free(pt_mem_heap.ctx, v->memo);
    }

    v->memo = table;
    v->memo_size = size;

    return true;
}
