/* A wheel of 1 ms slots: starting and stopping a timer is a list operation, however many there are. */
#ifndef TIMERS_H
#define TIMERS_H
#include <stdint.h>

struct timer {
  struct timer *next, **link; /* link: the pointer that points to us; null when not running */
  uint64_t due_ms;
  void (*fire)(struct timer *timer);
};

/* The time that one round of the loop works with, so that a round asks the kernel once. */
extern uint64_t clock_us;
void clock_read(void);

/* Fires once after `delay_ms`; a running timer is moved. */
void timer_start(struct timer *timer, uint32_t delay_ms, void (*fire)(struct timer *));
void timer_stop(struct timer *timer);
void timers_run(void);

#endif
