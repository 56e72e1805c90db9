/* Slices of received messages, and a buffer that messages are written into. */
#ifndef TEXT_H
#define TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct text {
  const char *at;
  size_t len;
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

static inline struct text text_of(const char *string) { return (struct text){string, strlen(string)}; }

static inline bool text_same(struct text a, struct text b) { return a.len == b.len && memcmp(a.at, b.at, a.len) == 0; }

/* SIP names are compared without case (§7.3.1). */
static inline bool text_like(struct text a, struct text b) { return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0; }

/* An empty piece is in every text. */
static inline bool text_within(struct text t, struct text piece) { return !piece.len || memmem(t.at, t.len, piece.at, piece.len); }

static inline struct text text_trim(struct text t) {
  while (t.len && (*t.at == ' ' || *t.at == '\t')) t.at++, t.len--;
  while (t.len && (unsigned char)t.at[t.len - 1] <= ' ') t.len--;
  return t;
}

/* A message being written. Too long a message sets `full`; the caller counts it instead of sending half of it. */
struct page {
  char *at;
  size_t len, size;
  bool full;
};

static inline void put(struct page *page, struct text t) {
  if (!t.len) return;
  if (page->len + t.len > page->size) {
    page->full = true;
    return;
  }
  memcpy(page->at + page->len, t.at, t.len);
  page->len += t.len;
}

#define PUT(page, literal) put(page, TEXT(literal))

static inline void put_string(struct page *page, const char *string) { put(page, text_of(string)); }

static inline void put_number(struct page *page, unsigned long value) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  put(page, (struct text){digits + at, sizeof digits - at});
}

/* Eight hexadecimal digits: how slots and serials stand in Call-ID, branch and tag. */
static inline void put_hex(struct page *page, uint32_t value) {
  char digits[8];
  for (int i = 7; i >= 0; i--, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  put(page, (struct text){digits, 8});
}

static inline bool read_hex(const char *at, uint32_t *value) {
  uint32_t read = 0;
  for (int i = 0; i < 8; i++) {
    char c = at[i];
    if (c >= '0' && c <= '9') read = read << 4 | (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f') read = read << 4 | (uint32_t)(c - 'a' + 10);
    else return false;
  }
  *value = read;
  return true;
}

#endif
