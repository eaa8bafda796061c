/* What a good action does, one thing each. */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test_actions.h"


#define NAME_LEN  255


static pt_err_t test_write(pt_job_t *job, const char *path, pt_str_t text,
    int64_t bytes);
static pt_err_t test_grow(pt_job_t *job, const char *name, const char *folder,
    int64_t n);
static void test_copy(char *to, size_t size, pt_str_t from);


pt_err_t
test_noop(pt_job_t *job)
{
    (void) job;

    return PT_OK;
}


/* the result is when it was called: {"now_us"}, of the wall clock */
pt_err_t
test_clock(pt_job_t *job)
{
    char             text[64];
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);
    (void) snprintf(text, sizeof(text), "{\"now_us\":%lld}",
                    (long long) now.tv_sec * 1000000 + now.tv_nsec / 1000);

    return pt_job_result(job, pt_str(text));
}


/* the result is the parameters */
pt_err_t
test_echo(pt_job_t *job)
{
    pt_buf_t    buf;
    pt_err_t    err;
    pt_jsonw_t  w;

    pt_buf_init(&buf, &pt_mem_heap, 1u << 20);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_value(&w, pt_job_params(job));

    err = buf.err != PT_OK ? buf.err : pt_job_result(job, pt_buf_str(&buf));
    pt_buf_done(&buf);

    return err;
}


/* {"seconds", "steps"}: so much time, and a progress report after each step */
pt_err_t
test_sleep(pt_job_t *job)
{
    double            seconds;
    int64_t           i, steps;
    struct timespec   t;
    const pt_json_t  *params = pt_job_params(job);

    seconds = pt_json_double(params, "seconds", 1);
    steps = pt_json_int(params, "steps", 10);
    seconds /= (double) steps;

    t.tv_sec = (time_t) seconds;
    t.tv_nsec = (long) ((seconds - (double) t.tv_sec) * 1e9);

    for (i = 1; i <= steps; i++) {
        (void) nanosleep(&t, NULL);
        pt_job_progress(job, (unsigned) (i * 1000 / steps), "sleep");
    }

    return pt_job_result(job, PT_STR("{\"slept\":true}"));
}


/*
 * The result is the SHA-256 of its parameters' canonical text: {"sha256"}; with
 * {"seconds"}, sleeps as above before, and with {"code"} fails as below
 */
pt_err_t
test_secret(pt_job_t *job)
{
    char              text[sizeof("{\"sha256\":\"\"}") + 2 * EVP_MAX_MD_SIZE];
    char             *p = text;
    unsigned          i, n = 0;
    pt_err_t          err = PT_OK;
    pt_buf_t          buf;
    unsigned char     digest[EVP_MAX_MD_SIZE];
    const pt_json_t  *params = pt_job_params(job);

    if (pt_json_member(params, "seconds")) {
        err = test_sleep(job);
    }

    if (err == PT_OK && pt_json_member(params, "code")) {
        return test_fail(job);
    }

    pt_buf_init(&buf, &pt_mem_heap, 1u << 22);
    pt_json_canonical(params, &buf);

    if (err == PT_OK) {
        err = buf.err;
    }

    if (err == PT_OK
        && EVP_Digest(buf.data, buf.len, digest, &n, EVP_sha256(), NULL) == 1)
    {
        p += sprintf(p, "{\"sha256\":\"");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%02x", digest[i]);
        }

        (void) sprintf(p, "\"}");
        err = pt_job_result(job, pt_str(text));
    }

    pt_buf_done(&buf);

    return err;
}


/*
 * {"name", "text" or "bytes"}: one file with that text, or so many bytes, with
 * {"before"} after so many seconds; then, with {"seconds"}, sleeps as above, and with {"code"} fails as below
 */
pt_err_t
test_output(pt_job_t *job)
{
    char              name[NAME_LEN + 1];
    pt_err_t          err;
    const pt_json_t  *params = pt_job_params(job);

    test_copy(name, sizeof(name),
              pt_json_string(params, "name", PT_STR("out.txt")));

    (void) usleep((useconds_t) (1e6 * pt_json_double(params, "before", 0)));

    err = test_write(job, "file",
                     pt_json_string(params, "text", PT_STR("pitchey\n")),
                     pt_json_int(params, "bytes", -1));
    if (err != PT_OK) {
        return err;
    }

    err = pt_job_output(job, name,
                        pt_json_member(params, "bytes")
                        ? "application/octet-stream" : "text/plain", "file");

    if (err == PT_OK && pt_json_member(params, "seconds")) {
        err = test_sleep(job);
    }

    if (err == PT_OK && pt_json_member(params, "code")) {
        err = test_fail(job);
    }

    return err;
}


/*
 * {"name", "files", "grow", "seconds"}: a folder with a playlist and so many
 * segments; then so many more, one by one, so long apart
 */
