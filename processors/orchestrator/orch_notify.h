/* What systemd wants to know, over the socket in NOTIFY_SOCKET (sd_notify(3)). */

#ifndef ORCH_NOTIFY_H
#define ORCH_NOTIFY_H

#include <stdint.h>


/* "READY=1", "STOPPING=1", ...; does nothing where nobody listens */
void orch_notify(const char *state);

/* RELOADING=1, to be followed by READY=1 */
void orch_notify_reloading(void);

/* every second: WATCHDOG=1, where a watchdog waits for us */
void orch_notify_alive(void);


#endif /* ORCH_NOTIFY_H */
