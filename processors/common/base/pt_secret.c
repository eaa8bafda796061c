/* Secrets taken out of parameters, and put back. */

#include "pt_secret.h"
#include "pt_pointer.h"


#define PT_SECRET_OPEN  ",\"" PT_SECRET_MEMBER "\":\""
#define PT_SECRET_SHUT  "\"}"

/* a pointer's text: the steps of the deepest document that is read */
#define PT_SECRET_POINTER_MAX  (64u << 10)


static pt_err_t pt_secret_place(pt_json_t *params, const pt_json_t *first);
static bool pt_secret_is_letter(char c);


void
pt_secret_take(pt_json_t *params, pt_str_t pointer, pt_jsonw_t *secrets)
{
    pt_buf_t      text;
    pt_json_t    *value, *child;
    pt_pointer_t  step = { NULL, PT_STR_NULL, 0 };

    value = (pt_json_t *) pt_pointer_find(params, pointer);

    if (value == NULL || value->type == PT_JSON_NULL) {
        return;
    }

    if (value != params) {
        pt_jsonw_key_str(secrets, pointer);
        pt_jsonw_value(secrets, value);
        *value = (pt_json_t) {
            .type = PT_JSON_NULL, .key = value->key, .next = value->next
        };
        return;
    }

    /* parameters stay an object, whatever they hold */

    for (child = params->first; child; child = child->next) {
        step.key = child->key;
        pt_buf_init(&text, &pt_mem_heap, PT_SECRET_POINTER_MAX);
        pt_pointer_write(&step, &text);

        if (text.err == PT_OK) {
            pt_secret_take(params, pt_buf_str(&text), secrets);

        } else if (secrets->buf->err == PT_OK) {
            secrets->buf->err = text.err;
        }

        pt_buf_done(&text);
    }
}


pt_err_t
pt_secret_put(pt_str_t params, pt_str_t secrets, pt_buf_t *ret)
{
    pt_err_t    err;
    pt_json_t  *root = NULL, *values = NULL;
    pt_jsonw_t  w;

    err = pt_json_parse(params, &pt_mem_heap, &root, NULL);

    if (err == PT_OK) {
        err = pt_json_parse(secrets, &pt_mem_heap, &values, NULL);
    }

    if (err == PT_OK && (root->type != PT_JSON_OBJECT
                         || values->type != PT_JSON_OBJECT))
    {
        err = PT_E_INVALID;
    }

    if (err == PT_OK) {
        err = pt_secret_place(root, values->first);
    }

    if (err == PT_OK) {
        pt_jsonw_init(&w, ret);
        pt_jsonw_value(&w, root);
        err = ret->err;
    }

    /* two arenas: what was placed borrows from the second */
    pt_json_free(root);
    pt_json_free(values);

    return err;
}


/*
 * The last first: of a secret within a secret the inner one was taken before
 * the outer, which so has null in its place.
 */
static pt_err_t
pt_secret_place(pt_json_t *params, const pt_json_t *first)
{
    pt_json_t        *at, *next;
    const pt_json_t  *value, *reversed = NULL;

    for (value = first; value; value = next) {
        next = value->next;
        ((pt_json_t *) value)->next = (pt_json_t *) reversed;
        reversed = value;
    }

    for (value = reversed; value; value = value->next) {
        at = (pt_json_t *) pt_pointer_find(params, value->key);

        if (at == NULL || at == params || at->type != PT_JSON_NULL) {
            return PT_E_INVALID;
        }

        next = at->next;
        *at = (pt_json_t) {
            .type = value->type,
            .key = at->key,
            .next = next,
            .boolean = value->boolean,
            .integer = value->integer,
            .i64 = value->i64,
            .number = value->number,
            .text = value->text,
            .first = value->first,
            .n = value->n
        };
    }

    return PT_OK;
}


void
pt_secret_attach(pt_str_t params, pt_str_t sealed, pt_buf_t *ret)
{
    if (params.len < 3 || params.data[params.len - 1] != '}') {
        ret->err = PT_E_INVALID;
        return;
    }

    pt_buf_add(ret, params.data, params.len - 1);
    pt_buf_add_text(ret, PT_SECRET_OPEN);
    pt_buf_add_str(ret, sealed);
    pt_buf_add_text(ret, PT_SECRET_SHUT);
}


bool
pt_secret_split(pt_str_t params, pt_str_t *ret_head, pt_str_t *ret_sealed)
{
    size_t    at, end;
    pt_str_t  open = PT_STR(PT_SECRET_OPEN), shut = PT_STR(PT_SECRET_SHUT);

    if (params.len < open.len + shut.len) {
        return false;
    }

    end = params.len - shut.len;

    if (memcmp(params.data + end, shut.data, shut.len) != 0) {
        return false;
    }

    for (at = end; at > 0 && pt_secret_is_letter(params.data[at - 1]); at--) {
        /* void */
    }

    if (at < open.len
        || memcmp(params.data + at - open.len, open.data, open.len) != 0)
    {
        return false;
    }

    *ret_head = (pt_str_t) { params.data, at - open.len };
    *ret_sealed = (pt_str_t) { params.data + at, end - at };

    return true;
}


/* of base64url */
static bool
pt_secret_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '_';
}
