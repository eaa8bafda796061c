/* Secrets: taken out, sealed, opened, and nothing else ever. */

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_seal.h"
#include "pt_secret.h"


#define OWNER    PT_STR("usr_ann")
#define PARAMS   PT_STR("{\"title\":\"A\",\"password\":null}")
#define SECRETS  PT_STR("{\"/password\":\"correct horse\"}")
#define OPEN     PT_STR("{\"title\":\"A\",\"password\":\"correct horse\"}")


static char  path[PATH_MAX];


static pt_seal_t *
load(pt_seal_use_t use)
{
    pt_seal_t  *seal = NULL;

    assert_int_equal(pt_seal_load(path, use, &seal), PT_OK);
    assert_non_null(seal);

    return seal;
}


static void
file_has(const char *text)
{
    FILE  *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}


static char *
file_text(void)
{
    FILE        *f = fopen(path, "re");
    size_t       n;
    static char  text[8192];

    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    assert_int_equal(fclose(f), 0);

    return text;
}


/* the parameters as they are stored; the caller ends the buffer */
static void
seal(pt_buf_t *ret)
{
    pt_seal_t  *keys = load(PT_SEAL_SEALS);

    pt_buf_init(ret, &pt_mem_heap, 1u << 20);
    assert_int_equal(pt_seal_params(keys, OWNER, PARAMS, SECRETS, ret), PT_OK);
    pt_seal_free(keys);
}


static pt_err_t
open_with(pt_seal_t *keys, pt_str_t owner, pt_str_t params, bool *ret_good)
{
    pt_buf_t  out;
    pt_err_t  err;

    pt_buf_init(&out, &pt_mem_heap, 1u << 20);
    err = pt_seal_open(keys, owner, params, &out);
    *ret_good = err == PT_OK && pt_str_eq(pt_buf_str(&out), OPEN);
    pt_buf_done(&out);

    return err;
}


static int
set_up(void **state)
{
    char  folder[] = "/tmp/test_pt_seal.XXXXXX";

    if (mkdtemp(folder) == NULL) {
        return -1;
    }

    *state = strdup(folder);
    (void) snprintf(path, sizeof(path), "%s/keys", folder);

    return pt_seal_make(path) == PT_OK ? 0 : -1;
}


static int
tear_down(void **state)
{
    (void) unlink(path);
    (void) rmdir(*state);
    free(*state);

    return 0;
}


static void
test_what_was_sealed_opens_and_is_not_to_be_read(void **state)
{
    bool        good;
    pt_buf_t    stored, again;
    pt_seal_t  *keys;

    (void) state;

    seal(&stored);
    seal(&again);

    assert_null(memmem(stored.data, stored.len, "horse", 5));
    assert_non_null(memmem(stored.data, stored.len, "\"title\":\"A\"", 11));

    /* the same secret twice does not look the same */
    assert_false(pt_str_eq(pt_buf_str(&stored), pt_buf_str(&again)));

    keys = load(PT_SEAL_OPENS);
    assert_int_equal(open_with(keys, OWNER, pt_buf_str(&stored), &good), PT_OK);
    assert_true(good);

    pt_seal_free(keys);
    pt_buf_done(&stored);
    pt_buf_done(&again);
}


static void
test_its_length_does_not_tell_the_secrets(void **state)
{
    size_t      i;
    pt_buf_t    one, other;
    pt_seal_t  *keys = load(PT_SEAL_SEALS);

    static const pt_str_t  secrets[] = {
        { "{\"/password\":\"a\"}", 17 },
        { "{\"/password\":\"abcdefghijklmnopqrst\"}", 36 }
    };

    (void) state;

    pt_buf_init(&one, &pt_mem_heap, 4096);
    pt_buf_init(&other, &pt_mem_heap, 4096);

    for (i = 0; i < 2; i++) {
        assert_int_equal(pt_seal_params(keys, OWNER, PARAMS, secrets[i],
                                        i ? &other : &one), PT_OK);
    }

    assert_int_equal(one.len, other.len);

    pt_buf_done(&one);
    pt_buf_done(&other);
    pt_seal_free(keys);
}


