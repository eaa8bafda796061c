/* Which template an action means. */

#include <stdio.h>

#include "document.h"


static pt_err_t document_of(pt_job_t *job, const char *name,
    const char *file);


pt_err_t
document_nda(pt_job_t *job)
{
    pt_str_t  type;

    type = pt_json_string(pt_job_params(job), "type", PT_STR_NULL);

    /* the row knows what was asked for */
    if (type.data == NULL) {
        type = pt_json_string(pt_job_platform(job), "type", PT_STR(""));
    }

    return document_of(job, pt_str_is(type, "one-way") ? "nda-one-way"
                            : "nda-mutual", "nda");
}


/* the types of generate-contract are templates' names */
pt_err_t
document_contract(pt_job_t *job)
{
    char      name[64];
    pt_str_t  type;

    type = pt_json_string(pt_job_params(job), "type", PT_STR(""));
    (void) snprintf(name, sizeof(name), "%.*s", PT_STR_ARG(type));

    return document_of(job, name, "contract");
}


pt_err_t
document_pitch(pt_job_t *job)
{
    return document_of(job, "pitch", "pitch");
}


pt_err_t
document_diligence(pt_job_t *job)
{
    return document_of(job, "due-diligence", "due-diligence");
}


static pt_err_t
document_of(pt_job_t *job, const char *name, const char *file)
{
    const document_template_t  *template = document_template(pt_str(name));

    return template != NULL
           ? document_produce(job, template, file, pt_job_params(job), "")
           : pt_job_fail(job, PT_E_INTERNAL, "no template \"%s\"", name);
}


/* {"template", "parameters"}: any that the operator has */
pt_err_t
document_any(pt_job_t *job)
{
    pt_str_t                    name;
    const pt_json_t            *params = pt_job_params(job);
    const document_template_t  *template;

    name = pt_json_string(params, "template", PT_STR(""));
    template = document_template(name);

    if (template == NULL) {
        pt_job_fail_at(job, PT_STR("/template"),
                       PT_STR("there is no template of this name"));
        return pt_job_fail(job, PT_E_PARAMETERS, "no template \"%.*s\"",
                           name.len < 100 ? (int) name.len : 100, name.data);
    }

    return document_produce(job, template, "document",
                            pt_json_member(params, "parameters"),
                            "/parameters");
}
