/* Reading SIP: one pass over a message, slices into the received bytes, only the headers that a caller or an answerer needs. */
#ifndef SIP_H
#define SIP_H
#include <netinet/in.h>
#include "text.h"

#define SIP_LINES 16

struct lines {
  int count;
  struct text line[SIP_LINES];
};

struct sip {
  bool request;
  int status;
  struct text method; /* of a request; of a response: from CSeq */
  struct text uri;
  struct text from, to, call_id, cseq, contact;
  unsigned long cseq_number;
  struct lines via, record_route, route, path; /* header values, one for each line, in order */
  struct text head, body;
  const char *problem; /* why it is SIP_BROKEN */
};

enum sip_outcome { SIP_WHOLE, SIP_PARTIAL, SIP_BROKEN };

/* Reads the message at the start of `data`. Whole: `length` is how many bytes it takes. Partial: more bytes are needed. */
enum sip_outcome sip_read(struct text data, struct sip *message, size_t *length);

/* Splits header lines at commas outside of quotes and angle brackets (§7.3.1); returns how many entries, at most `room`. */
int sip_entries(const struct lines *lines, struct text *entries, int room);

/* The URI between the angle brackets of a name-addr, or of an addr-spec up to its parameters (§20.10). */
struct text sip_uri(struct text name_addr);

/* The value of a parameter after the angle bracket (or of a Via), empty when absent or without value; `found` may be null. */
struct text sip_parameter(struct text value, struct text name, bool *found);

/* The address of a URI whose host is an IPv4 literal; the port is `default_port` when the URI has none. */
bool sip_literal(struct text uri, uint16_t default_port, struct sockaddr_in *address);

#endif
