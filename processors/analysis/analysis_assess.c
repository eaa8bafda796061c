/* assess-investment: the forecast through the waterfall of its terms. */

#include <stdlib.h>

#include "analysis_assess.h"
#include "analysis_math.h"
#include "analysis_write.h"


#define DRAWS       10000
#define GROSS_MAX   1e11
#define WORST       0.05


typedef struct {
    double  mean, loss, nothing, shortfall;
} assess_figures_t;


static void assess_terms(const pt_json_t *params,
    const analysis_pitch_t *pitch, analysis_terms_t *t);
static double assess_share(const pt_json_t *terms, const char *key,
    double otherwise);
static void assess_draw(const analysis_model_t *m,
    const analysis_forecast_t *f, uint64_t seed, double *gross);
static void assess_moic(const analysis_terms_t *t, const double *gross,
    double times, double *moic);
static void assess_figures(const double *moic, assess_figures_t *ret);
static double assess_irr(double moic, double years);
static void assess_write_terms(pt_jsonw_t *w, const analysis_terms_t *t);
static void assess_write_returns(pt_jsonw_t *w, const analysis_terms_t *t,
    const double *moic, const assess_figures_t *f);
static void assess_sensitivity(pt_jsonw_t *w, const analysis_terms_t *t,
    const double *gross, double *moic);
static void assess_changed(pt_jsonw_t *w, const char *term, double from,
    double to, const double *moic);
static void assess_comps(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, const analysis_terms_t *t);
static void assess_risk(pt_jsonw_t *w, const char *risk, double probability,
    const char *detail, const char *source);
static void assess_risks(pt_jsonw_t *w, const analysis_score_t *s,
    const assess_figures_t *f);


pt_err_t
analysis_assess_json(analysis_engine_t *e, const pt_json_t *params,
    const pt_json_t *platform, pt_buf_t *out, const char **ret_reason)
{
    double            *gross, *moic;
    pt_err_t           err;
    pt_jsonw_t         w;
    assess_figures_t   figures;
    analysis_pitch_t   pitch;
    analysis_score_t   score;
    analysis_terms_t   terms;

    err = analysis_action_pitch(params, platform, &pitch, ret_reason);

    if (err == PT_OK) {
        err = analysis_score(e, &pitch, &score);
    }

    if (err != PT_OK) {
        return err;
    }

    gross = malloc(2 * DRAWS * sizeof(*gross));
    if (gross == NULL) {
        return PT_E_NOMEM;
    }

    moic = gross + DRAWS;

    pt_jsonw_init(&w, out);
    pt_jsonw_object(&w);
    analysis_write_pitch(&w, e, &score);
    analysis_write_forecast(&w, e, &score);

    if (score.money_refusal == NULL) {
        assess_terms(params, &pitch, &terms);
        assess_draw(e->model, &score.forecast,
                    (uint64_t) pt_json_int(params, "seed", 1), gross);
        assess_moic(&terms, gross, 1, moic);
        assess_figures(moic, &figures);
        assess_write_terms(&w, &terms);
        assess_write_returns(&w, &terms, moic, &figures);
        assess_sensitivity(&w, &terms, gross, moic);
        assess_comps(&w, e, &score, &terms);
        assess_risks(&w, &score, &figures);
    }

    analysis_write_comps(&w, e, &score);
    analysis_write_warnings(&w, &score);
    analysis_write_abstained(&w, &score);
    analysis_write_model(&w, e->model);
    pt_jsonw_end(&w);

    free(gross);

    return out->err;
}


/* what is not said is as it usually is */
static void
assess_terms(const pt_json_t *params, const analysis_pitch_t *pitch,
    analysis_terms_t *t)
{
    double            equity, split;
    const pt_json_t  *terms = pt_json_member(params, "terms");

    t->amount = pt_json_double(params, "amount_usd", 0);
    t->debt = pt_json_double(terms, "senior_debt_usd", 0);
    equity = pitch->budget_usd - t->debt;
    t->equity = pt_json_double(terms, "equity_usd",
                               equity > 0 ? equity : pitch->budget_usd);

    /* nobody owns more than all of it */
    t->equity = t->equity < t->amount ? t->amount : t->equity;

    t->cinemas = assess_share(terms, "cinema_share_pct", 50);
    t->fee = assess_share(terms, "distribution_fee_pct", 25);
    t->marketing = pt_json_double(terms, "marketing_usd",
                                  pitch->budget_usd / 2);
    t->interest = assess_share(terms, "senior_interest_pct", 12);
    t->premium = assess_share(terms, "premium_pct", 20);
    t->years = pt_json_double(terms, "years", 3);

    /* of what all investors have, as much as of the equity; or its own */
    split = assess_share(terms, "investor_split_pct", 50);
    t->share = assess_share(params, "share_pct",
                            100 * split * t->amount / t->equity);
}


