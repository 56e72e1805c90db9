/*
 * A SIP load generator for one CPU: callers and answerers in one process and one loop, so that a delay is measured with one clock
 * and nothing waits for another process. It takes commands on stdin, one line each, and writes one JSON object for each event:
 *
 *   clients N                              opens connections until there are N
 *   calls rate=R warm=S secs=S hold=MS timeout=MS
 *   options rate=R warm=S secs=S timeout=MS
 *   register rate=R secs=S                 registers each client that is not registered yet
 *   refresh rate=R warm=S secs=S           registered clients register again, in turn
 *   handshakes at-once=N warm=S secs=S     opens connections and closes them, N at a time
 *   quit                                   (so does the end of stdin)
 *
 * Events: `started`, `open` and `close` (the measured window), `result`. The reader takes the server's CPU time at open and close.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "answerer.h"
#include "caller.h"
#include "figures.h"
#include "links.h"
#include "timers.h"

enum job { NONE, CLIENTS, CALLS, OPTIONS, REGISTER, REFRESH, HANDSHAKES };
enum phase { WARMING, MEASURING, DRAINING };

static const char *const JOB_NAME[] = {"", "clients", "calls", "options", "register", "refresh", "handshakes"};

static struct {
  enum job job;
  enum phase phase;
  double rate, warm, secs;
  int wanted;
  uint64_t begun_us, opened_us, closed_us, attempts;
  double cpu_opened, cpu_closed;
  uint64_t in, out; /* messages inside the window */
} run;

static struct source pace = {.fd = -1}, commands = {.fd = 0};
static bool quitting;

