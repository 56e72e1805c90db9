#define _GNU_SOURCE
#include "caller.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "figures.h"
#include "timers.h"

#define T1 500u /* §17.1.1.1, ms */
#define T2 4000u
#define CALLS 131072 /* at once; untouched memory of unused ones costs nothing */
#define OPENING_AT_ONCE 64
#define ROUTE_SET_SIZE 1536
#define REQUEST_SIZE 4096

/* A client transaction, and around INVITE and BYE the call they belong to. */
enum step {
  FREE,
  INVITING,   /* INVITE sent, no response */
  PROCEEDING, /* provisional response came: no more retransmissions (§17.1.1.2) */
  HOLDING,    /* ACK sent */
  ENDING,     /* BYE sent */
  ASKING,     /* OPTIONS or REGISTER sent */
};

struct call {
  struct timer timer;
  uint64_t sent_us, started_us;
  struct link_reference link;
  uint32_t serial, interval_ms;
  enum step step;
  bool measured, rang, registering;
  char to_tag[96], remote_target[768], route_set[ROUTE_SET_SIZE]; /* §12.1.2 */
  struct sockaddr_in next_hop;
  size_t request_length, ack_length;
  char request[REQUEST_SIZE], ack[REQUEST_SIZE]; /* as sent, for retransmission */
};

struct plan plan;
static const struct caller_settings *settings;
static struct call *calls;
static uint32_t *unused_calls, unused_count;
static int alive, waiting;
static uint32_t next_serial = 1;
static char nonce[9];
static struct link *datagrams;      /* the one socket of UDP callers */
static struct link **clients;       /* connections, open or opening */
static int client_count, client_room, client_turn, opening, failed_clients, registered, register_turn, handshakes_wanted, handshakes_now;
static bool handshaking;

static bool reliable(void) { return settings->transport != UDP; }

static void client_message(struct link *link, const struct sockaddr_in *from, const struct sip *message);
static void client_opened(struct link *link);
static void client_lost(struct link *link);
static void client_ponged(struct link *link);
static const struct link_user client_user = {client_opened, client_message, client_lost, client_ponged};

void caller_start(const struct caller_settings *given) {
  settings = given;
  calls = calloc(CALLS, sizeof *calls);
  unused_calls = malloc(CALLS * sizeof *unused_calls);
  for (uint32_t i = 0; i < CALLS; i++) unused_calls[i] = CALLS - 1 - i; /* low slots first: few pages are touched */
  unused_count = CALLS;
  srandom((unsigned)clock_us);
  snprintf(nonce, sizeof nonce, "%08lx", random());
  if (!reliable()) datagrams = link_bind(settings->from, &client_user);
}

/* ---- writing requests ---- */

static void put_slot(struct page *page, const struct call *call) {
  put_hex(page, (uint32_t)(call - calls));
  put_hex(page, call->serial);
}

static void put_address(struct page *page, const struct link *link) {
  char host[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &link->local.sin_addr, host, sizeof host);
  if (settings->transport >= WS) { /* RFC 7118 §5: a browser has no address that means anything */
    put_hex(page, (uint32_t)ntohs(link->local.sin_port));
    PUT(page, ".invalid");
    return;
  }
  put_string(page, host);
  PUT(page, ":");
  put_number(page, ntohs(link->local.sin_port));
}

/* Of the SIP proxies of Teams, as they were seen on the wire; the values are made up. */
#define HUB_CALLER "Ana Test<sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone>"
#define HUB_TARGET \
  "<sip:api-du-a-euwe.pstnhub.microsoft.com:443;x-i=4b1e8f0c-55a1-4c2f-9f86-0a7d0d6a1e55;" \
  "x-c=9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5/d/8/1f0e2d3c4b5a69788796a5b4c3d2e1f0>"
