/*
 * Links in webhooks: who hears that a job succeeded can fetch what it made
 * without a session, for a week.  They are the edge's signed links (pt_link.h),
 * made with the secret of its pitchey_link_secret.
 */

#ifndef ORCH_LINK_H
#define ORCH_LINK_H

#include "pt_json.h"
#include "pt_link.h"


typedef struct orch_s  orch_t;

/* bytes of a secret, as the edge has it */
#define ORCH_SECRET_MAX  4096

/* s; the longest that the edge itself gives */
#define ORCH_LINK_LIFE   (7 * 86400)


typedef struct {
    char  secret[ORCH_SECRET_MAX + 1];   /* "": no links */
    char  base[512];                     /* ".../api/containers" */
} orch_links_t;


/*
 * A secret of the configuration: given itself, or in a file that "file:" names,
 * without what is white around it.
 *
 * Errors  PT_E_INVALID after it logged why
 */
PT_MUST_CHECK pt_err_t orch_secret_read(const char *name, const char *value,
    char ret_secret[ORCH_SECRET_MAX + 1]);

/* PT_E_INVALID after it logged what is wrong with link_secret or link_base */
PT_MUST_CHECK pt_err_t orch_links_open(orch_t *o);

/*
 * Member "links": {"url":"BASE/links/TOKEN/","expires_at":"...","outputs":
 * [{"name":"report.pdf","url":"BASE/links/TOKEN/report.pdf"},...]}; of a tree
 * its entry.  Nothing where there are no links, or the job has no output.
 *
 * job  as GET /jobs/{id} answers
 */
void orch_links_write(const orch_links_t *links, pt_jsonw_t *w,
    const pt_id_t *id, const pt_json_t *job, int64_t now_ms);


#endif /* ORCH_LINK_H */
