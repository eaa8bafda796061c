/* The films, from compressed tables and JSON lines. */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "train.h"


#define COLUMNS_MAX  32
#define CPI_FIRST    1900
#define CPI_BASE     2019


typedef struct {
    train_data_t  *data;
    char          *names[COLUMNS_MAX];
    char          *values[COLUMNS_MAX];
    unsigned       n;
} row_t;


static char *data_read(const char *folder, const char *name, char hash[65]);
static void data_hash(const char *path, char hash[65]);
static void data_cpi(train_data_t *data, char *text);
static void data_wiki(train_data_t *data, char *text);
static void data_finance(train_data_t *data, char *text);
static void data_finance_row(row_t *row);
static unsigned row_split(char *line, char **values);
static const char *row_value(const row_t *row, const char *name);
static train_film_t *data_film(train_data_t *data, const char *href);
static uint32_t data_genres(const char *text);
static uint32_t data_genre(pt_str_t name);
static char *data_strdup(pt_str_t s);
static int data_compare(const void *a, const void *b);


const char *const  train_files[TRAIN_FILES] = {
    "cpi_us.tsv", "wiki_films.jsonl.gz", "films_finance.tsv.gz"
};


void
train_data_load(train_data_t *data, const char *folder)
{
    char    *text;
    size_t   i;

    memset(data, 0, sizeof(*data));

    text = data_read(folder, train_files[0], data->hashes[0]);
    data_cpi(data, text);
    free(text);

    text = data_read(folder, train_files[1], data->hashes[1]);
    data_wiki(data, text);
    free(text);

    text = data_read(folder, train_files[2], data->hashes[2]);
    data_finance(data, text);
    free(text);

    for (i = 0; i < data->n; i++) {
        train_film_t  *f = &data->films[i];
        unsigned       year = f->year < CPI_FIRST ? 0 : f->year - CPI_FIRST;

        if (year >= 200 || data->cpi[year] == 0) {
            f->cpi = 0;
            f->budget_usd = f->gross_usd = 0;

        } else {
            f->cpi = data->cpi[CPI_BASE - CPI_FIRST] / data->cpi[year];
        }
    }

    qsort(data->films, data->n, sizeof(train_film_t), data_compare);
}


/* zlib passes on what is not compressed */
static char *
data_read(const char *folder, const char *name, char hash[65])
{
    int     n;
    char    path[4096], *text;
    size_t  len = 0, cap = 1u << 24;
    gzFile  f;

    (void) snprintf(path, sizeof(path), "%s/%s", folder, name);

    f = gzopen(path, "rb");
    if (f == NULL) {
        train_die("could not open \"%s\"", path);
    }

    text = train_alloc(cap + 1, 1);

    while ((n = gzread(f, text + len, (unsigned) (cap - len))) > 0) {
        len += (size_t) n;

        if (len == cap) {
            cap *= 2;
            text = realloc(text, cap + 1);
        }
    }

    if (n < 0 || gzclose(f) != Z_OK || text == NULL) {
        train_die("could not read \"%s\"", path);
    }

    text[len] = '\0';
    data_hash(path, hash);

    return text;
}


/* SHA-256 of the file as it lies there */
static void
data_hash(const char *path, char hash[65])
{
    char         chunk[8192];
    FILE        *f;
    size_t       n;
    uint8_t      sum[EVP_MAX_MD_SIZE];
    unsigned     i, len = 0;
    EVP_MD_CTX  *sha = EVP_MD_CTX_new();

    f = fopen(path, "rb");

    if (f == NULL || sha == NULL
        || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1)
    {
        train_die("could not read \"%s\"", path);
    }

    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        (void) EVP_DigestUpdate(sha, chunk, n);
    }

    (void) EVP_DigestFinal_ex(sha, sum, &len);
    EVP_MD_CTX_free(sha);
    (void) fclose(f);

    for (i = 0; i < len; i++) {
        (void) snprintf(hash + 2 * i, 3, "%02x", sum[i]);
    }
}


static void
data_cpi(train_data_t *data, char *text)
{
    char      *line, *next = NULL;
    double     value;
    unsigned   year;

    for (line = strtok_r(text, "\n", &next); line != NULL;
         line = strtok_r(NULL, "\n", &next))
    {
        if (sscanf(line, "%u\t%lf", &year, &value) == 2
            && year >= CPI_FIRST && year < CPI_FIRST + 200)
        {
            data->cpi[year - CPI_FIRST] = value;
        }
    }

    if (data->cpi[CPI_BASE - CPI_FIRST] <= 0) {
        train_die("no price index of %d", CPI_BASE);
    }
}


