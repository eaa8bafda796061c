/* A JPEG's header is read here; a PNG by libpng's simplified interface. */

#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "pt_image.h"
#include "pt_subset.h"


#define PT_IMAGE_DEFLATE  6
#define PT_IMAGE_TAIL     1024       /* bytes in which a JPEG's end is sought */


static pt_err_t pt_image_jpeg(pt_str_t bytes, pt_image_t *image);
static bool pt_image_is_frame(uint8_t marker);
static pt_err_t pt_image_png(pt_str_t bytes, pt_room_t *room,
    pt_image_t *image);
static pt_err_t pt_image_bound(const pt_image_t *image, uint64_t max);
static uint32_t pt_image_be(const uint8_t *p, unsigned n);


pt_err_t
pt_image_read(pt_str_t bytes, pt_room_t *room, pt_image_t *ret_image)
{
    pt_err_t    err;
    pt_image_t  image = { 0 };

    if (bytes.len > PT_IMAGE_BYTES_MAX) {
        return PT_E_INPUT_LIMIT;
    }

    if (bytes.len > 4 && memcmp(bytes.data, "\xff\xd8\xff", 3) == 0) {
        err = pt_image_jpeg(bytes, &image);

    } else if (bytes.len > 33
               && memcmp(bytes.data, "\x89PNG\r\n\x1a\n", 8) == 0)
    {
        err = pt_image_png(bytes, room, &image);

    } else {
        err = PT_E_INPUT_UNSUPPORTED;
    }

    if (err == PT_OK) {
        *ret_image = image;
    }

    return err;
}


/* from marker to marker up to the picture's own data */
static pt_err_t
pt_image_jpeg(pt_str_t bytes, pt_image_t *image)
{
    bool            end = false;
    size_t          i, len;
    uint8_t         marker;
    const uint8_t  *p = (const uint8_t *) bytes.data;

    image->jpeg = true;
    image->data = bytes;

    for (i = 2; i + 4 <= bytes.len; i += len) {

        if (p[i] != 0xff) {
            return PT_E_INPUT_BROKEN;
        }

        marker = p[i + 1];

        if (marker == 0xff) {             /* filling */
            len = 1;
            continue;
        }

        len = pt_image_be(p + i + 2, 2);

        if (len < 2 || len > bytes.len - i - 2) {
            return PT_E_INPUT_BROKEN;
        }

        if (marker == 0xda) {
            break;
        }

        if (pt_image_is_frame(marker)) {
            if (len < 8 || p[i + 4] != 8) {
                return PT_E_INPUT_UNSUPPORTED;
            }

            image->height = pt_image_be(p + i + 5, 2);
            image->width = pt_image_be(p + i + 7, 2);
            image->colors = p[i + 9];

        } else if (marker == 0xee && len >= 14
                   && memcmp(p + i + 4, "Adobe", 5) == 0)
        {
            image->inverted = true;
        }

        len += 2;
    }

    for (i = bytes.len; i > 2 && bytes.len - i < PT_IMAGE_TAIL; i--) {
        end |= p[i - 2] == 0xff && p[i - 1] == 0xd9;
    }

    if (!end) {
        return PT_E_INPUT_BROKEN;
    }

    if (image->colors != 1 && image->colors != 3 && image->colors != 4) {
        return image->width == 0 ? PT_E_INPUT_BROKEN : PT_E_INPUT_UNSUPPORTED;
    }

    image->inverted &= image->colors == 4;

    return pt_image_bound(image, PT_IMAGE_JPEG_MAX);
}


/* SOF0 to SOF15 but for DHT, JPG and DAC; only what DCTDecode reads */
static bool
pt_image_is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xc2;
}


static pt_err_t
pt_image_png(pt_str_t bytes, pt_room_t *room, pt_image_t *image)
{
    size_t     size, len;
    uint8_t   *pixels = NULL, *data;
    pt_err_t   err;
    png_image  png = { .version = PNG_IMAGE_VERSION };

    static const png_color  white = { 255, 255, 255 };

    image->width = pt_image_be((const uint8_t *) bytes.data + 16, 4);
    image->height = pt_image_be((const uint8_t *) bytes.data + 20, 4);
    image->colors = 3;

    err = pt_image_bound(image, PT_IMAGE_PNG_MAX);
    if (err != PT_OK) {
        return err;
    }

    if (!png_image_begin_read_from_memory(&png, bytes.data, bytes.len)
        || png.width != image->width || png.height != image->height)
    {
        png_image_free(&png);
        return PT_E_INPUT_BROKEN;
    }

    png.format = PNG_FORMAT_RGB;
    size = PNG_IMAGE_SIZE(png);
    pixels = malloc(size);

    if (pixels == NULL) {
        png_image_free(&png);
        return PT_E_NOMEM;
    }

    if (!png_image_finish_read(&png, &white, pixels, 0, NULL)) {
        png_image_free(&png);
        free(pixels);
        return PT_E_INPUT_BROKEN;
    }

    err = pt_deflate(pixels, size, PT_IMAGE_DEFLATE, &data, &len);
    free(pixels);

    if (err != PT_OK) {
        return err;
    }

    image->data = pt_room_copy(room, (pt_str_t) { (char *) data, len });
    free(data);

    return image->data.data != NULL ? PT_OK : PT_E_TOO_LARGE;
}


static pt_err_t
pt_image_bound(const pt_image_t *image, uint64_t max)
{
    if (image->width == 0 || image->height == 0) {
        return PT_E_INPUT_BROKEN;
    }

    return image->width <= PT_IMAGE_SIDE_MAX
           && image->height <= PT_IMAGE_SIDE_MAX
           && (uint64_t) image->width * image->height <= max
           ? PT_OK : PT_E_INPUT_LIMIT;
}


static uint32_t
pt_image_be(const uint8_t *p, unsigned n)
{
    uint32_t  v = 0;

    while (n-- > 0) {
        v = v << 8 | *p++;
    }

    return v;
}
