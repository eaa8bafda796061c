/*
 * Analysis: what adds up, what repeats, what rises, and what any text gives.
 * PITCHEY_ANALYSIS_PITCHES is how many random pitches add up.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis_action.h"
#include "analysis_assess.h"
#include "analysis_math.h"
#include "analysis_predict.h"
#include "analysis_write.h"
#include "pt_schema.h"


/* under a sanitizer each takes ten times as long */
#if defined(__SANITIZE_ADDRESS__)
#define PITCHES  500
#else
#define PITCHES  10000
#endif


#define SCHEMA_MAX  (1u << 20)


static analysis_model_t   model;
static analysis_engine_t  engine;
static pt_schema_t       *results;       /* of all actions */


static pt_json_t *call(analysis_action_fn fn, const char *params,
    const char *platform);
static unsigned undocumented(const char *action, pt_str_t result);
static pt_json_t *parse(const char *text);
static const pt_json_t *at(const pt_json_t *json, const char *path);
static void assert_adds_up(const pt_json_t *result, const char *params);
static void random_pitch(analysis_rng_t *rng, pt_buf_t *buf);
static const char *predict(analysis_predict_t what, const char *line);


static const char  usual[] =
    "{\"title\":\"The Salt Line\",\"logline\":\"A lighthouse keeper must"
    " discover why the ships she saves were lost years ago, before the sea"
    " takes her own son.\",\"synopsis\":\"On a coast where the charts no"
    " longer agree with the sea, Mara keeps a light that nobody ordered her"
    " to keep. When a drowned captain knocks at her door, she learns that"
    " the dead bargain for the living, and that the haunted lighthouse was"
    " built to hold them.\",\"genres\":[\"Mystery\",\"Horror\"],"
    "\"format\":\"feature\",\"budget_usd\":4200000,\"release_year\":2018,"
    "\"release_month\":10,\"based_on\":\"original\"%s}";


static void
test_contributions_add_up_to_the_last_digit(void **state)
{
    long             i, n;
    pt_buf_t         params;
    pt_json_t       *result;
    const char      *wanted = getenv("PITCHEY_ANALYSIS_PITCHES");
    analysis_rng_t   rng;

    (void) state;

    n = wanted ? atol(wanted) : PITCHES;

    analysis_rng_init(&rng, 7);
    pt_buf_init(&params, &pt_mem_heap, 1u << 20);

    for (i = 0; i < n; i++) {
        random_pitch(&rng, &params);
        pt_buf_add_char(&params, '\0');

        result = call(analysis_analyze_json, params.data, NULL);
        assert_adds_up(result, params.data);
        pt_json_free(result);
    }

    pt_buf_done(&params);
}


static void
test_the_same_pitch_gives_the_same_bytes(void **state)
{
    size_t       i;
    pt_buf_t     out[2];
    pt_json_t   *params, *other, *between;
    const char  *reason;
    char         text[2048];

    static const analysis_action_fn  actions[] = {
        analysis_analyze_json, analysis_market_json, analysis_assess_json,
        analysis_recommend_json
    };

    (void) state;

    (void) snprintf(text, sizeof(text), usual, ",\"amount_usd\":100000");
    params = parse(text);
    other = parse("{\"title\":\"x\",\"logline\":\"Three robots dance in"
                  " space until the war ends and nobody is left alive.\"}");

    for (i = 0; i < 4; i++) {
        pt_buf_init(&out[0], &pt_mem_heap, 1u << 20);
        pt_buf_init(&out[1], &pt_mem_heap, 1u << 20);

        assert_int_equal(actions[i](&engine, params, NULL, &out[0], &reason),
                         PT_OK);

        /* nothing of another pitch stays behind */
        between = call(analysis_analyze_json, "{\"title\":\"y\",\"logline\":"
                       "\"a drowned captain, a haunted ritual\"}", NULL);
        pt_json_free(between);

        assert_int_equal(actions[i](&engine, params, NULL, &out[1], &reason),
                         PT_OK);
        assert_int_equal(out[0].len, out[1].len);
        assert_memory_equal(out[0].data, out[1].data, out[0].len);

        pt_buf_done(&out[0]);
        pt_buf_done(&out[1]);
    }

    pt_json_free(params);
    pt_json_free(other);
}


/* whoever submits what a counterfactual names gets what it promised */
static unsigned
assert_counterfactuals_hold(const char *text)
{
    unsigned          n = 0;
    pt_buf_t          buf;
    pt_json_t        *result, *again, *base = parse(text);
    pt_jsonw_t        w;
    const pt_json_t  *c, *m, *v;

    static const char *const  figures[][2] = {
        { "p10", "forecast.worldwide_gross_usd.p10" },
        { "p50", "forecast.worldwide_gross_usd.p50" },
        { "p90", "forecast.worldwide_gross_usd.p90" },
        { "hit_probability", "forecast.hit_probability" }
    };

    result = call(analysis_analyze_json, text, NULL);

    for (c = at(result, "counterfactuals")->first; c; c = c->next, n++) {
        pt_buf_init(&buf, &pt_mem_heap, 1u << 20);
        pt_jsonw_init(&w, &buf);
        pt_jsonw_object(&w);

        for (m = base->first; m != NULL; m = m->next) {
            if (pt_json_member_str(at(c, "change"), m->key) == NULL) {
                pt_jsonw_key_str(&w, m->key);
                pt_jsonw_value(&w, m);
            }
        }

        for (m = at(c, "change")->first; m != NULL; m = m->next) {
            pt_jsonw_key_str(&w, m->key);
            pt_jsonw_value(&w, m);
        }

        pt_jsonw_end(&w);
        pt_buf_add_char(&buf, '\0');
        again = call(analysis_analyze_json, buf.data, NULL);

        for (size_t i = 0; i < 4; i++) {
            v = at(again, figures[i][1]);
            m = at(c, figures[i][0]);
            assert_int_equal(m->text.len, v->text.len);
            assert_memory_equal(m->text.data, v->text.data, v->text.len);
        }

        /* the best season is no worse than the pitch's own */
        if (pt_json_member(at(c, "change"), "release_month") != NULL
            && pt_json_member(base, "release_month") != NULL)
        {
            assert_true(at(c, "hit_probability")->number
                        >= at(result, "forecast.hit_probability")->number);
        }

        pt_json_free(again);
        pt_buf_done(&buf);
    }

    pt_json_free(result);
    pt_json_free(base);

    return n;
}