#define HUB_HEADERS \
  "RECORD-ROUTE: <sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>\r\nMIN-SE: 300\r\nSUPPORTED: timer\r\n" \
  "USER-AGENT: Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3\r\nALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY\r\n" \
  "SESSION-EXPIRES: 3600\r\nMS-CONVERSATION-ID: 6b0f1c2d3e4f5a6b7c8d9e0f1a2b3c4d\r\nCONTENT-TYPE: application/sdp\r\nCONTENT-LENGTH: "

static void put_contact(struct page *page, const struct link *link) {
  if (settings->hub) {
    PUT(page, "CONTACT: " HUB_TARGET);
    return;
  }
  PUT(page, "Contact: <sip:caller@");
  put_address(page, link);
  if (reliable()) {
    PUT(page, ";transport=");
    put_string(page, URI_TOKEN[settings->transport]);
  }
  PUT(page, ">");
}

/* Everything up to Max-Forwards; the branch is the slot, the serial and the method's first letter, so a response names its transaction. */
static void put_head(struct page *page, const struct call *call, const struct link *link, struct text method, struct text uri, char letter) {
  put(page, method);
  PUT(page, " ");
  put(page, uri);
  PUT(page, " SIP/2.0\r\nVia: SIP/2.0/");
  put_string(page, VIA_TOKEN[settings->transport]);
  PUT(page, " ");
  put_address(page, link);
  PUT(page, ";branch=z9hG4bK");
  put_slot(page, call);
  put(page, (struct text){&letter, 1});
  put_string(page, nonce);
  if (!reliable()) PUT(page, ";rport");
  PUT(page, "\r\nMax-Forwards: 70\r\n");
}

static void put_dialog(struct page *page, const struct call *call, bool in_dialog, struct text sequence, struct text method, struct text uri) {
  if (settings->hub) PUT(page, "FROM: " HUB_CALLER ";tag=");
  else PUT(page, "From: <sip:caller@bench.invalid>;tag=");
  put_slot(page, call);
  PUT(page, "\r\nTo: <");
  put(page, uri);
  PUT(page, ">");
  if (in_dialog) {
    PUT(page, ";tag=");
    put_string(page, call->to_tag);
  }
  PUT(page, "\r\nCall-ID: ");
  put_slot(page, call);
  put_string(page, nonce);
  PUT(page, "@bench.invalid\r\nCSeq: ");
  put(page, sequence);
  PUT(page, " ");
  put(page, method);
  PUT(page, "\r\n");
}

static void put_nothing_more(struct page *page) { PUT(page, "User-Agent: edgeways-bench\r\nContent-Length: 0\r\n\r\n"); }

static bool send_text(struct link *link, const struct call *call, struct text text) {
  if (!text.len) return false;
  return link_send(link, reliable() ? NULL : call->next_hop.sin_port ? &call->next_hop : &settings->edge, text);
}

/* ---- the life of a call ---- */

static void free_call(struct call *call) {
  timer_stop(&call->timer);
  if (call->step != HOLDING) waiting--;
  struct link *link = link_follow(call->link);
  if (call->registering && link) link->busy = false;
  call->step = FREE;
  unused_calls[unused_count++] = (uint32_t)(call - calls);
  alive--;
}

static void finish(struct call *call, bool completed) {
  if (plan.measuring) figures.finished_inside += completed;
  if (call->measured) {
    if (completed) figures.completed++;
    else figures.failed++;
  }
  free_call(call);
}

static void expired(struct timer *timer);

/* Half a message is never sent; `full` means that an edge's Record-Route or Contact outgrew every sensible size. */
static size_t seal(const struct page *page) {
  if (page->full) figure_bad("request too long", page->at, page->len);
  return page->full ? 0 : page->len;
}

/* Sends the request in `call->request` and starts Timer A or E; with reliable transports the first expiry only notes that it is late. */
static void begin_transaction(struct call *call, struct link *link) {
  call->sent_us = clock_us;
  call->interval_ms = T1;
  timer_start(&call->timer, T1, expired);
  send_text(link, call, (struct text){call->request, call->request_length});
}

