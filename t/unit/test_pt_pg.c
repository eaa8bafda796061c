/* The pipelined connection, against a server that ends at the worst moment. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_pg.h"


#define WAIT_MS      10000
#define BIG          (8u << 20)      /* more than sockets hold */
#define CONNECTIONS  2               /* that the server takes, one after another */


/*
 * PostgreSQL's side of its protocol, version 3: as much of it as a pipeline
 * of statements without rows needs.
 */
typedef struct {
    int        fd;
    uint16_t   port;
    pthread_t  thread;
    unsigned   syncs;        /* on its first connection, then it ends, ... */
    bool       deaf;         /* ... without reading what comes then */
} server_t;


typedef struct {
    uv_loop_t    loop;
    uv_timer_t   deadline;
    server_t     server;
    pt_pg_t     *pg;
    char         conninfo[128];
    unsigned     ready;      /* times that it said so */
    unsigned     lost;
    unsigned     wanted;     /* ends to wait for */
    unsigned     ended;
    pt_err_t     ends[8];
    bool         late;
} rig_t;


static bool
server_read(int fd, void *to, size_t len)
{
    ssize_t  n;
    char    *at = to;

    while (len) {
        n = read(fd, at, len);

        if (n <= 0) {
            return false;
        }

        at += n;
        len -= (size_t) n;
    }

    return true;
}


static void
server_say(int fd, char kind, const char *data, size_t len)
{
    char      head[5] = { kind };
    uint32_t  n = htonl((uint32_t) len + 4);

    memcpy(head + 1, &n, 4);
    assert_int_equal(send(fd, head, 5, MSG_NOSIGNAL), 5);

    if (len) {
        assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t) len);
    }
}


/* until the client goes, or the number of syncs is reached */
static void
server_serve(int fd, unsigned syncs, bool deaf)
{
    char      kind, *body;
    uint32_t  len;

    assert_true(server_read(fd, &len, 4));
    len = ntohl(len) - 4;
    body = malloc(len);
    assert_true(server_read(fd, body, len));
    free(body);
    server_say(fd, 'R', "\0\0\0\0", 4);
    server_say(fd, 'Z', "I", 1);

    while (server_read(fd, &kind, 1) && server_read(fd, &len, 4)) {
        len = ntohl(len) - 4;
        body = malloc(len + 1);

        if (!server_read(fd, body, len)) {
            free(body);
            return;
        }

        free(body);

        switch (kind) {

        case 'P':
            server_say(fd, '1', NULL, 0);
            break;

        case 'B':
            server_say(fd, '2', NULL, 0);
            break;

        case 'D':
            server_say(fd, 'n', NULL, 0);
            break;

        case 'E':
            server_say(fd, 'C', "SELECT 0", 9);
            break;

        case 'S':
            server_say(fd, 'Z', "I", 1);

            if (--syncs == 0) {

                /* what lies unread makes the end a reset */
                if (deaf) {
                    usleep(200000);
                }

                return;
            }

            break;

        default:
            break;
        }
    }
}


static void *
server_main(void *arg)
{
    int        fd, i;
    server_t  *s = arg;

    for (i = 0; i < CONNECTIONS; i++) {
        fd = accept(s->fd, NULL, NULL);

        if (fd < 0) {
            break;
        }

        server_serve(fd, i == 0 ? s->syncs : 0, s->deaf);
        close(fd);
    }

    return NULL;
}


static void
on_deadline(uv_timer_t *timer)
{
    rig_t  *rig = timer->data;

    rig->late = true;
    uv_stop(&rig->loop);
}


static void
on_state(void *ctx, bool ready, const char *reason)
{
    rig_t  *rig = ctx;

    rig->ready += ready;
    rig->lost += !ready;
    assert_true(ready || reason[0]);
    uv_stop(&rig->loop);
}


static void
on_end(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    rig_t  *rig = ctx;

    (void) results;
    assert_true(err != PT_OK || n == 1);
    assert_true(rig->ended < 8);

    rig->ends[rig->ended++] = err;

    if (rig->ended == rig->wanted) {
        uv_stop(&rig->loop);
    }
}


static void
rig_open(rig_t *rig, unsigned syncs, bool deaf)
{
    socklen_t           len = sizeof(struct sockaddr_in);
    struct sockaddr_in  address = { .sin_family = AF_INET };

    static const char *const  statements[] = { "select $1::text" };

    memset(rig, 0, sizeof(*rig));
    rig->server.syncs = syncs;
    rig->server.deaf = deaf;
    rig->server.fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(rig->server.fd, (struct sockaddr *) &address, len),
                     0);
    assert_int_equal(listen(rig->server.fd, 4), 0);
    assert_int_equal(getsockname(rig->server.fd,
                                 (struct sockaddr *) &address, &len), 0);
    assert_int_equal(pthread_create(&rig->server.thread, NULL, server_main,
                                    &rig->server), 0);

    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->deadline);
    rig->deadline.data = rig;
    uv_timer_start(&rig->deadline, on_deadline, WAIT_MS, 0);

    snprintf(rig->conninfo, sizeof(rig->conninfo), "hostaddr=127.0.0.1 "
             "port=%u user=u dbname=d sslmode=disable gssencmode=disable",
             ntohs(address.sin_port));

    assert_int_equal(pt_pg_open(&rig->loop, &(pt_pg_options_t) {
        .conninfo = rig->conninfo, .application_name = "test",
        .statements = statements, .nstatements = 1,
        .on_state = on_state, .ctx = rig }, &rig->pg), PT_OK);

    while (rig->ready == 0 && !rig->late) {
        uv_run(&rig->loop, UV_RUN_DEFAULT);
    }

    assert_int_equal(rig->ready, 1);
}


