/* analyze-pitch in this process: microseconds of CPU for each of N pitches. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "analysis_action.h"
#include "analysis_math.h"


static const char *const  words[] = {
    "a", "the", "must", "detective", "killer", "love", "war", "ship", "family",
    "robot", "and", "to", "who", "haunted", "sheriff", "dance", "secret",
    "before", "school", "boy", "alien", "murder", "wedding", "of", "in",
    "soldier", "escape", "prison", "music", "king"
};


static double
now_us(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}


static void
prose(pt_buf_t *b, analysis_rng_t *rng, unsigned n)
{
    for ( ; n > 0; n--) {
        pt_buf_add_text(b, words[analysis_rng_next(rng) % 30]);
        pt_buf_add_char(b, n % 13 ? ' ' : '.');
    }
}


int
main(int argc, char **argv)
{
    int                 i, n = argc > 2 ? atoi(argv[2]) : 2000;
    double             *us, sum = 0, start;
    pt_buf_t            text, out;
    pt_json_t          *params;
    const char         *reason;
    struct rusage       usage;
    analysis_rng_t      rng;
    analysis_model_t    model;
    analysis_engine_t   engine;

    if (n < 1 || analysis_model_load(argc > 1 ? argv[1] : "conf", &model)
                 != PT_OK
        || analysis_engine_init(&engine, &model) != PT_OK
        || (us = calloc((size_t) n, sizeof(double))) == NULL)
    {
        return 1;
    }

    analysis_rng_init(&rng, 1);
    pt_buf_init(&text, &pt_mem_heap, 1u << 20);
    pt_buf_init(&out, &pt_mem_heap, 1u << 20);

    for (i = 0; i < n; i++) {
        pt_buf_reset(&text);
        pt_buf_reset(&out);
        pt_buf_printf(&text, "{\"title\":\"Pitch %d\",\"logline\":\"", i);
        prose(&text, &rng, 25);
        pt_buf_add_text(&text, "\",\"synopsis\":\"");
        prose(&text, &rng, 150);
        pt_buf_printf(&text, "\",\"genres\":[\"%s\"],\"budget_usd\":%d}",
                      analysis_genre_name((unsigned) i % ANALYSIS_GENRES),
                      1000000 + i * 10000);

        if (pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &params, NULL)
            != PT_OK)
        {
            return 1;
        }

        start = now_us();

        if (analysis_analyze_json(&engine, params, NULL, &out, &reason)
            != PT_OK)
        {
            return 1;
        }

        us[i] = now_us() - start;
        sum += us[i];
        pt_json_free(params);
    }

    analysis_sort(us, (size_t) n);
    (void) getrusage(RUSAGE_SELF, &usage);
    (void) printf("%.1f %.1f %.1f\n", sum / n,
                  analysis_quantile(us, (size_t) n, 0.99),
                  (double) usage.ru_maxrss / 1024);

    return 0;
}
