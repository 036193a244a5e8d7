// Many WebSocket clients in one thread. They open, say hello, read, and note which message has come to which socket.
//
// A message is named by @@NUMBER@@ somewhere in a frame; a frame may hold several. Every arrival is noted in the table
// (table.h), once per socket: what comes twice is counted apart. With --pages, each socket has a session's cookie of its
// own; and where more than that stands in the file, it is a page of Belfry's that says where it stands by its resume
// form, and acknowledges with it as static/js/live.js does. With --come-back, a
// socket that was closed opens again as that script has it, for as long as it takes.
#define _GNU_SOURCE
#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ACKNOWLEDGE 2.0                // seconds from the first frame that is not acknowledged
#define RETRY 1.0                      // seconds until a socket comes back, doubled with each try, give or take 90 %
#define LONGEST 2.0                    // of them
#define BUFFER (1 << 20)               // of one read
#define TAIL 2048                      // of a frame of Belfry's, in which its positions stand
#define TEXT_LIMIT 4096                // of what a client sends

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum State { DOWN, CONNECTING, GREETING, OPEN };

typedef struct {
  char *cookie, *form;  // the form without what moves: since, board, bottom and receipt, and where its thread stands
  char since[24], board[24], bottom[64], receipt[64], thread_at[24], thread_read[24];
} Page;

typedef struct {
  int file, index;
  enum State state;
  bool is_live, owes_acknowledgement;
  int tries;
  double due;           // when it is to connect
  char *rest;           // what has been read of a frame, or of the answer to the handshake
  size_t rest_length, rest_size;
  uint8_t *seen;        // a bit for each message
  Page page;
} Socket;

typedef struct {
  int index;
  double due;
} Due;

static struct {
  int port, sockets, at_once;
  const char *path, *table, *pages, *cookie, *hello, *before, *live;
  bool come_back;
} options = {.sockets = 1, .at_once = 50, .path = "/", .cookie = "", .before = "", .live = ""};

static Table *table;
static Header *header;
static Socket *sockets;
static int epoll, connecting, next_socket;
static bool has_forms;  // or their lines have nothing but sessions
static Due *owed;  // acknowledgements, in the order in which they are due: a ring
static int owed_from, owed_count;
static char buffer[BUFFER];
static double moment;

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void *take(size_t size) {
  void *memory = calloc(1, size);
  if (!memory) fail("memory");
  return memory;
}

// Pages of Belfry's.

static char *field(char **line) {
  char *found = strsep(line, "\t");
  return found ? found : "";
}

static void read_pages(void) {
  FILE *file = fopen(options.pages, "r");
  if (!file) fail(options.pages);
  for (int at = 0; at < options.sockets; at++) {
    char *line = NULL;
    size_t size = 0;
    ssize_t length = getline(&line, &size, file);
    if (length <= 0) {
      fprintf(stderr, "There are %d pages for %d sockets.\n", at, options.sockets);
      exit(2);
    }
    line[length - 1] = 0;
    Page *page = &sockets[at].page;
    page->cookie = field(&line);
    snprintf(page->since, sizeof page->since, "%s", field(&line));
    snprintf(page->board, sizeof page->board, "%s", field(&line));
    snprintf(page->bottom, sizeof page->bottom, "%s", field(&line));
    page->form = line;
    const char *at = line ? strstr(line, "\"thread_was\":\"") : NULL;  // at which revision the page shows its thread
    if (at) sscanf(at + 14, "%23[0-9]", page->thread_at);
  }
  has_forms = sockets[0].page.form != NULL;
  fclose(file);
}

static size_t form_of(Page *page, char *text) {
  return snprintf(text, TEXT_LIMIT,
                  "{\"since\":\"%s\",\"board\":\"%s\",\"bottom\":\"%s\",\"receipt\":\"%s\","
                  "\"thread_at\":\"%s\",\"thread_read\":\"%s\",%s}",
                  page->since, page->board, page->bottom, page->receipt, page->thread_at, page->thread_read, page->form);
}

static bool copy_value(const char *frame, size_t length, const char *name, char *value, size_t size) {
  char *found = memmem(frame, length, name, strlen(name));
  if (!found) return false;
  const char *end = frame + length;
  char *start = memmem(found, end - found, "value=\"", 7);
  char *stop = start ? memchr(start + 7, '"', end - start - 7) : NULL;
  if (!stop || (size_t)(stop - start - 7) >= size) return false;
  memcpy(value, start + 7, stop - start - 7);
  value[stop - start - 7] = 0;
  return true;
}

