/*
 * Genres from text.
 *
 * A one-vs-rest logistic regression for each block of features: words and
 * parts of words, of the prose and of the title; then one regression for each
 * label over all their logits, fitted to what they say of films they have not
 * seen.  All of it is linear in the features, so that the shipped model is one
 * weight for each feature and label.
 */

#include <linear.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_math.h"
#include "train_genre.h"


#define L  ANALYSIS_LABELS

/* whole summaries teach as well, but only their stories are measured by */
#define PLOT_WORDS  12

/* what the labels' mean F1 counts beside that of all answers */
#define MACRO       2.0

#define THRESHOLD_ROUNDS  40


typedef struct {
    uint32_t  key;               /* hash, then place in the vocabulary */
    uint16_t  tf;
    uint16_t  block;
} term_t;


typedef struct {
    size_t                film;
    bool                  plot;
    unsigned              fold;
    uint32_t              labels;
    term_t               *terms;     /* by hash */
    size_t                n;
    struct feature_node  *nodes[ANALYSIS_BLOCKS];
} doc_t;


typedef struct {
    const train_data_t  *data;
    doc_t               *docs;
    size_t               n;
    size_t               nplots;
    train_genre_t       *out;

    /* of task: fold * BLOCKS * L + block * L + label; fold FOLDS: all */
    double             **weights;
    float              (*logits)[ANALYSIS_BLOCKS][L];   /* of docs */
    uint32_t            *column;     /* of a feature, in its block */
    size_t               ncolumns[ANALYSIS_BLOCKS];
} genre_t;


typedef struct {
    double  weight[ANALYSIS_BLOCKS * L];
    double  bias;
} stack_t_;


static void genre_docs(genre_t *g);
static void genre_doc(genre_t *g, analysis_text_t *text, size_t film,
    bool plot);
static void genre_count(void *ctx, analysis_block_t block, uint32_t hash,
    uint32_t word, uint32_t last);
static bool genre_teaches(const doc_t *d, unsigned block);
static int genre_compare_terms(const void *a, const void *b);
static int genre_compare_keys(const void *a, const void *b);
static void genre_vocabulary(genre_t *g);
static void genre_nodes(genre_t *g);
static double genre_idf(const genre_t *g, size_t feature);
static void genre_task(void *ctx, size_t i);
static void genre_out_of_fold(genre_t *g);
static void genre_stack(const genre_t *g, unsigned without, unsigned label,
    stack_t_ *stack);
static void genre_measure(genre_t *g);
static void genre_stacked(const genre_t *g, float (*p)[L]);
static void genre_labels(const genre_t *g, float (*p)[L],
    train_genre_measure_t *out);
static void genre_ranks(const genre_t *g, float (*p)[L],
    const size_t *plots, train_genre_measure_t *out);
static void genre_reliability(const genre_t *g, float (*p)[L],
    const size_t *plots, train_genre_measure_t *out);
static void genre_said(genre_t *g, float (*p)[L], const size_t *plots);
static void genre_thresholds(float (*p)[L], const size_t *rows, size_t n,
    double threshold[L]);
static void genre_collapse(genre_t *g);
static void genre_quiet(const char *s);


/* tuned by folds */
static const struct {
    unsigned  df[ANALYSIS_BLOCKS];
    double    c[ANALYSIS_BLOCKS];
    double    c_stack;
} genre_settings = { { 3, 12, 2, 5 }, { 6, 1.5, 3, 1.5 }, 0.01 };


void
train_genre(const train_data_t *data, train_genre_t *ret_genre)
{
    size_t   i;
    genre_t  g = { .data = data, .out = ret_genre };

    memset(ret_genre, 0, sizeof(*ret_genre));
    set_print_string_function(genre_quiet);

    genre_docs(&g);
    genre_vocabulary(&g);
    genre_nodes(&g);

    train_note("genre: %zu texts, %zu of them plots, %zu + %zu features, "
               "%zu + %zu of titles", g.n, g.nplots, g.ncolumns[0],
               g.ncolumns[1], g.ncolumns[2], g.ncolumns[3]);

    i = (TRAIN_FOLDS + 1) * ANALYSIS_BLOCKS * L;
    g.weights = train_alloc(i, sizeof(double *));
    train_parallel(i, genre_task, &g);

    genre_out_of_fold(&g);
    genre_measure(&g);
    genre_collapse(&g);
}


