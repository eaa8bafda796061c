/*
 * Bytes in and out of libharu.  It would copy each stream three times, octet
 * by octet: into its own blocks, from these to a file in memory, and out of
 * that.  So its streams read here what is borrowed (a subset's font file lies
 * in its cache), and write to the buffer that is asked for.
 */

#include "pt_pdf_file.h"


typedef struct {
    const uint8_t  *data;
    size_t          len;
    size_t          at;
} pt_pdf_bytes_t;


static HPDF_STATUS pt_pdf_read(HPDF_Stream stream, HPDF_BYTE *ptr,
    HPDF_UINT *size);
static HPDF_STATUS pt_pdf_seek(HPDF_Stream stream, HPDF_INT pos,
    HPDF_WhenceMode mode);
static HPDF_INT32 pt_pdf_tell(HPDF_Stream stream);
static HPDF_UINT32 pt_pdf_size(HPDF_Stream stream);
static HPDF_STATUS pt_pdf_write_filter(HPDF_Dict dict, HPDF_Stream stream);
static HPDF_STATUS pt_pdf_append(HPDF_Stream stream, const HPDF_BYTE *ptr,
    HPDF_UINT size);


HPDF_Dict
pt_pdf_stream(pt_pdf_t *pdf, const void *data, size_t len, bool deflated)
{
    HPDF_Dict  dict;

    dict = HPDF_DictStream_New(pdf->doc->mmgr, pdf->doc->xref);

    if (dict == NULL
        || pt_pdf_borrow(pdf, dict, data, len, deflated) != PT_OK)
    {
        return NULL;
    }

    return dict;
}


pt_err_t
pt_pdf_borrow(pt_pdf_t *pdf, HPDF_Dict dict, const void *data, size_t len,
    bool deflated)
{
    HPDF_Stream      stream;
    pt_pdf_bytes_t  *bytes;

    bytes = pt_room_alloc(pdf->flow->room, sizeof(pt_pdf_bytes_t));
    if (bytes == NULL) {
        return PT_E_NOMEM;
    }

    bytes->data = data;
    bytes->len = len;

    stream = HPDF_CallbackReader_New(pdf->doc->mmgr, pt_pdf_read, pt_pdf_seek,
                                     pt_pdf_tell, pt_pdf_size, bytes);
    if (stream == NULL) {
        return PT_E_NOMEM;
    }

    HPDF_Stream_Free(dict->stream);
    dict->stream = stream;

    if (deflated) {
        dict->write_fn = pt_pdf_write_filter;
    }

    return PT_OK;
}


static HPDF_STATUS
pt_pdf_read(HPDF_Stream stream, HPDF_BYTE *ptr, HPDF_UINT *size)
{
    pt_pdf_bytes_t  *bytes = stream->attr;

    if (*size > bytes->len - bytes->at) {
        *size = (HPDF_UINT) (bytes->len - bytes->at);
    }

    memcpy(ptr, bytes->data + bytes->at, *size);
    bytes->at += *size;

    return bytes->at < bytes->len ? HPDF_OK : HPDF_STREAM_EOF;
}


/* libharu goes back to the start, and nowhere else */
static HPDF_STATUS
pt_pdf_seek(HPDF_Stream stream, HPDF_INT pos, HPDF_WhenceMode mode)
{
    pt_pdf_bytes_t  *bytes = stream->attr;

    if (pos != 0 || mode != HPDF_SEEK_SET) {
        return HPDF_INVALID_OPERATION;
    }

    bytes->at = 0;

    return HPDF_OK;
}


static HPDF_INT32
pt_pdf_tell(HPDF_Stream stream)
{
    const pt_pdf_bytes_t  *bytes = stream->attr;

    return (HPDF_INT32) bytes->at;
}


static HPDF_UINT32
pt_pdf_size(HPDF_Stream stream)
{
    const pt_pdf_bytes_t  *bytes = stream->attr;

    return (HPDF_UINT32) bytes->len;
}


/*
 * libharu would deflate at each save what is deflated already, and removes a
 * Filter that it did not put there itself: so it is written past it.
 */
static HPDF_STATUS
pt_pdf_write_filter(HPDF_Dict dict, HPDF_Stream stream)
{
    (void) dict;

    return HPDF_Stream_WriteStr(stream, "/Filter /FlateDecode\012");
}


pt_err_t
pt_pdf_save(pt_pdf_t *pdf, pt_buf_t *buf)
{
    pt_err_t  err;

    /* what HPDF_SaveToStream() would make itself if there were none */
    pdf->doc->stream = HPDF_CallbackWriter_New(pdf->doc->mmgr, pt_pdf_append,
                                               buf);
    if (pdf->doc->stream == NULL) {
        return PT_E_NOMEM;
    }

    if (HPDF_SaveToStream(pdf->doc) != HPDF_OK) {
        err = buf->err != PT_OK ? buf->err : pt_pdf_status(pdf);
        return err != PT_OK ? err : PT_E_INTERNAL;
    }

    return buf->err;
}


static HPDF_STATUS
pt_pdf_append(HPDF_Stream stream, const HPDF_BYTE *ptr, HPDF_UINT size)
{
    pt_buf_t  *buf = stream->attr;

    pt_buf_add(buf, ptr, size);

    return buf->err == PT_OK ? HPDF_OK : HPDF_FAILD_TO_ALLOC_MEM;
}
