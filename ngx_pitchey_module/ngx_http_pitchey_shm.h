/*
 * A cache in shared memory: values by a 32-byte key, the least recently used
 * ones give way.  Sessions and jobs are two zones of it.
 *
 * Values are copied in and out, and nothing that can log or block is called
 * under the lock.  A worker that dies inside leaves the zone marked dirty,
 * and the next one that locks it empties it.
 */

#ifndef NGX_HTTP_PITCHEY_SHM_H
#define NGX_HTTP_PITCHEY_SHM_H

#include "ngx_http_pitchey_module.h"


#define NGX_HTTP_PITCHEY_SHM_KEY_LEN  32


/* a zone of this configuration, whose tag tells what it is for; NULL after it
 * logged why not */
ngx_shm_zone_t *ngx_http_pitchey_shm_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, void *tag);

/*
 * Copies the value into the buffer and makes it the most recently used.
 *
 * len       in: room in buf; out: length of the value
 * ret_time  when it was true, as given to _set(); may be NULL
 *
 * NGX_OK; NGX_DECLINED: none; NGX_AGAIN: there is too little room for it
 */
ngx_int_t ngx_http_pitchey_shm_read(ngx_shm_zone_t *zone, const u_char *key,
    u_char *buf, size_t *len, ngx_msec_t *ret_time);

/*
 * The zone's counter of removals.  Who notes it before asking for a value,
 * and gives it to _set(), cannot store what was removed in the meantime.
 */
ngx_atomic_uint_t ngx_http_pitchey_shm_counter(ngx_shm_zone_t *zone);

/*
 * Stores or replaces.
 *
 * group  by which entries can be removed together; a hash, 0: none
 * time   ngx_current_msec at which the value was true
 *
 * NGX_OK; NGX_DECLINED: the counter moved, or there is no room for it
 */
ngx_int_t ngx_http_pitchey_shm_set(ngx_shm_zone_t *zone,
    const u_char *key, uint64_t group,
    const ngx_str_t *value, ngx_msec_t time, ngx_atomic_uint_t counter);

/*
 * For what one worker has to do for all: NGX_OK to the first that asks, and to
 * the first again after that many ms; NGX_DECLINED to the others.
 */
ngx_int_t ngx_http_pitchey_shm_claim(ngx_shm_zone_t *zone, const u_char *key,
    ngx_msec_t ms);

/* overwrites bytes of a value that is there and as long; its time stays */
void ngx_http_pitchey_shm_patch(ngx_shm_zone_t *zone, const u_char *key,
    size_t offset, const void *data, size_t len);

/* both move the counter, whether there was an entry or not */
void ngx_http_pitchey_shm_remove(ngx_shm_zone_t *zone,
    const u_char *key);
void ngx_http_pitchey_shm_remove_group(ngx_shm_zone_t *zone, uint64_t group);


#endif /* NGX_HTTP_PITCHEY_SHM_H */
