/* Reads the configuration file. */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "orch_config.h"


/* nobody writes a longer one by hand */
#define ORCH_CONFIG_MAX    (256u << 10)
#define ORCH_LINE_WORDS    16

/* less does not hold a processor's own libraries */
#define ORCH_MEMORY_MIN    (64 << 20)


typedef struct {
    const char      *path;
    unsigned         line;
    orch_config_t   *config;
    pt_buf_t        *error;
} orch_config_reader_t;


static pt_err_t orch_config_read(FILE *f, pt_buf_t *text);
static pt_err_t orch_config_line(orch_config_reader_t *r, pt_str_t line);
static pt_err_t orch_config_text(orch_config_reader_t *r,
    const orch_config_text_t *t, pt_str_t value);
static pt_err_t orch_config_flag(orch_config_reader_t *r, size_t offset,
    const pt_str_t *words);
static bool orch_config_is_path(pt_str_t endpoint);
static pt_err_t orch_config_log_level(orch_config_reader_t *r, pt_str_t value);
static pt_err_t orch_config_s3(orch_config_reader_t *r,
    const pt_str_t *words, size_t n);
static pt_err_t orch_config_environment(orch_config_reader_t *r,
    const pt_str_t *words, size_t n);
static pt_err_t orch_config_quota(orch_config_reader_t *r, pt_str_t value);
static pt_err_t orch_config_orphans(orch_config_reader_t *r, pt_str_t value);
static pt_err_t orch_config_processor(orch_config_reader_t *r,
    const pt_str_t *words, size_t n);
static pt_err_t orch_config_option(orch_config_reader_t *r, pt_str_t word,
    orch_config_processor_t *p);
static pt_err_t orch_config_limit(orch_config_reader_t *r,
    const pt_str_t *words, size_t n);
static pt_err_t orch_config_keep(orch_config_reader_t *r,
    const pt_str_t *words, size_t n);
static pt_err_t orch_config_tier(orch_config_reader_t *r,
    const pt_str_t *words, size_t n);
static bool orch_config_pair(pt_str_t word, pt_str_t *ret_key,
    pt_str_t *ret_value);
static pt_err_t orch_config_finish(orch_config_reader_t *r);
static pt_err_t orch_config_remote(orch_config_reader_t *r);
static pt_err_t orch_config_default_name(orch_config_t *config);
static size_t orch_config_split(pt_str_t line, pt_str_t *words, size_t max);
static bool orch_config_number(pt_str_t s, unsigned max, unsigned *ret);
static bool orch_config_duration(pt_str_t s, unsigned *ret_ms);
static bool orch_config_size(pt_str_t s, int64_t *ret_bytes);
static char *orch_config_dup(pt_str_t s);
static pt_err_t orch_config_bad(orch_config_reader_t *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static const orch_config_text_t  orch_config_texts[] = {
    { "database",         offsetof(orch_config_t, database),  NULL, false },
    { "platform_database", offsetof(orch_config_t, platform_database),
                          "", false },
    { "edge_listen",      offsetof(orch_config_t, edge_listen), NULL, true },
    { "processor_listen", offsetof(orch_config_t, processor_listen),
                          NULL, true },
    { "storage",          offsetof(orch_config_t, storage),   NULL, false },
    { "scratch",          offsetof(orch_config_t, scratch),   NULL, false },
    { "share",            offsetof(orch_config_t, share),
                          "/usr/share/pitchey", false },
    { "name",             offsetof(orch_config_t, name),      "", false },
    { "cgroup",           offsetof(orch_config_t, cgroup),    "", false },
    { "edge_remote",      offsetof(orch_config_t, edge_remote), "", false },
    { "processor_remote", offsetof(orch_config_t, processor_remote),
                          "", false },
    { "curve_file",       offsetof(orch_config_t, curve_file), "", false },
    { "edge_keys",        offsetof(orch_config_t, edge_keys), "", false },
    { "processor_keys",   offsetof(orch_config_t, processor_keys),
                          "", false },
    { "sealing",          offsetof(orch_config_t, sealing),   "", false },
    { "webhook_secret",   offsetof(orch_config_t, webhook_secret),
                          "", false },
    { "link_secret",      offsetof(orch_config_t, link_secret), "", false },
    { "link_base",        offsetof(orch_config_t, link_base), "", false }
};

/* on or off; off where not given */
static const struct {
    const char      *name;
    size_t           offset;       /* of a bool in orch_config_t */
} orch_config_flags[] = {
    { "webhook_http",     offsetof(orch_config_t, webhook_http) },
    { "webhook_private",  offsetof(orch_config_t, webhook_private) }
};

#define ORCH_CONFIG_TEXTS                                                    \
    (sizeof(orch_config_texts) / sizeof(orch_config_texts[0]))


pt_err_t
orch_config_load(const char *path, orch_config_t *ret_config,
    pt_buf_t *ret_error)
{
    FILE      *f;
    pt_err_t   err;
    pt_buf_t   text;

    f = fopen(path, "re");
    if (f == NULL) {
        pt_buf_printf(ret_error, "could not open \"%s\": %s", path,
                      strerror(errno));
        return PT_E_IO;
    }

    pt_buf_init(&text, &pt_mem_heap, ORCH_CONFIG_MAX);
    err = orch_config_read(f, &text);

    if (err == PT_OK) {
        err = orch_config_parse(path, pt_buf_str(&text), ret_config,
                                ret_error);

    } else {
        pt_buf_printf(ret_error, "could not read \"%s\": %s", path,
                      pt_err_code(err));
    }

    pt_buf_done(&text);
    fclose(f);

    return err;
}


static pt_err_t
orch_config_read(FILE *f, pt_buf_t *text)
{
    char    chunk[4096];
    size_t  n;

    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        pt_buf_add(text, chunk, n);
    }

    return ferror(f) ? PT_E_IO : text->err;
}


