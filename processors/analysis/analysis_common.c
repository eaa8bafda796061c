/* What results have in common. */

#include "analysis_action.h"
#include "analysis_math.h"
#include "analysis_write.h"


static void common_positions(pt_jsonw_t *w, const analysis_engine_t *e,
    uint32_t word);
static void common_term(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_term_t *term);
static void common_comp(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_comp_t *c);
static void common_parts(pt_jsonw_t *w, const char *key,
    const int64_t *part, int64_t total);
static void common_warning(pt_jsonw_t *w, const char *code,
    const char *detail);

/* the same word is shown in so many places */
#define POSITIONS_MAX  8


pt_err_t
analysis_action_pitch(const pt_json_t *params, const pt_json_t *platform,
    analysis_pitch_t *ret, const char **ret_reason)
{
    const pt_json_t  *row = pt_json_member(platform, "pitch");
    const pt_json_t  *id = pt_json_member(params, "pitch_id");

    if (id != NULL && id->type != PT_JSON_NULL && row == NULL) {
        *ret_reason = "no such pitch";
        return PT_E_PARAMETERS;
    }

    analysis_pitch_read(params, row, ret);

    return PT_OK;
}


void
analysis_write_pitch(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s)
{
    const analysis_pitch_t  *p = &s->pitch;

    pt_jsonw_key(w, "pitch");
    pt_jsonw_object(w);
    analysis_put_str(w, "title", p->title);
    analysis_put_genres(w, "genres", p->genres);

    if (p->budget_usd > 0) {
        analysis_put_money(w, "budget_usd", p->budget_usd);
    }

    analysis_put_int(w, "words", s->genres.words);
    analysis_put_int(w, "known_words", s->genres.known);
    pt_jsonw_key(w, "text_cut");
    pt_jsonw_bool(w, e->text.cut);
    pt_jsonw_end(w);
}


/* ---- words ---- */

void
analysis_write_word(pt_jsonw_t *w, const analysis_engine_t *e, uint32_t word)
{
    analysis_put_text(w, "term", e->text.words[word].word);
    common_positions(w, e, word);
}


static void
common_positions(pt_jsonw_t *w, const analysis_engine_t *e, uint32_t word)
{
    size_t                  i;
    unsigned                n = 0;
    const analysis_word_t  *at;

    static const char *const  fields[] = { "logline", "synopsis", "title" };

    pt_jsonw_key(w, "positions");
    pt_jsonw_array(w);

    for (i = word; i < e->text.n + e->text.ntitle && n < POSITIONS_MAX; i++) {
        at = &e->text.words[i];

        if (at->hash != e->text.words[word].hash || at->stop) {
            continue;
        }

        pt_jsonw_object(w);
        analysis_put_text(w, "field", fields[at->part]);
        analysis_put_int(w, "offset", at->offset);
        analysis_put_int(w, "length", at->length);
        pt_jsonw_end(w);
        n++;
    }

    pt_jsonw_end(w);
}


static void
common_term(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_term_t *term)
{
    pt_jsonw_object(w);
    analysis_write_word(w, e, term->word);
    analysis_put_key(w, "log_odds", term->share);
    pt_jsonw_end(w);
}


/* ---- genres ---- */

