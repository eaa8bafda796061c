/* What _store and _part ask of each other; see ngx_http_pitchey_store.h. */

#ifndef NGX_HTTP_PITCHEY_PART_H
#define NGX_HTTP_PITCHEY_PART_H

#include "ngx_http_pitchey_store.h"


/* notes errno */
void ngx_http_pitchey_store_failed(ngx_http_pitchey_store_t *st,
    const char *what, const u_char *at);

/* 0, or -1 with errno */
int ngx_http_pitchey_store_mkdir(const u_char *path);
int ngx_http_pitchey_store_sync_folder(const u_char *path);

/* more bytes are there: saves them from time to time */
void ngx_http_pitchey_part_written(ngx_http_pitchey_store_t *st);

/* before its descriptor is closed */
void ngx_http_pitchey_part_end(ngx_http_pitchey_store_t *st, ngx_log_t *log);


#endif /* NGX_HTTP_PITCHEY_PART_H */
