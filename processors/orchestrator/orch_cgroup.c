/* Control groups, and becoming a processor. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orch_cgroup.h"


/* of cpu.max: a share of each tenth of a second */
#define ORCH_CGROUP_PERIOD_US  100000

/* as the shell says it of a program that cannot be run */
#define ORCH_LAUNCH_FAILED     126


/* where we and what came with us go; a service's groups have dots */
#define ORCH_CGROUP_OWN  "orchestrator"


static bool orch_cgroup_has(const char *folder, const char *controller);
static pt_err_t orch_cgroup_leave(const char *folder);
static pt_err_t orch_cgroup_write(const char *folder, const char *name,
    const char *value);


bool
orch_cgroup_open(const char *folder)
{
    if (!orch_cgroup_has(folder, "memory") || !orch_cgroup_has(folder, "cpu"))
    {
        pt_log(PT_LOG_WARN, "supervisor", "\"%s\" has no controllers of "
               "memory and CPU: processors are limited by rlimits only",
               folder);
        return false;
    }

    /* the kernel refuses it to a group that has processes of its own */
    if (orch_cgroup_leave(folder) != PT_OK
        || orch_cgroup_write(folder, "cgroup.subtree_control", "+memory +cpu")
           != PT_OK)
    {
        pt_log(PT_LOG_WARN, "supervisor", "could not turn on the controllers "
               "of \"%s\": %m", folder);
        return false;
    }

    return true;
}


/* names between blanks */
static bool
orch_cgroup_has(const char *folder, const char *controller)
{
    char    path[4096], text[1024], *word, *rest = text;
    FILE   *f;
    size_t  n;

    if (snprintf(path, sizeof(path), "%s/cgroup.controllers", folder)
        >= (int) sizeof(path))
    {
        return false;
    }

    f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }

    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);

    while ((word = strsep(&rest, " \n")) != NULL) {
        if (strcmp(word, controller) == 0) {
            return true;
        }
    }

    return false;
}


/*
 * Who sits in the folder moves into a group below it: systemd starts us in the
 * very group that it has delegated to us.
 */
static pt_err_t
orch_cgroup_leave(const char *folder)
{
    char      path[4096], own[4096], pid[32];
    FILE     *f;
    pt_err_t  err = PT_OK;

    if (snprintf(path, sizeof(path), "%s/cgroup.procs", folder)
        >= (int) sizeof(path)
        || snprintf(own, sizeof(own), "%s/" ORCH_CGROUP_OWN, folder)
           >= (int) sizeof(own))
    {
        return PT_E_INVALID;
    }

    f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT ? PT_OK : PT_E_IO;
    }

    while (err == PT_OK && fgets(pid, sizeof(pid), f) != NULL) {
        pid[strcspn(pid, "\n")] = '\0';

        if (mkdir(own, 0755) != 0 && errno != EEXIST) {
            err = PT_E_IO;

        /* one that has ended meanwhile is not in the way */
        } else if (orch_cgroup_write(own, "cgroup.procs", pid) != PT_OK
                   && errno != ESRCH)
        {
            err = PT_E_IO;
        }
    }

    fclose(f);

    return err;
}


void
orch_cgroup_make(const char *folder, const orch_config_processor_t *p,
    unsigned number, char *ret_path, size_t size)
{
    char      value[64];
    pt_err_t  err = PT_OK;

    /* our pid: the groups of the orchestrator before us may live */
    if (snprintf(ret_path, size, "%s/%s.%d.%u", folder, p->service,
                 (int) getpid(), number) >= (int) size
        || (mkdir(ret_path, 0755) != 0 && errno != EEXIST))
    {
        pt_log(PT_LOG_WARN, "supervisor", "could not make a control group in "
               "\"%s\": %m", folder);
        *ret_path = '\0';
        return;
    }

    if (p->memory_bytes) {
        snprintf(value, sizeof(value), "%lld", (long long) p->memory_bytes);
        err = orch_cgroup_write(ret_path, "memory.max", value);
    }

    if (err == PT_OK && p->cpu_percent) {
        snprintf(value, sizeof(value), "%llu %d",
                 p->cpu_percent * (ORCH_CGROUP_PERIOD_US / 100ULL),
                 ORCH_CGROUP_PERIOD_US);
        err = orch_cgroup_write(ret_path, "cpu.max", value);
    }

    if (err != PT_OK) {
        pt_log(PT_LOG_WARN, "supervisor", "could not set the limits of "
               "\"%s\": %m", ret_path);
    }
}


static pt_err_t
orch_cgroup_write(const char *folder, const char *name, const char *value)
{
    int      fd, error;
    char     path[4096];
    ssize_t  n;

    if (snprintf(path, sizeof(path), "%s/%s", folder, name)
        >= (int) sizeof(path))
    {
        return PT_E_INVALID;
    }

    /* the kernel's files are there; those of a stand-in are made */
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return PT_E_IO;
    }

    n = write(fd, value, strlen(value));
    error = errno;
    close(fd);
    errno = error;                  /* of the write, for who logs it */

    return n == (ssize_t) strlen(value) ? PT_OK : PT_E_IO;
}


void
orch_cgroup_remove(const char *path)
{
    if (*path && rmdir(path) != 0) {
        pt_log(PT_LOG_DEBUG, "supervisor", "could not remove \"%s\": %m",
               path);
    }
}


int
orch_launch(int argc, char **argv)
{
    struct rlimit   limit;
    const char     *what = "the group", *program;

    if (argc < ORCH_LAUNCH_WORDS) {
        return ORCH_LAUNCH_FAILED;
    }

    program = argv[ORCH_LAUNCH_WORDS - 1];

    /* before anything is allocated or forked, so that all of it counts there */
    if (*argv[4] && orch_cgroup_write(argv[4], "cgroup.procs", "0") != PT_OK) {
        goto failed;
    }

    what = "the priority";

    if (setpriority(PRIO_PROCESS, 0, atoi(argv[2])) != 0) {
        goto failed;
    }

    what = "the limit of memory";
    limit.rlim_cur = limit.rlim_max = (rlim_t) atoll(argv[3]);

    if (limit.rlim_cur && setrlimit(RLIMIT_AS, &limit) != 0) {
        goto failed;
    }

    what = "the program";
    execv(program, argv + ORCH_LAUNCH_WORDS - 1);

failed:

    pt_log(PT_LOG_ERROR, "supervisor", "could not set %s of \"%s\": %m", what,
           program);

    return ORCH_LAUNCH_FAILED;
}
