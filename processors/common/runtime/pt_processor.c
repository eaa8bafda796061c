/* The main function of every processor. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pt_processor.h"
#include "pt_run.h"


int
pt_processor_main(const pt_processor_t *processor, int argc, char **argv)
{
    int  fd;

    /* descriptors 0 to 2 are taken, or a file would become somebody's stderr */
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd < 3);

    (void) close(fd);

    if (argc > 1 && strcmp(argv[1], "run") == 0) {
        return pt_run_main(processor, argc - 1, argv + 1);
    }

    return 2;
}
