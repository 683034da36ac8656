/* net.h - networks for anybody who fills a struct net_spec: bridges, slots (pinned network namespaces),
 * addresses, ports, names.
 *
 * Everything is named so that its owner can be read off it: bridges "dv" + 10 hex digits of SHA-256 of the
 * network's full name and state directory, table `inet davit-PROJECT`, namespace pins
 * RUN/projects/PROJECT/netns/SLOT. All functions are idempotent: what is there as asked for is left alone,
 * what is gone already is fine.
 *
 * Functions marked (worker) may block for milliseconds or change the calling thread's namespace: call them in
 * a worker (util/proc.h), never in an event loop. IPv4 addresses are in host byte order. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../src/util/err.h"

#define NET_IFNAMSIZ 16

struct net_spec {
	const char *project, *name;     /* name: PROJECT_KEY, unique on this host */
	bool internal;                  /* no way out of the bridge */
	bool external;                  /* must exist already; never made or removed */
	const char *subnet;             /* "172.20.0.0/16", NULL: one is chosen */
	const char *gateway, *ip_range; /* NULL: the first address; the whole subnet */
	unsigned mtu;                   /* 0: the kernel's default */
	const char *bridge_name;        /* driver_opts com.docker.network.bridge.name, NULL: ours */
};

/* A network that has its place: filled by ipam_network(). */
struct net {
	char *name;    /* owned */
	char *project; /* owned; whose it is (its owner's for an external one). NULL: name serves instead */
	char bridge[NET_IFNAMSIZ];
	bool internal, external;
	uint32_t subnet, gateway;
	uint8_t prefix;
	unsigned mtu;
};
void net_done(struct net *n);

/* Address book of all networks of this host: one file per network below STATE/networks, changed under one
 * flock. Small files, no waiting beyond 2 s for the lock (then ERR_BUSY naming its holder). Safe in the loop.
 */
struct ipam;
int ipam_open(const char *state_dir, struct ipam **ret, struct err *err);
/* To look only: nothing is made, and ipam_check() and ipam_list() are all that may be called. *ret is NULL when there never was a network. */
int ipam_look(const char *state_dir, struct ipam **ret, struct err *err);
void ipam_close(struct ipam *p);
/* Removes what writers that were killed left beside the entries, unless somebody is writing now. */
void ipam_sweep(struct ipam *p);
/* Finds or makes the network's entry: chooses a subnet that overlaps neither a route of this host nor another
 * network (Docker's default pools: 172.17-31.0.0/16, 192.168.0.0/16 in /20s, and 10.x when these are used
 * up), or takes the one asked for. ERR_EXISTS: another project's, or with another subnet; ERR_NOT_FOUND:
 * external and not there. */
int ipam_network(struct ipam *p, const struct net_spec *spec, struct net *ret, struct err *err);
/* What ipam_network() would find, without making anything or waiting for the lock: 0 and *ret; IPAM_ABSENT; -1: ERR_EXISTS as above. */
enum { IPAM_ABSENT = 1 };
int ipam_check(struct ipam *p, const struct net_spec *spec, struct net *ret, struct err *err);
/* An address for `who` ("PROJECT/SLOT"): the same one again as long as it is not released; `want` (may be
 * NULL) asks for a certain one (ERR_EXISTS with its holder when taken, ERR_INPUT when outside the subnet).
 * Lowest free first, never gateway or broadcast. */
int ipam_take(struct ipam *p, const char *network, const char *who, const char *want, uint32_t *ret_addr,
	struct err *err);
void ipam_release(struct ipam *p, const char *network, const char *who);
/* Forgets the network and all its addresses. */
int ipam_forget(struct ipam *p, const char *network, struct err *err);
/* The project's networks: array of {"name", "bridge", "subnet", "gateway", "project", "shared": true when another project has an address in it,
 * "addrs": {"PROJECT/SLOT": address}}; project NULL: all networks; p NULL: an empty book; new reference. */
