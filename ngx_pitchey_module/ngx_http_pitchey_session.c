/*
 * Sessions: cache, database, and the list of those who wait for an answer.
 *
 * A cached session is trusted while the listening connection is proven alive
 * and was so when the session was read; else for pitchey_session_recheck; and
 * while the database cannot be asked, for pitchey_session_grace.
 */

#include "ngx_http_pitchey_session.h"
#include "ngx_http_pitchey_pg.h"
#include "ngx_http_pitchey_revocation.h"
#include "ngx_http_pitchey_shm.h"
#include "ngx_http_pitchey_timestamp.h"


/* lookups under way hang in these, by the first byte of the token's hash */
#define NGX_HTTP_PITCHEY_LOOKUP_BUCKETS  256


/* bytes of a session in the zone: a longer one is looked up each time */
#define NGX_HTTP_PITCHEY_SESSION_MAX  4096

/* ms that a token without a session is answered from memory: as long as one
 * that appears right after it was asked for is refused */
#define NGX_HTTP_PITCHEY_SESSION_ABSENT  1000


static ngx_str_t  ngx_http_pitchey_admin = ngx_string("admin");


/* the tables as the library's own migration makes them; columns of plugins
 * that are not installed are NULL */
static const char  ngx_http_pitchey_session_query[] =
    "SELECT s.id AS session_id, s.\"userId\" AS user_id, "
           "s.\"expiresAt\" AS expires_at, u.email, "
           "j.u->>'role' AS role, j.u->>'userType' AS user_type, "
           "j.u->>'tier' AS tier, "
           "j.s->>'activeOrganizationId' AS organization_id, "
           "j.u->>'banned' AS banned, j.u->>'banExpires' AS ban_expires "
    "FROM \"session\" s JOIN \"user\" u ON u.id = s.\"userId\", "
    "LATERAL (SELECT to_jsonb(s) AS s, to_jsonb(u) AS u OFFSET 0) j "
    "WHERE s.token = $1";


typedef struct {
    ngx_queue_t                   queue;     /* of its bucket */
    ngx_queue_t                   waiters;   /* may be empty: all have left */
    ngx_http_pitchey_main_conf_t *pmcf;

    ngx_http_pitchey_pg_query_t   query;
    ngx_atomic_uint_t             counter;   /* the zone's, before the query */
    ngx_atomic_uint_t             absent_counter;
    ngx_msec_t                    time;      /* and the time then */
    ngx_uint_t                    again;     /* asked twice already */

    u_char                        hash[NGX_HTTP_PITCHEY_TOKEN_HASH_LEN];
    char                          token[];   /* terminated */
} ngx_http_pitchey_lookup_t;


/* what the zone keeps: this, and behind it the strings */
typedef struct {
    int64_t                       expires_ms;
    uint16_t                      len[7];
} ngx_http_pitchey_packed_t;


static ngx_int_t ngx_http_pitchey_session_get(
    ngx_http_pitchey_main_conf_t *pmcf, const u_char *hash, ngx_pool_t *pool,
    ngx_http_pitchey_user_t *user, ngx_msec_t *ret_time);
static ngx_http_pitchey_lookup_t *ngx_http_pitchey_lookup_find(
    const u_char *hash);
static ngx_int_t ngx_http_pitchey_lookup_ask(
    ngx_http_pitchey_lookup_t *lookup);
static void ngx_http_pitchey_lookup_done(ngx_http_pitchey_pg_query_t *query,
    PGresult *res);
static void ngx_http_pitchey_lookup_absent(
    ngx_http_pitchey_lookup_t *lookup, const ngx_str_t *user_id);
static ngx_int_t ngx_http_pitchey_lookup_store(
    ngx_http_pitchey_lookup_t *lookup, const ngx_http_pitchey_user_t *user);
static ngx_int_t ngx_http_pitchey_session_row(PGresult *res,
    ngx_http_pitchey_user_t *user);
static ngx_str_t ngx_http_pitchey_session_column(PGresult *res,
    const char *name);
static uint64_t ngx_http_pitchey_session_group(const ngx_str_t *user_id);
static void ngx_http_pitchey_session_strings(ngx_http_pitchey_user_t *user,
    ngx_str_t *ret_strings[7]);


static ngx_queue_t  ngx_http_pitchey_lookups[NGX_HTTP_PITCHEY_LOOKUP_BUCKETS];


