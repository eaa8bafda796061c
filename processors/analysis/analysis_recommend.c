/* recommend-content: edits, similar pitches, positioning. */

#include <stdlib.h>

#include "analysis_action.h"
#include "analysis_math.h"
#include "analysis_write.h"


#define SIMILAR_MAX    500       /* pitches of the platform to look at */
#define SIMILAR_SHOWN  5
#define NEAREST_SHOWN  5
#define LONG_SYNOPSIS  600


typedef struct {
    const pt_json_t  *pitch;
    double            likeness;
} recommend_similar_t;


static void recommend_edits(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, double *scratch);
static void recommend_edit(pt_jsonw_t *w, const char *field,
    const char *edit, const char *why);
static void recommend_conflict(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, double *scratch);
static void recommend_positioning(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s);
static pt_err_t recommend_similar(pt_jsonw_t *w, const analysis_engine_t *e,
    const pt_json_t *platform);
static pt_err_t recommend_nearest(const analysis_engine_t *e,
    const pt_json_t *pitches, recommend_similar_t *best, unsigned *ret_n);
static double recommend_likeness(const uint32_t *stems, size_t n,
    const analysis_text_t *other);
static int recommend_compare(const void *a, const void *b);


pt_err_t
analysis_recommend_json(analysis_engine_t *e, const pt_json_t *params,
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
    recommend_edits(&w, e, &score, scratch);
    analysis_write_genres(&w, e, &score, scratch);
    recommend_positioning(&w, e, &score);
    analysis_write_comps(&w, e, &score);
    err = recommend_similar(&w, e, platform);
    analysis_write_warnings(&w, &score);
    analysis_write_abstained(&w, &score);
    analysis_write_model(&w, e->model);
    pt_jsonw_end(&w);

    free(scratch);

    return err != PT_OK ? err : out->err;
}


static void
recommend_edits(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, double *scratch)
{
    size_t                        k;
    unsigned                      i, conflict = 0, words[2] = { 0 };
    const analysis_item_t        *items = analysis_items();
    const analysis_score_part_t  *part = &s->parts[ANALYSIS_COMPLETENESS];

    for (k = 0; k < e->text.n; k++) {
        words[e->text.words[k].part]++;
        conflict += e->text.words[k].part == ANALYSIS_PART_LOGLINE
                    && analysis_word_is_conflict(e->text.words[k].word);
    }

    pt_jsonw_key(w, "edits");
    pt_jsonw_array(w);

    for (i = 0; i < part->n; i++) {
        if (part->evidence[i].points < part->evidence[i].max) {
            recommend_edit(w, part->evidence[i].name, items[i].advice,
                           part->evidence[i].points == 0 ? "missing"
                                                         : "incomplete");
        }
    }

    if (words[0] > 40) {
        recommend_edit(w, "logline", "cut it to 40 words or fewer",
                       "too long");

    } else if (words[0] > 0 && words[0] < 18) {
        recommend_edit(w, "logline", "take 18 words or more to say who,"
                       " what and against what", "too short");
    }

    if (words[0] > 0 && conflict == 0) {
        recommend_edit(w, "logline", "name the goal and what stands in its"
                       " way", "no goal or obstacle in it");
    }

    if (words[1] > LONG_SYNOPSIS) {
        recommend_edit(w, "synopsis", "cut it to 600 words or fewer",
                       "too long");
    }

    recommend_conflict(w, e, s, scratch);
    pt_jsonw_end(w);
}


static void
recommend_edit(pt_jsonw_t *w, const char *field, const char *edit,
    const char *why)
{
    pt_jsonw_object(w);
    analysis_put_text(w, "field", field);
    analysis_put_text(w, "edit", edit);
    analysis_put_text(w, "why", why);
    pt_jsonw_end(w);
}


