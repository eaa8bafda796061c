/* The scorecard. */

#include <stdlib.h>

#include "analysis_math.h"
#include "analysis_score.h"


#define SYNOPSIS_WORDS  80       /* that make one whole */
#define WORST           0.2

/* words of a text among which its reasons are looked for */
#define EXPLAINED_MAX   2000


static void score_forecast(const analysis_engine_t *e, analysis_score_t *s);
static void score_comps(analysis_engine_t *e, analysis_score_t *s);
static void score_market(const analysis_engine_t *e, analysis_score_t *s);
static void score_risk(analysis_score_t *s);
static void score_clarity(const analysis_engine_t *e, analysis_score_t *s);
static void score_completeness(const analysis_engine_t *e,
    analysis_score_t *s);
static void score_comparables(analysis_score_t *s);
static void score_evidence(analysis_score_part_t *part, const char *name,
    int max, double share, double value);
static double score_share(double v, double none, double all);
static unsigned score_words(const analysis_engine_t *e, unsigned part);


static const analysis_item_t  score_items[] = {
    { "logline", 25, "write a logline: who wants what, and what is in the"
                     " way" },
    { "synopsis", 40, "write a synopsis of at least 80 words that tells the"
                      " end" },
    { "genres", 20, "name one to three genres" },
    { "budget", 25, "name a budget, or a range" },
    { "release", 15, "name the year and month of the release" },
    { "target_audience", 15, "say who it is for" },
    { "themes", 10, "name its themes" },
    { NULL, 0, NULL }
};


pt_err_t
analysis_score(analysis_engine_t *e, const analysis_pitch_t *pitch,
    analysis_score_t *ret)
{
    pt_err_t  err;
    unsigned  i;

    memset(ret, 0, sizeof(*ret));
    ret->pitch = *pitch;

    analysis_text_reset(&e->text);
    err = analysis_text_add(&e->text, pitch->logline);

    if (err == PT_OK) {
        err = analysis_text_add(&e->text, pitch->synopsis);
    }

    if (err == PT_OK) {
        err = analysis_text_add_title(&e->text, pitch->title);
    }

    if (err == PT_OK) {
        err = analysis_genres(e, &ret->genres);
    }

    if (err != PT_OK) {
        return err;
    }

    ret->text_refusal = analysis_text_refusal(e, &ret->genres);
    ret->money_refusal = analysis_pitch_refusal(e->model, pitch);

    analysis_pitch_deal(e->model, pitch,
                        ret->text_refusal ? NULL : &ret->genres, &ret->deal,
                        &ret->unknown);

    if (ret->money_refusal == NULL) {
        score_forecast(e, ret);
    }

    score_comps(e, ret);
    score_market(e, ret);
    score_risk(ret);
    score_clarity(e, ret);
    score_completeness(e, ret);
    score_comparables(ret);

    for (i = 0; i < ANALYSIS_SCORE_PARTS; i++) {
        ret->points += ret->parts[i].points;
        ret->max += ret->parts[i].refusal ? 0 : ret->parts[i].max;
    }

    return PT_OK;
}


static void
score_forecast(const analysis_engine_t *e, analysis_score_t *s)
{
    double                hit;
    unsigned              i;
    analysis_forecast_t  *f = &s->forecast;

    analysis_forecast(e->model, &s->deal, s->unknown, NULL, f);

    /* the hit has a model of its own, and the chances beside it its order */
    hit = f->p_hit;
    s->earns = analysis_forecast_reach(e->model, f, 1);
    s->earns = s->earns < hit ? hit : s->earns;
    s->five = analysis_forecast_reach(e->model, f, 5);
    s->five = s->five > hit ? hit : s->five;

    for (i = 0; i < 20; i++) {
        s->shortfall += analysis_pow10(analysis_forecast_roi(e->model, f,
                                           WORST * (i + 0.5) / 20)) / 20;
    }
}


