/* Another configuration for an orchestrator that runs. */

#include <stdlib.h>

#include "orch.h"
#include "orch_notify.h"


static void orch_reload_keep(orch_config_t *now, const orch_config_t *before);


void
orch_reload(orch_t *o)
{
    pt_buf_t         error;
    orch_config_t   *config, **old;

    orch_notify_reloading();
    pt_buf_init(&error, &pt_mem_heap, 1024);

    old = realloc(o->reload.old, (o->reload.n + 1) * sizeof(*old));
    o->reload.old = old ? old : o->reload.old;
    config = old ? malloc(sizeof(*config)) : NULL;

    if (config == NULL
        || orch_config_load(o->reload.path, config, &error) != PT_OK)
    {
        pt_log(PT_LOG_ERROR, "config", "going on with the configuration as it "
               "was: %.*s", config ? (int) error.len : (int) sizeof("no memory")
               - 1, config ? pt_buf_str(&error).data : "no memory");
        free(config);

    } else {
        orch_reload_keep(config, o->config);

        o->reload.old[o->reload.n++] = config;
        o->config = config;

        /* log_format stays: it is in the environment, which threads read */
        pt_log_set_level(config->log_level);

        if (orch_supervisor_configure(o) != PT_OK) {
            pt_log(PT_LOG_ERROR, "config", "no memory for a pool of "
                   "processors");
        }

        /* the lists' names are fixed, what is in them is not */
        if (orch_admit(o) != PT_OK) {
            pt_log(PT_LOG_ERROR, "config", "keeping a list of keys as it "
                   "was");
        }

        if (orch_seal_load(o) != PT_OK) {
            pt_log(PT_LOG_ERROR, "config", "keeping the keys that seal as they "
                   "were");
        }

        pt_log(PT_LOG_INFO, "config", "has read the configuration again "
               "file=%s", o->reload.path);
    }

    pt_buf_done(&error);
    orch_notify("READY=1");
}


/* what others hold on to stays as it was when we started */
static void
orch_reload_keep(orch_config_t *now, const orch_config_t *before)
{
    size_t  i;
    char  **a, *const *b, *text;

    for (i = 0; i < orch_config_fixed_count(); i++) {
        a = (char **) ((char *) now + orch_config_fixed(i)->offset);
        b = (char *const *) ((const char *) before
                             + orch_config_fixed(i)->offset);

        if (strcmp(*a, *b) == 0) {
            continue;
        }

        pt_log(PT_LOG_WARN, "config", "a new \"%s\" needs a restart, keeping "
               "the old one", orch_config_fixed(i)->name);

        text = strdup(*b);

        if (text) {
            free(*a);
            *a = text;
        }
    }
}


void
orch_reload_done(orch_t *o)
{
    while (o->reload.n) {
        orch_config_done(o->reload.old[--o->reload.n]);
        free(o->reload.old[o->reload.n]);
    }

    free(o->reload.old);
    o->reload.old = NULL;
}