pt_err_t
orch_config_parse(const char *path, pt_str_t text, orch_config_t *ret_config,
    pt_buf_t *ret_error)
{
    size_t                len;
    pt_err_t              err = PT_OK;
    const char           *end;
    orch_config_t         config = { .log_level = PT_LOG_INFO,
                                     .orphans_ms = 3600000,
                                     .keep_s = { 30 * 86400, 30 * 86400,
                                                 7 * 86400, 86400 } };
    orch_config_reader_t  r = { path, 0, &config, ret_error };

    while (text.len && err == PT_OK) {
        end = memchr(text.data, '\n', text.len);
        len = end ? (size_t) (end - text.data) : text.len;

        r.line++;
        err = orch_config_line(&r, (pt_str_t) { text.data, len });

        len += end != NULL;
        text.data += len;
        text.len -= len;
    }

    if (err == PT_OK) {
        err = orch_config_finish(&r);
    }

    if (err != PT_OK) {
        orch_config_done(&config);
        return err;
    }

    *ret_config = config;
    return PT_OK;
}


static pt_err_t
orch_config_line(orch_config_reader_t *r, pt_str_t line)
{
    size_t    i, n;
    pt_str_t  words[ORCH_LINE_WORDS + 1];

    n = orch_config_split(line, words, ORCH_LINE_WORDS + 1);

    if (n == 0) {
        return PT_OK;
    }

    if (n > ORCH_LINE_WORDS) {
        return orch_config_bad(r, "too many words");
    }

    if (pt_str_is(words[0], "processor")) {
        return orch_config_processor(r, words, n);
    }

    if (pt_str_is(words[0], "limit")) {
        return orch_config_limit(r, words, n);
    }

    if (pt_str_is(words[0], "keep")) {
        return orch_config_keep(r, words, n);
    }

    if (pt_str_is(words[0], "tier")) {
        return orch_config_tier(r, words, n);
    }

    if (pt_str_is(words[0], "storage_s3")) {
        return orch_config_s3(r, words, n);
    }

    if (pt_str_is(words[0], "environment")) {
        return orch_config_environment(r, words, n);
    }

    if (n != 2) {
        return orch_config_bad(r, "\"%.*s\" takes one value",
                               PT_STR_ARG(words[0]));
    }

    if (pt_str_is(words[0], "log_level")) {
        return orch_config_log_level(r, words[1]);
    }

    if (pt_str_is(words[0], "log_format")) {
        r->config->log_json = pt_str_is(words[1], "json");

        return r->config->log_json || pt_str_is(words[1], "text")
               ? PT_OK : orch_config_bad(r, "\"log_format\" is text or json");
    }

    if (pt_str_is(words[0], "quota")) {
        return orch_config_quota(r, words[1]);
    }

    if (pt_str_is(words[0], "orphans")) {
        return orch_config_orphans(r, words[1]);
    }

    for (i = 0; i < ORCH_CONFIG_TEXTS; i++) {
        if (pt_str_is(words[0], orch_config_texts[i].name)) {
            return orch_config_text(r, &orch_config_texts[i], words[1]);
        }
    }

    for (i = 0; i < sizeof(orch_config_flags) / sizeof(orch_config_flags[0]);
         i++)
    {
        if (pt_str_is(words[0], orch_config_flags[i].name)) {
            return orch_config_flag(r, orch_config_flags[i].offset, words);
        }
    }

    return orch_config_bad(r, "unknown setting \"%.*s\"",
                           PT_STR_ARG(words[0]));
}


