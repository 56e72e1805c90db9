#define _GNU_SOURCE
#include "sip.h"
#include <arpa/inet.h>
#include <stdlib.h>

static enum sip_outcome broken(struct sip *message, const char *problem) {
  message->problem = problem;
  return SIP_BROKEN;
}

static unsigned long number(struct text t) {
  unsigned long value = 0;
  for (size_t i = 0; i < t.len && t.at[i] >= '0' && t.at[i] <= '9'; i++) value = value * 10 + (unsigned long)(t.at[i] - '0');
  return value;
}

static void add(struct lines *lines, struct text value) {
  if (lines->count < SIP_LINES) lines->line[lines->count] = value;
  lines->count++;
}

/* The CRLF at or after `at`; the caller knows that there is one before `end`. A bare CR or LF ends no line. */
static const char *end_of_line(const char *at, const char *end) {
  while (at + 1 < end && (at = memchr(at, '\r', (size_t)(end - 1 - at))) && at[1] != '\n') at++;
  return at && at + 1 < end ? at : NULL;
}

/* §20: long and compact names of what we read; all else is passed over. */
static bool keep(struct sip *m, struct text name, struct text value, long *content_length) {
  char first = (char)(name.len ? name.at[0] | 0x20 : 0);
#define IS(text) text_like(name, TEXT(text))
  switch (first) {
    case 'v':
      if (name.len == 1 || IS("via")) add(&m->via, value);
      break;
    case 'r':
      if (IS("record-route")) add(&m->record_route, value);
      else if (IS("route")) add(&m->route, value);
      break;
    case 'p':
      if (IS("path")) add(&m->path, value);
      break;
    case 'f':
      if (name.len == 1 || IS("from")) m->from = value;
      break;
    case 't':
      if (name.len == 1 || IS("to")) m->to = value;
      break;
    case 'i':
      if (name.len == 1) m->call_id = value;
      break;
    case 'm':
      if (name.len == 1) m->contact = value;
      break;
    case 'l':
      if (name.len == 1) *content_length = (long)number(value);
      break;
    case 'c':
      if (IS("call-id")) m->call_id = value;
      else if (IS("contact")) m->contact = value;
      else if (IS("content-length")) *content_length = (long)number(value);
      else if (IS("cseq")) {
        m->cseq = value;
        m->cseq_number = number(value);
        const char *space = memchr(value.at, ' ', value.len);
        if (!space) return false;
        if (!m->request) m->method = text_trim((struct text){space, value.len - (size_t)(space - value.at)});
      }
      break;
    default:
      break;
  }
#undef IS
  return true;
}

static bool start_line(struct sip *m, struct text line) {
  if (line.len > 12 && memcmp(line.at, "SIP/2.0 ", 8) == 0) {
    m->request = false;
    m->status = (int)number((struct text){line.at + 8, 3});
    return m->status >= 100 && m->status < 700;
  }
  const char *first = memchr(line.at, ' ', line.len);
  if (!first) return false;
  const char *last = memrchr(line.at, ' ', line.len);
  if (last == first || !text_same((struct text){last + 1, line.len - (size_t)(last + 1 - line.at)}, TEXT("SIP/2.0"))) return false;
  m->request = true;
  m->method = (struct text){line.at, (size_t)(first - line.at)};
  m->uri = (struct text){first + 1, (size_t)(last - first - 1)};
  return true;
}

enum sip_outcome sip_read(struct text data, struct sip *m, size_t *length) {
  const char *blank = memmem(data.at, data.len, "\r\n\r\n", 4);
  if (!blank) return data.len > 65536 ? broken(m, "head without end") : SIP_PARTIAL;
  memset(m, 0, offsetof(struct sip, via));
  m->via.count = m->record_route.count = m->route.count = m->path.count = 0;
  m->problem = NULL;
  const char *at = data.at, *end = blank + 2;
  long content_length = -1;
  m->head = (struct text){data.at, (size_t)(blank + 4 - data.at)};

