/* probe-floor - probe-floor SECONDS PID...: the least that probes over HTTP can cost. Ten times a second one GET /ok to port 80 of each
 * process's network, all at once, and nothing else; prints the milliseconds of CPU that it took. What remains is the kernel's work. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int socket_in_network_of(const char *pid)
{
	const int on = 1;
	char path[64];
	int ns, fd;

	snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
	ns = open(path, O_RDONLY);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		exit(1);
	close(ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on);
	return fd;
}

static void ask(int fd)
{
	static const char request[] = "GET /ok HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	connect(fd, (const struct sockaddr *)&to, sizeof to);
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
		exit(1);
}

static void read_all(int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	static char page[16384];

	while (recv(fd, page, sizeof page, 0) > 0)
		continue;
	connect(fd, &nobody, sizeof nobody);
}

int main(int argc, char **argv)
{
	int fds[64], n = argc - 2;
	struct timespec used;

	if (n < 1 || n > 64)
		return 1;
	for (int i = 0; i < n; i++)
		fds[i] = socket_in_network_of(argv[i + 2]);
	for (int beats = atoi(argv[1]) * 10; beats > 0; beats--) {
		for (int i = 0; i < n; i++)
			ask(fds[i]);
		usleep(20000);
		for (int i = 0; i < n; i++)
			read_all(fds[i]);
		usleep(80000);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	printf("%.1f\n", (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6);
	return 0;
}