static pt_err_t
orch_config_flag(orch_config_reader_t *r, size_t offset,
    const pt_str_t *words)
{
    bool  *to = (bool *) ((char *) r->config + offset);

    if (!pt_str_is(words[1], "on") && !pt_str_is(words[1], "off")) {
        return orch_config_bad(r, "\"%.*s\" is on or off",
                               PT_STR_ARG(words[0]));
    }

    *to = pt_str_is(words[1], "on");

    return PT_OK;
}


static pt_err_t
orch_config_text(orch_config_reader_t *r, const orch_config_text_t *t,
    pt_str_t value)
{
    char  **to = (char **) ((char *) r->config + t->offset);

    if (*to) {
        return orch_config_bad(r, "\"%s\" is given twice", t->name);
    }

    if (t->listens && !orch_config_is_path(value)) {
        return orch_config_bad(r, "\"%s\" is ipc:///PATH, not \"%.*s\": over "
                               "anything else nobody's identity is known",
                               t->name, PT_STR_ARG(value));
    }

    *to = orch_config_dup(value);

    return *to ? PT_OK : PT_E_NOMEM;
}


/* a socket in a folder: its modes say who may connect */
static bool
orch_config_is_path(pt_str_t endpoint)
{
    return endpoint.len > 7 && memcmp(endpoint.data, "ipc:///", 7) == 0;
}


static pt_err_t
orch_config_log_level(orch_config_reader_t *r, pt_str_t value)
{
    if (pt_log_level_parse(value, &r->config->log_level) != PT_OK) {
        return orch_config_bad(r, "\"log_level\" is error, warn, info or "
                               "debug, not \"%.*s\"", PT_STR_ARG(value));
    }

    return PT_OK;
}


/* kept as the words they are: processors get them so */
static pt_err_t
orch_config_s3(orch_config_reader_t *r, const pt_str_t *words, size_t n)
{
    size_t       i;
    pt_s3_t      s3;
    pt_buf_t     text;
    const char  *why;

    if (r->config->storage_s3) {
        return orch_config_bad(r, "\"storage_s3\" is given twice");
    }

    if (pt_s3_parse(words + 1, n - 1, &s3, &why) != PT_OK) {
        return orch_config_bad(r, "\"storage_s3\": %s", why);
    }

    pt_buf_init(&text, &pt_mem_heap, ORCH_CONFIG_MAX);

    for (i = 1; i < n; i++) {
        pt_buf_add_str(&text, words[i]);
        pt_buf_add_char(&text, i + 1 < n ? ' ' : '\0');
    }

    if (text.err != PT_OK) {
        pt_buf_done(&text);
        return text.err;
    }

    r->config->storage_s3 = text.data;

    return PT_OK;
}


