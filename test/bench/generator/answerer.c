#define _GNU_SOURCE
#include "answerer.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "figures.h"
#include "timers.h"

#define T1 500u
#define T2 4000u
#define GIVE_UP_MS 8000u
#define ANSWERS 131072 /* as many as calls: a Call-ID begins with the caller's slot, which is ours too */
#define MESSAGE_SIZE 8192

enum stage { NOTHING, ANSWERED, CONFIRMED };

struct answer {
  struct timer timer; /* §13.3.1.4: the 200 is repeated until ACK comes, over any transport */
  struct link_reference link;
  struct sockaddr_in to;
  uint32_t serial, interval_ms, waited_ms;
  enum stage stage;
  char *ok; /* the 200 as sent, until ACK */
  size_t ok_length;
};

static struct answer *answers;
static int alive;
static struct sockaddr_in contact[3]; /* by transport */

static struct text sdp, relay;

static void answerer_message(struct link *link, const struct sockaddr_in *from, const struct sip *message);
static void answerer_lost(struct link *link) { (void)link; }
static const struct link_user answerer_user = {NULL, answerer_message, answerer_lost, NULL};

void answerer_says(struct text answer, struct text media) {
  sdp = answer;
  relay = media;
}

void answerer_start(enum transport transport, struct sockaddr_in local) {
  if (!answers) answers = calloc(ANSWERS, sizeof *answers);
  contact[transport] = local;
  if (transport == UDP) link_bind(local, &answerer_user);
  else link_listen(transport, local, &answerer_user);
}

int answers_alive(void) { return alive; }

static void forget(struct answer *answer) {
  if (answer->stage == NOTHING) return;
  timer_stop(&answer->timer);
  free(answer->ok);
  answer->ok = NULL;
  answer->stage = NOTHING;
  alive--;
}

void answers_forget(void) {
  for (int i = 0; i < ANSWERS && alive; i++) forget(&answers[i]);
}

/* ---- writing responses ---- */

static void put_lines(struct page *page, struct text name, const struct lines *lines) {
  for (int i = 0; i < lines->count; i++) {
    put(page, name);
    put(page, lines->line[i]);
    PUT(page, "\r\n");
  }
}

/* RFC 3581 §4: `rport` and `received` tell the sender where its request came from. */
static void put_vias(struct page *page, const struct lines *vias, const struct sockaddr_in *from) {
  struct lines rest = *vias;
  bool asked = false;
  struct text rport = sip_parameter(vias->line[0], TEXT("rport"), &asked);
  if (from && asked && !rport.len) {
    char host[INET_ADDRSTRLEN];
    struct text line = vias->line[0];
    size_t before = (size_t)(rport.at - line.at);
    PUT(page, "Via: ");
    put(page, (struct text){line.at, before});
    PUT(page, "=");
    put_number(page, ntohs(from->sin_port));
    PUT(page, ";received=");
    put_string(page, inet_ntop(AF_INET, &from->sin_addr, host, sizeof host));
    put(page, (struct text){line.at + before, line.len - before});
    PUT(page, "\r\n");
    memmove(rest.line, rest.line + 1, sizeof rest.line - sizeof *rest.line);
    rest.count--;
  }
  put_lines(page, TEXT("Via: "), &rest);
}

static void put_head(struct page *page, const struct sip *m, struct text status, const struct sockaddr_in *from) {
  bool tagged;
  sip_parameter(m->to, TEXT("tag"), &tagged);
  PUT(page, "SIP/2.0 ");
  put(page, status);
  PUT(page, "\r\n");
  put_vias(page, &m->via, from);
  PUT(page, "From: ");
  put(page, m->from);
  PUT(page, "\r\nTo: ");
  put(page, m->to);
  if (!tagged) PUT(page, ";tag=answer"); /* the same for each retransmission, and the Call-ID makes the dialog unique */
  PUT(page, "\r\nCall-ID: ");
  put(page, m->call_id);
  PUT(page, "\r\nCSeq: ");
  put(page, m->cseq);
  PUT(page, "\r\n");
}

static void put_contact(struct page *page, enum transport transport) {
  char host[INET_ADDRSTRLEN];
  PUT(page, "Contact: <sip:answer@");
  put_string(page, inet_ntop(AF_INET, &contact[transport].sin_addr, host, sizeof host));
  PUT(page, ":");
  put_number(page, ntohs(contact[transport].sin_port));
  if (transport != UDP) {
    PUT(page, ";transport=");
    put_string(page, URI_TOKEN[transport]);
  }
  PUT(page, ">\r\n");
}

static void send_page(struct link *link, const struct sockaddr_in *from, const struct page *page) {
  if (page->full) figure_bad("response too long", page->at, page->len);
  else link_send(link, from, (struct text){page->at, page->len});
}

