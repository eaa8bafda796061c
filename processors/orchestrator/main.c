/*
 * pitchey-orchestrator: accepts jobs, keeps them in PostgreSQL, has them done.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "orch.h"
#include "orch_migrate.h"


/* exit statuses: 1, it did not work; 2, it was called or configured wrongly */
#define ORCH_EXIT_USAGE  2


static int orch_usage(FILE *to, int status);
static int orch_command(const char *command, const orch_config_t *config);


static const struct option  orch_options[] = {
    { "help",    no_argument,       NULL, 'h' },
    { "version", no_argument,       NULL, 'V' },
    { "config",  required_argument, NULL, 'c' },
    { NULL, 0, NULL, 0 }
};


int
main(int argc, char **argv)
{
    int             c, status;
    pt_buf_t        error;
    const char     *path = "/etc/pitchey/orchestrator.conf";
    orch_config_t   config;

    while ((c = getopt_long(argc, argv, "hVc:", orch_options, NULL)) != -1) {
        switch (c) {

        case 'h':
            return orch_usage(stdout, EXIT_SUCCESS);

        case 'V':
            puts("pitchey-orchestrator " PITCHEY_VERSION);
            return EXIT_SUCCESS;

        case 'c':
            path = optarg;
            break;

        default:
            return orch_usage(stderr, ORCH_EXIT_USAGE);
        }
    }

    if (argc - optind > 1) {
        return orch_usage(stderr, ORCH_EXIT_USAGE);
    }

    pt_buf_init(&error, &pt_mem_heap, 1024);

    if (orch_config_load(path, &config, &error) != PT_OK) {
        pt_log(PT_LOG_ERROR, "config", "%.*s", PT_STR_ARG(pt_buf_str(&error)));
        pt_buf_done(&error);
        return ORCH_EXIT_USAGE;
    }

    pt_log_set_level(config.log_level);

    status = orch_command(optind < argc ? argv[optind] : "run", &config);

    orch_config_done(&config);
    pt_buf_done(&error);

    return status;
}


static int
orch_command(const char *command, const orch_config_t *config)
{
    if (strcmp(command, "run") == 0) {
        return orch_run(config);
    }

    if (strcmp(command, "migrate") == 0) {
        return orch_migrate(config) == PT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    }

    if (strcmp(command, "check") == 0) {
        return orch_migrate_check(config) == PT_OK ? EXIT_SUCCESS
                                                   : EXIT_FAILURE;
    }

    return orch_usage(stderr, ORCH_EXIT_USAGE);
}


static int
orch_usage(FILE *to, int status)
{
    fputs("usage: pitchey-orchestrator [-c FILE] [COMMAND]\n"
          "\n"
          "  run         accept jobs and have them done (the default)\n"
          "  migrate     bring the database's schema up to date, and exit\n"
          "  check       look at the configuration and the database, and exit\n"
          "\n"
          "  -c, --config FILE   /etc/pitchey/orchestrator.conf\n"
          "  -h, --help          this text\n"
          "  -V, --version       the version\n",
          to);

    return status;
}
