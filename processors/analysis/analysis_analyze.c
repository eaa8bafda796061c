/* analyze-pitch: a scorecard with its evidence, and a forecast. */

#include <stdlib.h>

#include "analysis_action.h"
#include "analysis_math.h"
#include "analysis_write.h"


/* as many as a request may declare */
#define GENRES_MAX  6


static void analyze_score(pt_jsonw_t *w, const analysis_score_t *s);
static void analyze_raises(pt_jsonw_t *w, const analysis_score_t *s);
static void analyze_raise(pt_jsonw_t *w, const analysis_score_part_t *part,
    unsigned evidence, const char *advice);
static void analyze_otherwise(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s);
static void analyze_emphasis(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s);
static void analyze_change(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, const analysis_pitch_t *pitch,
    const char *what);
static unsigned analyze_best_month(const analysis_engine_t *e,
    const analysis_score_t *s);


pt_err_t
analysis_analyze_json(analysis_engine_t *e, const pt_json_t *params,
    const pt_json_t *platform, pt_buf_t *out, const char **ret_reason)
{
    double            *scratch;
    pt_err_t           err;
    pt_jsonw_t         w;
    analysis_pitch_t   pitch;
    analysis_score_t   score;

    err = analysis_action_pitch(params, platform, &pitch, ret_reason);

    if (err == PT_OK) {
        err = analysis_score(e, &pitch, &score);
    }

    if (err != PT_OK) {
        return err;
    }

    scratch = malloc((e->text.n + e->text.ntitle + 1) * sizeof(*scratch));
    if (scratch == NULL) {
        return PT_E_NOMEM;
    }

    pt_jsonw_init(&w, out);
    pt_jsonw_object(&w);
    analysis_write_pitch(&w, e, &score);
    analyze_score(&w, &score);
    analysis_write_genres(&w, e, &score, scratch);
    analysis_write_forecast(&w, e, &score);
    analysis_write_comps(&w, e, &score);
    analyze_otherwise(&w, e, &score);
    analyze_raises(&w, &score);
    analysis_write_warnings(&w, &score);
    analysis_write_abstained(&w, &score);
    analysis_write_model(&w, e->model);
    pt_jsonw_end(&w);

    free(scratch);

    return out->err;
}


