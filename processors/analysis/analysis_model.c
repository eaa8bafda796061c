/* The model's reader. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <lzma.h>

#include "analysis_math.h"
#include "analysis_model.h"


#define HEAD       24
#define SECTION    24
#define XZ_MAX     (4u << 20)


typedef struct {
    const uint8_t  *data;
    uint64_t        size;
} model_part_t;


static bool model_parts(analysis_model_t *m, model_part_t *parts);
static bool model_numbers(const analysis_model_t *m);
static bool model_features(analysis_model_t *m, const model_part_t *parts);
static bool model_trees(analysis_model_t *m, const model_part_t *parts);
static bool model_tree(const analysis_node_t *nodes, uint32_t n);
static bool model_films(analysis_model_t *m, const model_part_t *parts);
static bool model_index(analysis_model_t *m, const model_part_t *parts);
static bool model_list(const uint8_t *p, const uint8_t *end, uint32_t nfilms);
static pt_err_t model_derive(analysis_model_t *m);
static int model_compare(const void *a, const void *b, void *films);
static pt_err_t model_read(const char *path, uint8_t **ret, size_t *ret_size);
static pt_err_t model_unpack(const uint8_t *in, size_t len, uint8_t **ret,
    size_t *ret_size);


pt_err_t
analysis_model_open(const uint8_t *data, size_t size, analysis_model_t *model)
{
    pt_err_t      err;
    model_part_t  parts[ANALYSIS_SECTIONS];

    memset(model, 0, sizeof(*model));
    memset(parts, 0, sizeof(parts));
    model->base = data;
    model->size = size;

    if (!model_parts(model, parts)
        || parts[ANALYSIS_SECTION_NUMBERS].size != sizeof(analysis_numbers_t))
    {
        return PT_E_INVALID;
    }

    model->meta = (pt_str_t) {
        (const char *) parts[ANALYSIS_SECTION_META].data,
        parts[ANALYSIS_SECTION_META].size
    };

    model->numbers = (const void *) parts[ANALYSIS_SECTION_NUMBERS].data;

    if (!model_numbers(model) || !model_features(model, parts)
        || !model_trees(model, parts) || !model_films(model, parts)
        || !model_index(model, parts))
    {
        return PT_E_INVALID;
    }

    err = model_derive(model);

    if (err != PT_OK) {
        analysis_model_close(model);
    }

    return err;
}


static bool
model_parts(analysis_model_t *m, model_part_t *parts)
{
    uint32_t        i, n, kind;
    uint64_t        size, at, len;
    const uint8_t  *p = m->base;

    if (m->size < HEAD || m->size > ANALYSIS_MODEL_MAX
        || memcmp(p, ANALYSIS_MODEL_MAGIC, 8) != 0)
    {
        return false;
    }

    memcpy(&size, p + 8, 8);
    memcpy(&n, p + 16, 4);

    if (size != m->size || n != ANALYSIS_SECTIONS
        || n > (m->size - HEAD) / SECTION)
    {
        return false;
    }

    for (i = 0; i < n; i++) {
        memcpy(&kind, p + HEAD + i * SECTION, 4);
        memcpy(&at, p + HEAD + i * SECTION + 8, 8);
        memcpy(&len, p + HEAD + i * SECTION + 16, 8);

        if (kind != i || at % 8 != 0 || at > m->size || len > m->size - at) {
            return false;
        }

        parts[i] = (model_part_t) { p + at, len };
    }

    return true;
}


/* all finite, and those that are counted on within their bounds */
static bool
model_numbers(const analysis_model_t *m)
{
    size_t                     i, n;
    double                     v;
    const analysis_numbers_t  *x = m->numbers;

    n = (offsetof(analysis_numbers_t, ngross)) / sizeof(double);

    for (i = 0; i < n; i++) {
        v = (&x->docs)[i];

        if (!(v > -1e9 && v < 1e9)) {
            return false;
        }
    }

    n = (sizeof(*x) - offsetof(analysis_numbers_t, base)) / sizeof(double);

    for (i = 0; i < n; i++) {
        v = x->base[0];
        memcpy(&v, (const char *) x + offsetof(analysis_numbers_t, base)
                   + i * sizeof(double), sizeof(v));

        if (!(v > -1e9 && v < 1e9)) {
            return false;
        }
    }

    for (i = 1; i < ANALYSIS_FIFTHS * ANALYSIS_QUANTILES; i++) {
        if (i % ANALYSIS_QUANTILES != 0
            && x->residual[i / ANALYSIS_QUANTILES][i % ANALYSIS_QUANTILES]
               < x->residual[i / ANALYSIS_QUANTILES]
                            [i % ANALYSIS_QUANTILES - 1])
        {
            return false;
        }
    }

    return x->docs >= 1 && x->words >= 1
           && x->cpi[2019 - ANALYSIS_CPI_FIRST] > 0;
}