static double cpu_seconds(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void event(const char *name) {
  printf("{\"event\":\"%s\",\"job\":\"%s\"}\n", name, JOB_NAME[run.job]);
  fflush(stdout);
}

/* Wakes the loop often enough that calls start evenly: at their rate, between ten and one times in a millisecond; 0 stops. */
static void set_pace(double rate) {
  long ns = rate <= 0 ? 0 : (long)(1e9 / rate);
  if (ns && ns < 100000) ns = 100000;
  if (ns > 1000000) ns = 1000000;
  struct itimerspec interval = {{0, ns}, {0, ns}};
  timerfd_settime(pace.fd, 0, &interval, NULL);
}

static void pace_ready(struct source *source, uint32_t events) {
  (void)events;
  uint64_t expirations;
  if (read(source->fd, &expirations, sizeof expirations) < 0) return;
}

static void open_window(void) {
  memset(&figures, 0, sizeof figures);
  figures.backlog_open = (uint64_t)calls_waiting();
  run.phase = MEASURING;
  run.opened_us = clock_us;
  run.cpu_opened = cpu_seconds();
  plan.measuring = true;
  event("open");
}

static void close_window(void) {
  run.phase = DRAINING;
  run.closed_us = clock_us;
  run.cpu_closed = cpu_seconds();
  run.in = figures.messages_in;
  run.out = figures.messages_out;
  figures.backlog_close = (uint64_t)calls_waiting();
  plan.measuring = false;
  event("close");
  set_pace(0);
  if (run.job == HANDSHAKES) handshakes_keep(0);
}

static void report(void) {
  double seconds = (double)(run.closed_us - run.opened_us) / 1e6;
  figures.messages_in = run.in;
  figures.messages_out = run.out;
  printf("{\"event\":\"result\",\"job\":\"%s\",\"rate\":%.1f,\"seconds\":%.3f,\"generatorCpu\":%.3f", JOB_NAME[run.job], run.rate, seconds,
         seconds > 0 ? (run.cpu_closed - run.cpu_opened) / seconds : 0);
  printf(",\"clients\":%d,\"clientsFailed\":%d,\"registered\":%d", run.job == CLIENTS ? clients_open(run.wanted) : 0, clients_failed(),
         clients_registered());
  figures_print(stdout);
  printf("}\n");
  fflush(stdout);
  run.job = NONE;
}

/* Starts what is due by now. Open loop: a slow server does not slow the plan down. */
static void start_due(void) {
  uint64_t due = (uint64_t)((double)(clock_us - run.begun_us) * run.rate / 1e6);
  if (run.attempts >= due) return;
  uint64_t behind = clock_us - run.begun_us - (uint64_t)((double)run.attempts * 1e6 / run.rate);
  if (plan.measuring && behind > figures.start_delay_max) figures.start_delay_max = behind;
  while (run.attempts < due) {
    run.attempts++;
    bool started = run.job == CALLS     ? call_start()
                   : run.job == OPTIONS ? options_start()
                   : run.job == REFRESH ? refresh_start()
                                        : register_start();
    if (!started && run.job == REGISTER) run.attempts = due;
    else if (!started && plan.measuring) figures.unsent++;
  }
}

static void step_clients(void) {
  int open = clients_open(run.wanted);
  if (open < run.wanted && clients_failed() < 100 && clock_us - run.begun_us < 120000000) return;
  run.opened_us = run.begun_us;
  run.closed_us = clock_us;
  set_pace(0);
  report();
}

static void step(void) {
  if (run.job == NONE) return;
  if (run.job == CLIENTS) {
    step_clients();
    return;
  }
  double elapsed = (double)(clock_us - run.begun_us) / 1e6;
  if (run.phase == WARMING && elapsed >= run.warm) open_window();
  if (run.phase == MEASURING && elapsed >= run.warm + run.secs) close_window();
  if (run.phase == MEASURING && run.job == REGISTER && clients_registered() >= clients_open(0)) close_window();
  if (run.phase != DRAINING) {
    if (run.job == HANDSHAKES) handshakes_keep(run.wanted);
    else start_due();
    return;
  }
  bool over = (clock_us - run.closed_us) / 1000 > plan.timeout_ms + plan.hold_ms + 500;
  if (run.job == HANDSHAKES) {
    handshakes_keep(0);
    if ((clock_us - run.closed_us) / 1000 > 300) report();
  } else if (calls_alive() == 0 || over) {
    calls_forget();
    answers_forget();
    report();
  }
}

static double option(const char *line, const char *name, double otherwise) {
  const char *at = strstr(line, name);
  return at ? atof(at + strlen(name)) : otherwise;
}

static void command(const char *line) {
  if (!strncmp(line, "quit", 4)) {
    quitting = true;
    return;
  }
  enum job job = NONE;
  for (enum job each = CLIENTS; each <= HANDSHAKES; each++)
    if (!strncmp(line, JOB_NAME[each], strlen(JOB_NAME[each]))) job = each;
  if (job == NONE || run.job != NONE) {
    fprintf(stderr, "generator: %s: %s\n", run.job ? "busy" : "unknown command", line);
    return;
  }
  memset(&run, 0, sizeof run);
  memset(&figures, 0, sizeof figures);
  run.job = job;
  run.wanted = job == CLIENTS ? atoi(line + 8) : (int)option(line, "at-once=", 32);
  run.rate = job == HANDSHAKES ? 0 : option(line, "rate=", 200);
  run.warm = job == REGISTER ? 0 : option(line, "warm=", 1);
  run.secs = option(line, "secs=", 3);
  plan.hold_ms = job == CALLS ? (uint32_t)option(line, "hold=", 200) : 1;
  plan.timeout_ms = (uint32_t)option(line, "timeout=", 8000);
  run.begun_us = clock_us;
  event("started");
  set_pace(job == HANDSHAKES || job == CLIENTS ? 1000 : run.rate);
}

static void commands_ready(struct source *source, uint32_t events) {
  (void)events;
  static char text[4096];
  static size_t length;
  ssize_t got = read(source->fd, text + length, sizeof text - 1 - length);
  if (got <= 0) {
    quitting = true;
    return;
  }
  length += (size_t)got;
  text[length] = 0;
  char *eol;
  while ((eol = strchr(text, '\n'))) {
    *eol = 0;
    command(text);
    length -= (size_t)(eol + 1 - text);
    memmove(text, eol + 1, length + 1);
  }
}

/* Session descriptions of usual size, where no files are given; nothing reads them. */
#define SDP_HEAD(version) \
  "v=0\r\no=- 372439440" version " 372439440" version " IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
#define SDP_TAIL "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
static const char OFFER[] = SDP_HEAD("0") "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" SDP_TAIL;
static const char ANSWER[] = SDP_HEAD("1") "m=audio 40002 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n" SDP_TAIL;

static struct text file_text(const char *name) {
  FILE *file = fopen(name, "rb");
  static char rooms[2][4096];
  static int room;
  char *at = rooms[room++ & 1];
  size_t length = file ? fread(at, 1, sizeof *rooms, file) : 0;
  if (file) fclose(file);
  if (!length || length == sizeof *rooms) {
    fprintf(stderr, "generator: %s cannot be read, or has more than 4095 bytes\n", name);
    exit(2);
  }
  return (struct text){at, length};
}

static void usage(void) {
  fprintf(stderr,
          "usage: loadgen --transport udp|tcp|tls|ws|wss --edge IP:PORT --from IP[:PORT] --target URI [options]\n"
          "  --answer udp|tcp|tls:IP:PORT   take calls there (repeatable)\n"
          "  --domain NAME                  for SNI, the HTTP Host and REGISTER's Request-URI\n"
          "  --spread N                     open connections from N addresses, from --from upwards (1)\n"
          "  --offer FILE --reply FILE      session descriptions of callers and answerers\n"
          "  --media IP                     every description that arrives names this address in its c= line\n"
          "  --chain FILE --key FILE        certificate of the TLS answerer\n"
          "  --client-chain FILE --client-key FILE   certificate of the callers' connections\n"
          "  --hub                          callers speak as the hubs of Teams do\n");
  exit(2);
}

static struct sockaddr_in address(const char *text) {
  struct sockaddr_in result = {.sin_family = AF_INET};
  char host[64];
  const char *colon = strchr(text, ':');
  size_t length = colon ? (size_t)(colon - text) : strlen(text);
  if (length >= sizeof host) usage();
  memcpy(host, text, length);
  host[length] = 0;
  if (inet_pton(AF_INET, host, &result.sin_addr) != 1) usage();
  /* The bench floods: it must not be pointed at anybody else by mistake. */
  if (ntohl(result.sin_addr.s_addr) >> 24 != 127) {
    fprintf(stderr, "generator: %s is not a loopback address\n", text);
    exit(2);
  }
  if (colon) result.sin_port = htons((uint16_t)atoi(colon + 1));
  return result;
}

static enum transport transport_named(const char *name, size_t length) {
  static const char *const NAMES[] = {"udp", "tcp", "tls", "ws", "wss"};
  for (int i = 0; i < 5; i++)
    if (strlen(NAMES[i]) == length && !strncmp(NAMES[i], name, length)) return (enum transport)i;
  usage();
  return UDP;
}

int main(int argc, char **argv) {
  static const struct option OPTIONS_KNOWN[] = {{"transport", 1, 0, 't'}, {"edge", 1, 0, 'e'},   {"from", 1, 0, 'f'},  {"spread", 1, 0, 's'},
                                                {"target", 1, 0, 'g'},    {"answer", 1, 0, 'a'}, {"chain", 1, 0, 'c'}, {"key", 1, 0, 'k'},
                                                {"domain", 1, 0, 'd'},    {"offer", 1, 0, 'o'},  {"reply", 1, 0, 'r'}, {"media", 1, 0, 'm'},
                                                {"client-chain", 1, 0, 'C'}, {"client-key", 1, 0, 'K'}, {"hub", 0, 0, 'h'},
                                                {0, 0, 0, 0}};
  static struct link_settings link_settings = {.domain = "sbc.bench.test", .origin = "https://bench.test"};
  static struct caller_settings caller = {.from_spread = 1, .offer = {OFFER, sizeof OFFER - 1}};
  static char relay[64];
  struct text reply = TEXT(ANSWER);
  static char register_uri[256];
  const char *answers[8];
  int answer_count = 0, letter;
  while ((letter = getopt_long(argc, argv, "", OPTIONS_KNOWN, NULL)) != -1) {
    switch (letter) {
      case 't': caller.transport = transport_named(optarg, strlen(optarg)); break;
      case 'e': caller.edge = address(optarg); break;
      case 'f': caller.from = address(optarg); break;
      case 's': caller.from_spread = atoi(optarg) > 0 ? atoi(optarg) : 1; break;
      case 'g': caller.target = optarg; break;
      case 'a': if (answer_count < 8) answers[answer_count++] = optarg; break;
      case 'c': link_settings.chain_file = optarg; break;
      case 'k': link_settings.key_file = optarg; break;
      case 'C': link_settings.client_chain_file = optarg; break;
      case 'K': link_settings.client_key_file = optarg; break;
      case 'h': caller.hub = true; break;
      case 'd': link_settings.domain = optarg; break;
      case 'o': caller.offer = file_text(optarg); break;
      case 'r': reply = file_text(optarg); break;
      case 'm':
        snprintf(relay, sizeof relay, "c=IN IP4 %s\r\n", optarg);
        caller.media = text_of(relay);
        break;
      default: usage();
    }
  }
  if (!caller.edge.sin_port || !caller.from.sin_family || !caller.target) usage();
  snprintf(register_uri, sizeof register_uri, "sip:%s", link_settings.domain);
  caller.register_uri = register_uri;

  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  clock_read();
  links_start(&link_settings);
  answerer_says(reply, caller.media);
  for (int i = 0; i < answer_count; i++) {
    const char *colon = strchr(answers[i], ':');
    if (!colon) usage();
    enum transport transport = transport_named(answers[i], (size_t)(colon - answers[i]));
    if (transport > TLS) usage();
    if (transport == TLS && !link_settings.chain_file) usage();
    answerer_start(transport, address(colon + 1));
  }
  caller_start(&caller);
  pace.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  pace.ready = pace_ready;
  commands.ready = commands_ready;
  watch(&pace, EPOLLIN);
  watch(&commands, EPOLLIN);
  event("ready");
  while (!quitting) {
    links_round(run.job != NONE || answers_alive() ? 1 : 50);
    timers_run();
    step();
  }
  return 0;
}
