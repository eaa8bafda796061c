/*
 * Who a user of the platform is now, by the query in SHARE/platform/user.sql
 * over a connection of its own: the platform's tables are not ours.
 */

#ifndef ORCH_USER_H
#define ORCH_USER_H


typedef struct {
    pt_str_t   role;
    pt_str_t   user_type;
    pt_str_t   tier;
} orch_user_t;

/*
 * err   PT_OK, PT_E_NOT_FOUND (gone or banned), PT_E_DATABASE
 * user  valid during the call, if PT_OK
 */
typedef void (*orch_user_fn)(void *ctx, pt_err_t err,
    const orch_user_t *user);

typedef struct {
    char        *sql;             /* NULL: there is no such file */
    const char  *statements[1];
    pt_pg_t     *pg;
} orch_users_t;


void orch_users_open(orch_t *o);
void orch_users_close(orch_t *o);

/* whether users can be asked about at all */
bool orch_users_known(const orch_t *o);

/* PT_E_DATABASE: done does not come */
PT_MUST_CHECK pt_err_t orch_user_ask(orch_t *o, pt_str_t user,
    orch_user_fn done, void *ctx);


#endif /* ORCH_USER_H */
