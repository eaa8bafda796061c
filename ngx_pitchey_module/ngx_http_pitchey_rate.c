/*
 * Policies, their one table in shared memory, and the header fields RateLimit
 * and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).
 *
 *   zone:  bucket | bucket | ...      eight entries of (hash of policy and
 *                                     user, time) each; the one that is paid
 *                                     back first gives way
 */

#include "ngx_http_pitchey_rate.h"
#include "ngx_http_pitchey_metrics.h"
#include "ngx_http_pitchey_problem.h"

#include <ngx_md5.h>


/* entries that a key may lie in: one line to look through */
#define NGX_HTTP_PITCHEY_RATE_WAYS      8

#define NGX_HTTP_PITCHEY_RATE_KEY_LEN   16

/* policies that one request can meet: its headers list all of them */
#define NGX_HTTP_PITCHEY_RATE_POLICIES  8

/* us; a longer window would be no limit of a rate */
#define NGX_HTTP_PITCHEY_RATE_WINDOW    ((uint64_t) 86400 * 1000000)

/* bytes of one policy in a header field, without its name */
#define NGX_HTTP_PITCHEY_RATE_FIELD     64


typedef struct {
    ngx_str_t     name;
    ngx_str_t     service;         /* empty: counts requests */
    ngx_str_t     rate;            /* as configured */
    uint64_t      interval;        /* us that one takes to be paid back */
    ngx_uint_t    quota;           /* burst + 1: that may be taken at once */
} ngx_http_pitchey_rate_policy_t;


typedef struct {
    u_char        key[NGX_HTTP_PITCHEY_RATE_KEY_LEN];
    uint64_t      paid;            /* us of ngx_current_msec's clock; the past:
                                    * as good as empty */
} ngx_http_pitchey_rate_entry_t;


typedef struct {
    ngx_uint_t                     nbuckets;
    ngx_http_pitchey_rate_entry_t  entries[];
} ngx_http_pitchey_rate_table_t;


/* one policy's part in a request */
typedef struct {
    const ngx_http_pitchey_rate_policy_t  *policy;
    ngx_uint_t                             cost;
    u_char                                 key[NGX_HTTP_PITCHEY_RATE_KEY_LEN];
    ngx_http_pitchey_rate_entry_t         *entry;
    uint64_t                               paid;      /* us from now, after it */
    ngx_uint_t                             refused;
} ngx_http_pitchey_rate_take_t;


static ngx_uint_t ngx_http_pitchey_rate_cost(ngx_str_t *wanted, ngx_uint_t n,
    ngx_http_pitchey_rate_pt service, void *data);
static ngx_int_t ngx_http_pitchey_rate_take(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *takes, ngx_uint_t n);
static void ngx_http_pitchey_rate_key(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *take);
static ngx_http_pitchey_rate_entry_t *ngx_http_pitchey_rate_find(
    ngx_http_pitchey_rate_table_t *table, const u_char *key);
static ngx_int_t ngx_http_pitchey_rate_headers(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *takes, ngx_uint_t n);
static ngx_int_t ngx_http_pitchey_rate_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_pitchey_rate_refuse(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *take);
static ngx_uint_t ngx_http_pitchey_rate_seconds(uint64_t us);
static ngx_int_t ngx_http_pitchey_rate_init_zone(ngx_shm_zone_t *zone,
    void *data);
static char *ngx_http_pitchey_rate_parse(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_http_pitchey_rate_policy_t *policy);
static ngx_uint_t ngx_http_pitchey_rate_is_name(ngx_str_t *name);
static char *ngx_http_pitchey_rate_same(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf,
    const ngx_http_pitchey_rate_policy_t *policy);