// The positions stand at a frame's end. How far down the page reaches stands there, too, but where the list is replaced.
static bool note_position(Socket *socket, const char *frame, size_t length) {
  Page *page = &socket->page;
  const char *tail = length > TAIL ? frame + length - TAIL : frame;
  size_t rest = frame + length - tail;
  if (!copy_value(tail, rest, "id=\"receipt\"", page->receipt, sizeof page->receipt)) return false;
  copy_value(tail, rest, "id=\"cursor\"", page->since, sizeof page->since);
  copy_value(tail, rest, "id=\"board\"", page->board, sizeof page->board);
  copy_value(tail, rest, "id=\"thread-at\"", page->thread_at, sizeof page->thread_at);
  copy_value(tail, rest, "id=\"thread-read\"", page->thread_read, sizeof page->thread_read);
  if (!copy_value(tail, rest, "id=\"bottom-", page->bottom, sizeof page->bottom))
    copy_value(frame, length, "id=\"bottom-", page->bottom, sizeof page->bottom);
  if (memmem(frame, length, "id=\"reach\"", 10)) header->full_lists++;
  return true;
}

// What is sent.

static bool put(Socket *socket, int opcode, const char *text, size_t length) {
  char frame[TEXT_LIMIT + 8] = {(char)(0x80 | opcode)};
  size_t at = 2;
  if (length > TEXT_LIMIT) return false;
  if (length < 126) {
    frame[1] = (char)(0x80 | length);
  } else {
    frame[1] = (char)(0x80 | 126);
    frame[2] = (char)(length >> 8);
    frame[3] = (char)(length & 255);
    at = 4;
  }
  at += 4;  // the mask: four zeros, which leave the text as it is
  memcpy(frame + at, text, length);
  return send(socket->file, frame, at + length, MSG_NOSIGNAL) == (ssize_t)(at + length);
}

static bool put_form(Socket *socket) {
  char text[TEXT_LIMIT];
  return put(socket, TEXT, text, form_of(&socket->page, text));
}

static bool put_hello(Socket *socket) {
  if (has_forms) return put_form(socket);
  return !options.hello || put(socket, TEXT, options.hello, strlen(options.hello));
}

// The life of a socket.

static void watch(Socket *socket, int how, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u32 = socket->index};
  if (epoll_ctl(epoll, how, socket->file, &event)) fail("epoll");
}

static void end(Socket *socket) {
  close(socket->file);
  if (socket->state == OPEN) {
    header->open--;
    header->closed++;
    socket->tries = 0;
  } else {
    connecting--;
    header->failed++;
  }
  if (socket->is_live) header->live--;
  socket->is_live = false;
  socket->state = DOWN;
  socket->rest_length = 0;
  double delay = RETRY;
  for (int at = 0; at < socket->tries && delay < LONGEST; at++) delay *= 2;
  if (delay > LONGEST) delay = LONGEST;
  socket->tries++;
  socket->due = now() + delay * (0.1 + 1.8 * drand48());
}

