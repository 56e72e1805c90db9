/* The other end: takes calls (180 and 200 at once), BYE, OPTIONS and REGISTER, over UDP, TCP and TLS. */
#ifndef ANSWERER_H
#define ANSWERER_H
#include "links.h"

void answerer_start(enum transport transport, struct sockaddr_in local);
/* Calls whose 200 still waits for its ACK, or that wait for BYE. */
int answers_alive(void);
void answers_forget(void);

#endif