static void
data_wiki(train_data_t *data, char *text)
{
    char             *line, *next = NULL, *href;
    pt_json_t        *json;
    train_film_t     *f;
    const pt_json_t  *g;

    for (line = strtok_r(text, "\n", &next); line != NULL;
         line = strtok_r(NULL, "\n", &next))
    {
        if (pt_json_parse(pt_str(line), &pt_mem_heap, &json, NULL) != PT_OK) {
            train_die("a line of wiki_films is no JSON");
        }

        href = data_strdup(pt_json_string(json, "href", PT_STR("")));
        f = data_film(data, NULL);
        f->href = href;
        f->title = data_strdup(pt_json_string(json, "title", PT_STR("")));
        f->extract = data_strdup(pt_json_string(json, "extract", PT_STR("")));
        f->plot = data_strdup(pt_json_string(json, "plot", PT_STR("")));
        f->plot_words = (int) pt_json_int(json, "plot_words", 0);
        f->year = (unsigned) pt_json_int(json, "year", 0);
        f->sequel = (unsigned) pt_json_int(json, "sequel", 0);
        f->based_on = analysis_base_find(pt_json_string(json, "based_on",
                                                        PT_STR("")));
        f->fold = (unsigned) pt_json_int(json, "fold", 0) % TRAIN_FOLDS;

        g = pt_json_member(json, "genres");

        for (g = g ? g->first : NULL; g != NULL; g = g->next) {
            int  genre = analysis_genre_find(g->text);

            f->genres |= genre < 0 ? 0 : 1u << genre;

            if (f->main_genre == 0 && genre >= 0) {
                f->main_genre = (unsigned) genre + 1;
            }
        }

        pt_json_free(json);
    }
}


static void
data_finance(train_data_t *data, char *text)
{
    char   *line, *end;
    row_t   row = { .data = data };

    end = strchr(text, '\n');
    if (end == NULL) {
        train_die("films_finance is empty");
    }

    *end = '\0';
    (void) row_split(text, row.names);

    for (line = end + 1; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');

        if (end == NULL) {
            break;
        }

        *end = '\0';
        row.n = row_split(line, row.values);
        data_finance_row(&row);
    }
}


static void
data_finance_row(row_t *row)
{
    const char    *href = row_value(row, "wiki_href");
    train_film_t  *f;

    f = *href ? data_film(row->data, href) : NULL;

    /* two films of one page: the second stands for itself */
    if (f == NULL || f->budget_usd > 0) {
        f = data_film(row->data, NULL);
    }

    if (f->title == NULL) {
        f->title = strdup(row_value(row, "title"));
        f->sequel = (unsigned) atoi(row_value(row, "sequel"));
        f->based_on = analysis_base_find(pt_str(row_value(row, "based_on")));
        f->fold = (unsigned) atoi(row_value(row, "fold")) % TRAIN_FOLDS;
    }

    f->year = (unsigned) atoi(row_value(row, "year"));

    if (strlen(row_value(row, "release_date")) >= 7) {
        f->month = (unsigned) atoi(row_value(row, "release_date") + 5);
    }

    f->month = f->month > 12 ? 0 : f->month;
    f->genres |= data_genres(row_value(row, "genres"));

    /* the money table's own, coarser word, where there is no other */
    if (f->genres == 0) {
        f->genres = data_genre(pt_str(row_value(row, "genre")));
    }

    f->mpaa = analysis_mpaa_find(pt_str(row_value(row, "mpaa")));
    f->budget_usd = atof(row_value(row, "budget_usd"));
    f->gross_usd = atof(row_value(row, "gross_worldwide_usd"));
}


static unsigned
row_split(char *line, char **values)
{
    unsigned  n = 0;

    while (n < COLUMNS_MAX) {
        values[n++] = line;
        line = strchr(line, '\t');

        if (line == NULL) {
            break;
        }

        *line++ = '\0';
    }

    return n;
}


static const char *
row_value(const row_t *row, const char *name)
{
    unsigned  i;

    for (i = 0; i < row->n; i++) {
        if (strcmp(row->names[i], name) == 0) {
            return row->values[i];
        }
    }

    return "";
}