static void
test_counterfactuals_keep_their_promise(void **state)
{
    char            text[4096];
    unsigned        i, n = 0;
    pt_buf_t        params;
    analysis_rng_t  rng;

    (void) state;

    (void) snprintf(text, sizeof(text), usual, "");
    assert_true(assert_counterfactuals_hold(text) >= 4);

    /* a genre of the other kind gives way to those that are promised */
    (void) snprintf(text, sizeof(text), usual, ",\"genre\":\"War\"");
    assert_true(assert_counterfactuals_hold(text) >= 4);

    analysis_rng_init(&rng, 11);
    pt_buf_init(&params, &pt_mem_heap, 1u << 20);

    for (i = 0; i < PITCHES / 50; i++) {
        random_pitch(&rng, &params);
        pt_buf_add_char(&params, '\0');
        n += assert_counterfactuals_hold(params.data);
    }

    assert_true(n > i);
    pt_buf_done(&params);
}


static void
test_what_raises_the_score_raises_it_by_as_much(void **state)
{
    char              text[4096];
    int64_t           before, after;
    pt_json_t        *result, *again;
    const pt_json_t  *r;

    (void) state;

    (void) snprintf(text, sizeof(text), usual, "");
    result = call(analysis_analyze_json, text, NULL);
    before = at(result, "score.points")->i64;

    for (r = at(result, "raises")->first; r != NULL; r = r->next) {
        if (pt_str_is(at(r, "evidence")->text, "target_audience")) {
            break;
        }
    }

    assert_non_null(r);
    (void) snprintf(text, sizeof(text), usual,
                    ",\"target_audience\":\"adults\"");
    again = call(analysis_analyze_json, text, NULL);
    after = at(again, "score.points")->i64;
    assert_int_equal(after - before, at(r, "points")->i64);

    pt_json_free(result);
    pt_json_free(again);
}


/* the completeness of a pitch, member after member */
static void
test_naming_more_never_makes_a_pitch_less_complete(void **state)
{
    int64_t           points, last;
    unsigned          i, k, n;
    pt_buf_t          buf;
    pt_json_t        *base, *result;
    pt_jsonw_t        w;
    analysis_rng_t    rng;
    const pt_json_t  *m;

    (void) state;

    analysis_rng_init(&rng, 5);
    pt_buf_init(&buf, &pt_mem_heap, 1u << 20);

    for (i = 0; i < 40; i++) {
        random_pitch(&rng, &buf);
        pt_buf_add_char(&buf, '\0');
        base = parse(buf.data);

        for (last = 0, n = 1; n <= base->n; n++) {
            pt_buf_reset(&buf);
            pt_jsonw_init(&w, &buf);
            pt_jsonw_object(&w);

            for (m = base->first, k = 0; k < n; m = m->next, k++) {
                pt_jsonw_key_str(&w, m->key);
                pt_jsonw_value(&w, m);
            }

            pt_jsonw_end(&w);
            pt_buf_add_char(&buf, '\0');
            result = call(analysis_analyze_json, buf.data, NULL);

            for (m = at(result, "score.parts")->first;
                 !pt_str_is(at(m, "name")->text, "completeness");
                 m = m->next)
            {
                /* void */
            }

            points = at(m, "points")->i64;
            assert_true(points >= last);
            last = points;
            pt_json_free(result);
        }

        pt_json_free(base);
    }

    pt_buf_done(&buf);
}


static void
test_unknowns_widen_the_interval(void **state)
{
    char        text[4096];
    double      sure, unsure;
    pt_json_t  *result;

    (void) state;

    (void) snprintf(text, sizeof(text), usual, "");
    result = call(analysis_analyze_json, text, NULL);
    sure = at(result, "forecast.multiple.p90")->number
           / at(result, "forecast.multiple.p10")->number;
    pt_json_free(result);

    /* the same but for what the story is based on */
    *strstr(text, ",\"based_on\"") = '}';
    *(strchr(strstr(text, "\"release_month\":10"), '}') + 1) = '\0';
    result = call(analysis_analyze_json, text, NULL);
    unsure = at(result, "forecast.multiple.p90")->number
             / at(result, "forecast.multiple.p10")->number;
    assert_int_equal(at(result, "forecast.unknowns")->i64, 1);
    pt_json_free(result);

    assert_true(unsure > sure * 1.05);
}