static double
assess_share(const pt_json_t *terms, const char *key, double otherwise)
{
    return pt_json_double(terms, key, otherwise) / 100;
}


double
analysis_waterfall(const analysis_terms_t *t, double gross)
{
    double  left, part, own = t->amount / t->equity;

    left = gross * (1 - t->cinemas) * (1 - t->fee) - t->marketing
           - t->debt * (1 + t->interest);

    if (!(left > 0)) {
        return 0;
    }

    part = t->equity * (1 + t->premium);

    if (left <= part) {
        return left * own;
    }

    return part * own + (left - part) * t->share;
}


double
analysis_break_even(const analysis_terms_t *t)
{
    double    low = 0, high = GROSS_MAX, middle;
    unsigned  i;

    if (analysis_waterfall(t, high) < t->amount) {
        return 0;
    }

    for (i = 0; i < 80; i++) {
        middle = (low + high) / 2;

        if (analysis_waterfall(t, middle) < t->amount) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return high;
}


/* ascending: what the investor gets is in the same order */
static void
assess_draw(const analysis_model_t *m, const analysis_forecast_t *f,
    uint64_t seed, double *gross)
{
    unsigned         i;
    analysis_rng_t   rng;

    analysis_rng_init(&rng, seed);

    for (i = 0; i < DRAWS; i++) {
        gross[i] = analysis_forecast_gross(m, f, analysis_rng_unit(&rng));
    }

    analysis_sort(gross, DRAWS);
}


/* of so many times the gross, ascending like it */
static void
assess_moic(const analysis_terms_t *t, const double *gross, double times,
    double *moic)
{
    unsigned  i;

    for (i = 0; i < DRAWS; i++) {
        moic[i] = analysis_waterfall(t, gross[i] * times) / t->amount;
    }
}


static void
assess_figures(const double *moic, assess_figures_t *ret)
{
    unsigned  i;

    *ret = (assess_figures_t) { 0 };

    for (i = 0; i < DRAWS; i++) {
        ret->mean += moic[i] / DRAWS;
        ret->loss += (moic[i] < 1) / (double) DRAWS;
        ret->nothing += !(moic[i] > 0) / (double) DRAWS;

        if (i < DRAWS * WORST) {
            ret->shortfall += moic[i] / (DRAWS * WORST);
        }
    }
}


/* all comes back at once, at the end */
static double
assess_irr(double moic, double years)
{
    return moic > 0 ? analysis_exp(analysis_log(moic) / years) - 1 : -1;
}


static void
assess_write_terms(pt_jsonw_t *w, const analysis_terms_t *t)
{
    pt_jsonw_key(w, "terms");
    pt_jsonw_object(w);
    analysis_put_key(w, "amount_usd", t->amount);
    analysis_put_key(w, "equity_usd", t->equity);
    analysis_put_key(w, "cinema_share", t->cinemas);
    analysis_put_key(w, "distribution_fee", t->fee);
    analysis_put_key(w, "marketing_usd", t->marketing);
    analysis_put_key(w, "senior_debt_usd", t->debt);
    analysis_put_key(w, "senior_interest", t->interest);
    analysis_put_key(w, "premium", t->premium);
    analysis_put_key(w, "profit_share", t->share);
    analysis_put_key(w, "years", t->years);
    pt_jsonw_end(w);
}


static void
assess_write_returns(pt_jsonw_t *w, const analysis_terms_t *t,
    const double *moic, const assess_figures_t *f)
{
    double    v;
    unsigned  i;

    static const struct {
        const char  *key;
        double       p;
    } levels[] = {
        { "p5", 0.05 }, { "p10", 0.1 }, { "p25", 0.25 }, { "p50", 0.5 },
        { "p75", 0.75 }, { "p90", 0.9 }, { "p95", 0.95 }
    };

    pt_jsonw_key(w, "returns");
    pt_jsonw_object(w);
    analysis_put_int(w, "draws", DRAWS);
    pt_jsonw_key(w, "moic");
    pt_jsonw_object(w);
    analysis_put_key(w, "mean", f->mean);

    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        analysis_put_key(w, levels[i].key,
                         analysis_quantile(moic, DRAWS, levels[i].p));
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "irr");
    pt_jsonw_object(w);

    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        v = analysis_quantile(moic, DRAWS, levels[i].p);
        analysis_put_key(w, levels[i].key, assess_irr(v, t->years));
    }

    pt_jsonw_end(w);
    analysis_put_key(w, "loss_probability", f->loss);
    analysis_put_key(w, "expected_shortfall_moic", f->shortfall);
    v = analysis_break_even(t);
    pt_jsonw_key(w, "break_even_gross_usd");

    if (v > 0) {
        analysis_put(w, v);

    } else {
        pt_jsonw_null(w);
    }

    pt_jsonw_end(w);
}


