/*
 * Any bytes as a line of "predict", of any kind: the answer is one line, and
 * an object.  The model is that of the source tree.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_predict.h"


#define ANSWER_MAX  (1u << 20)


static analysis_engine_t *predict_engine(void);


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_buf_t            out;
    pt_json_t          *json;
    analysis_engine_t  *e = predict_engine();

    if (size == 0) {
        return 0;
    }

    pt_buf_init(&out, &pt_mem_heap, ANSWER_MAX);

    if (analysis_predict_line(e, (analysis_predict_t) (data[0] % 3),
                              (pt_str_t) { (const char *) data + 1, size - 1 },
                              &out) == PT_OK)
    {
        if (memchr(out.data, '\n', out.len) != out.data + out.len - 1
            || pt_json_parse(pt_buf_str(&out), &pt_mem_heap, &json, NULL)
               != PT_OK
            || json->type != PT_JSON_OBJECT)
        {
            abort();
        }

        pt_json_free(json);
    }

    pt_buf_done(&out);

    return 0;
}


static analysis_engine_t *
predict_engine(void)
{
    char         share[4096];
    const char  *source = getenv("PITCHEY_SOURCE");

    static analysis_model_t   model;
    static analysis_engine_t  engine;

    if (engine.model == NULL) {
        (void) snprintf(share, sizeof(share), "%s/conf",
                        source ? source : ".");

        if (analysis_model_load(share, &model) != PT_OK
            || analysis_engine_init(&engine, &model) != PT_OK)
        {
            abort();
        }
    }

    return &engine;
}