/* only ours: nothing that a loader or a library would take as its own */
static pt_err_t
orch_config_environment(orch_config_reader_t *r, const pt_str_t *words,
    size_t n)
{
    size_t          i;
    char          **all;
    orch_config_t  *c = r->config;

    static const pt_str_t  prefix = { "PITCHEY_", 8 };

    if (n != 3) {
        return orch_config_bad(r, "\"environment\" takes a name and a value");
    }

    if (words[1].len <= prefix.len
        || memcmp(words[1].data, prefix.data, prefix.len) != 0
        || memchr(words[1].data, '=', words[1].len) != NULL)
    {
        return orch_config_bad(r, "a name of the environment begins with "
                               "PITCHEY_, not \"%.*s\"",
                               PT_STR_ARG(words[1]));
    }

    for (i = 0; i < c->nenvironment; i++) {
        if (strncmp(c->environment[i], words[1].data, words[1].len) == 0
            && c->environment[i][words[1].len] == '=')
        {
            return orch_config_bad(r, "\"environment %.*s\" is given twice",
                                   PT_STR_ARG(words[1]));
        }
    }

    all = realloc(c->environment, (c->nenvironment + 1) * sizeof(*all));
    if (all == NULL) {
        return PT_E_NOMEM;
    }

    c->environment = all;

    if (asprintf(&all[c->nenvironment], "%.*s=%.*s", PT_STR_ARG(words[1]),
                 PT_STR_ARG(words[2])) == -1)
    {
        return PT_E_NOMEM;
    }

    c->nenvironment++;
    return PT_OK;
}


static pt_err_t
orch_config_quota(orch_config_reader_t *r, pt_str_t value)
{
    if (!orch_config_size(value, &r->config->quota_bytes)) {
        return orch_config_bad(r, "\"quota\" is bytes, such as 500m or 20g, "
                               "not \"%.*s\"", PT_STR_ARG(value));
    }

    return PT_OK;
}


static pt_err_t
orch_config_orphans(orch_config_reader_t *r, pt_str_t value)
{
    if (!orch_config_duration(value, &r->config->orphans_ms)
        || r->config->orphans_ms == 0)
    {
        return orch_config_bad(r, "\"orphans\" is a time, such as 30m or 2h, "
                               "not \"%.*s\"", PT_STR_ARG(value));
    }

    return PT_OK;
}


static pt_err_t
orch_config_processor(orch_config_reader_t *r, const pt_str_t *words,
    size_t n)
{
    size_t                    i;
    pt_err_t                  err;
    orch_config_t            *c = r->config;
    orch_config_processor_t  *p;

    if (n < 3) {
        return orch_config_bad(r, "\"processor\" takes a service and the path "
                               "of a binary");
    }

    for (i = 0; i < c->nprocessors; i++) {
        if (pt_str_is(words[1], c->processors[i].service)) {
            return orch_config_bad(r, "\"processor %.*s\" is given twice",
                                   PT_STR_ARG(words[1]));
        }
    }

    if (words[1].len > 64) {
        return orch_config_bad(r, "a service's name has 64 bytes at most");
    }

    p = realloc(c->processors, (c->nprocessors + 1) * sizeof(*p));
    if (p == NULL) {
        return PT_E_NOMEM;
    }

    c->processors = p;
    p += c->nprocessors++;

    *p = (orch_config_processor_t) {
        .service = orch_config_dup(words[1]),
        .path = orch_config_dup(words[2]),
        .max = 1,
        .idle_ms = 60000
    };

    if (p->service == NULL || p->path == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 3, err = PT_OK; i < n && err == PT_OK; i++) {
        err = orch_config_option(r, words[i], p);
    }

    if (err == PT_OK && p->min > p->max) {
        return orch_config_bad(r, "min=%u is more than max=%u", p->min,
                               p->max);
    }

    return err;
}


static pt_err_t
orch_config_option(orch_config_reader_t *r, pt_str_t word,
    orch_config_processor_t *p)
{
    bool         good = false;
    pt_str_t     key, value;
    const char  *eq;

    eq = memchr(word.data, '=', word.len);
    if (eq == NULL) {
        return orch_config_bad(r, "\"%.*s\" is not key=value",
                               PT_STR_ARG(word));
    }

    key = (pt_str_t) { word.data, (size_t) (eq - word.data) };
    value = (pt_str_t) { eq + 1, word.len - key.len - 1 };

    if (pt_str_is(key, "max")) {
        good = orch_config_number(value, 1000, &p->max) && p->max > 0;

    } else if (pt_str_is(key, "min")) {
        good = orch_config_number(value, 1000, &p->min);

    } else if (pt_str_is(key, "nice")) {
        good = orch_config_number(value, 19, &p->nice);

    } else if (pt_str_is(key, "memory")) {
        good = orch_config_size(value, &p->memory_bytes)
               && p->memory_bytes >= ORCH_MEMORY_MIN;

    } else if (pt_str_is(key, "cpu")) {
        good = value.len > 1 && value.data[value.len - 1] == '%'
               && orch_config_number((pt_str_t) { value.data, value.len - 1 },
                                     100000, &p->cpu_percent)
               && p->cpu_percent > 0;

    } else if (pt_str_is(key, "slots")) {
        good = orch_config_number(value, 10000, &p->slots) && p->slots > 0;

    } else if (pt_str_is(key, "idle")) {
        good = orch_config_duration(value, &p->idle_ms);

    } else {
        return orch_config_bad(r, "unknown option \"%.*s\"", PT_STR_ARG(key));
    }

    return good ? PT_OK
                : orch_config_bad(r, "bad value in \"%.*s\"",
                                  PT_STR_ARG(word));
}


