/* Events as bytes. */

#include "ngx_http_pitchey_news.h"

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
        free(news);
    }
}
