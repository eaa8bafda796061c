/*
 * pitchey-orchestrator: accepts jobs, keeps them in PostgreSQL, has them done.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "orch.h"
#include "orch_cgroup.h"
#include "orch_cli.h"
#include "orch_migrate.h"


/* exit statuses: 1, it did not work; 2, it was called or configured wrongly */

static int orch_usage(FILE *to, int status);
static int orch_command(const char *path, const orch_config_t *config,
    int argc, char **argv);


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

    /* the supervisor's: not a command for people */
    if (argc > 1 && strcmp(argv[1], "launch") == 0) {
        return orch_launch(argc, argv);
    }

    /* nor do these need a configuration */
    if (argc == 3 && strcmp(argv[1], "keygen") == 0) {
        return orch_cli_keygen(argv[2]);
    }

    if (argc == 3 && strcmp(argv[1], "sealkey") == 0) {
        return orch_cli_sealkey(argv[2]);
    }

    /* "+": what follows the command is the command's */
    while ((c = getopt_long(argc, argv, "+hVc:", orch_options, NULL)) != -1) {
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

    argc -= optind;
    argv += optind;

    pt_buf_init(&error, &pt_mem_heap, 1024);

    if (orch_config_load(path, &config, &error) != PT_OK) {
        pt_log(PT_LOG_ERROR, "config", "%.*s", PT_STR_ARG(pt_buf_str(&error)));
        pt_buf_done(&error);
        return ORCH_EXIT_USAGE;
    }

    pt_log_set_level(config.log_level);
    pt_log_set_json(config.log_json);

    status = orch_command(path, &config, argc, argv);

    orch_config_done(&config);
    pt_buf_done(&error);

    return status;
}


static int
orch_command(const char *path, const orch_config_t *config, int argc,
    char **argv)
{
    const char  *command = argc ? argv[0] : "run";

    if (strcmp(command, "jobs") == 0) {
        return orch_cli_jobs(config, argc - 1, argv + 1);
    }

    if (argc > 1) {
        return orch_usage(stderr, ORCH_EXIT_USAGE);
    }

    if (strcmp(command, "run") == 0) {
        return orch_run(path, config);
    }

    if (strcmp(command, "migrate") == 0) {
        return orch_migrate(config) == PT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    }

    if (strcmp(command, "check") == 0) {
        return orch_cli_check(config);
    }

    if (strcmp(command, "status") == 0) {
        return orch_cli_status(config);
    }

    if (strcmp(command, "drain") == 0) {
        return orch_cli_drain(config);
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
          "  check       look at the configuration, its folders and programs,\n"
          "              and the database, and exit\n"
          "  status      what runs and what waits, of the one that runs\n"
          "  jobs ...    list, show, cancel and redrive jobs; see \"jobs\" alone\n"
          "  drain       the one that runs begins nothing, finishes, and ends\n"
          "  keygen FILE makes a pair of keys for tcp:// (alone, without -c)\n"
          "  sealkey FILE makes a key that seals secrets, the first of FILE's\n"
          "              (alone, without -c)\n"
          "\n"
          "  -c, --config FILE   /etc/pitchey/orchestrator.conf\n"
          "  -h, --help          this text\n"
          "  -V, --version       the version\n"
          "\n"
          "Signals: HUP reads the configuration again, TERM stops within 10 s\n"
          "(processors live on, and the next orchestrator adopts them), USR1\n"
          "drains.\n",
          to);

    return status;
}
