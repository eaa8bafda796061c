/*
 * JSON (RFC 8259) as I-JSON (RFC 7493) wants it: valid UTF-8, no duplicate
 * member, no integer beyond +-(2^53 - 1), no number outside a double.  Nor is
 * U+0000 allowed in a string, which neither the wire nor PostgreSQL carries.
 * Parsing is yajl's; the tree, the limits and the writer are ours.
 *
 * A tree lives in one arena that it owns: pt_json_parse() makes it,
 * pt_json_free() ends it.  Every pt_str_t in it borrows from the arena.
 */

#ifndef PT_JSON_H
#define PT_JSON_H

#include <stdint.h>
#include "pt_mem.h"


/* deeper documents are refused: validation and writing recurse */
#define PT_JSON_DEPTH_MAX  64

/* what JavaScript holds exactly: 2^53 - 1 */
#define PT_JSON_INT_MAX    9007199254740991LL


typedef enum {
    PT_JSON_NULL = 0,
    PT_JSON_BOOL,
    PT_JSON_NUMBER,
    PT_JSON_STRING,
    PT_JSON_ARRAY,
    PT_JSON_OBJECT
} pt_json_type_t;


typedef struct pt_json_s  pt_json_t;

struct pt_json_s {
    pt_json_type_t    type;
    pt_str_t          key;        /* in an object; else absent */
    pt_json_t        *next;       /* in its array or object, in text order */

    bool              boolean;
    bool              integer;    /* without fraction, 1.0 too, that fits */
    int64_t           i64;        /* valid if integer */
    double            number;
    pt_str_t          text;       /* a string's, decoded; a number's, as is */

    pt_json_t        *first;      /* children */
    size_t            n;
};


typedef struct {
    size_t            offset;         /* bytes, where it made no more sense */
    char              message[160];   /* for people, terminated */
} pt_json_error_t;


/*
 * Parses one document, surrounded by white space at most.
 *
 * ret_root  the tree; free with pt_json_free()
 * ret_error may be NULL; filled on PT_E_INVALID
 * Errors    PT_E_INVALID (not JSON, duplicate member, number out of range,
 *           deeper than PT_JSON_DEPTH_MAX), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t pt_json_parse(pt_str_t text, const pt_mem_t *mem,
    pt_json_t **ret_root, pt_json_error_t *ret_error);

/* takes NULL */
void pt_json_free(pt_json_t *root);

/* the member, or NULL; also NULL when value is NULL or no object */
const pt_json_t *pt_json_member(const pt_json_t *value, const char *key);
const pt_json_t *pt_json_member_str(const pt_json_t *value, pt_str_t key);

/*
 * The text of a member that is a string without escapes, if only such members
 * stand before it in the object that the text begins with.  It parses nothing
 * else: for texts of our own that are long.  Borrows from text.
 */
bool pt_json_peek(pt_str_t text, const char *key, pt_str_t *ret_value);

/* the member's value where it has that type, else the default given */
pt_str_t pt_json_string(const pt_json_t *object, const char *key,
    pt_str_t otherwise);
int64_t pt_json_int(const pt_json_t *object, const char *key,
    int64_t otherwise);
double pt_json_double(const pt_json_t *object, const char *key,
    double otherwise);
bool pt_json_bool(const pt_json_t *object, const char *key, bool otherwise);

/* equal as JSON Schema's const and uniqueItems mean it: 1 equals 1.0 */
bool pt_json_equal(const pt_json_t *a, const pt_json_t *b);


/*
 * Writing: compact text into a buffer, whose err tells at the end.  Commas
 * come by themselves.  Up to 64 objects and arrays may be open; values from
 * pt_jsonw_value() and pt_jsonw_raw() do not count.
 *
 *     pt_jsonw_init(&w, &buf);
 *     pt_jsonw_object(&w);
 *     pt_jsonw_key(&w, "id");      pt_jsonw_str(&w, id);
 *     pt_jsonw_end(&w);
 */
typedef struct {
    pt_buf_t         *buf;
    unsigned          depth;
    uint64_t          object;     /* bit per depth: object, else array */
    uint64_t          comma;      /* bit per depth: something stands before */
    bool              after_key;
} pt_jsonw_t;

void pt_jsonw_init(pt_jsonw_t *w, pt_buf_t *buf);
void pt_jsonw_object(pt_jsonw_t *w);
void pt_jsonw_array(pt_jsonw_t *w);
void pt_jsonw_end(pt_jsonw_t *w);                 /* the innermost open one */
void pt_jsonw_key(pt_jsonw_t *w, const char *key);
void pt_jsonw_key_str(pt_jsonw_t *w, pt_str_t key);

/* invalid UTF-8 becomes U+FFFD, an absent string null */
void pt_jsonw_str(pt_jsonw_t *w, pt_str_t s);
void pt_jsonw_text(pt_jsonw_t *w, const char *s);

void pt_jsonw_int(pt_jsonw_t *w, int64_t v);

/* the shortest that reads back; null where not finite */
void pt_jsonw_double(pt_jsonw_t *w, double v);

void pt_jsonw_bool(pt_jsonw_t *w, bool v);
void pt_jsonw_null(pt_jsonw_t *w);
void pt_jsonw_raw(pt_jsonw_t *w, pt_str_t json);  /* one value, trusted */
void pt_jsonw_value(pt_jsonw_t *w, const pt_json_t *value);

/*
 * RFC 8785 (JCS): the one canonical text of a value, for hashing.  It writes
 * 1e20 as an integer, which pt_json_parse() refuses.
 */
void pt_json_canonical(const pt_json_t *value, pt_buf_t *buf);


#endif /* PT_JSON_H */
