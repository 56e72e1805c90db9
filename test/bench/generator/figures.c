#include "figures.h"
#include <string.h>

struct figures figures;

static unsigned cell_of(uint64_t us) {
  if (us < DELAY_STEPS) return (unsigned)us;
  unsigned power = 63u - (unsigned)__builtin_clzll(us);
  unsigned cell = (power - 4) * DELAY_STEPS + (unsigned)(us >> (power - 5)) - DELAY_STEPS;
  return cell < DELAY_CELLS ? cell : DELAY_CELLS - 1;
}

/* The middle of a cell: the inverse of cell_of. */
static uint64_t value_of(unsigned cell) {
  if (cell < DELAY_STEPS) return cell;
  unsigned power = cell / DELAY_STEPS + 4;
  uint64_t low = (uint64_t)(cell % DELAY_STEPS + DELAY_STEPS) << (power - 5);
  return low + ((1ull << (power - 5)) >> 1);
}

void delay_add(struct delays *delays, uint64_t us) {
  delays->count++;
  delays->sum += us;
  if (us > delays->max) delays->max = us;
  delays->cell[cell_of(us)]++;
}

uint64_t delay_percentile(const struct delays *delays, double part) {
  uint64_t wanted = (uint64_t)(part * (double)delays->count + 0.5), seen = 0;
  for (unsigned cell = 0; cell < DELAY_CELLS; cell++) {
    seen += delays->cell[cell];
    if (delays->cell[cell] && seen >= wanted) return value_of(cell);
  }
  return 0;
}

void delay_print(FILE *out, const char *name, const struct delays *delays) {
  fprintf(out, ",\"%s\":{\"count\":%llu,\"p50\":%llu,\"p99\":%llu,\"max\":%llu}", name, (unsigned long long)delays->count,
          (unsigned long long)delay_percentile(delays, 0.5), (unsigned long long)delay_percentile(delays, 0.99),
          (unsigned long long)delays->max);
}

void figure_bad(const char *what, const char *text, size_t length) {
  if (figures.bad++) return;
  int at = snprintf(figures.problem, sizeof figures.problem, "%s: ", what);
  for (size_t i = 0; i < length && at < (int)sizeof figures.problem - 2; i++) {
    char c = text[i];
    figures.problem[at++] = c == '"' || c == '\\' ? '\'' : c < ' ' || c > '~' ? ' ' : c; /* it goes into a JSON string */
  }
  figures.problem[at] = 0;
}

#define COUNT(name, field) fprintf(out, ",\"" name "\":%llu", (unsigned long long)figures.field)

void figures_print(FILE *out) {
  COUNT("started", started);
  COUNT("completed", completed);
  COUNT("failed", failed);
  COUNT("finishedInside", finished_inside);
  COUNT("repeatedInvite", repeated_invite);
  COUNT("repeatedBye", repeated_bye);
  COUNT("repeatedOther", repeated_other);
  COUNT("repeatedAnswer", repeated_answer);
  COUNT("late", late);
  COUNT("absorbed", absorbed);
  COUNT("messagesIn", messages_in);
  COUNT("messagesOut", messages_out);
  COUNT("stray", stray);
  COUNT("bad", bad);
  COUNT("timeouts", timeouts);
  COUNT("lostLinks", lost_links);
  COUNT("unsent", unsent);
  COUNT("backlogOpen", backlog_open);
  COUNT("backlogClose", backlog_close);
  COUNT("startDelayMax", start_delay_max);
  fprintf(out, ",\"recordRoutes\":%d,\"problem\":\"%s\",\"refused\":{", figures.record_routes, figures.problem);
  const char *comma = "";
  for (int status = 300; status < 700; status++) {
    if (!figures.status[status]) continue;
    fprintf(out, "%s\"%d\":%llu", comma, status, (unsigned long long)figures.status[status]);
    comma = ",";
  }
  fprintf(out, "}");
  delay_print(out, "ringing", &figures.ringing);
  delay_print(out, "answered", &figures.answered);
  delay_print(out, "ended", &figures.ended);
}
