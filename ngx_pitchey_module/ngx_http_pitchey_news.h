/*
 * An event as it goes out: its bytes are made once, for all that follow its
 * job, and counted.  Plain C, so that tests and the fuzzer call it without
 * nginx.
 */

#ifndef NGX_HTTP_PITCHEY_NEWS_H
#define NGX_HTTP_PITCHEY_NEWS_H

#include <stdint.h>

#include "pt_id.h"


typedef struct {
    unsigned  refs;
    uint32_t  seq;           /* 0: progress, which has no number */
    pt_str_t  sse;           /* "id: 7\nevent: state\ndata: {...}\n\n" */
    pt_str_t  type;          /* these two lie in it */
    pt_str_t  body;
    pt_str_t  frame;         /* absent until somebody needs it */
    char      bytes[];
} ngx_http_pitchey_news_t;


/* with one reference; NULL without memory.  body is JSON. */
ngx_http_pitchey_news_t *ngx_http_pitchey_news_new(uint32_t seq,
    pt_str_t type, pt_str_t body);

/*
 * The same as a WebSocket's text frame, {"type":"event","job","seq","event",
 * "data"}; without "seq" if it has none.  False without memory.
 */
bool ngx_http_pitchey_news_frame(ngx_http_pitchey_news_t *news,
    const pt_id_t *job);

/* takes NULL */
void ngx_http_pitchey_news_unref(ngx_http_pitchey_news_t *news);


#endif /* NGX_HTTP_PITCHEY_NEWS_H */
