/* A disk that fails: as long as the file $FAILING_DISK_SINCE exists, flushes of files whose path contains $FAILING_DISK_OF
   answer EIO. To be preloaded, which needs no rights and no disk of one's own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

long syscall(long number, ...);

static int fails(int descriptor) {
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
  return strstr(path, of) != NULL;
}

static int flush(long call, int descriptor) {
  if (fails(descriptor)) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(call, descriptor);
}

int fsync(int descriptor) { return flush(SYS_fsync, descriptor); }

int fdatasync(int descriptor) { return flush(SYS_fdatasync, descriptor); }