void
analysis_write_genres(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, double *scratch)
{
    unsigned         i, k, n, label;
    uint32_t         declared;
    analysis_term_t  terms[ANALYSIS_TERMS_SHOWN];

    declared = analysis_genres_labels(s->pitch.genres);

    pt_jsonw_key(w, "genres");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "recommended");
    pt_jsonw_array(w);

    for (i = 0; i < 3 && s->text_refusal == NULL; i++) {
        label = s->genres.order[i];

        pt_jsonw_object(w);
        analysis_put_text(w, "genre", analysis_label_name(label));
        analysis_put_key(w, "probability", s->genres.p[label]);
        analysis_put_key(w, "share_of_films",
                         e->model->numbers->share[label]);
        pt_jsonw_key(w, "likely");
        pt_jsonw_bool(w, s->genres.labels >> label & 1);
        pt_jsonw_key(w, "declared");
        pt_jsonw_bool(w, declared >> label & 1);
        pt_jsonw_key(w, "because");
        pt_jsonw_array(w);

        n = analysis_genre_terms(e, label, scratch, terms,
                                 ANALYSIS_TERMS_SHOWN);

        for (k = 0; k < n; k++) {
            common_term(w, e, &terms[k]);
        }

        pt_jsonw_end(w);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "all");
    pt_jsonw_object(w);

    for (i = 0; i < ANALYSIS_LABELS && s->text_refusal == NULL; i++) {
        analysis_put_key(w, analysis_label_name(i), s->genres.p[i]);
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


/* ---- films like it ---- */

void
analysis_write_comps(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s)
{
    unsigned  i;

    pt_jsonw_key(w, "comparables");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "films");
    pt_jsonw_array(w);

    for (i = 0; i < s->ncomps; i++) {
        common_comp(w, e, &s->comps[i]);
    }

    pt_jsonw_end(w);

    if (s->ncomps != 0) {
        pt_jsonw_key(w, "multiple");
        pt_jsonw_object(w);
        analysis_put_key(w, "first_quartile",
                         analysis_pow10(s->comp_roi[0]));
        analysis_put_key(w, "median", analysis_pow10(s->comp_roi[1]));
        analysis_put_key(w, "third_quartile",
                         analysis_pow10(s->comp_roi[2]));
        analysis_put_key(w, "spread_decades", s->comp_spread);
        pt_jsonw_end(w);
        analysis_put_int(w, "hits", s->comp_hits);
    }

    pt_jsonw_end(w);
}


