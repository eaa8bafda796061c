/* What an operator does with the store at the shell. */

#ifndef BACKUP_CLI_H
#define BACKUP_CLI_H

#include <stdbool.h>


/* is the first argument a command of ours? */
bool backup_cli_has(const char *command);

/* the exit status */
int backup_cli_main(int argc, char **argv);


#endif /* BACKUP_CLI_H */