json_t *ipam_list(struct ipam *p, const char *project);
/* 02:42 + the address, as Docker did, so that ARP caches of neighbours stay right after a restart. */
void net_mac(uint32_t addr, uint8_t ret_mac[6]);
void net_addr_format(uint32_t addr, char buf[static 16]);
int net_addr_parse(const char *text, uint32_t *ret_addr);

/* --- bridges and slots (worker) --- */
int net_up(const struct net *n, struct err *err); /* bridge with the gateway's address, up; forwarding on */
int net_down(const char *bridge, struct err *err);

struct net_attach {
	const struct net *net;
	uint32_t addr;
	uint8_t mac[6];
	char ifname[NET_IFNAMSIZ]; /* in the slot: eth0, eth1, … */
	bool default_route;
};
struct net_sysctl {
	const char *name, *value; /* "net.ipv4.ip_forward" */
};
struct net_slot {
	const char *netns_path;          /* the pin: RUN/projects/PROJECT/netns/SLOT */
	const struct net_attach *attach; /* none: only lo (network_mode: none) */
	size_t n_attach;
	const struct net_sysctl *sysctls; /* borrowed */
	size_t n_sysctls;
	/* the resolver's sockets: 127.0.0.11:53 is redirected to them; 0: none */
	unsigned dns_port_udp, dns_port_tcp;
};
/* Where the resolver listens in every slot, UDP and TCP, unless somebody in the container is there already:
 * above the ephemeral range and no service's. Known beforehand, so net_slots_up() with both ports set to it
 * does everything in one pass; then dns_add_slot() binds it. */
enum { NET_DNS_PORT = 65053 };

/* Makes and pins the namespace with lo, its veth pairs, addresses, routes and the resolver's redirection; all
 * slots of a project in one call, so that the requests can be batched and libnftables is loaded once. On
 * failure names the slot. */
int net_slots_up(const struct net_slot *slots, size_t n, struct err *err);
/* Installs or replaces the resolver's redirection alone, in slots that are up; those with ports 0 are
 * skipped. For the rare case that dns_add_slot() returned other ports than net_slots_up() was told. (worker)
 */
int net_slots_resolver(const struct net_slot *slots, size_t n, struct err *err);
/* How many TCP connections its servers have with others; none when there is no such slot. (worker) */
int net_slot_conversations(const char *netns_path, size_t *ret, struct err *err);
/* How many of these TCP ports nobody listens on there, for others than the slot itself; none when there is no such slot. (worker) */
int net_slot_unheard(const char *netns_path, const uint16_t *ports, size_t n, size_t *ret, struct err *err);
int net_slot_down(const char *netns_path, struct err *err);
/* Removes all pins below the directory, and all bridges, veth pairs and the table of the project. (worker) */
int net_sweep(const char *netns_dir, const char *project, struct err *err);
/* Bridges, host ends of veth pairs and tables of all projects: array of {"kind": "bridge"|"veth"|"table", "name", "project",
 * "of": the network or the slot, "up", "bridged": it is on a bridge}; new reference, NULL with *err. (worker) */
json_t *net_census(struct err *err);

/* A pinned namespace, to make sockets in. ERR_NOT_FOUND: there is none. While it is open it stays, also when its pin has gone. */
int net_ns_open(const char *netns_path, int *ret_fd, struct err *err);
/* A TCP socket in that namespace, -1: in the thread's own. Non-blocking, close-on-exec. Changes the thread's namespace and back;
 * microseconds, safe in the loop of a process with one thread. */
int net_tcp_socket(int ns_fd, int *ret_fd, struct err *err);

/* --- host ports and masquerading: one nftables table per project --- */
/* Several with one host address, port and protocol: new connections are dealt out to them one after the other. */
struct net_publish {
	uint32_t host_addr; /* 0: all */
	uint16_t host_port, target;
	bool udp;
	uint32_t addr; /* of the container */
	char bridge[NET_IFNAMSIZ];
};
struct fw_spec {
	const char *project;
	const struct net *nets;
	size_t n_nets;
	const struct net_publish *ports;
	size_t n_ports;
};
/* Replaces the whole table in one transaction; also route_localnet on the bridges and, when this host's
 * iptables FORWARD policy is DROP because of Docker, the three rules in DOCKER-USER. (worker) */
