/*
 * The JSON parser: yajl reads the text and calls back, we build the tree and
 * keep the limits.  Reading trees is at the end.
 *
 * yajl does not look at what its allocator returns, nor does it complain of
 * half a surrogate pair (it puts a question mark), a form feed (it is white
 * space) or a string behind the document that has no end; so a failed
 * allocation leaves by longjmp(), and the text is checked before and after.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <yajl/yajl_parse.h>

#include "pt_arena.h"
#include "pt_json.h"


/* what yajl needs for strings up to 2 KiB; more comes from the allocator */
#define PT_JSON_SCRATCH     6144

/* of a short name in a message; longer ones are cut */
#define PT_JSON_NAME_MAX    64

/* up to so many members it costs less to compare each with each */
#define PT_JSON_FEW         8

#define PT_JSON_CHUNK_MIN   1024
#define PT_JSON_CHUNK_MAX   65536


typedef struct {
    pt_json_t         root;       /* first: the tree is freed by its root */
    pt_arena_t        arena;
} pt_json_tree_t;


typedef struct {
    pt_json_tree_t   *tree;
    pt_arena_t        scratch;    /* yajl's, and for sorting */
    yajl_handle       yajl;
    jmp_buf           nomem;

    pt_str_t          text;
    pt_str_t          key;        /* of the value to come */

    unsigned          depth;
    pt_json_t        *open[PT_JSON_DEPTH_MAX];    /* containers around */
    pt_json_t       **end[PT_JSON_DEPTH_MAX];     /* for the next child */

    pt_err_t          err;
    pt_json_error_t   error;
} pt_json_parser_t;


/* what yajl's allocator keeps before each block, for realloc */
typedef union {
    size_t            size;
    max_align_t       align;
} pt_json_block_t;


static pt_json_tree_t *pt_json_tree_new(pt_str_t text, const pt_mem_t *mem);
static void pt_json_check_text(pt_json_parser_t *p);
static size_t pt_json_check_escape(pt_json_parser_t *p, size_t at);
static int pt_json_hex4(pt_str_t text, size_t at);
static void pt_json_run(pt_json_parser_t *p);
static void pt_json_run_yajl(pt_json_parser_t *p);
static void pt_json_check_end(pt_json_parser_t *p, size_t at);
static void pt_json_take_yajl_error(pt_json_parser_t *p);

static int pt_json_on_null(void *ctx);
static int pt_json_on_boolean(void *ctx, int value);
static int pt_json_on_number(void *ctx, const char *text, size_t len);
static int pt_json_on_string(void *ctx, const unsigned char *text, size_t len);
static int pt_json_on_start_object(void *ctx);
static int pt_json_on_start_array(void *ctx);
static int pt_json_on_key(void *ctx, const unsigned char *text, size_t len);
static int pt_json_on_end_object(void *ctx);
static int pt_json_on_end_array(void *ctx);

static pt_json_t *pt_json_add(pt_json_parser_t *p, pt_json_type_t type);
static int pt_json_open(pt_json_parser_t *p, pt_json_type_t type);
static bool pt_json_read_number(pt_json_parser_t *p, pt_json_t *value);
static const pt_json_t *pt_json_duplicate(pt_json_parser_t *p,
    const pt_json_t *object);
