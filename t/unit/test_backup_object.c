/* Objects: what went in comes out, and nothing else ever does. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "backup_merkle.h"
#include "backup_object.h"


#define NAME  "0123456789abcdef0123456789abcdef/objects/ab/abcd"


typedef struct {
    backup_writer_t      *writer;
    backup_reader_t      *reader;
    backup_owner_keys_t   keys;
    int                   fd;
    backup_sum_t          sum;
} bench_t;


static void put(bench_t *b, const void *data, size_t len);
static pt_err_t get(bench_t *b, backup_kind_t kind, const char *name,
    pt_buf_t *text);
static size_t stored(const bench_t *b);


/* sizes around a message, and around a batch of them; noise and zeros */
static void
test_what_went_in_comes_out(void **state)
{
    size_t     i, k;
    uint8_t   *data;
    bench_t   *b = *state;
    pt_buf_t   text;

    static const size_t  sizes[] = {
        0, 1, 65535, 65536, 65537, 131072, 524287, 524288, 524289, 3000000
    };

    data = malloc(3000000);
    assert_non_null(data);

    for (k = 0; k < 2; k++) {
        if (k == 0) {
            randombytes_buf(data, 3000000);

        } else {
            memset(data, 0, 3000000);
        }

        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            pt_buf_init(&text, &pt_mem_heap, 4000000);
            put(b, data, sizes[i]);
            assert_int_equal(b->sum.stored, stored(b));
            assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_OK);
            assert_int_equal(text.len, sizes[i]);
            assert_memory_equal(pt_buf_str(&text).data, data, sizes[i]);
            pt_buf_done(&text);
        }
    }

    free(data);
}


static void
test_every_truncation_is_found(void **state)
{
    char       data[2000];
    size_t     len, i;
    bench_t   *b = *state;
    pt_buf_t   text;

    randombytes_buf(data, sizeof(data));
    put(b, data, sizeof(data));
    len = stored(b);

    for (i = len; i > 0; i--) {
        assert_int_equal(ftruncate(b->fd, (off_t) i - 1), 0);
        pt_buf_init(&text, &pt_mem_heap, 4000000);
        assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_E_INPUT_BROKEN);
        pt_buf_done(&text);
    }
}


/* also where it would be between two messages */
static void
test_a_cut_between_messages_is_found(void **state)
{
    size_t     n;
    uint8_t   *data = malloc(1000000);
    bench_t   *b = *state;
    pt_buf_t   text;

    assert_non_null(data);
    randombytes_buf(data, 1000000);

    for (n = 1; n < 15; n++) {
        put(b, data, 1000000);
        assert_int_equal(ftruncate(b->fd, 32 + (off_t) n * 65553), 0);
        pt_buf_init(&text, &pt_mem_heap, 4000000);
        assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_E_INPUT_BROKEN);
        pt_buf_done(&text);
    }

    free(data);
}


static void
test_every_flipped_bit_is_found(void **state)
{
    char       data[300], byte;
    size_t     len, i;
    bench_t   *b = *state;
    pt_buf_t   text;

    memset(data, 'x', sizeof(data));
    put(b, data, sizeof(data));
    len = stored(b);

    for (i = 0; i < 8 * len; i++) {
        assert_int_equal(pread(b->fd, &byte, 1, (off_t) i / 8), 1);
        byte = (char) (byte ^ (1 << i % 8));
        assert_int_equal(pwrite(b->fd, &byte, 1, (off_t) i / 8), 1);

        pt_buf_init(&text, &pt_mem_heap, 4000000);
        assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_E_INPUT_BROKEN);
        assert_int_equal(text.len, 0);
        pt_buf_done(&text);

        byte = (char) (byte ^ (1 << i % 8));
        assert_int_equal(pwrite(b->fd, &byte, 1, (off_t) i / 8), 1);
    }
}


static void
test_what_goes_on_after_its_end_is_refused(void **state)
{
    size_t     i;
    uint8_t   *data = malloc(600000);
    bench_t   *b = *state;
    pt_buf_t   text;

    /* the second ends where what is read at once does */
    static const size_t  sizes[] = { 5, 8 * 65553 - 32 - 9 * 17, 600000 };

    assert_non_null(data);
    randombytes_buf(data, 600000);

    for (i = 0; i < 3; i++) {
        put(b, data, sizes[i]);
        assert_int_equal(pwrite(b->fd, "x", 1, (off_t) stored(b)), 1);
        pt_buf_init(&text, &pt_mem_heap, 4000000);
        assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_E_INPUT_BROKEN);
        pt_buf_done(&text);
    }

    free(data);
}


static void
test_it_is_of_one_name_one_kind_and_one_key(void **state)
{
    bench_t              *b = *state;
    pt_buf_t              text;
    backup_owner_keys_t   keys = b->keys;

    pt_buf_init(&text, &pt_mem_heap, 4000000);
    put(b, "abc", 3);

    assert_int_equal(get(b, BACKUP_ROWS, NAME, &text), PT_E_INPUT_BROKEN);
    assert_int_equal(get(b, BACKUP_FILE, NAME "e", &text), PT_E_INPUT_BROKEN);
    b->keys.data[0] ^= 1;
    assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_E_INPUT_BROKEN);
    assert_int_equal(text.len, 0);

    b->keys = keys;
    assert_int_equal(get(b, BACKUP_FILE, NAME, &text), PT_OK);
    assert_true(pt_str_is(pt_buf_str(&text), "abc"));
    pt_buf_done(&text);
}


