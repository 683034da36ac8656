# Restart policies: who comes back, when, and what is remembered of it when the supervisor dies or the clock jumps.
load ../lib

pid_changes() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
runs_logged() { [ "$(davit logs --no-log-prefix "$1" | wc -l)" -ge "$2" ]; }

# pauses SERVICE FROM: the pauses between its runs, in seconds, each run having logged its uptime; at least twice as long each time.
doubles() {
	davit logs --no-log-prefix "$1" | awk 'NR > 1 { if ($1 - last < 0.095 * 2 ^ (NR - 2)) { print NR, $1 - last; bad = 1 } }
		{ last = $1 } END { exit bad }'
}

@test "deploy.restart_policy: condition, max_attempts, a delay of 0; it wins over restart" {
	compose <<-END
	services:
	  none:   {image: busybox, command: ["false"], restart: always, deploy: {restart_policy: {condition: none}}}
	  twice:  {image: busybox, command: [sh, -c, "echo run; exit 3"], deploy: {restart_policy: {condition: on-failure, delay: 0s, max_attempts: 2}}}
	  thrice: {image: busybox, command: [echo, run], deploy: {restart_policy: {condition: any, delay: 10ms, max_attempts: 3}}}
	END
	up
	over() { [ "$(record "$1" state) $(record "$1" restarting)" = '"stopped" null' ]; }
	wait_until 10 over none
	wait_until 10 over twice
	wait_until 10 over thrice
	is "$(log_count twice run) $(log_count thrice run)" "3 4"
	is "$(ps_field twice ExitCode) $(ps_field none ExitCode)" "3 1"
}

@test "a policy that is changed in the file holds from the next up on, for what runs, too" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	local pid
	pid=$(pid_of one)
	sed -i 's/inf\]/inf], restart: always/' compose.yaml
	up
	is "$(pid_of one)" "$pid"
	kill -9 "$pid"
	wait_until 5 pid_changes one "$pid"
}

@test "the supervisor is killed during a back-off: the pauses go on doubling, the counts go on counting" {
	compose <<-END
	services:
	  loop: {image: busybox, command: ["sh", "-c", "cut -d ' ' -f 1 /proc/uptime; exit 3"], restart: always}
	  some: {image: busybox, command: ["sh", "-c", "cut -d ' ' -f 1 /proc/uptime; exit 3"], restart: "on-failure:4"}
	END
	up
	local i
	for i in 2 3 4 5; do
		wait_until 10 runs_logged loop "$i"
		kill_supervisor
	done
	wait_until 20 runs_logged loop 6
	wait_until 10 runs_logged some 5
	doubles loop
	doubles some
	wait_until 5 state_is some exited
	is "$(record some restarts)" 4
	davit stop -t 0
	is "$(ps_field loop State)" exited
}

@test "the supervisor is killed during a stop: it is not asked twice, its grace does not start over" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    init: false
	    stop_grace_period: 3s
	    command: ["sh", "-c", "trap 'echo asked' TERM; echo ready; while :; do cut -d ' ' -f 1 /proc/uptime; sleep 0.1; done"]
	END
	up
	wait_until 5 log_has one ready
	"$DAVIT" stop >shown 2>&1 3>&- &
	local stopper=$!
	wait_until 5 log_has one asked
	lines_since() { davit logs --no-log-prefix one | sed -n '/asked/,$p' | grep -c '^[0-9]' || :; }
	some_time_passed() { [ "$(lines_since)" -ge "$1" ]; }
	wait_until 10 some_time_passed 4
	kill_supervisor
	wait_until 10 some_time_passed 12
	kill_supervisor
	wait $stopper || fail "stop: $(cat shown)"
	is "$(log_count one asked)" 1
	is "$(ps_field one ExitCode)" 137
	davit logs --no-log-prefix one | awk '/asked/ { asked = 1; next } asked && !first { first = $1 } { last = $1 }
		END { if (last - first > 4.2) { print "it took", last - first; exit 1 } }'
}

