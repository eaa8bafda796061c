/* Images as objects of the file. */

#include "pt_pdf_file.h"


static HPDF_STATUS pt_pdf_write_jpeg(HPDF_Dict dict, HPDF_Stream stream);


HPDF_Dict
pt_pdf_image_object(pt_pdf_t *pdf, const pt_image_t *image)
{
    unsigned    i;
    HPDF_Dict   dict;
    HPDF_Array  decode;

    pt_pdf_hash(pdf, image->data.data, image->data.len);
    pdf->cmyk |= image->colors == 4;

    dict = pt_pdf_stream(pdf, image->data.data, image->data.len, true);
    if (dict == NULL) {
        return NULL;
    }

    dict->header.obj_class |= HPDF_OSUBCLASS_XOBJECT;

    HPDF_Dict_AddName(dict, "Type", "XObject");
    HPDF_Dict_AddName(dict, "Subtype", "Image");
    HPDF_Dict_AddNumber(dict, "Width", (HPDF_INT32) image->width);
    HPDF_Dict_AddNumber(dict, "Height", (HPDF_INT32) image->height);
    HPDF_Dict_AddNumber(dict, "BitsPerComponent", 8);
    HPDF_Dict_AddName(dict, "ColorSpace", image->colors == 1 ? "DeviceGray"
                      : image->colors == 3 ? "DeviceRGB" : "DeviceCMYK");

    if (image->jpeg) {
        dict->write_fn = pt_pdf_write_jpeg;
    }

    if (image->inverted) {
        decode = HPDF_Array_New(pdf->doc->mmgr);
        if (decode == NULL) {
            return NULL;
        }

        for (i = 0; i < 8; i++) {
            HPDF_Array_AddNumber(decode, i % 2 == 0);
        }

        HPDF_Dict_Add(dict, "Decode", decode);
    }

    return dict;
}


static HPDF_STATUS
pt_pdf_write_jpeg(HPDF_Dict dict, HPDF_Stream stream)
{
    (void) dict;

    return HPDF_Stream_WriteStr(stream, "/Filter /DCTDecode\012");
}
