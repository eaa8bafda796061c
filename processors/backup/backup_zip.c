/* A ZIP that opens anywhere, by libarchive. */

#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backup_export.h"


/* a line of 150 bytes for each of 200,000 files */
#define MANIFEST_MAX  (32u << 20)

/* deflate's fastest: rows shrink to a fifth at any level */
#define LEVEL         "zip:compression-level=1"


static pt_err_t zip_said(backup_zip_t *z);
static pt_err_t zip_finish(backup_zip_t *z, const backup_keys_t *keys);


pt_err_t
backup_zip_open(const char *path, pt_str_t passphrase, backup_zip_t *ret_zip)
{
    char          text[256];
    int           rc;
    backup_zip_t  z;

    memset(&z, 0, sizeof(z));
    pt_buf_init(&z.manifest, &pt_mem_heap, MANIFEST_MAX);

    z.archive = archive_write_new();
    z.hash = EVP_MD_CTX_new();

    if (z.archive == NULL || z.hash == NULL) {
        (void) archive_write_free(z.archive);
        EVP_MD_CTX_free(z.hash);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    rc = archive_write_set_format_zip(z.archive)
         | archive_write_set_options(z.archive, "zip:hdrcharset=UTF-8")
         | archive_write_set_options(z.archive, LEVEL)
         | archive_write_set_bytes_per_block(z.archive, 1 << 20)
         | archive_write_set_bytes_in_last_block(z.archive, 1);

    if (passphrase.data != NULL) {
        (void) snprintf(text, sizeof(text), "%.*s", PT_STR_ARG(passphrase));
        rc |= archive_write_set_options(z.archive, "zip:encryption=aes256")
              | archive_write_set_passphrase(z.archive, text);
        sodium_memzero(text, sizeof(text));
    }

    if (rc != ARCHIVE_OK
        || archive_write_open_filename(z.archive, path) != ARCHIVE_OK)
    {
        rc = zip_said(&z);
        (void) archive_write_free(z.archive);
        EVP_MD_CTX_free(z.hash);
        return (pt_err_t) rc;
    }

    *ret_zip = z;

    pt_jsonw_init(&ret_zip->w, &ret_zip->manifest);
    pt_jsonw_object(&ret_zip->w);
    pt_jsonw_key(&ret_zip->w, "format");
    pt_jsonw_text(&ret_zip->w, "pitchey-export-1");
    pt_jsonw_key(&ret_zip->w, "entries");
    pt_jsonw_array(&ret_zip->w);

    return PT_OK;
}


pt_err_t
backup_zip_begin(backup_zip_t *z, const char *name, int64_t size, bool plain)
{
    int                    rc;
    struct archive_entry  *entry;

    rc = plain ? archive_write_zip_set_compression_store(z->archive)
               : archive_write_zip_set_compression_deflate(z->archive);
    entry = archive_entry_new();

    if (entry == NULL || rc != ARCHIVE_OK
        || EVP_DigestInit_ex(z->hash, EVP_sha256(), NULL) != 1)
    {
        archive_entry_free(entry);
        return rc != ARCHIVE_OK ? zip_said(z)
                                : backup_say(PT_E_NOMEM, "no memory");
    }

    archive_entry_set_pathname_utf8(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, time(NULL), 0);

    if (size >= 0) {
        archive_entry_set_size(entry, size);
    }

    rc = archive_write_header(z->archive, entry);
    archive_entry_free(entry);

    (void) snprintf(z->name, sizeof(z->name), "%s", name);
    z->bytes = 0;

    return rc == ARCHIVE_OK ? PT_OK : zip_said(z);
}


pt_err_t
backup_zip_add(backup_zip_t *z, const void *data, size_t len)
{
    if (len != 0
        && (archive_write_data(z->archive, data, len) != (la_ssize_t) len
            || EVP_DigestUpdate(z->hash, data, len) != 1))
    {
        return zip_said(z);
    }

    z->bytes += len;

    return PT_OK;
}


pt_err_t
backup_zip_end(backup_zip_t *z)
{
    char     hex[BACKUP_HEX_LEN + 1];
    uint8_t  hash[32];

    if (archive_write_finish_entry(z->archive) != ARCHIVE_OK
        || EVP_DigestFinal_ex(z->hash, hash, NULL) != 1)
    {
        return zip_said(z);
    }

    backup_hex(hash, 32, hex);
    pt_jsonw_object(&z->w);
    pt_jsonw_key(&z->w, "path");
    pt_jsonw_text(&z->w, z->name);
    pt_jsonw_key(&z->w, "size");
    pt_jsonw_int(&z->w, (int64_t) z->bytes);
    pt_jsonw_key(&z->w, "sha256");
    pt_jsonw_text(&z->w, hex);
    pt_jsonw_end(&z->w);

    z->total += z->bytes;

    return z->manifest.err == PT_OK
           ? PT_OK : backup_say(PT_E_TOO_LARGE,
                                "too many files for one export");
}


pt_err_t
backup_zip_text(backup_zip_t *z, const char *name, pt_str_t text)
{
    pt_err_t  err;

    err = backup_zip_begin(z, name, (int64_t) text.len, false);

    if (err == PT_OK) {
        err = backup_zip_add(z, text.data, text.len);
    }

    return err == PT_OK ? backup_zip_end(z) : err;
}


pt_err_t
backup_zip_close(backup_zip_t *z, const backup_keys_t *keys, bool failed)
{
    pt_err_t  err = PT_OK;

    if (!failed) {
        err = zip_finish(z, keys);

        if (err == PT_OK && archive_write_close(z->archive) != ARCHIVE_OK) {
            err = zip_said(z);
        }

    } else {
        (void) archive_write_fail(z->archive);
    }

    (void) archive_write_free(z->archive);
    EVP_MD_CTX_free(z->hash);
    pt_buf_done(&z->manifest);

    return err;
}


static pt_err_t
zip_finish(backup_zip_t *z, const backup_keys_t *keys)
{
    char      text[512], at[BACKUP_TIME_LEN + 1];
    char      hex[2 * crypto_sign_BYTES + 1];
    pt_err_t  err;
    pt_str_t  manifest;

    pt_jsonw_end(&z->w);
    backup_time(at);
    pt_jsonw_key(&z->w, "made_at");
    pt_jsonw_text(&z->w, at);
    pt_jsonw_key(&z->w, "public_key");
    backup_hex(keys->public_key, sizeof(keys->public_key), hex);
    pt_jsonw_text(&z->w, hex);
    pt_jsonw_end(&z->w);
    manifest = pt_buf_str(&z->manifest);

    if (z->manifest.err != PT_OK) {
        return backup_say(PT_E_TOO_LARGE, "too many files for one export");
    }

    err = backup_zip_begin(z, "manifest.json", (int64_t) manifest.len, false);

    if (err == PT_OK) {
        err = backup_zip_add(z, manifest.data, manifest.len);
    }

    if (err == PT_OK && archive_write_finish_entry(z->archive) != ARCHIVE_OK) {
        err = zip_said(z);
    }

    if (err != PT_OK) {
        return err;
    }

    /* Ed25519 of the manifest's bytes, in hex */
    backup_sign(keys, manifest.data, manifest.len, hex);
    (void) snprintf(text, sizeof(text), "%s\n", hex);

    err = backup_zip_begin(z, "manifest.json.sig", (int64_t) strlen(text),
                           true);

    if (err == PT_OK) {
        err = backup_zip_add(z, text, strlen(text));
    }

    return err;
}


static pt_err_t
zip_said(backup_zip_t *z)
{
    const char  *why = archive_error_string(z->archive);

    return backup_say(PT_E_IO, "could not write the archive: %s",
                      why != NULL ? why : "no reason given");
}
