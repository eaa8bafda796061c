/*
 * Any template over any data gives text or an error.  Input: the template, a
 * zero byte, the data as JSON.  The template is its own only partial, "p".
 */

#include <stdlib.h>

#include "document_format.h"
#include "pt_mustache.h"


#define OUT_MAX  (256 * 1024)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const pt_mustache_t *
itself(void *ctx, pt_str_t name)
{
    return pt_str_is(name, "p") ? ctx : NULL;
}


static pt_err_t
british(void *ctx, pt_str_t filter, const pt_json_t *value, pt_buf_t *out)
{
    (void) ctx;

    return document_format(PT_STR("en-GB"), filter, value, out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                      error[200];
    size_t                    len;
    pt_buf_t                  out;
    pt_json_t                *json = NULL;
    const uint8_t            *zero;
    pt_mustache_t      *template;
    pt_mustache_env_t   env = {
        .escape = pt_mustache_html, .filter = british,
        .partial = itself
    };

    zero = size > 0 ? memchr(data, '\0', size) : NULL;
    len = zero != NULL ? (size_t) (zero - data) : size;

    if (pt_mustache_new((pt_str_t) { (const char *) data, len },
                              &template, error, sizeof(error)) != PT_OK)
    {
        return 0;
    }

    if (zero != NULL
        && pt_json_parse((pt_str_t) { (const char *) zero + 1,
                                      size - len - 1 },
                         &pt_mem_heap, &json, NULL) == PT_OK)
    {
        env.ctx = template;
        pt_buf_init(&out, &pt_mem_heap, OUT_MAX);

        if (pt_mustache_render(template, json, &env, &out) == PT_OK
            && out.err != PT_OK)
        {
            abort();
        }

        pt_buf_done(&out);
        pt_json_free(json);
    }

    pt_mustache_free(template);

    return 0;
}
