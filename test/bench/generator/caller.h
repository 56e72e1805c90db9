/* The endpoints that place calls, register, send OPTIONS and open connections. */
#ifndef CALLER_H
#define CALLER_H
#include "links.h"

struct caller_settings {
  enum transport transport;
  struct sockaddr_in edge, from;
  int from_spread; /* how many addresses, from `from` upwards, connections are opened from */
  const char *target;   /* Request-URI of calls and OPTIONS */
  const char *register_uri;
  struct text offer; /* SDP of each INVITE */
  bool hub; /* speaks as the hubs of Teams do: their header names, a Contact that leads elsewhere, a Record-Route of their own */
  struct text media; /* `c=` line that every answer has, because media goes through a relay; empty: not looked at */
};

extern struct plan {
  bool measuring; /* what starts now belongs to the figures */
  uint32_t hold_ms, timeout_ms;
} plan;

void caller_start(const struct caller_settings *settings);
/* Opens connections until there are `wanted`; returns how many are open now. */
int clients_open(int wanted);
int clients_failed(void);
bool call_start(void);
bool options_start(void);
/* The next client that is not registered; false when there is none or none is ready. */
bool register_start(void);
/* The next client that is registered does it again; false when none is ready. */
bool refresh_start(void);
int clients_registered(void);
/* Keeps `wanted` handshakes under way until called with 0. */
void handshakes_keep(int wanted);
/* How many calls and other requests have not ended, and how many of them wait for a final response. */
int calls_alive(void);
int calls_waiting(void);
/* Forgets what is still under way: what belongs to the figures counts as failed by timeout. */
void calls_forget(void);

#endif
