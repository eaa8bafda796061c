/*
 * A poster of any bytes is an image within the bounds, or refused; of a PNG
 * all pixels that it tells of are there.
 */

#include <stdlib.h>

#include <zlib.h>

#include "pt_image.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uLong       len;
    uint8_t    *pixels;
    uint64_t    area;
    pt_room_t   room;
    pt_image_t  image;

    pt_room_init(&room, 128 * 1024 * 1024);

    if (pt_image_read((pt_str_t) { (const char *) data, size }, &room, &image)
        == PT_OK)
    {
        area = (uint64_t) image.width * image.height;

        if (area == 0 || image.width > PT_IMAGE_SIDE_MAX
            || image.height > PT_IMAGE_SIDE_MAX
            || area > (image.jpeg ? PT_IMAGE_JPEG_MAX : PT_IMAGE_PNG_MAX)
            || (image.colors != 1 && image.colors != 3 && image.colors != 4))
        {
            abort();
        }

        if (!image.jpeg) {
            len = area * image.colors;
            pixels = malloc(len);

            if (pixels == NULL
                || uncompress(pixels, &len, (const Bytef *) image.data.data,
                              image.data.len) != Z_OK
                || len != area * image.colors)
            {
                abort();
            }

            free(pixels);
        }
    }

    pt_room_done(&room);

    return 0;
}
