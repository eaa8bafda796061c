/*
 * The cache in shared memory.
 *
 *     zone->shm.addr   ngx_slab_pool_t, its mutex, its pages
 *         data    ->   root: counter, dirty, the queue of use, two tables
 *                      table    by key:   buckets of entries
 *                      groups   by group: buckets of entries
 *                      entries, each with its value behind it
 *
 * An entry hangs in three queues: its bucket, its group's bucket, and that of
 * use, whose head is the most recent.
 */

#include "ngx_http_pitchey_shm.h"


/* bytes that an entry takes on the average, to size the tables */
#define NGX_HTTP_PITCHEY_SHM_ENTRY  512

/* how many entries give way to one: smaller ones may lie on other pages */
#define NGX_HTTP_PITCHEY_SHM_EVICT  32


typedef struct {
    ngx_queue_t        bucket;
    ngx_queue_t        group_bucket;
    ngx_queue_t        use;

    uint64_t           group;
    ngx_msec_t         time;
    u_char             key[NGX_HTTP_PITCHEY_SHM_KEY_LEN];

    size_t             len;
    u_char             value[];
} ngx_http_pitchey_shm_entry_t;


typedef struct {
    ngx_atomic_t       counter;      /* of removals */
    ngx_uint_t         dirty;        /* a change is under way */

    ngx_queue_t        use;
    ngx_uint_t         mask;         /* buckets of each table, less one */
    ngx_queue_t       *table;
    ngx_queue_t       *groups;
} ngx_http_pitchey_shm_root_t;


static ngx_int_t ngx_http_pitchey_shm_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_pitchey_shm_format(ngx_slab_pool_t *shpool,
    ngx_atomic_uint_t counter);
static ngx_http_pitchey_shm_root_t *ngx_http_pitchey_shm_lock(
    ngx_shm_zone_t *zone);
static void ngx_http_pitchey_shm_unlock(ngx_shm_zone_t *zone);
static void ngx_http_pitchey_shm_begin(ngx_http_pitchey_shm_root_t *root);
static void ngx_http_pitchey_shm_end(ngx_http_pitchey_shm_root_t *root);
static ngx_http_pitchey_shm_entry_t *ngx_http_pitchey_shm_find(
    ngx_http_pitchey_shm_root_t *root, const u_char *key);
static ngx_http_pitchey_shm_entry_t *ngx_http_pitchey_shm_alloc(
    ngx_slab_pool_t *shpool, ngx_http_pitchey_shm_root_t *root, size_t len);
static void ngx_http_pitchey_shm_link(ngx_http_pitchey_shm_root_t *root,
    ngx_http_pitchey_shm_entry_t *e, const u_char *key);
static void ngx_http_pitchey_shm_free(ngx_slab_pool_t *shpool,
    ngx_http_pitchey_shm_entry_t *e);


ngx_shm_zone_t *
ngx_http_pitchey_shm_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, name, size, tag);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = ngx_http_pitchey_shm_init;

    return zone;
}


