/* Events as bytes. */

#include "ngx_http_pitchey_news.h"
#include "ngx_http_pitchey_frames.h"

#include <stdio.h>
#include <stdlib.h>


static char *ngx_http_pitchey_news_put(char *p, pt_str_t s);


ngx_http_pitchey_news_t *
ngx_http_pitchey_news_new(uint32_t seq, pt_str_t type, pt_str_t body)
{
    char                     *p, *start;
    ngx_http_pitchey_news_t  *news;

    news = malloc(sizeof(ngx_http_pitchey_news_t)
                  + sizeof("id: 4294967295\nevent: \ndata: \n\n")
                  + type.len + body.len);
    if (news == NULL) {
        return NULL;
    }

    news->refs = 1;
    news->seq = seq;
    news->frame = PT_STR_NULL;

    p = news->bytes;

    if (seq) {
        p += sprintf(p, "id: %u\n", (unsigned) seq);
    }

    p = ngx_http_pitchey_news_put(p, PT_STR("event: "));
    news->type = (pt_str_t) { p, type.len };
    p = ngx_http_pitchey_news_put(p, type);

    p = ngx_http_pitchey_news_put(p, PT_STR("\ndata: "));
    news->body = (pt_str_t) { p, body.len };

    start = p;
    p = ngx_http_pitchey_news_put(p, body);

    /* line ends are white space in JSON, and would end the field here */

    for ( /* void */ ; start < p; start++) {
        if (*start == '\n' || *start == '\r') {
            *start = ' ';
        }
    }

    p = ngx_http_pitchey_news_put(p, PT_STR("\n\n"));

    news->sse = (pt_str_t) { news->bytes, (size_t) (p - news->bytes) };

    return news;
}


bool
ngx_http_pitchey_news_frame(ngx_http_pitchey_news_t *news, const pt_id_t *job)
{
    char    *p, *frame, seq[sizeof(",\"seq\":4294967295")];
    char     id[PT_ID_TEXT_LEN];
    size_t   len, header;
    uint8_t  start[NGX_HTTP_PITCHEY_FRAME_HEADER];

    if (news->frame.data != NULL) {
        return true;
    }

    pt_id_format(job, id);
    seq[0] = '\0';

    if (news->seq) {
        (void) sprintf(seq, ",\"seq\":%u", (unsigned) news->seq);
    }

    len = sizeof("{\"type\":\"event\",\"job\":\"\",\"event\":\"\",\"data\":}") - 1
          + PT_ID_TEXT_LEN + strlen(seq) + news->type.len + news->body.len;

    header = ngx_http_pitchey_frames_header(WSLAY_TEXT_FRAME, len, start);
    frame = header ? malloc(header + len) : NULL;

    if (frame == NULL) {
        return false;
    }

    p = ngx_http_pitchey_news_put(frame,
                                  (pt_str_t) { (char *) start, header });
    p = ngx_http_pitchey_news_put(p, PT_STR("{\"type\":\"event\",\"job\":\""));
    p = ngx_http_pitchey_news_put(p, (pt_str_t) { id, PT_ID_TEXT_LEN });
    p = ngx_http_pitchey_news_put(p, PT_STR("\""));
    p = ngx_http_pitchey_news_put(p, pt_str(seq));
    p = ngx_http_pitchey_news_put(p, PT_STR(",\"event\":\""));
    p = ngx_http_pitchey_news_put(p, news->type);
    p = ngx_http_pitchey_news_put(p, PT_STR("\",\"data\":"));
    p = ngx_http_pitchey_news_put(p, news->body);
    (void) ngx_http_pitchey_news_put(p, PT_STR("}"));

    news->frame = (pt_str_t) { frame, header + len };

    return true;
}


static char *
ngx_http_pitchey_news_put(char *p, pt_str_t s)
{
    if (s.len) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}


void
ngx_http_pitchey_news_unref(ngx_http_pitchey_news_t *news)
{
    if (news != NULL && --news->refs == 0) {
        free((char *) news->frame.data);
        free(news);
    }
}
