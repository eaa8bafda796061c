/* Everything that came from outside goes through the JSON writer. */

#include <stdio.h>

#include "ngx_http_pitchey_writer.h"


#define TYPE      "urn:pitchey:problem:"
#define CODE_MAX  64


void
ngx_http_pitchey_writer_problem(pt_buf_t *buf,
    const ngx_http_pitchey_writer_t *problem)
{
    char        type[sizeof(TYPE) + CODE_MAX];
    pt_jsonw_t  w;

    snprintf(type, sizeof(type), TYPE "%.*s", (int) problem->code.len,
             problem->code.data);

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);

    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, type);
    pt_jsonw_key(&w, "title");
    pt_jsonw_str(&w, problem->title);
    pt_jsonw_key(&w, "status");
    pt_jsonw_int(&w, problem->status);
    pt_jsonw_key(&w, "code");
    pt_jsonw_str(&w, problem->code);

    if (problem->detail.len) {
        pt_jsonw_key(&w, "detail");
        pt_jsonw_str(&w, problem->detail);
    }

    pt_jsonw_key(&w, "request_id");
    pt_jsonw_str(&w, problem->request_id);

    if (problem->errors.len) {
        pt_jsonw_key(&w, "errors");
        pt_jsonw_raw(&w, problem->errors);
    }

    if (problem->members.len) {
        pt_buf_add_char(buf, ',');
        pt_buf_add_str(buf, problem->members);
    }

    pt_jsonw_end(&w);
}