pt_err_t
test_tree(pt_job_t *job)
{
    char              name[NAME_LEN + 1], path[64];
    int64_t           i, n;
    pt_err_t          err;
    const pt_json_t  *params = pt_job_params(job);

    test_copy(name, sizeof(name),
              pt_json_string(params, "name", PT_STR("tree")));
    n = pt_json_int(params, "files", 3);

    if (mkdir("tree", 0755) == -1 || mkdir("tree/segments", 0755) == -1) {
        return pt_job_fail(job, PT_E_IO, "could not make a folder: %s",
                           strerror(errno));
    }

    err = test_write(job, "tree/index.m3u8", PT_STR("#EXTM3U\n"), -1);

    for (i = 0; i < n && err == PT_OK; i++) {
        (void) snprintf(path, sizeof(path), "tree/segments/%05d.m4s", (int) i);
        err = test_write(job, path, PT_STR(""), 1000);
    }

    if (err != PT_OK) {
        return err;
    }

    err = pt_job_output_tree(job, name, "index.m3u8", "tree");

    for (i = 0; i < pt_json_int(params, "grow", 0) && err == PT_OK; i++) {
        usleep((useconds_t) (pt_json_double(params, "seconds", 0) * 1e6));

        (void) snprintf(path, sizeof(path), "more.%d", (int) i);
        err = test_grow(job, name, path, n + i);
    }

    if (err == PT_OK && pt_json_bool(params, "crash", false)) {
        raise(SIGKILL);
    }

    return err;
}


/* a folder with one more segment, and the playlist, a line longer */
static pt_err_t
test_grow(pt_job_t *job, const char *name, const char *folder, int64_t n)
{
    char      path[96];
    int64_t   i;
    pt_buf_t  list;
    pt_err_t  err;

    (void) snprintf(path, sizeof(path), "%s/segments", folder);

    if (mkdir(folder, 0755) == -1 || mkdir(path, 0755) == -1) {
        return pt_job_fail(job, PT_E_IO, "could not make a folder: %s",
                           strerror(errno));
    }

    (void) snprintf(path, sizeof(path), "%s/segments/%05d.m4s", folder,
                    (int) n);
    err = test_write(job, path, PT_STR(""), 1000);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&list, &pt_mem_heap, 1u << 20);
    pt_buf_add_text(&list, "#EXTM3U\n");

    for (i = 0; i <= n; i++) {
        pt_buf_printf(&list, "segments/%05d.m4s\n", (int) i);
    }

    (void) snprintf(path, sizeof(path), "%s/index.m3u8", folder);
    err = list.err != PT_OK ? list.err
                            : test_write(job, path, pt_buf_str(&list), -1);
    pt_buf_done(&list);

    return err != PT_OK ? err
                        : pt_job_output_tree(job, name, "index.m3u8", folder);
}


/* {"code", "message"}: fails with them, and with a violation at /code */
pt_err_t
test_fail(pt_job_t *job)
{
    pt_err_t          err;
    const pt_json_t  *params = pt_job_params(job);

    err = pt_err_from_code(pt_json_string(params, "code",
                                          PT_STR("input_broken")));
    pt_job_fail_at(job, PT_STR("/code"), PT_STR("was asked for"));

    return pt_job_fail(job, err == PT_OK ? PT_E_INTERNAL : err, "%.*s",
                       PT_STR_ARG(pt_json_string(params, "message",
                                                 PT_STR("as asked"))));
}


/* {"file"}: its size and SHA-256, as read from the input's path */
pt_err_t
test_read_file(pt_job_t *job)
{
    int                i, fd, n;
    char               chunk[16384], result[256];
    ssize_t            got;
    uint8_t            hash[32];
    long long          size = 0;
    EVP_MD_CTX        *ctx;
    const pt_input_t  *input;

    input = pt_job_input(job, pt_json_string(pt_job_params(job), "file",
                                             PT_STR_NULL));
    if (input == NULL) {
        return pt_job_fail(job, PT_E_PARAMETERS, "no such input");
    }

    fd = open(input->path, O_RDONLY);
    ctx = EVP_MD_CTX_new();

    if (fd == -1 || ctx == NULL
        || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
    {
        return pt_job_fail(job, PT_E_IO, "could not open the input: %s",
                           strerror(errno));
    }

    while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
        (void) EVP_DigestUpdate(ctx, chunk, (size_t) got);
        size += got;
    }

    (void) close(fd);
    (void) EVP_DigestFinal_ex(ctx, hash, NULL);
    EVP_MD_CTX_free(ctx);

    n = snprintf(result, sizeof(result), "{\"size\":%lld,\"sha256\":\"", size);

    for (i = 0; i < 32; i++) {
        n += snprintf(result + n, sizeof(result) - (size_t) n, "%02x", hash[i]);
    }

    n += snprintf(result + n, sizeof(result) - (size_t) n, "\"}");

    return pt_job_result(job, (pt_str_t) { result, (size_t) n });
}


/* a file of text, or of so many bytes if that is not negative */
static pt_err_t
test_write(pt_job_t *job, const char *path, pt_str_t text, int64_t bytes)
{
    FILE     *f;
    int64_t   i;

    f = fopen(path, "w");
    if (f == NULL) {
        return pt_job_fail(job, PT_E_IO, "could not make \"%s\": %s", path,
                           strerror(errno));
    }

    if (bytes < 0) {
        (void) fwrite(text.data, 1, text.len, f);
    }

    for (i = 0; i < bytes; i++) {
        (void) putc((int) ('a' + i % 26), f);
    }

    if (fclose(f) == EOF) {
        return pt_job_fail(job, PT_E_IO, "could not write \"%s\": %s", path,
                           strerror(errno));
    }

    return PT_OK;
}


static void
test_copy(char *to, size_t size, pt_str_t from)
{
    (void) snprintf(to, size, "%.*s", PT_STR_ARG(from));
}