static bool
model_features(analysis_model_t *m, const model_part_t *parts)
{
    uint32_t  i;
    uint64_t  n = parts[ANALYSIS_SECTION_HASH].size / 4;

    if (parts[ANALYSIS_SECTION_HASH].size != n * 4
        || parts[ANALYSIS_SECTION_DF].size != n * 2
        || parts[ANALYSIS_SECTION_WEIGHT].size != n * ANALYSIS_LABELS)
    {
        return false;
    }

    m->nfeatures = (uint32_t) n;
    m->hash = (const void *) parts[ANALYSIS_SECTION_HASH].data;
    m->df = (const void *) parts[ANALYSIS_SECTION_DF].data;
    m->weight = (const void *) parts[ANALYSIS_SECTION_WEIGHT].data;

    for (i = 1; i < m->nfeatures; i++) {
        if (m->hash[i] <= m->hash[i - 1]) {
            return false;
        }
    }

    return true;
}


static bool
model_trees(analysis_model_t *m, const model_part_t *parts)
{
    uint32_t  i, *root;
    uint64_t  nodes, n = parts[ANALYSIS_SECTION_ROOT].size / 4;

    nodes = parts[ANALYSIS_SECTION_NODE].size / sizeof(analysis_node_t);

    if (parts[ANALYSIS_SECTION_ROOT].size != n * 4 || n == 0
        || parts[ANALYSIS_SECTION_NODE].size
           != nodes * sizeof(analysis_node_t)
        || (uint64_t) m->numbers->ngross + m->numbers->nhit != n - 1)
    {
        return false;
    }

    root = (void *) (uintptr_t) parts[ANALYSIS_SECTION_ROOT].data;
    m->trees.nodes = (const void *) parts[ANALYSIS_SECTION_NODE].data;
    m->trees.roots = root;
    m->trees.n = (uint32_t) n - 1;

    for (i = 0; i < m->trees.n; i++) {
        if (root[i] >= root[i + 1] || root[i + 1] > nodes
            || !model_tree(m->trees.nodes + root[i], root[i + 1] - root[i]))
        {
            return false;
        }
    }

    return true;
}


/* children stand behind their parent: no walk goes round */
static bool
model_tree(const analysis_node_t *nodes, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (!(nodes[i].value > -1e6f && nodes[i].value < 1e6f)) {
            return false;
        }

        if (nodes[i].feature < 0) {
            continue;
        }

        if (nodes[i].feature >= ANALYSIS_FEATURES || nodes[i].left <= i
            || nodes[i].left + 1u >= n)
        {
            return false;
        }
    }

    return true;
}


static bool
model_films(analysis_model_t *m, const model_part_t *parts)
{
    uint32_t                i;
    uint64_t                n, keys, titles;
    const analysis_film_t  *f;

    n = parts[ANALYSIS_SECTION_FILM].size / sizeof(analysis_film_t);
    keys = parts[ANALYSIS_SECTION_KEY].size / sizeof(analysis_key_t);
    titles = parts[ANALYSIS_SECTION_TITLE].size;

    if (parts[ANALYSIS_SECTION_FILM].size != n * sizeof(analysis_film_t)
        || parts[ANALYSIS_SECTION_KEY].size != keys * sizeof(analysis_key_t))
    {
        return false;
    }

    m->films = (analysis_films_t) {
        .films = (const void *) parts[ANALYSIS_SECTION_FILM].data,
        .titles = (const char *) parts[ANALYSIS_SECTION_TITLE].data,
        .keys = (const void *) parts[ANALYSIS_SECTION_KEY].data,
        .n = (uint32_t) n,
        .nkeys = (uint32_t) keys
    };

    for (i = 0; i < n; i++) {
        f = &m->films.films[i];

        if (f->title > titles || f->title_len > titles - f->title
            || f->month > 12 || f->mpaa >= ANALYSIS_MPAA
            || f->based_on >= ANALYSIS_BASES || f->sequel > 1
            || f->genres >> ANALYSIS_GENRES != 0 || f->year > 2200
            || !(f->budget >= 0 && f->budget < 20)
            || !(f->gross >= 0 && f->gross < 20)
            || !pt_str_is_utf8(analysis_film_title(&m->films, i)))
        {
            return false;
        }
    }

    for (i = 0; i < keys; i++) {
        if (m->films.keys[i].film >= n
            || (i != 0 && m->films.keys[i].hash < m->films.keys[i - 1].hash))
        {
            return false;
        }
    }

    return true;
}