  const char *eol = end_of_line(at, end);
  if (!eol || !start_line(m, (struct text){at, (size_t)(eol - at)})) return broken(m, "bad start line");
  for (at = eol + 2; at < end; at = eol + 2) {
    eol = end_of_line(at, end);
    while (eol && eol + 2 < end && (eol[2] == ' ' || eol[2] == '\t')) eol = end_of_line(eol + 2, end); /* §7.3.1 folding */
    if (!eol) return broken(m, "line without end");
    const char *colon = memchr(at, ':', (size_t)(eol - at));
    if (!colon) return broken(m, "header line without colon");
    struct text name = text_trim((struct text){at, (size_t)(colon - at)});
    struct text value = text_trim((struct text){colon + 1, (size_t)(eol - colon - 1)});
    if (!keep(m, name, value, &content_length)) return broken(m, "bad CSeq");
  }
  if (!m->via.count || !m->from.len || !m->to.len || !m->call_id.len || !m->cseq.len) return broken(m, "mandatory header missing");
  if (m->via.count > SIP_LINES || m->record_route.count > SIP_LINES || m->path.count > SIP_LINES || m->route.count > SIP_LINES)
    return broken(m, "too many Via, Route or Record-Route lines");

  size_t there = data.len - m->head.len;
  size_t body = content_length < 0 ? there : (size_t)content_length;
  if (body > there) return SIP_PARTIAL;
  m->body = (struct text){data.at + m->head.len, body};
  *length = m->head.len + body;
  return SIP_WHOLE;
}

int sip_entries(const struct lines *lines, struct text *entries, int room) {
  int count = 0;
  for (int i = 0; i < lines->count; i++) {
    struct text line = lines->line[i];
    bool quoted = false, bracketed = false;
    size_t from = 0;
    for (size_t at = 0; at <= line.len; at++) {
      char c = at < line.len ? line.at[at] : ',';
      if (at < line.len && c == '"') quoted = !quoted;
      else if (!quoted && c == '<') bracketed = true;
      else if (!quoted && c == '>') bracketed = false;
      if (c != ',' || ((quoted || bracketed) && at < line.len)) continue;
      struct text entry = text_trim((struct text){line.at + from, at - from});
      if (entry.len && count < room) entries[count++] = entry;
      from = at + 1;
    }
  }
  return count;
}

struct text sip_uri(struct text value) {
  if (!value.len) return value;
  const char *open = memchr(value.at, '<', value.len);
  if (open) {
    const char *close = memchr(open, '>', value.len - (size_t)(open - value.at));
    if (!close) return (struct text){value.at, 0};
    return (struct text){open + 1, (size_t)(close - open - 1)};
  }
  const char *parameters = memchr(value.at, ';', value.len);
  return parameters ? (struct text){value.at, (size_t)(parameters - value.at)} : value;
}

struct text sip_parameter(struct text value, struct text name, bool *found) {
  const char *close = value.len ? memrchr(value.at, '>', value.len) : NULL;
  size_t at = close ? (size_t)(close - value.at) : 0;
  if (found) *found = false;
  while (at < value.len) {
    if (value.at[at++] != ';') continue;
    struct text rest = {value.at + at, value.len - at};
    const char *end = memchr(rest.at, ';', rest.len);
    if (end) rest.len = (size_t)(end - rest.at);
    const char *equals = memchr(rest.at, '=', rest.len);
    struct text key = text_trim((struct text){rest.at, equals ? (size_t)(equals - rest.at) : rest.len});
    if (!text_like(key, name)) continue;
    if (found) *found = true;
    return equals ? text_trim((struct text){equals + 1, rest.len - (size_t)(equals + 1 - rest.at)}) : (struct text){rest.at, 0};
  }
  return (struct text){value.at, 0};
}

bool sip_literal(struct text uri, uint16_t default_port, struct sockaddr_in *address) {
  const char *colon = memchr(uri.at, ':', uri.len);
  if (!colon) return false;
  struct text rest = {colon + 1, uri.len - (size_t)(colon + 1 - uri.at)};
  for (size_t i = 0; i < rest.len; i++)
    if (rest.at[i] == ';' || rest.at[i] == '?') rest.len = i;
  const char *at = memchr(rest.at, '@', rest.len);
  if (at) rest = (struct text){at + 1, rest.len - (size_t)(at + 1 - rest.at)};
  unsigned long port = default_port;
  const char *port_colon = memchr(rest.at, ':', rest.len);
  if (port_colon) {
    port = number((struct text){port_colon + 1, rest.len - (size_t)(port_colon + 1 - rest.at)});
    rest.len = (size_t)(port_colon - rest.at);
  }
  char host[INET_ADDRSTRLEN];
  if (rest.len >= sizeof host || !port || port > 65535) return false;
  memcpy(host, rest.at, rest.len);
  host[rest.len] = 0;
  memset(address, 0, sizeof *address);
  address->sin_family = AF_INET;
  address->sin_port = htons((uint16_t)port);
  return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}