/* at start, and at each reload with the zone of the old configuration */
static ngx_int_t
ngx_http_pitchey_shm_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    /* only says that there is something to inherit */
    zone->data = shpool;

    if (data != NULL || zone->shm.exists) {
        return NGX_OK;
    }

    if (ngx_http_pitchey_shm_format(shpool, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "zone \"%V\" is too small", &zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_shm_format(ngx_slab_pool_t *shpool, ngx_atomic_uint_t counter)
{
    size_t                        size;
    ngx_uint_t                    i, n;
    ngx_http_pitchey_shm_root_t  *root;

    /* full is normal here, and logging under the lock is not */
    shpool->log_nomem = 0;

    root = ngx_slab_alloc_locked(shpool, sizeof(ngx_http_pitchey_shm_root_t));
    if (root == NULL) {
        return NGX_ERROR;
    }

    size = shpool->end - (u_char *) shpool;

    for (n = 16; n < size / NGX_HTTP_PITCHEY_SHM_ENTRY / 2; n *= 2) {
        /* void */
    }

    root->mask = n - 1;
    root->table = ngx_slab_alloc_locked(shpool, n * sizeof(ngx_queue_t));
    root->groups = ngx_slab_alloc_locked(shpool, n * sizeof(ngx_queue_t));

    if (root->table == NULL || root->groups == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_init(&root->table[i]);
        ngx_queue_init(&root->groups[i]);
    }

    ngx_queue_init(&root->use);

    root->counter = counter;
    root->dirty = 0;

    shpool->data = root;

    return NGX_OK;
}


ngx_int_t
ngx_http_pitchey_shm_read(ngx_shm_zone_t *zone, const u_char *key,
    u_char *buf, size_t *len, ngx_msec_t *ret_time)
{
    size_t                         room;
    ngx_http_pitchey_shm_root_t   *root;
    ngx_http_pitchey_shm_entry_t  *e;

    room = *len;

    root = ngx_http_pitchey_shm_lock(zone);
    e = ngx_http_pitchey_shm_find(root, key);

    if (e == NULL) {
        ngx_http_pitchey_shm_unlock(zone);
        return NGX_DECLINED;
    }

    if (ngx_queue_head(&root->use) != &e->use) {
        ngx_http_pitchey_shm_begin(root);
        ngx_queue_remove(&e->use);
        ngx_queue_insert_head(&root->use, &e->use);
        ngx_http_pitchey_shm_end(root);
    }

    *len = e->len;

    if (ret_time != NULL) {
        *ret_time = e->time;
    }

    if (e->len > room) {
        ngx_http_pitchey_shm_unlock(zone);
        return NGX_AGAIN;
    }

    if (e->len != 0) {
        ngx_memcpy(buf, e->value, e->len);
    }

    ngx_http_pitchey_shm_unlock(zone);

    return NGX_OK;
}


ngx_atomic_uint_t
ngx_http_pitchey_shm_counter(ngx_shm_zone_t *zone)
{
    ngx_atomic_uint_t             counter;
    ngx_http_pitchey_shm_root_t  *root;

    root = ngx_http_pitchey_shm_lock(zone);
    counter = root->counter;
    ngx_http_pitchey_shm_unlock(zone);

    return counter;
}


ngx_int_t
ngx_http_pitchey_shm_set(ngx_shm_zone_t *zone, const u_char *key,
    uint64_t group, const ngx_str_t *value, ngx_msec_t time,
    ngx_atomic_uint_t counter)
{
    ngx_slab_pool_t               *shpool;
    ngx_http_pitchey_shm_root_t   *root;
    ngx_http_pitchey_shm_entry_t  *e;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    root = ngx_http_pitchey_shm_lock(zone);

    if (root->counter != counter) {
        ngx_http_pitchey_shm_unlock(zone);
        return NGX_DECLINED;
    }

    ngx_http_pitchey_shm_begin(root);

    e = ngx_http_pitchey_shm_find(root, key);

    if (e != NULL) {
        ngx_http_pitchey_shm_free(shpool, e);
    }

    e = ngx_http_pitchey_shm_alloc(shpool, root, value->len);

    if (e != NULL) {
        e->group = group;
        e->time = time;
        e->len = value->len;

        if (value->len != 0) {
            ngx_memcpy(e->value, value->data, value->len);
        }

        ngx_http_pitchey_shm_link(root, e, key);
    }

    ngx_http_pitchey_shm_end(root);
    ngx_http_pitchey_shm_unlock(zone);

    return e ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_pitchey_shm_claim(ngx_shm_zone_t *zone, const u_char *key,
    ngx_msec_t ms)
{
    ngx_int_t                      rc;
    ngx_http_pitchey_shm_root_t   *root;
    ngx_http_pitchey_shm_entry_t  *e;

    root = ngx_http_pitchey_shm_lock(zone);
    ngx_http_pitchey_shm_begin(root);

    e = ngx_http_pitchey_shm_find(root, key);
    rc = NGX_DECLINED;

    if (e == NULL) {
        e = ngx_http_pitchey_shm_alloc((ngx_slab_pool_t *) zone->shm.addr,
                                       root, 0);
        if (e != NULL) {
            ngx_memcpy(&e->group, key, sizeof(e->group));
            e->len = 0;
            ngx_http_pitchey_shm_link(root, e, key);
            rc = NGX_OK;
        }

    } else if (ngx_current_msec - e->time >= ms) {
        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        e->time = ngx_current_msec;
    }

    ngx_http_pitchey_shm_end(root);
    ngx_http_pitchey_shm_unlock(zone);

    return rc;
}


void
ngx_http_pitchey_shm_patch(ngx_shm_zone_t *zone, const u_char *key,
    size_t offset, const void *data, size_t len)
{
    ngx_http_pitchey_shm_root_t   *root;
    ngx_http_pitchey_shm_entry_t  *e;

    root = ngx_http_pitchey_shm_lock(zone);
    ngx_http_pitchey_shm_begin(root);

    e = ngx_http_pitchey_shm_find(root, key);

    if (e != NULL && offset <= e->len && len <= e->len - offset) {
        ngx_memcpy(e->value + offset, data, len);
    }

    ngx_http_pitchey_shm_end(root);
    ngx_http_pitchey_shm_unlock(zone);
}


void
ngx_http_pitchey_shm_remove(ngx_shm_zone_t *zone, const u_char *key)
{
    ngx_slab_pool_t               *shpool;
    ngx_http_pitchey_shm_root_t   *root;
    ngx_http_pitchey_shm_entry_t  *e;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    root = ngx_http_pitchey_shm_lock(zone);
    ngx_http_pitchey_shm_begin(root);

    root->counter++;
    e = ngx_http_pitchey_shm_find(root, key);

    if (e != NULL) {
        ngx_http_pitchey_shm_free(shpool, e);
    }

    ngx_http_pitchey_shm_end(root);
    ngx_http_pitchey_shm_unlock(zone);
}


void
ngx_http_pitchey_shm_remove_group(ngx_shm_zone_t *zone, uint64_t group)
{
    ngx_queue_t                   *q, *next, *bucket;
    ngx_slab_pool_t               *shpool;
    ngx_http_pitchey_shm_root_t   *root;
    ngx_http_pitchey_shm_entry_t  *e;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    root = ngx_http_pitchey_shm_lock(zone);
    ngx_http_pitchey_shm_begin(root);

    root->counter++;
    bucket = &root->groups[group & root->mask];

    for (q = ngx_queue_head(bucket); q != ngx_queue_sentinel(bucket); q = next)
    {
        next = ngx_queue_next(q);
        e = ngx_queue_data(q, ngx_http_pitchey_shm_entry_t, group_bucket);

        if (e->group == group) {
            ngx_http_pitchey_shm_free(shpool, e);
        }
    }

    ngx_http_pitchey_shm_end(root);
    ngx_http_pitchey_shm_unlock(zone);
}


/*
 * A dirty zone was left by a worker that died in the middle: nginx's master
 * has released the lock, the queues and even the slab pages may be broken.
 */
static ngx_http_pitchey_shm_root_t *
ngx_http_pitchey_shm_lock(ngx_shm_zone_t *zone)
{
    ngx_atomic_uint_t             counter;
    ngx_slab_pool_t              *shpool;
    ngx_http_pitchey_shm_root_t  *root;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    root = shpool->data;

    if (root->dirty) {
        counter = root->counter + 1;

        ngx_slab_init(shpool);

        /* it had room at start, and the pool is empty as it was then */
        (void) ngx_http_pitchey_shm_format(shpool, counter);

        root = shpool->data;
    }

    return root;
}


static void
ngx_http_pitchey_shm_unlock(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* the barriers keep the compiler from moving the change out of the marks */
static void
ngx_http_pitchey_shm_begin(ngx_http_pitchey_shm_root_t *root)
{
    root->dirty = 1;
    ngx_memory_barrier();
}


static void
ngx_http_pitchey_shm_end(ngx_http_pitchey_shm_root_t *root)
{
    ngx_memory_barrier();
    root->dirty = 0;
}


static ngx_http_pitchey_shm_entry_t *
ngx_http_pitchey_shm_find(ngx_http_pitchey_shm_root_t *root, const u_char *key)
{
    uint32_t                       hash;
    ngx_queue_t                   *q, *bucket;
    ngx_http_pitchey_shm_entry_t  *e;

    hash = ngx_murmur_hash2((u_char *) key, NGX_HTTP_PITCHEY_SHM_KEY_LEN);
    bucket = &root->table[hash & root->mask];

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        e = ngx_queue_data(q, ngx_http_pitchey_shm_entry_t, bucket);

        if (ngx_memcmp(e->key, key, NGX_HTTP_PITCHEY_SHM_KEY_LEN) == 0) {
            return e;
        }
    }

    return NULL;
}


static ngx_http_pitchey_shm_entry_t *
ngx_http_pitchey_shm_alloc(ngx_slab_pool_t *shpool,
    ngx_http_pitchey_shm_root_t *root, size_t len)
{
    ngx_uint_t                     i;
    ngx_queue_t                   *q;
    ngx_http_pitchey_shm_entry_t  *e;

    len += sizeof(ngx_http_pitchey_shm_entry_t);

    for (i = 0; i < NGX_HTTP_PITCHEY_SHM_EVICT; i++) {
        e = ngx_slab_alloc_locked(shpool, len);

        if (e != NULL || ngx_queue_empty(&root->use)) {
            return e;
        }

        q = ngx_queue_last(&root->use);
        ngx_http_pitchey_shm_free(shpool,
                   ngx_queue_data(q, ngx_http_pitchey_shm_entry_t, use));
    }

    return ngx_slab_alloc_locked(shpool, len);
}


/* a new entry, whose group is set, into its queues */
static void
ngx_http_pitchey_shm_link(ngx_http_pitchey_shm_root_t *root,
    ngx_http_pitchey_shm_entry_t *e, const u_char *key)
{
    uint32_t  hash;

    hash = ngx_murmur_hash2((u_char *) key, NGX_HTTP_PITCHEY_SHM_KEY_LEN);

    ngx_memcpy(e->key, key, NGX_HTTP_PITCHEY_SHM_KEY_LEN);

    ngx_queue_insert_head(&root->table[hash & root->mask], &e->bucket);
    ngx_queue_insert_head(&root->groups[e->group & root->mask],
                          &e->group_bucket);
    ngx_queue_insert_head(&root->use, &e->use);
}


static void
ngx_http_pitchey_shm_free(ngx_slab_pool_t *shpool,
    ngx_http_pitchey_shm_entry_t *e)
{
    ngx_queue_remove(&e->bucket);
    ngx_queue_remove(&e->group_bucket);
    ngx_queue_remove(&e->use);

    ngx_slab_free_locked(shpool, e);
}
