/* The ZIP: libarchive, which is not ours, reads what was put in. */

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "backup_zip.h"


#define NOISE   700001             /* more than is kept in memory */
#define SPARSE  (5ull << 30)


static char           folder[] = "/tmp/test_backup_zip.XXXXXX";
static backup_keys_t  keys;


static int
setup(void **state)
{
    (void) state;

    /* names are UTF-8 */
    (void) setlocale(LC_CTYPE, "C.UTF-8");

    return sodium_init() == -1 || mkdtemp(folder) == NULL
           || chdir(folder) == -1 ? -1 : 0;
}


static int
teardown(void **state)
{
    (void) state;
    (void) unlink("x.zip");

    return rmdir(folder);
}


static void
fill(uint8_t *data, size_t len, bool noise)
{
    size_t  i;

    if (noise) {
        randombytes_buf(data, len);
        return;
    }

    for (i = 0; i < len; i++) {
        data[i] = "all work and no play "[i % 21];
    }
}


/* sizes around a buffer; noise is spooled, text is not */
static const size_t  sizes[] = { 0, 1, 17, 262143, 262144, 262145, NOISE };

#define NSIZES  (sizeof(sizes) / sizeof(sizes[0]))


static void
put(const char *path, pt_str_t passphrase, const uint8_t *const data[2])
{
    char              name[64];
    size_t            i, k, at, n;
    uint64_t          total;
    backup_zip_t     *zip;
    backup_member_t  *m;

    assert_int_equal(backup_zip_open(path, passphrase, &zip), PT_OK);
    assert_int_equal(backup_member_new(zip, &m), PT_OK);

    for (i = 0; i < NSIZES * 4; i++) {
        k = i / 4;
        (void) snprintf(name, sizeof(name), "Zoë/%zu-%zu", i % 4, sizes[k]);

        assert_int_equal(i % 2 == 0 ? backup_member_store(m, name, sizes[k])
                                    : backup_member_deflate(m, name), PT_OK);

        for (at = 0; at < sizes[k]; at += n) {
            n = sizes[k] - at < 100003 ? sizes[k] - at : 100003;
            assert_int_equal(backup_member_add(m, data[i / 2 % 2] + at, n),
                             PT_OK);
        }

        assert_int_equal(backup_member_end(m), PT_OK);
    }

    assert_int_equal(backup_zip_finish(zip, m, &keys, &total), PT_OK);
    backup_member_free(m);
    backup_zip_free(zip);
}


static void
check(const char *path, const char *passphrase, const uint8_t *const data[2])
{
    char                  *text;
    size_t                 i, size;
    struct archive        *a;
    struct archive_entry  *e;

    a = archive_read_new();
    assert_non_null(a);
    assert_int_equal(archive_read_support_format_zip(a), ARCHIVE_OK);

    if (passphrase != NULL) {
        assert_int_equal(archive_read_add_passphrase(a, passphrase),
                         ARCHIVE_OK);
    }

    assert_int_equal(archive_read_open_filename(a, path, 65536), ARCHIVE_OK);
    text = malloc(NOISE + 1);
    assert_non_null(text);

    for (i = 0; i < NSIZES * 4; i++) {
        assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
        size = sizes[i / 4];
        assert_int_equal(archive_entry_size(e), size);
        assert_int_equal(archive_read_data(a, text, NOISE + 1), size);
        assert_memory_equal(text, data[i / 2 % 2], size);
    }

    /* manifest and signature */
    assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(e), "manifest.json");
    assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_EOF);
    assert_int_equal(archive_read_free(a), ARCHIVE_OK);
    free(text);
}


static void
test_what_went_in_comes_out(void **state)
{
    size_t    i;
    uint8_t  *data[2];

    static const char *const  passphrases[] = { NULL, "correct horse" };

    (void) state;

    for (i = 0; i < 2; i++) {
        data[i] = malloc(NOISE);
        assert_non_null(data[i]);
        fill(data[i], NOISE, i == 0);
    }

    for (i = 0; i < 2; i++) {
        put("x.zip", passphrases[i] != NULL ? pt_str(passphrases[i])
                                            : PT_STR_NULL,
            (const uint8_t *const *) data);
        check("x.zip", passphrases[i], (const uint8_t *const *) data);
    }

    free(data[0]);
    free(data[1]);
}


/* a file that grows or shrinks while it is read is an error, not a bad ZIP */
static void
test_another_size_than_was_said_is_refused(void **state)
{
    backup_zip_t     *zip;
    backup_member_t  *m;

    (void) state;

    assert_int_equal(backup_zip_open("x.zip", PT_STR_NULL, &zip), PT_OK);
    assert_int_equal(backup_member_new(zip, &m), PT_OK);
    assert_int_equal(backup_member_store(m, "short", 3), PT_OK);
    assert_int_equal(backup_member_add(m, "ab", 2), PT_OK);
    assert_int_equal(backup_member_end(m), PT_E_IO);
    assert_int_equal(backup_member_store(m, "long", 3), PT_OK);
    assert_int_equal(backup_member_add(m, "abcd", 4), PT_E_IO);
    backup_member_free(m);
    backup_zip_free(zip);
}


/* sizes and places beyond 32 bits, in a sparse file */
static void
test_large_entries_have_zip64(void **state)
{
    char                  *hole;
    uint64_t               left, total;
    backup_zip_t          *zip;
    struct archive        *a;
    backup_member_t       *m, *other;
    struct archive_entry  *e;

    (void) state;

    /* as slow as hashing it: where somebody asks for it */
    if (getenv("PITCHEY_LARGE") == NULL) {
        skip();
    }

    hole = calloc(1, 1u << 20);
    assert_non_null(hole);
    assert_int_equal(backup_zip_open("x.zip", PT_STR_NULL, &zip), PT_OK);
    assert_int_equal(backup_member_new(zip, &m), PT_OK);
    assert_int_equal(backup_member_new(zip, &other), PT_OK);
    assert_int_equal(backup_member_store(m, "large", SPARSE), PT_OK);
    assert_int_equal(backup_member_text(other, "behind", PT_STR("here")),
                     PT_OK);

    for (left = SPARSE; left != 0; left -= 1u << 20) {
        assert_int_equal(backup_member_add(m, hole, 1u << 20), PT_OK);
    }

    assert_int_equal(backup_member_end(m), PT_OK);
    assert_int_equal(backup_zip_finish(zip, m, &keys, &total), PT_OK);
    assert_true(total > SPARSE);
    backup_member_free(m);
    backup_member_free(other);
    backup_zip_free(zip);
    free(hole);

    a = archive_read_new();
    assert_int_equal(archive_read_support_format_zip_seekable(a), ARCHIVE_OK);
    assert_int_equal(archive_read_open_filename(a, "x.zip", 65536),
                     ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(e), "large");
    assert_int_equal(archive_entry_size(e), SPARSE);
    assert_int_equal(archive_read_next_header(a, &e), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(e), "behind");
    assert_int_equal(archive_read_free(a), ARCHIVE_OK);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_went_in_comes_out),
        cmocka_unit_test(test_another_size_than_was_said_is_refused),
        cmocka_unit_test(test_large_entries_have_zip64)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
