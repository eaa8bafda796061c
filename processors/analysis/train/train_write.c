/* The model file: films, index, numbers, and where they come from. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#include "analysis_math.h"
#include "analysis_model.h"
#include "train_write.h"


/* stems of one film's name are of no use, those of a tenth of all neither */
#define DF_MIN        3
#define DF_SHARE_MAX  0.1


typedef struct {
    uint32_t  hash;
    uint32_t  film;
    uint32_t  tf;
} posting_t;


static struct {
    pt_buf_t  term, post, list;
    double    words;             /* mean */
} write_index;


static int write_compare_keys(const void *a, const void *b);
static int write_compare_postings(const void *a, const void *b);
static void write_list(const posting_t *p, size_t n);
static void write_numbers(const train_data_t *data,
    const train_genre_t *genre, const train_money_t *money, pt_buf_t *buf);
static void write_meta(const train_data_t *data,
    const analysis_films_t *films, const train_genre_t *genre,
    const train_money_t *money, const train_comps_t *comps, pt_buf_t *buf);
static void write_parts(const train_data_t *data,
    const analysis_films_t *films, const train_genre_t *genre,
    const train_money_t *money, pt_buf_t *parts);
static uint8_t *write_model(const pt_buf_t *parts, size_t *ret_size,
    analysis_model_t *ret_model);
static void write_file(const uint8_t *model, size_t size, const char *path);


/* ---- films ---- */

void
train_films(const train_data_t *data, analysis_films_t *ret_films)
{
    char             *titles;
    size_t            i, size = 0, len;
    uint32_t          hash[2], nkeys = 0;
    unsigned          k, n;
    analysis_key_t   *keys;
    analysis_film_t  *films;

    films = train_alloc(data->n, sizeof(*films));
    keys = train_alloc(data->n * 2, sizeof(*keys));

    for (i = 0; i < data->n; i++) {
        size += strlen(data->films[i].title);
    }

    titles = train_alloc(size + 1, 1);
    size = 0;

    for (i = 0; i < data->n; i++) {
        const train_film_t  *f = &data->films[i];
        analysis_film_t     *to = &films[i];

        len = strlen(f->title);
        memcpy(titles + size, f->title, len);

        to->title = (uint32_t) size;
        to->title_len = (uint16_t) len;
        to->genres = f->genres;
        to->year = (uint16_t) f->year;
        to->month = (uint8_t) f->month;
        to->mpaa = (uint8_t) f->mpaa;
        to->sequel = (uint8_t) f->sequel;
        to->based_on = (uint8_t) f->based_on;
        to->fold = (uint8_t) f->fold;
        size += len;

        if (f->budget_usd * f->cpi >= 1) {
            to->budget = (float) analysis_log10(f->budget_usd * f->cpi);
        }

        if (f->gross_usd * f->cpi >= 1) {
            to->gross = (float) analysis_log10(f->gross_usd * f->cpi);
        }

        n = analysis_title_keys(pt_str(f->title), hash);

        for (k = 0; k < n && analysis_film_has_money(to); k++) {
            keys[nkeys++] = (analysis_key_t) { hash[k], (uint32_t) i };
        }
    }

    qsort(keys, nkeys, sizeof(*keys), write_compare_keys);

    *ret_films = (analysis_films_t) {
        films, titles, keys, (uint32_t) data->n, nkeys
    };
}


static int
write_compare_keys(const void *a, const void *b)
{
    const analysis_key_t  *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }

    return (x->film > y->film) - (x->film < y->film);
}


/* ---- index ---- */