static void begin(Socket *sock) {
  sock->file = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (sock->file < 0) fail("socket");
  int yes = 1;
  setsockopt(sock->file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct linger at_once = {1, 0};  // thousands of ports in TIME_WAIT would be in the next run's way
  setsockopt(sock->file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  sock->state = CONNECTING;
  connecting++;
  if (connect(sock->file, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
    end(sock);
    return;
  }
  watch(sock, EPOLL_CTL_ADD, EPOLLOUT);
}

static void greet(Socket *socket) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket->file, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) {
    end(socket);
    return;
  }
  char head[2048], path[512], cookie[512] = "";
  snprintf(path, sizeof path, options.path, socket->index);
  if (socket->page.cookie)
    snprintf(cookie, sizeof cookie, "Cookie: %s=%s\r\n", options.cookie, socket->page.cookie);
  int length = snprintf(head, sizeof head,
                        "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: http://localhost:%d\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                        path, options.port, options.port, cookie);
  if (send(socket->file, head, length, MSG_NOSIGNAL) != length) {
    end(socket);
    return;
  }
  socket->state = GREETING;
  watch(socket, EPOLL_CTL_MOD, EPOLLIN);
}

static void go_live(Socket *socket) {
  if (socket->is_live) return;
  socket->is_live = true;
  header->live++;
  header->went_live_at = moment;
}

static void become_open(Socket *socket) {
  connecting--;
  socket->state = OPEN;
  header->open++;
  header->opened++;
  if (!*options.live) go_live(socket);
  if (!put_hello(socket)) end(socket);
}

// What comes.

static void arrive(Socket *socket, uint64_t number) {
  if (number >= header->messages) {
    fprintf(stderr, "Message %lu has no place in the table.\n", (unsigned long)number);
    exit(2);
  }
  if (!socket->seen) socket->seen = take(header->messages / 8 + 1);
  uint8_t bit = 1 << (number & 7);
  if (socket->seen[number >> 3] & bit) {
    header->doubled++;
    return;
  }
  socket->seen[number >> 3] |= bit;
  header->deliveries++;
  Message *message = &table->messages[number];
  if (!message->count) message->first = moment;
  message->last = moment;
  __atomic_store_n(&message->count, message->count + 1, __ATOMIC_RELEASE);
  if (message->count == message->fanout) header->completed++;
}

// Looks for @@NUMBER@@ where it stands behind what --before says: a title stands in a frame more than once.
static void find_messages(Socket *socket, const char *frame, size_t length) {
  const char *end = frame + length, *at = frame;
  size_t before = strlen(options.before);
  while ((at = memchr(at, '@', end - at)) && end - at > 4) {
    if (at[1] != '@') {
      at += 1;
      continue;
    }
    uint64_t number = 0;
    const char *digit = at + 2;
    while (digit < end && *digit >= '0' && *digit <= '9') number = number * 10 + (*digit++ - '0');
    bool is_marker = digit > at + 2 && end - digit >= 2 && digit[0] == '@' && digit[1] == '@';
    if (is_marker && (size_t)(at - frame) >= before && !memcmp(at - before, options.before, before))
      arrive(socket, number);
    at = is_marker ? digit + 2 : at + 2;
  }
}

static void read_text(Socket *socket, const char *frame, size_t length) {
  header->frames++;
  if (options.hello && length == 1 && *frame == '2') {  // engine.io's ping
    put(socket, TEXT, "3", 1);
    return;
  }
  size_t live = strlen(options.live);
  if (live && (has_forms ? memmem(frame, length, options.live, live) != NULL
                             : length >= live && !memcmp(frame, options.live, live)))
    go_live(socket);
  find_messages(socket, frame, length);
  if (has_forms && *frame != '{' && note_position(socket, frame, length) && !socket->owes_acknowledgement) {
    socket->owes_acknowledgement = true;
    owed[(owed_from + owed_count++) % options.sockets] = (Due){socket->index, moment + ACKNOWLEDGE};
  }
}

// Whole frames; what is left of the last one is kept. Servers neither mask nor, those that we meet, split.
static size_t read_frames(Socket *socket, const char *data, size_t length) {
  size_t at = 0;
  while (length - at >= 2 && socket->state == OPEN) {
    const unsigned char *head = (const unsigned char *)data + at;
    uint64_t size = head[1] & 127;
    size_t start = 2;
    if (size == 126) start = 4;
    if (size == 127) start = 10;
    if (length - at < start) break;
    if (start > 2) {
      size = 0;
      for (size_t byte = 2; byte < start; byte++) size = size << 8 | head[byte];
    }
    if (size > BUFFER / 2) {
      fprintf(stderr, "A frame of %lu bytes came.\n", (unsigned long)size);
      exit(2);
    }
    if (length - at < start + size) break;
    const char *payload = data + at + start;
    switch (head[0]) {
      case 0x80 | TEXT: read_text(socket, payload, size); break;
      case 0x80 | PING: put(socket, PONG, payload, size); break;
      case 0x80 | PONG: break;
      case 0x80 | CLOSE: end(socket); return length;
      default: fprintf(stderr, "A frame came that starts with %02x.\n", head[0]); exit(2);
    }
    at += start + size;
  }
  return at;
}

static void keep(Socket *socket, const char *data, size_t length) {
  if (length > socket->rest_size) {
    socket->rest_size = length * 2 > 4096 ? length * 2 : 4096;
    socket->rest = realloc(socket->rest, socket->rest_size);
    if (!socket->rest) fail("memory");
  }
  memcpy(socket->rest, data, length);
  socket->rest_length = length;
}

static void hear(Socket *socket) {
  size_t kept = socket->rest_length;
  memcpy(buffer, socket->rest, kept);
  ssize_t got = recv(socket->file, buffer + kept, BUFFER - kept, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    end(socket);
    return;
  }
  header->bytes += got;
  moment = now();
  size_t length = kept + got, used = 0;
  if (socket->state == GREETING) {
    char *head = memmem(buffer, length, "\r\n\r\n", 4);
    if (head && memcmp(buffer, "HTTP/1.1 101", 12)) {
      end(socket);
      return;
    }
    if (head) {
      used = head + 4 - buffer;
      become_open(socket);
    }
  }
  if (socket->state == OPEN) used += read_frames(socket, buffer + used, length - used);
  if (socket->state != DOWN) keep(socket, buffer + used, length - used);
}

// The loop.

static void connect_some(void) {
  while (next_socket < options.sockets && connecting < options.at_once) begin(&sockets[next_socket++]);
  if (!options.come_back || next_socket < options.sockets || header->open == (uint64_t)options.sockets) return;
  for (int at = 0; at < options.sockets; at++)
    if (sockets[at].state == DOWN && sockets[at].due <= moment) begin(&sockets[at]);
}

static void acknowledge(void) {
  while (owed_count && owed[owed_from].due <= moment) {
    Socket *socket = &sockets[owed[owed_from].index];
    owed_from = (owed_from + 1) % options.sockets;
    owed_count--;
    socket->owes_acknowledgement = false;
    if (socket->state != OPEN) continue;
    header->acknowledgements++;
    if (!put_form(socket)) end(socket);
  }
}

static void loop(void) {
  struct epoll_event events[512];
  while (!header->stop) {
    moment = now();
    connect_some();
    acknowledge();
    int count = epoll_wait(epoll, events, 512, 10);
    for (int at = 0; at < count; at++) {
      Socket *socket = &sockets[events[at].data.u32];
      if (socket->state == CONNECTING) greet(socket);
      else if (socket->state != DOWN) hear(socket);
    }
  }
}

static void read_options(int count, char **words) {
  enum { PORT = 256, PATH, TABLE, SOCKETS, AT_ONCE, PAGES, COOKIE, HELLO, BEFORE, LIVE, COME_BACK };
  static const struct option known[] = {
      {"port", 1, 0, PORT},       {"path", 1, 0, PATH},     {"table", 1, 0, TABLE},
      {"sockets", 1, 0, SOCKETS}, {"at-once", 1, 0, AT_ONCE}, {"pages", 1, 0, PAGES},
      {"cookie", 1, 0, COOKIE},   {"hello", 1, 0, HELLO},   {"before", 1, 0, BEFORE},
      {"live", 1, 0, LIVE},       {"come-back", 0, 0, COME_BACK}, {0, 0, 0, 0}};
  int option;
  while ((option = getopt_long(count, words, "", known, NULL)) != -1) switch (option) {
      case PORT: options.port = atoi(optarg); break;
      case PATH: options.path = optarg; break;
      case TABLE: options.table = optarg; break;
      case SOCKETS: options.sockets = atoi(optarg); break;
      case AT_ONCE: options.at_once = atoi(optarg); break;
      case PAGES: options.pages = optarg; break;
      case COOKIE: options.cookie = optarg; break;
      case HELLO: options.hello = optarg; break;
      case BEFORE: options.before = optarg; break;
      case LIVE: options.live = optarg; break;
      case COME_BACK: options.come_back = true; break;
      default: exit(2);
    }
  if (!options.port || !options.table || options.sockets < 1) {
    fprintf(stderr, "wsload --port PORT --table FILE --sockets N [--path --pages --cookie --hello --live ...]\n");
    exit(2);
  }
}

static void allow_files(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  read_options(count, words);
  allow_files();
  srand48(7);
  table = open_table(options.table);
  header = &table->header;
  sockets = take(options.sockets * sizeof *sockets);
  owed = take(options.sockets * sizeof *owed);
  for (int at = 0; at < options.sockets; at++) sockets[at].index = at;
  if (options.pages) read_pages();
  epoll = epoll_create1(0);
  loop();
  return 0;
}
