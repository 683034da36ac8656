# The OCI runtime hangs, fails, is slow or is killed (tests/fake/crun-faulty): who is not concerned notices nothing, who is gets a named error,
# policy tries again, and nothing is left.
load ../lib

faulty() {
	export DAVIT_RUNTIME=${BATS_TEST_DIRNAME%/*}/fake/crun-faulty DAVIT_RUNTIME_TIMEOUT=${1:-1s}
	rm -rf /run/faults
	mkdir -p /run/faults
}

# fault VERB.SLOT[.once] WHAT
fault() { echo "$2" >"/run/faults/$1"; }
calls() { grep -c "^$1 " /run/faults/calls || :; }

stack() {
	compose <<-END
	services:
	  bad:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: SIGKILL
	    restart: always
	    deploy: {restart_policy: {delay: 20ms}}
	  good:
	    image: busybox
	    command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 80"]
	    stop_signal: SIGKILL
	    restart: always
	    deploy: {restart_policy: {delay: 0s}}
	    healthcheck: {test: "test ! -e /tmp/bad", interval: 50ms, retries: 1}
	  asks: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	END
}

new_pid() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

# Restarted, probed and found by its name, while another's runtime does not answer.
good_lives() {
	local before
	before=$(pid_of good)
	kill -9 "$before"
	wait_until 10 new_pid good "$before"
	wait_until 10 health_is good healthy
	sh_in good 'touch /tmp/bad'
	wait_until 10 health_is good unhealthy
	sh_in good 'rm /tmp/bad'
	wait_until 10 health_is good healthy
	is "$(sh_in asks 'wget -q -O - http://good/')" hello
}

well() { local said; said=$(davit doctor) || fail "$said"; }

# refused_up WORDS...: up fails with them, and leaves nothing.
refused_up() {
	local w
	run -1 davit up -d
	for w in "$@"; do
		has "$output" "$w"
	done
	wait_until 10 no_leaks
}

@test "DAVIT_RUNTIME_TIMEOUT is a duration, or is refused" {
	compose <<<'services: {web: {image: busybox}}'
	for wrong in soon 5 9ms -1s; do
		DAVIT_RUNTIME_TIMEOUT=$wrong refused 1 "DAVIT_RUNTIME_TIMEOUT is '$wrong', which is no duration" -- davit up -d
	done
	DAVIT_RUNTIME_TIMEOUT=soon davit config -q
	DAVIT_RUNTIME_TIMEOUT= davit ps
}

@test "create and start that hang, fail or are killed: up says which container, and leaves nothing" {
	faulty 20s
	stack
	local verb what
	for verb in create start; do
		fault $verb.bad-1 "fail the moon is full"
		refused_up "service 'bad'" "crun-faulty $verb: the moon is full"
		fault $verb.bad-1 killed
		refused_up "service 'bad'" "crun-faulty $verb was killed by signal 9"
		for what in hang late-hang; do
			fault $verb.bad-1 $what
			DAVIT_RUNTIME_TIMEOUT=2s refused_up "service 'bad'" DAVIT_RUNTIME_TIMEOUT \
				"crun-faulty $verb of container '$PROJECT-bad-1' gave no answer within 2s"
		done
		rm /run/faults/$verb.bad-1
	done
	fault create.bad-1 late-killed
	refused_up "service 'bad'" "crun-faulty create was killed by signal 9"
}

@test "a slow runtime is waited for" {
	faulty 20s
	stack
	for verb in create start; do fault $verb.bad-1 "slow 0.3"; done
	up
	for verb in exec delete; do fault $verb.bad-1 "slow 0.3"; done
	is "$(sh_in bad 'echo here')" here
	davit restart -t 0 bad
	is "$(ps_field bad State)" running
	well
}

@test "a container that was up is tried again by its policy, whatever step of the runtime's fails; others live on" {
	faulty 2s                              # on a busy machine what is well needs that, too
	stack
	up --wait
	local what verb before
	for what in hang "fail the moon is full" killed late-killed late-hang; do
		for verb in create start delete; do
			before=$(pid_of bad)
			fault $verb.bad-1.once "$what"
			kill -9 "$before"
			[ "$what" != hang ] || good_lives
			wait_until 15 new_pid bad "$before"
			wait_until 5 state_is bad running
			[ ! -e /run/faults/$verb.bad-1.once ] || fail "$verb was not called"
		done
	done
	wait_until 5 well
	is "$(ps_field asks State)" running
}

@test "a runtime that hangs for one container blocks neither ps, logs nor down" {
	faulty 4s
	stack
	up --wait
	before=$(pid_of bad)
	fault create.bad-1 hang
	fault delete.bad-1 hang
	kill -9 "$before"
	is "$(timeout 3 "$DAVIT" ps --format json good | jq -r .State)" running
	timeout 3 "$DAVIT" logs good
	davit down -t 0
	wait_until 5 no_leaks
}

@test "a health check whose runtime hangs is a failed one, and ends" {
	faulty 20s
	compose <<-END
	services:
	  bad:
	    image: busybox
	    command: [sleep, inf]
	    healthcheck: {test: "true", interval: 100ms, timeout: 200ms, retries: 2}
	END
	up --wait
	fault exec.bad-1 hang
	wait_until 10 health_is bad unhealthy
	rm /run/faults/exec.bad-1
	wait_until 10 health_is bad healthy
	no_hung() { ! pgrep -x sleep -a | grep -v "$(pid_of bad)"; }
	fault exec.bad-1 "fail no way in"
	wait_until 10 health_is bad unhealthy
	davit down -t 0
	wait_until 5 no_leaks
}

@test "exec and hooks whose runtime hangs end in time, and say so; those that take long are left alone" {
	faulty
	compose <<-END
	services:
	  bad:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: SIGKILL
	    post_start: [{command: [sleep, "1.3"]}]
	END
	up
	fault exec.bad-1 hang
	run -1 davit exec -T bad true
	has "$output" "exec of container '$PROJECT-bad-1' gave no answer within 1s"
	has "$output" DAVIT_RUNTIME_TIMEOUT
	is "$(find "$DAVIT_RUN_DIR/projects/$PROJECT/tmp" -name 'exec-*')" ""
	run -1 davit up -d --force-recreate -t 0
	has "$output" "compose.yaml:6:18"
	has "$output" "post_start[0] of container '$PROJECT-bad-1' gave no answer within 1s"
	is "$(ps_field bad State)" running
	rm /run/faults/exec.bad-1
	is "$(sh_in bad 'sleep 1.3; echo here')" here
	well
}

@test "exec whose runtime hangs can be interrupted, and leaves nothing" {
	faulty 10m
	stack
	up --wait
	fault exec.bad-1 hang
	"$DAVIT" exec -T bad true >shown 2>&1 3>&- &
	local pid=$!
	hung() { pgrep -P "$pid" -x sleep; }
	wait_until 5 hung
	tmp_files() { find "$DAVIT_RUN_DIR/projects/$PROJECT/tmp" -name 'exec-*'; }
	[ -n "$(tmp_files)" ]
	three_times() { kill -TERM $pid; ! kill -0 $pid 2>/dev/null; }
	wait_until 5 three_times
	run wait $pid
	is "$(tmp_files)" ""
	is "$(davit ps --format json bad | jq -r .State)" running
	"$DAVIT" exec -T bad true >shown 2>&1 3>&- &
	pid=$!
	wait_until 5 hung
	kill -9 $(pgrep -P "$pid" -x sleep) $pid
	rm /run/faults/exec.bad-1
	is "$(sh_in bad 'echo here')" here
	is "$(tmp_files)" ""
	well
}

@test "start is killed when it has half let go: the container runs all the same" {
	faulty
	stack
	local n
	for n in 1 2 3 4 5 6; do
		fault start.asks-$n half
	done
	up --scale asks=6 asks
	asleep() { grep -qx sleep "/proc/$(pid_of asks "$1")/comm"; }
	for n in 1 2 3 4 5 6; do
		wait_until 5 asleep $n
	done
	is "$(davit ps --format json asks | jq -r .State | sort | uniq -c | xargs)" "6 running"
}

# Its first process cannot go before all others of its namespace are reaped, and the parent of one of them does not.
@test "a container that does not end, not even by SIGKILL: stop says so in time, and so does up" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	local one holder
	one=$(pid_of one)
	nsenter -t "$one" -p -- sleep 7345 3>&- &
	holder=$!
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $holder"
	wait_until 5 pgrep -P "$holder" -x sleep
	kill -STOP "$holder"
	run -1 davit stop -t 0
	has "$output" "does not end, not even by SIGKILL"
	run -1 timeout 20 "$DAVIT" up -d
	has "$output" "container '$PROJECT-one-1' does not end, not even by SIGKILL"
	kill -9 "$holder"
	wait_until 5 are_gone "$one"
	up
	is "$(sh_in one 'echo here')" here
	well
}

@test "a replaced container that does not end: a rolling update and its way back say so, and are over" {
	compose <<-'END'
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    environment: ["V=${V:-1}"]
	    stop_grace_period: 0s
	    deploy: {replicas: 2, update_config: {order: start-first, failure_action: rollback, monitor: 1ms}}
	END
	up
	nsenter -t "$(pid_of web)" -p -- sleep 7346 3>&- &
	local holder=$!
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $holder"
	wait_until 5 pgrep -P "$holder" -x sleep
	kill -STOP "$holder"
	V=2 run -1 davit up -d
	has "$output" "does not end, not even by SIGKILL"
	kill -9 "$holder"
	V=3 up
	is "$(for n in 1 2; do davit exec -T --index $n web sh -c 'echo $V'; done)" "$(printf '3\n3')"
	well
}

@test "the supervisor dies while a restart is being created: it is counted once" {
	faulty
	stack
	up --wait bad
	local before
	before=$(pid_of bad)
	fault create.bad-1.once "slow 1"
	kill -9 "$before"
	is_creating() { [ "$(record bad state)" = '"creating"' ]; }
	wait_until 5 is_creating
	kill_supervisor
	wait_until 10 new_pid bad "$before"
	wait_until 5 state_is bad running
	is "$(record bad restarts)" 1
}

@test "the supervisor dies before the runtime has written down which process a health check is: it does not stay" {
	faulty 20s
	compose <<-END
	services:
	  bad:
	    image: busybox
	    command: [sleep, inf]
	    healthcheck: {test: [CMD, sleep, "7662"], timeout: 60s}
	END
	fault exec.bad-1 unnoted
	up
	checks() { pgrep -fx 'sleep 7662'; }
	wait_until 5 checks
	local first
	first=$(checks)
	kill_supervisor
	kill_supervisor
	not kill -0 $first
	one_left() { [ "$(checks | wc -l)" = 1 ]; }
	wait_until 5 one_left
}

@test "the supervisor dies while start has opened the fifo, but not let go: the next one's start does" {
	faulty 20s
	stack
	local n
	for n in 1 2 3 4 5 6; do
		fault start.asks-$n.once opened
	done
	"$DAVIT" up -d --scale asks=6 asks >shown 2>&1 3>&- &
	local up=$!
	all_start() { [ "$(calls 'start asks-.')" = 6 ]; }
	wait_until 10 all_start
	kill_supervisor
	wait $up || fail "up: $(cat shown)"
	all_run() { [ "$(davit ps --format json asks | jq -r .State | sort | uniq -c | xargs)" = "6 running" ]; }
	wait_until 10 all_run
}

@test "a step of the way back from an up that failed fails: it is tried once more" {
	faulty
	compose <<-END
	services:
	  bad:
	    image: busybox
	    command: ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"]
	    stop_signal: SIGKILL
	    environment: {V: "\${V:-1}"}
	    healthcheck: {test: "[ \$\$V = 1 ]", interval: 50ms, start_interval: 50ms, retries: 1000}
	END
	up
	local before
	before=$(davit ps -aq)
	V=2 "$DAVIT" up -d >shown 2>&1 3>&- &
	wait_until 10 eval '[ "$(sh_in bad "echo \$V" 2>/dev/null)" = 2 ]'
	fault create.bad-1.once "fail no memory"
	sh_in bad 'kill 1' || :
	not wait $!
	[ ! -e /run/faults/create.bad-1.once ]
	has "$(cat shown)" "is running again"
	is "$(davit ps -aq) $(sh_in bad 'echo $V')" "$before 1"
}