static void
analyze_score(pt_jsonw_t *w, const analysis_score_t *s)
{
    unsigned                      i, k;
    const analysis_evidence_t    *v;
    const analysis_score_part_t  *part;

    pt_jsonw_key(w, "score");
    pt_jsonw_object(w);
    analysis_put_int(w, "points", s->points);
    analysis_put_int(w, "of", s->max);
    pt_jsonw_key(w, "parts");
    pt_jsonw_array(w);

    for (i = 0; i < ANALYSIS_SCORE_PARTS; i++) {
        part = &s->parts[i];

        pt_jsonw_object(w);
        analysis_put_text(w, "name", part->name);
        analysis_put_int(w, "points", part->points);
        analysis_put_int(w, "of", part->refusal ? 0 : part->max);

        if (part->refusal) {
            analysis_put_text(w, "abstained", part->refusal);
        }

        pt_jsonw_key(w, "evidence");
        pt_jsonw_array(w);

        for (k = 0; k < part->n; k++) {
            v = &part->evidence[k];

            pt_jsonw_object(w);
            analysis_put_text(w, "name", v->name);
            analysis_put_int(w, "points", v->points);
            analysis_put_int(w, "of", v->max);
            analysis_put_key(w, "value", v->value);
            pt_jsonw_end(w);
        }

        pt_jsonw_end(w);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


/* ---- what would raise it ---- */

static void
analyze_raises(pt_jsonw_t *w, const analysis_score_t *s)
{
    unsigned                      i;
    const analysis_item_t        *items = analysis_items();
    const analysis_score_part_t  *part;

    /* of the clarity's evidence, in its order */
    static const char *const  advice[] = {
        "bring the logline to between 18 and 40 words",
        "say what the protagonist wants and what stands in the way",
        "use plainer words: names and inventions tell nothing yet",
        "fewer words that only join others"
    };

    pt_jsonw_key(w, "raises");
    pt_jsonw_array(w);

    part = &s->parts[ANALYSIS_COMPLETENESS];

    for (i = 0; i < part->n; i++) {
        analyze_raise(w, part, i, items[i].advice);
    }

    part = &s->parts[ANALYSIS_CLARITY];

    for (i = 0; i < part->n; i++) {
        analyze_raise(w, part, i, advice[i]);
    }

    pt_jsonw_end(w);
}


static void
analyze_raise(pt_jsonw_t *w, const analysis_score_part_t *part,
    unsigned evidence, const char *advice)
{
    const analysis_evidence_t  *v = &part->evidence[evidence];

    if (v->points < v->max) {
        pt_jsonw_object(w);
        analysis_put_text(w, "part", part->name);
        analysis_put_text(w, "evidence", v->name);
        analysis_put_int(w, "points", v->max - v->points);
        analysis_put_text(w, "advice", advice);
        pt_jsonw_end(w);
    }
}


/* ---- what if ---- */

/*
 * Each names parameters to put in the place of the pitch's own, and what the
 * forecast is then: the same function of the changed pitch.
 */
static void
analyze_otherwise(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s)
{
    unsigned          month;
    analysis_pitch_t  p;

    pt_jsonw_key(w, "counterfactuals");
    pt_jsonw_array(w);

    if (s->money_refusal == NULL) {
        p = s->pitch;
        p.budget_usd = analysis_round6(s->pitch.budget_usd / 2);
        p.budget_range = false;
        analyze_change(w, e, s, &p, "half the budget");

        p.budget_usd = analysis_round6(s->pitch.budget_usd * 2);
        analyze_change(w, e, s, &p, "twice the budget");

        month = analyze_best_month(e, s);

        if (month != s->pitch.month) {
            p = s->pitch;
            p.month = month;
            analyze_change(w, e, s, &p, "the season of the best forecast");
        }

        if (s->text_refusal == NULL) {
            analyze_emphasis(w, e, s);
        }
    }

    pt_jsonw_end(w);
}


/* the likeliest genre that is not declared, and of those that are alone */
static void
analyze_emphasis(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s)
{
    unsigned          i;
    uint32_t          genre, own = s->pitch.genres, other = 0, main = 0;
    analysis_pitch_t  p = s->pitch;

    for (i = 0; i < ANALYSIS_LABELS; i++) {
        genre = 1u << analysis_label_genre(s->genres.order[i]);

        if (own & genre) {
            main = main ? main : genre;

        } else {
            other = other ? other : genre;
        }
    }

    if (other != 0 && analysis_count(own) < GENRES_MAX) {
        p.genres = own | other;
        analyze_change(w, e, s, &p, "with the likeliest genre that it does"
                                    " not name");
    }

    if (main != 0 && own != main) {
        p.genres = main;
        analyze_change(w, e, s, &p, "only the likeliest genre that it names");
    }
}


static void
analyze_change(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, const analysis_pitch_t *pitch,
    const char *what)
{
    unsigned                 unknown;
    analysis_deal_t          deal;
    analysis_forecast_t      f;
    const analysis_model_t  *m = e->model;

    if (analysis_pitch_refusal(m, pitch) != NULL) {
        return;
    }

    analysis_pitch_deal(m, pitch, s->text_refusal ? NULL : &s->genres, &deal,
                        &unknown);
    analysis_forecast(m, &deal, unknown,
                      pitch->month != s->pitch.month ? &s->forecast : NULL,
                      &f);

    pt_jsonw_object(w);
    analysis_put_text(w, "what", what);
    pt_jsonw_key(w, "change");
    pt_jsonw_object(w);

    if (pitch->budget_usd < s->pitch.budget_usd
        || pitch->budget_usd > s->pitch.budget_usd)
    {
        analysis_put_key(w, "budget_usd", pitch->budget_usd);
    }

    if (pitch->month != s->pitch.month) {
        analysis_put_int(w, "release_month", pitch->month);
    }

    if (pitch->genres != s->pitch.genres) {
        analysis_put_genres(w, "genres", pitch->genres);
    }

    pt_jsonw_end(w);
    analysis_put_key(w, "hit_probability", f.p_hit);
    analysis_put_money(w, "p10", analysis_forecast_gross(m, &f, 0.1));
    analysis_put_money(w, "p50", analysis_forecast_gross(m, &f, 0.5));
    analysis_put_money(w, "p90", analysis_forecast_gross(m, &f, 0.9));
    pt_jsonw_end(w);
}


/* by the chance of a hit, the pitch's own month first; of equals the first */
static unsigned
analyze_best_month(const analysis_engine_t *e, const analysis_score_t *s)
{
    double            hit, p = s->pitch.month ? s->forecast.p_hit : -1;
    unsigned          best = s->pitch.month, month, unknown;
    analysis_deal_t   deal;
    analysis_pitch_t  pitch = s->pitch;

    static const unsigned  months[] = { 3, 6, 10, 12 };

    for (month = 0; month < 4; month++) {
        pitch.month = months[month];
        analysis_pitch_deal(e->model, &pitch,
                            s->text_refusal ? NULL : &s->genres, &deal,
                            &unknown);
        hit = analysis_forecast_hit(e->model, &deal, &s->forecast);

        if (hit > p) {
            p = hit;
            best = months[month];
        }
    }

    return best;
}