void
train_index(const train_data_t *data, const analysis_films_t *films)
{
    double            total = 0;
    size_t            i, k, n = 0, cap = 1u << 21, start;
    uint32_t          words, v;
    posting_t        *all;
    analysis_film_t  *film;
    analysis_text_t   text;

    pt_buf_init(&write_index.term, &pt_mem_heap, 64u << 20);
    pt_buf_init(&write_index.post, &pt_mem_heap, 64u << 20);
    pt_buf_init(&write_index.list, &pt_mem_heap, 64u << 20);

    all = train_alloc(cap, sizeof(*all));

    if (analysis_text_init(&text) != PT_OK) {
        train_die("no stemmer");
    }

    for (i = 0; i < data->n; i++) {
        const train_film_t  *f = &data->films[i];

        if (f->extract == NULL) {
            continue;
        }

        analysis_text_reset(&text);

        if (analysis_text_add(&text, pt_str(f->extract)) != PT_OK) {
            train_die("no memory");
        }

        train_mask(&text);

        for (k = 0; k < text.n; k++) {
            if (text.words[k].stop) {
                continue;
            }

            if (n == cap) {
                cap *= 2;
                all = realloc(all, cap * sizeof(*all));

                if (all == NULL) {
                    train_die("no memory");
                }
            }

            all[n++] = (posting_t) { text.words[k].hash, (uint32_t) i, 1 };
        }
    }

    analysis_text_done(&text);
    qsort(all, n, sizeof(*all), write_compare_postings);

    for (i = 1, k = n ? 1 : 0; i < n; i++) {
        if (all[i].hash == all[k - 1].hash && all[i].film == all[k - 1].film) {
            all[k - 1].tf++;

        } else {
            all[k++] = all[i];
        }
    }

    n = k;

    for (i = 0; i < n; i = k) {
        for (k = i; k < n && all[k].hash == all[i].hash; k++) { /* void */ }

        if (k - i < DF_MIN || (double) (k - i) > DF_SHARE_MAX * films->n) {
            continue;
        }

        v = (uint32_t) write_index.list.len;
        pt_buf_add(&write_index.term, &all[i].hash, 4);
        pt_buf_add(&write_index.post, &v, 4);
        write_list(all + i, k - i);

        for (start = i; start < k; start++) {
            film = (analysis_film_t *) (uintptr_t)
                       &films->films[all[start].film];
            words = film->words + (all[start].tf > 4 ? 4 : all[start].tf);
            film->words = words > UINT16_MAX ? UINT16_MAX : (uint16_t) words;
        }
    }

    v = (uint32_t) write_index.list.len;
    pt_buf_add(&write_index.post, &v, 4);
    free(all);

    for (i = 0, n = 0; i < films->n; i++) {
        total += films->films[i].words;
        n += films->films[i].words != 0;
    }

    write_index.words = n ? total / (double) n : 1;
    train_note("index: %zu stems, %zu films, %.1f words each, %zu bytes",
               write_index.term.len / 4, n, write_index.words,
               write_index.list.len);
}


static int
write_compare_postings(const void *a, const void *b)
{
    const posting_t  *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }

    return (x->film > y->film) - (x->film < y->film);
}


static void
write_list(const posting_t *p, size_t n)
{
    size_t    i;
    uint32_t  v, film = 0;

    for (i = 0; i < n; i++) {
        v = (p[i].film + 1 - film) << 2 | ((p[i].tf > 4 ? 4 : p[i].tf) - 1);
        film = p[i].film + 1;

        for ( ; v >= 0x80; v >>= 7) {
            pt_buf_add_char(&write_index.list, (char) (v | 0x80));
        }

        pt_buf_add_char(&write_index.list, (char) v);
    }
}


/* ---- numbers ---- */

