/* Reports that wait for their ACK. */

#include <stdlib.h>
#include <uthash.h>

#include "pt_report.h"


#define REPORT_KEY_LEN  (offsetof(pt_report_entry_t, n)                       \
                         - offsetof(pt_report_entry_t, job))


struct pt_report_s {
    pt_report_t         *next;
    pt_msg_t             msg;        /* its strings are in text */
    bool                 sent;       /* to the present peer */
    uint64_t             sent_ms;
    char                 text[];
};


struct pt_report_entry_s {
    pt_id_t              job;        /* these two are the key, */
    uint32_t             attempt;    /* without a gap between them */
    uint32_t             n;          /* of the newest report */
    UT_hash_handle       hh;
    pt_report_t         *first;      /* in order of their numbers */
};


static pt_report_entry_t *report_entry(const pt_reports_t *reports,
    const pt_id_t *job, uint32_t attempt);
static void report_entry_free(pt_reports_t *reports,
    pt_report_entry_t *entry);
static pt_err_t report_entry_send(pt_report_entry_t *entry, uint64_t now_ms,
    uint64_t age_ms, pt_report_send_fn send, void *ctx);
static pt_report_t *report_copy(const pt_msg_t *msg, uint32_t n);
static size_t report_strings(pt_msg_t *msg, pt_str_t *ret_strings[4]);
static void report_names(const pt_msg_t *msg, pt_id_t *ret_job,
    uint32_t *ret_attempt);


void
pt_reports_init(pt_reports_t *reports)
{
    *reports = (pt_reports_t) { NULL, 0 };
}


void
pt_reports_done(pt_reports_t *reports)
{
    pt_report_entry_t  *entry, *next;

    HASH_ITER(hh, reports->all, entry, next) {
        report_entry_free(reports, entry);
    }
}


pt_err_t
pt_reports_begin(pt_reports_t *reports, const pt_id_t *job, uint32_t attempt)
{
    pt_report_entry_t  *entry;

    if (report_entry(reports, job, attempt) != NULL) {
        return PT_E_CONFLICT;
    }

    entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return PT_E_NOMEM;
    }

    entry->job = *job;
    entry->attempt = attempt;

    HASH_ADD(hh, reports->all, job, REPORT_KEY_LEN, entry);
    reports->n++;

    return PT_OK;
}


pt_err_t
pt_reports_add(pt_reports_t *reports, const pt_msg_t *msg)
{
    pt_id_t             job;
    uint32_t            attempt;
    pt_report_t        *report, **p;
    pt_report_entry_t  *entry;

    report_names(msg, &job, &attempt);

    entry = report_entry(reports, &job, attempt);
    if (entry == NULL) {
        return PT_E_NOT_FOUND;
    }

    report = report_copy(msg, entry->n + 1);
    if (report == NULL) {
        return PT_E_NOMEM;
    }

    for (p = &entry->first; *p != NULL; p = &(*p)->next) { /* void */ }

    *p = report;
    entry->n++;

    return PT_OK;
}


pt_command_t
pt_reports_ack(pt_reports_t *reports, const pt_id_t *job, uint32_t attempt,
    uint32_t n)
{
    pt_report_t        *report, **p;
    pt_command_t        command;
    pt_report_entry_t  *entry;

    entry = report_entry(reports, job, attempt);
    if (entry == NULL) {
        return PT_CMD_COUNT_;
    }

    for (p = &entry->first; (report = *p) != NULL; p = &report->next) {

        /* n has the same place in all three */
        if (report->msg.u.output.n == n) {
            break;
        }
    }

    if (report == NULL) {
        return PT_CMD_COUNT_;
    }

    command = report->msg.command;
    *p = report->next;
    free(report);

    if (command != PT_CMD_OUTPUT) {
        report_entry_free(reports, entry);
    }

    return command;
}


pt_command_t
pt_reports_drop(pt_reports_t *reports, const pt_id_t *job, uint32_t attempt)
{
    pt_report_t        *report;
    pt_command_t        newest = PT_CMD_COUNT_;
    pt_report_entry_t  *entry;

    entry = report_entry(reports, job, attempt);
    if (entry == NULL) {
        return PT_CMD_COUNT_;
    }

    for (report = entry->first; report != NULL; report = report->next) {
        newest = report->msg.command;
    }

    report_entry_free(reports, entry);

    return newest;
}


void
pt_reports_unsend(pt_reports_t *reports)
{
    pt_report_t        *report;
    pt_report_entry_t  *entry;

    for (entry = reports->all; entry != NULL; entry = entry->hh.next) {
        for (report = entry->first; report; report = report->next) {
            report->sent = false;
        }
    }
}


