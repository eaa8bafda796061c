/*
 * Raster images for a drawing: JPEG is passed on as it is, PNG is decoded,
 * laid on white and deflated again.  What an image says of its size is
 * looked at before a byte of it is decoded: a bomb is refused, not tried.
 */

#ifndef PT_IMAGE_H
#define PT_IMAGE_H

#include "pt_room.h"


#define PT_IMAGE_BYTES_MAX   (16 * 1024 * 1024)
#define PT_IMAGE_SIDE_MAX    12000
#define PT_IMAGE_JPEG_MAX    (50 * 1000 * 1000)    /* pixels: the reader's */
#define PT_IMAGE_PNG_MAX     (8 * 1000 * 1000)     /* pixels: ours, 24 MB */


typedef struct {
    uint32_t  width, height;     /* pixels */
    unsigned  colors;            /* of a pixel: 1 gray, 3 RGB, 4 CMYK */
    bool      jpeg;
    bool      inverted;          /* CMYK as Adobe writes it */
    pt_str_t  data;              /* JPEG's file, or deflated RGB; in the room
                                  * or borrowed from bytes */
} pt_image_t;


/*
 * Errors  PT_E_INPUT_UNSUPPORTED (neither JPEG nor PNG), PT_E_INPUT_LIMIT,
 *         PT_E_INPUT_BROKEN, PT_E_NOMEM, PT_E_TOO_LARGE
 */
PT_MUST_CHECK pt_err_t pt_image_read(pt_str_t bytes, pt_room_t *room,
    pt_image_t *ret_image);


#endif /* PT_IMAGE_H */