static bool
model_index(analysis_model_t *m, const model_part_t *parts)
{
    uint32_t  i;
    uint64_t  n = parts[ANALYSIS_SECTION_TERM].size / 4, size;

    size = parts[ANALYSIS_SECTION_LIST].size;

    if (parts[ANALYSIS_SECTION_TERM].size != n * 4
        || parts[ANALYSIS_SECTION_POST].size != (n + 1) * 4)
    {
        return false;
    }

    m->nterms = (uint32_t) n;
    m->term = (const void *) parts[ANALYSIS_SECTION_TERM].data;
    m->post = (const void *) parts[ANALYSIS_SECTION_POST].data;
    m->list = parts[ANALYSIS_SECTION_LIST].data;

    for (i = 0; i < n; i++) {
        if ((i != 0 && m->term[i] <= m->term[i - 1])
            || m->post[i] > m->post[i + 1] || m->post[i + 1] > size
            || !model_list(m->list + m->post[i], m->list + m->post[i + 1],
                           m->films.n))
        {
            return false;
        }
    }

    return true;
}


static bool
model_list(const uint8_t *p, const uint8_t *end, uint32_t nfilms)
{
    uint32_t  v, film = 0;
    unsigned  shift;

    while (p < end) {
        for (v = 0, shift = 0; ; p++) {
            if (p == end || shift > 21) {
                return false;
            }

            v |= (uint32_t) (*p & 0x7f) << shift;
            shift += 7;

            if (!(*p & 0x80)) {
                break;
            }
        }

        p++;

        /* the first distance is from film -1 */
        film += v >> 2;

        if (film == 0 || film > nfilms) {
            return false;
        }
    }

    return true;
}


static pt_err_t
model_derive(analysis_model_t *m)
{
    double    docs = m->numbers->docs;
    uint32_t  i, at, size = 1024;
    unsigned  l;

    while (size < m->nfeatures * 2) {
        size *= 2;
    }

    m->slot_mask = size - 1;
    m->slot = calloc(size, sizeof(*m->slot));
    m->idf = calloc(m->nfeatures + 1, sizeof(*m->idf));
    m->money = calloc(m->films.n + 1, sizeof(*m->money));
    m->rare = calloc(m->nterms + 1, sizeof(*m->rare));
    m->length = calloc(m->films.n + 1, sizeof(*m->length));

    if (m->slot == NULL || m->idf == NULL || m->money == NULL
        || m->rare == NULL || m->length == NULL)
    {
        return PT_E_NOMEM;
    }

    for (i = 0; i < m->nfeatures; i++) {
        for (at = m->hash[i] & m->slot_mask; m->slot[at] != 0;
             at = (at + 1) & m->slot_mask)
        {
            /* void */
        }

        m->slot[at] = i + 1;
        m->idf[i] = (float) (analysis_log((1 + docs)
                                          / (1 + (m->df[i]
                                                & ANALYSIS_DF_MAX)))
                             + 1);
    }

    for (i = 0; i < m->nterms; i++) {
        double    df = 0;
        uint32_t  k;

        for (k = m->post[i]; k < m->post[i + 1]; k++) {
            df += !(m->list[k] & 0x80);
        }

        m->rare[i] = analysis_log(1 + ((double) m->films.n - df + 0.5)
                                      / (df + 0.5));
    }

    for (l = 0; l < ANALYSIS_LABELS; l++) {
        for (i = 0; i < 256; i++) {
            m->level[l][i] = (float)
                analysis_weight_value(m->numbers->scale[l], (int) i - 128);
        }
    }

    for (i = 0; i < m->films.n; i++) {
        m->length[i] = ANALYSIS_BM25_K1
                       * (1 - ANALYSIS_BM25_B
                          + ANALYSIS_BM25_B * (m->films.films[i].words
                                               / m->numbers->words));
    }

    /* those that the forecast was learned from */
    for (i = 0; i < m->films.n; i++) {
        if (analysis_film_is_usable(&m->films.films[i])) {
            m->money[m->nmoney++] = i;
        }
    }

    qsort_r(m->money, m->nmoney, sizeof(uint32_t), model_compare,
            (void *) (uintptr_t) m->films.films);

    return PT_OK;
}


static int
model_compare(const void *a, const void *b, void *films)
{
    uint32_t                x = *(const uint32_t *) a;
    uint32_t                y = *(const uint32_t *) b;
    const analysis_film_t  *f = films;

    if (f[x].budget > f[y].budget || f[x].budget < f[y].budget) {
        return f[x].budget < f[y].budget ? -1 : 1;
    }

    return (x > y) - (x < y);
}


