/* The other end: takes calls (180 and 200 at once), BYE, OPTIONS and REGISTER, over UDP, TCP and TLS. */
#ifndef ANSWERER_H
#define ANSWERER_H
#include "links.h"

/* SDP of each answer, and the `c=` line that every offer has when media goes through a relay; empty: not looked at. */
void answerer_says(struct text answer, struct text media);
void answerer_start(enum transport transport, struct sockaddr_in local);
/* Calls whose 200 still waits for its ACK, or that wait for BYE. */
int answers_alive(void);
void answers_forget(void);

#endif