int fw_apply(const struct fw_spec *spec, struct err *err);
int fw_remove(const char *project, struct err *err); /* (worker) */
/* Whether this host's firewall drops what containers send to other networks and what comes in for published
 * ports, and it is not Docker's doing, which is passed: ufw, or a policy set by hand. It is the host's owner
 * who has to change that; `up` and `doctor` should tell. 1 and a sentence, 0. Two questions to the kernel. */
int fw_is_shut(char *ret, size_t size);

/* Binds the host port without listening, so that nobody else gets it and a taken one is noticed at once. In a
 * range [min,max] the first free one; 0,0: any free one of the ephemeral range. 0 with *ret_fd and *ret_port.
 * ERR_BUSY: says who holds it ("host port 8000 (tcp) is taken by nginx (pid 4711)", found through /proc, or
 * "by davit project 'x'"). Safe in the loop. */
int publish_reserve(uint32_t host_addr, unsigned min, unsigned max, bool udp, int *ret_fd, unsigned *ret_port,
	struct err *err);

/* --- names --- */
/* The resolver behind 127.0.0.11: a UDP and a TCP socket in each slot's namespace, all served by one object
 * in the event loop. Answers A (and AAAA with no data) for names it knows, PTR for addresses it knows,
 * forwards the rest to the host's resolvers (read from /etc/resolv.conf, re-read when it changes) or the
 * slot's own `dns:`; bounded: 4096 forwarded queries in flight, 5 s each. */
struct event_base;
struct dns;
struct dns_ops {
	/* Addresses of `name` as seen from `slot`: fills up to max, returns how many; -1: not a name of ours
	 * (forward it); 0: ours but nobody runs (NXDOMAIN). `name` is lower case without trailing dot. */
	int (*lookup)(void *ctx, const char *slot, const char *name, uint32_t *addrs, size_t max);
	/* Name of `addr` as seen from `slot`, NULL: not ours. */
	const char *(*reverse)(void *ctx, const char *slot, uint32_t addr);
};
int dns_new(struct event_base *base, const struct dns_ops *ops, void *ctx, struct dns **ret, struct err *err);
void dns_free(struct dns *d);
/* Opens the sockets in the (pinned) namespace at 127.0.0.11 and serves them. servers: the slot's own `dns:`,
 * may be NULL. Changes the thread's namespace and back; microseconds. *udp_port, *tcp_port on entry: the
 * ports to bind, 0: NET_DNS_PORT; on return: those that were bound, which differ when somebody else had them:
 * then net_slots_resolver() has to tell the namespace. */
int dns_add_slot(struct dns *d, const char *slot, const char *netns_path, const char *const *servers,
	unsigned *udp_port, unsigned *tcp_port, struct err *err);
/* The same with sockets that are open already, kept while nobody served them: what was asked meanwhile is answered. Both are taken, also on
 * failure. */
int dns_adopt_slot(struct dns *d, const char *slot, const char *const *servers, int udp_fd, int tcp_fd, struct err *err);
/* A slot's sockets, borrowed. 0, -1: it is not served. */
int dns_slot_sockets(const struct dns *d, const char *slot, int *ret_udp, int *ret_tcp);
void dns_remove_slot(struct dns *d, const char *slot);

/* Text of the three files that a container gets; malloc'ed. */
struct hosts_entry {
	const char *name, *ip;
};
char *hosts_text(const char *hostname, const char *domainname, const uint32_t *addrs, size_t n_addrs,
	const struct hosts_entry *extra, size_t n_extra);
char *resolv_text(bool internal_resolver, const char *const *servers, const char *const *search,
	const char *const *options);