ngx_int_t
ngx_http_pitchey_rate_request(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i, n;
    ngx_http_pitchey_ctx_t          *ctx;
    ngx_http_pitchey_loc_conf_t     *plcf;
    ngx_http_pitchey_rate_take_t     takes[NGX_HTTP_PITCHEY_RATE_POLICIES];
    ngx_http_pitchey_rate_policy_t  *policy;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    /* strangers are limit_req's */

    if (plcf->rates == NULL || ctx == NULL || ctx->user.id.len == 0
        || r != r->main)
    {
        return NGX_DECLINED;
    }

    policy = plcf->rates->elts;
    n = 0;

    for (i = 0; i < plcf->rates->nelts; i++) {
        if (policy[i].service.len == 0) {
            takes[n].policy = &policy[i];
            takes[n++].cost = 1;
        }
    }

    rc = ngx_http_pitchey_rate_take(r, takes, n);

    if (rc == NGX_DECLINED) {
        return rc;
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_int_t
ngx_http_pitchey_rate_jobs(ngx_http_request_t *r, ngx_uint_t n,
    ngx_http_pitchey_rate_pt service, void *data)
{
    ngx_uint_t                       i, cost, ntakes;
    ngx_http_pitchey_loc_conf_t     *plcf;
    ngx_http_pitchey_rate_take_t     takes[NGX_HTTP_PITCHEY_RATE_POLICIES];
    ngx_http_pitchey_rate_policy_t  *policy;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    if (plcf->rates == NULL) {
        return NGX_DECLINED;
    }

    policy = plcf->rates->elts;
    ntakes = 0;

    for (i = 0; i < plcf->rates->nelts; i++) {

        if (policy[i].service.len == 0) {
            continue;
        }

        cost = ngx_http_pitchey_rate_cost(&policy[i].service, n, service,
                                          data);
        if (cost) {
            takes[ntakes].policy = &policy[i];
            takes[ntakes++].cost = cost;
        }
    }

    return ngx_http_pitchey_rate_take(r, takes, ntakes);
}


static ngx_uint_t
ngx_http_pitchey_rate_cost(ngx_str_t *wanted, ngx_uint_t n,
    ngx_http_pitchey_rate_pt service, void *data)
{
    ngx_uint_t        i, cost;
    const ngx_str_t  *name;

    cost = 0;

    for (i = 0; i < n; i++) {
        name = service(data, i);

        if (name->len == wanted->len
            && ngx_memcmp(name->data, wanted->data, wanted->len) == 0)
        {
            cost++;
        }
    }

    return cost;
}


/* from all of them, or from none */
static ngx_int_t
ngx_http_pitchey_rate_take(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *takes, ngx_uint_t n)
{
    uint64_t                        now;
    ngx_uint_t                      i, refused;
    ngx_slab_pool_t                *shpool;
    ngx_http_pitchey_main_conf_t   *pmcf;
    ngx_http_pitchey_rate_take_t   *take;
    ngx_http_pitchey_rate_table_t  *table;

    if (n == 0) {
        return NGX_DECLINED;
    }

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_pitchey_module);

    table = pmcf->rate_zone->data;
    shpool = (ngx_slab_pool_t *) pmcf->rate_zone->shm.addr;

    for (i = 0; i < n; i++) {
        ngx_http_pitchey_rate_key(r, &takes[i]);
    }

    now = (uint64_t) ngx_current_msec * 1000;
    refused = n;

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < n; i++) {
        take = &takes[i];
        take->entry = ngx_http_pitchey_rate_find(table, take->key);

        take->paid = ngx_memcmp(take->entry->key, take->key,
                                NGX_HTTP_PITCHEY_RATE_KEY_LEN) == 0
                     && take->entry->paid > now
                     ? take->entry->paid - now : 0;

        take->refused = take->paid + take->cost * take->policy->interval
                        > take->policy->quota * take->policy->interval;

        if (take->refused) {
            refused = ngx_min(refused, i);
        }
    }

    for (i = 0; i < n && refused == n; i++) {
        take = &takes[i];
        take->paid += take->cost * take->policy->interval;

        /* again: of two policies that met in one entry the first one has it */
        take->entry = ngx_http_pitchey_rate_find(table, take->key);

        ngx_memcpy(take->entry->key, take->key,
                   NGX_HTTP_PITCHEY_RATE_KEY_LEN);
        take->entry->paid = now + take->paid;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (ngx_http_pitchey_rate_headers(r, takes, n) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (refused == n) ? NGX_DECLINED
                          : ngx_http_pitchey_rate_refuse(r, &takes[refused]);
}


static void
ngx_http_pitchey_rate_key(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *take)
{
    ngx_md5_t                md5;
    ngx_http_pitchey_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pitchey_module);

    /* a policy's name has no NUL: it separates */

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, take->policy->name.data, take->policy->name.len);
    ngx_md5_update(&md5, "", 1);
    ngx_md5_update(&md5, ctx->user.id.data, ctx->user.id.len);
    ngx_md5_final(take->key, &md5);
}


/* the key's own entry, or the one of its bucket that is paid back first */
static ngx_http_pitchey_rate_entry_t *
ngx_http_pitchey_rate_find(ngx_http_pitchey_rate_table_t *table,
    const u_char *key)
{
    uint64_t                        hash;
    ngx_uint_t                      i;
    ngx_http_pitchey_rate_entry_t  *e, *first;

    ngx_memcpy(&hash, key, sizeof(hash));

    e = &table->entries[hash % table->nbuckets * NGX_HTTP_PITCHEY_RATE_WAYS];
    first = e;

    for (i = 0; i < NGX_HTTP_PITCHEY_RATE_WAYS; i++) {
        if (ngx_memcmp(e[i].key, key, NGX_HTTP_PITCHEY_RATE_KEY_LEN) == 0) {
            return &e[i];
        }

        if (e[i].paid < first->paid) {
            first = &e[i];
        }
    }

    return first;
}


