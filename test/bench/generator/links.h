/* Ways to the edge and from it: a UDP socket, or one TCP, TLS, WS or WSS connection. Framing is done here; whole messages come out. */
#ifndef LINKS_H
#define LINKS_H
#include <netinet/in.h>
#include <openssl/ssl.h>
#include "sip.h"

enum transport { UDP, TCP, TLS, WS, WSS };

/* The token in Via (§20.42, RFC 7118 §5.2.1) and the value of `;transport=` in a URI (RFC 7118 §5.2.4: `ws` for both). */
extern const char *const VIA_TOKEN[];
extern const char *const URI_TOKEN[];

/* What epoll points to. */
struct source {
  void (*ready)(struct source *source, uint32_t events);
  int fd;
};

struct buffer {
  char *at;
  size_t len, size;
};

struct link;

struct link_user {
  void (*opened)(struct link *link);
  void (*message)(struct link *link, const struct sockaddr_in *from, const struct sip *message);
  void (*lost)(struct link *link); /* the remote closed it, or it never opened; not after link_close */
  void (*pong)(struct link *link); /* RFC 5626 §4.4.1; may be null */
};

enum link_state { LINK_CLOSED, LINK_CONNECTING, LINK_SECURING, LINK_UPGRADING, LINK_OPEN };

struct link {
  struct source source; /* first: epoll's pointer is the link's */
  enum transport transport;
  enum link_state state;
  bool accepted, waits_for_write;
  SSL *ssl;
  const struct link_user *user;
  struct sockaddr_in local;
  struct buffer in, out, fragments;
  char expected_accept[32]; /* RFC 6455 §4.1: what the server must answer to our key */
  uint64_t begun_us;
  bool registered, busy; /* the caller's own notes */
  uint32_t instance;     /* of what it registers; 0: not yet */
  uint32_t generation;   /* grows with each use of this memory: see link_reference */
  struct link *next;     /* free list */
};

/* A link that may be closed, and its memory be used again, before it is needed. */
struct link_reference {
  struct link *link;
  uint32_t generation;
};
struct link_reference link_refer(struct link *link);
struct link *link_follow(struct link_reference reference); /* null when it is gone */

struct link_settings {
  const char *domain; /* SNI, HTTP Host */
  const char *origin;
  const char *chain_file, *key_file; /* of the TLS answerer */
  const char *client_chain_file, *client_key_file; /* that callers show; null: none */
};

void links_start(const struct link_settings *settings);
void watch(struct source *source, uint32_t events);
/* Waits for events, at most `wait_ms`, and serves them. */
void links_round(int wait_ms);

/* A UDP socket on a local address (port 0: any). */
struct link *link_bind(struct sockaddr_in local, const struct link_user *user);
/* Opens a connection; `opened` or `lost` follows. Null: no memory, descriptor or port. */
struct link *link_connect(enum transport transport, struct sockaddr_in local, struct sockaddr_in remote, const struct link_user *user);
/* Accepts TCP or TLS connections. */
void link_listen(enum transport transport, struct sockaddr_in local, const struct link_user *user);
/* Sends one message; `to` is used over UDP only. */
bool link_send(struct link *link, const struct sockaddr_in *to, struct text message);
/* Double CRLF (RFC 5626 §4.4.1), or over WebSocket a ping frame. */
void link_ping(struct link *link);
void link_close(struct link *link);

#endif
