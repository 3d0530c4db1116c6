/* A disk that fails: while the file $FAILING_DISK_SINCE exists, flushes of files whose path contains $FAILING_DISK_OF (or
   ends with it, if a $ follows) fail with EIO; if the file says "full", writes fail with ENOSPC instead. It is loaded with
   LD_PRELOAD, which needs no rights and no separate disk. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int matches(const char *path, const char *of) {
  size_t length = strlen(of), whole = strlen(path);
  if (length == 0 || of[length - 1] != '$') {
    return strstr(path, of) != NULL;
  }
  length -= 1;
  return whole >= length && strncmp(path + whole - length, of, length) == 0;
}

static int is_full(const char *since) {
  char how[4];
  int file = open(since, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, how, sizeof how);
  if (file >= 0) {
    close(file);
  }
  return length == sizeof how && memcmp(how, "full", sizeof how) == 0;
}

static int fails(int descriptor, int writing) {
  const char *since = getenv("FAILING_DISK_SINCE");
  const char *of = getenv("FAILING_DISK_OF");
  char link[64], path[4096];
  ssize_t length;
  if (since == NULL || of == NULL || access(since, F_OK) != 0) {
    return 0;
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) {
    return 0;
  }
  path[length] = '\0';
  return matches(path, of) && is_full(since) == writing;
}

static int flush(long call, int descriptor) {
  if (fails(descriptor, 0)) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(call, descriptor);
}

int fsync(int descriptor) { return flush(SYS_fsync, descriptor); }

int fdatasync(int descriptor) { return flush(SYS_fdatasync, descriptor); }

static ssize_t put(int descriptor, const void *bytes, size_t length, off64_t at) {
  if (fails(descriptor, 1)) {
    errno = ENOSPC;
    return -1;
  }
  return at < 0 ? syscall(SYS_write, descriptor, bytes, length) : syscall(SYS_pwrite64, descriptor, bytes, length, at);
}

ssize_t write(int descriptor, const void *bytes, size_t length) { return put(descriptor, bytes, length, -1); }

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t at) { return put(descriptor, bytes, length, at); }

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t at) { return put(descriptor, bytes, length, at); }