static void
test_another_owner_does_not_open_it(void **state)
{
    size_t      i;
    bool        good;
    pt_buf_t    stored;
    pt_seal_t  *keys = load(PT_SEAL_OPENS);

    static const char *const  others[] = { "usr_bob", "usr_an", "usr_ann2", "" };

    (void) state;

    seal(&stored);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(open_with(keys, pt_str(others[i]),
                                   pt_buf_str(&stored), &good),
                         PT_E_INVALID);
    }

    pt_buf_done(&stored);
    pt_seal_free(keys);
}


static void
test_any_change_of_the_seal_is_refused(void **state)
{
    bool        good;
    char        kept;
    size_t      i;
    pt_buf_t    stored;
    pt_err_t    err;
    pt_str_t    head, sealed;
    pt_seal_t  *keys = load(PT_SEAL_OPENS);

    (void) state;

    seal(&stored);
    assert_true(pt_secret_split(pt_buf_str(&stored), &head, &sealed));

    for (i = 0; i < sealed.len; i++) {
        char  *at = stored.data + (sealed.data - stored.data) + i;

        kept = *at;
        *at = kept == 'A' ? 'B' : 'A';
        err = open_with(keys, OWNER, pt_buf_str(&stored), &good);

        /* version, box; the eight bytes that name the key */
        assert_true(err == PT_E_INVALID || err == PT_E_SEALING_KEY);
        assert_true(err == PT_E_INVALID || (i >= 1 && i <= 12));
        *at = kept;
    }

    assert_int_equal(open_with(keys, OWNER, pt_buf_str(&stored), &good), PT_OK);

    pt_buf_done(&stored);
    pt_seal_free(keys);
}


static void
test_what_is_not_sealed_stays_as_it_is(void **state)
{
    size_t    i;
    pt_buf_t  out;

    static const char *const  texts[] = {
        "{}", "{\"a\":1}", "{\"a\":{\"b\":1,\"$sealed\":\"AAAA\"}}",
        "{\"a\":\"x,\\\"$sealed\\\":\\\"AAAA\"}", "{\"$sealed\":\"AAAA\"}",
        "{\"a\":1,\"$sealed\":\"A A\"}", "null", "", "\"}"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        pt_buf_init(&out, &pt_mem_heap, 4096);
        assert_int_equal(pt_seal_open(NULL, OWNER, pt_str(texts[i]), &out),
                         PT_OK);
        assert_true(pt_str_eq(pt_buf_str(&out), pt_str(texts[i])));
        pt_buf_done(&out);
    }
}


static void
test_without_its_key_it_does_not_open(void **state)
{
    bool        good;
    pt_buf_t    stored;
    pt_seal_t  *keys;

    (void) state;

    seal(&stored);
    assert_int_equal(open_with(NULL, OWNER, pt_buf_str(&stored), &good),
                     PT_E_SEALING_KEY);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(pt_seal_make(path), PT_OK);

    keys = load(PT_SEAL_OPENS);
    assert_int_equal(open_with(keys, OWNER, pt_buf_str(&stored), &good),
                     PT_E_SEALING_KEY);

    pt_buf_done(&stored);
    pt_seal_free(keys);
}


static void
test_the_newest_key_seals_and_all_open(void **state)
{
    bool        good;
    char       *old;
    pt_buf_t    before, after;
    pt_seal_t  *early = load(PT_SEAL_OPENS), *late;
    uint8_t     digest[PT_SEAL_HASH_LEN] = { 7 }, a[PT_SEAL_HASH_LEN],
                b[PT_SEAL_HASH_LEN];
    pt_seal_t  *seals = load(PT_SEAL_SEALS);

    (void) state;

    pt_seal_hash(seals, OWNER, digest, a);
    pt_seal_free(seals);

    seal(&before);
    old = strdup(file_text());
    assert_int_equal(pt_seal_make(path), PT_OK);
    seal(&after);

    /* the old lines are still there, behind the new ones */
    assert_non_null(strstr(file_text(), old));
    assert_true(strlen(file_text()) > strlen(old));
    free(old);

    late = load(PT_SEAL_OPENS);
    assert_int_equal(open_with(late, OWNER, pt_buf_str(&before), &good), PT_OK);
    assert_true(good);
    assert_int_equal(open_with(late, OWNER, pt_buf_str(&after), &good), PT_OK);
    assert_true(good);

    /* who has read the file before looks again */
    assert_int_equal(open_with(early, OWNER, pt_buf_str(&after), &good), PT_OK);
    assert_true(good);

    /* and a repeated request is the same one over the change */
    seals = load(PT_SEAL_SEALS);
    pt_seal_hash(seals, OWNER, digest, b);
    assert_memory_equal(a, b, sizeof(a));
    pt_seal_free(seals);

    pt_buf_done(&before);
    pt_buf_done(&after);
    pt_seal_free(early);
    pt_seal_free(late);
}