static void plain_ok(struct link *link, const struct sockaddr_in *from, const struct sip *m) {
  char text[MESSAGE_SIZE];
  struct page page = {text, 0, sizeof text, false};
  put_head(&page, m, TEXT("200 OK"), from);
  if (text_same(m->method, TEXT("REGISTER"))) {
    put_lines(&page, TEXT("Path: "), &m->path); /* RFC 3327 §5.3 */
    PUT(&page, "Contact: ");
    put(&page, m->contact);
    PUT(&page, ";expires=600\r\n");
  }
  PUT(&page, "Content-Length: 0\r\n\r\n");
  send_page(link, from, &page);
}

/* ---- the life of a call ---- */

static void repeat(struct timer *timer) {
  struct answer *answer = (struct answer *)timer;
  struct link *link = link_follow(answer->link);
  answer->waited_ms += answer->interval_ms;
  if (!link || answer->waited_ms >= GIVE_UP_MS) {
    forget(answer);
    return;
  }
  figures.repeated_answer++;
  link_send(link, &answer->to, (struct text){answer->ok, answer->ok_length});
  answer->interval_ms = answer->interval_ms * 2 > T2 ? T2 : answer->interval_ms * 2;
  timer_start(timer, answer->interval_ms, repeat);
}

static struct answer *find_answer(const struct sip *m, uint32_t *serial) {
  uint32_t slot;
  if (m->call_id.len < 24 || !read_hex(m->call_id.at, &slot) || !read_hex(m->call_id.at + 8, serial) || slot >= ANSWERS) return NULL;
  return &answers[slot];
}

static void take_call(struct link *link, const struct sockaddr_in *from, const struct sip *m) {
  uint32_t serial;
  struct answer *answer = find_answer(m, &serial);
  if (!answer) {
    figure_bad("a call that is not the generator's", m->head.at, m->head.len);
    return;
  }
  if (answer->stage != NOTHING && answer->serial == serial) { /* §17.2.1: the last response again */
    figures.absorbed++;
    if (answer->ok) link_send(link, from, (struct text){answer->ok, answer->ok_length});
    return;
  }
  forget(answer);
  if (!text_within(m->body, relay)) figure_bad("an offer without the relay's address", m->body.at, m->body.len);
  char text[MESSAGE_SIZE];
  struct page page = {text, 0, sizeof text, false};
  put_head(&page, m, TEXT("180 Ringing"), from);
  put_lines(&page, TEXT("Record-Route: "), &m->record_route); /* §12.1.1: all of them, in order */
  put_contact(&page, link->transport);
  PUT(&page, "Content-Length: 0\r\n\r\n");
  send_page(link, from, &page);

  page.len = 0;
  put_head(&page, m, TEXT("200 OK"), from);
  put_lines(&page, TEXT("Record-Route: "), &m->record_route);
  put_contact(&page, link->transport);
  PUT(&page, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nContent-Type: application/sdp\r\nContent-Length: ");
  put_number(&page, sdp.len);
  PUT(&page, "\r\n\r\n");
  put(&page, sdp);
  send_page(link, from, &page);
  if (page.full || !(answer->ok = malloc(page.len))) return;
  memcpy(answer->ok, text, page.len);
  answer->ok_length = page.len;
  answer->serial = serial;
  answer->stage = ANSWERED;
  answer->link = link_refer(link);
  if (from) answer->to = *from;
  answer->waited_ms = 0;
  answer->interval_ms = T1;
  alive++;
  timer_start(&answer->timer, T1, repeat);
}

/* §16.4, §16.12: what an edge puts into the route set it takes off again, and the Request-URI is the Contact we gave. */
static void check_in_dialog(const struct sip *m) {
  if (m->route.count) figure_bad("Route left in an in-dialog request", m->head.at, m->head.len);
  if (m->uri.len < 11 || memcmp(m->uri.at, "sip:answer@", 11)) figure_bad("in-dialog Request-URI is not our Contact", m->uri.at, m->uri.len);
}

static void answerer_message(struct link *link, const struct sockaddr_in *from, const struct sip *m) {
  if (!m->request) {
    figures.stray++;
    return;
  }
  if (text_same(m->method, TEXT("INVITE"))) {
    take_call(link, from, m);
    return;
  }
  uint32_t serial;
  struct answer *answer = find_answer(m, &serial);
  bool ours = answer && answer->stage != NOTHING && answer->serial == serial;
  if (text_same(m->method, TEXT("ACK"))) {
    check_in_dialog(m);
    if (!ours || answer->stage == CONFIRMED) return;
    answer->stage = CONFIRMED;
    timer_stop(&answer->timer);
    free(answer->ok);
    answer->ok = NULL;
    return;
  }
  if (text_same(m->method, TEXT("BYE"))) {
    check_in_dialog(m);
    if (ours) forget(answer);
    else figures.absorbed++;
  }
  plain_ok(link, from, m);
}
