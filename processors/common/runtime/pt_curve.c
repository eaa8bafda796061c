/* Keys, and the thread that answers libzmq's questions about them. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "pt_curve.h"
#include "pt_log.h"


#define PT_CURVE_BYTES     32

/* lists of one context, and hosts in one of them */
#define PT_ZAP_DOMAINS     4
#define PT_ZAP_KEYS_MAX    10000

#define PT_ZAP_ENDPOINT    "inproc://zeromq.zap.01"

/* version, request id, domain, address, identity, mechanism, credentials */
#define PT_ZAP_FRAMES      7

/* ms: a peer on a host that was cut off or is frozen is given up by then */
#define PT_CURVE_BEAT_MS   1000
#define PT_CURVE_DEAD_MS   4000

/* ms: who is not admitted is not told so, and tries again after this */
#define PT_CURVE_HELLO_MS  3000


typedef struct {
    char      name[32];
    uint8_t (*keys)[PT_CURVE_BYTES];
    size_t    n;
} pt_zap_domain_t;

struct pt_zap_s {
    void             *socket;          /* the thread's */
    pthread_t         thread;
    pthread_mutex_t   lock;            /* of what is below */
    pt_zap_domain_t   domains[PT_ZAP_DOMAINS];
    size_t            n;
};


static bool pt_curve_line(const char *line, const char *name,
    char ret_key[PT_CURVE_KEY_LEN + 1]);
static bool pt_curve_set(void *socket, int option, const char *key);
static bool pt_curve_beat(void *socket);
static void *pt_zap_run(void *arg);
static bool pt_zap_receive(pt_zap_t *zap, zmq_msg_t *frames, size_t *ret_n);
static void pt_zap_answer(pt_zap_t *zap, zmq_msg_t *id, bool admitted);
static bool pt_zap_admits(pt_zap_t *zap, const zmq_msg_t *frames, size_t n);
static bool pt_zap_is(const zmq_msg_t *frame, const char *text);


pt_err_t
pt_curve_make(const char *path, pt_curve_t *ret_pair)
{
    int   fd;
    bool  written;

    if (zmq_curve_keypair(ret_pair->public_key, ret_pair->secret_key) != 0) {
        pt_log(PT_LOG_ERROR, "curve", "could not make keys: %s",
               zmq_strerror(errno));
        return PT_E_IO;
    }

    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        pt_log(PT_LOG_ERROR, "curve", "could not make \"%s\": %m", path);
        return PT_E_IO;
    }

    written = dprintf(fd, "public %s\nsecret %s\n", ret_pair->public_key,
                      ret_pair->secret_key) > 0
              && fsync(fd) == 0;

    if (close(fd) != 0 || !written) {
        pt_log(PT_LOG_ERROR, "curve", "could not write \"%s\": %m", path);
        (void) unlink(path);
        return PT_E_IO;
    }

    return PT_OK;
}


pt_err_t
pt_curve_load(const char *path, pt_curve_t *ret_pair)
{
    char         line[256];
    FILE        *f;
    pt_curve_t   pair = { "", "" };
    struct stat  st;

    f = fopen(path, "re");

    if (f == NULL || fstat(fileno(f), &st) != 0) {
        pt_log(PT_LOG_ERROR, "curve", "could not open \"%s\": %m", path);

        if (f) {
            fclose(f);
        }

        return PT_E_IO;
    }

    while (fgets(line, sizeof(line), f)) {
        (void) pt_curve_line(line, "public ", pair.public_key);
        (void) pt_curve_line(line, "secret ", pair.secret_key);
    }

    fclose(f);

    if (st.st_mode & 077) {
        pt_log(PT_LOG_ERROR, "curve", "cannot use \"%s\": others may read it",
               path);
        return PT_E_INVALID;
    }

    if (!pair.public_key[0] || !pair.secret_key[0]) {
        pt_log(PT_LOG_ERROR, "curve", "\"%s\" does not have a public and a "
               "secret key", path);
        return PT_E_INVALID;
    }

    *ret_pair = pair;
    return PT_OK;
}


static bool
pt_curve_line(const char *line, const char *name,
    char ret_key[PT_CURVE_KEY_LEN + 1])
{
    size_t    len = strlen(name);
    pt_str_t  key;

    if (strncmp(line, name, len) != 0) {
        return false;
    }

    key = (pt_str_t) { line + len, strcspn(line + len, " \t\r\n") };

    if (!pt_curve_is_key(key)) {
        return false;
    }

    memcpy(ret_key, key.data, key.len);
    ret_key[key.len] = '\0';

    return true;
}