static void
test_a_digest_is_keyed_and_of_one_owner(void **state)
{
    uint8_t     digest[PT_SEAL_HASH_LEN] = { 7 };
    uint8_t     a[PT_SEAL_HASH_LEN], b[PT_SEAL_HASH_LEN];
    pt_seal_t  *seals = load(PT_SEAL_SEALS);

    (void) state;

    pt_seal_hash(seals, OWNER, digest, a);
    pt_seal_hash(seals, PT_STR("usr_bob"), digest, b);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, digest, sizeof(a));
    pt_seal_free(seals);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(pt_seal_make(path), PT_OK);
    seals = load(PT_SEAL_SEALS);
    pt_seal_hash(seals, OWNER, digest, b);
    assert_memory_not_equal(a, b, sizeof(a));
    pt_seal_free(seals);
}


static void
test_the_file_is_its_owners_alone(void **state)
{
    struct stat  st;
    pt_seal_t   *keys = NULL;

    (void) state;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(pt_seal_load(path, PT_SEAL_OPENS, &keys), PT_E_INVALID);
    assert_int_equal(pt_seal_make(path), PT_E_INVALID);
    assert_null(keys);
}


static void
test_half_a_file_serves_half_of_the_daemons(void **state)
{
    char        half[8192], *line, *rest;
    size_t      len = 0;
    pt_buf_t    stored;
    pt_seal_t  *keys = NULL;

    (void) state;

    /* an orchestrator's host needs no secret key */
    for (line = strtok_r(file_text(), "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
    {
        if (strncmp(line, "open", 4) != 0) {
            len += (size_t) sprintf(half + len, "%s\n", line);
        }
    }

    file_has(half);
    assert_int_equal(pt_seal_load(path, PT_SEAL_OPENS, &keys), PT_E_INVALID);
    seal(&stored);
    pt_buf_done(&stored);
}


static void
test_a_file_that_is_none_is_refused(void **state)
{
    size_t      i;
    pt_seal_t  *keys = NULL;

#define HEX  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

    static const char *const  texts[] = {
        "", "# nothing\n", "seal\n", "seal " HEX "\n", "hash " HEX "\n",
        "seal " HEX "0\nhash " HEX "\n", "sael " HEX "\nhash " HEX "\n",
        "seal x" HEX "\nhash " HEX "\n", "seal " HEX "\nhash zz\n",
        "seal=" HEX "\nhash " HEX "\n",
        "-----BEGIN PRIVATE KEY-----\n"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        file_has(texts[i]);
        assert_int_equal(pt_seal_load(path, PT_SEAL_SEALS, &keys),
                         PT_E_INVALID);
        assert_int_equal(pt_seal_make(path), PT_E_INVALID);
        assert_string_equal(file_text(), texts[i]);
    }

    file_has("# ours\nseal " HEX " of 2026\n\nhash " HEX);
    assert_int_equal(pt_seal_load(path, PT_SEAL_SEALS, &keys), PT_OK);
    pt_seal_free(keys);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(pt_seal_load(path, PT_SEAL_SEALS, &keys), PT_E_IO);
}


/* ---- pt_secret ---- */

static void
test_secrets_come_back_to_where_they_were(void **state)
{
    size_t       i, k;
    pt_buf_t     secrets, params, whole;
    pt_json_t   *root;
    pt_jsonw_t   w;

    /* from the inside out too, twice, nothing, and all of it */
    static const struct {
        const char  *text;
        const char  *pointers[4];
        const char  *rest;
    } cases[] = {
        { "{\"a\":\"s\",\"b\":2}", { "/a", NULL }, "{\"a\":null,\"b\":2}" },
        { "{\"a\":[{\"p\":1},{\"p\":\"s\"},{}]}", { "/a/0/p", "/a/1/p", NULL },
          "{\"a\":[{\"p\":null},{\"p\":null},{}]}" },
        { "{\"a\":{\"b\":{\"c\":\"s\"},\"d\":1}}", { "/a/b/c", "/a/b", "/a" },
          "{\"a\":null}" },
        { "{\"a\":{\"b\":{\"c\":\"s\"},\"d\":1}}", { "/a", "/a/b", "/a/b/c" },
          "{\"a\":null}" },
        { "{\"a\":\"s\"}", { "/a", "/a", NULL }, "{\"a\":null}" },
        { "{\"a/b\":\"s\",\"~\":[1,2]}", { "/a~1b", "/~0/1", NULL },
          "{\"a/b\":null,\"~\":[1,null]}" },
        { "{\"a\":null}", { "/a", "/b", NULL }, "{\"a\":null}" },
        { "{\"a\":\"s\",\"b/c\":[]}", { "", NULL },
          "{\"a\":null,\"b/c\":null}" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_buf_init(&secrets, &pt_mem_heap, 4096);
        pt_buf_init(&params, &pt_mem_heap, 4096);
        pt_buf_init(&whole, &pt_mem_heap, 4096);

        assert_int_equal(pt_json_parse(pt_str(cases[i].text), &pt_mem_heap,
                                       &root, NULL), PT_OK);
        pt_jsonw_init(&w, &secrets);
        pt_jsonw_object(&w);

        for (k = 0; k < 4 && cases[i].pointers[k]; k++) {
            pt_secret_take(root, pt_str(cases[i].pointers[k]), &w);
        }

        pt_jsonw_end(&w);
        pt_jsonw_init(&w, &params);
        pt_jsonw_value(&w, root);
        pt_json_free(root);

        assert_true(pt_str_is(pt_buf_str(&params), cases[i].rest));
        assert_int_equal(pt_secret_put(pt_buf_str(&params),
                                       pt_buf_str(&secrets), &whole), PT_OK);
        assert_true(pt_str_is(pt_buf_str(&whole), cases[i].text));

        pt_buf_done(&secrets);
        pt_buf_done(&params);
        pt_buf_done(&whole);
    }
}


static void
test_secrets_without_a_place_are_refused(void **state)
{
    size_t    i;
    pt_buf_t  whole;

    static const struct {
        const char  *params;
        const char  *secrets;
    } cases[] = {
        { "{\"a\":1}", "{\"/a\":\"s\"}" }, { "{}", "{\"/a\":\"s\"}" },
        { "{\"a\":null}", "{\"\":{}}" }, { "{\"a\":null}", "[]" },
        { "[null]", "{\"/0\":1}" }, { "{\"a\":null}", "{\"/a\":" },
        { "{", "{}" }, { "null", "{\"\":1}" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pt_buf_init(&whole, &pt_mem_heap, 4096);
        assert_int_equal(pt_secret_put(pt_str(cases[i].params),
                                       pt_str(cases[i].secrets), &whole),
                         PT_E_INVALID);
        pt_buf_done(&whole);
    }
}


int
main(void)
{
#define with_file(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)

    const struct CMUnitTest  tests[] = {
        with_file(test_what_was_sealed_opens_and_is_not_to_be_read),
        with_file(test_its_length_does_not_tell_the_secrets),
        with_file(test_another_owner_does_not_open_it),
        with_file(test_any_change_of_the_seal_is_refused),
        with_file(test_without_its_key_it_does_not_open),
        with_file(test_the_newest_key_seals_and_all_open),
        with_file(test_a_digest_is_keyed_and_of_one_owner),
        with_file(test_the_file_is_its_owners_alone),
        with_file(test_half_a_file_serves_half_of_the_daemons),
        with_file(test_a_file_that_is_none_is_refused),
        cmocka_unit_test(test_what_is_not_sealed_stays_as_it_is),
        cmocka_unit_test(test_secrets_come_back_to_where_they_were),
        cmocka_unit_test(test_secrets_without_a_place_are_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
