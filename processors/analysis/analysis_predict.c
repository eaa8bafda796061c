/* JSON lines in, JSON lines out. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis_math.h"
#include "analysis_predict.h"
#include "analysis_write.h"
#include "pt_processor.h"


#define COMPS           10

/* times that a table of a faultless forecast is drawn */
#define FAULTLESS       1000


static int predict_usage(void);
static int predict_lines(analysis_engine_t *e, analysis_predict_t what);
static void predict_genre(const analysis_genres_t *g, pt_jsonw_t *w);
static void predict_finance(const analysis_engine_t *e,
    const pt_json_t *json, pt_jsonw_t *w);
static void predict_comps(analysis_engine_t *e, const analysis_genres_t *g,
    const pt_json_t *json, pt_jsonw_t *w);
static uint32_t predict_genres_of(const pt_json_t *json);
static double predict_budget(const pt_json_t *json);
static int evaluate(const analysis_model_t *model);
static void evaluate_table(const char *title, const pt_json_t *figures);
static void evaluate_faultless(const pt_json_t *rows);


int
analysis_predict_main(int argc, char **argv)
{
    int                 i, what = -1, status;
    pt_err_t            err;
    const char         *share = NULL;
    analysis_model_t    model;
    analysis_engine_t   engine;

    static const char *const  names[] = { "genre", "finance", "comps" };

    for (i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--share") == 0 && i + 1 < argc) {
            share = argv[++i];

        } else if (what == -1 && strcmp(argv[1], "predict") == 0) {
            for (what = 0; what < 3 && strcmp(argv[i], names[what]); what++) {
                /* void */
            }

        } else {
            return predict_usage();
        }
    }

    if (what == 3 || (what == -1 && strcmp(argv[1], "predict") == 0)) {
        return predict_usage();
    }

    /* from the source tree, too */
    if (share == NULL) {
        share = access(PT_SHARE_DEFAULT "/model", R_OK) == 0
                ? PT_SHARE_DEFAULT : "conf";
    }

    err = analysis_model_load(share, &model);

    if (err != PT_OK) {
        (void) fprintf(stderr, "could not load the model below \"%s\": %s\n",
                       share, err == PT_E_IO ? strerror(errno)
                                             : pt_err_code(err));
        return 1;
    }

    if (what == -1) {
        status = evaluate(&model);

    } else if (analysis_engine_init(&engine, &model) == PT_OK) {
        status = predict_lines(&engine, (analysis_predict_t) what);
        analysis_engine_done(&engine);

    } else {
        status = 1;
    }

    analysis_model_close(&model);

    return status;
}


static int
predict_usage(void)
{
    (void) fprintf(stderr,
        "usage: pitchey-analysis predict genre|finance|comps [--share DIR]\n"
        "       pitchey-analysis evaluate [--share DIR]\n\n"
        "predict reads a JSON object a line and answers each with one:\n"
        "  genre    id title text\n"
        "  finance  id title budget_usd release_date genres sequel based_on\n"
        "  comps    id text genres year budget_usd\n");

    return 2;
}


static int
predict_lines(analysis_engine_t *e, analysis_predict_t what)
{
    char      *line = NULL;
    size_t     cap = 0;
    ssize_t    n;
    pt_buf_t   out;
    pt_err_t   err = PT_OK;

    pt_buf_init(&out, &pt_mem_heap, 1u << 20);

    while (err == PT_OK && (n = getline(&line, &cap, stdin)) > 0) {
        pt_buf_reset(&out);

        err = analysis_predict_line(e, what, (pt_str_t) { line, (size_t) n },
                                    &out);

        if (err == PT_OK
            && fwrite(out.data, 1, out.len, stdout) != out.len)
        {
            err = PT_E_IO;
        }
    }

    free(line);
    pt_buf_done(&out);

    if (err == PT_OK && fflush(stdout) != 0) {
        err = PT_E_IO;
    }

    if (err != PT_OK) {
        (void) fprintf(stderr, "could not go on: %s\n", pt_err_code(err));
    }

    return err == PT_OK ? 0 : 1;
}


