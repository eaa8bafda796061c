/*
 * What all of backup shares: kinds of objects, and the reason of a failure.
 */

#ifndef BACKUP_H
#define BACKUP_H

#include "pt_json.h"
#include "pt_processor.h"


#define BACKUP_FORMAT        "pitchey-backup-1"
#define BACKUP_OWNER_LEN     32      /* hex digits of an owner's name */
#define BACKUP_GENERATION    20      /* "20261123T120000.123Z" */
#define BACKUP_PATH_MAX      1024
#define BACKUP_HEX_LEN       64      /* of 32 bytes */

/* a manifest has a few hundred bytes for each table and column */
#define BACKUP_MANIFEST_MAX  (8u << 20)


/*
 * The reason of this thread's last failure, for people: "object ... is
 * truncated".  Whoever returns an error has said it; a caller adds nothing.
 */
pt_err_t backup_say(pt_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
const char *backup_said(void);

/* ends an action with what was said */
pt_err_t backup_fail(pt_job_t *job, pt_err_t err);

void backup_hex(const uint8_t *bytes, size_t n, char *ret_hex);
bool backup_unhex(pt_str_t hex, uint8_t *ret_bytes, size_t n);

/* RFC 3339 in UTC with milliseconds */
#define BACKUP_TIME_LEN  24
void backup_time(char ret_text[BACKUP_TIME_LEN + 1]);


/* ---- actions ---- */

pt_err_t backup_user_data(pt_job_t *job);
pt_err_t backup_platform(pt_job_t *job);
pt_err_t backup_export(pt_job_t *job);
pt_err_t backup_verify(pt_job_t *job);
pt_err_t backup_restore(pt_job_t *job);
pt_err_t backup_erase(pt_job_t *job);


#endif /* BACKUP_H */
