/* Writing and following JSON pointers. */

#include "pt_pointer.h"


static bool pt_pointer_step_is(pt_str_t step, pt_str_t key);
static const pt_json_t *pt_pointer_item(const pt_json_t *array, pt_str_t step);


/* recursion: as deep as the document, PT_JSON_DEPTH_MAX at most */
void
pt_pointer_write(const pt_pointer_t *pointer, pt_buf_t *buf)
{
    size_t    i, from;
    pt_str_t  key;

    if (pointer == NULL) {
        return;
    }

    pt_pointer_write(pointer->up, buf);
    pt_buf_add_char(buf, '/');

    key = pointer->key;

    if (key.data == NULL) {
        pt_buf_printf(buf, "%zu", pointer->index);
        return;
    }

    for (i = 0, from = 0; i < key.len; i++) {
        if (key.data[i] == '~' || key.data[i] == '/') {
            pt_buf_add(buf, key.data + from, i - from);
            pt_buf_add_text(buf, key.data[i] == '~' ? "~0" : "~1");
            from = i + 1;
        }
    }

    pt_buf_add(buf, key.data + from, key.len - from);
}


const pt_json_t *
pt_pointer_find(const pt_json_t *root, pt_str_t pointer)
{
    size_t            i;
    pt_str_t          step;
    const pt_json_t  *v = root, *child;

    for (i = 0; i < pointer.len && v != NULL; i += step.len) {

        if (pointer.data[i++] != '/') {
            return NULL;
        }

        step.data = pointer.data + i;

        for (step.len = 0; step.len < pointer.len - i; step.len++) {
            if (step.data[step.len] == '/') {
                break;
            }
        }

        if (v->type == PT_JSON_ARRAY) {
            v = pt_pointer_item(v, step);
            continue;
        }

        for (child = v->first; child != NULL; child = child->next) {
            if (pt_pointer_step_is(step, child->key)) {
                break;
            }
        }

        v = child;
    }

    return v;
}


/* whether a step, with its escapes, is that key */
static bool
pt_pointer_step_is(pt_str_t step, pt_str_t key)
{
    char    c;
    size_t  i, at;

    for (i = 0, at = 0; i < step.len; i++, at++) {
        c = step.data[i];

        if (c == '~') {
            i++;

            if (i == step.len || (step.data[i] != '0' && step.data[i] != '1')) {
                return false;
            }

            c = step.data[i] == '0' ? '~' : '/';
        }

        if (at == key.len || key.data[at] != c) {
            return false;
        }
    }

    return at == key.len;
}


static const pt_json_t *
pt_pointer_item(const pt_json_t *array, pt_str_t step)
{
    size_t            i, index = 0;
    const pt_json_t  *v;

    /* nine digits hold every index there can be, and do not overflow */
    if (step.len == 0 || step.len > 9 || (step.len > 1 && *step.data == '0')) {
        return NULL;
    }

    for (i = 0; i < step.len; i++) {
        if (step.data[i] < '0' || step.data[i] > '9') {
            return NULL;
        }

        index = index * 10 + (size_t) (step.data[i] - '0');
    }

    for (v = array->first; v != NULL && index > 0; v = v->next) {
        index--;
    }

    return v;
}