static void
test_the_waterfall_never_gives_less_for_more(void **state)
{
    double            gross, got, last, even;
    unsigned          i;
    analysis_rng_t    rng;
    analysis_terms_t  t;

    (void) state;

    analysis_rng_init(&rng, 3);

    for (i = 0; i < 200; i++) {
        t.equity = 1e6 * (1 + analysis_rng_unit(&rng) * 50);
        t.amount = t.equity * (0.01 + analysis_rng_unit(&rng) * 0.99);
        t.cinemas = analysis_rng_unit(&rng);
        t.fee = analysis_rng_unit(&rng);
        t.marketing = 1e6 * analysis_rng_unit(&rng) * 50;
        t.debt = 1e6 * analysis_rng_unit(&rng) * 50;
        t.interest = analysis_rng_unit(&rng);
        t.premium = analysis_rng_unit(&rng);
        t.share = analysis_rng_unit(&rng) * t.amount / t.equity;
        t.years = 3;

        for (gross = 0, last = 0; gross < 1e9; gross += 1e7) {
            got = analysis_waterfall(&t, gross);
            assert_true(got >= last);
            assert_true(got <= gross);
            last = got;
        }

        even = analysis_break_even(&t);

        if (even > 0) {
            assert_true(analysis_waterfall(&t, even) >= t.amount * 0.999999);
            assert_true(analysis_waterfall(&t, even * 0.999) < t.amount);
        }
    }
}


/* a budget of 10: marketing 5, half to cinemas, a fee of 20 % */
static void
test_the_waterfall_of_a_worked_example(void **state)
{
    analysis_terms_t  t = {
        .amount = 2e6, .equity = 8e6, .cinemas = 0.5, .fee = 0.2,
        .marketing = 5e6, .debt = 2e6, .interest = 0.1, .premium = 0.2,
        .share = 0.125, .years = 2
    };

    (void) state;

    /* 60 gross: 30, 24 after the fee, 19, 16.8 after debt; 9.6 to equity,
     * 7.2 of profit, half of it: 13.2 for all, a quarter of it */
    assert_true(fabs(analysis_waterfall(&t, 60e6) - 3.3e6) < 1);
    assert_true(fabs(analysis_waterfall(&t, 18e6) - 0) < 1);
    assert_true(fabs(analysis_waterfall(&t, 28e6) - 1e6) < 1);
}


static void
test_an_assessment_is_of_its_draws(void **state)
{
    char        text[4096];
    double      loss, p10, p50, p90;
    pt_json_t  *a, *b;

    (void) state;

    (void) snprintf(text, sizeof(text), usual,
                    ",\"amount_usd\":250000,\"seed\":1");
    a = call(analysis_assess_json, text, NULL);
    (void) snprintf(text, sizeof(text), usual,
                    ",\"amount_usd\":250000,\"seed\":2");
    b = call(analysis_assess_json, text, NULL);

    loss = at(a, "returns.loss_probability")->number;
    p10 = at(a, "returns.moic.p10")->number;
    p50 = at(a, "returns.moic.p50")->number;
    p90 = at(a, "returns.moic.p90")->number;
    assert_true(loss > 0 && loss < 1);
    assert_true(p10 <= p50 && p50 <= p90);
    assert_true((p50 < 1) == (loss > 0.5));

    /* another seed: other draws of the same distribution */
    assert_true(fabs(at(b, "returns.loss_probability")->number - loss)
                < 0.03);
    assert_true(at(b, "returns.moic.mean")->number
                < at(a, "returns.moic.mean")->number
                || at(b, "returns.moic.mean")->number
                   > at(a, "returns.moic.mean")->number);
    assert_true(at(a, "risks")->n >= 3);
    assert_int_equal(at(a, "comparables_under_terms")->n, 10);

    pt_json_free(a);
    pt_json_free(b);
}


/* a share of one's own may be more than the amount's part */
static void
test_what_changes_changes_by_a_fifth(void **state)
{
    char              text[4096];
    double            from, to;
    unsigned          n = 0;
    pt_json_t        *a;
    const pt_json_t  *s;

    (void) state;

    (void) snprintf(text, sizeof(text), usual,
                    ",\"amount_usd\":250000,\"share_pct\":30");
    a = call(analysis_assess_json, text, NULL);

    for (s = at(a, "sensitivity")->first; s != NULL; s = s->next) {
        from = at(s, "from")->number;
        to = at(s, "to")->number;
        assert_true(fabs(to / from - 0.8) < 1e-5
                    || fabs(to / from - 1.2) < 1e-5);

        if (pt_str_is(at(s, "term")->text, "profit_share")) {
            assert_true(fabs(from - 0.3) < 1e-9);
            n++;
        }
    }

    assert_int_equal(n, 2);
    assert_true(fabs(at(a, "terms.profit_share")->number - 0.3) < 1e-9);
    pt_json_free(a);

    /* without it, what the amount is of all equity, of half of all profits */
    (void) snprintf(text, sizeof(text), usual, ",\"amount_usd\":1050000");
    a = call(analysis_assess_json, text, NULL);
    assert_true(fabs(at(a, "terms.profit_share")->number - 0.125) < 1e-9);
    pt_json_free(a);
}