static void
test_an_owners_key_opens_for_its_owner_only(void **state)
{
    size_t                i;
    uint8_t               key[32] = { 1 }, wrapped[BACKUP_WRAPPED_LEN];
    backup_keys_t         keys, others;
    backup_owner_keys_t   made, opened;

    static const char  owner[] = "0123456789abcdef0123456789abcdef";
    static const char  other[] = "0123456789abcdef0123456789abcdee";

    (void) state;

    assert_int_equal(backup_keys_derive(key, &keys), PT_OK);
    key[0] = 2;
    assert_int_equal(backup_keys_derive(key, &others), PT_OK);

    backup_owner_key_make(&keys, owner, wrapped, &made);
    assert_int_equal(backup_owner_key_open(&keys, owner, wrapped,
                                           sizeof(wrapped), &opened), PT_OK);
    assert_memory_equal(&made, &opened, sizeof(made));

    assert_int_equal(backup_owner_key_open(&keys, other, wrapped,
                                           sizeof(wrapped), &opened),
                     PT_E_INPUT_BROKEN);
    assert_int_equal(backup_owner_key_open(&others, owner, wrapped,
                                           sizeof(wrapped), &opened),
                     PT_E_INPUT_BROKEN);

    for (i = 0; i < 8 * sizeof(wrapped); i++) {
        wrapped[i / 8] ^= (uint8_t) (1 << i % 8);
        assert_int_equal(backup_owner_key_open(&keys, owner, wrapped,
                                               sizeof(wrapped), &opened),
                         PT_E_INPUT_BROKEN);
        wrapped[i / 8] ^= (uint8_t) (1 << i % 8);
    }
}


/* the definition, by hand, for up to nine leaves */
static void
test_a_merkle_root_is_the_trees(void **state)
{
    char             name[8];
    size_t           n, i, width;
    uint8_t          hash[32] = { 7 }, nodes[9][32], root[32];
    backup_merkle_t  m, one;

    (void) state;

    for (n = 1; n <= 9; n++) {
        backup_merkle_init(&m);

        for (i = 0; i < n; i++) {
            (void) snprintf(name, sizeof(name), "n%zu", i);
            backup_merkle_add(&m, name, hash);

            backup_merkle_init(&one);
            backup_merkle_add(&one, name, hash);
            backup_merkle_root(&one, nodes[i]);
        }

        for (width = n; width > 1; width = (width + 1) / 2) {
            for (i = 0; i < width / 2; i++) {
                backup_merkle_node(nodes[2 * i], nodes[2 * i + 1], nodes[i]);
            }

            if (width % 2 != 0) {
                memmove(nodes[i], nodes[width - 1], 32);
            }
        }

        backup_merkle_root(&m, root);
        assert_memory_equal(root, nodes[0], 32);
    }
}


/* ---- around it ---- */

static void
put(bench_t *b, const void *data, size_t len)
{
    assert_int_equal(ftruncate(b->fd, 0), 0);
    assert_int_equal(lseek(b->fd, 0, SEEK_SET), 0);
    assert_int_equal(backup_writer_begin(b->writer, b->fd, &b->keys,
                                         BACKUP_FILE, NAME, 1), PT_OK);
    assert_int_equal(backup_writer_add(b->writer, data, len), PT_OK);
    assert_int_equal(backup_writer_end(b->writer, &b->sum), PT_OK);
    assert_int_equal(b->sum.bytes, len);
}


static pt_err_t
get(bench_t *b, backup_kind_t kind, const char *name, pt_buf_t *text)
{
    pt_err_t      err;
    pt_str_t      piece = { NULL, 1 };
    backup_sum_t  sum;

    assert_int_equal(lseek(b->fd, 0, SEEK_SET), 0);
    err = backup_reader_begin(b->reader, b->fd, &b->keys, kind, name);

    while (err == PT_OK && piece.len != 0) {
        err = backup_reader_next(b->reader, &piece);

        if (err == PT_OK) {
            pt_buf_add_str(text, piece);
        }
    }

    if (err == PT_OK) {
        backup_reader_sum(b->reader, &sum);
        assert_memory_equal(&sum, &b->sum, sizeof(sum));
    }

    return err;
}


static size_t
stored(const bench_t *b)
{
    off_t  size = lseek(b->fd, 0, SEEK_END);

    assert_true(size >= 0);

    return (size_t) size;
}


static int
bench_open(void **state)
{
    char             path[] = "/tmp/pt-object.XXXXXX";
    static bench_t   b;

    if (sodium_init() == -1 || backup_writer_new(&b.writer) != PT_OK
        || backup_reader_new(&b.reader) != PT_OK)
    {
        return -1;
    }

    randombytes_buf(&b.keys, sizeof(b.keys));
    b.fd = mkstemp(path);
    (void) unlink(path);
    *state = &b;

    return b.fd == -1 ? -1 : 0;
}


static int
bench_close(void **state)
{
    bench_t  *b = *state;

    backup_writer_free(b->writer);
    backup_reader_free(b->reader);
    (void) close(b->fd);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_went_in_comes_out),
        cmocka_unit_test(test_every_truncation_is_found),
        cmocka_unit_test(test_a_cut_between_messages_is_found),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_what_goes_on_after_its_end_is_refused),
        cmocka_unit_test(test_it_is_of_one_name_one_kind_and_one_key),
        cmocka_unit_test(test_an_owners_key_opens_for_its_owner_only),
        cmocka_unit_test(test_a_merkle_root_is_the_trees)
    };

    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