/* both fields list what was looked at so far */
static ngx_int_t
ngx_http_pitchey_rate_headers(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *takes, ngx_uint_t n)
{
    size_t                                 len;
    u_char                                *p, *q;
    uint64_t                               window, left;
    ngx_str_t                              policies, limits;
    ngx_uint_t                             i;
    const ngx_http_pitchey_rate_policy_t  *policy;

    len = 0;

    for (i = 0; i < n; i++) {
        len += takes[i].policy->name.len + NGX_HTTP_PITCHEY_RATE_FIELD;
    }

    policies.data = p = ngx_pnalloc(r->pool, 2 * len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    limits.data = q = p + len;

    for (i = 0; i < n; i++) {
        policy = takes[i].policy;
        window = policy->quota * policy->interval;
        left = window > takes[i].paid ? window - takes[i].paid : 0;

        p = ngx_sprintf(p, "%s\"%V\";q=%ui;w=%ui", i ? ", " : "",
                        &policy->name, policy->quota,
                        ngx_http_pitchey_rate_seconds(window));

        q = ngx_sprintf(q, "%s\"%V\";r=%uL;t=%ui", i ? ", " : "",
                        &policy->name, left / policy->interval,
                        ngx_http_pitchey_rate_seconds(takes[i].paid));
    }

    policies.len = p - policies.data;
    limits.len = q - limits.data;

    if (ngx_http_pitchey_rate_header(r, "RateLimit-Policy", &policies)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_pitchey_rate_header(r, "RateLimit", &limits);
}


/* each of the two fields once, as a list */
static ngx_int_t
ngx_http_pitchey_rate_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char           *p;
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0 || h[i].key.len != len
                || ngx_strncmp(h[i].key.data, name, len) != 0)
            {
                continue;
            }

            p = ngx_pnalloc(r->pool, h[i].value.len + 2 + value->len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            h[i].value.len = ngx_sprintf(p, "%V, %V", &h[i].value, value) - p;
            h[i].value.data = p;

            return NGX_OK;
        }
    }

    return ngx_http_pitchey_add_header(r, name, value);
}


static ngx_int_t
ngx_http_pitchey_rate_refuse(ngx_http_request_t *r,
    ngx_http_pitchey_rate_take_t *take)
{
    u_char                                 detail[256];
    uint64_t                               wait;
    ngx_http_pitchey_problem_t             problem;
    const ngx_http_pitchey_rate_policy_t  *policy = take->policy;

    ngx_http_pitchey_metrics_count(NGX_HTTP_PITCHEY_METRIC_RATE_LIMITED);

    ngx_memzero(&problem, sizeof(ngx_http_pitchey_problem_t));

    problem.status = NGX_HTTP_TOO_MANY_REQUESTS;
    problem.code = "rate_limited";
    problem.detail.data = detail;

    if (take->cost > policy->quota) {

        /* however long it waits: no Retry-After */

        problem.detail.len = ngx_snprintf(detail, sizeof(detail),
                                 "The policy \"%V\" allows %ui at once, and "
                                 "these are %ui.", &policy->name,
                                 policy->quota, take->cost)
                             - detail;

        return ngx_http_pitchey_problem_send(r, &problem);
    }

    wait = take->paid + take->cost * policy->interval
           - policy->quota * policy->interval;

    problem.retry_after = ngx_http_pitchey_rate_seconds(wait);
    problem.detail.len = ngx_snprintf(detail, sizeof(detail),
                             "The policy \"%V\" allows %V, and %ui at once.",
                             &policy->name, &policy->rate, policy->quota)
                         - detail;

    return ngx_http_pitchey_problem_send(r, &problem);
}


/* rounded up; a client that came a moment early would be refused again */
static ngx_uint_t
ngx_http_pitchey_rate_seconds(uint64_t us)
{
    return (ngx_uint_t) ((us + 999999) / 1000000);
}


void
ngx_http_pitchey_rate_init(ngx_http_pitchey_main_conf_t *pmcf)
{
    pmcf->rate_zone->init = ngx_http_pitchey_rate_init_zone;
}


/* data: of the configuration before, whose users are no less impatient */
static ngx_int_t
ngx_http_pitchey_rate_init_zone(ngx_shm_zone_t *zone, void *data)
{
    size_t                          size;
    ngx_slab_pool_t                *shpool;
    ngx_http_pitchey_rate_table_t  *table;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = shpool->data;
        return NGX_OK;
    }

    /* nearly all of it in one piece: what slab's own records leave */

    shpool->log_nomem = 0;
    table = NULL;

    for (size = zone->shm.size; size > ngx_pagesize; size -= ngx_pagesize) {
        table = ngx_slab_calloc(shpool, size);
        if (table != NULL) {
            break;
        }
    }

    if (table == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "zone \"%V\" is too small", &zone->shm.name);
        return NGX_ERROR;
    }

    table->nbuckets = (size - sizeof(ngx_http_pitchey_rate_table_t))
                      / (NGX_HTTP_PITCHEY_RATE_WAYS
                         * sizeof(ngx_http_pitchey_rate_entry_t));

    shpool->data = table;
    zone->data = table;

    return NGX_OK;
}


