/*
 * NDAs in one process, as the processor's children make them: templates and
 * fonts loaded and the template's own example set, then the same parameters
 * again and again, from their JSON to the PDF's bytes.
 *
 *     documents_nda SHARE PARAMETERS.json OUT.pdf SECONDS
 *
 * prints, by the CPU time of the process: documents per second, p50 and p99 in ms, peak memory in MiB, words,
 * pages, bytes
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "document_library.h"
#include "pt_pdf.h"


#define TIMES_MAX  1000000


static void die(const char *what);
static pt_str_t slurp(const char *path);
static double now(void);
static int compare(const void *a, const void *b);
static void ignore(void *ctx, pt_str_t pointer, pt_str_t detail);


static double  times[TIMES_MAX];


int
main(int argc, char **argv)
{
    char                        dir[4096], error[DOCUMENT_ERROR_MAX] = "";
    FILE                       *file;
    size_t                      n;
    double                      start, at;
    pt_buf_t                    pdf;
    pt_str_t                    params;
    pt_json_t                  *json;
    pt_fonts_t                 *fonts;
    struct rusage               usage;
    document_result_t           result;
    document_library_t         *library;
    const document_template_t  *template;

    static const document_visitor_t  visitor = { ignore, NULL };

    if (argc != 5) {
        die("usage: documents_nda SHARE PARAMETERS.json OUT.pdf SECONDS");
    }

    (void) snprintf(dir, sizeof(dir), "%s/templates", argv[1]);
    params = slurp(argv[2]);

    if (pt_pdf_load_profile() != PT_OK || pt_fonts_new(&fonts) != PT_OK
        || document_library_load(dir, fonts, &library, error, sizeof(error))
           != PT_OK)
    {
        die(error);
    }

    template = document_library_template(library, PT_STR("nda-mutual"));
    pt_buf_init(&pdf, &pt_mem_heap, DOCUMENT_PDF_MAX);

    /* the first ones fill the caches of words */
    for (n = 0, start = now(); n < TIMES_MAX; n++) {
        at = now();

        if (n > 10 && at - start > atof(argv[4])) {
            break;
        }

        if (n == 10) {
            start = at;
        }

        pt_buf_reset(&pdf);

        if (pt_json_parse(params, &pt_mem_heap, &json, NULL) != PT_OK
            || document_template_render(template, json, &visitor, NULL, &pdf,
                                        &result) != PT_OK)
        {
            die(result.error);
        }

        pt_json_free(json);
        times[n] = now() - at;
    }

    at -= start;
    n -= 10;
    qsort(times + 10, n, sizeof(double), compare);
    (void) getrusage(RUSAGE_SELF, &usage);

    file = fopen(argv[3], "w");
    if (file == NULL || fwrite(pdf.data, 1, pdf.len, file) != pdf.len
        || fclose(file) != 0)
    {
        die("cannot write the PDF");
    }

    printf("%.1f %.3f %.3f %.1f %zu %u %zu\n", (double) n / at,
           times[10 + n / 2] * 1e3, times[10 + n * 99 / 100] * 1e3,
           (double) usage.ru_maxrss / 1024, result.words, result.pages,
           pdf.len);

    return 0;
}


static void
die(const char *what)
{
    fprintf(stderr, "documents_nda: %s\n", what);
    exit(1);
}


static pt_str_t
slurp(const char *path)
{
    char    *text = malloc(1024 * 1024);
    FILE    *file = fopen(path, "r");
    size_t   n;

    if (text == NULL || file == NULL) {
        die("cannot read the parameters");
    }

    n = fread(text, 1, 1024 * 1024, file);
    (void) fclose(file);

    return (pt_str_t) { text, n };
}


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


static int
compare(const void *a, const void *b)
{
    const double  *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


static void
ignore(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    (void) ctx;
    (void) pointer;
    fprintf(stderr, "%.*s: %.*s\n", PT_STR_ARG(pointer), PT_STR_ARG(detail));
}
