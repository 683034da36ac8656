/* seccomp_bpf.c - the default profile as a BPF program, for crun.
 *
 * Why: libseccomp needs 17 ms of processor time for this profile, twice what the rest of `create` takes,
 * and Debian 12's crun does it for every container. crun takes a ready-made program from an annotation
 * (run.oci.seccomp_bpf_data); other runtimes do not know it and compile the profile, which stays in
 * config.json, themselves.
 *
 * How it works: per architecture, a table says for each number what happens to the call. Equal neighbours
 * become ranges, and a binary search over these is written out as jumps. Rules about arguments are looked
 * at where their call's range ends up. Anything not understood means no program at all: better slow than
 * wrong. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "seccomp.h"

#if defined(__x86_64__)

enum {
	MAX_NR = 512, /* above: the default */
	MAX_RULES = 64,
	OFF_NR = 0,
	OFF_ARCH = 4,
	OFF_ARGS = 16,
};

/* One rule with conditions on arguments. */
struct rule {
	const json_t *args;
	uint32_t action;
	int next; /* of the same call, -1: last */
};

struct table {
	const struct seccomp_nr *numbers; /* sorted by name */
	size_t n_numbers;
	bool wide; /* arguments have 64 bits */
	uint32_t dflt, action[MAX_NR];
	int first[MAX_NR]; /* rules of a call, -1: none */
	struct rule rules[MAX_RULES];
	int n_rules;
};

struct prog {
	struct sock_filter f[BPF_MAXINSNS];
	size_t n;
	bool bad;
};

/* --- reading the profile --- */

static int action_of(const json_t *rule, uint32_t *ret)
{
	const char *a = jx_str(rule, "action");
	if (!a)
		return -1;
	if (STREQ(a, "SCMP_ACT_ALLOW"))
		*ret = SECCOMP_RET_ALLOW;
	else if (STREQ(a, "SCMP_ACT_ERRNO"))
		*ret = SECCOMP_RET_ERRNO | ((uint32_t)jx_int(rule, "errnoRet", EPERM) & SECCOMP_RET_DATA);
	else
		return -1;
	return 0;
}

static int by_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct seccomp_nr *)item)->name);
}

static int number_of(const struct table *t, const char *name)
{
	const struct seccomp_nr *found = bsearch(name, t->numbers, t->n_numbers, sizeof *t->numbers, by_name);
	return found ? found->nr : -1;
}

static int add_call(struct table *t, int nr, const json_t *args, uint32_t action)
{
	if (nr >= MAX_NR)
		return -1;
	if (json_array_size(args) == 0) {
		t->action[nr] = action;
		return 0;
	}
	if (t->n_rules == MAX_RULES)
		return -1;
	t->rules[t->n_rules] = (struct rule){.args = args, .action = action, .next = t->first[nr]};
	t->first[nr] = t->n_rules++;
	return 0;
}