/* it reads as a genre that it does not claim, by these words */
static void
recommend_conflict(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s, double *scratch)
{
    unsigned         i, n, best = s->genres.order[0];
    uint32_t         declared = analysis_genres_labels(s->pitch.genres);
    analysis_term_t  terms[ANALYSIS_TERMS_SHOWN];

    if (s->text_refusal != NULL || declared == 0 || declared >> best & 1
        || !(s->genres.labels >> best & 1))
    {
        return;
    }

    n = analysis_genre_terms(e, best, scratch, terms, ANALYSIS_TERMS_SHOWN);

    pt_jsonw_object(w);
    analysis_put_text(w, "field", "genres");
    analysis_put_text(w, "edit", "declare the genre that the text reads as,"
                                 " or change the words that say so");
    analysis_put_text(w, "why", "signals conflict");
    analysis_put_text(w, "reads_as", analysis_label_name(best));
    analysis_put_key(w, "probability", s->genres.p[best]);
    pt_jsonw_key(w, "terms");
    pt_jsonw_array(w);

    for (i = 0; i < n; i++) {
        pt_jsonw_object(w);
        analysis_write_word(w, e, terms[i].word);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


static void
recommend_positioning(pt_jsonw_t *w, const analysis_engine_t *e,
    const analysis_score_t *s)
{
    unsigned                i;
    const analysis_film_t  *f;

    pt_jsonw_key(w, "positioning");
    pt_jsonw_array(w);

    for (i = 0; i < s->ncomps && i < NEAREST_SHOWN; i++) {
        f = &e->model->films.films[s->comps[i].film];

        pt_jsonw_object(w);
        analysis_put_str(w, "film", analysis_film_title(&e->model->films,
                                                        s->comps[i].film));
        analysis_put_int(w, "year", f->year);
        analysis_put_genres(w, "in_common", f->genres & s->deal.genres);
        analysis_put_genres(w, "only_this_pitch",
                            s->deal.genres & ~f->genres);
        analysis_put_genres(w, "only_that_film",
                            f->genres & ~s->deal.genres);

        if (s->money_refusal == NULL) {
            analysis_put_key(w, "budget_ratio",
                             analysis_pow10(s->deal.budget
                                            - (double) f->budget));
        }

        analysis_put_key(w, "its_multiple",
                         analysis_pow10((double) f->gross
                                        - (double) f->budget));
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);
}


/* ---- pitches of the platform ---- */

static pt_err_t
recommend_similar(pt_jsonw_t *w, const analysis_engine_t *e,
    const pt_json_t *platform)
{
    unsigned              i, n = 0;
    pt_err_t              err;
    const pt_json_t      *pitches = pt_json_member(platform, "similar");
    recommend_similar_t   best[SIMILAR_SHOWN];

    err = recommend_nearest(e, pitches, best, &n);
    if (err != PT_OK) {
        return err;
    }

    pt_jsonw_key(w, "similar_pitches");

    if (pitches == NULL) {
        pt_jsonw_null(w);
        return PT_OK;
    }

    pt_jsonw_array(w);

    for (i = 0; i < n; i++) {
        pt_jsonw_object(w);
        pt_jsonw_key(w, "pitch");
        pt_jsonw_value(w, best[i].pitch);
        analysis_put_key(w, "likeness", best[i].likeness);
        pt_jsonw_end(w);
    }

    pt_jsonw_end(w);

    return PT_OK;
}


/* the likest first; of equals the first */
static pt_err_t
recommend_nearest(const analysis_engine_t *e, const pt_json_t *pitches,
    recommend_similar_t *best, unsigned *ret_n)
{
    size_t            i, n = 0;
    double            likeness;
    pt_err_t          err = PT_OK;
    uint32_t         *stems;
    unsigned          at, seen = 0;
    const pt_json_t  *p;
    analysis_text_t   other;

    stems = malloc((e->text.n + 1) * sizeof(*stems));

    if (stems == NULL || analysis_text_init(&other) != PT_OK) {
        free(stems);
        return PT_E_NOMEM;
    }

    for (i = 0; i < e->text.n; i++) {
        if (!e->text.words[i].stop) {
            stems[n++] = e->text.words[i].hash;
        }
    }

    qsort(stems, n, sizeof(*stems), recommend_compare);
    p = pitches && pitches->type == PT_JSON_ARRAY ? pitches->first : NULL;

    for ( ; p != NULL && seen < SIMILAR_MAX && err == PT_OK;
         p = p->next, seen++)
    {
        analysis_text_reset(&other);
        err = analysis_text_add(&other, pt_json_string(p, "logline",
                                                       PT_STR("")));
        likeness = recommend_likeness(stems, n, &other);

        if (!(likeness > 0)) {
            continue;
        }

        for (at = *ret_n; at > 0 && best[at - 1].likeness < likeness; at--) {
            if (at < SIMILAR_SHOWN) {
                best[at] = best[at - 1];
            }
        }

        if (at < SIMILAR_SHOWN) {
            best[at] = (recommend_similar_t) { p, likeness };
            *ret_n += *ret_n < SIMILAR_SHOWN;
        }
    }

    analysis_text_done(&other);
    free(stems);

    return err;
}


/* the share of its words that are in the sorted stems as well */
static double
recommend_likeness(const uint32_t *stems, size_t n,
    const analysis_text_t *other)
{
    size_t    i;
    unsigned  both = 0, words = 0;

    for (i = 0; i < other->n; i++) {
        if (!other->words[i].stop) {
            words++;
            both += bsearch(&other->words[i].hash, stems, n, sizeof(*stems),
                            recommend_compare) != NULL;
        }
    }

    return words ? (double) both / words : 0;
}


static int
recommend_compare(const void *a, const void *b)
{
    uint32_t  x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}
