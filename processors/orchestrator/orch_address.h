/* Which addresses are the public Internet's (RFC 6890): no state, no system. */

#ifndef ORCH_ADDRESS_H
#define ORCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>


/*
 * False for private, local, documentation, benchmark, multicast and reserved
 * addresses, and for IPv6 that leads to IPv4 by another way.
 */
bool orch_address_is_public(const struct sockaddr *address);


#endif /* ORCH_ADDRESS_H */
