/*
 * Whatever the body: an event is one block of server-sent events, whose data
 * is one line, and one WebSocket frame, whose length is what it says.
 */

#include <stdint.h>
#include <stdlib.h>

#include "ngx_http_pitchey_frames.h"
#include "ngx_http_pitchey_news.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* lines of a block, the empty one at its end not counted */
static unsigned
lines(pt_str_t block)
{
    size_t    i;
    unsigned  n;

    for (n = 0, i = 0; i + 1 < block.len; i++) {
        if (block.data[i] == '\r') {
            abort();
        }

        n += (block.data[i] == '\n');
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                    header;
    uint8_t                   start[NGX_HTTP_PITCHEY_FRAME_HEADER];
    pt_id_t                   job = { { 0 } };
    uint32_t                  seq;
    pt_str_t                  body;
    ngx_http_pitchey_news_t  *news;

    if (size < sizeof(seq)) {
        return 0;
    }

    memcpy(&seq, data, sizeof(seq));
    body = (pt_str_t) { (const char *) data + sizeof(seq),
                        size - sizeof(seq) };

    news = ngx_http_pitchey_news_new(seq, PT_STR("output"), body);
    if (news == NULL) {
        return 0;
    }

    if (lines(news->sse) != (seq ? 3 : 2)
        || memcmp(news->sse.data + news->sse.len - 2, "\n\n", 2) != 0
        || news->body.len != body.len)
    {
        abort();
    }

    if (!ngx_http_pitchey_news_frame(news, &job)
        || !ngx_http_pitchey_news_frame(news, &job))
    {
        abort();
    }

    for (header = 2; header <= sizeof(start); header++) {
        if (ngx_http_pitchey_frames_header(WSLAY_TEXT_FRAME,
                                           news->frame.len - header, start)
            == header
            && memcmp(start, news->frame.data, header) == 0)
        {
            break;
        }
    }

    if (header > sizeof(start)
        || news->frame.data[header] != '{'
        || news->frame.data[news->frame.len - 1] != '}'
        || memchr(news->frame.data + header, '\n', news->frame.len - header))
    {
        abort();
    }

    news->refs++;
    ngx_http_pitchey_news_unref(news);
    ngx_http_pitchey_news_unref(news);

    return 0;
}
