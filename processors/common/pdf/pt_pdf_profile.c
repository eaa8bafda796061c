/* The output intent of PDF/A (ISO 19005-2, 6.2.3): what the colours mean. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pt_pdf_file.h"


#define PT_PDF_PROFILE      "/usr/share/color/icc/sRGB.icc"
#define PT_PDF_PROFILE_MAX  (64 * 1024)


/* for all documents of the process */
static struct {
    uint8_t  *deflated;
    size_t    len;
    uint8_t   sha256[crypto_hash_sha256_BYTES];
} pt_pdf_profile;


pt_err_t
pt_pdf_load_profile(void)
{
    FILE      *file;
    size_t     n;
    uint8_t   *data;
    pt_err_t   err;

    if (pt_pdf_profile.deflated != NULL) {
        return PT_OK;
    }

    file = fopen(PT_PDF_PROFILE, "re");
    if (file == NULL) {
        return errno == ENOENT ? PT_E_NOT_FOUND : PT_E_IO;
    }

    data = malloc(PT_PDF_PROFILE_MAX);
    n = data != NULL ? fread(data, 1, PT_PDF_PROFILE_MAX, file) : 0;
    (void) fclose(file);

    /* 36 .. 39 of an ICC profile's head */
    if (data == NULL || n < 128 || n == PT_PDF_PROFILE_MAX
        || memcmp(data + 36, "acsp", 4) != 0)
    {
        free(data);
        return data == NULL ? PT_E_NOMEM : PT_E_IO;
    }

    (void) crypto_hash_sha256(pt_pdf_profile.sha256, data, n);
    err = pt_deflate(data, n, Z_BEST_COMPRESSION, &pt_pdf_profile.deflated,
                     &pt_pdf_profile.len);
    free(data);

    return err;
}


void
pt_pdf_version(pt_buf_t *buf)
{
    char  hex[2 * crypto_hash_sha256_BYTES + 1];

    if (pt_pdf_profile.deflated != NULL) {
        (void) sodium_bin2hex(hex, sizeof(hex), pt_pdf_profile.sha256,
                              sizeof(pt_pdf_profile.sha256));
        pt_buf_printf(buf, "profile %s\n", hex);
    }
}


bool
pt_pdf_is_archival(const pt_pdf_t *pdf)
{
    return pt_pdf_profile.deflated != NULL && !pdf->cmyk
           && pdf->info->password.len == 0;
}


pt_err_t
pt_pdf_intent(pt_pdf_t *pdf)
{
    HPDF_Doc    doc = pdf->doc;
    HPDF_Dict   intent, profile;
    HPDF_Array  intents;

    if (pt_pdf_profile.deflated == NULL) {
        return PT_OK;
    }

    pt_pdf_hash(pdf, pt_pdf_profile.sha256, sizeof(pt_pdf_profile.sha256));

    intent = HPDF_Dict_New(doc->mmgr);
    intents = HPDF_Array_New(doc->mmgr);
    profile = pt_pdf_stream(pdf, pt_pdf_profile.deflated, pt_pdf_profile.len,
                            true);

    if (intent == NULL || intents == NULL || profile == NULL) {
        return PT_E_NOMEM;
    }

    HPDF_Dict_AddNumber(profile, "N", 3);

    HPDF_Dict_AddName(intent, "Type", "OutputIntent");
    HPDF_Dict_AddName(intent, "S", "GTS_PDFA1");
    pt_pdf_set_text(pdf, intent, "OutputConditionIdentifier", PT_STR("sRGB"));
    pt_pdf_set_text(pdf, intent, "RegistryName", PT_STR("http://www.color.org"));
    pt_pdf_set_text(pdf, intent, "Info", PT_STR("sRGB IEC61966-2.1"));
    HPDF_Dict_Add(intent, "DestOutputProfile", profile);

    HPDF_Array_Add(intents, intent);
    HPDF_Dict_Add(doc->catalog, "OutputIntents", intents);

    return pt_pdf_status(pdf);
}