/* one term at a time, and the gross itself, by the same draws */
static void
assess_sensitivity(pt_jsonw_t *w, const analysis_terms_t *t,
    const double *gross, double *moic)
{
    size_t            i, side;
    double            v, to;
    analysis_terms_t  changed;

    static const double  sides[] = { 0.8, 1.2 };

    static const struct {
        const char  *name;
        size_t       offset;
        bool         share;      /* no more than all of it */
    } terms[] = {
        { "cinema_share", offsetof(analysis_terms_t, cinemas), true },
        { "distribution_fee", offsetof(analysis_terms_t, fee), true },
        { "marketing_usd", offsetof(analysis_terms_t, marketing), false },
        { "senior_debt_usd", offsetof(analysis_terms_t, debt), false },
        { "senior_interest", offsetof(analysis_terms_t, interest), false },
        { "premium", offsetof(analysis_terms_t, premium), false },
        { "profit_share", offsetof(analysis_terms_t, share), true }
    };

    pt_jsonw_key(w, "sensitivity");
    pt_jsonw_array(w);

    for (side = 0; side < 2; side++) {
        assess_moic(t, gross, sides[side], moic);
        assess_changed(w, "gross", 1, sides[side], moic);
    }

    for (i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
        memcpy(&v, (const char *) t + terms[i].offset, sizeof(v));

        for (side = 0; side < 2 && v > 0; side++) {
            to = v * sides[side];
            to = terms[i].share && to > 1 ? 1 : to;
            changed = *t;
            memcpy((char *) &changed + terms[i].offset, &to, sizeof(to));

            assess_moic(&changed, gross, 1, moic);
            assess_changed(w, terms[i].name, v, to, moic);
        }
    }

    pt_jsonw_end(w);
}


static void
assess_changed(pt_jsonw_t *w, const char *term, double from, double to,
    const double *moic)
{
    assess_figures_t  f;

    assess_figures(moic, &f);

    pt_jsonw_object(w);
    analysis_put_text(w, "term", term);
    analysis_put_key(w, "from", from);
    analysis_put_key(w, "to", to);
    analysis_put_key(w, "mean_moic", f.mean);
    analysis_put_key(w, "loss_probability", f.loss);
    pt_jsonw_end(w);
}


/* their multiples of this budget, under the same terms */
static void
assess_comps(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, const analysis_terms_t *t)
{
    double                  roi, gross, moic;
    unsigned                i;
    const analysis_film_t  *f;

    pt_jsonw_key(w, "comparables_under_terms");
    pt_jsonw_array(w);

    for (i = 0; i < s->ncomps; i++) {
        f = &e->model->films.films[s->comps[i].film];
        roi = (double) f->gross - (double) f->budget;
        gross = analysis_pow10(roi) * s->pitch.budget_usd;
        moic = analysis_waterfall(t, gross) / t->amount;

        pt_jsonw_object(w);
        analysis_put_str(w, "title", analysis_film_title(&e->model->films,
                                                  s->comps[i].film));
        analysis_put_int(w, "year", f->year);
        analysis_put_key(w, "multiple", analysis_pow10(roi));
        analysis_put_key(w, "moic", moic);
        analysis_put_key(w, "irr", assess_irr(moic, t->years));
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


static void
assess_risk(pt_jsonw_t *w, const char *risk, double probability,
    const char *detail, const char *source)
{
    pt_jsonw_object(w);
    analysis_put_text(w, "risk", risk);
    analysis_put_key(w, "probability", probability);
    analysis_put_text(w, "severity", probability >= 0.5 ? "high"
                                     : probability >= 0.2 ? "medium"
                                                          : "low");
    analysis_put_text(w, "detail", detail);
    analysis_put_text(w, "source", source);
    pt_jsonw_end(w);
}


static void
assess_risks(pt_jsonw_t *w, const analysis_score_t *s,
    const assess_figures_t *f)
{
    unsigned  below = s->ncomps - s->comp_hits;

    pt_jsonw_key(w, "risks");
    pt_jsonw_array(w);
    assess_risk(w, "loss_of_capital", f->loss, "the amount does not come"
                " back in full", "draws");
    assess_risk(w, "nothing_left", f->nothing, "cinemas, distribution,"
                " marketing and lenders are paid first, and nothing is left",
                "draws");
    assess_risk(w, "no_hit", 1 - s->forecast.p_hit, "the film grosses less"
                " than 2.5 times its budget", "forecast");
    assess_risk(w, "budget_not_grossed", 1 - s->earns, "the film grosses"
                " less than its budget", "forecast");

    if (s->ncomps != 0) {
        assess_risk(w, "comparables_missed", (double) below / s->ncomps,
                    "of the films most like it, this share was no hit",
                    "comparables");
    }

    pt_jsonw_end(w);
}