static pt_err_t
orch_config_limit(orch_config_reader_t *r, const pt_str_t *words, size_t n)
{
    size_t                i, k;
    pt_str_t              key, value;
    orch_config_t        *c = r->config;
    orch_config_limit_t  *l;

    static const struct {
        const char  *name;
        size_t       offset;
    } keys[] = {
        { "queued",       offsetof(orch_config_limit_t, queued) },
        { "running",      offsetof(orch_config_limit_t, running) },
        { "user_queued",  offsetof(orch_config_limit_t, user_queued) },
        { "user_running", offsetof(orch_config_limit_t, user_running) }
    };

    if (n < 3) {
        return orch_config_bad(r, "\"limit\" takes a service or \"*\", and "
                               "what is limited");
    }

    for (i = 0; i < c->nlimits; i++) {
        if (pt_str_is(words[1], c->limits[i].service)) {
            return orch_config_bad(r, "\"limit %.*s\" is given twice",
                                   PT_STR_ARG(words[1]));
        }
    }

    l = realloc(c->limits, (c->nlimits + 1) * sizeof(*l));
    if (l == NULL) {
        return PT_E_NOMEM;
    }

    c->limits = l;
    l += c->nlimits++;
    *l = (orch_config_limit_t) { .service = orch_config_dup(words[1]) };

    if (l->service == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 2; i < n; i++) {
        for (k = 0; orch_config_pair(words[i], &key, &value) && k < 4; k++) {
            if (pt_str_is(key, keys[k].name)) {
                break;
            }
        }

        if (key.data == NULL || k == 4
            || !orch_config_number(value, 100000000,
                                   (unsigned *) ((char *) l + keys[k].offset)))
        {
            return orch_config_bad(r, "\"limit\" knows queued=, running=, "
                                   "user_queued= and user_running=, and a "
                                   "number, not \"%.*s\"",
                                   PT_STR_ARG(words[i]));
        }
    }

    return PT_OK;
}


static pt_err_t
orch_config_tier(orch_config_reader_t *r, const pt_str_t *words, size_t n)
{
    size_t               i;
    pt_str_t             key, value;
    orch_config_t       *c = r->config;
    orch_config_tier_t  *t;

    static const char *const  priorities[] = {
        "low", "normal", "high", "urgent"
    };

    for (i = 0; n == 3 && orch_config_pair(words[2], &key, &value) && i < 4;
         i++)
    {
        if (pt_str_is(value, priorities[i])) {
            break;
        }
    }

    if (n != 3 || key.data == NULL || !pt_str_is(key, "priority") || i == 4) {
        return orch_config_bad(r, "\"tier\" takes a name or \"*\", and "
                               "priority=low, normal, high or urgent");
    }

    t = realloc(c->tiers, (c->ntiers + 1) * sizeof(*t));
    if (t == NULL) {
        return PT_E_NOMEM;
    }

    c->tiers = t;
    t += c->ntiers++;
    *t = (orch_config_tier_t) { orch_config_dup(words[1]), (uint8_t) i };

    return t->name ? PT_OK : PT_E_NOMEM;
}