/* the film of a page, NULL where there is none; href NULL: a new one */
static train_film_t *
data_film(train_data_t *data, const char *href)
{
    size_t         i;
    train_film_t  *f;

    for (i = 0; href != NULL && i < data->n; i++) {
        if (data->films[i].href != NULL
            && strcmp(data->films[i].href, href) == 0)
        {
            return &data->films[i];
        }
    }

    if (href != NULL) {
        return NULL;
    }

    if (data->n == data->cap) {
        data->cap = data->cap ? data->cap * 2 : 32768;
        data->films = realloc(data->films, data->cap * sizeof(train_film_t));

        if (data->films == NULL) {
            train_die("no memory");
        }
    }

    f = &data->films[data->n++];
    memset(f, 0, sizeof(*f));

    return f;
}


static uint32_t
data_genres(const char *text)
{
    int       genre;
    size_t    len;
    uint32_t  genres = 0;

    for ( ; *text != '\0'; text += len + (text[len] == '|')) {
        len = strcspn(text, "|");
        genre = analysis_genre_find((pt_str_t) { text, len });
        genres |= genre < 0 ? 0 : 1u << genre;
    }

    return genres;
}


/* "Romantic Comedy", "Thriller/Suspense" */
static uint32_t
data_genre(pt_str_t name)
{
    int  genre;

    if (pt_str_is(name, "Romantic Comedy")) {
        return data_genres("Romance|Comedy");
    }

    if (pt_str_is(name, "Black Comedy")) {
        return data_genres("Comedy");
    }

    if (pt_str_is(name, "Thriller/Suspense")) {
        return data_genres("Thriller");
    }

    if (pt_str_is(name, "Concert/Performance")) {
        return data_genres("Music");
    }

    genre = analysis_genre_find(name);

    return genre < 0 ? 0 : 1u << genre;
}


static char *
data_strdup(pt_str_t s)
{
    return strndup(s.data ? s.data : "", s.len);
}


/* an order of its own: the model does not depend on that of the files */
static int
data_compare(const void *a, const void *b)
{
    int                  c;
    const train_film_t  *x = a, *y = b;

    if (x->year != y->year) {
        return x->year < y->year ? -1 : 1;
    }

    c = strcmp(x->title, y->title);

    if (c == 0) {
        c = strcmp(x->href ? x->href : "", y->href ? y->href : "");
    }

    return c != 0 ? c : (x->budget_usd > y->budget_usd)
                        - (x->budget_usd < y->budget_usd);
}


void *
train_alloc(size_t n, size_t size)
{
    void  *p = calloc(n ? n : 1, size);

    if (p == NULL) {
        train_die("no memory");
    }

    return p;
}


void
train_die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) fputs("train-analysis: ", stderr);
    (void) vfprintf(stderr, fmt, args);
    (void) fputc('\n', stderr);
    va_end(args);

    exit(1);
}


void
train_note(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vfprintf(stderr, fmt, args);
    (void) fputc('\n', stderr);
    va_end(args);
}


/* ---- tasks ---- */

typedef struct {
    size_t            n;
    size_t            next;
    void            (*task)(void *ctx, size_t i);
    void             *ctx;
    pthread_mutex_t   lock;
} tasks_t;


static void *
tasks_run(void *ctx)
{
    size_t    i;
    tasks_t  *t = ctx;

    for ( ;; ) {
        (void) pthread_mutex_lock(&t->lock);
        i = t->next++;
        (void) pthread_mutex_unlock(&t->lock);

        if (i >= t->n) {
            return NULL;
        }

        t->task(t->ctx, i);
    }
}


void
train_parallel(size_t n, void (*task)(void *ctx, size_t i), void *ctx)
{
    long       i, cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t  threads[16];
    tasks_t    t = { .n = n, .task = task, .ctx = ctx };

    (void) pthread_mutex_init(&t.lock, NULL);
    cores = cores < 1 ? 1 : cores > 16 ? 16 : cores;

    for (i = 0; i < cores; i++) {
        if (pthread_create(&threads[i], NULL, tasks_run, &t) != 0) {
            train_die("no thread");
        }
    }

    for (i = 0; i < cores; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    (void) pthread_mutex_destroy(&t.lock);
}
