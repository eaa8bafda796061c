/* The report processor: what definitions say, as PDF, XLSX, CSV, JSON, HTML. */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pt_log.h"
#include "pt_pdf.h"
#include "report.h"


static pt_err_t report_load(const char *share);
static void report_version(pt_buf_t *buf);


static const pt_action_t  report_actions[] = {
    { "generate-analytics", report_generate, 0 },
    { NULL, NULL, 0 }
};

static const pt_processor_t  report_processor = {
    .service      = "report-generation",
    .actions      = report_actions,
    .slots        = 2,
    .memory_bytes = (uint64_t) 2 * 1024 * 1024 * 1024,   /* address space */
    .file_bytes   = (uint64_t) 16 * 1024 * 1024 * 1024,
    .cpu_s        = 1800,
    .timeout_s    = 3600,
    .connections  = 1,                   /* one transaction, one snapshot */
    .load         = report_load,         /* fonts, definitions */
    .version      = report_version,
};

/* sans for tables; the second has what the first lacks */
static const char *const  report_families[] = {
    "Open Sans", "Gentium Book Plus"
};

static pt_fonts_t            *report_fonts;
static pt_typeface_t          report_face;
static report_definitions_t   report_all;


int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "check") == 0) {
        return report_check(argc - 1, argv + 1);
    }

    return pt_processor_main(&report_processor, argc, argv);
}


static pt_err_t
report_load(const char *share)
{
    char      dir[4096], error[REPORT_ERROR_MAX] = "";
    size_t    i;
    pt_err_t  err;

    if (sodium_init() == -1) {
        return PT_E_INTERNAL;
    }

    err = pt_fonts_new(&report_fonts);

    for (i = 0; err == PT_OK && i < sizeof(report_families) / sizeof(char *);
         i++)
    {
        err = pt_fonts_family(report_fonts, pt_str(report_families[i]),
                              &report_face.families[i]);
        report_face.n = (unsigned) i + 1;
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "report", "could not load the fonts: %s",
               report_fonts != NULL ? pt_fonts_error(report_fonts)
               : pt_err_code(err));
        return err;
    }

    err = pt_pdf_load_profile();
    if (err != PT_OK) {
        pt_log(PT_LOG_WARN, "report", "could not read the profile of sRGB"
               " (package icc-profiles-free): %s, going on without PDF/A",
               pt_err_code(err));
    }

    (void) snprintf(dir, sizeof(dir), "%s/reports", share);

    err = report_definitions_read(dir, &report_all, error);
    if (err != PT_OK) {
        pt_log(PT_LOG_ERROR, "report", "could not read the definitions: %s",
               error[0] != '\0' ? error : pt_err_code(err));
    }

    return err;
}


static void
report_version(pt_buf_t *buf)
{
    size_t         i;
    pt_str_t       source;
    unsigned char  hash[crypto_hash_sha256_BYTES];

    pt_fonts_version(report_fonts, buf);
    pt_pdf_version(buf);

    /* hashes, not texts: an operator may have any number of definitions */
    for (i = 0; i < report_all.n; i++) {
        source = report_all.items[i].source;
        crypto_hash_sha256(hash, (const unsigned char *) source.data,
                           source.len);
        pt_buf_add(buf, (const char *) hash, sizeof(hash));
    }
}


const report_definitions_t *
report_definitions(void)
{
    return &report_all;
}


const pt_typeface_t *
report_typeface(void)
{
    return &report_face;
}
