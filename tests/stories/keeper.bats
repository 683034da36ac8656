# Keeper, supervisor and command are killed, one after the other and together, while there is work.
load ../lib

top=$(realpath "$BATS_TEST_DIRNAME/../..")

another_keeper() { local now; now=$(keeper_pid) && [ "$now" != "$1" ] && [ -n "$(supervisor_pid)" ]; }
kernel_tells() { [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ]; }     # how a process ended, by its pidfd

exited_with() { is "$(ps_field "$1" ExitCode)" "$2"; }

# The status of a container that is no child of its keeper: what the kernel tells, else unknown, which counts as a failure.
ended_with() {
	wait_until 10 state_is "$1" exited
	! kernel_tells || wait_until 10 exited_with "$1" "$2"
}

# The command that tells it may be killed with it.
let_end() { sh_in "$1" 'touch /tmp/go' || :; }

@test "the keeper is killed: how containers end afterwards, and in that moment, is known" {
	compose <<-END
	services:
	  ends:  {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 42"]}
	  later: {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 43"]}
	  last:  {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 44"]}
	  again: {image: busybox, command: [sleep, inf], restart: on-failure}
	END
	up
	local keeper pid supervisor
	keeper=$(keeper_pid) pid=$(pid_of again)
	kill -9 "$keeper" "$pid"
	wait_until 5 another_keeper "$keeper"
	let_end ends
	ended_with ends 42
	changed() { local now; now=$(pid_of again); [ -n "$now" ] && [ "$now" != "$pid" ]; }
	wait_until 10 changed
	supervisor=$(supervisor_pid)
	let_end later &
	kill -9 "$supervisor"
	wait
	ended_with later 43
	keeper=$(keeper_pid)
	kill -9 "$keeper"                      # once more: the next keeper inherits what this one inherited
	wait_until 5 another_keeper "$keeper"
	let_end last
	ended_with last 44
}

work() {
	cp "$top/tests/load" load.py
	compose <<-END
	services:
	  web:
	    image: python
	    command: [python3, /load.py, server, "80"]
	    volumes: ["./load.py:/load.py:ro"]
	    ports: ["127.0.0.1:8079:80"]
	    restart: always
	  writer: {image: busybox, command: ["sh", "-c", "i=0; while [ ! -e /tmp/stop ]; do i=\$\$((i+1)); echo \$\$i; done; echo end \$\$i; sleep inf"]}
	  ends:  {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 42"]}
	END
	up
	wait_until 40 curl -sf http://127.0.0.1:8079/
	first=$(pid_of web)
	"$top/tests/load" http 8079 1000 "$PWD/stop" >requests 2>&1 3>&- &
	"$top/tests/load" names web "$(pid_of writer)" "$PWD/stop" >questions 2>&1 3>&- &
}

# What must hold after all of it. The work ends.
nothing_was_noticed() {
	touch stop
	wait
	sh_in writer 'touch /tmp/stop'
	wait_until 20 log_has writer '^end'
	grep -q '^0 of [1-9].* failed' requests || fail "$(cat requests)"
	davit logs --no-log-prefix writer >lines
	local n
	n=$(sed -n 's/^end //p' lines)
	[ "$n" -gt 1000 ]
	cmp <(seq 1 "$n") <(grep -v end lines)
	is "$(pid_of web)" "$first"
	let_end ends
	ended_with ends 42
}

@test "keeper or supervisor are killed 100 times under load: no request and no question fails, no line is lost" {
	work
	"$top/tests/kill-again" "$DAVIT_RUN_DIR" "$PROJECT" 100 keeper supervisor >killed 2>&1 || fail "$(cat killed)"
	nothing_was_noticed
	grep -q '^0 of [1-9].* failed' questions || fail "$(cat questions)"
}

@test "keeper and supervisor are killed at once, 30 times under load: the next command brings names back, nothing else was gone" {
	work
	"$top/tests/kill-again" "$DAVIT_RUN_DIR" "$PROJECT" 30 both supervisor keeper >killed 2>&1 || fail "$(cat killed)"
	nothing_was_noticed
	in_service writer nslookup web 127.0.0.11
}

@test "the command is killed at random moments of up, scale, restart and down: the supervisor finishes what was asked" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	  two: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, depends_on: [one]}
	END
	# killed_in MS COMMAND...
	killed_in() {
		timeout -s KILL "0.0$1" "$DAVIT" "${@:2}" >shown 2>&1 || :
	}
	running() { [ "$(davit ps -q --status running 2>/dev/null | wc -l)" = "$1" ]; }
	settled() { [ ! -e "$DAVIT_STATE_DIR/projects/$PROJECT/txn.json" ]; }
	# the supervisor may not have read yet what a killed command asked for
	whole() { settled && { running 2 || running 4; }; }
	local ms
	for ms in 01 02 04 07 12 20 35 60; do
		killed_in $ms up -d
		wait_until 10 settled
		davit up -d
		killed_in $ms up -d --scale one=3
		wait_until 10 whole || fail "after $ms ms of scale: $(davit ps -a)"
		killed_in $ms restart
		wait_until 10 whole || fail "after $ms ms of restart: $(davit ps -a)"
		killed_in $ms down
		wait_until 10 settled
		davit down
		wait_until 5 no_leaks
	done
}

@test "the keeper is stopped: how containers end is known all the same; what it was to keep waits for it" {
	compose <<-END
	services:
	  ends:  {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 42"]}
	  again: {image: busybox, command: [sleep, inf], restart: always}
	  tty:   {image: busybox, tty: true, command: ["sh", "-c", "trap 'echo hung up; exit 1' HUP; while :; do sleep 0.1; done"], profiles: [later]}
	END
	up
	local pid keeper
	pid=$(pid_of again) keeper=$(keeper_pid)
	kill -STOP "$keeper"
	let_end ends
	kill -9 "$pid"
	wait_until 10 exited_with ends 42
	changed() { local now; now=$(pid_of again); [ -n "$now" ] && [ "$now" != "$pid" ]; }
	wait_until 10 changed
	davit --profile later up -d
	kill -9 "$(supervisor_pid)"
	kill -CONT "$keeper"
	wait_until 5 supervisor_pid
	wait_until 5 state_is tty running
	davit up -d
	not log_has tty 'hung up'
	is "$(keeper_pid)" "$keeper"
}

@test "the keeper is killed while its supervisor neither listens nor notices: no command brings a second one up beside it" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], restart: always, ports: ["127.0.0.1:8079:80"]}
	END
	up
	local pid supervisor
	pid=$(pid_of one) supervisor=$(supervisor_pid)
	kill -STOP "$supervisor"
	kill -9 "$(keeper_pid)"
	rm "$DAVIT_RUN_DIR/projects/$PROJECT/sock"          # as it is not there yet while a supervisor begins
	timeout 60 "$DAVIT" start >shown 2>&1 3>&- &
	local begun=$!
	run ! wait_until 1 keeper_pid
	kill -CONT "$supervisor"
	wait $begun || fail "$(cat shown)"
	is "$(keeper_pid)" "$supervisor"                    # in the place of the first one
	is "$(pid_of one)" "$pid"
}