static void
write_numbers(const train_data_t *data, const train_genre_t *genre,
    const train_money_t *money, pt_buf_t *buf)
{
    size_t               f, i;
    double               v;
    unsigned             k, l;
    analysis_numbers_t  *n = train_alloc(1, sizeof(*n));

    n->docs = genre->docs;
    n->words = write_index.words;

    for (l = 0; l < ANALYSIS_LABELS; l++) {
        n->intercept[l] = analysis_round6(genre->intercept[l]);
        n->threshold[l] = analysis_round6(genre->threshold[l]);
        n->share[l] = analysis_round6(genre->share[l]);

        for (f = 0; f < genre->nfeatures; f++) {
            v = (double) genre->weight[f * ANALYSIS_LABELS + l];
            v = v < 0 ? -v : v;
            n->scale[l] = v > n->scale[l] ? v : n->scale[l];
        }

        n->scale[l] = analysis_round6(n->scale[l]);
    }

    n->ngross = money->fit.ngross;
    n->nhit = money->fit.nhit;

    for (k = 0; k < 2; k++) {
        n->base[k] = analysis_round6(money->fit.base[k]);

        for (i = 0; i <= ANALYSIS_LINEAR; i++) {
            n->linear[k][i] = analysis_round6(money->fit.linear[k][i]);
        }

        for (i = 0; i < TRAIN_PARTS; i++) {
            n->mix[k][i] = analysis_round6(money->mix[k][i]);
        }

        for (i = 0; i < ANALYSIS_CALIBRATE; i++) {
            n->calibrate[k][i] = analysis_round6(money->calibrate[k][i]);
        }
    }

    for (i = 0; i < ANALYSIS_LEVELS; i++) {
        n->level[i] = analysis_round6(money->level[i]);
    }

    for (k = 0; k < TRAIN_FIFTHS - 1; k++) {
        n->cut[k] = analysis_round6(money->cut[k]);
    }

    for (k = 0; k < TRAIN_FIFTHS; k++) {
        for (i = 0; i < TRAIN_QUANTILES; i++) {
            n->residual[k][i] = analysis_round6(money->residual[k][i]);
        }
    }

    memcpy(n->cpi, data->cpi, sizeof(n->cpi));

    pt_buf_add(buf, n, sizeof(*n));
    free(n);
}


/* ---- where it comes from, and how good it is ---- */

static void
write_key_number(pt_jsonw_t *w, const char *key, double v)
{
    pt_jsonw_key(w, key);
    pt_jsonw_double(w, analysis_round6(v));
}


static void
write_reliability(pt_jsonw_t *w, const double (*r)[3])
{
    unsigned  i;

    pt_jsonw_key(w, "reliability");
    pt_jsonw_array(w);

    for (i = 0; i < 10; i++) {
        if (r[i][0] > 0) {
            pt_jsonw_object(w);
            write_key_number(w, "n", r[i][0]);
            write_key_number(w, "said", r[i][1]);
            write_key_number(w, "was", r[i][2]);
            pt_jsonw_end(w);
        }
    }

    pt_jsonw_end(w);
}


static void
write_measured(pt_jsonw_t *w, const char *key,
    const train_money_measure_t *s)
{
    pt_jsonw_key(w, key);
    pt_jsonw_object(w);
    write_key_number(w, "films", (double) s->n);
    write_key_number(w, "auc", s->auc);
    write_key_number(w, "auc_films_alike_only", s->auc_alike);
    write_key_number(w, "brier", s->brier);
    write_key_number(w, "brier_of_base_rate", s->brier_base);
    write_key_number(w, "calibration_error", s->ece);
    write_key_number(w, "r2_log_gross", s->r2);
    write_key_number(w, "r2_log_roi", s->r2_roi);
    write_key_number(w, "within_factor_2", s->within2);
    write_key_number(w, "pinball", s->pinball);
    write_key_number(w, "interval_80_coverage", s->coverage);
    write_key_number(w, "interval_80_decades", s->width);
    write_reliability(w, s->reliability);
    pt_jsonw_end(w);
}


