# What is broken, in the way or absurd: the supervisor says so and goes on.
load ../lib

supervisor_log() { cat "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"; }
supervisors() { supervisor_log | grep -c ' info: supervisor '; }
ticks_more_than() { [ "$(log_count web tick)" -gt "$1" ]; }

ticking() {
	compose <<-END
	services:
	  web: {image: busybox, stop_grace_period: 0s, $1 command: [sh, -c, "while :; do echo tick; sleep 0.05; done"]}
	END
	up
	wait_until 5 ticks_more_than 0
}

# While the next supervisor comes, something is in the way of the log.
log_is_in_the_way() {
	local logs=$DAVIT_STATE_DIR/projects/$PROJECT/logs count
	mv "$logs/web-1" "$logs/../saved"
	touch "$logs/web-1"
	kill -9 "$(supervisor_pid)"
	wait_until 5 supervisor_pid
	wait_until 5 sh -c "grep -q 'web-1: output: ' '$logs/../supervisor.log'"
	rm "$logs/web-1"
	mv "$logs/../saved" "$logs/web-1"
	count=$(log_count web tick)
	wait_until 5 ticks_more_than "$count"
	is "$(supervisors)" 2
}

@test "a log that cannot be opened when a container is taken over is opened later" {
	ticking ""
	log_is_in_the_way
}

@test "the same with a terminal" {
	ticking "tty: true,"
	log_is_in_the_way
}

@test "the keeper is killed while a worker is at work: the worker goes with it, and the request is finished" {
	local super worker begun
	mkfifo slow
	compose <<-END
	services: {web: {image: busybox, stop_grace_period: 0s, command: [sleep, inf], configs: [{source: c, uid: "5"}]}}
	configs: {c: {file: ./slow}}
	END
	timeout 60 "$DAVIT" up -d >shown 2>&1 3>&- &
	begun=$!
	at_work() { super=$(supervisor_pid) && worker=$(pgrep -P "$super" davit) && [ "$(cat /proc/$worker/wchan)" = wait_for_partner ]; }
	wait_until 10 at_work
	super=$(supervisor_pid) worker=$(pgrep -P "$super" davit)
	kill -9 "$(keeper_pid)"
	another() { [ "$(supervisors)" = 2 ]; }
	wait_until 10 another
	! kill -0 "$worker" || fail "the worker lives on beside the next supervisor"
	echo hello >slow
	wait "$begun" || fail "up: $(cat shown)"
	state_is web running
}

@test "times that nobody lives to see: no overflow, no surprise" {
	local super
	compose <<-END
	services:
	  web:
	    image: busybox
	    stop_grace_period: 2562047h47m16s
	    command: [sleep, inf]
	    healthcheck: {test: "true", interval: 2562047h47m16s, start_period: 2562047h47m16s, timeout: 2562047h47m16s}
	    deploy: {restart_policy: {condition: any, delay: 2562047h47m16s, window: 2562047h47m16s}}
	END
	up --wait --wait-timeout 9223372036854775807
	super=$(supervisor_pid)
	davit stop -t 9223372036854775807 >shown 2>&1 3>&- &
	wait_until 5 sh -c "'$DAVIT' ps -a | grep -q stopping || grep -q '\"state\":\"stopping\"' '$DAVIT_STATE_DIR/projects/$PROJECT/journal'"
	davit kill
	wait_until 5 state_is web exited
	wait
	is "$(supervisor_pid)" "$super"
}

@test "a supervisor without descriptors says so now and then, and goes on when there are some" {
	local super begun n=0 first second
	compose <<<'services: {web: {image: busybox, stop_grace_period: 0s, command: [sleep, inf]}}'
	up
	super=$(supervisor_pid)
	while [ -L "/proc/$super/fd/$n" ]; do
		n=$((n + 1))
	done
	prlimit --pid "$super" --nofile=$n:         # no number is left, whatever is open above
	timeout 30 "$DAVIT" restart -t 0 >shown 2>&1 3>&- &
	begun=$!
	said_twice() { [ "$(supervisor_log | grep -c 'control socket: ')" -ge 2 ]; }
	wait_until 5 said_twice
	{ read -r first _; read -r second _; } < <(supervisor_log | grep 'control socket: ')
	(($(date -d "$second" +%s%3N) - $(date -d "$first" +%s%3N) >= 100)) || fail "it said so at $first, and again at $second"
	prlimit --pid "$super" --nofile=4096:
	wait "$begun" || fail "restart: $(cat shown)"
	is "$(supervisor_pid)" "$super"
}
