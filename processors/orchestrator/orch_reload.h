/* SIGHUP: the configuration is read again while jobs run. */

#ifndef ORCH_RELOAD_H
#define ORCH_RELOAD_H


typedef struct {
    const char     *path;
    orch_config_t **old;           /* whose strings may be in use still */
    size_t          n;
} orch_reload_t;


/* a file that is wrong is told of, and changes nothing */
void orch_reload(orch_t *o);

/* frees what orch_reload() has kept */
void orch_reload_done(orch_t *o);


#endif /* ORCH_RELOAD_H */