static int pt_json_key_order(const void *a, const void *b);
static int pt_json_fail(pt_json_parser_t *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int pt_json_nomem(pt_json_parser_t *p);
static pt_str_t pt_json_short(pt_str_t name);

static bool pt_json_peek_string(pt_str_t *rest, pt_str_t *ret_string);
static bool pt_json_peek_char(pt_str_t *rest, char c);

static bool pt_json_equal_members(const pt_json_t *a, const pt_json_t *b);

static void *pt_json_yajl_malloc(void *ctx, size_t size);
static void *pt_json_yajl_realloc(void *ctx, void *block, size_t size);
static void pt_json_yajl_free(void *ctx, void *block);


/* yajl calls on_number for every number, so it needs neither of the others */
static const yajl_callbacks  pt_json_callbacks = {
    .yajl_null        = pt_json_on_null,
    .yajl_boolean     = pt_json_on_boolean,
    .yajl_integer     = NULL,
    .yajl_double      = NULL,
    .yajl_number      = pt_json_on_number,
    .yajl_string      = pt_json_on_string,
    .yajl_start_map   = pt_json_on_start_object,
    .yajl_map_key     = pt_json_on_key,
    .yajl_end_map     = pt_json_on_end_object,
    .yajl_start_array = pt_json_on_start_array,
    .yajl_end_array   = pt_json_on_end_array
};


pt_err_t
pt_json_parse(pt_str_t text, const pt_mem_t *mem, pt_json_t **ret_root,
    pt_json_error_t *ret_error)
{
    pt_json_parser_t   p;
    _Alignas(max_align_t) char  scratch[PT_JSON_SCRATCH];

    p.text = text;
    p.key = PT_STR_NULL;
    p.depth = 0;
    p.err = PT_OK;
    p.error.offset = 0;
    p.error.message[0] = '\0';

    p.tree = pt_json_tree_new(text, mem);
    if (p.tree == NULL) {
        return PT_E_NOMEM;
    }

    pt_arena_init_buffer(&p.scratch, mem, scratch, sizeof(scratch));

    pt_json_check_text(&p);

    if (p.err == PT_OK) {
        pt_json_run(&p);
    }

    pt_arena_done(&p.scratch);

    if (p.err != PT_OK) {
        pt_json_free(&p.tree->root);

        if (ret_error != NULL && p.err == PT_E_INVALID) {
            *ret_error = p.error;
        }

        return p.err;
    }

    *ret_root = &p.tree->root;
    return PT_OK;
}


void
pt_json_free(pt_json_t *root)
{
    if (root != NULL) {
        pt_arena_done(&((pt_json_tree_t *) root)->arena);
    }
}


static pt_json_tree_t *
pt_json_tree_new(pt_str_t text, const pt_mem_t *mem)
{
    size_t           first;
    pt_arena_t       arena;
    pt_json_tree_t  *tree;

    /* a request's tree is about ten times its text */
    first = text.len < PT_JSON_CHUNK_MAX / 16
            ? PT_JSON_CHUNK_MIN + 16 * text.len : PT_JSON_CHUNK_MAX;

    pt_arena_init(&arena, mem, first);

    tree = pt_arena_zalloc(&arena, sizeof(*tree));
    if (tree != NULL) {
        tree->arena = arena;
    }

    return tree;
}


/*
 * What yajl would let pass.  A backslash in valid JSON stands in a string
 * only, so strings need not be followed; if the text is not valid otherwise,
 * either error is right.
 */
static void
pt_json_check_text(pt_json_parser_t *p)
{
    size_t       at;
    const char  *backslash;

    at = pt_str_utf8_len(p->text);

    if (at != p->text.len) {
        (void) pt_json_fail(p, "not UTF-8");
        p->error.offset = at;
        return;
    }

    for (at = 0; at < p->text.len; at++) {
        if (p->text.data[at] == '\v' || p->text.data[at] == '\f') {
            (void) pt_json_fail(p, "a control character");
            p->error.offset = at;
            return;
        }
    }

    for (at = 0; at < p->text.len && p->err == PT_OK; /* void */) {
        backslash = memchr(p->text.data + at, '\\', p->text.len - at);
        if (backslash == NULL) {
            return;
        }

        at = (size_t) (backslash - p->text.data);
        p->error.offset = at;
        at = pt_json_check_escape(p, at);
    }
}


/* the position after the escape at at; sets p->err */
static size_t
pt_json_check_escape(pt_json_parser_t *p, size_t at)
{
    int  unit, low;

    if (p->text.len - at < 2 || p->text.data[at + 1] != 'u') {
        return at + 2;
    }

    unit = pt_json_hex4(p->text, at + 2);

    if (unit == 0) {
        (void) pt_json_fail(p, "the character U+0000 is not allowed");
    }

    /* no four digits: yajl says so */
    if (unit < 0xd800 || unit > 0xdfff) {
        return at + 2;
    }

    at += 6;

    if (unit < 0xdc00 && p->text.len - at >= 2
        && p->text.data[at] == '\\' && p->text.data[at + 1] == 'u')
    {
        low = pt_json_hex4(p->text, at + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            return at + 6;
        }
    }

    (void) pt_json_fail(p, "half of a surrogate pair");

    return at;
}


static int
pt_json_hex4(pt_str_t text, size_t at)
{
    int     i, v = 0;
    char    c;

    if (at > text.len || text.len - at < 4) {
        return -1;
    }

    for (i = 0; i < 4; i++) {
        c = text.data[at + (size_t) i];

        if (c >= '0' && c <= '9') {
            v = v << 4 | (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return -1;
        }

        v = v << 4 | (c - 'a' + 10);
    }

    return v;
}


static void
pt_json_run(pt_json_parser_t *p)
{
    /* all that yajl owns lies in p->scratch, which the caller gives back */
    if (setjmp(p->nomem) != 0) {
        p->err = PT_E_NOMEM;
        return;
    }

    pt_json_run_yajl(p);
}


static void
pt_json_run_yajl(pt_json_parser_t *p)
{
    size_t            end;
    yajl_status       status;
    yajl_alloc_funcs  alloc = { pt_json_yajl_malloc, pt_json_yajl_realloc,
                                pt_json_yajl_free, p };

    p->yajl = yajl_alloc(&pt_json_callbacks, &alloc, p);

    /* we check both ourselves, and better */
    (void) yajl_config(p->yajl, yajl_dont_validate_strings, 1);
    (void) yajl_config(p->yajl, yajl_allow_trailing_garbage, 1);

    status = yajl_parse(p->yajl, (const unsigned char *) p->text.data,
                        p->text.len);
    end = yajl_get_bytes_consumed(p->yajl);
    p->error.offset = end;

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(p->yajl);
        p->error.offset = p->text.len;
    }

    if (status == yajl_status_error) {
        pt_json_take_yajl_error(p);

    } else if (p->err == PT_OK) {
        pt_json_check_end(p, end);
    }
}


/* yajl itself would let a string pass here that has no end */
static void
pt_json_check_end(pt_json_parser_t *p, size_t at)
{
    for (/* void */; at < p->text.len; at++) {
        if (memchr(" \t\n\r", p->text.data[at], 4) == NULL) {
            p->error.offset = at;
            (void) pt_json_fail(p, "something stands behind the document");
            return;
        }
    }
}


static void
pt_json_take_yajl_error(pt_json_parser_t *p)
{
    int             len;
    unsigned char  *message;

    message = yajl_get_error(p->yajl, 0, NULL, 0);

    /* "parse error: premature EOF\n", at times with a full stop */
    len = (int) strcspn((char *) message, "\n");

    if (len > 0 && message[len - 1] == '.') {
        len--;
    }

    (void) pt_json_fail(p, "%.*s", len, (char *) message);
}


static int
pt_json_on_null(void *ctx)
{
    return pt_json_add(ctx, PT_JSON_NULL) != NULL;
}


static int
pt_json_on_boolean(void *ctx, int value)
{
    pt_json_t  *v;

    v = pt_json_add(ctx, PT_JSON_BOOL);
    if (v == NULL) {
        return 0;
    }

    v->boolean = value != 0;
    return 1;
}


static int
pt_json_on_number(void *ctx, const char *text, size_t len)
{
    pt_json_t         *v;
    pt_json_parser_t  *p = ctx;

    v = pt_json_add(p, PT_JSON_NUMBER);
    if (v == NULL) {
        return 0;
    }

    v->text.data = pt_arena_copy(&p->tree->arena, text, len);
    v->text.len = len;

    if (v->text.data == NULL) {
        return pt_json_nomem(p);
    }

    return pt_json_read_number(p, v);
}


static int
pt_json_on_string(void *ctx, const unsigned char *text, size_t len)
{
    pt_json_t         *v;
    pt_json_parser_t  *p = ctx;

    v = pt_json_add(p, PT_JSON_STRING);
    if (v == NULL) {
        return 0;
    }

    v->text.data = pt_arena_copy(&p->tree->arena, text, len);
    v->text.len = len;

    return v->text.data != NULL ? 1 : pt_json_nomem(p);
}


static int
pt_json_on_start_object(void *ctx)
{
    return pt_json_open(ctx, PT_JSON_OBJECT);
}


static int
pt_json_on_start_array(void *ctx)
{
    return pt_json_open(ctx, PT_JSON_ARRAY);
}


static int
pt_json_on_key(void *ctx, const unsigned char *text, size_t len)
{
    pt_json_parser_t  *p = ctx;

    p->key.data = pt_arena_copy(&p->tree->arena, text, len);
    p->key.len = len;

    return p->key.data != NULL ? 1 : pt_json_nomem(p);
}


static int
pt_json_on_end_object(void *ctx)
{
    pt_str_t           name;
    const pt_json_t   *duplicate;
    pt_json_parser_t  *p = ctx;

    p->depth--;

    duplicate = pt_json_duplicate(p, p->open[p->depth]);
    if (duplicate == NULL) {
        return p->err == PT_OK;
    }

    name = pt_json_short(duplicate->key);

    return pt_json_fail(p, "duplicate member \"%.*s\"", PT_STR_ARG(name));
}


static int
pt_json_on_end_array(void *ctx)
{
    pt_json_parser_t  *p = ctx;

    p->depth--;

    return 1;
}


/* a new value behind the last one of the innermost open container */
static pt_json_t *
pt_json_add(pt_json_parser_t *p, pt_json_type_t type)
{
    pt_json_t  *v;

    if (p->depth == 0) {
        v = &p->tree->root;

    } else {
        v = pt_arena_zalloc(&p->tree->arena, sizeof(*v));
        if (v == NULL) {
            (void) pt_json_nomem(p);
            return NULL;
        }

        *p->end[p->depth - 1] = v;
        p->end[p->depth - 1] = &v->next;
        p->open[p->depth - 1]->n++;
    }

    v->type = type;
    v->key = p->key;
    p->key = PT_STR_NULL;

    return v;
}


static int
pt_json_open(pt_json_parser_t *p, pt_json_type_t type)
{
    pt_json_t  *v;

    if (p->depth == PT_JSON_DEPTH_MAX) {
        return pt_json_fail(p, "nested deeper than %d", PT_JSON_DEPTH_MAX);
    }

    v = pt_json_add(p, type);
    if (v == NULL) {
        return 0;
    }

    p->open[p->depth] = v;
    p->end[p->depth] = &v->first;
    p->depth++;

    return 1;
}


static bool
pt_json_read_number(pt_json_parser_t *p, pt_json_t *v)
{
    size_t    mantissa;
    pt_str_t  name = pt_json_short(v->text);

    v->number = strtod(v->text.data, NULL);

    mantissa = strcspn(v->text.data, "eE");

    if (!isfinite(v->number)
        || (v->number == 0
            && strcspn(v->text.data, "123456789") < mantissa))
    {
        return pt_json_fail(p, "the number %.*s is beyond the range of a "
                            "double", PT_STR_ARG(name));
    }

    if (fabs(v->number) <= (double) PT_JSON_INT_MAX) {
        v->i64 = (int64_t) v->number;
        v->integer = (double) v->i64 == v->number;
        return true;
    }

    if (strcspn(v->text.data, ".eE") == v->text.len) {
        return pt_json_fail(p, "the integer %.*s is beyond 2^53 - 1, which "
                            "is what JavaScript holds exactly",
                            PT_STR_ARG(name));
    }

    return true;
}


/* a member whose name occurs twice, or NULL; then look at p->err */
static const pt_json_t *
pt_json_duplicate(pt_json_parser_t *p, const pt_json_t *object)
{
    size_t             i;
    const pt_json_t   *a, *b, **members;

    if (object->n <= PT_JSON_FEW) {
        for (a = object->first; a != NULL; a = a->next) {
            for (b = a->next; b != NULL; b = b->next) {
                if (pt_str_eq(a->key, b->key)) {
                    return b;
                }
            }
        }

        return NULL;
    }

    members = pt_arena_alloc(&p->scratch, object->n * sizeof(*members));
    if (members == NULL) {
        (void) pt_json_nomem(p);
        return NULL;
    }

    for (i = 0, a = object->first; a != NULL; a = a->next) {
        members[i++] = a;
    }

    qsort(members, object->n, sizeof(*members), pt_json_key_order);

    for (i = 1; i < object->n; i++) {
        if (pt_str_eq(members[i - 1]->key, members[i]->key)) {
            return members[i];
        }
    }

    return NULL;
}


static int
pt_json_key_order(const void *a, const void *b)
{
    pt_str_t  ka = (*(const pt_json_t *const *) a)->key;
    pt_str_t  kb = (*(const pt_json_t *const *) b)->key;

    if (ka.len != kb.len) {
        return ka.len < kb.len ? -1 : 1;
    }

    return memcmp(ka.data, kb.data, ka.len);
}


/* 0, which makes yajl stop */
static int
pt_json_fail(pt_json_parser_t *p, const char *fmt, ...)
{
    va_list  args;

    p->err = PT_E_INVALID;

    va_start(args, fmt);
    (void) vsnprintf(p->error.message, sizeof(p->error.message), fmt, args);
    va_end(args);

    return 0;
}


static int
pt_json_nomem(pt_json_parser_t *p)
{
    p->err = PT_E_NOMEM;
    return 0;
}


/* for a message: not longer than it should be, cut between characters */
static pt_str_t
pt_json_short(pt_str_t name)
{
    if (name.len > PT_JSON_NAME_MAX) {
        name.len = PT_JSON_NAME_MAX;
        name.len = pt_str_utf8_len(name);
    }

    return name;
}


static void *
pt_json_yajl_malloc(void *ctx, size_t size)
{
    pt_json_block_t   *block = NULL;
    pt_json_parser_t  *p = ctx;

    if (size <= SIZE_MAX - sizeof(*block)) {
        block = pt_arena_alloc(&p->scratch, sizeof(*block) + size);
    }

    if (block == NULL) {
        longjmp(p->nomem, 1);
    }

    block->size = size;

    return block + 1;
}


static void *
pt_json_yajl_realloc(void *ctx, void *block, size_t size)
{
    void    *grown;
    size_t   old;

    grown = pt_json_yajl_malloc(ctx, size);

    if (block != NULL) {
        old = ((pt_json_block_t *) block - 1)->size;
        memcpy(grown, block, old < size ? old : size);
    }

    return grown;
}


/* the scratch arena ends with the parse */
static void
pt_json_yajl_free(void *ctx, void *block)
{
    (void) ctx;
    (void) block;
}


const pt_json_t *
pt_json_member(const pt_json_t *value, const char *key)
{
    return pt_json_member_str(value, pt_str(key));
}


const pt_json_t *
pt_json_member_str(const pt_json_t *value, pt_str_t key)
{
    const pt_json_t  *v;

    if (value == NULL || value->type != PT_JSON_OBJECT) {
        return NULL;
    }

    for (v = value->first; v != NULL; v = v->next) {
        if (pt_str_eq(v->key, key)) {
            return v;
        }
    }

    return NULL;
}


bool
pt_json_peek(pt_str_t text, const char *key, pt_str_t *ret_value)
{
    pt_str_t  name, value;

    if (!pt_json_peek_char(&text, '{')) {
        return false;
    }

    do {
        if (!pt_json_peek_string(&text, &name)
            || !pt_json_peek_char(&text, ':')
            || !pt_json_peek_string(&text, &value))
        {
            return false;
        }

        if (pt_str_is(name, key)) {
            *ret_value = value;
            return true;
        }

    } while (pt_json_peek_char(&text, ','));

    return false;
}


static bool
pt_json_peek_string(pt_str_t *rest, pt_str_t *ret_string)
{
    size_t  i;

    if (!pt_json_peek_char(rest, '"')) {
        return false;
    }

    for (i = 0; i < rest->len && rest->data[i] != '"'; i++) {
        if (rest->data[i] == '\\') {
            return false;
        }
    }

    if (i == rest->len) {
        return false;
    }

    *ret_string = (pt_str_t) { rest->data, i };
    rest->data += i + 1;
    rest->len -= i + 1;

    return true;
}


/* white space, and that character */
static bool
pt_json_peek_char(pt_str_t *rest, char c)
{
    while (rest->len && (*rest->data == ' ' || *rest->data == '\n'
                         || *rest->data == '\r' || *rest->data == '\t'))
    {
        rest->data++;
        rest->len--;
    }

    if (rest->len == 0 || *rest->data != c) {
        return false;
    }

    rest->data++;
    rest->len--;

    return true;
}


pt_str_t
pt_json_string(const pt_json_t *object, const char *key, pt_str_t otherwise)
{
    const pt_json_t  *v = pt_json_member(object, key);

    return v != NULL && v->type == PT_JSON_STRING ? v->text : otherwise;
}


int64_t
pt_json_int(const pt_json_t *object, const char *key, int64_t otherwise)
{
    const pt_json_t  *v = pt_json_member(object, key);

    return v != NULL && v->type == PT_JSON_NUMBER && v->integer
           ? v->i64 : otherwise;
}


double
pt_json_double(const pt_json_t *object, const char *key, double otherwise)
{
    const pt_json_t  *v = pt_json_member(object, key);

    return v != NULL && v->type == PT_JSON_NUMBER ? v->number : otherwise;
}


bool
pt_json_bool(const pt_json_t *object, const char *key, bool otherwise)
{
    const pt_json_t  *v = pt_json_member(object, key);

    return v != NULL && v->type == PT_JSON_BOOL ? v->boolean : otherwise;
}


bool
pt_json_equal(const pt_json_t *a, const pt_json_t *b)
{
    const pt_json_t  *va, *vb;

    if (a->type != b->type || a->n != b->n) {
        return false;
    }

    switch (a->type) {

    case PT_JSON_NULL:
        return true;

    case PT_JSON_BOOL:
        return a->boolean == b->boolean;

    case PT_JSON_NUMBER:
        return a->number == b->number;

    case PT_JSON_STRING:
        return pt_str_eq(a->text, b->text);

    case PT_JSON_ARRAY:
        for (va = a->first, vb = b->first; va != NULL;
             va = va->next, vb = vb->next)
        {
            if (!pt_json_equal(va, vb)) {
                return false;
            }
        }

        return true;

    case PT_JSON_OBJECT:
        return pt_json_equal_members(a, b);
    }

    return false;
}


static bool
pt_json_equal_members(const pt_json_t *a, const pt_json_t *b)
{
    const pt_json_t  *va, *vb, *guess;

    /* members mostly come in the same order */
    guess = b->first;

    for (va = a->first; va != NULL; va = va->next) {
        vb = guess;

        if (vb == NULL || !pt_str_eq(va->key, vb->key)) {
            vb = pt_json_member_str(b, va->key);
            if (vb == NULL) {
                return false;
            }
        }

        if (!pt_json_equal(va, vb)) {
            return false;
        }

        guess = vb->next;
    }

    return true;
}
