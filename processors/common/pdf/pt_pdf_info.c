/* What a file says of itself: its information, XMP, identity, password. */

#include <stdio.h>

#include "pt_pdf_file.h"


#define PT_PDF_TEXT_MAX     (128 * 1024)
#define PT_PDF_STRING_MAX   16000


static pt_err_t pt_pdf_password(pt_pdf_t *pdf);
static void pt_pdf_xmp(const pt_pdf_info_t *info, bool archival,
    pt_buf_t *buf);
static void pt_pdf_xml(pt_buf_t *buf, const char *open, pt_str_t text, const
    char *close);


pt_err_t
pt_pdf_metadata(pt_pdf_t *pdf)
{
    char                  date[32];
    uint8_t               id[crypto_hash_sha256_BYTES];
    pt_buf_t              buf;
    pt_err_t              err;
    pt_str_t              xmp;
    HPDF_Doc              doc = pdf->doc;
    HPDF_Dict             dict, preferences;
    HPDF_Array            ids;
    const pt_pdf_info_t  *info = pdf->info;

    pt_pdf_set_text(pdf, doc->info, "Producer",
                    PT_STR("Pitchey Edge " PITCHEY_VERSION " (libharu "
                           HPDF_VERSION_TEXT ")"));
    pt_pdf_set_text(pdf, doc->info, "Title", info->title);
    pt_pdf_set_text(pdf, doc->info, "Author", info->author);
    pt_pdf_set_text(pdf, doc->info, "Subject", info->subject);
    pt_pdf_set_text(pdf, doc->info, "Keywords", info->keywords);
    pt_pdf_set_text(pdf, doc->catalog, "Lang", info->language);

    if (info->date.len == 10) {
        (void) snprintf(date, sizeof(date), "D:%.4s%.2s%.2s000000Z",
                        info->date.data, info->date.data + 5,
                        info->date.data + 8);
        pt_pdf_set_text(pdf, doc->info, "CreationDate", pt_str(date));
    }

    preferences = HPDF_Dict_New(doc->mmgr);
    if (preferences == NULL) {
        return PT_E_NOMEM;
    }

    HPDF_Dict_AddBoolean(preferences, "DisplayDocTitle", HPDF_TRUE);
    HPDF_Dict_Add(doc->catalog, "ViewerPreferences", preferences);

    pt_buf_init(&buf, &pt_mem_heap, PT_PDF_TEXT_MAX);
    pt_pdf_xmp(info, pt_pdf_is_archival(pdf), &buf);
    xmp = pt_room_copy(pdf->flow->room, pt_buf_str(&buf));
    err = buf.err;
    pt_buf_done(&buf);

    if (err != PT_OK || xmp.data == NULL) {
        return err != PT_OK ? err : PT_E_NOMEM;
    }

    pt_pdf_hash(pdf, xmp.data, xmp.len);
    dict = pt_pdf_stream(pdf, xmp.data, xmp.len, false);

    err = pt_pdf_intent(pdf);
    if (err != PT_OK) {
        return err;
    }

    ids = HPDF_Array_New(doc->mmgr);

    if (dict == NULL || ids == NULL) {
        return PT_E_NOMEM;
    }

    HPDF_Dict_AddName(dict, "Type", "Metadata");
    HPDF_Dict_AddName(dict, "Subtype", "XML");
    HPDF_Dict_Add(doc->catalog, "Metadata", dict);

    (void) crypto_hash_sha256_final(&pdf->hash, id);
    HPDF_Array_Add(ids, HPDF_Binary_New(doc->mmgr, id, 16));
    HPDF_Array_Add(ids, HPDF_Binary_New(doc->mmgr, id, 16));
    HPDF_Dict_Add(doc->trailer, "ID", ids);

    return info->password.len > 0 ? pt_pdf_password(pdf)
           : pt_pdf_status(pdf);
}


/* the owner's is nobody's: whoever opens it may do all with it */
static pt_err_t
pt_pdf_password(pt_pdf_t *pdf)
{
    char           user[HPDF_PASSWD_LEN + 1] = "", owner[33];
    uint8_t        random[16];
    pt_str_t       password = pdf->info->password;

    if (password.len > HPDF_PASSWD_LEN) {
        return PT_E_PARAMETERS;
    }

    memcpy(user, password.data, password.len);
    randombytes_buf(random, sizeof(random));
    (void) sodium_bin2hex(owner, sizeof(owner), random, sizeof(random));

    HPDF_SetPassword(pdf->doc, owner, user);
    HPDF_SetPermission(pdf->doc, HPDF_ENABLE_READ | HPDF_ENABLE_PRINT
                                 | HPDF_ENABLE_COPY);
    HPDF_SetEncryptionMode(pdf->doc, HPDF_ENCRYPT_R3, 16);

    sodium_memzero(user, sizeof(user));

    return pt_pdf_status(pdf);
}


