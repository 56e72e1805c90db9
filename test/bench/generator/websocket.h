/* The client's side of RFC 6455, as far as SIP (RFC 7118) needs it. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H
#include <sys/types.h>
#include "text.h"

enum websocket_kind {
  WEBSOCKET_CONTINUATION = 0,
  WEBSOCKET_TEXT = 1,
  WEBSOCKET_BINARY = 2,
  WEBSOCKET_CLOSE = 8,
  WEBSOCKET_PING = 9,
  WEBSOCKET_PONG = 10,
};

struct websocket_frame {
  enum websocket_kind kind;
  bool final;
  struct text payload;
};

/* The HTTP request that opens the connection, and what the server must answer in Sec-WebSocket-Accept (32 bytes of room).
   The text lives until the next call. */
struct text websocket_request(const char *host, const char *origin, char *expected_accept);
/* Null when the answer opens the connection, else what is wrong with it. */
const char *websocket_check(struct text head, const char *expected_accept);
/* A masked frame (§5.3); it lives until the next call. */
struct text websocket_frame(enum websocket_kind kind, struct text payload);
/* Reads a frame from a server: bytes used, 0 when more are needed, -1 when it is not allowed. */
ssize_t websocket_read(struct text bytes, struct websocket_frame *frame);

#endif