pt_err_t
analysis_predict_line(analysis_engine_t *e, analysis_predict_t what,
    pt_str_t line, pt_buf_t *out)
{
    pt_err_t            err;
    pt_json_t          *json;
    pt_jsonw_t          w;
    pt_json_error_t     error;
    analysis_genres_t   g;

    pt_jsonw_init(&w, out);
    pt_jsonw_object(&w);

    err = pt_json_parse(line, &pt_mem_heap, &json, &error);

    if (err == PT_E_NOMEM) {
        return err;
    }

    if (err != PT_OK || json->type != PT_JSON_OBJECT) {
        analysis_put_text(&w, "error", err != PT_OK ? error.message
                                                    : "no object");
        goto done;
    }

    if (pt_json_member(json, "id") != NULL) {
        pt_jsonw_key(&w, "id");
        pt_jsonw_value(&w, pt_json_member(json, "id"));
    }

    analysis_text_reset(&e->text);
    err = analysis_text_add(&e->text,
                            pt_json_string(json, "text", PT_STR("")));

    if (err == PT_OK) {
        err = analysis_text_add_title(&e->text, pt_json_string(json, "title",
                                                               PT_STR("")));
    }

    if (err == PT_OK && what != ANALYSIS_PREDICT_FINANCE) {
        err = analysis_genres(e, &g);
    }

    if (err != PT_OK) {
        pt_json_free(json);
        return err;
    }

    switch (what) {

    case ANALYSIS_PREDICT_GENRE:
        predict_genre(&g, &w);
        break;

    case ANALYSIS_PREDICT_FINANCE:
        predict_finance(e, json, &w);
        break;

    case ANALYSIS_PREDICT_COMPS:
        predict_comps(e, &g, json, &w);
        break;
    }

done:

    if (err == PT_OK) {
        pt_json_free(json);
    }

    pt_jsonw_end(&w);
    pt_buf_add_char(out, '\n');

    return out->err;
}


static void
predict_genre(const analysis_genres_t *g, pt_jsonw_t *w)
{
    unsigned  l;

    pt_jsonw_key(w, "scores");
    pt_jsonw_object(w);

    for (l = 0; l < ANALYSIS_LABELS; l++) {
        analysis_put_key(w, analysis_label_name(l), g->p[l]);
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "labels");
    pt_jsonw_array(w);

    for (l = 0; l < ANALYSIS_LABELS; l++) {
        if (g->labels >> g->order[l] & 1) {
            pt_jsonw_text(w, analysis_label_name(g->order[l]));
        }
    }

    pt_jsonw_end(w);
}


static void
predict_finance(const analysis_engine_t *e, const pt_json_t *json,
    pt_jsonw_t *w)
{
    double               budget = predict_budget(json);
    pt_str_t             date = pt_json_string(json, "release_date",
                                               PT_STR(""));
    char                 text[11] = "";
    unsigned             month = 0, year = 0;
    analysis_deal_t      deal = { 0 };
    analysis_forecast_t  f;

    memcpy(text, date.data, date.len < 10 ? date.len : 10);

    if (!(budget > 0)) {
        analysis_put_text(w, "error",
                          "budget_usd is no number from 1000 to 1e9");
        return;
    }

    if (sscanf(text, "%4u-%2u", &year, &month) < 1 || year < 1900) {
        analysis_put_text(w, "error", "release_date is no date from 1900 on");
        return;
    }

    deal.title = pt_json_string(json, "title", PT_STR(""));
    deal.year = year;
    deal.month = month > 12 ? 0 : month;
    deal.genres = predict_genres_of(json);
    deal.sequel = pt_json_bool(json, "sequel", false)
                  || pt_json_int(json, "sequel", 0) == 1;
    deal.based_on = analysis_base_find(pt_json_string(json, "based_on",
                                                      PT_STR("")));
    deal.budget = analysis_log10(budget
                                 * analysis_model_prices(e->model, year));

    analysis_forecast(e->model, &deal, 0, NULL, &f);

    analysis_put_key(w, "p_hit", f.p_hit);
    analysis_put_money(w, "q10", analysis_forecast_gross(e->model, &f, 0.1));
    analysis_put_money(w, "q50", analysis_forecast_gross(e->model, &f, 0.5));
    analysis_put_money(w, "q90", analysis_forecast_gross(e->model, &f, 0.9));
}


