#define _GNU_SOURCE
#include "websocket.h"
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>

#define PAYLOAD_LIMIT (1u << 17)

static uint64_t mask_state = 0x9e3779b97f4a7c15ull;

/* The mask protects proxies from clients, not us: any cheap sequence will do. */
static uint32_t next_mask(void) {
  mask_state ^= mask_state << 13;
  mask_state ^= mask_state >> 7;
  mask_state ^= mask_state << 17;
  return (uint32_t)mask_state;
}

struct text websocket_request(const char *host, const char *origin, char *expected_accept) {
  static char text[1024];
  unsigned char random[16], digest[SHA_DIGEST_LENGTH];
  char key[32], joined[80];
  RAND_bytes(random, sizeof random);
  EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
  int length = snprintf(joined, sizeof joined, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  SHA1((unsigned char *)joined, (size_t)length, digest);
  EVP_EncodeBlock((unsigned char *)expected_accept, digest, sizeof digest);
  length = snprintf(text, sizeof text,
                    "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: %s\r\n"
                    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
                    host, origin, key);
  return (struct text){text, (size_t)length};
}

static struct text header(struct text head, struct text name) {
  const char *at = head.at, *end = head.at + head.len;
  while (at < end) {
    const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
    if (!eol) break;
    const char *colon = memchr(at, ':', (size_t)(eol - at));
    if (colon && text_like((struct text){at, (size_t)(colon - at)}, name))
      return text_trim((struct text){colon + 1, (size_t)(eol - colon - 1)});
    at = eol + 2;
  }
  return (struct text){head.at, 0};
}

const char *websocket_check(struct text head, const char *expected_accept) {
  if (head.len < 13 || memcmp(head.at, "HTTP/1.1 101 ", 13)) return "WebSocket upgrade refused";
  if (!text_same(header(head, TEXT("Sec-WebSocket-Accept")), text_of(expected_accept))) return "wrong Sec-WebSocket-Accept";
  if (!text_like(header(head, TEXT("Sec-WebSocket-Protocol")), TEXT("sip"))) return "sub-protocol sip not chosen";
  return NULL;
}

struct text websocket_frame(enum websocket_kind kind, struct text payload) {
  static unsigned char frame[PAYLOAD_LIMIT + 16];
  if (payload.len > PAYLOAD_LIMIT) payload.len = PAYLOAD_LIMIT;
  size_t at = 0;
  frame[at++] = (unsigned char)(0x80 | kind);
  if (payload.len < 126) {
    frame[at++] = (unsigned char)(0x80 | payload.len);
  } else if (payload.len < 65536) {
    frame[at++] = 0x80 | 126;
    frame[at++] = (unsigned char)(payload.len >> 8);
    frame[at++] = (unsigned char)payload.len;
  } else {
    frame[at++] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) frame[at++] = (unsigned char)((uint64_t)payload.len >> shift);
  }
  uint32_t mask = next_mask();
  memcpy(frame + at, &mask, 4);
  at += 4;
  uint64_t wide = (uint64_t)mask << 32 | mask;
  size_t i = 0;
  for (; i + 8 <= payload.len; i += 8) {
    uint64_t word;
    memcpy(&word, payload.at + i, 8);
    word ^= wide;
    memcpy(frame + at + i, &word, 8);
  }
  for (; i < payload.len; i++) frame[at + i] = (unsigned char)payload.at[i] ^ ((unsigned char *)&mask)[i & 3];
  return (struct text){(char *)frame, at + payload.len};
}

ssize_t websocket_read(struct text bytes, struct websocket_frame *frame) {
  const unsigned char *at = (const unsigned char *)bytes.at;
  if (bytes.len < 2) return 0;
  if (at[0] & 0x70 || at[1] & 0x80) return -1; /* §5.2: no extension was agreed; §5.1: a server does not mask */
  size_t head = 2, length = at[1] & 0x7f;
  if (length == 126) {
    if (bytes.len < 4) return 0;
    length = (size_t)at[2] << 8 | at[3];
    head = 4;
  } else if (length == 127) {
    if (bytes.len < 10) return 0;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | at[i];
    head = 10;
  }
  if (length > PAYLOAD_LIMIT) return -1;
  if (bytes.len < head + length) return 0;
  frame->final = at[0] & 0x80;
  frame->kind = at[0] & 0x0f;
  frame->payload = (struct text){bytes.at + head, length};
  return (ssize_t)(head + length);
}