static void send_bye(struct call *call) {
  struct link *link = link_follow(call->link);
  struct page page = {call->request, 0, REQUEST_SIZE, false};
  waiting++;
  call->step = ENDING;
  if (!link) {
    finish(call, false);
    return;
  }
  put_head(&page, call, link, TEXT("BYE"), text_of(call->remote_target), 'b');
  put_string(&page, call->route_set);
  put_dialog(&page, call, true, TEXT("2"), TEXT("BYE"), text_of(settings->target));
  put_nothing_more(&page);
  call->request_length = seal(&page);
  begin_transaction(call, link);
}

static void count_repeat(const struct call *call) {
  if (call->step == INVITING) figures.repeated_invite++;
  else if (call->step == ENDING) figures.repeated_bye++;
  else figures.repeated_other++;
}

static void expired(struct timer *timer) {
  struct call *call = (struct call *)timer;
  if (call->step == HOLDING) {
    send_bye(call);
    return;
  }
  uint64_t waited_ms = (clock_us - call->sent_us) / 1000;
  if (waited_ms >= plan.timeout_ms) {
    if (call->measured) figures.timeouts++;
    finish(call, false);
    return;
  }
  uint32_t left = plan.timeout_ms - (uint32_t)waited_ms;
  if (call->step == PROCEEDING) {
    timer_start(timer, left, expired);
    return;
  }
  struct link *link = link_follow(call->link);
  if (reliable()) {
    if (call->measured) figures.late++; /* over UDP this would be a retransmission */
    timer_start(timer, left, expired);
    return;
  }
  if (call->measured) count_repeat(call);
  if (link) send_text(link, call, (struct text){call->request, call->request_length});
  call->interval_ms *= 2; /* Timer A doubles without bound, Timer E up to T2 (§17.1.1.2, §17.1.2.2) */
  if (call->step != INVITING && call->interval_ms > T2) call->interval_ms = T2;
  timer_start(timer, call->interval_ms < left ? call->interval_ms : left, expired);
}

static struct call *new_call(struct link *link, enum step step) {
  if (!unused_count) return NULL;
  struct call *call = &calls[unused_calls[--unused_count]];
  call->serial = next_serial++;
  call->step = step;
  call->started_us = clock_us;
  call->measured = plan.measuring;
  call->rang = call->registering = false;
  call->link = link_refer(link);
  call->to_tag[0] = call->route_set[0] = 0;
  call->next_hop.sin_port = 0;
  call->ack_length = 0;
  if (call->measured) figures.started++;
  alive++;
  waiting++;
  return call;
}

/* Calls go round the open connections. */
static struct link *next_client(void) {
  if (datagrams) return datagrams;
  for (int tried = 0; tried < client_count; tried++) {
    struct link *link = clients[client_turn++ % client_count];
    if (link->state == LINK_OPEN) return link;
  }
  return NULL;
}

bool call_start(void) {
  struct link *link = next_client();
  struct call *call = link ? new_call(link, INVITING) : NULL;
  if (!call) return false;
  struct page page = {call->request, 0, REQUEST_SIZE, false};
  struct text target = text_of(settings->target);
  put_head(&page, call, link, TEXT("INVITE"), target, 'i');
  put_dialog(&page, call, false, TEXT("1"), TEXT("INVITE"), target);
  put_contact(&page, link);
  if (settings->hub) PUT(&page, "\r\n" HUB_HEADERS);
  else
    PUT(&page, "\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nSupported: replaces\r\nUser-Agent: edgeways-bench\r\n"
               "Content-Type: application/sdp\r\nContent-Length: ");
  put_number(&page, settings->offer.len);
  PUT(&page, "\r\n\r\n");
  put(&page, settings->offer);
  call->request_length = seal(&page);
  begin_transaction(call, link);
  return true;
}

bool options_start(void) {
  struct link *link = next_client();
  struct call *call = link ? new_call(link, ASKING) : NULL;
  if (!call) return false;
  struct page page = {call->request, 0, REQUEST_SIZE, false};
  struct text target = text_of(settings->target);
  put_head(&page, call, link, TEXT("OPTIONS"), target, 'o');
  put_dialog(&page, call, false, TEXT("1"), TEXT("OPTIONS"), target);
  put_contact(&page, link);
  PUT(&page, "\r\n");
  put_nothing_more(&page);
  call->request_length = seal(&page);
  begin_transaction(call, link);
  return true;
}

