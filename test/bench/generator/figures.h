/* Counters and delays of one measured window. */
#ifndef FIGURES_H
#define FIGURES_H
#include <stdint.h>
#include <stdio.h>

/* Delays in µs; 32 steps for each power of two, so a percentile is right to 3 %. */
#define DELAY_STEPS 32
#define DELAY_CELLS (DELAY_STEPS * 28)

struct delays {
  uint64_t count, sum, max;
  uint32_t cell[DELAY_CELLS];
};

void delay_add(struct delays *delays, uint64_t us);
uint64_t delay_percentile(const struct delays *delays, double part);
void delay_print(FILE *out, const char *name, const struct delays *delays);

struct figures {
  uint64_t started, completed, failed; /* of what was started inside the window, whenever it ended */
  uint64_t finished_inside;            /* what ended inside the window, whenever it was started: for CPU time per call */
  uint64_t repeated_invite, repeated_bye, repeated_other, repeated_answer, late;
  uint64_t absorbed; /* repeats that reached the answerer: the edge's own or passed on */
  uint64_t messages_in, messages_out, stray, bad;
  uint64_t status[700];
  uint64_t timeouts, lost_links, unsent;
  uint64_t backlog_open, backlog_close; /* transactions without final response at either end of the window */
  uint64_t start_delay_max;             /* µs by which the generator itself was behind its plan */
  int record_routes;                    /* entries in the last 2xx to INVITE */
  struct delays ringing, answered, ended;
  char problem[256]; /* the first thing that was wrong */
};

extern struct figures figures;

/* Counts a message that breaks the contract between edge and endpoints, and keeps the first as text. */
void figure_bad(const char *what, const char *text, size_t length);
void figures_print(FILE *out);

#endif
