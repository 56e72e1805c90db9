#define _GNU_SOURCE
#include "links.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "figures.h"
#include "timers.h"
#include "websocket.h"

#define DATAGRAMS 32
#define DATAGRAM_SIZE 8192
#define OUT_LIMIT (64u << 20)

const char *const VIA_TOKEN[] = {"UDP", "TCP", "TLS", "WS", "WSS"};
const char *const URI_TOKEN[] = {"udp", "tcp", "tls", "ws", "ws"};

struct listening {
  struct source source;
  enum transport transport;
  const struct link_user *user;
};

static int poller;
static const struct link_settings *settings;
static SSL_CTX *client_context, *server_context;
static struct link *free_links, *closed_links;
static char scratch[1 << 16];

static void die(const char *what) {
  perror(what);
  exit(2);
}

void links_start(const struct link_settings *given) {
  settings = given;
  poller = epoll_create1(EPOLL_CLOEXEC);
  client_context = SSL_CTX_new(TLS_client_method());
  /* No resumption: each handshake is a full one. No verification: the certificates are the bench's own, and what is measured is the server. */
  SSL_CTX_set_session_cache_mode(client_context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(client_context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_mode(client_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (settings->client_chain_file && (SSL_CTX_use_certificate_chain_file(client_context, settings->client_chain_file) != 1 ||
                                      SSL_CTX_use_PrivateKey_file(client_context, settings->client_key_file, SSL_FILETYPE_PEM) != 1)) {
    ERR_print_errors_fp(stderr);
    exit(2);
  }
  if (!settings->chain_file) return;
  server_context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_mode(server_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(server_context, settings->chain_file) != 1 ||
      SSL_CTX_use_PrivateKey_file(server_context, settings->key_file, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(2);
  }
}

static void poll_for(struct source *source, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(poller, operation, source->fd, &event)) die("epoll_ctl");
}

void watch(struct source *source, uint32_t events) { poll_for(source, EPOLL_CTL_ADD, events); }

void links_round(int wait_ms) {
  struct epoll_event events[256];
  int count = epoll_wait(poller, events, 256, wait_ms);
  clock_read();
  for (int i = 0; i < count; i++) {
    struct source *source = events[i].data.ptr;
    if (source->fd >= 0) source->ready(source, events[i].events); /* closed by an earlier event of this round */
  }
  /* Memory of closed links is used again only now: an event of this round may still have pointed to it. */
  while (closed_links) {
    struct link *link = closed_links;
    closed_links = link->next;
    link->next = free_links;
    free_links = link;
  }
}

struct link_reference link_refer(struct link *link) { return (struct link_reference){link, link->generation}; }

struct link *link_follow(struct link_reference reference) {
  return reference.link && reference.link->generation == reference.generation && reference.link->state == LINK_OPEN ? reference.link : NULL;
}

static struct link *new_link(enum transport transport, int fd, const struct link_user *user) {
  struct link *link = free_links;
  if (link) free_links = link->next;
  else link = calloc(1, sizeof *link);
  uint32_t generation = link->generation + 1;
  memset(link, 0, sizeof *link);
  link->generation = generation;
  link->transport = transport;
  link->source.fd = fd;
  link->user = user;
  link->begun_us = clock_us;
  return link;
}

static void release(struct buffer *buffer) {
  free(buffer->at);
  *buffer = (struct buffer){0};
}

static void append(struct buffer *buffer, const char *at, size_t len) {
  if (buffer->len + len > buffer->size) {
    buffer->size = (buffer->len + len) * 2;
    buffer->at = realloc(buffer->at, buffer->size);
    if (!buffer->at) die("realloc");
  }
  memcpy(buffer->at + buffer->len, at, len);
  buffer->len += len;
}

/* Takes bytes off the front; memory of an empty buffer is given back, since most links are idle most of the time. */
static void consume(struct buffer *buffer, size_t len) {
  buffer->len -= len;
  if (!buffer->len) release(buffer);
  else memmove(buffer->at, buffer->at + len, buffer->len);
}

void link_close(struct link *link) {
  if (link->state == LINK_CLOSED) return;
  if (link->ssl) {
    if (link->state == LINK_OPEN) SSL_shutdown(link->ssl);
    ERR_clear_error();
    SSL_free(link->ssl);
    link->ssl = NULL;
  }
  close(link->source.fd);
  link->source.fd = -1;
  link->state = LINK_CLOSED;
  link->generation++;
  release(&link->in);
  release(&link->out);
  release(&link->fragments);
  link->next = closed_links;
  closed_links = link;
}

static void lose(struct link *link) {
  if (link->state == LINK_CLOSED) return;
  figures.lost_links++;
  link->user->lost(link);
  link_close(link);
}

/* Wants to know about room to write only while there is something to write. */
static void expect_write(struct link *link, bool wanted) {
  if (link->waits_for_write == wanted) return;
  link->waits_for_write = wanted;
  poll_for(&link->source, EPOLL_CTL_MOD, EPOLLIN | (wanted ? EPOLLOUT : 0));
}

/* Returns bytes written, 0 when the socket is full, -1 when the link is broken. */
static ssize_t write_some(struct link *link, const char *at, size_t len) {
  if (!link->ssl) {
    ssize_t wrote = send(link->source.fd, at, len, MSG_NOSIGNAL);
    return wrote >= 0 ? wrote : errno == EAGAIN ? 0 : -1;
  }
  int wrote = SSL_write(link->ssl, at, (int)len);
  if (wrote > 0) return wrote;
  int error = SSL_get_error(link->ssl, wrote);
  ERR_clear_error();
  return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* A broken link is noticed when it is read: nothing is torn down under the feet of who is just sending. */
static bool write_stream(struct link *link, struct text bytes) {
  if (link->out.len + bytes.len > OUT_LIMIT) return false;
  if (!link->out.len) {
    ssize_t wrote = write_some(link, bytes.at, bytes.len);
    if (wrote < 0) return false;
    if ((size_t)wrote == bytes.len) return true;
    bytes.at += wrote;
    bytes.len -= (size_t)wrote;
  }
  append(&link->out, bytes.at, bytes.len);
  expect_write(link, true);
  return true;
}

static void write_waiting(struct link *link) {
  size_t done = 0;
  while (done < link->out.len) {
    ssize_t wrote = write_some(link, link->out.at + done, link->out.len - done);
    if (wrote <= 0) break;
    done += (size_t)wrote;
  }
  if (done) consume(&link->out, done);
  if (!link->out.len) expect_write(link, false);
}

bool link_send(struct link *link, const struct sockaddr_in *to, struct text message) {
  bool sent;
  if (link->transport == UDP) {
    sent = sendto(link->source.fd, message.at, message.len, 0, (const struct sockaddr *)to, sizeof *to) == (ssize_t)message.len;
  } else if (link->state != LINK_OPEN) {
    sent = false;
  } else if (link->transport >= WS) {
    sent = write_stream(link, websocket_frame(WEBSOCKET_TEXT, message));
  } else {
    sent = write_stream(link, message);
  }
  if (sent) figures.messages_out++;
  else figures.unsent++;
  return sent;
}

void link_ping(struct link *link) {
  write_stream(link, link->transport >= WS ? websocket_frame(WEBSOCKET_PING, TEXT("")) : TEXT("\r\n\r\n"));
}

/* ---- reading ---- */

static void deliver(struct link *link, const struct sockaddr_in *from, struct text whole) {
  struct sip message;
  size_t length;
  if (sip_read(whole, &message, &length) != SIP_WHOLE) {
    figure_bad(message.problem ? message.problem : "incomplete message", whole.at, whole.len);
    return;
  }
  figures.messages_in++;
  link->user->message(link, from, &message);
}

/* Takes what is whole off the front of a TCP or TLS stream; returns how many bytes were used, -1 for garbage. */
static ssize_t take_sip(struct link *link, struct text bytes) {
  size_t used = 0;
  uint32_t generation = link->generation;
  while (used < bytes.len) {
    struct text rest = {bytes.at + used, bytes.len - used};
    if (rest.at[0] == '\r' || rest.at[0] == '\n') { /* RFC 5626 §4.4.1: two pairs are a ping, one is a pong */
      if (rest.len >= 4 && !memcmp(rest.at, "\r\n\r\n", 4)) {
        write_stream(link, TEXT("\r\n"));
        used += 4;
      } else if (rest.len >= 2) {
        used += 2;
        if (link->user->pong) link->user->pong(link);
        if (link->generation != generation) return 0;
      } else {
        break;
      }
      continue;
    }
    struct sip message;
    size_t length;
    enum sip_outcome outcome = sip_read(rest, &message, &length);
    if (outcome == SIP_BROKEN) {
      figure_bad(message.problem, rest.at, rest.len);
      return -1;
    }
    if (outcome == SIP_PARTIAL) break;
    figures.messages_in++;
    link->user->message(link, NULL, &message);
    if (link->generation != generation) return 0;
    used += length;
  }
  return (ssize_t)used;
}

static ssize_t take_frames(struct link *link, struct text bytes) {
  size_t used = 0;
  uint32_t generation = link->generation;
  struct websocket_frame frame;
  while (used < bytes.len) {
    struct text rest = {bytes.at + used, bytes.len - used};
    ssize_t length = websocket_read(rest, &frame);
    if (length < 0) {
      figure_bad("bad WebSocket frame", rest.at, rest.len);
      return -1;
    }
    if (!length) break;
    used += (size_t)length;
    switch (frame.kind) {
      case WEBSOCKET_PING:
        write_stream(link, websocket_frame(WEBSOCKET_PONG, frame.payload));
        continue;
      case WEBSOCKET_PONG:
        if (link->user->pong) link->user->pong(link);
        if (link->generation != generation) return 0;
        continue;
      case WEBSOCKET_CLOSE:
        return -1;
      default:
        break;
    }
    if (frame.final && frame.kind != WEBSOCKET_CONTINUATION) {
      if (frame.payload.len > 4) deliver(link, NULL, frame.payload); /* shorter: CRLF keep-alive inside a frame */
    } else {
      append(&link->fragments, frame.payload.at, frame.payload.len);
      if (!frame.final) continue;
      deliver(link, NULL, (struct text){link->fragments.at, link->fragments.len});
      if (link->generation == generation) release(&link->fragments);
    }
    if (link->generation != generation) return 0;
  }
  return (ssize_t)used;
}

static ssize_t take_upgrade(struct link *link, struct text bytes) {
  const char *blank = memmem(bytes.at, bytes.len, "\r\n\r\n", 4);
  if (!blank) return 0;
  struct text head = {bytes.at, (size_t)(blank + 4 - bytes.at)};
  const char *problem = websocket_check(head, link->expected_accept);
  if (problem) {
    figure_bad(problem, head.at, head.len);
    return -1;
  }
  link->state = LINK_OPEN;
  uint32_t generation = link->generation;
  link->user->opened(link);
  return link->generation == generation ? (ssize_t)head.len : 0;
}

static bool take(struct link *link, struct text bytes) {
  uint32_t generation = link->generation;
  if (link->in.len) {
    append(&link->in, bytes.at, bytes.len);
    bytes = (struct text){link->in.at, link->in.len};
  }
  size_t used = 0;
  while (used < bytes.len) {
    struct text rest = {bytes.at + used, bytes.len - used};
    ssize_t took = link->state == LINK_UPGRADING ? take_upgrade(link, rest) : link->transport >= WS ? take_frames(link, rest) : take_sip(link, rest);
    if (link->generation != generation) return false;
    if (took < 0) {
      lose(link);
      return false;
    }
    if (!took) break;
    used += (size_t)took;
  }
  if (link->in.len) consume(&link->in, used);
  else if (used < bytes.len) append(&link->in, bytes.at + used, bytes.len - used);
  return true;
}

static void read_stream(struct link *link) {
  for (int turn = 0; turn < 64; turn++) { /* then the others have their turn: epoll tells again */
    ssize_t got;
    if (link->ssl) {
      got = SSL_read(link->ssl, scratch, sizeof scratch);
      if (got <= 0) {
        int error = SSL_get_error(link->ssl, (int)got);
        ERR_clear_error();
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
      }
    } else {
      got = recv(link->source.fd, scratch, sizeof scratch, 0);
      if (got < 0 && errno == EAGAIN) return;
    }
    if (got <= 0) {
      lose(link);
      return;
    }
    if (!take(link, (struct text){scratch, (size_t)got})) return;
  }
  if (link->ssl && SSL_pending(link->ssl)) read_stream(link); /* what OpenSSL already holds, epoll does not tell */
}

/* ---- opening ---- */

static void secured(struct link *link) {
  expect_write(link, false);
  if (link->transport < WS) {
    link->state = LINK_OPEN;
    if (link->user->opened) link->user->opened(link);
    return;
  }
  link->state = LINK_UPGRADING;
  write_stream(link, websocket_request(settings->domain, settings->origin, link->expected_accept));
}

static void go_on_opening(struct link *link) {
  if (link->state == LINK_CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(link->source.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
      lose(link);
      return;
    }
    if (!link->ssl) {
      secured(link);
      return;
    }
    link->state = LINK_SECURING;
  }
  int done = link->accepted ? SSL_accept(link->ssl) : SSL_connect(link->ssl);
  if (done == 1) {
    secured(link);
    return;
  }
  int error = SSL_get_error(link->ssl, done);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) expect_write(link, false);
  else if (error == SSL_ERROR_WANT_WRITE) expect_write(link, true);
  else lose(link);
}

static void stream_ready(struct source *source, uint32_t events) {
  struct link *link = (struct link *)source;
  uint32_t generation = link->generation;
  if (link->state < LINK_UPGRADING) {
    go_on_opening(link);
    if (link->generation != generation || link->state < LINK_UPGRADING) return;
  }
  if (events & EPOLLOUT) write_waiting(link);
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_stream(link);
}

static int new_socket(int type, struct sockaddr_in local, bool to_listen) {
  int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int yes = 1;
  if (to_listen) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (type == SOCK_STREAM && !to_listen) setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&local, sizeof local)) {
    close(fd);
    return -1;
  }
  return fd;
}

struct link *link_connect(enum transport transport, struct sockaddr_in local, struct sockaddr_in remote, const struct link_user *user) {
  int fd = new_socket(SOCK_STREAM, local, false);
  if (fd < 0) return NULL;
  if (connect(fd, (struct sockaddr *)&remote, sizeof remote) && errno != EINPROGRESS) {
    close(fd);
    return NULL;
  }
  struct link *link = new_link(transport, fd, user);
  link->source.ready = stream_ready;
  link->state = LINK_CONNECTING;
  link->waits_for_write = true;
  socklen_t size = sizeof link->local;
  getsockname(fd, (struct sockaddr *)&link->local, &size);
  if (transport == TLS || transport == WSS) {
    link->ssl = SSL_new(client_context);
    SSL_set_tlsext_host_name(link->ssl, settings->domain);
    SSL_set_fd(link->ssl, fd);
  }
  watch(&link->source, EPOLLIN | EPOLLOUT);
  return link;
}

static void accept_ready(struct source *source, uint32_t events) {
  (void)events;
  struct listening *listening = (struct listening *)source;
  for (;;) {
    int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct link *link = new_link(listening->transport, fd, listening->user);
    link->source.ready = stream_ready;
    link->accepted = true;
    link->state = LINK_SECURING;
    watch(&link->source, EPOLLIN);
    if (link->transport == TLS) {
      link->ssl = SSL_new(server_context);
      SSL_set_fd(link->ssl, fd);
    } else {
      link->state = LINK_OPEN;
    }
  }
}

void link_listen(enum transport transport, struct sockaddr_in local, const struct link_user *user) {
  struct listening *listening = calloc(1, sizeof *listening);
  listening->source = (struct source){accept_ready, new_socket(SOCK_STREAM, local, true)};
  listening->transport = transport;
  listening->user = user;
  if (listening->source.fd < 0 || listen(listening->source.fd, 1024)) die("answerer: listen");
  watch(&listening->source, EPOLLIN);
}

static void datagrams_ready(struct source *source, uint32_t events) {
  (void)events;
  static char bytes[DATAGRAMS][DATAGRAM_SIZE];
  static struct sockaddr_in from[DATAGRAMS];
  static struct iovec parts[DATAGRAMS];
  static struct mmsghdr heads[DATAGRAMS];
  struct link *link = (struct link *)source;
  for (int i = 0; i < DATAGRAMS; i++) {
    parts[i] = (struct iovec){bytes[i], DATAGRAM_SIZE};
    heads[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(source->fd, heads, DATAGRAMS, 0, NULL);
  for (int i = 0; i < count; i++)
    if (heads[i].msg_len > 4) deliver(link, &from[i], (struct text){bytes[i], heads[i].msg_len});
}

struct link *link_bind(struct sockaddr_in local, const struct link_user *user) {
  int fd = new_socket(SOCK_DGRAM, local, false);
  if (fd < 0) die("bind");
  int size = 8 << 20; /* a burst must not be lost here; FORCE needs root, the other is cut to rmem_max */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  struct link *link = new_link(UDP, fd, user);
  link->source.ready = datagrams_ready;
  link->state = LINK_OPEN;
  socklen_t length = sizeof link->local;
  getsockname(fd, (struct sockaddr *)&link->local, &length);
  watch(&link->source, EPOLLIN);
  return link;
}
