/*
 * A model made of any bytes: refused, or one that answers without a fault.
 *
 * The input begins with a byte for the size of each section, in steps of 8,
 * and another for the text's; the header is made right, so that the sections
 * are what is tried.
 */

#include <stdlib.h>

#include "analysis_action.h"


#define HEAD  (24 + 24 * ANALYSIS_SECTIONS)


static void answer(const analysis_model_t *model, pt_str_t text);


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              total = HEAD, used = ANALYSIS_SECTIONS + 1, n;
    uint8_t            *copy;
    uint32_t            i, sections = ANALYSIS_SECTIONS;
    uint64_t            at = HEAD, len, whole;
    analysis_model_t    model;
    analysis_numbers_t  numbers = { .docs = 1, .words = 1 };

    if (size < used) {
        return 0;
    }

    /* what all models have in common */
    numbers.cpi[2019 - ANALYSIS_CPI_FIRST] = 1;
    numbers.ngross = data[ANALYSIS_SECTION_NUMBERS];

    for (i = 0; i < sections; i++) {
        total += i == ANALYSIS_SECTION_NUMBERS ? (sizeof(numbers) + 7) / 8 * 8
                                               : data[i] * 8u;
    }

    copy = aligned_alloc(8, total);
    if (copy == NULL) {
        return 0;
    }

    memset(copy, 0, total);
    memcpy(copy, ANALYSIS_MODEL_MAGIC, 8);
    whole = total;
    memcpy(copy + 8, &whole, 8);
    memcpy(copy + 16, &sections, 4);

    for (i = 0; i < sections; i++) {
        len = i == ANALYSIS_SECTION_NUMBERS ? sizeof(numbers) : data[i] * 8u;
        memcpy(copy + 24 + i * 24, &i, 4);
        memcpy(copy + 24 + i * 24 + 8, &at, 8);
        memcpy(copy + 24 + i * 24 + 16, &len, 8);

        if (i == ANALYSIS_SECTION_NUMBERS) {
            memcpy(copy + at, &numbers, sizeof(numbers));

        } else {
            n = size - used < len ? size - used : len;
            memcpy(copy + at, data + used, n);
            used += n;
        }

        at += (len + 7) / 8 * 8;
    }

    if (analysis_model_open(copy, total, &model) == PT_OK) {
        answer(&model, (pt_str_t) { (const char *) data + used,
                                    size - used });
        analysis_model_close(&model);
    }

    free(copy);

    return 0;
}


static void
answer(const analysis_model_t *model, pt_str_t text)
{
    analysis_score_t    score;
    analysis_pitch_t    pitch = { .title = text, .logline = text,
                                  .genres = 1, .budget_usd = 1e6 };
    analysis_engine_t   engine;

    if (analysis_engine_init(&engine, model) != PT_OK) {
        return;
    }

    if (analysis_score(&engine, &pitch, &score) == PT_OK
        && (score.points < 0 || score.points > score.max))
    {
        abort();
    }

    analysis_engine_done(&engine);
}