/* keep jobs=30d outputs=7d uploads=2d keys=12h; ten years at most */
static pt_err_t
orch_config_keep(orch_config_reader_t *r, const pt_str_t *words, size_t n)
{
    size_t    i, k, u;
    unsigned  number;
    pt_str_t  key, value;

    static const char *const  names[ORCH_KEEP_COUNT_] = {
        "jobs", "outputs", "uploads", "keys"
    };
    static const struct {
        char      letter;
        unsigned  seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };

    for (i = 1; i < n; i++) {
        for (k = 0; orch_config_pair(words[i], &key, &value)
                    && k < ORCH_KEEP_COUNT_; k++)
        {
            if (pt_str_is(key, names[k])) {
                break;
            }
        }

        for (u = 0; value.len > 1 && u < 4; u++) {
            if (value.data[value.len - 1] == units[u].letter) {
                break;
            }
        }

        if (key.data == NULL || k == ORCH_KEEP_COUNT_ || value.len < 2
            || u == 4
            || !orch_config_number((pt_str_t) { value.data, value.len - 1 },
                                   10 * 366 * 86400 / units[u].seconds,
                                   &number)
            || number == 0)
        {
            return orch_config_bad(r, "\"keep\" knows jobs=, outputs=, "
                                   "uploads= and keys=, and a time such as "
                                   "12h or 30d, not \"%.*s\"",
                                   PT_STR_ARG(words[i]));
        }

        r->config->keep_s[k] = number * units[u].seconds;
    }

    return n > 1 ? PT_OK : orch_config_bad(r, "\"keep\" says what and how "
                                           "long");
}


const orch_config_limit_t *
orch_config_limit_of(const orch_config_t *config, pt_str_t service)
{
    size_t                      i;
    const orch_config_limit_t  *any = NULL;

    for (i = 0; i < config->nlimits; i++) {
        if (pt_str_is(service, config->limits[i].service)) {
            return &config->limits[i];
        }

        if (strcmp(config->limits[i].service, "*") == 0) {
            any = &config->limits[i];
        }
    }

    return any;
}


uint8_t
orch_config_priority_of(const orch_config_t *config, pt_str_t tier)
{
    size_t   i;
    uint8_t  others = 3;

    for (i = 0; i < config->ntiers; i++) {
        if (pt_str_is(tier, config->tiers[i].name)) {
            return config->tiers[i].priority;
        }

        if (strcmp(config->tiers[i].name, "*") == 0) {
            others = config->tiers[i].priority;
        }
    }

    return others;
}


/* key=value; both absent where it is not */
static bool
orch_config_pair(pt_str_t word, pt_str_t *ret_key, pt_str_t *ret_value)
{
    const char  *eq = memchr(word.data, '=', word.len);

    *ret_key = *ret_value = PT_STR_NULL;

    if (eq == NULL) {
        return false;
    }

    *ret_key = (pt_str_t) { word.data, (size_t) (eq - word.data) };
    *ret_value = (pt_str_t) { eq + 1, word.len - ret_key->len - 1 };

    return true;
}


/* what was not given */
static pt_err_t
orch_config_finish(orch_config_reader_t *r)
{
    char                    **to;
    size_t                    i;
    const orch_config_text_t *t;

    for (i = 0; i < ORCH_CONFIG_TEXTS; i++) {
        t = &orch_config_texts[i];
        to = (char **) ((char *) r->config + t->offset);

        if (*to) {
            continue;
        }

        if (t->otherwise == NULL) {
            return orch_config_bad(r, "\"%s\" is missing", t->name);
        }

        *to = orch_config_dup(pt_str(t->otherwise));
        if (*to == NULL) {
            return PT_E_NOMEM;
        }
    }

    return orch_config_remote(r) != PT_OK ? PT_E_INVALID
           : r->config->name[0] ? PT_OK
                                : orch_config_default_name(r->config);
}


/* over a network nobody comes without a key that is listed */
static pt_err_t
orch_config_remote(orch_config_reader_t *r)
{
    size_t          i;
    orch_config_t  *c = r->config;

    const struct {
        const char  *name;
        const char  *endpoint;
        const char  *keys;
    } remotes[] = {
        { "edge", c->edge_remote, c->edge_keys },
        { "processor", c->processor_remote, c->processor_keys }
    };

    for (i = 0; i < 2; i++) {
        if (remotes[i].endpoint[0] == '\0') {
            continue;
        }

        if (strncmp(remotes[i].endpoint, "tcp://", 6) != 0) {
            return orch_config_bad(r, "\"%s_remote\" is tcp://ADDRESS:PORT",
                                   remotes[i].name);
        }

        if (remotes[i].keys[0] == '\0' || c->curve_file[0] == '\0') {
            return orch_config_bad(r, "\"%s_remote\" needs \"curve_file\" and "
                                   "\"%s_keys\"", remotes[i].name,
                                   remotes[i].name);
        }
    }

    return PT_OK;
}