static void
test_what_the_data_cannot_carry_is_not_answered(void **state)
{
    size_t            i;
    bool              found;
    pt_json_t        *result;
    const pt_json_t  *a;

    static const struct {
        const char  *params;
        const char  *what, *reason;
    } cases[] = {
        { "{\"title\":\"x\",\"logline\":\"A man.\",\"budget_usd\":1e6}",
          "genres", "too_little_text" },
        { "{\"title\":\"x\",\"logline\":\"\xd0\x94\xd0\xb5\xd0\xb2\xd1\x83"
          "\xd1\x88\xd0\xba\xd0\xb0 \xd0\xb8 \xd0\xbc\xd0\xbe\xd1\x80"
          "\xd0\xb5\"}", "genres", "unknown_language" },
        { "{\"title\":\"x\",\"logline\":\"Ein alter Leuchtturmw\xc3\xa4rter"
          " entdeckt dass jene Schiffe welche er rettet seit vielen Jahren"
          " verschollen sind und sein Sohn das n\xc3\xa4" "chste Opfer wird"
          "\"}", "genres", "unknown_language" },
        { "{\"title\":\"x\",\"logline\":\"a\"}", "forecast", "no_budget" },
        { "{\"title\":\"x\",\"logline\":\"a\",\"budget_usd\":0}",
          "forecast", "no_budget" },
        { "{\"title\":\"x\",\"logline\":\"a\",\"budget_usd\":-5}",
          "forecast", "no_budget" },
        { "{\"title\":\"x\",\"logline\":\"a\",\"budget_usd\":\"NaN\"}",
          "forecast", "no_budget" },
        { "{\"title\":\"x\",\"logline\":\"a\",\"budget_usd\":1e308}",
          "forecast", "budget_outside_data" },
        { "{\"title\":\"x\",\"logline\":\"a\",\"budget_usd\":500}",
          "forecast", "budget_outside_data" },
        { "{\"title\":\"x\",\"logline\":\"a\",\"budget_usd\":1e6,"
          "\"format\":\"series\"}", "forecast", "format_not_in_data" },
        { "{\"title\":\"x\",\"synopsis\":\"a\"}", "clarity_of_logline",
          "no_logline" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result = call(analysis_analyze_json, cases[i].params, NULL);
        found = false;

        for (a = at(result, "abstained")->first; a != NULL; a = a->next) {
            found |= pt_str_is(at(a, "what")->text, cases[i].what)
                     && pt_str_is(at(a, "reason")->text, cases[i].reason);
        }

        if (!found) {
            fail_msg("%s: no \"%s\"", cases[i].params, cases[i].reason);
        }

        assert_adds_up(result, cases[i].params);
        pt_json_free(result);
    }
}


static void
test_hostile_texts_get_an_answer(void **state)
{
    size_t       i, k;
    pt_buf_t     buf;
    pt_json_t   *result;
    pt_jsonw_t   w;

    static const char *const  bits[] = {
        "haunted house ", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80",
        "\x01\x02\x7f\x1b[31m", "e\xcc\x81\xcc\x81\xcc\x81",
        "\xe2\x80\xae" "desrever", "\xef\xb7\xba", "\xf0\x9d\x95\x8b",
        "a\xc2\xad" "b", "x", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d the war ",
        "\xef\xbf\xbd", "supercalifragilisticexpialidocious"
    };

    (void) state;

    for (i = 0; i < sizeof(bits) / sizeof(char *); i++) {
        pt_buf_t  synopsis;

        pt_buf_init(&synopsis, &pt_mem_heap, 2u << 20);
        pt_buf_init(&buf, &pt_mem_heap, 16u << 20);

        for (k = 0; synopsis.len < (1u << 20) - 64; k++) {
            pt_buf_add_text(&synopsis, bits[i]);
        }

        pt_jsonw_init(&w, &buf);
        pt_jsonw_object(&w);
        analysis_put_text(&w, "title", bits[i]);
        analysis_put_text(&w, "logline", bits[i]);
        analysis_put_str(&w, "synopsis", pt_buf_str(&synopsis));
        analysis_put_key(&w, "budget_usd", 2e6);
        pt_jsonw_end(&w);
        pt_buf_add_char(&buf, '\0');

        result = call(analysis_analyze_json, buf.data, NULL);
        assert_adds_up(result, bits[i]);
        pt_json_free(result);

        result = call(analysis_recommend_json, buf.data, NULL);
        assert_true(at(result, "edits")->n > 0);
        pt_json_free(result);

        pt_buf_done(&synopsis);
        pt_buf_done(&buf);
    }
}


static void
test_words_say_where_they_stand(void **state)
{
    size_t            i;
    analysis_text_t   t;

    static const struct {
        const char  *word;
        uint32_t     offset, length;
    } words[] = {
        { "cafe", 2, 4 }, { "haunted", 8, 7 }, { "ffi", 16, 1 },
        { "strasse", 18, 6 }
    };

    (void) state;

    assert_int_equal(analysis_text_init(&t), PT_OK);
    assert_int_equal(analysis_text_add(&t, PT_STR("A caf\xc3\xa9, haunted "
                     "\xef\xac\x83 Stra\xc3\x9f" "e")), PT_OK);
    assert_int_equal(t.n, 4);

    for (i = 0; i < 4; i++) {
        assert_string_equal(t.words[i].word, words[i].word);
        assert_int_equal(t.words[i].offset, words[i].offset);
        assert_int_equal(t.words[i].length, words[i].length);
    }

    /* a word that nothing follows is its own text's */
    assert_int_equal(t.words[3].part, 0);
    assert_int_equal(analysis_text_add(&t, PT_STR("again")), PT_OK);
    assert_int_equal(t.words[4].part, 1);
    assert_int_equal(t.words[4].offset, 0);

    analysis_text_reset(&t);
    assert_int_equal(analysis_text_add(&t, PT_STR("the about yourselves")),
                     PT_OK);

    for (i = 0; i < 3; i++) {
        assert_true(t.words[i].stop);
    }

    analysis_text_done(&t);
}


static void
test_exp_and_log_agree_with_libm(void **state)
{
    int     i;
    double  x;

    (void) state;

    for (i = 0; i < 20000; i++) {
        x = (i - 10000) * 0.0697;
        assert_true(fabs(analysis_exp(x) - exp(x)) <= 4e-15 * exp(x));
        x = exp(x / 3);
        assert_true(fabs(analysis_log(x) - log(x))
                    <= 4e-15 * (1 + fabs(log(x))));
    }

    assert_true(analysis_exp(-1000) <= 0);
    assert_true(analysis_exp((double) NAN) <= 0);
    assert_true(analysis_exp(1e308) < HUGE_VAL);
}


static void
test_numbers_have_six_digits(void **state)
{
    char    text[ANALYSIS_NUMBER_MAX + 1];
    size_t  i;

    static const struct {
        double       v;
        const char  *text;
    } cases[] = {
        { 0, "0" }, { -0.0, "0" }, { 1, "1" }, { -1.5, "-1.5" },
        { 0.1, "0.1" }, { 1234567, "1234570" }, { 999999.5, "1000000" },
        { 0.000123456789, "0.000123457" }, { 4200000, "4200000" },
        { 1e15, "1e15" }, { 1e-7, "1e-7" }, { 123456.4, "123456" },
        { 1.0 / 3, "0.333333" }, { 12.5, "12.5" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text[analysis_number(cases[i].v, text)] = '\0';
        assert_string_equal(text, cases[i].text);
    }

    text[analysis_number((double) NAN, text)] = '\0';
    assert_string_equal(text, "null");
    text[analysis_number(HUGE_VAL, text)] = '\0';
    assert_string_equal(text, "null");
}


static void
test_predictions_are_lines_as_documented(void **state)
{
    double      sum = 0;
    pt_json_t  *json;

    (void) state;

    json = parse(predict(ANALYSIS_PREDICT_GENRE, "{\"id\":7,\"title\":\"t\","
        "\"text\":\"A sheriff and a gang of outlaws meet at a ranch in the"
        " old west for a last shootout.\"}"));
    assert_int_equal(at(json, "id")->i64, 7);
    assert_int_equal(at(json, "scores")->n, ANALYSIS_LABELS);
    assert_true(pt_str_is(at(json, "labels")->first->text, "Western"));
    pt_json_free(json);

    json = parse(predict(ANALYSIS_PREDICT_FINANCE, "{\"id\":\"a\",\"title\":"
        "\"t\",\"budget_usd\":2e7,\"release_date\":\"2016-06-01\","
        "\"genres\":[\"Comedy\"],\"sequel\":0,\"based_on\":\"\"}"));
    assert_true(at(json, "q10")->number < at(json, "q50")->number);
    assert_true(at(json, "q50")->number < at(json, "q90")->number);
    sum = at(json, "p_hit")->number;
    assert_true(sum > 0.05 && sum < 0.95);
    pt_json_free(json);

    json = parse(predict(ANALYSIS_PREDICT_COMPS, "{\"id\":\"c\",\"text\":"
        "\"A shark hunts swimmers.\",\"genres\":[\"Horror\"],\"year\":1990,"
        "\"budget_usd\":2e7}"));
    assert_int_equal(at(json, "comps")->n, 10);
    pt_json_free(json);

    json = parse(predict(ANALYSIS_PREDICT_FINANCE, "{\"id\":1,"
        "\"budget_usd\":\"NaN\",\"release_date\":\"2016\"}"));
    assert_non_null(pt_json_member(json, "error"));
    pt_json_free(json);

    json = parse(predict(ANALYSIS_PREDICT_GENRE, "nonsense"));
    assert_non_null(pt_json_member(json, "error"));
    pt_json_free(json);
}


static void
test_market_figures_hold_together(void **state)
{
    int64_t           films, sum = 0;
    pt_json_t        *r;
    const pt_json_t  *v;

    (void) state;

    r = call(analysis_market_json, "{\"genre\":\"Horror\",\"years\":"
             "{\"from\":2000,\"to\":2019}}", "{\"by_genre\":[]}");
    films = at(r, "total.films")->i64;
    assert_true(films > 200);

    for (v = at(r, "by_year")->first; v != NULL; v = v->next) {
        sum += at(v, "figures.films")->i64;
    }

    assert_int_equal(sum, films);
    sum = 0;

    for (v = at(r, "by_budget")->first; v != NULL; v = v->next) {
        sum += at(v, "figures.films")->i64;
    }

    assert_int_equal(sum, films);
    assert_true(at(r, "total.hit_rate.low")->number
                < at(r, "total.hit_rate.rate")->number);
    assert_true(at(r, "total.hit_rate.high")->number
                > at(r, "total.hit_rate.rate")->number);
    assert_int_equal(at(r, "platform")->type, PT_JSON_OBJECT);
    pt_json_free(r);
}


/* the answer for all genres is not that for one which there is not */
static void
test_a_genre_that_is_none_is_warned_of(void **state)
{
    size_t      i;
    pt_json_t  *r;

    static const struct {
        const char          *params;
        analysis_action_fn   fn;
        bool                 warned;
    } cases[] = {
        { "{\"genre\":\"Opera\"}", analysis_market_json, true },
        { "{\"genre\":\"Sci-Fi\"}", analysis_market_json, false },
        { "{}", analysis_market_json, false },
        { "{\"title\":\"x\",\"genre\":\"Opera\"}", analysis_analyze_json,
          true },
        { "{\"title\":\"x\",\"genre\":\"opera\",\"genres\":[\"War\"]}",
          analysis_analyze_json, false },
        { "{\"title\":\"x\",\"genre\":\"\"}", analysis_recommend_json,
          false }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = call(cases[i].fn, cases[i].params, NULL);
        assert_int_equal(at(r, "warnings")->n, cases[i].warned);

        if (cases[i].warned) {
            assert_true(pt_str_is(at(at(r, "warnings")->first, "code")->text,
                                  "unknown_genre"));
        }

        pt_json_free(r);
    }
}


static void
test_a_market_has_the_limits_that_are_asked(void **state)
{
    size_t      i;
    pt_json_t  *r;

    static const struct {
        const char  *params;
        bool         films;
    } cases[] = {
        { "{\"budget_usd\":{\"to\":0}}", false },
        { "{\"budget_usd\":{\"from\":0}}", true },
        { "{\"budget_usd\":{\"from\":2,\"to\":1}}", false },
        { "{\"budget_usd\":{\"from\":1e12}}", false },
        { "{\"budget_usd\":{\"to\":1e12}}", true },
        { "{\"budget_usd\":{\"from\":1e308,\"to\":1e308}}", false },
        { "{\"years\":{\"from\":2010,\"to\":2009}}", true }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = call(analysis_market_json, cases[i].params, NULL);

        if ((at(r, "total.films")->i64 != 0) != cases[i].films) {
            fail_msg("%s", cases[i].params);
        }

        pt_json_free(r);
    }
}


static void
test_rows_of_the_platform_stand_in(void **state)
{
    pt_json_t    *r;
    const char   *reason = "";
    pt_buf_t      out;
    pt_json_t    *params;

    static const char  rows[] =
        "{\"pitch\":{\"title\":\"Row\",\"logline\":\"A captain must find a"
        " lost ship before the war reaches the island.\",\"genre\":"
        "\"Adventure\",\"budget_usd\":3000000},\"similar\":[{\"id\":4,"
        "\"title\":\"Near\",\"logline\":\"A captain and a ship\"},{\"id\":5,"
        "\"title\":\"Far\",\"logline\":\"Two cooks run one stall\"}]}";

    (void) state;

    r = call(analysis_recommend_json, "{\"pitch_id\":1}", rows);
    assert_true(pt_str_is(at(r, "pitch.title")->text, "Row"));
    assert_int_equal(at(r, "similar_pitches")->n, 1);
    assert_int_equal(at(at(r, "similar_pitches")->first, "pitch.id")->i64, 4);
    pt_json_free(r);

    /* what the request names wins */
    r = call(analysis_analyze_json, "{\"pitch_id\":1,\"title\":\"Mine\"}",
             rows);
    assert_true(pt_str_is(at(r, "pitch.title")->text, "Mine"));
    pt_json_free(r);

    params = parse("{\"pitch_id\":1}");
    pt_buf_init(&out, &pt_mem_heap, 1u << 20);
    assert_int_equal(analysis_analyze_json(&engine, params, NULL, &out,
                                           &reason), PT_E_PARAMETERS);
    assert_string_equal(reason, "no such pitch");
    pt_buf_done(&out);
    pt_json_free(params);
}


/* any byte of a model may be another: it is refused, or it is a model */
static void
test_a_broken_model_is_refused_or_harmless(void **state)
{
    size_t             i, head = 24 + 24 * ANALYSIS_SECTIONS;
    uint8_t           *copy;
    unsigned           refused = 0;
    analysis_model_t   other;

    (void) state;

    copy = aligned_alloc(8, (model.size + 7) / 8 * 8);
    memcpy(copy, model.base, model.size);

    for (i = 0; i < head; i += 3) {
        copy[i] ^= 0xff;

        if (analysis_model_open(copy, model.size, &other) == PT_OK) {
            analysis_model_close(&other);

        } else {
            refused++;
        }

        copy[i] ^= 0xff;
    }

    assert_true(refused > head / 3 / 2);
    assert_int_equal(analysis_model_open(copy, model.size - 1, &other),
                     PT_E_INVALID);
    assert_int_equal(analysis_model_open(copy, 0, &other), PT_E_INVALID);
    free(copy);
}


/* ---- helpers ---- */

static const char *
action_name(analysis_action_fn fn)
{
    return fn == analysis_analyze_json ? "analyze-pitch"
           : fn == analysis_market_json ? "market-research"
           : fn == analysis_assess_json ? "assess-investment"
                                        : "recommend-content";
}


static void
on_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    (void) ctx;

    print_error("%.*s: %.*s\n", PT_STR_ARG(pointer), PT_STR_ARG(detail));
}


/* 1 where a result is not as results.schema.json says */
static unsigned
undocumented(const char *action, pt_str_t result)
{
    pt_buf_t    buf;
    pt_err_t    err;
    pt_json_t  *json;
    pt_jsonw_t  w;

    const pt_schema_visitor_t  visitor = { .violation = on_violation };

    pt_buf_init(&buf, &pt_mem_heap, 2 * ANALYSIS_RESULT_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, action);
    pt_jsonw_raw(&w, result);
    pt_jsonw_end(&w);

    assert_int_equal(pt_json_parse(pt_buf_str(&buf), &pt_mem_heap, &json,
                                   NULL), PT_OK);
    err = pt_schema_validate(results, json, 20, &visitor);
    pt_json_free(json);
    pt_buf_done(&buf);

    return err != PT_OK;
}


/* call() validates what all tests get; this one that it can fail */
static void
test_what_is_not_documented_is_found(void **state)
{
    char    text[4096];
    size_t  i;

    static const char *const  wrong[][2] = {
        { "analyze-pitch", "{}" },
        { "market-research", "null" },
        { "assess-investment", "{\"pitch\":{}}" },
        { "recommend-content", "{\"edits\":[{}]}" },
        { "another", "{}" }
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(undocumented(wrong[i][0], pt_str(wrong[i][1])), 1);
    }

    /* the least and the most that may be asked */
    pt_json_free(call(analysis_analyze_json, "{\"title\":\"x\"}", NULL));
    pt_json_free(call(analysis_assess_json, "{\"title\":\"x\","
                      "\"amount_usd\":1}", NULL));
    pt_json_free(call(analysis_recommend_json, "{\"title\":\"x\"}", NULL));
    pt_json_free(call(analysis_market_json, "{}", NULL));
    pt_json_free(call(analysis_market_json, "{\"genres\":[\"Western\","
                      "\"Noir\"],\"budget_usd\":{\"from\":1,\"to\":2},"
                      "\"years\":{\"from\":1915,\"to\":2022}}",
                      "{\"by_genre\":[]}"));
    (void) snprintf(text, sizeof(text), usual, ",\"amount_usd\":250000,"
                    "\"share_pct\":30,\"terms\":{\"senior_debt_usd\":1e6,"
                    "\"senior_interest_pct\":10,\"years\":4}");
    pt_json_free(call(analysis_assess_json, text, NULL));
    pt_json_free(call(analysis_recommend_json, text,
                      "{\"similar\":[{\"id\":1,\"logline\":\"A drowned"
                      " captain.\"}]}"));
}


static pt_json_t *
call(analysis_action_fn fn, const char *params, const char *platform)
{
    pt_buf_t     out;
    pt_json_t   *p, *rows = NULL, *result;
    const char  *reason = "";

    static unsigned  calls;

    p = parse(params);
    rows = platform ? parse(platform) : NULL;

    pt_buf_init(&out, &pt_mem_heap, ANALYSIS_RESULT_MAX);
    assert_int_equal(fn(&engine, p, rows, &out, &reason), PT_OK);

    /* of ten thousand random ones some are enough */
    if (++calls < 500 || calls % 10 == 0) {
        assert_int_equal(undocumented(action_name(fn), pt_buf_str(&out)), 0);
    }

    assert_int_equal(pt_json_parse(pt_buf_str(&out), &pt_mem_heap, &result,
                                   NULL), PT_OK);

    pt_buf_done(&out);
    pt_json_free(p);
    pt_json_free(rows);

    return result;
}


static pt_json_t *
parse(const char *text)
{
    pt_json_t        *json;
    pt_json_error_t   error;

    if (pt_json_parse(pt_str(text), &pt_mem_heap, &json, &error) != PT_OK) {
        fail_msg("%s: %.200s", error.message, text);
    }

    return json;
}


/* "a.b.c" */
static const pt_json_t *
at(const pt_json_t *json, const char *path)
{
    size_t       len;
    const char  *p = path;

    for ( ; *p != '\0' && json != NULL; p += len + (p[len] == '.')) {
        len = strcspn(p, ".");
        json = pt_json_member_str(json, (pt_str_t) { p, len });
    }

    if (json == NULL) {
        fail_msg("no \"%s\"", path);
    }

    return json;
}


static int64_t
sum_of(const pt_json_t *parts)
{
    int64_t  sum = 0;

    for (parts = parts->first; parts != NULL; parts = parts->next) {
        assert_true(parts->integer);
        sum += parts->i64;
    }

    return sum;
}


static void
assert_adds_up(const pt_json_t *result, const char *params)
{
    double            p10, p50, p90;
    int64_t           points = 0, of = 0, evidence;
    const pt_json_t  *part, *e, *f;

    for (part = at(result, "score.parts")->first; part; part = part->next) {
        evidence = 0;

        for (e = at(part, "evidence")->first; e != NULL; e = e->next) {
            evidence += at(e, "points")->i64;
            assert_true(at(e, "points")->i64 >= 0
                        && at(e, "points")->i64 <= at(e, "of")->i64);
        }

        if (evidence != at(part, "points")->i64) {
            fail_msg("a part is not its evidence: %.300s", params);
        }

        points += evidence;
        of += at(part, "of")->i64;
    }

    if (points != at(result, "score.points")->i64
        || of != at(result, "score.of")->i64)
    {
        fail_msg("the score is not its parts: %.300s", params);
    }

    f = pt_json_member(result, "forecast");

    if (f == NULL || f->type == PT_JSON_NULL) {
        return;
    }

    if (sum_of(at(f, "log10_multiple_micro.contributions"))
        != at(f, "log10_multiple_micro.total")->i64
        || sum_of(at(f, "hit_log_odds_micro.contributions"))
           != at(f, "hit_log_odds_micro.total")->i64)
    {
        fail_msg("a forecast is not its contributions: %.300s", params);
    }

    p10 = at(f, "worldwide_gross_usd.p10")->number;
    p50 = at(f, "worldwide_gross_usd.p50")->number;
    p90 = at(f, "worldwide_gross_usd.p90")->number;
    assert_true(p10 < p50 && p50 < p90);
    assert_true(at(f, "five_times_probability")->number
                <= at(f, "hit_probability")->number);
    assert_true(at(f, "hit_probability")->number
                <= at(f, "earns_budget_probability")->number);
}


static void
random_pitch(analysis_rng_t *rng, pt_buf_t *buf)
{
    unsigned    i, n;
    pt_jsonw_t  w;

    static const char *const  words[] = {
        "a", "the", "must", "detective", "killer", "love", "war", "ship",
        "family", "robot", "and", "to", "who", "haunted", "sheriff", "dance",
        "secret", "before", "school", "boy", "alien", "murder", "wedding",
        "of", "in", "soldier", "escape", "prison", "music", "king"
    };

    pt_buf_reset(buf);
    pt_jsonw_init(&w, buf);
    pt_jsonw_object(&w);
    analysis_put_text(&w, "title", words[analysis_rng_next(rng) % 30]);

    for (i = 0; i < 2; i++) {
        pt_buf_t  text;

        pt_buf_init(&text, &pt_mem_heap, 65536);
        n = (unsigned) (analysis_rng_next(rng) % (i ? 200 : 40));

        for ( ; n > 0; n--) {
            pt_buf_add_text(&text, words[analysis_rng_next(rng) % 30]);
            pt_buf_add_char(&text, n % 13 ? ' ' : '.');
        }

        analysis_put_str(&w, i ? "synopsis" : "logline", pt_buf_str(&text));
        pt_buf_done(&text);
    }

    if (analysis_rng_next(rng) % 4 != 0) {
        analysis_put_key(&w, "budget_usd",
                         analysis_pow10(4 + 5 * analysis_rng_unit(rng)));
    }

    if (analysis_rng_next(rng) % 2) {
        analysis_put_genres(&w, "genres", (uint32_t)
            (analysis_rng_next(rng) & analysis_rng_next(rng)
             & ((1u << ANALYSIS_GENRES) - 1)));
    }

    if (analysis_rng_next(rng) % 2) {
        analysis_put_int(&w, "release_year",
                         1970 + (int64_t) (analysis_rng_next(rng) % 70));
        analysis_put_int(&w, "release_month",
                         1 + (int64_t) (analysis_rng_next(rng) % 12));
    }

    pt_jsonw_key(&w, "sequel");
    pt_jsonw_bool(&w, analysis_rng_next(rng) % 4 == 0);
    pt_jsonw_end(&w);
}


static const char *
predict(analysis_predict_t what, const char *line)
{
    static char  text[8192];
    pt_buf_t     out;

    pt_buf_init(&out, &pt_mem_heap, 65536);
    assert_int_equal(analysis_predict_line(&engine, what, pt_str(line),
                                           &out), PT_OK);
    (void) snprintf(text, sizeof(text), "%.*s", (int) out.len, out.data);
    pt_buf_done(&out);

    return text;
}


static int
results_open(const char *source)
{
    char    path[4096], error[512];
    char   *text = calloc(1, SCHEMA_MAX);
    FILE   *f;
    size_t  n = 0;

    (void) snprintf(path, sizeof(path),
                    "%s/processors/analysis/results.schema.json", source);

    f = fopen(path, "r");

    if (f != NULL) {
        n = fread(text, 1, SCHEMA_MAX, f);
        (void) fclose(f);
    }

    if (pt_schema_compile((pt_str_t) { text, n }, &pt_mem_heap, &results,
                          error, sizeof(error)) != PT_OK)
    {
        print_error("%s: %s\n", path, error);
    }

    free(text);

    return results == NULL;
}


static int
model_open(void **state)
{
    char         share[4096];
    const char  *source = getenv("PITCHEY_SOURCE");

    (void) state;

    source = source ? source : ".";
    (void) snprintf(share, sizeof(share), "%s/conf", source);

    return results_open(source) != 0
           || analysis_model_load(share, &model) != PT_OK
           || analysis_engine_init(&engine, &model) != PT_OK;
}


static int
model_close(void **state)
{
    (void) state;

    analysis_engine_done(&engine);
    analysis_model_close(&model);
    pt_schema_free(results);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_contributions_add_up_to_the_last_digit),
        cmocka_unit_test(test_what_is_not_documented_is_found),
        cmocka_unit_test(test_the_same_pitch_gives_the_same_bytes),
        cmocka_unit_test(test_counterfactuals_keep_their_promise),
        cmocka_unit_test(test_what_raises_the_score_raises_it_by_as_much),
        cmocka_unit_test(test_naming_more_never_makes_a_pitch_less_complete),
        cmocka_unit_test(test_unknowns_widen_the_interval),
        cmocka_unit_test(test_the_waterfall_never_gives_less_for_more),
        cmocka_unit_test(test_the_waterfall_of_a_worked_example),
        cmocka_unit_test(test_an_assessment_is_of_its_draws),
        cmocka_unit_test(test_what_changes_changes_by_a_fifth),
        cmocka_unit_test(test_what_the_data_cannot_carry_is_not_answered),
        cmocka_unit_test(test_hostile_texts_get_an_answer),
        cmocka_unit_test(test_words_say_where_they_stand),
        cmocka_unit_test(test_exp_and_log_agree_with_libm),
        cmocka_unit_test(test_numbers_have_six_digits),
        cmocka_unit_test(test_predictions_are_lines_as_documented),
        cmocka_unit_test(test_market_figures_hold_together),
        cmocka_unit_test(test_a_genre_that_is_none_is_warned_of),
        cmocka_unit_test(test_a_market_has_the_limits_that_are_asked),
        cmocka_unit_test(test_rows_of_the_platform_stand_in),
        cmocka_unit_test(test_a_broken_model_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, model_open, model_close);
}