void
analysis_model_close(analysis_model_t *model)
{
    free(model->slot);
    free(model->idf);
    free(model->money);
    free(model->rare);
    free(model->length);

    if (model->owned != NULL) {
        (void) munmap(model->owned, ANALYSIS_MODEL_MAX);
    }

    memset(model, 0, sizeof(*model));
}


/* ---- its file ---- */

pt_err_t
analysis_model_load(const char *share, analysis_model_t *model)
{
    char      path[PATH_MAX];
    size_t    len, size;
    uint8_t  *packed, *data;
    pt_err_t  err;

    (void) snprintf(path, sizeof(path), "%s/model/analysis.model.xz", share);

    err = model_read(path, &packed, &len);
    if (err != PT_OK) {
        return err;
    }

    err = model_unpack(packed, len, &data, &size);
    free(packed);

    if (err != PT_OK) {
        return err;
    }

    err = analysis_model_open(data, size, model);

    if (err != PT_OK) {
        (void) munmap(data, ANALYSIS_MODEL_MAX);
        return err;
    }

    model->owned = data;

    return PT_OK;
}


static pt_err_t
model_read(const char *path, uint8_t **ret, size_t *ret_size)
{
    FILE    *f;
    size_t   n;

    f = fopen(path, "re");
    if (f == NULL) {
        return PT_E_IO;
    }

    *ret = malloc(XZ_MAX);
    if (*ret == NULL) {
        (void) fclose(f);
        return PT_E_NOMEM;
    }

    n = fread(*ret, 1, XZ_MAX, f);

    if (ferror(f) || fgetc(f) != EOF) {
        errno = ferror(f) ? errno : EFBIG;
        (void) fclose(f);
        free(*ret);
        return PT_E_IO;
    }

    (void) fclose(f);
    *ret_size = n;

    return PT_OK;
}


/* pages of their own that nobody can write to by mistake */
static pt_err_t
model_unpack(const uint8_t *in, size_t len, uint8_t **ret, size_t *ret_size)
{
    size_t     in_pos = 0, out_pos = 0;
    uint8_t   *out;
    uint64_t   limit = 64u << 20;
    lzma_ret   rc;

    out = mmap(NULL, ANALYSIS_MODEL_MAX, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out == MAP_FAILED) {
        return PT_E_NOMEM;
    }

    rc = lzma_stream_buffer_decode(&limit, 0, NULL, in, &in_pos, len, out,
                                   &out_pos, ANALYSIS_MODEL_MAX);

    if (rc != LZMA_OK || mprotect(out, ANALYSIS_MODEL_MAX, PROT_READ) == -1) {
        (void) munmap(out, ANALYSIS_MODEL_MAX);
        return rc == LZMA_MEM_ERROR ? PT_E_NOMEM : PT_E_INVALID;
    }

    *ret = out;
    *ret_size = out_pos;

    return PT_OK;
}


/* ---- what is asked of it often ---- */

uint32_t
analysis_model_feature(const analysis_model_t *m, uint32_t hash)
{
    uint32_t  at, i;

    for (at = hash & m->slot_mask; (i = m->slot[at]) != 0;
         at = (at + 1) & m->slot_mask)
    {
        if (m->hash[i - 1] == hash) {
            return i - 1;
        }
    }

    return m->nfeatures;
}


double
analysis_weight_value(double scale, int weight)
{
    double  v = (double) weight * weight / (127.0 * 127.0);

    return (weight < 0 ? -v : v) * scale;
}


int8_t
analysis_weight_code(double scale, double value)
{
    double  v = (value < 0 ? -value : value) / scale;

    v = 127 * __builtin_sqrt(v > 1 ? 1 : v);

    return (int8_t) analysis_round(value < 0 ? -v : v);
}


double
analysis_model_prices(const analysis_model_t *model, unsigned year)
{
    const double  *cpi = model->numbers->cpi;

    year = analysis_model_prices_year(model, year);

    return cpi[2019 - ANALYSIS_CPI_FIRST] / cpi[year - ANALYSIS_CPI_FIRST];
}


unsigned
analysis_model_prices_year(const analysis_model_t *model, unsigned year)
{
    const double  *cpi = model->numbers->cpi;

    if (year >= ANALYSIS_CPI_FIRST + ANALYSIS_CPI_YEARS) {
        year = ANALYSIS_CPI_FIRST + ANALYSIS_CPI_YEARS - 1;
    }

    while (year > 2019 && !(cpi[year - ANALYSIS_CPI_FIRST] > 0)) {
        year--;
    }

    if (year < ANALYSIS_CPI_FIRST || !(cpi[year - ANALYSIS_CPI_FIRST] > 0)) {
        return 2019;
    }

    return year;
}
