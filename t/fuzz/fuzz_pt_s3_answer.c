/*
 * Whatever an S3 server answers: the names and the id that are found lie in
 * it, an id has nothing that would end its line.  Input: a byte, the length of
 * the folder's name, then the answer.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pt_s3_answer.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(void *ctx, pt_str_t name);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_str_t  answer, id;

    if (size == 0) {
        return 0;
    }

    answer = (pt_str_t) { (const char *) data + 1, size - 1 };
    pt_s3_names(answer, data[0], within, &answer);

    if (pt_s3_upload_id(answer, 1024, &id)) {
        within(&answer, id);

        if (id.len >= 1024 || memchr(id.data, '\n', id.len)
            || memchr(id.data, ' ', id.len))
        {
            abort();
        }
    }

    return 0;
}


static void
within(void *ctx, pt_str_t name)
{
    pt_str_t  *answer = ctx;

    if (name.len == 0 || name.data < answer->data
        || name.data + name.len > answer->data + answer->len)
    {
        abort();
    }
}
