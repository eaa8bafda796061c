/*
 * Webhooks: a call to the URL that a submission named, when its job has ended;
 * of a batch one, when all of its jobs have.
 *
 * As Standard Webhooks has it: POST of {"type","timestamp","data"} with
 * webhook-id, webhook-timestamp and webhook-signature (HMAC-SHA256 by the
 * operator's webhook_secret).  Any 2xx answer is a delivery, 410 gives up, all
 * else is repeated ORCH_WEBHOOK_RETRIES times over 24 hours.  At least once:
 * who has seen a webhook-id before ignores it.
 *
 * Where the call goes is decided at the last moment, when the socket is opened
 * for the very address that is connected to: no answer of a DNS server
 * between the check and the use.  No redirects, no proxy.
 */

#ifndef ORCH_WEBHOOK_H
#define ORCH_WEBHOOK_H

#include <curl/curl.h>


#define ORCH_WEBHOOK_RETRIES  8

typedef struct orch_hook_s  orch_hook_t;

typedef struct {
    CURLM        *multi;           /* NULL: there is no webhook_secret */
    uv_timer_t    timer;
    bool          timing;          /* timer is initialized */
    uint8_t       key[64];
    size_t        key_len;

    orch_hook_t  *hooks;           /* under way */
    unsigned      n;
    bool          asking;
    uint64_t      pruned_ms;
} orch_webhooks_t;


/* PT_E_INVALID after it logged what is wrong with webhook_secret */
PT_MUST_CHECK pt_err_t orch_webhooks_open(orch_t *o);
void orch_webhooks_close(orch_t *o);

/* NULL, or why a call cannot go to this URL, for people; absent is all right */
const char *orch_webhook_refuses(const orch_t *o, pt_str_t url);

/* false: the URL is refused, and so was the request */
bool orch_webhook_check(orch_request_t *rq, pt_str_t url);

/* every second: what is due */
void orch_webhooks_tick(orch_t *o);

/* DELIVERIES: the delivery log of a job */
void orch_webhook_deliveries(orch_request_t *rq);


/*
 * The secret of "whsec_" and base64, 24 to 64 bytes; and the header
 * "v1,<base64>" of a message.
 */
bool orch_webhook_key(pt_str_t text, uint8_t ret_key[64], size_t *ret_len);
void orch_webhook_sign(const uint8_t *key, size_t len, const char *id,
    int64_t timestamp, pt_str_t body, char ret_header[64]);

/* from the end of the n-th attempt to the next; 0: there is none */
uint32_t orch_webhook_delay_s(unsigned n, uint64_t random);


#endif /* ORCH_WEBHOOK_H */