static void
score_comps(analysis_engine_t *e, analysis_score_t *s)
{
    double                  roi[ANALYSIS_COMPS_SHOWN];
    unsigned                i;
    analysis_comps_query_t  q = {
        .genres = s->pitch.genres,
        .budget = s->money_refusal ? 0 : s->deal.budget,
        .year = s->pitch.year > ANALYSIS_YEAR_LAST ? ANALYSIS_YEAR_LAST
                                                   : s->pitch.year,
        .money = true,
        .max = ANALYSIS_COMPS_SHOWN
    };

    if (s->text_refusal && s->pitch.genres == 0) {
        return;
    }

    s->ncomps = analysis_comps(e, &s->genres, &q, s->comps);

    for (i = 0; i < s->ncomps; i++) {
        const analysis_film_t  *f = &e->model->films.films[s->comps[i].film];

        roi[i] = (double) f->gross - (double) f->budget;
        s->comp_hits += roi[i] >= ANALYSIS_HIT;
    }

    analysis_sort(roi, s->ncomps);

    for (i = 0; i < 3; i++) {
        s->comp_roi[i] = analysis_quantile(roi, s->ncomps, 0.25 * (i + 1));
    }

    s->comp_spread = s->comp_roi[2] - s->comp_roi[0];
}


/* ---- parts ---- */

static void
score_market(const analysis_engine_t *e, analysis_score_t *s)
{
    double                  roi;
    analysis_score_part_t  *part = &s->parts[ANALYSIS_MARKET];

    part->name = "market";
    part->max = 300;
    part->refusal = s->money_refusal;

    if (part->refusal) {
        return;
    }

    roi = analysis_forecast_roi(e->model, &s->forecast, 0.5);

    score_evidence(part, "hit_probability", 180,
                   score_share(s->forecast.p_hit, 0.1, 0.8),
                   s->forecast.p_hit);
    score_evidence(part, "median_multiple", 120, score_share(roi, -0.3, 0.7),
                   analysis_pow10(roi));
}


static void
score_risk(analysis_score_t *s)
{
    analysis_score_part_t  *part = &s->parts[ANALYSIS_RISK];

    part->name = "risk";
    part->max = 250;
    part->refusal = s->money_refusal;

    if (part->refusal) {
        return;
    }

    score_evidence(part, "earns_its_budget", 150,
                   score_share(s->earns, 0.2, 0.95), s->earns);
    score_evidence(part, "worst_fifth_multiple", 100,
                   score_share(s->shortfall, 0, 0.8), s->shortfall);
}


/* a logline: a sentence or two that names somebody, a goal, an obstacle */
static void
score_clarity(const analysis_engine_t *e, analysis_score_t *s)
{
    double                  v;
    size_t                  i;
    unsigned                words, conflict = 0, known = 0, content = 0;
    const analysis_word_t  *w;
    analysis_score_part_t  *part = &s->parts[ANALYSIS_CLARITY];

    part->name = "clarity_of_logline";
    part->max = 200;

    words = score_words(e, ANALYSIS_PART_LOGLINE);
    part->refusal = words == 0 ? "no_logline"
                    : s->text_refusal
                      && pt_str_is(pt_str(s->text_refusal),
                                   "unknown_language") ? s->text_refusal
                                                       : NULL;
    if (part->refusal) {
        return;
    }

    for (i = 0; i < words; i++) {
        w = &e->text.words[i];
        conflict += analysis_word_is_conflict(w->word);
        content += !w->stop;
        known += !w->stop && analysis_model_feature(e->model, w->hash)
                             != e->model->nfeatures;
    }

    v = words < 18 ? score_share(words, 3, 18) : score_share(words, 70, 40);
    score_evidence(part, "length_in_words", 70, v, words);
    score_evidence(part, "goal_or_obstacle_words", 60,
                   score_share(conflict, 0, 3), conflict);
    v = content ? (double) known / content : 0;
    score_evidence(part, "plain_words", 40, score_share(v, 0.4, 0.9), v);
    v = words ? (double) content / words : 0;
    score_evidence(part, "words_that_tell", 30, score_share(v, 0.3, 0.5), v);
}


static void
score_completeness(const analysis_engine_t *e, analysis_score_t *s)
{
    int                     points;
    unsigned                i, words;
    analysis_score_part_t  *part = &s->parts[ANALYSIS_COMPLETENESS];

    part->name = "completeness";
    part->max = 150;
    words = score_words(e, ANALYSIS_PART_SYNOPSIS);

    for (i = 0; score_items[i].name != NULL; i++) {
        points = analysis_item_points(&s->pitch, i, words);

        score_evidence(part, score_items[i].name, score_items[i].points,
                       (double) points / score_items[i].points, points != 0);
    }
}


