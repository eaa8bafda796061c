/*
 * A body gives the same parts in one piece and in pieces of any size, and no
 * more content than it has bytes.  The first byte says how it is cut.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_http_pitchey_multipart.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    size_t    content;
    unsigned  parts;
    unsigned  ends;
    unsigned  sum;
    bool      end;
    bool      broken;
} seen_t;


static seen_t
parse(const char *body, size_t size, size_t piece, size_t room)
{
    size_t                         i;
    seen_t                         seen = { 0 };
    pt_str_t                       data;
    const char                    *pos, *last, *end = body + size;
    ngx_http_pitchey_multipart_t   m;
    ngx_http_pitchey_multipart_e   event;

    if (!ngx_http_pitchey_multipart_init(&m,
                               PT_STR("multipart/form-data; boundary=b-b")))
    {
        abort();
    }

    for (pos = body; pos < end; /* void */ ) {
        last = (size_t) (end - pos) < piece ? end : pos + piece;

        do {
            event = ngx_http_pitchey_multipart_next(&m, &pos, last, room,
                                                    &data);
            switch (event) {

            case NGX_HTTP_PITCHEY_MULTIPART_PART:
                seen.parts++;
                seen.sum = seen.sum * 31 + (unsigned) m.name.len;

                if (m.name.len > sizeof(m.header)
                    || m.disposition.len > sizeof(m.header)
                    || m.media_type.len > sizeof(m.header))
                {
                    abort();
                }

                break;

            case NGX_HTTP_PITCHEY_MULTIPART_DATA:
                if (data.len == 0 || data.len > room) {
                    abort();
                }

                for (i = 0; i < data.len; i++) {
                    seen.sum = seen.sum * 31 + (unsigned char) data.data[i];
                }

                seen.content += data.len;
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_PART_END:
                seen.ends++;
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_END:
                seen.end = true;
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_BROKEN:
                seen.broken = true;
                return seen;

            case NGX_HTTP_PITCHEY_MULTIPART_MORE:
                break;
            }

        } while (event != NGX_HTTP_PITCHEY_MULTIPART_MORE);

        if (pos != last) {
            abort();
        }
    }

    return seen;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char    type[256];
    size_t  len;
    seen_t  whole, pieces;
    ngx_http_pitchey_multipart_t  m;

    if (size < 2) {
        return 0;
    }

    /* any Content-Type */
    len = size < sizeof(type) ? size : sizeof(type);
    memcpy(type, data, len);
    (void) ngx_http_pitchey_multipart_init(&m, (pt_str_t) { type, len });

    whole = parse((const char *) data + 1, size - 1, size, size);
    pieces = parse((const char *) data + 1, size - 1, 1 + data[0] % 16,
                   1 + data[0] / 16);

    if (whole.content > size || whole.ends > whole.parts
        || whole.content != pieces.content || whole.parts != pieces.parts
        || whole.ends != pieces.ends || whole.sum != pieces.sum
        || whole.end != pieces.end || whole.broken != pieces.broken)
    {
        abort();
    }

    return 0;
}