bool
pt_curve_is_key(pt_str_t text)
{
    char     key[PT_CURVE_KEY_LEN + 1];
    uint8_t  bytes[PT_CURVE_BYTES];

    if (text.len != PT_CURVE_KEY_LEN) {
        return false;
    }

    memcpy(key, text.data, text.len);
    key[text.len] = '\0';

    return zmq_z85_decode(bytes, key) != NULL;
}


pt_err_t
pt_curve_serve(void *socket, const pt_curve_t *own, const char *domain)
{
    int  on = 1;

    return zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof(on)) == 0
           && pt_curve_set(socket, ZMQ_CURVE_SECRETKEY, own->secret_key)
           && zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain))
              == 0
           && pt_curve_beat(socket)
           ? PT_OK : PT_E_UNAVAILABLE;
}


pt_err_t
pt_curve_call(void *socket, const pt_curve_t *own, const char *server_key)
{
    return pt_curve_set(socket, ZMQ_CURVE_SERVERKEY, server_key)
           && pt_curve_set(socket, ZMQ_CURVE_PUBLICKEY, own->public_key)
           && pt_curve_set(socket, ZMQ_CURVE_SECRETKEY, own->secret_key)
           && pt_curve_beat(socket)
           ? PT_OK : PT_E_UNAVAILABLE;
}


static bool
pt_curve_set(void *socket, int option, const char *key)
{
    return zmq_setsockopt(socket, option, key, PT_CURVE_KEY_LEN + 1) == 0;
}


/* a network that swallows packets looks like one where nothing is said */
static bool
pt_curve_beat(void *socket)
{
    int  beat = PT_CURVE_BEAT_MS, dead = PT_CURVE_DEAD_MS;
    int  hello = PT_CURVE_HELLO_MS;

    return zmq_setsockopt(socket, ZMQ_HEARTBEAT_IVL, &beat, sizeof(beat)) == 0
           && zmq_setsockopt(socket, ZMQ_HEARTBEAT_TIMEOUT, &dead,
                             sizeof(dead)) == 0
           && zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &hello,
                             sizeof(hello)) == 0;
}


pt_err_t
pt_zap_open(void *zctx, pt_zap_t **ret_zap)
{
    int        rc;
    sigset_t   all, before;
    pt_zap_t  *zap;

    zap = calloc(1, sizeof(*zap));
    if (zap == NULL) {
        return PT_E_NOMEM;
    }

    zap->socket = zmq_socket(zctx, ZMQ_REP);

    if (zap->socket == NULL || zmq_bind(zap->socket, PT_ZAP_ENDPOINT) != 0) {
        goto failed;
    }

    pthread_mutex_init(&zap->lock, NULL);

    /* signals are the loop's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&zap->thread, NULL, pt_zap_run, zap);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (rc == 0) {
        *ret_zap = zap;
        return PT_OK;
    }

    pthread_mutex_destroy(&zap->lock);

failed:

    if (zap->socket) {
        zmq_close(zap->socket);
    }

    free(zap);

    return PT_E_UNAVAILABLE;
}


void
pt_zap_close(pt_zap_t *zap)
{
    size_t  i;

    if (zap == NULL) {
        return;
    }

    pthread_join(zap->thread, NULL);
    pthread_mutex_destroy(&zap->lock);

    for (i = 0; i < zap->n; i++) {
        free(zap->domains[i].keys);
    }

    free(zap);
}


pt_err_t
pt_zap_admit(pt_zap_t *zap, const char *domain, const char *path)
{
    char              line[512], key[PT_CURVE_KEY_LEN + 1];
    FILE             *f;
    size_t            i, n = 0, len;
    uint8_t         (*keys)[PT_CURVE_BYTES];
    unsigned          number = 0;
    pt_zap_domain_t  *d;

    f = fopen(path, "re");
    if (f == NULL) {
        pt_log(PT_LOG_ERROR, "curve", "could not open \"%s\": %m", path);
        return PT_E_IO;
    }

    keys = calloc(PT_ZAP_KEYS_MAX, sizeof(*keys));

    while (keys && fgets(line, sizeof(line), f)) {
        number++;
        len = strcspn(line, " \t\r\n");

        if (len == 0 || line[0] == '#') {
            continue;
        }

        if (!pt_curve_is_key((pt_str_t) { line, len })
            || n == PT_ZAP_KEYS_MAX)
        {
            pt_log(PT_LOG_ERROR, "curve", "%s:%u: not a public key, or one too "
                   "many", path, number);
            free(keys);
            fclose(f);
            return PT_E_INVALID;
        }

        memcpy(key, line, len);
        key[len] = '\0';
        (void) zmq_z85_decode(keys[n++], key);
    }

    fclose(f);

    if (keys == NULL) {
        return PT_E_NOMEM;
    }

    pthread_mutex_lock(&zap->lock);

    for (i = 0; i < zap->n && strcmp(zap->domains[i].name, domain); i++) {
        /* void */
    }

    d = &zap->domains[i];

    if (i == zap->n && i < PT_ZAP_DOMAINS) {
        snprintf(d->name, sizeof(d->name), "%s", domain);
        zap->n++;
    }

    if (i < PT_ZAP_DOMAINS) {
        free(d->keys);
        d->keys = keys;
        d->n = n;
        keys = NULL;
    }

    pthread_mutex_unlock(&zap->lock);
    free(keys);

    return PT_OK;
}