static void
pt_pdf_xmp(const pt_pdf_info_t *info, bool archival, pt_buf_t *buf)
{
    pt_buf_add_text(buf,
        "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
        "<rdf:Description rdf:about=\"\""
        " xmlns:dc=\"http://purl.org/dc/elements/1.1/\""
        " xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\""
        " xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\""
        " xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\n"
        "<dc:format>application/pdf</dc:format>\n");

    if (archival) {
        pt_buf_add_text(buf, "<pdfaid:part>2</pdfaid:part>\n"
                        "<pdfaid:conformance>B</pdfaid:conformance>\n");
    }

    pt_pdf_xml(buf, "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">",
               info->title, "</rdf:li></rdf:Alt></dc:title>\n");
    pt_pdf_xml(buf, "<dc:creator><rdf:Seq><rdf:li>", info->author,
               "</rdf:li></rdf:Seq></dc:creator>\n");
    pt_pdf_xml(buf,
               "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">",
               info->subject, "</rdf:li></rdf:Alt></dc:description>\n");
    pt_pdf_xml(buf, "<dc:language><rdf:Bag><rdf:li>", info->language,
               "</rdf:li></rdf:Bag></dc:language>\n");
    pt_pdf_xml(buf, "<pdf:Keywords>", info->keywords, "</pdf:Keywords>\n");

    if (info->date.len == 10) {
        pt_buf_printf(buf, "<xmp:CreateDate>%.10sT00:00:00Z"
                      "</xmp:CreateDate>\n", info->date.data);
    }

    pt_buf_add_text(buf,
        "<pdf:Producer>Pitchey Edge " PITCHEY_VERSION " (libharu "
        HPDF_VERSION_TEXT ")</pdf:Producer>\n"
        "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
        "<?xpacket end=\"r\"?>");
}


static void
pt_pdf_xml(pt_buf_t *buf, const char *open, pt_str_t text, const char *close)
{
    size_t  i;

    if (text.len == 0) {
        return;
    }

    pt_buf_add_text(buf, open);

    for (i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&':
            pt_buf_add_text(buf, "&amp;");
            break;
        case '<':
            pt_buf_add_text(buf, "&lt;");
            break;
        case '>':
            pt_buf_add_text(buf, "&gt;");
            break;
        default:
            pt_buf_add_char(buf, text.data[i]);
        }
    }

    pt_buf_add_text(buf, close);
}


/* a PDF text string: ASCII as it is, else UTF-16 with a byte order mark */
void
pt_pdf_set_text(pt_pdf_t *pdf, HPDF_Dict dict, const char *key, pt_str_t text)
{
    bool       ascii = true;
    size_t     i, n = 0;
    uint32_t   c;
    uint8_t   *utf16;
    unsigned   len;
    pt_str_t   copy;

    if (text.len == 0) {
        return;
    }

    /* twice the bytes at most; PDF/A's strings end at 32,767 (6.1.13) */
    if (text.len > PT_PDF_STRING_MAX) {
        text.len = PT_PDF_STRING_MAX;
        while (text.len > 0 && (text.data[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }

    for (i = 0; i < text.len; i++) {
        ascii &= text.data[i] >= ' ' && text.data[i] <= '~';
    }

    if (ascii) {
        copy = pt_room_copy(pdf->flow->room, text);
        HPDF_Dict_Add(dict, key, HPDF_String_New(pdf->doc->mmgr,
                      copy.data != NULL ? copy.data : "", NULL));
        return;
    }

    utf16 = pt_room_alloc(pdf->flow->room, 2 * text.len + 2);
    if (utf16 == NULL) {
        pdf->status = HPDF_FAILD_TO_ALLOC_MEM;
        return;
    }

    utf16[n++] = 0xfe;
    utf16[n++] = 0xff;

    for (i = 0; i < text.len; i += len) {
        c = pt_utf8_get(text.data + i, &len);

        if (c >= 0x10000) {
            c -= 0x10000;
            utf16[n++] = (uint8_t) (0xd8 | c >> 18);
            utf16[n++] = (uint8_t) (c >> 10);
            c = 0xdc00 | (c & 0x3ff);
        }

        utf16[n++] = (uint8_t) (c >> 8);
        utf16[n++] = (uint8_t) c;
    }

    HPDF_Dict_Add(dict, key,
                  HPDF_Binary_New(pdf->doc->mmgr, utf16, (HPDF_UINT) n));
}
