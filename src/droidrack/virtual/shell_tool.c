/* Every command of a virtual phone, under many names: a relay between mksh and the phone's model.
 *
 * Sends its arguments, each with its length in front, over the unix socket that $DROIDRACK_TOOLS
 * names; then serves what the model asks for, frame by frame: id u8, length u32, bytes.
 *   0 read: length = bytes wanted of standard input; answered by 0, length (0: end), bytes
 *   1, 2: write to standard output, error     3: leave with the one byte as exit code
 * Standard input is read on demand only: a tool that reads none leaves it to the shell.
 */
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOST = 255, CHUNK = 65536 };

static void put(int fd, const void *from, size_t size) {
    const char *next = from;
    while (size > 0) {
        ssize_t count = write(fd, next, size);
        if (count <= 0) _exit(LOST);
        next += count;
        size -= (size_t)count;
    }
}

static void get(int fd, void *to, size_t size) {
    char *next = to;
    while (size > 0) {
        ssize_t count = read(fd, next, size);
        if (count <= 0) _exit(LOST);
        next += count;
        size -= (size_t)count;
    }
}

static void serve_read(int link, uint32_t wanted) {
    static char input[CHUNK];
    struct pollfd ends[2] = {{STDIN_FILENO, POLLIN, 0}, {link, POLLIN, 0}};
    unsigned char id = 0;
    uint32_t size;
    ssize_t count;
    if (poll(ends, 2, -1) < 0 || (ends[1].revents && !ends[0].revents)) _exit(LOST);
    count = read(STDIN_FILENO, input, wanted < CHUNK ? wanted : CHUNK);
    size = count > 0 ? (uint32_t)count : 0;
    put(link, &id, 1);
    put(link, &size, 4);
    put(link, input, size);
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("DROIDRACK_TOOLS");
    static char output[CHUNK];
    uint32_t count = (uint32_t)argc;
    int link = socket(AF_UNIX, SOCK_STREAM, 0);
    if (path == NULL || strlen(path) >= sizeof address.sun_path) return LOST;
    strcpy(address.sun_path, path);
    if (link < 0 || connect(link, (struct sockaddr *)&address, sizeof address) < 0) return LOST;
    put(link, &count, 4);
    for (int index = 0; index < argc; index++) {
        uint32_t size = (uint32_t)strlen(argv[index]);
        put(link, &size, 4);
        put(link, argv[index], size);
    }
    for (;;) {
        unsigned char id, code;
        uint32_t size;
        get(link, &id, 1);
        get(link, &size, 4);
        if (id == 0) {
            serve_read(link, size);
        } else if (id == 3) {
            get(link, &code, 1);
            return code;
        } else {
            while (size > 0) {
                uint32_t part = size < CHUNK ? size : CHUNK;
                get(link, output, part);
                put(id == 1 ? STDOUT_FILENO : STDERR_FILENO, output, part);
                size -= part;
            }
        }
    }
}