static void
write_meta(const train_data_t *data, const analysis_films_t *films,
    const train_genre_t *genre, const train_money_t *money,
    const train_comps_t *comps, pt_buf_t *buf)
{
    size_t      i;
    pt_jsonw_t  w;

    static const char  attribution[] =
        "Budget and box office figures: classdata by Heike Hofmann (CC BY"
        " 4.0), after The Numbers. Film metadata: vega-datasets"
        " (BSD-3-Clause). Bechdel data: FiveThirtyEight (CC BY 4.0). Film"
        " summaries, genres and casts: Wikipedia contributors (CC BY-SA), via"
        " wikipedia-movie-data by Peter Rust (MIT).";

    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "version");
    pt_jsonw_text(&w, "1");
    pt_jsonw_key(&w, "films");
    pt_jsonw_int(&w, films->n);
    pt_jsonw_key(&w, "attribution");
    pt_jsonw_text(&w, attribution);
    pt_jsonw_key(&w, "sources");
    pt_jsonw_object(&w);

    for (i = 0; i < TRAIN_FILES; i++) {
        pt_jsonw_key(&w, train_files[i]);
        pt_jsonw_text(&w, data->hashes[i]);
    }

    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "evaluation");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "genre");
    pt_jsonw_object(&w);
    write_key_number(&w, "texts", (double) genre->measured.n);
    write_key_number(&w, "micro_f1", genre->measured.micro);
    write_key_number(&w, "macro_f1", genre->measured.macro);
    write_key_number(&w, "lrap", genre->measured.lrap);
    write_key_number(&w, "first_right", genre->measured.first);
    write_key_number(&w, "one_of_three_right", genre->measured.three);
    write_key_number(&w, "calibration_error", genre->measured.ece);
    write_reliability(&w, (const double (*)[3]) genre->reliability);
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "finance");
    pt_jsonw_object(&w);
    write_measured(&w, "folds", &money->folds);
    write_measured(&w, "time_split_2012", &money->time);
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "comparables");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "by_text");
    pt_jsonw_object(&w);
    write_key_number(&w, "texts", (double) comps->texts);
    write_key_number(&w, "same_main_genre", comps->same_main);
    write_key_number(&w, "same_main_genre_at_random", comps->random_main);
    write_key_number(&w, "genres_in_common", comps->jaccard);
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "by_genres_and_budget");
    pt_jsonw_object(&w);
    write_key_number(&w, "films", (double) comps->films);
    write_key_number(&w, "multiple_rank_correlation", comps->roi_rank);
    write_key_number(&w, "gross_rank_correlation", comps->gross_rank);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
}


/* ---- the file ---- */

void
train_write(const train_data_t *data, const analysis_films_t *films,
    const train_genre_t *genre, const train_money_t *money,
    const char *path)
{
    size_t             i, size;
    uint8_t           *bytes;
    pt_buf_t           parts[ANALYSIS_SECTIONS];
    train_comps_t      comps;
    analysis_model_t   model;

    for (i = 0; i < ANALYSIS_SECTIONS; i++) {
        pt_buf_init(&parts[i], &pt_mem_heap, 64u << 20);
    }

    write_parts(data, films, genre, money, parts);

    /* it says how good it is, which is measured by itself */
    bytes = write_model(parts, &size, &model);
    train_comps(data, genre, &model, &comps);
    analysis_model_close(&model);
    free(bytes);

    write_meta(data, films, genre, money, &comps,
               &parts[ANALYSIS_SECTION_META]);
    bytes = write_model(parts, &size, &model);
    analysis_model_close(&model);

    for (i = 0; i < ANALYSIS_SECTIONS; i++) {
        train_note("section %2zu: %9zu bytes", i, parts[i].len);
    }

    write_file(bytes, size, path);
    free(bytes);
}