static int fill(struct table *t, const json_t *profile)
{
	size_t i, k;
	const json_t *rule, *name;
	t->dflt =
		SECCOMP_RET_ERRNO | ((uint32_t)jx_int(profile, "defaultErrnoRet", EPERM) & SECCOMP_RET_DATA);
	for (i = 0; i < MAX_NR; i++) {
		t->action[i] = t->dflt;
		t->first[i] = -1;
	}
	json_array_foreach(jx_arr(profile, "syscalls"), i, rule)
	{
		uint32_t action;
		if (action_of(rule, &action) < 0)
			return -1;
		json_array_foreach(jx_arr(rule, "names"), k, name)
		{
			int nr = number_of(t, json_string_value(name));
			if (nr >= 0 && add_call(t, nr, jx_arr(rule, "args"), action) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- writing the program --- */

static size_t emit(struct prog *p, unsigned code, unsigned jt, unsigned jf, uint32_t k)
{
	if (p->n == BPF_MAXINSNS) {
		p->bad = true;
		return 0;
	}
	p->f[p->n] = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
	return p->n++;
}

static void load(struct prog *p, uint32_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void ret(struct prog *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, 0, 0, action);
}

/* Where a rule's conditions jump to when they do not hold; filled in when the place is known. */
struct misses {
	size_t at[16];
	bool when_true[16];
	size_t n;
};

static void jump_if(struct prog *p, struct misses *m, uint32_t value, bool miss_when_equal)
{
	if (m->n == ARRAY_LEN(m->at)) {
		p->bad = true;
		return;
	}
	m->at[m->n] = emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, value);
	m->when_true[m->n++] = miss_when_equal;
}

static void settle(struct prog *p, const struct misses *m)
{
	for (size_t i = 0; i < m->n; i++) {
		size_t distance = p->n - m->at[i] - 1;
		if (distance > 255)
			p->bad = true;
		if (m->when_true[i])
			p->f[m->at[i]].jt = (uint8_t)distance;
		else
			p->f[m->at[i]].jf = (uint8_t)distance;
	}
}

/* "Not equal" looks at the lower half only: what is passed on as an int must not slip through by its upper
 * half. */
static void condition(struct prog *p, struct misses *m, const json_t *arg, bool wide)
{
	const char *op = jx_str(arg, "op");
	uint64_t value = (uint64_t)jx_int(arg, "value", 0), two = (uint64_t)jx_int(arg, "valueTwo", 0);
	int64_t index = jx_int(arg, "index", -1);
	if (!op || index < 0 || index > 5 || value > UINT32_MAX || two > UINT32_MAX) {
		p->bad = true;
		return;
	}
	uint32_t low = OFF_ARGS + 8 * (uint32_t)index;
	if (wide && STREQ(op, "SCMP_CMP_EQ")) {
		load(p, low + 4);
		jump_if(p, m, 0, false);
	}
	load(p, low);
	if (STREQ(op, "SCMP_CMP_MASKED_EQ")) {
		emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, (uint32_t)value);
		jump_if(p, m, (uint32_t)two, false);
	} else if (STREQ(op, "SCMP_CMP_EQ") || STREQ(op, "SCMP_CMP_NE")) {
		jump_if(p, m, (uint32_t)value, STREQ(op, "SCMP_CMP_NE"));
	} else {
		p->bad = true;
	}
}

static void rules_of(struct prog *p, const struct table *t, int first)
{
	for (int r = first; r >= 0; r = t->rules[r].next) {
		struct misses m = {.n = 0};
		size_t i;
		const json_t *arg;
		json_array_foreach(t->rules[r].args, i, arg) condition(p, &m, arg, t->wide);
		ret(p, t->rules[r].action);
		settle(p, &m);
	}
	ret(p, t->dflt);
}

struct ranges {
	int start[MAX_NR + 1];
	size_t n;
};

static bool same(const struct table *t, int a, int b)
{
	return t->first[a] < 0 && t->first[b] < 0 && t->action[a] == t->action[b];
}

static void find_ranges(const struct table *t, struct ranges *r)
{
	r->n = 0;
	for (int nr = 0; nr < MAX_NR; nr++)
		if (nr == 0 || !same(t, nr, nr - 1))
			r->start[r->n++] = nr;
	r->start[r->n++] = MAX_NR;
}

/* The accumulator holds the number, which is in one of the ranges lo … hi. Depth: the logarithm of 512. */
static void search(struct prog *p, const struct table *t, const struct ranges *r, size_t lo, size_t hi)
{
	if (lo == hi) {
		int nr = r->start[lo];
		if (nr < MAX_NR && t->first[nr] >= 0)
			rules_of(p, t, t->first[nr]);
		else
			ret(p, nr < MAX_NR ? t->action[nr] : t->dflt);
		return;
	}
	size_t mid = (lo + hi + 1) / 2;
	emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, (uint32_t)r->start[mid]);
	size_t far = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	search(p, t, r, lo, mid - 1);
	p->f[far].k = (uint32_t)(p->n - far - 1);
	search(p, t, r, mid, hi);
}

static int compile_arch(struct prog *p, const json_t *profile, const struct seccomp_nr *numbers, bool wide)
{
	auto_free struct table *t = xcalloc(1, sizeof *t);
	struct ranges r;
	t->numbers = numbers;
	while (numbers[t->n_numbers].name)
		t->n_numbers++;
	t->wide = wide;
	if (fill(t, profile) < 0)
		return -1;
	find_ranges(t, &r);
	load(p, OFF_NR);
	search(p, t, &r, 0, r.n - 1);
	return p->bad ? -1 : 0;
}

struct sock_filter *seccomp_compile(const json_t *profile, size_t *ret_n)
{
	auto_free struct prog *p = xcalloc(1, sizeof *p);
	const char *dflt = jx_str(profile, "defaultAction");
	if (!dflt || !STREQ(dflt, "SCMP_ACT_ERRNO") || json_object_get(profile, "flags"))
		return NULL;
	load(p, OFF_ARCH);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	size_t far = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	/* x32 has this architecture too and numbers from 0x40000000, which are behind the last range */
	if (compile_arch(p, profile, seccomp_nr64, true) < 0)
		return NULL;
	p->f[far].k = (uint32_t)(p->n - far - 1);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_I386);
	ret(p, SECCOMP_RET_KILL_PROCESS);
	if (compile_arch(p, profile, seccomp_nr32, false) < 0)
		return NULL;
	struct sock_filter *f = xcalloc(p->n, sizeof *f);
	memcpy(f, p->f, p->n * sizeof *f);
	*ret_n = p->n;
	return f;
}

#else

struct sock_filter *seccomp_compile(const json_t *profile, size_t *ret_n)
{
	return NULL;
}

#endif

static char *base64(const unsigned char *data, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = xmalloc((n + 2) / 3 * 4 + 1), *w = text;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16;
		v |= i + 1 < n ? (uint32_t)data[i + 1] << 8 : 0;
		v |= i + 2 < n ? data[i + 2] : 0;
		*w++ = digits[v >> 18];
		*w++ = digits[v >> 12 & 63];
		*w++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*w++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*w = '\0';
	return text;
}

char *seccomp_compile_base64(const json_t *profile)
{
	size_t n = 0;
	auto_free struct sock_filter *f = seccomp_compile(profile, &n);
	return f ? base64((const unsigned char *)f, n * sizeof *f) : NULL;
}
