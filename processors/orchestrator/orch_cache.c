/* Results that are known. */

#include <arpa/inet.h>
#include <stdlib.h>
#include <openssl/evp.h>

#include "orch.h"
#include "pt_secret.h"


#define ORCH_SHA256_HEX  64


static bool orch_cache_is_pure(const pt_json_t *action, const pt_json_t *params);
static bool orch_cache_inputs(pt_str_t inputs, pt_buf_t *buf);
static int orch_cache_compare(const void *a, const void *b);
static void orch_cache_part(EVP_MD_CTX *hash, pt_str_t part);
static bool orch_cache_keep(orch_item_t *item, const pt_assign_t *assign);


bool
orch_cache_ask(orch_t *o, orch_job_t *job, const pt_assign_t *assign,
    bool no_cache)
{
    orch_run_t       *run = job->run;
    orch_item_t      *item;
    const pt_json_t  *action;

    action = orch_processor_offer(run->processor, assign->action);

    run->keyed = action
                 && orch_cache_key(action, pt_str(job->service->name), assign,
                                   run->key);

    if (!run->keyed || no_cache) {
        return false;
    }

    item = orch_item_new(job, ORCH_ITEM_CACHED);
    if (item == NULL) {
        return false;
    }

    memcpy(item->key, run->key, sizeof(item->key));
    item->status = "succeeded";
    orch_json_state(&item->body, item->status, job->attempt, orch_now_ms(), 0,
                    NULL, false);

    if (!orch_cache_keep(item, assign)) {
        orch_item_free(item);
        return false;
    }

    orch_work_add(o, item);

    return true;
}


/* a copy of what a miss is assigned: the claim's rows go now */
static bool
orch_cache_keep(orch_item_t *item, const pt_assign_t *assign)
{
    char      *p;
    size_t     i, len = 0;
    pt_str_t  *parts[] = {
        &item->assign.params, &item->assign.role, &item->assign.user_type,
        &item->assign.traceparent, &item->assign.inputs
    };

    item->assign = *assign;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        len += parts[i]->len;
    }

    p = item->kept = malloc(len + 1);
    if (p == NULL) {
        return false;
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i]->data) {
            memcpy(p, parts[i]->data, parts[i]->len);
            parts[i]->data = p;
            p += parts[i]->len;
        }
    }

    return true;
}


bool
orch_cache_key(const pt_json_t *action, pt_str_t service,
    const pt_assign_t *assign, uint8_t ret_key[ORCH_CACHE_KEY])
{
    bool         good;
    pt_buf_t     text, inputs;
    pt_str_t     head, sealed;
    pt_json_t   *params;
    EVP_MD_CTX  *hash;

    if (!pt_json_bool(action, "cacheable", false)
        /* what was made with somebody's secret is made for them each time */
        || pt_secret_split(assign->params, &head, &sealed)
        || pt_json_parse(assign->params, &pt_mem_heap, &params, NULL) != PT_OK)
    {
        return false;
    }

    pt_buf_init(&text, &pt_mem_heap, PT_JSON_FRAME_MAX);
    pt_buf_init(&inputs, &pt_mem_heap, PT_INPUTS_MAX * ORCH_SHA256_HEX);
    hash = EVP_MD_CTX_new();

    good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1
           && orch_cache_is_pure(action, params)
           && orch_cache_inputs(assign->inputs, &inputs);

    if (good) {
        pt_json_canonical(params, &text);

        orch_cache_part(hash, PT_STR("PJC1"));
        orch_cache_part(hash, service);
        orch_cache_part(hash, assign->action);
        orch_cache_part(hash, pt_json_string(action, "version", PT_STR("")));
        orch_cache_part(hash, assign->user);
        orch_cache_part(hash, pt_buf_str(&text));
        orch_cache_part(hash, pt_buf_str(&inputs));

        good = text.err == PT_OK && inputs.err == PT_OK
               && EVP_DigestFinal_ex(hash, ret_key, NULL) == 1;
    }

    EVP_MD_CTX_free(hash);
    pt_buf_done(&inputs);
    pt_buf_done(&text);
    pt_json_free(params);

    return good;
}


/* it reads nothing that others write */
static bool
orch_cache_is_pure(const pt_json_t *action, const pt_json_t *params)
{
    pt_str_t          with = pt_json_string(action, "uncached_with",
                                            PT_STR_NULL);
    const pt_json_t  *member;

    if (with.data == NULL) {
        return true;
    }

    for (member = params->first; member; member = member->next) {
        if (pt_str_eq(member->key, with)) {
            return member->type == PT_JSON_NULL
                   || (member->type == PT_JSON_BOOL && !member->boolean);
        }
    }

    return true;
}


/* false: a file has gone, or is described in a way that is none of ours */
static bool
orch_cache_inputs(pt_str_t inputs, pt_buf_t *buf)
{
    size_t            i, n = 0;
    pt_str_t          hashes[PT_INPUTS_MAX];
    pt_json_t        *root;
    const pt_json_t  *file;

    if (pt_json_parse(inputs, &pt_mem_heap, &root, NULL) != PT_OK) {
        return false;
    }

    for (file = root->first; file && n < PT_INPUTS_MAX; file = file->next) {
        hashes[n] = pt_json_string(file, "sha256", PT_STR_NULL);

        if (hashes[n++].len != ORCH_SHA256_HEX) {
            pt_json_free(root);
            return false;
        }
    }

    qsort(hashes, n, sizeof(hashes[0]), orch_cache_compare);

    for (i = 0; i < n; i++) {
        pt_buf_add_str(buf, hashes[i]);
    }

    pt_json_free(root);

    return true;
}


static int
orch_cache_compare(const void *a, const void *b)
{
    return memcmp(((const pt_str_t *) a)->data, ((const pt_str_t *) b)->data,
                  ORCH_SHA256_HEX);
}


/* with its length before it: no two lists of parts are one text */
static void
orch_cache_part(EVP_MD_CTX *hash, pt_str_t part)
{
    uint32_t  len = htonl((uint32_t) part.len);

    (void) EVP_DigestUpdate(hash, &len, sizeof(len));

    if (part.len) {
        (void) EVP_DigestUpdate(hash, part.data, part.len);
    }
}


void
orch_cache_hit(orch_t *o, orch_item_t *item, const PGresult *res, int row)
{
    orch_metrics_add(o, ORCH_METRIC_CACHED, 1);
    orch_end_done(o, item, res, row);
}


void
orch_cache_missed(orch_t *o, orch_item_t *item)
{
    if (item->job->state == ORCH_JOB_CLAIMING) {
        orch_claim_begin(o, item->job, &item->assign);
    }
}