static void
predict_comps(analysis_engine_t *e, const analysis_genres_t *g,
    const pt_json_t *json, pt_jsonw_t *w)
{
    double                   budget = predict_budget(json);
    int64_t                  year = pt_json_int(json, "year", 0);
    unsigned                 i, n;
    analysis_comp_t          comps[COMPS];
    analysis_comps_query_t   q = { .max = COMPS };
    const analysis_films_t  *films = &e->model->films;

    q.genres = predict_genres_of(json);
    q.year = year < 1900 || year > 2099 ? 0 : (unsigned) year;

    if (budget > 0) {
        q.budget = analysis_log10(budget * analysis_model_prices(
                                      e->model, q.year ? q.year : 2019));
        q.money = true;
    }

    n = analysis_comps(e, g, &q, comps);

    pt_jsonw_key(w, "comps");
    pt_jsonw_array(w);

    for (i = 0; i < n; i++) {
        pt_jsonw_object(w);
        analysis_put_str(w, "title",
                         analysis_film_title(films, comps[i].film));
        analysis_put_int(w, "year", films->films[comps[i].film].year);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static uint32_t
predict_genres_of(const pt_json_t *json)
{
    int               genre;
    uint32_t          genres = 0;
    const pt_json_t  *g = pt_json_member(json, "genres");

    for (g = g && g->type == PT_JSON_ARRAY ? g->first : NULL; g != NULL;
         g = g->next)
    {
        genre = g->type == PT_JSON_STRING ? analysis_genre_find(g->text) : -1;
        genres |= genre < 0 ? 0 : 1u << genre;
    }

    return genres;
}


/* 0: none that a film can have */
static double
predict_budget(const pt_json_t *json)
{
    double  v = pt_json_double(json, "budget_usd", 0);

    return v >= 1000 && v <= 1e9 ? v : 0;
}


/* ---- the tables that the model carries ---- */

static int
evaluate(const analysis_model_t *model)
{
    pt_json_t        *meta;
    const pt_json_t  *all, *s;

    if (pt_json_parse(model->meta, &pt_mem_heap, &meta, NULL) != PT_OK) {
        (void) fprintf(stderr, "the model does not say how good it is\n");
        return 1;
    }

    (void) printf("model %.*s, %u films, made from\n",
                  PT_STR_ARG(pt_json_string(meta, "version", PT_STR(""))),
                  model->films.n);

    s = pt_json_member(meta, "sources");

    for (s = s ? s->first : NULL; s != NULL; s = s->next) {
        (void) printf("  %-22.*s SHA-256 %.*s\n", PT_STR_ARG(s->key),
                      PT_STR_ARG(s->text));
    }

    all = pt_json_member(meta, "evaluation");
    evaluate_table("genre from text, by folds (thresholds too)",
                   pt_json_member(all, "genre"));
    s = pt_json_member(all, "comparables");
    evaluate_table("ten films by a text alone, of other folds",
                   pt_json_member(s, "by_text"));
    evaluate_table("thirty films by genres, budget, year and text, of other"
                   " folds", pt_json_member(s, "by_genres_and_budget"));
    all = pt_json_member(all, "finance");
    evaluate_table("finance, by folds", pt_json_member(all, "folds"));
    evaluate_table("finance, learned up to 2012, measured on 2013 to 2019",
                   pt_json_member(all, "time_split_2012"));

    pt_json_free(meta);

    return 0;
}


static void
evaluate_table(const char *title, const pt_json_t *figures)
{
    const pt_json_t  *f, *r;

    (void) printf("\n%s\n", title);

    for (f = figures ? figures->first : NULL; f != NULL; f = f->next) {
        if (f->type == PT_JSON_NUMBER) {
            (void) printf("  %-28.*s %10.6g\n", PT_STR_ARG(f->key),
                          f->number);
            continue;
        }

        (void) printf("  %8s %8s %8s\n", "n", "said", "was");

        for (r = f->first; r != NULL; r = r->next) {
            (void) printf("  %8.0f %8.3f %8.3f\n",
                          pt_json_double(r, "n", 0),
                          pt_json_double(r, "said", 0),
                          pt_json_double(r, "was", 0));
        }

        evaluate_faultless(f->first);
    }
}


/* the calibration error of forecasts that are right, by chance alone */
static void
evaluate_faultless(const pt_json_t *rows)
{
    double            error[FAULTLESS], mean = 0, all = 0, n, said, hits;
    unsigned          i, k;
    analysis_rng_t    rng;
    const pt_json_t  *r;

    analysis_rng_init(&rng, 1);

    for (r = rows; r != NULL; r = r->next) {
        all += pt_json_double(r, "n", 0);
    }

    for (i = 0; i < FAULTLESS && all > 0; i++) {
        error[i] = 0;

        for (r = rows; r != NULL; r = r->next) {
            n = pt_json_double(r, "n", 0);
            said = pt_json_double(r, "said", 0);

            for (k = 0, hits = 0; k < n; k++) {
                hits += analysis_rng_unit(&rng) < said;
            }

            error[i] += __builtin_fabs(hits - n * said) / all;
        }

        mean += error[i] / FAULTLESS;
    }

    if (all > 0) {
        analysis_sort(error, FAULTLESS);
        (void) printf("  without a fault: calibration error %.3f, one time in"
                      " twenty over %.3f\n", mean,
                      analysis_quantile(error, FAULTLESS, 0.95));
    }
}