/* The address that a client registers: everybody has one of his own. */
static void put_record(struct page *page, const struct link *link) {
  PUT(page, "<sip:c");
  put_hex(page, link->instance);
  PUT(page, "@bench.invalid>");
}

static bool registration_start(bool again) {
  struct link *link = NULL;
  for (int tried = 0; tried < client_count && !link; tried++) {
    struct link *candidate = clients[register_turn++ % client_count];
    if (candidate->state == LINK_OPEN && candidate->registered == again && !candidate->busy) link = candidate;
  }
  struct call *call = link ? new_call(link, ASKING) : NULL;
  if (!call) return false;
  link->busy = call->registering = true;
  if (!link->registered) link->instance = call->serial;
  struct page page = {call->request, 0, REQUEST_SIZE, false};
  put_head(&page, call, link, TEXT("REGISTER"), text_of(settings->register_uri), 'r');
  PUT(&page, "From: ");
  put_record(&page, link);
  PUT(&page, ";tag=");
  put_slot(&page, call);
  PUT(&page, "\r\nTo: ");
  put_record(&page, link);
  PUT(&page, "\r\nCall-ID: ");
  put_slot(&page, call);
  put_string(&page, nonce);
  PUT(&page, "@bench.invalid\r\nCSeq: 1 REGISTER\r\n");
  put_contact(&page, link);
  PUT(&page, ";reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-0000"); /* RFC 5626 §4.1 */
  put_hex(&page, link->instance);
  PUT(&page, ">\"\r\nExpires: 600\r\nSupported: path, outbound\r\n");
  put_nothing_more(&page);
  call->request_length = seal(&page);
  begin_transaction(call, link);
  return true;
}

bool register_start(void) { return registration_start(false); }
bool refresh_start(void) { return registration_start(true); }

/* ---- responses ---- */

/* Keeps what a 2xx says about the dialog (§12.1.2); false, and counted, when one cannot go on with it. */
static bool keep_dialog(struct call *call, const struct sip *m) {
  struct text entries[SIP_LINES];
  int count = sip_entries(&m->record_route, entries, SIP_LINES);
  figures.record_routes = count;
  struct page page = {call->route_set, 0, ROUTE_SET_SIZE - 1, false};
  int own = settings->hub ? 1 : 0; /* the last entry is the hub's own: who sends through it has it taken off */
  for (int i = count - 1 - own; i >= 0; i--) { /* the caller's route set is Record-Route from the bottom up */
    PUT(&page, "Route: ");
    put(&page, entries[i]);
    PUT(&page, "\r\n");
  }
  call->route_set[page.len] = 0;
  struct text tag = sip_parameter(m->to, TEXT("tag"), NULL), target = sip_uri(m->contact);
  if (page.full || !tag.len || tag.len >= sizeof call->to_tag || !target.len || target.len >= sizeof call->remote_target) {
    figure_bad("2xx without usable To tag, Contact or Record-Route", m->head.at, m->head.len);
    return false;
  }
  memcpy(call->to_tag, tag.at, tag.len);
  call->to_tag[tag.len] = 0;
  memcpy(call->remote_target, target.at, target.len);
  call->remote_target[target.len] = 0;
  if (reliable()) return true; /* the next hop is behind the connection, whatever name it goes by */
  struct text first = count ? sip_uri(entries[count - 1]) : target;
  if (count) {
    bool loose;
    sip_parameter((struct text){first.at, first.len}, TEXT("lr"), &loose);
    if (!loose) figure_bad("top Route without lr", first.at, first.len);
  }
  if (sip_literal(first, 5060, &call->next_hop)) return true;
  call->next_hop.sin_port = 0;
  figure_bad("the UDP caller cannot reach its next hop", first.at, first.len);
  return false;
}