/* a question, an answer, until the context ends */
static void *
pt_zap_run(void *arg)
{
    bool        admitted;
    size_t      i, n;
    pt_zap_t   *zap = arg;
    zmq_msg_t   frames[PT_ZAP_FRAMES];

    for (i = 0; i < PT_ZAP_FRAMES; i++) {
        zmq_msg_init(&frames[i]);
    }

    while (pt_zap_receive(zap, frames, &n)) {
        admitted = pt_zap_admits(zap, frames, n);
        pt_zap_answer(zap, &frames[1], admitted);
    }

    for (i = 0; i < PT_ZAP_FRAMES; i++) {
        zmq_msg_close(&frames[i]);
    }

    zmq_close(zap->socket);

    return NULL;
}


/* false: the context ends */
static bool
pt_zap_receive(pt_zap_t *zap, zmq_msg_t *frames, size_t *ret_n)
{
    int        more = 1;
    size_t     n = 0;
    zmq_msg_t  frame;

    while (more) {
        zmq_msg_init(&frame);

        while (zmq_msg_recv(&frame, zap->socket, 0) < 0) {
            if (errno != EINTR) {
                zmq_msg_close(&frame);
                return false;
            }
        }

        more = zmq_msg_more(&frame);

        if (n < PT_ZAP_FRAMES) {
            zmq_msg_move(&frames[n], &frame);
        }

        n++;
        zmq_msg_close(&frame);
    }

    *ret_n = n;
    return true;
}


static bool
pt_zap_admits(pt_zap_t *zap, const zmq_msg_t *frames, size_t n)
{
    bool        admitted = false;
    size_t      i, k;
    zmq_msg_t  *key = (zmq_msg_t *) &frames[6];

    if (n != PT_ZAP_FRAMES || !pt_zap_is(&frames[0], "1.0")
        || !pt_zap_is(&frames[5], "CURVE")
        || zmq_msg_size(key) != PT_CURVE_BYTES)
    {
        return false;
    }

    pthread_mutex_lock(&zap->lock);

    for (i = 0; i < zap->n && !admitted; i++) {
        if (!pt_zap_is(&frames[2], zap->domains[i].name)) {
            continue;
        }

        for (k = 0; k < zap->domains[i].n && !admitted; k++) {
            admitted = memcmp(zap->domains[i].keys[k], zmq_msg_data(key),
                              PT_CURVE_BYTES) == 0;
        }
    }

    pthread_mutex_unlock(&zap->lock);

    return admitted;
}


static void
pt_zap_answer(pt_zap_t *zap, zmq_msg_t *id, bool admitted)
{
    size_t       i;
    const char  *frames[] = {
        /* 300 is "for now": after 400 a client would never come again */
        "1.0", NULL, admitted ? "200" : "300",
        admitted ? "" : "not on the list", "", ""
    };

    for (i = 0; i < 6; i++) {
        (void) zmq_send(zap->socket,
                        frames[i] ? frames[i] : zmq_msg_data(id),
                        frames[i] ? strlen(frames[i]) : zmq_msg_size(id),
                        i < 5 ? ZMQ_SNDMORE : 0);
    }
}


static bool
pt_zap_is(const zmq_msg_t *frame, const char *text)
{
    zmq_msg_t  *f = (zmq_msg_t *) frame;

    return zmq_msg_size(f) == strlen(text)
           && memcmp(zmq_msg_data(f), text, strlen(text)) == 0;
}