static void
rig_query(rig_t *rig, size_t len)
{
    char          *text = malloc(len);
    pt_err_t       err;
    pt_pg_args_t   args = { .n = 0 };

    memset(text, 'x', len);
    pt_pg_arg_text(&args, (pt_str_t) { text, len });
    err = pt_pg_query(rig->pg, 0, &args);

    if (err == PT_OK) {
        err = pt_pg_commit(rig->pg, on_end, rig);
    }

    /* where it is refused at once, no end follows */
    assert_true(err == PT_OK || err == PT_E_DATABASE);
    rig->wanted += err == PT_OK;
    free(text);
}


static void
rig_run(rig_t *rig)
{
    while (rig->ended < rig->wanted && !rig->late) {
        uv_run(&rig->loop, UV_RUN_DEFAULT);
    }

    assert_int_equal(rig->ended, rig->wanted);
}


static void
rig_close(rig_t *rig)
{
    pt_pg_close(rig->pg);
    uv_close((uv_handle_t *) &rig->deadline, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    shutdown(rig->server.fd, SHUT_RDWR);
    pthread_join(rig->server.thread, NULL);
    close(rig->server.fd);
}


static void
test_transactions_end_in_the_order_of_their_sending(void **state)
{
    rig_t     rig;
    unsigned  i;

    (void) state;

    rig_open(&rig, 0, false);

    for (i = 0; i < 4; i++) {
        rig_query(&rig, 10);
        assert_int_equal(pt_pg_pending(rig.pg), i + 1);
    }

    rig_run(&rig);

    for (i = 0; i < 4; i++) {
        assert_int_equal(rig.ends[i], PT_OK);
    }

    assert_int_equal(pt_pg_pending(rig.pg), 0);
    rig_close(&rig);
}


/* the first sync is of the statements' preparation */
static void
test_a_server_that_ends_leaves_nothing_pending_and_is_found_again(
    void **state)
{
    rig_t  rig;

    (void) state;

    rig_open(&rig, 2, false);
    rig_query(&rig, 10);
    rig_run(&rig);
    assert_int_equal(rig.ends[0], PT_OK);

    rig_query(&rig, 10);
    rig_run(&rig);
    assert_int_equal(rig.ends[1], PT_E_DATABASE);
    assert_int_equal(rig.lost, 1);

    while (rig.ready < 2 && !rig.late) {
        uv_run(&rig.loop, UV_RUN_DEFAULT);
    }

    rig_query(&rig, 10);
    rig_run(&rig);
    assert_int_equal(rig.ends[2], PT_OK);
    rig_close(&rig);
}


/* libpq notices while it writes, and closes the socket under the loop */
static void
test_a_server_that_ends_while_it_is_written_to_is_noticed(void **state)
{
    rig_t  rig;

    (void) state;

    rig_open(&rig, 2, true);
    rig_query(&rig, 10);
    rig_query(&rig, BIG);
    rig_query(&rig, BIG);
    rig_run(&rig);

    /* the last was lost, or refused at once: it depends on who is faster */
    assert_true(rig.wanted < 3 || rig.ends[2] == PT_E_DATABASE);
    rig_close(&rig);
}


/* the next write meets the end before any event tells of it */
static void
test_a_write_after_the_end_is_noticed(void **state)
{
    rig_t  rig;

    (void) state;

    rig_open(&rig, 2, true);
    rig_query(&rig, 10);
    rig_run(&rig);
    assert_int_equal(rig.ends[0], PT_OK);

    /* lies unread when the server ends: a reset */
    rig_query(&rig, 10);
    usleep(400000);
    rig_query(&rig, 10);
    rig_query(&rig, 10);
    rig_run(&rig);

    assert_true(rig.wanted >= 2);
    assert_int_equal(rig.ends[1], PT_E_DATABASE);
    assert_int_equal(rig.ends[rig.wanted - 1], PT_E_DATABASE);
    rig_close(&rig);
}


/* libuv gives a socket up when it tells of its error: an answer comes first */
static void
test_an_end_behind_an_answer_is_noticed(void **state)
{
    rig_t  rig;

    (void) state;

    rig_open(&rig, 2, true);
    rig_query(&rig, 10);

    /* lies unread when the server ends; both are there when the loop looks */
    rig_query(&rig, 10);
    usleep(400000);
    rig_run(&rig);

    assert_int_equal(rig.wanted, 2);
    assert_int_equal(rig.ends[0], PT_OK);
    assert_int_equal(rig.ends[1], PT_E_DATABASE);
    rig_close(&rig);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_transactions_end_in_the_order_of_their_sending),
        cmocka_unit_test(
            test_a_server_that_ends_leaves_nothing_pending_and_is_found_again),
        cmocka_unit_test(
            test_a_server_that_ends_while_it_is_written_to_is_noticed),
        cmocka_unit_test(test_a_write_after_the_end_is_noticed),
        cmocka_unit_test(test_an_end_behind_an_answer_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
