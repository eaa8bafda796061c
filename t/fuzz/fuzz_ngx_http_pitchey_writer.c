/* Whatever bytes a detail quotes, a problem document is JSON with that detail. */

#include <stdlib.h>

#include "ngx_http_pitchey_writer.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_buf_t                   text;
    pt_str_t                   detail, got;
    pt_json_t                 *root;
    ngx_http_pitchey_writer_t  problem;

    /* the parser takes no U+0000, and no detail has one */
    detail = (pt_str_t) { (const char *) data, size };

    if (memchr(data, 0, size)) {
        return 0;
    }

    problem = (ngx_http_pitchey_writer_t) {
        .status = 422,
        .code = PT_STR("invalid"),
        .title = PT_STR("Unprocessable Content"),
        .detail = detail,
        .request_id = PT_STR("0123"),
        .errors = PT_STR("[{\"pointer\":\"/a\"}]"),
        .members = PT_STR("\"job_id\":\"x\"")
    };

    pt_buf_init(&text, &pt_mem_heap, 8 * size + 1024);
    ngx_http_pitchey_writer_problem(&text, &problem);

    if (text.err != PT_OK
        || pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &root, NULL)
           != PT_OK)
    {
        abort();
    }

    got = pt_json_string(root, "detail", PT_STR(""));

    if ((pt_str_is_utf8(detail) && !pt_str_eq(got, detail))
        || !pt_str_is(pt_json_string(root, "type", PT_STR("")),
                      "urn:pitchey:problem:invalid")
        || !pt_str_is(pt_json_string(root, "job_id", PT_STR("")), "x")
        || pt_json_member(root, "errors") == NULL)
    {
        abort();
    }

    pt_json_free(root);
    pt_buf_done(&text);

    return 0;
}