static void
common_comp(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_comp_t *c)
{
    unsigned                i;
    const analysis_film_t  *f = &e->model->films.films[c->film];

    pt_jsonw_object(w);
    analysis_put_str(w, "title",
                     analysis_film_title(&e->model->films, c->film));
    analysis_put_int(w, "year", f->year);
    analysis_put_genres(w, "genres", f->genres);
    analysis_put_money(w, "budget_2019_usd",
                       analysis_pow10((double) f->budget));
    analysis_put_money(w, "gross_2019_usd",
                       analysis_pow10((double) f->gross));
    analysis_put_key(w, "multiple", analysis_pow10((double) f->gross
                                                   - (double) f->budget));
    pt_jsonw_key(w, "why");
    pt_jsonw_object(w);
    analysis_put_key(w, "score", c->score);
    analysis_put_key(w, "text", c->text);
    analysis_put_key(w, "genres", c->genres);
    analysis_put_key(w, "budget", c->budget);
    analysis_put_key(w, "year", c->year);
    pt_jsonw_key(w, "shared_terms");
    pt_jsonw_array(w);

    for (i = 0; i < c->nshared; i++) {
        pt_jsonw_text(w, e->text.words[c->shared[i]].word);
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


/* ---- money ---- */

void
analysis_write_forecast(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s)
{
    unsigned                    i;
    const analysis_model_t     *m = e->model;
    const analysis_forecast_t  *f = &s->forecast;

    static const struct {
        const char  *gross, *multiple;
        double       p;
    } levels[] = {
        { "p10", "p10", 0.1 }, { "p50", "p50", 0.5 }, { "p90", "p90", 0.9 }
    };

    pt_jsonw_key(w, "forecast");

    if (s->money_refusal) {
        pt_jsonw_null(w);
        return;
    }

    pt_jsonw_object(w);
    pt_jsonw_key(w, "worldwide_gross_usd");
    pt_jsonw_object(w);

    for (i = 0; i < 3; i++) {
        analysis_put_money(w, levels[i].gross,
                           analysis_forecast_gross(m, f, levels[i].p));
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "multiple");
    pt_jsonw_object(w);

    for (i = 0; i < 3; i++) {
        analysis_put_key(w, levels[i].multiple,
                         analysis_pow10(analysis_forecast_roi(m, f,
                                                              levels[i].p)));
    }

    pt_jsonw_end(w);
    analysis_put_int(w, "dollars_of",
                     analysis_model_prices_year(m, s->deal.year));
    analysis_put_key(w, "hit_probability", f->p_hit);
    analysis_put_key(w, "earns_budget_probability", s->earns);
    analysis_put_key(w, "five_times_probability", s->five);
    analysis_put_key(w, "worst_fifth_multiple", s->shortfall);
    analysis_put_int(w, "unknowns", s->unknown);
    analysis_put_key(w, "interval_widened_by", f->widen);
    common_parts(w, "log10_multiple_micro", f->roi_part, f->roi);
    common_parts(w, "hit_log_odds_micro", f->hit_part, f->hit);
    pt_jsonw_end(w);
}


/* whole numbers: their sum is the total, in any language */
static void
common_parts(pt_jsonw_t *w, const char *key, const int64_t *part,
    int64_t total)
{
    unsigned  i;

    pt_jsonw_key(w, key);
    pt_jsonw_object(w);
    analysis_put_int(w, "total", total);
    pt_jsonw_key(w, "contributions");
    pt_jsonw_object(w);

    for (i = 0; i < ANALYSIS_CONTRIBUTIONS; i++) {
        analysis_put_int(w, analysis_contribution_name(i), part[i]);
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


/* ---- what is not said ---- */

const char *
analysis_refusal_detail(const char *refusal)
{
    size_t  i;

    static const char *const  details[][2] = {
        { "too_little_text", "fewer than 8 words that the model knows" },
        { "unknown_language", "the text does not read as English prose" },
        { "no_budget", "a forecast is relative to a budget, and none is"
                       " named" },
        { "budget_outside_data", "films with budgets below 0.1 or above 400"
                                 " million dollars (of 2019) are too few to"
                                 " learn from" },
        { "format_not_in_data", "the films are features for cinemas" },
        { "no_logline", "there is no logline, or no word in it" },
        { "nothing_to_compare", "neither text nor genres to compare by" }
    };

    for (i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
        if (strcmp(details[i][0], refusal) == 0) {
            return details[i][1];
        }
    }

    return "";
}


void
analysis_write_abstained(pt_jsonw_t *w, const analysis_score_t *s)
{
    unsigned  i;

    const struct {
        const char  *what;
        const char  *reason;
    } all[] = {
        { "genres", s->text_refusal },
        { "forecast", s->money_refusal },
        { "comparables", s->parts[ANALYSIS_COMPARABLES].refusal },
        { "clarity_of_logline", s->parts[ANALYSIS_CLARITY].refusal }
    };

    pt_jsonw_key(w, "abstained");
    pt_jsonw_array(w);

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].reason != NULL) {
            pt_jsonw_object(w);
            analysis_put_text(w, "what", all[i].what);
            analysis_put_text(w, "reason", all[i].reason);
            analysis_put_text(w, "detail",
                              analysis_refusal_detail(all[i].reason));
            pt_jsonw_end(w);
        }
    }

    pt_jsonw_end(w);
}


void
analysis_write_warnings(pt_jsonw_t *w, const analysis_score_t *s)
{
    unsigned  best = s->genres.order[0];

    pt_jsonw_key(w, "warnings");
    pt_jsonw_array(w);

    if (s->money_refusal == NULL) {
        common_warning(w, "theatrical_only", "forecasts hold for films that"
                       " reach cinemas; gross is not income: about half stays"
                       " with cinemas, and marketing comes on top of the"
                       " budget");

        if (s->deal.year > ANALYSIS_YEAR_LAST) {
            common_warning(w, "after_2019", "learned from films up to 2019:"
                           " cinema has changed since");
        }

        if (s->unknown != 0) {
            common_warning(w, "unknowns", "what is not named is taken as in"
                           " most films, and widens the interval");
        }

        if (pt_str_is(s->pitch.format, "documentary")) {
            common_warning(w, "documentary", "few documentaries are among"
                           " the films");
        }
    }

    analysis_write_genre_warning(w, &s->pitch);

    if (s->text_refusal == NULL && s->pitch.genres != 0
        && !(analysis_genres_labels(s->pitch.genres) >> best & 1)
        && s->genres.p[best] >= 0.4)
    {
        common_warning(w, "genre_conflict", "the text reads as another genre"
                       " than those that are declared");
    }

    pt_jsonw_end(w);
}


void
analysis_write_genre_warning(pt_jsonw_t *w, const analysis_pitch_t *pitch)
{
    if (pitch->genre_unknown) {
        common_warning(w, "unknown_genre", "a genre that is named is none of"
                       " those that the films carry, and is left out");
    }
}


static void
common_warning(pt_jsonw_t *w, const char *code, const char *detail)
{
    pt_jsonw_object(w);
    analysis_put_text(w, "code", code);
    analysis_put_text(w, "detail", detail);
    pt_jsonw_end(w);
}


void
analysis_write_model(pt_jsonw_t *w, const analysis_model_t *model)
{
    pt_jsonw_key(w, "model");
    pt_jsonw_raw(w, model->meta);
}
