// The least that a server can do: one send() per socket and message, nothing else. It shows how much the load client
// takes, so that nobody mistakes the client's limit for a server's.
//
// bare PORT TABLE SOCKETS MESSAGES WINDOW BYTES
#define _GNU_SOURCE
#include "table.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static int listen_on(int port) {
  int file = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  if (bind(file, (struct sockaddr *)&address, sizeof address) || listen(file, 4096)) {
    perror("listen");
    exit(2);
  }
  return file;
}

static int welcome(int listener) {
  static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  char request[4096];
  int file = accept(listener, NULL, NULL), yes = 1;
  size_t length = 0;
  while (length < 4 || memcmp(request + length - 4, "\r\n\r\n", 4)) {
    ssize_t got = recv(file, request + length, sizeof request - length, 0);
    if (got <= 0) exit(2);
    length += got;
  }
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (send(file, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) exit(2);
  return file;
}

static size_t make_frame(char *frame, int number, int bytes) {
  memset(frame, ' ', bytes + 4);
  frame[0] = (char)0x81;
  frame[1] = 126;
  frame[2] = (char)(bytes >> 8);
  frame[3] = (char)(bytes & 255);
  char marker[32];
  memcpy(frame + 4, marker, snprintf(marker, sizeof marker, "@@%d@@", number));
  return bytes + 4;
}

int main(int count, char **words) {
  if (count != 7) {
    fprintf(stderr, "bare PORT TABLE SOCKETS MESSAGES WINDOW BYTES\n");
    return 2;
  }
  Table *table = open_table(words[2]);
  int sockets = atoi(words[3]), messages = atoi(words[4]), window = atoi(words[5]), bytes = atoi(words[6]);
  int listener = listen_on(atoi(words[1])), *files = calloc(sockets, sizeof *files);
  char *frame = malloc(bytes + 4);
  for (int at = 0; at < sockets; at++) files[at] = welcome(listener);
  while (table->header.live < (uint64_t)sockets) usleep(1000);
  for (int number = 0; number < messages; number++) {
    while ((uint64_t)number >= table->header.completed + window) continue;
    table->messages[number].fanout = sockets;
    table->messages[number].sent = now();
    size_t length = make_frame(frame, number, bytes);
    for (int at = 0; at < sockets; at++)
      if (send(files[at], frame, length, MSG_NOSIGNAL) != (ssize_t)length) return 1;
  }
  while (!table->header.stop) usleep(1000);
  return 0;
}