/* `refusal`: a final response other than 2xx, whose ACK belongs to the INVITE's transaction (§17.1.1.3). */
static void acknowledge(struct call *call, struct link *link, const struct sip *refusal) {
  struct page page = {call->ack, 0, REQUEST_SIZE, false};
  struct text target = text_of(settings->target);
  put_head(&page, call, link, TEXT("ACK"), refusal ? target : text_of(call->remote_target), refusal ? 'i' : 'a');
  if (refusal) {
    struct text tag = sip_parameter(refusal->to, TEXT("tag"), NULL);
    size_t length = tag.len < sizeof call->to_tag ? tag.len : 0;
    memcpy(call->to_tag, tag.at, length);
    call->to_tag[length] = 0;
  } else {
    put_string(&page, call->route_set);
  }
  put_dialog(&page, call, true, TEXT("1"), TEXT("ACK"), target);
  put_nothing_more(&page);
  call->ack_length = seal(&page);
  send_text(link, call, (struct text){call->ack, call->ack_length});
}

static void refused(struct call *call, const struct sip *m) {
  if (call->measured) figures.status[m->status]++;
  finish(call, false);
}

static void invite_response(struct call *call, struct link *link, const struct sip *m) {
  if (m->status < 200) {
    if (m->status == 180 && !call->rang) {
      call->rang = true;
      if (call->measured) delay_add(&figures.ringing, clock_us - call->started_us);
    }
    if (call->step == INVITING) {
      call->step = PROCEEDING;
      timer_start(&call->timer, plan.timeout_ms, expired);
    }
    return;
  }
  if (call->step != INVITING && call->step != PROCEEDING) {
    if (m->status < 300 && call->ack_length) { /* §13.2.2.4: each 2xx that comes again gets the ACK again */
      if (call->measured) figures.repeated_answer++;
      send_text(link, call, (struct text){call->ack, call->ack_length});
    }
    return;
  }
  if (m->status >= 300) {
    acknowledge(call, link, m);
    refused(call, m);
    return;
  }
  if (call->measured) delay_add(&figures.answered, clock_us - call->started_us);
  if (!text_within(m->body, settings->media)) figure_bad("an answer without the relay's address", m->body.at, m->body.len);
  if (!keep_dialog(call, m)) {
    finish(call, false);
    return;
  }
  acknowledge(call, link, NULL);
  call->step = HOLDING;
  waiting--;
  timer_start(&call->timer, plan.hold_ms, expired);
}

static struct call *find_call(const struct sip *m) {
  uint32_t slot, serial;
  if (m->call_id.len < 24 || !read_hex(m->call_id.at, &slot) || !read_hex(m->call_id.at + 8, &serial)) return NULL;
  if (memcmp(m->call_id.at + 16, nonce, 8) || slot >= CALLS) return NULL;
  struct call *call = &calls[slot];
  return call->step != FREE && call->serial == serial ? call : NULL;
}

static void response(struct link *link, const struct sip *m) {
  struct call *call = find_call(m);
  if (!call) {
    figures.stray++;
    return;
  }
  char letter = (char)(m->method.at[0] | 0x20);
  struct text branch = sip_parameter(m->via.line[0], TEXT("branch"), NULL);
  if (m->via.count != 1 || branch.len != 32 || memcmp(branch.at + 7, m->call_id.at, 16) || branch.at[23] != letter)
    figure_bad("response with other Vias than ours", m->head.at, m->head.len);
  if (letter == 'i') {
    invite_response(call, link, m);
    return;
  }
  if (call->step == HOLDING || (letter == 'b') != (call->step == ENDING)) {
    figures.stray++;
    return;
  }
  if (m->status < 200) return;
  if (call->measured) delay_add(&figures.ended, clock_us - call->sent_us);
  if (m->status >= 300) {
    refused(call, m);
    return;
  }
  if (call->registering && !link->registered) {
    link->registered = true;
    registered++;
  }
  finish(call, true);
}