static void
genre_quiet(const char *s)
{
    (void) s;
}


/* ---- texts ---- */

static void
genre_docs(genre_t *g)
{
    size_t           i;
    analysis_text_t  text;

    if (analysis_text_init(&text) != PT_OK) {
        train_die("no stemmer");
    }

    g->docs = train_alloc(2 * g->data->n, sizeof(doc_t));

    for (i = 0; i < g->data->n; i++) {
        if (g->data->films[i].plot_words >= PLOT_WORDS) {
            genre_doc(g, &text, i, true);
        }

        genre_doc(g, &text, i, false);
    }

    analysis_text_done(&text);
}


typedef struct {
    term_t  *terms;
    size_t   n, cap;
} counter_t;


static void
genre_doc(genre_t *g, analysis_text_t *text, size_t film, bool plot)
{
    size_t               i, n;
    doc_t               *d;
    counter_t            c = { 0 };
    const train_film_t  *f = &g->data->films[film];
    uint32_t             labels = analysis_genres_labels(f->genres);

    if (labels == 0 || f->extract == NULL || *f->extract == '\0') {
        return;
    }

    analysis_text_reset(text);

    d = &g->docs[g->n];
    d->film = film;
    d->plot = plot;
    d->fold = f->fold;
    d->labels = labels;

    if (analysis_text_add(text, pt_str(d->plot ? f->plot : f->extract))
        != PT_OK)
    {
        train_die("no memory");
    }

    if (!d->plot) {
        train_mask(text);
    }

    if (analysis_text_add_title(text, pt_str(f->title)) != PT_OK) {
        train_die("no memory");
    }

    analysis_text_features(text, genre_count, &c);

    if (c.n == 0) {
        return;
    }

    qsort(c.terms, c.n, sizeof(term_t), genre_compare_terms);

    for (i = 1, n = 1; i < c.n; i++) {
        if (c.terms[i].key == c.terms[n - 1].key
            && c.terms[i].block == c.terms[n - 1].block)
        {
            c.terms[n - 1].tf++;

        } else {
            c.terms[n++] = c.terms[i];
        }
    }

    d->terms = c.terms;
    d->n = n;
    g->n++;
    g->nplots += d->plot;
}


/* what says its genre outright, and what only a lead has: years */
void
train_mask(analysis_text_t *text)
{
    size_t            i, k, n = 0;
    analysis_word_t  *w;

    static const char *const  words[] = {
        "action", "adventure", "animat", "cartoon", "biograph", "biopic",
        "comed", "crime", "documentar", "docudrama", "drama", "famil",
        "fantas", "histor", "horror", "music", "myster", "noir", "romanc",
        "romant", "scien", "fiction", "sci", "fi", "sport", "superhero",
        "thriller", "war", "western", "slasher", "melodrama", "suspense",
        "spaghetti", "farce", "satir", "short", "feature", "television",
        "directed", "director", "starring", "stars", "produced", "producer",
        "written", "screenplay", "released", "distributed", "american",
        "british", "pictures", "studios", "silent", "featuring"
    };

    for (i = 0; i < text->n; i++) {
        w = &text->words[i];

        for (k = 0; k < sizeof(words) / sizeof(char *); k++) {
            if (strncmp(w->word, words[k], strlen(words[k])) == 0
                && (strlen(words[k]) > 3 || strlen(words[k]) == w->len))
            {
                break;
            }
        }

        if (k == sizeof(words) / sizeof(char *)
            && !(w->word[0] >= '0' && w->word[0] <= '9'))
        {
            text->words[n++] = *w;
        }
    }

    text->n = n;
}


static void
genre_count(void *ctx, analysis_block_t block, uint32_t hash, uint32_t word,
    uint32_t last)
{
    counter_t  *c = ctx;

    (void) word;
    (void) last;

    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 512;
        c->terms = realloc(c->terms, c->cap * sizeof(term_t));

        if (c->terms == NULL) {
            train_die("no memory");
        }
    }

    c->terms[c->n++] = (term_t) { hash, 1, (uint16_t) block };
}


static int
genre_compare_terms(const void *a, const void *b)
{
    const term_t  *x = a, *y = b;

    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }

    return (int) x->block - (int) y->block;
}


/* ---- vocabulary ---- */

