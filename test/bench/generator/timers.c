#include "timers.h"
#include <stddef.h>
#include <time.h>

#define SLOTS 32768u /* a turn takes 32.8 s */

static struct timer *wheel[SLOTS];
static uint64_t reached_ms;
uint64_t clock_us;

void clock_read(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  clock_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
  if (!reached_ms) reached_ms = clock_us / 1000;
}

void timer_stop(struct timer *timer) {
  if (!timer->link) return;
  *timer->link = timer->next;
  if (timer->next) timer->next->link = timer->link;
  timer->link = NULL;
}

void timer_start(struct timer *timer, uint32_t delay_ms, void (*fire)(struct timer *)) {
  timer_stop(timer);
  if (delay_ms > SLOTS / 2) delay_ms = SLOTS / 2; /* half a turn is left for a loop that is late */
  timer->due_ms = clock_us / 1000 + (delay_ms ? delay_ms : 1);
  if (timer->due_ms <= reached_ms) timer->due_ms = reached_ms + 1;
  timer->fire = fire;
  struct timer **slot = &wheel[timer->due_ms % SLOTS];
  timer->next = *slot;
  if (timer->next) timer->next->link = &timer->next;
  *slot = timer;
  timer->link = slot;
}

void timers_run(void) {
  uint64_t now_ms = clock_us / 1000;
  while (reached_ms < now_ms) {
    reached_ms++;
    struct timer **slot = &wheel[reached_ms % SLOTS];
    while (*slot) {
      struct timer *timer = *slot;
      timer_stop(timer);
      timer->fire(timer); /* starts go to later slots: a delay is at least 1 ms and below a full turn */
    }
  }
}