static void
score_comparables(analysis_score_t *s)
{
    analysis_score_part_t  *part = &s->parts[ANALYSIS_COMPARABLES];

    part->name = "comparables";
    part->max = 100;
    part->refusal = s->ncomps == 0 ? "nothing_to_compare" : NULL;

    if (part->refusal) {
        return;
    }

    score_evidence(part, "median_multiple", 60,
                   score_share(s->comp_roi[1], -0.3, 0.7),
                   analysis_pow10(s->comp_roi[1]));
    score_evidence(part, "spread_in_decades", 40,
                   score_share(s->comp_spread, 1.2, 0.3), s->comp_spread);
}


static void
score_evidence(analysis_score_part_t *part, const char *name, int max,
    double share, double value)
{
    int  points = (int) analysis_round(share * max);

    part->evidence[part->n++] = (analysis_evidence_t) {
        name, points, max, value
    };

    part->points += points;
}


/* 0 at none, 1 at all, straight between; none may be the larger */
static double
score_share(double v, double none, double all)
{
    double  share = (v - none) / (all - none);

    return !(share > 0) ? 0 : share > 1 ? 1 : share;
}


static unsigned
score_words(const analysis_engine_t *e, unsigned part)
{
    size_t    i;
    unsigned  n = 0;

    for (i = 0; i < e->text.n; i++) {
        n += e->text.words[i].part == part;
    }

    return n;
}


const analysis_item_t *
analysis_items(void)
{
    return score_items;
}


int
analysis_item_points(const analysis_pitch_t *p, unsigned item,
    unsigned words)
{
    int  max = score_items[item].points;

    switch (item) {

    case 0:
        return p->logline.len ? max : 0;

    case 1:
        return (int) (words >= SYNOPSIS_WORDS
                      ? (unsigned) max
                      : words * (unsigned) max / SYNOPSIS_WORDS);

    case 2:
        return p->genres ? max : 0;

    case 3:
        return p->budget_usd > 0 ? max : 0;

    case 4:
        return p->year && p->month ? max : p->year || p->month ? max / 2 : 0;

    case 5:
        return p->audience.len ? max : 0;

    default:
        return p->themes ? max : 0;
    }
}


/* ---- words ---- */

static int
score_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


bool
analysis_word_is_conflict(const char *word)
{
    /* ascending */
    static const char *const  words[] = {
        "against", "attempt", "attempts", "battle", "battles", "before",
        "betrayal", "but", "chase", "clash", "confront", "confronts",
        "danger", "deadly", "defeat", "desperate", "destroy", "discover",
        "discovers", "escape", "escapes", "face", "faces", "fight",
        "fighting", "fights", "find", "finds", "forced", "fugitive",
        "haunted", "hunt", "hunted", "hunts", "kill", "learn", "learns",
        "lose", "loses", "lost", "must", "mystery", "prove", "race",
        "rescue", "revenge", "risk", "rival", "rivals", "save", "saves",
        "secret", "secrets", "stop", "struggle", "struggles", "survival",
        "survive", "threat", "threatens", "tries", "trapped", "uncover",
        "uncovers", "unless", "until", "war", "when"
    };

    return bsearch(&word, words, sizeof(words) / sizeof(char *),
                   sizeof(char *), score_compare) != NULL;
}


unsigned
analysis_genre_terms(const analysis_engine_t *e, unsigned label,
    double *share, analysis_term_t *ret, unsigned max)
{
    size_t                  i, k, words;
    unsigned                at, n = 0;
    const analysis_text_t  *t = &e->text;

    analysis_genre_words(e, label, share);
    words = t->n + t->ntitle;
    words = words < EXPLAINED_MAX ? words : EXPLAINED_MAX;

    for (i = 0; i < words; i++) {

        if (t->words[i].stop || !(share[i] > 0 || share[i] < 0)) {
            continue;
        }

        /* further on, the same word counts with this one */
        for (k = i + 1; k < words; k++) {
            if (t->words[k].hash == t->words[i].hash && !t->words[k].stop) {
                share[i] += share[k];
                share[k] = 0;
            }
        }

        if (!(share[i] > 0)) {
            continue;
        }

        for (at = n; at > 0 && ret[at - 1].share < share[i]; at--) {
            if (at < max) {
                ret[at] = ret[at - 1];
            }
        }

        if (at < max) {
            ret[at] = (analysis_term_t) { (uint32_t) i, share[i] };
            n += n < max;
        }
    }

    return n;
}
