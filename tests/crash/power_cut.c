/* Records what a process does to the files below one directory, in order, for power_cut.py.
 *
 * Preloaded into the process. POWER_CUT_DIR is the directory, POWER_CUT_LOG the record. Each entry
 * is one line, "op path number size", followed by `size` bytes of content:
 *   w path offset size   written          t path length 0   cut or grown to a length
 *   c path 0 0           created          u path 0 0        removed
 *   r path 0 size        renamed, the content is the new path
 *   s path 0 0           synced (a directory: its entries)
 * The entry is written under a lock that is held over the call itself, so that the order of the
 * record is an order in which the calls may have happened. Memory maps are not seen: SQLite maps
 * its -shm only, which is rebuilt after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define DESCRIPTORS 1024
#define PATH 512

static char paths[DESCRIPTORS][PATH];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;

static void all(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t done = syscall(SYS_write, fd, at, size);
        if (done < 0) abort();
        at += done;
        size -= (size_t)done;
    }
}

static const char *watched(const char *path) {
    const char *root = getenv("POWER_CUT_DIR");
    size_t size = root ? strlen(root) : 0;
    if (!size || !path || strncmp(path, root, size)) return NULL;
    if (path[size] == '/') return path + size + 1;
    return path[size] ? NULL : ".";
}

static const char *named(int fd) {
    return fd >= 0 && fd < DESCRIPTORS && paths[fd][0] ? paths[fd] : NULL;
}

static void note(char op, const char *path, long number, const void *content, size_t size) {
    char line[PATH + 64];
    if (record < 0)
        record = (int)syscall(SYS_openat, AT_FDCWD, getenv("POWER_CUT_LOG"),
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int length = snprintf(line, sizeof line, "%c %s %ld %zu\n", op, path, number, size);
    all(record, line, (size_t)length);
    all(record, content, size);
}

static int opened(const char *path, int flags, mode_t mode) {
    const char *name = watched(path);
    if (!name) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat seen;
    int existed = stat(path, &seen) == 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    int error = errno;
    if (fd >= 0 && fd < DESCRIPTORS) {
        snprintf(paths[fd], PATH, "%s", name);
        if (!existed) note('c', name, 0, "", 0);
        else if (flags & O_TRUNC) note('t', name, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE(flags) mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags) return opened(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(path, flags, mode); }

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < DESCRIPTORS) paths[fd][0] = 0;
    int result = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return result;
}

static ssize_t written(int fd, const void *data, size_t size, off_t offset, int positioned) {
    const char *name = named(fd);
    if (!name)
        return positioned ? syscall(SYS_pwrite64, fd, data, size, offset)
                          : syscall(SYS_write, fd, data, size);
    pthread_mutex_lock(&lock);
    if (!positioned) offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = positioned ? syscall(SYS_pwrite64, fd, data, size, offset)
                              : syscall(SYS_write, fd, data, size);
    int error = errno;
    if (done > 0) note('w', name, (long)offset, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return written(fd, data, size, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return written(fd, data, size, offset, 1);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return written(fd, data, size, offset, 1);
}

static int cut(int fd, off_t length) {
    const char *name = named(fd);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_ftruncate, fd, length);
    int error = errno;
    if (name && result == 0) note('t', name, (long)length, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int synced(int fd, long call) {
    const char *name = named(fd);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(call, fd);
    int error = errno;
    if (name && result == 0) note('s', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int unlink(const char *path) {
    const char *name = watched(path);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int error = errno;
    if (name && result == 0) note('u', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    const char *name = watched(from), *target = watched(to);
    pthread_mutex_lock(&lock);
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;
    if (name && target && result == 0) note('r', name, 0, target, strlen(target));
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