/* The edge may ask whether we are alive. */
static void answer_options(struct link *link, const struct sockaddr_in *from, const struct sip *m) {
  char text[4096];
  struct page page = {text, 0, sizeof text, false};
  PUT(&page, "SIP/2.0 200 OK\r\n");
  for (int i = 0; i < m->via.count; i++) {
    PUT(&page, "Via: ");
    put(&page, m->via.line[i]);
    PUT(&page, "\r\n");
  }
  PUT(&page, "From: ");
  put(&page, m->from);
  PUT(&page, "\r\nTo: ");
  put(&page, m->to);
  PUT(&page, ";tag=alive\r\nCall-ID: ");
  put(&page, m->call_id);
  PUT(&page, "\r\nCSeq: ");
  put(&page, m->cseq);
  PUT(&page, "\r\nContent-Length: 0\r\n\r\n");
  if (!page.full) link_send(link, from, (struct text){text, page.len});
}

static void client_message(struct link *link, const struct sockaddr_in *from, const struct sip *message) {
  if (!message->request) response(link, message);
  else if (text_same(message->method, TEXT("OPTIONS"))) answer_options(link, from, message);
  else figure_bad("unexpected request to a caller", message->head.at, message->head.len);
}

/* ---- connections ---- */

static struct link *open_client(void) {
  static uint32_t turn;
  struct sockaddr_in local = settings->from;
  local.sin_port = 0;
  /* Several source addresses: one has 28,000 ports for one destination, and each is blocked for a minute after use. */
  local.sin_addr.s_addr = htonl(ntohl(local.sin_addr.s_addr) + turn++ % (uint32_t)settings->from_spread);
  return link_connect(settings->transport, local, settings->edge, &client_user);
}

static void forget_client(struct link *link) {
  for (int i = 0; i < client_count; i++)
    if (clients[i] == link) {
      clients[i] = clients[--client_count];
      return;
    }
}

static void next_handshake(void) {
  while (handshakes_now < handshakes_wanted) {
    struct link *link = open_client();
    if (!link) {
      figures.failed++;
      return;
    }
    handshakes_now++;
  }
}

static void client_opened(struct link *link) {
  if (!handshaking) {
    opening--;
    return;
  }
  link_ping(link); /* the server's answer proves that it has finished its side of the handshake as well */
}

static void client_ponged(struct link *link) {
  if (!handshaking) return;
  if (plan.measuring) {
    figures.completed++;
    figures.finished_inside++;
    delay_add(&figures.ended, clock_us - link->begun_us);
  }
  link_close(link);
  handshakes_now--;
  next_handshake();
}

static void client_lost(struct link *link) {
  if (handshaking) {
    handshakes_now--;
    figures.failed++;
    return; /* no new one at once: a server that is gone must not turn this into a busy loop */
  }
  if (link->state != LINK_OPEN) opening--, failed_clients++;
  if (link->registered) registered--;
  forget_client(link);
}

void handshakes_keep(int wanted) {
  handshaking = handshaking || wanted;
  handshakes_wanted = wanted;
  next_handshake();
  if (!wanted && !handshakes_now) handshaking = false;
}

int clients_open(int wanted) {
  if (datagrams) return wanted;
  if (wanted > client_room) {
    clients = realloc(clients, (size_t)wanted * sizeof *clients);
    client_room = wanted;
  }
  while (client_count < wanted && opening < OPENING_AT_ONCE) {
    struct link *link = open_client();
    if (!link) {
      failed_clients++;
      break;
    }
    opening++;
    clients[client_count++] = link;
  }
  return client_count - opening;
}

int clients_failed(void) { return failed_clients; }
int clients_registered(void) { return registered; }
int calls_alive(void) { return alive; }
int calls_waiting(void) { return waiting; }

void calls_forget(void) {
  for (uint32_t i = 0; i < CALLS && alive; i++) {
    struct call *call = &calls[i];
    if (call->step == FREE) continue;
    if (call->measured) figures.timeouts++;
    finish(call, false);
  }
}