ngx_int_t
ngx_http_pitchey_session_cached(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, ngx_pool_t *pool, ngx_http_pitchey_user_t *user,
    ngx_msec_t *ret_time)
{
    ngx_int_t  rc;

    rc = ngx_http_pitchey_session_get(pmcf, hash, pool, user, ret_time);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_pitchey_revocation_covers(*ret_time)
        || ngx_current_msec - *ret_time <= pmcf->session_recheck)
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_pitchey_session_graced(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, ngx_pool_t *pool, ngx_http_pitchey_user_t *user,
    ngx_msec_t *ret_time)
{
    ngx_int_t  rc;

    rc = ngx_http_pitchey_session_get(pmcf, hash, pool, user, ret_time);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_current_msec - *ret_time <= pmcf->session_grace ? NGX_OK
                                                               : NGX_DECLINED;
}


/*
 * An entry past its end is no answer: the library may have moved the row's
 * end since, which is no revocation and so not told.
 */
static ngx_int_t
ngx_http_pitchey_session_get(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, ngx_pool_t *pool, ngx_http_pitchey_user_t *user,
    ngx_msec_t *ret_time)
{
    size_t                      len;
    u_char                     *p;
    ngx_str_t                  *strings[7];
    ngx_uint_t                  i;
    ngx_http_pitchey_packed_t   packed;

    static u_char  room[NGX_HTTP_PITCHEY_SESSION_MAX];

    len = sizeof(room);

    /* nothing larger is ever stored */
    if (ngx_http_pitchey_shm_read(pmcf->session_zone, hash, room, &len,
                                  ret_time)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(&packed, room, sizeof(ngx_http_pitchey_packed_t));

    if (packed.expires_ms < ngx_http_pitchey_session_now()) {
        return NGX_DECLINED;
    }

    len -= sizeof(ngx_http_pitchey_packed_t);

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, room + sizeof(ngx_http_pitchey_packed_t), len);

    user->expires_ms = packed.expires_ms;

    ngx_http_pitchey_session_strings(user, strings);

    for (i = 0; i < 7; i++) {
        strings[i]->data = p;
        strings[i]->len = packed.len[i];
        p += packed.len[i];
    }

    user->admin = ngx_http_pitchey_session_has_role(&user->role,
                                              &ngx_http_pitchey_admin);

    return NGX_OK;
}


ngx_uint_t
ngx_http_pitchey_session_absent(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash)
{
    size_t      len;
    ngx_msec_t  time;

    len = 0;

    return ngx_http_pitchey_shm_read(pmcf->absent_zone, hash, NULL, &len,
                                     &time)
           == NGX_OK
           && ngx_current_msec - time <= NGX_HTTP_PITCHEY_SESSION_ABSENT;
}


void
ngx_http_pitchey_session_extend(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, int64_t expires_ms)
{
    ngx_http_pitchey_shm_patch(pmcf->session_zone, hash,
                               offsetof(ngx_http_pitchey_packed_t, expires_ms),
                               &expires_ms, sizeof(int64_t));
}


void
ngx_http_pitchey_session_forget(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash)
{
    ngx_http_pitchey_shm_remove(pmcf->session_zone, hash);
}


void
ngx_http_pitchey_session_forget_user(ngx_http_pitchey_main_conf_t *pmcf,
    const ngx_str_t *user_id)
{
    uint64_t  group;

    group = ngx_http_pitchey_session_group(user_id);

    ngx_http_pitchey_shm_remove_group(pmcf->session_zone, group);

    /* of a user who was banned, and is no more */
    ngx_http_pitchey_shm_remove_group(pmcf->absent_zone, group);
}


ngx_int_t
ngx_http_pitchey_session_lookup(ngx_http_pitchey_main_conf_t *pmcf,
    const u_char *hash, pt_str_t token, ngx_uint_t low,
    ngx_http_pitchey_waiter_t *waiter)
{
    ngx_http_pitchey_lookup_t  *lookup;

    lookup = ngx_http_pitchey_lookup_find(hash);

    if (lookup != NULL) {
        ngx_queue_insert_tail(&lookup->waiters, &waiter->queue);
        return NGX_OK;
    }

    lookup = ngx_alloc(sizeof(ngx_http_pitchey_lookup_t) + token.len + 1,
                       ngx_cycle->log);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(lookup, sizeof(ngx_http_pitchey_lookup_t));
    ngx_memcpy(lookup->hash, hash, NGX_HTTP_PITCHEY_TOKEN_HASH_LEN);
    ngx_memcpy(lookup->token, token.data, token.len);
    lookup->token[token.len] = '\0';

    ngx_queue_init(&lookup->waiters);
    lookup->pmcf = pmcf;
    lookup->query.low = low;

    if (ngx_http_pitchey_lookup_ask(lookup) != NGX_OK) {
        ngx_free(lookup);
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&ngx_http_pitchey_lookups[hash[0]], &lookup->queue);
    ngx_queue_insert_tail(&lookup->waiters, &waiter->queue);

    return NGX_OK;
}