static int
genre_compare_keys(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


/* what enough texts have; a hash of two blocks is of the first */
static void
genre_vocabulary(genre_t *g)
{
    size_t          i, k, n = 0, at;
    uint64_t       *all;
    train_genre_t  *out = g->out;

    for (i = 0; i < g->n; i++) {
        n += g->docs[i].n;
    }

    all = train_alloc(n, sizeof(*all));

    for (i = 0, n = 0; i < g->n; i++) {
        for (k = 0; k < g->docs[i].n; k++) {
            if (genre_teaches(&g->docs[i], g->docs[i].terms[k].block)) {
                all[n++] = (uint64_t) g->docs[i].terms[k].key << 8
                           | g->docs[i].terms[k].block;
            }
        }
    }

    qsort(all, n, sizeof(*all), genre_compare_keys);

    for (at = 0, i = 0; i < n; i = k) {
        for (k = i; k < n && all[k] == all[i]; k++) { /* void */ }

        if (k - i >= genre_settings.df[all[i] & 0xff]) {
            all[at++] = all[i] | (uint64_t) (k - i) << 40;
        }
    }

    out->hash = train_alloc(at, sizeof(uint32_t));
    out->df = train_alloc(at, sizeof(uint32_t));
    out->block = train_alloc(at, 1);
    g->column = train_alloc(at, sizeof(uint32_t));

    for (i = 0, n = 0; i < at; i++) {
        uint32_t  hash = (uint32_t) (all[i] >> 8);

        if (n != 0 && out->hash[n - 1] == hash) {
            continue;
        }

        out->hash[n] = hash;
        out->df[n] = (uint32_t) (all[i] >> 40);
        out->block[n] = (uint8_t) all[i];
        g->column[n] = (uint32_t) ++g->ncolumns[out->block[n]];
        n++;
    }

    out->nfeatures = n;
    out->docs = (double) g->n;
    free(all);
}


static double
genre_idf(const genre_t *g, size_t feature)
{
    return analysis_log((1 + g->out->docs)
                        / (1 + (double) g->out->df[feature])) + 1;
}


/* sublinear TF-IDF, each kind of feature of length 1 */
static void
genre_nodes(genre_t *g)
{
    doc_t                *d;
    size_t                i, k, f;
    double                norm[ANALYSIS_BLOCKS], v;
    uint32_t              column;
    unsigned              b;
    struct feature_node  *end[ANALYSIS_BLOCKS];
    const train_genre_t  *out = g->out;

    for (i = 0; i < g->n; i++) {
        d = &g->docs[i];

        for (b = 0; b < ANALYSIS_BLOCKS; b++) {
            d->nodes[b] = train_alloc(d->n + 2, sizeof(struct feature_node));
            end[b] = d->nodes[b];
            norm[b] = 0;
        }

        for (k = 0, f = 0; k < d->n; k++) {
            while (f < out->nfeatures && out->hash[f] < d->terms[k].key) {
                f++;
            }

            b = d->terms[k].block;

            if (f == out->nfeatures || out->hash[f] != d->terms[k].key
                || out->block[f] != b)
            {
                continue;
            }

            v = (1 + analysis_log(d->terms[k].tf)) * genre_idf(g, f);
            column = g->column[f];
            norm[b] += v * v;
            *end[b]++ = (struct feature_node) { (int) column, v };
        }

        for (b = 0; b < ANALYSIS_BLOCKS; b++) {
            struct feature_node  *node;

            norm[b] = norm[b] > 0 ? __builtin_sqrt(norm[b]) : 1;

            for (node = d->nodes[b]; node < end[b]; node++) {
                node->value /= norm[b];
            }

            *end[b]++ = (struct feature_node) { (int) g->ncolumns[b] + 1, 1 };
            *end[b] = (struct feature_node) { -1, 0 };
        }

        free(d->terms);
        d->terms = NULL;
    }
}


/* ---- a model for each block ---- */

/* a film has one title, however many texts */
static bool
genre_teaches(const doc_t *d, unsigned block)
{
    return block < ANALYSIS_TITLE_STEMS || !d->plot;
}


static void
genre_task(void *ctx, size_t i)
{
    size_t             k, n = 0;
    genre_t           *g = ctx;
    unsigned           label = i % L, block = (unsigned) (i / L)
                                              % ANALYSIS_BLOCKS;
    unsigned           fold = (unsigned) (i / L / ANALYSIS_BLOCKS);
    struct model      *m;
    struct problem     p = { 0 };
    struct parameter   how = { 0 };

    p.x = train_alloc(g->n, sizeof(*p.x));
    p.y = train_alloc(g->n, sizeof(*p.y));

    for (k = 0; k < g->n; k++) {
        if (g->docs[k].fold != fold && genre_teaches(&g->docs[k], block)) {
            p.x[n] = g->docs[k].nodes[block];
            p.y[n++] = g->docs[k].labels >> label & 1 ? 1 : -1;
        }
    }

    p.l = (int) n;
    p.n = (int) g->ncolumns[block] + 1;
    p.bias = 1;
    how.solver_type = L2R_LR;
    how.C = genre_settings.c[block];
    how.eps = 0.01;

    m = train(&p, &how);
    g->weights[i] = train_alloc((size_t) p.n + 1, sizeof(double));

    for (k = 0; k < (size_t) p.n; k++) {
        g->weights[i][k + 1] = m->label[0] == 1 ? m->w[k] : -m->w[k];
    }

    free_and_destroy_model(&m);
    free(p.x);
    free(p.y);
}


static void
genre_out_of_fold(genre_t *g)
{
    double                      sum;
    size_t                      i;
    unsigned                    b, l;
    const double               *w;
    const struct feature_node  *node;

    g->logits = train_alloc(g->n, sizeof(*g->logits));

    for (i = 0; i < g->n; i++) {
        for (b = 0; b < ANALYSIS_BLOCKS; b++) {
            for (l = 0; l < L; l++) {
                w = g->weights[(g->docs[i].fold * ANALYSIS_BLOCKS + b) * L
                               + l];
                sum = 0;

                for (node = g->docs[i].nodes[b]; node->index != -1; node++) {
                    sum += w[node->index] * node->value;
                }

                g->logits[i][b][l] = (float) sum;
            }
        }
    }
}


/* ---- the model over their logits ---- */

static void
genre_stack(const genre_t *g, unsigned without, unsigned label,
    stack_t_ *stack)
{
    size_t                i, k, n = 0;
    struct model         *m;
    struct problem        p = { 0 };
    struct parameter      how = { 0 };
    struct feature_node  *nodes;
    const size_t          width = ANALYSIS_BLOCKS * L;

    nodes = train_alloc(g->nplots * (width + 2), sizeof(*nodes));
    p.x = train_alloc(g->nplots, sizeof(*p.x));
    p.y = train_alloc(g->nplots, sizeof(*p.y));

    for (i = 0; i < g->n; i++) {
        if (!g->docs[i].plot || g->docs[i].fold == without) {
            continue;
        }

        p.x[n] = nodes + n * (width + 2);
        p.y[n] = g->docs[i].labels >> label & 1 ? 1 : -1;

        for (k = 0; k < width; k++) {
            p.x[n][k] = (struct feature_node) {
                (int) k + 1, (double) g->logits[i][k / L][k % L]
            };
        }

        p.x[n][width] = (struct feature_node) { (int) width + 1, 10 };
        p.x[n][width + 1] = (struct feature_node) { -1, 0 };
        n++;
    }

    p.l = (int) n;
    p.n = (int) width + 1;
    p.bias = 10;         /* so that it is hardly shrunk */
    how.solver_type = L2R_LR;
    how.C = genre_settings.c_stack;
    how.eps = 0.0001;

    m = train(&p, &how);

    for (k = 0; k < width; k++) {
        stack->weight[k] = m->label[0] == 1 ? m->w[k] : -m->w[k];
    }

    stack->bias = 10 * (m->label[0] == 1 ? m->w[width] : -m->w[width]);

    free_and_destroy_model(&m);
    free(p.x);
    free(p.y);
    free(nodes);
}


/* ---- figures ---- */

typedef struct {
    size_t  hit[L], said[L], was[L];
} counts_t;


static void
genre_f1(const counts_t *c, double *ret_micro, double *ret_macro)
{
    double    macro = 0;
    size_t    hit = 0, said = 0, was = 0;
    unsigned  l;

    for (l = 0; l < L; l++) {
        hit += c->hit[l];
        said += c->said[l];
        was += c->was[l];

        if (c->said[l] + c->was[l] != 0) {
            macro += 2 * (double) c->hit[l]
                     / (double) (c->said[l] + c->was[l]);
        }
    }

    *ret_micro = 2 * (double) hit / (double) (said + was);
    *ret_macro = macro / L;
}


/* all of it by folds: the models, the one over them, the thresholds */
static void
genre_measure(genre_t *g)
{
    float                  (*p)[L];
    size_t                  i, n, *plots;
    train_genre_measure_t  *out = &g->out->measured;

    p = train_alloc(g->n, sizeof(*p));
    plots = train_alloc(g->n, sizeof(*plots));

    for (i = 0, n = 0; i < g->n; i++) {
        if (g->docs[i].plot) {
            plots[n++] = i;
        }
    }

    out->n = n;
    genre_stacked(g, p);
    genre_labels(g, p, out);
    genre_ranks(g, p, plots, out);
    genre_reliability(g, p, plots, out);

    genre_thresholds(p, plots, n, g->out->threshold);
    genre_said(g, p, plots);

    train_note("genre: micro %.4f macro %.4f LRAP %.4f first %.4f "
               "three %.4f ECE %.4f n %zu", out->micro, out->macro, out->lrap,
               out->first, out->three, out->ece, out->n);

    free(p);
    free(plots);
}


/* each text's probabilities, by a stack that has not seen its fold */
static void
genre_stacked(const genre_t *g, float (*p)[L])
{
    double    sum;
    size_t    i, k;
    unsigned  fold, l;
    stack_t_  stack;

    for (fold = 0; fold < TRAIN_FOLDS; fold++) {
        for (l = 0; l < L; l++) {
            genre_stack(g, fold, l, &stack);

            for (i = 0; i < g->n; i++) {
                if (g->docs[i].fold != fold) {
                    continue;
                }

                sum = stack.bias;

                for (k = 0; k < ANALYSIS_BLOCKS * L; k++) {
                    sum += stack.weight[k]
                           * (double) g->logits[i][k / L][k % L];
                }

                p[i][l] = (float) analysis_logistic(sum);
            }
        }
    }
}


/* F1 of answers by thresholds of the other folds */
static void
genre_labels(const genre_t *g, float (*p)[L], train_genre_measure_t *out)
{
    double     threshold[L];
    size_t     i, n, *rows = train_alloc(g->n, sizeof(*rows));
    unsigned   fold, l;
    counts_t   c = { 0 };

    for (fold = 0; fold < TRAIN_FOLDS; fold++) {
        for (i = 0, n = 0; i < g->n; i++) {
            if (g->docs[i].plot && g->docs[i].fold != fold) {
                rows[n++] = i;
            }
        }

        genre_thresholds(p, rows, n, threshold);

        for (i = 0; i < g->n; i++) {
            if (!g->docs[i].plot || g->docs[i].fold != fold) {
                continue;
            }

            for (l = 0; l < L; l++) {
                unsigned  was = g->docs[i].labels >> l & 1;
                unsigned  said = (double) p[i][l] >= threshold[l];

                c.hit[l] += was && said;
                c.said[l] += said;
                c.was[l] += was;
            }
        }
    }

    genre_f1(&c, &out->micro, &out->macro);
    free(rows);
}


static void
genre_ranks(const genre_t *g, float (*p)[L], const size_t *plots,
    train_genre_measure_t *out)
{
    double        sum;
    size_t        at;
    unsigned      l, m, rank, better, right, best;
    uint32_t      labels;
    const float  *of;

    for (at = 0; at < out->n; at++) {
        labels = g->docs[plots[at]].labels;
        of = p[plots[at]];

        for (sum = 0, right = 0, best = 0, l = 0; l < L; l++) {
            if (!(labels >> l & 1)) {
                continue;
            }

            for (rank = 1, better = 1, m = 0; m < L; m++) {
                if (m != l && of[m] > of[l]) {
                    rank++;
                    better += labels >> m & 1;
                }
            }

            sum += (double) better / rank;
            right++;
            best = best == 0 || rank < best ? rank : best;
        }

        out->lrap += sum / right;
        out->first += best == 1;
        out->three += best <= 3;
    }

    out->lrap /= (double) out->n;
    out->first /= (double) out->n;
    out->three /= (double) out->n;
}


static void
genre_reliability(const genre_t *g, float (*p)[L], const size_t *plots,
    train_genre_measure_t *out)
{
    double    *r, v;
    size_t     at, k;
    unsigned   l;

    for (at = 0; at < out->n; at++) {
        for (l = 0; l < L; l++) {
            v = (double) p[plots[at]][l];
            k = (size_t) (v * 10);
            r = g->out->reliability[k > 9 ? 9 : k];
            r[0]++;
            r[1] += v;
            r[2] += g->docs[plots[at]].labels >> l & 1;
        }
    }

    for (k = 0; k < 10; k++) {
        r = g->out->reliability[k];

        if (r[0] > 0) {
            out->ece += __builtin_fabs(r[1] - r[2]) / ((double) out->n * L);
            r[1] /= r[0];
            r[2] /= r[0];
        }
    }
}


/* for those who measure comparables */
static void
genre_said(genre_t *g, float (*p)[L], const size_t *plots)
{
    size_t              at;
    unsigned            l;
    analysis_genres_t  *said;

    g->out->said = train_alloc(g->data->n, sizeof(*g->out->said));

    for (at = 0; at < g->out->measured.n; at++) {
        said = train_alloc(1, sizeof(*said));

        for (l = 0; l < L; l++) {
            said->p[l] = (double) p[plots[at]][l];
        }

        g->out->said[g->docs[plots[at]].film] = said;
    }
}


/*
 * Where a label's answers make micro-F1 + MACRO * macro-F1 largest if its
 * probabilities are what they say: an answer is worth giving from half of a
 * mean of both F1 on.  Counting the hits instead follows the noise of labels
 * that few films have.
 */
static void
genre_thresholds(float (*p)[L], const size_t *rows, size_t n,
    double threshold[L])
{
    double    hit[L], said[L], was[L] = { 0 }, hits, all, a, b, v;
    size_t    i;
    unsigned  l, round;

    for (l = 0; l < L; l++) {
        threshold[l] = 0.25;

        for (i = 0; i < n; i++) {
            was[l] += (double) p[rows[i]][l];
        }
    }

    for (round = 0; round < THRESHOLD_ROUNDS; round++) {
        for (hits = 0, all = 0, l = 0; l < L; l++) {
            for (hit[l] = 0, said[l] = 0, i = 0; i < n; i++) {
                v = (double) p[rows[i]][l];
                hit[l] += v >= threshold[l] ? v : 0;
                said[l] += v >= threshold[l];
            }

            hits += hit[l];
            all += said[l] + was[l];
        }

        /* half of the way, so that it settles */
        for (l = 0; l < L; l++) {
            a = 1 / all;
            b = MACRO / (L * (said[l] + was[l]));
            v = (a * 2 * hits / all + b * 2 * hit[l] / (said[l] + was[l]))
                / (2 * (a + b));
            threshold[l] += 0.5 * (v - threshold[l]);
        }
    }
}


/* ---- the shipped model ---- */

static void
genre_collapse(genre_t *g)
{
    size_t          i, f;
    double          sum;
    unsigned        b, l, k;
    stack_t_        stack[L];
    const double   *w;
    train_genre_t  *out = g->out;

    out->weight = train_alloc(out->nfeatures * L, sizeof(float));

    for (l = 0; l < L; l++) {
        genre_stack(g, TRAIN_FOLDS, l, &stack[l]);
        out->intercept[l] = stack[l].bias;

        for (b = 0; b < ANALYSIS_BLOCKS; b++) {
            for (k = 0; k < L; k++) {
                w = g->weights[(TRAIN_FOLDS * ANALYSIS_BLOCKS + b) * L + k];
                out->intercept[l] += stack[l].weight[b * L + k]
                                     * w[g->ncolumns[b] + 1];
            }
        }
    }

    for (f = 0; f < out->nfeatures; f++) {
        b = out->block[f];

        for (l = 0; l < L; l++) {
            for (sum = 0, k = 0; k < L; k++) {
                w = g->weights[(TRAIN_FOLDS * ANALYSIS_BLOCKS + b) * L + k];
                sum += stack[l].weight[b * L + k] * w[g->column[f]];
            }

            out->weight[f * L + l] = (float) sum;
        }
    }

    for (i = 0; i < g->n; i++) {
        for (l = 0; l < L; l++) {
            out->share[l] += (double) (g->docs[i].plot
                                       && g->docs[i].labels >> l & 1)
                             / (double) g->nplots;
        }
    }
}
