/* The backup processor: all that is a user's, saved, told, restored, erased. */

#include <locale.h>

#include "backup_cli.h"
#include "backup_dump.h"
#include "backup_session.h"
#include "backup_storage.h"


static pt_err_t backup_prepare(const pt_reach_t *reach);


static const pt_action_t  backup_actions[] = {
    { "backup-user-data",   backup_user_data, 0 },
    { "export-user-data",   backup_export,    0 },
    { "verify-backup",      backup_verify,    0 },
    { "restore-user-data",  backup_restore,   0 },
    { "erase-user-backups", backup_erase,     0 },
    { "backup-platform",    backup_platform,  0 },
    { NULL, NULL, 0 }
};

static const pt_processor_t  backup_processor = {
    .service        = "backup-service",
    .actions        = backup_actions,
    .slots          = 2,
    .timeout_s      = 6 * 3600,
    .load           = backup_load,         /* keys, data map */
    .connections    = BACKUP_CONNECTIONS,
    .reads_storage  = true,
    .writes_storage = true,                /* restored files */
    .folder_env     = "PITCHEY_BACKUP_STORE",
    .prepare        = backup_prepare
};


int
main(int argc, char **argv)
{
    /* file names in archives are UTF-8 */
    (void) setlocale(LC_CTYPE, "C.UTF-8");

    if (argc > 1 && backup_cli_has(argv[1])) {
        return backup_cli_main(argc, argv);
    }

    return pt_processor_main(&backup_processor, argc, argv);
}


static pt_err_t
backup_prepare(const pt_reach_t *reach)
{
    pt_err_t  err;

    err = backup_dump_prepare(reach);

    return err == PT_OK ? backup_storage_prepare(reach) : err;
}
