// What the load client, the publisher and the driver share in memory. benchmarks/table.py has the same layout.
#ifndef TABLE_H
#define TABLE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  double sent, first, last;  // seconds of the monotonic clock: sent, and when the first and the last socket had it
  uint32_t count, fanout;    // sockets that have it, and that are to have it
} Message;

typedef struct {
  volatile uint64_t messages;    // how many fit in below
  volatile uint64_t stop;        // the driver wants an end
  volatile uint64_t open;        // sockets that are open now
  volatile uint64_t live;        // sockets that are open and have got what makes them live
  volatile uint64_t opened;      // handshakes that succeeded, so far; those of sockets that came back included
  volatile uint64_t failed;      // connections that were refused
  volatile uint64_t closed;      // sockets that were open and were closed by the server
  volatile uint64_t deliveries;  // messages that have come to a socket that had not had them
  volatile uint64_t doubled;     // and to one that had
  volatile uint64_t completed;   // messages that have come to as many sockets as they were to
  volatile uint64_t frames;      // text frames
  volatile uint64_t bytes;
  volatile uint64_t acknowledgements;  // forms that were sent, the first ones of sockets not included
  volatile uint64_t full_lists;        // frames that replaced a page's list
  volatile double went_live_at;        // when the last socket did
} Header;

typedef struct {
  Header header;
  Message messages[];
} Table;

static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static inline Table *open_table(const char *path) {
  int file = open(path, O_RDWR);
  struct stat about;
  if (file < 0 || fstat(file, &about)) {
    perror(path);
    exit(2);
  }
  Table *table = mmap(NULL, about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (table == MAP_FAILED) {
    perror(path);
    exit(2);
  }
  return table;
}

#endif