/* the same after every restart, another on every host and socket */
static pt_err_t
orch_config_default_name(orch_config_t *config)
{
    char   host[256];
    char  *name;

    if (gethostname(host, sizeof(host)) != 0) {
        memcpy(host, "localhost", sizeof("localhost"));
    }

    host[sizeof(host) - 1] = '\0';

    if (asprintf(&name, "%s %s", host, config->processor_listen) < 0) {
        return PT_E_NOMEM;
    }

    free(config->name);
    config->name = name;

    return PT_OK;
}


void
orch_config_done(orch_config_t *config)
{
    size_t  i;

    for (i = 0; i < ORCH_CONFIG_TEXTS; i++) {
        free(*(char **) ((char *) config + orch_config_texts[i].offset));
    }

    for (i = 0; i < config->nprocessors; i++) {
        free(config->processors[i].service);
        free(config->processors[i].path);
    }

    free(config->processors);

    for (i = 0; i < config->nlimits; i++) {
        free(config->limits[i].service);
    }

    for (i = 0; i < config->ntiers; i++) {
        free(config->tiers[i].name);
    }

    free(config->limits);
    free(config->tiers);

    for (i = 0; i < config->nenvironment; i++) {
        free(config->environment[i]);
    }

    free(config->environment);
    free(config->storage_s3);
    *config = (orch_config_t) { .log_level = PT_LOG_INFO };
}


size_t
orch_config_fixed_count(void)
{
    return ORCH_CONFIG_TEXTS;
}


const orch_config_text_t *
orch_config_fixed(size_t i)
{
    return &orch_config_texts[i];
}


/* words between blanks, up to a word that begins with "#" */
static size_t
orch_config_split(pt_str_t line, pt_str_t *words, size_t max)
{
    size_t  i = 0, n = 0, start;

    while (n < max) {
        while (i < line.len && strchr(" \t\r", line.data[i])) {
            i++;
        }

        if (i == line.len || line.data[i] == '#') {
            break;
        }

        start = i;

        while (i < line.len && strchr(" \t\r", line.data[i]) == NULL) {
            i++;
        }

        words[n++] = (pt_str_t) { line.data + start, i - start };
    }

    return n;
}


static bool
orch_config_number(pt_str_t s, unsigned max, unsigned *ret)
{
    size_t    i;
    unsigned  v = 0;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        v = v * 10 + (unsigned) (s.data[i] - '0');

        if (v > max) {
            return false;
        }
    }

    *ret = v;
    return s.len > 0;
}


/* 500ms, 60s, 10m, 2h; at most a week */
static bool
orch_config_duration(pt_str_t s, unsigned *ret_ms)
{
    size_t    i;
    unsigned  n;

    static const struct {
        const char  *unit;
        unsigned     ms;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }
    };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t  len = strlen(units[i].unit);

        if (s.len > len
            && memcmp(s.data + s.len - len, units[i].unit, len) == 0
            && orch_config_number((pt_str_t) { s.data, s.len - len },
                                  604800000 / units[i].ms, &n))
        {
            *ret_ms = n * units[i].ms;
            return true;
        }
    }

    return false;
}


/* 1000, 64k, 500m, 20g, 1t; at most a petabyte */
static bool
orch_config_size(pt_str_t s, int64_t *ret_bytes)
{
    unsigned     n;
    int64_t      unit = 1;
    const char  *at, *letters = "kmgt";

    if (s.len && (at = strchr(letters, s.data[s.len - 1])) && *at) {
        unit <<= 10 * (at - letters + 1);
        s.len--;
    }

    if (!orch_config_number(s, 1000000000, &n) || n > (1LL << 50) / unit) {
        return false;
    }

    *ret_bytes = n * unit;
    return true;
}


static char *
orch_config_dup(pt_str_t s)
{
    return strndup(s.data, s.len);
}


static pt_err_t
orch_config_bad(orch_config_reader_t *r, const char *fmt, ...)
{
    int      n;
    char     text[512];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    pt_buf_printf(r->error, "%s:%u: %s", r->path, r->line, n < 0 ? fmt : text);

    return PT_E_INVALID;
}