@test "stopped by hand is remembered, whoever dies; a kill by hand counts as a stop" {
	compose <<-END
	services:
	  stopped: {image: busybox, command: [sleep, inf], restart: always}
	  killed:  {image: busybox, command: [sleep, inf], restart: unless-stopped}
	  ended:   {image: busybox, command: ["true"], restart: "on-failure"}
	END
	up
	wait_until 5 state_is ended exited
	davit stop -t 0 stopped ended
	davit kill killed
	kill_supervisor
	kill_both
	wait_until 5 state_is killed exited
	is "$(record stopped manual_stop) $(record killed manual_stop) $(record ended manual_stop)" "true true null"      # ended has done so itself
	davit restart -t 0 ended
	is "$(ps_field stopped State) $(ps_field killed State)" "exited exited"
	davit start killed
	is "$(record killed manual_stop) $(ps_field killed State)" "null running"
}

@test "a kill during the pause before a restart is a stop, as in docker; another signal finds nobody" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "echo run; exit 3"], deploy: {restart_policy: {delay: 1s}}}
	  two: {image: busybox, command: ["sh", "-c", "echo run; exit 3"], deploy: {restart_policy: {delay: 1s}}}
	END
	up
	wait_until 5 state_is one restarting
	davit kill one
	wait_until 5 state_is one exited
	is "$(record one manual_stop) $(ps_field one ExitCode)" "true 3"
	local runs
	runs=$(log_count one run)
	wait_until 5 state_is two restarting
	davit kill -s HUP two
	wait_until 10 runs_logged two $(($(log_count two run) + 2))     # longer than the pause of the one that was killed
	kill_supervisor
	is "$(log_count one run) $(ps_field one State)" "$runs exited"
	davit start one
	wait_until 5 runs_logged one $((runs + 1))
}

# A clock that the test sets: an offset to the wall clock, in a file that is mapped into each process.
make_clock() {
	cat >/run/clock.c <<-'END'
	#define _GNU_SOURCE
	#include <dlfcn.h>
	#include <fcntl.h>
	#include <sys/mman.h>
	#include <time.h>
	int clock_gettime(clockid_t id, struct timespec *t)
	{
		static int (*real)(clockid_t, struct timespec *);
		static const volatile long long *offset_s = MAP_FAILED;
		int r;
		if (!real)
			real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
		if (offset_s == MAP_FAILED)
			offset_s = mmap(0, 8, PROT_READ, MAP_SHARED, open("/run/clock", O_RDONLY | O_CLOEXEC), 0);
		r = real(id, t);
		if (r == 0 && id == CLOCK_REALTIME && offset_s != MAP_FAILED)
			t->tv_sec += *offset_s;
		return r;
	}
	END
	cc -shared -fPIC -o /run/clock.so /run/clock.c -ldl
	jump 0
}

jump() { python3 -c 'import struct, sys; open("/run/clock", "r+b" if sys.argv[1] != "0" else "wb").write(struct.pack("=q", int(sys.argv[1])))' "$1"; }

@test "the wall clock jumps ten years ahead and back: no storm, no stall, nothing is forgotten" {
	make_clock
	compose <<-END
	services:
	  loop: {image: busybox, command: ["sh", "-c", "cut -d ' ' -f 1 /proc/uptime; exit 3"], restart: always}
	  some: {image: busybox, command: ["sh", "-c", "cut -d ' ' -f 1 /proc/uptime; sleep 0.3; exit 3"],
	         deploy: {restart_policy: {condition: on-failure, delay: 300ms, max_attempts: 4, window: 1h}}}
	  well: {image: busybox, command: [sleep, inf], healthcheck: {test: "true", interval: 100ms}}
	END
	LD_PRELOAD=/run/clock.so up
	local supervisor
	supervisor=$(supervisor_pid)
	grep -q /run/clock.so "/proc/$supervisor/maps"
	wait_until 10 runs_logged loop 2
	jump 315360000
	wait_until 10 runs_logged loop 3
	davit restart -t 1 well
	wait_until 5 health_is well healthy
	jump -315360000
	wait_until 10 runs_logged loop 4
	kill_supervisor
	jump 315360000
	kill_supervisor
	wait_until 20 runs_logged loop 5
	doubles loop
	wait_until 20 state_is some exited
	is "$(davit logs --no-log-prefix some | wc -l)" 5
	is "$(ps_field well State)" running
	davit stop -t 1 well
}