/* pitchey_rate off | name=NAME rate=Nr/s|Nr/m [burst=N] [service=SERVICE] */
char *
ngx_http_pitchey_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_pitchey_loc_conf_t     *plcf = conf;
    ngx_http_pitchey_rate_policy_t  *policy;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        if (plcf->rates != NGX_CONF_UNSET_PTR) {
            return "\"off\" stands beside other policies";
        }

        plcf->rates = NULL;
        return NGX_CONF_OK;
    }

    if (plcf->rates == NULL) {
        return "stands beside \"pitchey_rate off\"";
    }

    if (plcf->rates == NGX_CONF_UNSET_PTR) {
        plcf->rates = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_pitchey_rate_policy_t));
        if (plcf->rates == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (plcf->rates->nelts == NGX_HTTP_PITCHEY_RATE_POLICIES) {
        return "is given more than 8 times";
    }

    policy = ngx_array_push(plcf->rates);
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(policy, sizeof(ngx_http_pitchey_rate_policy_t));
    policy->quota = 1;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_pitchey_rate_parse(cf, &value[i], policy);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (policy->name.len == 0 || policy->interval == 0) {
        return "needs \"name=\" and \"rate=\"";
    }

    if (policy->quota
        > NGX_HTTP_PITCHEY_RATE_WINDOW / policy->interval)
    {
        return "has a burst that takes more than a day to be paid back";
    }

    return ngx_http_pitchey_rate_same(cf,
               ngx_http_conf_get_module_main_conf(cf, ngx_http_pitchey_module),
               policy);
}


static char *
ngx_http_pitchey_rate_parse(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_http_pitchey_rate_policy_t *policy)
{
    size_t      len;
    uint64_t    unit;
    ngx_int_t   n;
    ngx_str_t   value;

    value.data = (u_char *) ngx_strchr(arg->data, '=');
    value.data = value.data ? value.data + 1 : arg->data + arg->len;
    value.len = arg->data + arg->len - value.data;

    if (ngx_strncmp(arg->data, "name=", 5) == 0
        && ngx_http_pitchey_rate_is_name(&value))
    {
        policy->name = value;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(arg->data, "service=", 8) == 0
        && ngx_http_pitchey_rate_is_name(&value))
    {
        policy->service = value;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(arg->data, "burst=", 6) == 0) {
        n = ngx_atoi(value.data, value.len);

        if (n >= 0 && n < 1000000) {
            policy->quota = n + 1;
            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(arg->data, "rate=", 5) == 0 && value.len > 3) {
        len = value.len - 3;
        unit = ngx_strcmp(value.data + len, "r/s") == 0 ? 1000000
               : ngx_strcmp(value.data + len, "r/m") == 0 ? 60000000 : 0;
        n = ngx_atoi(value.data, len);

        if (unit && n > 0 && n <= 1000000) {
            policy->rate = value;
            policy->interval = unit / n;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"pitchey_rate\"", arg);

    return NGX_CONF_ERROR;
}


/* it stands in a quoted string of a header field */
static ngx_uint_t
ngx_http_pitchey_rate_is_name(ngx_str_t *name)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-' || ch == '_'))
        {
            return 0;
        }
    }

    return name->len > 0 && name->len <= 64;
}


/* one name is one count of each user, wherever it stands: of one rate */
static char *
ngx_http_pitchey_rate_same(ngx_conf_t *cf, ngx_http_pitchey_main_conf_t *pmcf,
    const ngx_http_pitchey_rate_policy_t *policy)
{
    ngx_uint_t                       i;
    ngx_http_pitchey_rate_policy_t  *known;

    if (pmcf->rates == NULL) {
        pmcf->rates = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_pitchey_rate_policy_t));
        if (pmcf->rates == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    known = pmcf->rates->elts;

    for (i = 0; i < pmcf->rates->nelts; i++) {

        if (known[i].name.len == policy->name.len
            && ngx_memcmp(known[i].name.data, policy->name.data,
                          policy->name.len) == 0
            && (known[i].interval != policy->interval
                || known[i].quota != policy->quota))
        {
            return "has a name that stands for another rate elsewhere";
        }
    }

    known = ngx_array_push(pmcf->rates);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = *policy;

    return NGX_CONF_OK;
}
