/* Public addresses. */

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "orch_address.h"


static bool orch_address_is_public4(uint32_t ip);
static bool orch_address_is_public6(const uint8_t *ip);


#define NET(a, b, c, d, bits)  { (uint32_t) (a) << 24 | (b) << 16 | (c) << 8 \
                                 | (d), bits }

static const struct {
    uint32_t  net;
    unsigned  bits;
} orch_address_private[] = {
    NET(0, 0, 0, 0, 8),            /* this host */
    NET(10, 0, 0, 0, 8),
    NET(100, 64, 0, 0, 10),        /* behind a carrier's NAT */
    NET(127, 0, 0, 0, 8),
    NET(169, 254, 0, 0, 16),       /* link-local; metadata of clouds */
    NET(172, 16, 0, 0, 12),
    NET(192, 0, 0, 0, 24),
    NET(192, 0, 2, 0, 24),         /* documentation */
    NET(192, 88, 99, 0, 24),       /* 6to4 relays */
    NET(192, 168, 0, 0, 16),
    NET(198, 18, 0, 0, 15),        /* benchmarks */
    NET(198, 51, 100, 0, 24),
    NET(203, 0, 113, 0, 24),
    NET(224, 0, 0, 0, 4),          /* multicast */
    NET(240, 0, 0, 0, 4)           /* reserved, broadcast */
};


bool
orch_address_is_public(const struct sockaddr *address)
{
    struct sockaddr_in   in;
    struct sockaddr_in6  in6;

    switch (address->sa_family) {

    case AF_INET:
        memcpy(&in, address, sizeof(in));
        return orch_address_is_public4(ntohl(in.sin_addr.s_addr));

    case AF_INET6:
        memcpy(&in6, address, sizeof(in6));
        return orch_address_is_public6(in6.sin6_addr.s6_addr);

    default:
        return false;
    }
}


static bool
orch_address_is_public4(uint32_t ip)
{
    size_t    i;
    uint32_t  mask;

    for (i = 0; i < sizeof(orch_address_private)
                    / sizeof(orch_address_private[0]); i++)
    {
        mask = UINT32_MAX << (32 - orch_address_private[i].bits);

        if ((ip & mask) == orch_address_private[i].net) {
            return false;
        }
    }

    return true;
}


/* global unicast is 2000::/3; all else is local, or IPv4 in disguise */
static bool
orch_address_is_public6(const uint8_t *ip)
{
    static const uint8_t  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
                                         0xff };

    if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
        return orch_address_is_public4((uint32_t) ip[12] << 24
                                       | (uint32_t) ip[13] << 16
                                       | (uint32_t) ip[14] << 8 | ip[15]);
    }

    if ((ip[0] & 0xe0) != 0x20) {
        return false;
    }

    /* 2001::/23: Teredo, ORCHID and other special uses; 2001:db8::/32 */
    if (ip[0] == 0x20 && ip[1] == 0x01
        && (ip[2] < 0x02 || (ip[2] == 0x0d && ip[3] == 0xb8)))
    {
        return false;
    }

    /* 2002::/16 has an IPv4 address in it; 3fff::/20 is documentation */
    return !(ip[0] == 0x20 && ip[1] == 0x02)
           && !(ip[0] == 0x3f && ip[1] == 0xff && (ip[2] & 0xf0) == 0);
}
