/* A pitch, as parameters and platform rows give it. */

#include "analysis_math.h"
#include "analysis_pitch.h"


/* where none is said: the last year whose cinema the model knows */
#define YEAR_DEFAULT  ANALYSIS_YEAR_LAST

/* with fewer likely genres of the text, none is taken for said */
#define GENRES_TAKEN  2


static const pt_json_t *pitch_member(const pt_json_t *params,
    const pt_json_t *row, const char *key);
static pt_str_t pitch_text(const pt_json_t *params, const pt_json_t *row,
    const char *key);
static uint32_t pitch_genres(const pt_json_t *value, bool *ret_unknown);


void
analysis_pitch_read(const pt_json_t *params, const pt_json_t *row,
    analysis_pitch_t *ret)
{
    pt_str_t          s;
    const pt_json_t  *v;

    memset(ret, 0, sizeof(*ret));

    ret->title = pitch_text(params, row, "title");
    ret->logline = pitch_text(params, row, "logline");
    ret->synopsis = pitch_text(params, row, "synopsis");
    ret->audience = pitch_text(params, row, "target_audience");
    ret->format = pitch_text(params, row, "format");

    v = pitch_member(params, row, "themes");
    ret->themes = v && v->type == PT_JSON_ARRAY ? v->n : 0;

    ret->genres = pitch_genres(pt_json_member(params, "genres"),
                               &ret->genre_unknown);

    if (ret->genres == 0) {
        ret->genres = pitch_genres(pt_json_member(params, "genre"),
                                   &ret->genre_unknown);
    }

    if (ret->genres == 0) {
        ret->genres = pitch_genres(pt_json_member(row, "genres"),
                                   &ret->genre_unknown)
                      | pitch_genres(pt_json_member(row, "genre"),
                                     &ret->genre_unknown);
    }

    v = pt_json_member(params, "budget_usd");
    s = pt_json_string(params, "budget_range", PT_STR(""));

    if (v == NULL && s.len == 0) {
        v = pt_json_member(row, "budget_usd");
        s = pt_json_string(row, "budget_range", PT_STR(""));
    }

    if (v != NULL && v->type == PT_JSON_NUMBER && v->number > 0) {
        ret->budget_usd = v->number;

    } else if (s.len != 0) {
        ret->budget_usd = analysis_budget_range(s);
        ret->budget_range = ret->budget_usd > 0;
    }

    v = pitch_member(params, row, "release_year");

    if (v != NULL && v->integer && v->i64 >= 1900 && v->i64 <= 2100) {
        ret->year = (unsigned) v->i64;
    }

    v = pitch_member(params, row, "release_month");

    if (v != NULL && v->integer && v->i64 >= 1 && v->i64 <= 12) {
        ret->month = (unsigned) v->i64;
    }

    v = pitch_member(params, row, "sequel");
    ret->sequel = v != NULL && v->type == PT_JSON_BOOL && v->boolean;

    s = pitch_text(params, row, "based_on");
    ret->based_said = s.len != 0;
    ret->based_on = analysis_base_find(s);
}


static const pt_json_t *
pitch_member(const pt_json_t *params, const pt_json_t *row, const char *key)
{
    const pt_json_t  *v = pt_json_member(params, key);

    return v != NULL && v->type != PT_JSON_NULL ? v
                                                : pt_json_member(row, key);
}


static pt_str_t
pitch_text(const pt_json_t *params, const pt_json_t *row, const char *key)
{
    const pt_json_t  *v = pitch_member(params, row, key);

    return v != NULL && v->type == PT_JSON_STRING ? v->text : PT_STR("");
}


/* a name, or an array of them; ret_unknown is set by a name that is none */
static uint32_t
pitch_genres(const pt_json_t *value, bool *ret_unknown)
{
    int       genre;
    uint32_t  genres = 0;

    if (value == NULL) {
        return 0;
    }

    if (value->type == PT_JSON_ARRAY) {
        for (value = value->first; value != NULL; value = value->next) {
            genres |= value->type == PT_JSON_STRING
                      ? pitch_genres(value, ret_unknown) : 0;
        }

        return genres;
    }

    if (value->type != PT_JSON_STRING || value->text.len == 0) {
        return 0;
    }

    genre = analysis_genre_find(value->text);
    *ret_unknown |= genre < 0;

    return genre < 0 ? 0 : 1u << genre;
}


double
analysis_budget_range(pt_str_t range)
{
    size_t  i;

    static const struct {
        const char  *range;
        double       middle;
    } ranges[] = {
        { "0-100k", 5e4 }, { "100k-500k", 2.2e5 }, { "500k-1m", 7e5 },
        { "1m-5m", 2.2e6 }, { "5m-10m", 7e6 }, { "10m-25m", 1.6e7 },
        { "25m-50m", 3.5e7 }, { "50m+", 1e8 }
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (pt_str_is(range, ranges[i].range)) {
            return ranges[i].middle;
        }
    }

    return 0;
}


unsigned
analysis_pitch_year(const analysis_pitch_t *pitch)
{
    return pitch->year ? pitch->year : YEAR_DEFAULT;
}


const char *
analysis_pitch_refusal(const analysis_model_t *model,
    const analysis_pitch_t *pitch)
{
    double  budget;

    if (pt_str_is(pitch->format, "short")
        || pt_str_is(pitch->format, "series"))
    {
        return "format_not_in_data";
    }

    if (!(pitch->budget_usd > 0)) {
        return "no_budget";
    }

    budget = pitch->budget_usd
             * analysis_model_prices(model, analysis_pitch_year(pitch));

    return budget >= ANALYSIS_BUDGET_MIN && budget <= ANALYSIS_BUDGET_MAX
           ? NULL : "budget_outside_data";
}


void
analysis_pitch_deal(const analysis_model_t *model,
    const analysis_pitch_t *pitch, const analysis_genres_t *text,
    analysis_deal_t *ret, unsigned *ret_unknown)
{
    unsigned  i;

    *ret_unknown = (pitch->genres == 0) + (pitch->month == 0)
                   + (pitch->year == 0) + pitch->budget_range
                   + !pitch->based_said;

    *ret = (analysis_deal_t) {
        .title = pitch->title,
        .year = analysis_pitch_year(pitch),
        .month = pitch->month,
        .genres = pitch->genres,
        .sequel = pitch->sequel,
        .based_on = pitch->based_on
    };

    if (analysis_pitch_refusal(model, pitch) == NULL) {
        ret->budget = analysis_log10(pitch->budget_usd
                                     * analysis_model_prices(model,
                                                             ret->year));
    }

    for (i = 0; pitch->genres == 0 && text != NULL && i < GENRES_TAKEN;
         i++)
    {
        if (i == 0 || text->labels >> text->order[i] & 1) {
            ret->genres |= 1u << analysis_label_genre(text->order[i]);
        }
    }

    if (ret->genres == 0) {
        ret->genres = 1u << analysis_genre_find(PT_STR("Drama"));
    }
}