static void
write_parts(const train_data_t *data, const analysis_films_t *films,
    const train_genre_t *genre, const train_money_t *money, pt_buf_t *parts)
{
    char                 code;
    size_t               i;
    double               scale;
    uint16_t             df;
    analysis_numbers_t  *numbers;

    write_numbers(data, genre, money, &parts[ANALYSIS_SECTION_NUMBERS]);
    numbers = (void *) parts[ANALYSIS_SECTION_NUMBERS].data;

    pt_buf_add(&parts[ANALYSIS_SECTION_HASH], genre->hash,
               genre->nfeatures * 4);

    for (i = 0; i < genre->nfeatures; i++) {
        df = (uint16_t) ((genre->df[i] > ANALYSIS_DF_MAX ? ANALYSIS_DF_MAX
                                                        : genre->df[i])
                         | (unsigned) genre->block[i] << ANALYSIS_DF_BITS);
        pt_buf_add(&parts[ANALYSIS_SECTION_DF], &df, 2);
    }

    for (i = 0; i < genre->nfeatures * ANALYSIS_LABELS; i++) {
        scale = numbers->scale[i % ANALYSIS_LABELS];
        code = analysis_weight_code(scale, (double) genre->weight[i]);
        pt_buf_add_char(&parts[ANALYSIS_SECTION_WEIGHT], code);
    }

    pt_buf_add(&parts[ANALYSIS_SECTION_NODE], money->fit.nodes,
               money->fit.nnodes * sizeof(analysis_node_t));
    pt_buf_add(&parts[ANALYSIS_SECTION_ROOT], money->fit.roots,
               (money->fit.ngross + money->fit.nhit + 1) * 4);
    pt_buf_add(&parts[ANALYSIS_SECTION_FILM], films->films,
               films->n * sizeof(analysis_film_t));
    i = films->films[films->n - 1].title
        + (size_t) films->films[films->n - 1].title_len;
    pt_buf_add(&parts[ANALYSIS_SECTION_TITLE], films->titles, i);
    pt_buf_add(&parts[ANALYSIS_SECTION_KEY], films->keys,
               films->nkeys * sizeof(analysis_key_t));
    parts[ANALYSIS_SECTION_TERM] = write_index.term;
    parts[ANALYSIS_SECTION_POST] = write_index.post;
    parts[ANALYSIS_SECTION_LIST] = write_index.list;
}


static uint8_t *
write_model(const pt_buf_t *parts, size_t *ret_size,
    analysis_model_t *ret_model)
{
    size_t     i, size;
    uint8_t   *model;
    uint32_t   n = ANALYSIS_SECTIONS, kind;
    uint64_t   at, len;

    size = 24 + ANALYSIS_SECTIONS * 24;

    for (i = 0; i < ANALYSIS_SECTIONS; i++) {
        if (parts[i].err != PT_OK) {
            train_die("a part of the model is too large");
        }

        size += (parts[i].len + 7) / 8 * 8;
    }

    model = train_alloc(size, 1);
    at = size;
    memcpy(model, ANALYSIS_MODEL_MAGIC, 8);
    memcpy(model + 8, &at, 8);
    memcpy(model + 16, &n, 4);
    at = 24 + ANALYSIS_SECTIONS * 24;

    for (i = 0; i < ANALYSIS_SECTIONS; i++) {
        kind = (uint32_t) i;
        len = parts[i].len;
        memcpy(model + 24 + i * 24, &kind, 4);
        memcpy(model + 24 + i * 24 + 8, &at, 8);
        memcpy(model + 24 + i * 24 + 16, &len, 8);

        if (len != 0) {
            memcpy(model + at, parts[i].data, len);
        }

        at += (len + 7) / 8 * 8;
    }

    if (analysis_model_open(model, size, ret_model) != PT_OK) {
        train_die("the reader does not take the model");
    }

    *ret_size = size;

    return model;
}


static void
write_file(const uint8_t *model, size_t size, const char *path)
{
    FILE     *f;
    size_t    packed = 0, cap;
    uint8_t  *out;

    cap = lzma_stream_buffer_bound(size);
    out = train_alloc(cap, 1);

    if (lzma_easy_buffer_encode(6 | LZMA_PRESET_EXTREME, LZMA_CHECK_CRC64,
                                NULL, model, size, out, &packed, cap)
        != LZMA_OK)
    {
        train_die("could not compress the model");
    }

    f = fopen(path, "wb");

    if (f == NULL || fwrite(out, 1, packed, f) != packed || fclose(f) != 0) {
        train_die("could not write \"%s\"", path);
    }

    train_note("model: %zu bytes, %zu compressed", size, packed);
    free(out);
}
