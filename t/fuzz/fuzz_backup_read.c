/*
 * What a store may hold: objects of any bytes, compressed streams of any bytes
 * under the right key, manifests and indexes of any text.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backup_read.h"


#define NAME  "0123456789abcdef0123456789abcdef/files"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(int fd, const backup_owner_keys_t *keys);
static void seal(int fd, const backup_owner_keys_t *keys, const uint8_t *data,
    size_t size);


static backup_reader_t  *reader;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                    fd;
    pt_str_t               text;
    pt_json_t             *json;
    backup_indexed_t       file;
    backup_owner_keys_t    keys = { .data = { 1 } };

    if (reader == NULL
        && (sodium_init() == -1 || backup_reader_new(&reader) != PT_OK))
    {
        abort();
    }

    if (size == 0) {
        return 0;
    }

    text = (pt_str_t) { (const char *) data + 1, size - 1 };

    switch (data[0] % 4) {

    case 0:
    case 1:
        fd = memfd_create("object", MFD_CLOEXEC);

        if (fd == -1) {
            abort();
        }

        if (data[0] % 4 == 0) {
            (void) !write(fd, text.data, text.len);

        } else {
            seal(fd, &keys, data + 1, size - 1);
        }

        (void) lseek(fd, 0, SEEK_SET);
        read_all(fd, &keys);
        (void) close(fd);
        break;

    case 2:
        if (backup_index_line(text, &json, &file) == PT_OK) {
            /* whatever is let through is a path that stays below its folder */
            if (file.key.len == 0 || file.key.data[0] == '/'
                || file.key.data[0] == '.'
                || memmem(file.key.data, file.key.len, "/.", 2) != NULL)
            {
                abort();
            }

            pt_json_free(json);
        }

        break;

    case 3:
        if (pt_json_parse(text, &pt_mem_heap, &json, NULL) == PT_OK) {
            (void) !backup_manifest_check(json, "o", "g");
            pt_json_free(json);
        }

        break;
    }

    return 0;
}


static void
read_all(int fd, const backup_owner_keys_t *keys)
{
    pt_err_t  err;
    pt_str_t  piece = { NULL, 1 };
    size_t    total = 0;

    err = backup_reader_begin(reader, fd, keys, BACKUP_INDEX, NAME);

    /* a few bytes may stand for many gigabytes of zeros */
    while (err == PT_OK && piece.len != 0 && total < (16u << 20)) {
        err = backup_reader_next(reader, &piece);
        total += piece.len;
    }
}


/* an object with the right key and name, whose plaintext is no zstd frame */
static void
seal(int fd, const backup_owner_keys_t *keys, const uint8_t *data, size_t size)
{
    size_t                                        n;
    uint8_t                                       head[8] = "PBO1I", ad[128];
    uint8_t                                       start[24], out[65536 + 17];
    unsigned long long                            len;
    crypto_secretstream_xchacha20poly1305_state   state;

    memcpy(ad, head, 8);
    memcpy(ad + 8, NAME, sizeof(NAME) - 1);

    (void) crypto_secretstream_xchacha20poly1305_init_push(&state, start,
                                                           keys->data);
    (void) !write(fd, head, 8);
    (void) !write(fd, start, 24);

    for (n = 0; ; data += n, size -= n) {
        n = size > 65536 ? 65536 : size;
        (void) crypto_secretstream_xchacha20poly1305_push(&state, out, &len,
            data, n, head[7] == 0 ? ad : NULL,
            head[7] == 0 ? 8 + sizeof(NAME) - 1 : 0,
            n == size ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                      : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
        (void) !write(fd, out, len);
        head[7] = 1;

        if (n == size) {
            break;
        }
    }
}