static ngx_http_pitchey_lookup_t *
ngx_http_pitchey_lookup_find(const u_char *hash)
{
    ngx_queue_t                *q, *bucket;
    ngx_http_pitchey_lookup_t  *lookup;

    bucket = &ngx_http_pitchey_lookups[hash[0]];

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        lookup = ngx_queue_data(q, ngx_http_pitchey_lookup_t, queue);

        if (ngx_memcmp(lookup->hash, hash, NGX_HTTP_PITCHEY_TOKEN_HASH_LEN)
            == 0)
        {
            return lookup;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_pitchey_lookup_ask(ngx_http_pitchey_lookup_t *lookup)
{
    lookup->query.sql = lookup->pmcf->session_query.len
                        ? (const char *) lookup->pmcf->session_query.data
                        : ngx_http_pitchey_session_query;
    lookup->query.params[0] = lookup->token;
    lookup->query.nparams = 1;
    lookup->query.name = "pitchey_session_query";
    lookup->query.handler = ngx_http_pitchey_lookup_done;
    lookup->query.data = lookup;

    lookup->counter = ngx_http_pitchey_shm_counter(lookup->pmcf->session_zone);
    lookup->absent_counter = ngx_http_pitchey_shm_counter(
                                                  lookup->pmcf->absent_zone);
    lookup->time = ngx_current_msec;

    return ngx_http_pitchey_pg_ask(&lookup->query);
}


static void
ngx_http_pitchey_lookup_done(ngx_http_pitchey_pg_query_t *query, PGresult *res)
{
    ngx_int_t                   rc;
    ngx_queue_t                *q;
    ngx_http_pitchey_user_t     user;
    ngx_http_pitchey_waiter_t  *waiter;
    ngx_http_pitchey_lookup_t  *lookup;

    lookup = query->data;

    rc = res ? ngx_http_pitchey_session_row(res, &user) : NGX_ERROR;

    if (rc == NGX_OK
        && ngx_http_pitchey_lookup_store(lookup, &user) != NGX_OK
        && !lookup->again)
    {
        /* something was revoked while the answer came: it may be too old */
        lookup->again = 1;

        if (ngx_http_pitchey_lookup_ask(lookup) == NGX_OK) {
            return;
        }

        rc = NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_http_pitchey_lookup_absent(lookup, &user.id);
    }

    /* a waiter that asks again makes a lookup of its own */
    ngx_queue_remove(&lookup->queue);

    while (!ngx_queue_empty(&lookup->waiters)) {
        q = ngx_queue_head(&lookup->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_http_pitchey_waiter_t, queue);
        waiter->handler(waiter, rc, &user, lookup->time);
    }

    ngx_free(lookup);
}


/* user_id is empty where there is no row */
static void
ngx_http_pitchey_lookup_absent(ngx_http_pitchey_lookup_t *lookup,
    const ngx_str_t *user_id)
{
    uint64_t   group;
    ngx_str_t  none;

    if (user_id->len != 0) {
        group = ngx_http_pitchey_session_group(user_id);

    } else {
        ngx_memcpy(&group, lookup->hash, sizeof(group));
    }

    ngx_str_null(&none);

    (void) ngx_http_pitchey_shm_set(lookup->pmcf->absent_zone, lookup->hash,
                                    group, &none, ngx_current_msec,
                                    lookup->absent_counter);
}


/* NGX_DECLINED: the zone's counter moved since the question */
static ngx_int_t
ngx_http_pitchey_lookup_store(ngx_http_pitchey_lookup_t *lookup,
    const ngx_http_pitchey_user_t *user)
{
    u_char                     *p, text[NGX_HTTP_PITCHEY_SESSION_MAX];
    ngx_str_t                  *strings[7], value;
    ngx_uint_t                  i;
    ngx_shm_zone_t             *zone;
    ngx_http_pitchey_user_t     copy;
    ngx_http_pitchey_packed_t   packed;

    zone = lookup->pmcf->session_zone;
    copy = *user;

    ngx_http_pitchey_session_strings(&copy, strings);

    packed.expires_ms = user->expires_ms;
    p = text + sizeof(ngx_http_pitchey_packed_t);

    for (i = 0; i < 7; i++) {
        if (strings[i]->len > (size_t) (text + sizeof(text) - p)) {
            /* no session looks like this; it works without the cache */
            return NGX_OK;
        }

        packed.len[i] = (uint16_t) strings[i]->len;
        p = ngx_cpymem(p, strings[i]->data, strings[i]->len);
    }

    ngx_memcpy(text, &packed, sizeof(ngx_http_pitchey_packed_t));

    value.data = text;
    value.len = p - text;

    if (ngx_http_pitchey_shm_set(zone, lookup->hash,
                                 ngx_http_pitchey_session_group(&user->id),
                                 &value, lookup->time, lookup->counter)
        == NGX_OK)
    {
        return NGX_OK;
    }

    return ngx_http_pitchey_shm_counter(zone) == lookup->counter
           ? NGX_OK : NGX_DECLINED;
}


/* the strings borrow from res; same values of rc as a waiter's */
static ngx_int_t
ngx_http_pitchey_session_row(PGresult *res, ngx_http_pitchey_user_t *user)
{
    int64_t    now, until;
    ngx_str_t  expires, banned, ban_expires;

    ngx_memzero(user, sizeof(ngx_http_pitchey_user_t));

    if (PQntuples(res) == 0) {
        return NGX_DECLINED;
    }

    user->session_id = ngx_http_pitchey_session_column(res, "session_id");
    user->id = ngx_http_pitchey_session_column(res, "user_id");
    user->email = ngx_http_pitchey_session_column(res, "email");
    user->role = ngx_http_pitchey_session_column(res, "role");
    user->user_type = ngx_http_pitchey_session_column(res, "user_type");
    user->tier = ngx_http_pitchey_session_column(res, "tier");
    user->organization_id = ngx_http_pitchey_session_column(res,
                                                          "organization_id");
    user->admin = ngx_http_pitchey_session_has_role(&user->role,
                                              &ngx_http_pitchey_admin);

    expires = ngx_http_pitchey_session_column(res, "expires_at");
    banned = ngx_http_pitchey_session_column(res, "banned");
    ban_expires = ngx_http_pitchey_session_column(res, "ban_expires");

    if (user->id.len == 0
        || !ngx_http_pitchey_timestamp_parse(
                           (pt_str_t) { (char *) expires.data, expires.len },
                           &user->expires_ms))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "pitchey_session_query gives no \"%s\"",
                      user->id.len ? "expires_at" : "user_id");
        return NGX_ERROR;
    }

    now = ngx_http_pitchey_session_now();

    if (user->expires_ms < now) {
        return NGX_DECLINED;
    }

    if (banned.len == 0 || (banned.data[0] != 't' && banned.data[0] != '1')) {
        return NGX_OK;
    }

    /* banned for ever, or as long as the end is not a time in the past */
    if (!ngx_http_pitchey_timestamp_parse(
                   (pt_str_t) { (char *) ban_expires.data, ban_expires.len },
                   &until)
        || until >= now)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* a column that is missing or NULL is empty */
static ngx_str_t
ngx_http_pitchey_session_column(PGresult *res, const char *name)
{
    int        n;
    ngx_str_t  value;

    n = PQfnumber(res, name);

    if (n == -1) {
        ngx_str_set(&value, "");
        return value;
    }

    value.data = (u_char *) PQgetvalue(res, 0, n);
    value.len = PQgetlength(res, 0, n);

    return value;
}


ngx_uint_t
ngx_http_pitchey_session_has_role(const ngx_str_t *roles,
    const ngx_str_t *role)
{
    u_char  *p, *end, *last, *comma;

    p = roles->data;
    last = p + roles->len;

    while (p < last) {
        comma = ngx_strlchr(p, last, ',');
        end = comma ? comma : last;

        while (p < end && *p == ' ') {
            p++;
        }

        if ((size_t) (end - p) == role->len
            && ngx_strncmp(p, role->data, role->len) == 0)
        {
            return 1;
        }

        p = end + 1;
    }

    return 0;
}


/* in the order in which the zone keeps them */
static void
ngx_http_pitchey_session_strings(ngx_http_pitchey_user_t *user,
    ngx_str_t *ret_strings[7])
{
    ret_strings[0] = &user->session_id;
    ret_strings[1] = &user->id;
    ret_strings[2] = &user->email;
    ret_strings[3] = &user->role;
    ret_strings[4] = &user->user_type;
    ret_strings[5] = &user->tier;
    ret_strings[6] = &user->organization_id;
}


ngx_int_t
ngx_http_pitchey_session_copy(ngx_pool_t *pool,
    const ngx_http_pitchey_user_t *from, ngx_http_pitchey_user_t *to)
{
    u_char      *data;
    ngx_str_t   *strings[7];
    ngx_uint_t   i;

    *to = *from;

    ngx_http_pitchey_session_strings(to, strings);

    for (i = 0; i < 7; i++) {
        data = ngx_pnalloc(pool, strings[i]->len + 1);
        if (data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(data, strings[i]->data, strings[i]->len);
        strings[i]->data = data;
    }

    return NGX_OK;
}


/* under which the zones keep a user's sessions */
static uint64_t
ngx_http_pitchey_session_group(const ngx_str_t *user_id)
{
    return ngx_murmur_hash2(user_id->data, user_id->len);
}


int64_t
ngx_http_pitchey_session_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


void
ngx_http_pitchey_session_init(void)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_PITCHEY_LOOKUP_BUCKETS; i++) {
        ngx_queue_init(&ngx_http_pitchey_lookups[i]);
    }
}