void
pt_reports_send(pt_reports_t *reports, uint64_t now_ms, uint64_t age_ms,
    pt_report_send_fn send, void *ctx)
{
    pt_report_entry_t  *entry;

    for (entry = reports->all; entry != NULL; entry = entry->hh.next) {
        if (report_entry_send(entry, now_ms, age_ms, send, ctx) != PT_OK) {
            return;
        }
    }
}


void
pt_reports_send_of(pt_reports_t *reports, const pt_msg_t *msg,
    uint64_t now_ms, pt_report_send_fn send, void *ctx)
{
    pt_id_t             job;
    uint32_t            attempt;
    pt_report_entry_t  *entry;

    report_names(msg, &job, &attempt);
    entry = report_entry(reports, &job, attempt);

    if (entry != NULL) {
        (void) report_entry_send(entry, now_ms, UINT64_MAX, send, ctx);
    }
}


/* whether others may be sent */
static pt_err_t
report_entry_send(pt_report_entry_t *entry, uint64_t now_ms, uint64_t age_ms,
    pt_report_send_fn send, void *ctx)
{
    pt_err_t      err;
    pt_report_t  *report;

    for (report = entry->first; report; report = report->next) {

        if (report->sent && now_ms - report->sent_ms < age_ms) {
            continue;
        }

        err = send(ctx, &report->msg);

        /* a DONE must not overtake an OUTPUT: nothing after a failure, of
         * the same attempt where it is the report's own */
        if (err != PT_OK) {
            return err == PT_E_INVALID ? PT_OK : err;
        }

        report->sent = true;
        report->sent_ms = now_ms;
    }

    return PT_OK;
}


void
pt_reports_marks(const pt_reports_t *reports, pt_buf_t *buf)
{
    uint8_t             mark[PT_MARK_LEN];
    pt_report_entry_t  *entry;

    for (entry = reports->all; entry != NULL; entry = entry->hh.next) {
        pt_mark_write(mark, &entry->job, entry->attempt);
        pt_buf_add(buf, mark, sizeof(mark));
    }
}


static pt_report_entry_t *
report_entry(const pt_reports_t *reports, const pt_id_t *job,
    uint32_t attempt)
{
    pt_report_entry_t  *entry, key = { .job = *job, .attempt = attempt };

    HASH_FIND(hh, reports->all, &key.job, REPORT_KEY_LEN, entry);

    return entry;
}


static void
report_entry_free(pt_reports_t *reports, pt_report_entry_t *entry)
{
    pt_report_t  *report;

    HASH_DEL(reports->all, entry);
    reports->n--;

    while ((report = entry->first) != NULL) {
        entry->first = report->next;
        free(report);
    }

    free(entry);
}


static pt_report_t *
report_copy(const pt_msg_t *msg, uint32_t n)
{
    char         *at;
    size_t        i, nstrings, len = 0;
    pt_msg_t      copy = *msg;
    pt_str_t     *strings[4];
    pt_report_t  *report;

    nstrings = report_strings(&copy, strings);

    for (i = 0; i < nstrings; i++) {
        len += strings[i]->len;
    }

    report = malloc(sizeof(*report) + len);
    if (report == NULL) {
        return NULL;
    }

    at = report->text;

    for (i = 0; i < nstrings; i++) {
        if (strings[i]->data != NULL) {
            memcpy(at, strings[i]->data, strings[i]->len);
            strings[i]->data = at;
            at += strings[i]->len;
        }
    }

    copy.u.output.n = n;

    report->next = NULL;
    report->msg = copy;
    report->sent = false;
    report->sent_ms = 0;

    return report;
}


static size_t
report_strings(pt_msg_t *msg, pt_str_t *ret_strings[4])
{
    switch (msg->command) {

    case PT_CMD_OUTPUT:
        ret_strings[0] = &msg->u.output.body;
        return 1;

    case PT_CMD_DONE:
        ret_strings[0] = &msg->u.done.result;
        ret_strings[1] = &msg->u.done.usage;
        return 2;

    case PT_CMD_FAILED:
        ret_strings[0] = &msg->u.failed.code;
        ret_strings[1] = &msg->u.failed.message;
        ret_strings[2] = &msg->u.failed.errors;
        ret_strings[3] = &msg->u.failed.usage;
        return 4;

    default:
        return 0;
    }
}


/* job, attempt and n begin all three structs */
static void
report_names(const pt_msg_t *msg, pt_id_t *ret_job, uint32_t *ret_attempt)
{
    _Static_assert(offsetof(pt_output_t, n) == offsetof(pt_done_t, n)
                   && offsetof(pt_output_t, n) == offsetof(pt_failed_t, n),
                   "a report's number has one place");

    *ret_job = msg->u.output.job;
    *ret_attempt = msg->u.output.attempt;
}
