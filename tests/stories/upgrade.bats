# Another davit takes the supervisor's place, in both directions: containers, connections, names, logs and requests do not notice.
load ../lib

top=$(realpath "$BATS_TEST_DIRNAME/../..")

# next: another version that speaks our protocol; far: one that does not.
setup_file() {
	local dir=${DAVIT%/*} other
	for other in next far; do
		[ "$dir/$other/davit" -nt "$DAVIT" ] || make -s -C "$top" B="$dir" "$dir/$other/davit"
	done
}

next() { timeout 120 "${DAVIT%/*}/next/davit" "$@"; }
far() { timeout 120 "${DAVIT%/*}/far/davit" "$@"; }


# supervised_by NUMBER
supervised_by() { is "$(davit version | sed -n "s/^$PROJECT: .*davit v\([^ ]*\) .*/\1/p")" "$1"; }

one() {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], restart: always}
	END
	up
}

# Of the davit below a `timeout`.
asks() { ls -l "/proc/$(pgrep -P "$1")/fd" | grep -q socket; }
runs() { pgrep -P "$1" >/dev/null; }
restarted() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ] && state_is "$1" running; }

@test "upgrade: the next version, and back again; container, keeper and counters stay" {
	one
	local pid keeper
	pid=$(pid_of one)
	kill -9 "$pid"
	wait_until 5 restarted one "$pid"
	pid=$(pid_of one) keeper=$(keeper_pid)
	supervised_by 0.1.0
	is "$(davit upgrade)" "$PROJECT: davit v0.1.0 already"
	is "$(next upgrade)" "$PROJECT: davit v0.1.0 -> v0.2.0"
	supervised_by 0.2.0
	is "$(next version | tail -n 1)" "$(davit version | tail -n 1)"
	is "$(davit events --json --since 0 --until 0s | jq -r 'select(.type == "supervisor") | .action + " " + (.attributes.version // .attributes.from)')" "start 0.1.0
upgrade 0.1.0
adopt 0.2.0"
	is "$(davit events --json --since 0 --until 0s one | jq -r .action | tr '\n' ' ')" "create start die backoff start "
	is "$(pid_of one) $(keeper_pid)" "$pid $keeper"
	is "$(davit upgrade)" "$PROJECT: davit v0.2.0 -> v0.1.0"
	is "$(davit upgrade --to "${DAVIT%/*}/next/davit")" "$PROJECT: davit v0.1.0 -> v0.2.0"
	is "$(pid_of one) $(keeper_pid)" "$pid $keeper"
	kill -9 "$(supervisor_pid)"
	wait_until 5 supervised_by 0.2.0       # the keeper starts what it was given
	kill -9 "$pid"
	wait_until 5 restarted one "$pid"
	is "$(jq -s 'map(.unit | select(.slot == "one-1")) | last | .restarts' "$DAVIT_STATE_DIR/projects/$PROJECT/journal")" 2
}

@test "upgrade --all: every project that is supervised" {
	one
	COMPOSE_PROJECT_NAME=$PROJECT-b up
	davit version | grep -c 'by davit v0.1.0' | grep -qx 2
	next upgrade --all >said
	is "$(sort said)" "$(printf '%s: davit v0.1.0 -> v0.2.0\n' "$PROJECT" "$PROJECT-b" | sort)"
	COMPOSE_PROJECT_NAME=$PROJECT-b davit down -t 0
	davit down -t 0
	is "$(next upgrade --all)" "no project is supervised"
	run -1 --separate-stderr davit upgrade
	has "$stderr" "no supervisor is running"
}

@test "versions that understand each other work together; the command does not change who supervises" {
	one
	next stop -t 0
	next start
	supervised_by 0.1.0
	next upgrade
	davit restart -t 0
	state_is one running
	supervised_by 0.2.0
	davit down -t 0
}

@test "a newer command whose protocol an older supervisor does not speak: it is replaced on the way" {
	one
	local pid
	pid=$(pid_of one)
	run -0 --separate-stderr far up -d
	has "$stderr" "version v0.1.0 was replaced by v9.0.0"
	supervised_by 9.0.0
	is "$(pid_of one)" "$pid"
	run -1 --separate-stderr davit stop
	has "$stderr" "the supervisor is of davit v9.0.0 and speaks versions 9 to 9 of the protocol, not 1"
	has "$stderr" "davit upgrade"
	is "$(davit upgrade)" "$PROJECT: davit v9.0.0 -> v0.1.0"
	davit stop -t 0
	davit start
}

@test "a program that does not come up: the one before goes on, and the command says so" {
	one
	local pid bad
	pid=$(pid_of one)
	printf '#!/bin/sh\nexit 3\n' >crashes
	printf '#!/nowhere/sh\n' >cannot-run
	printf '#!/bin/sh\nexit 0\n' >ends-well
	chmod +x crashes cannot-run ends-well
	for bad in crashes cannot-run ends-well; do
		run -1 --separate-stderr davit upgrade --to "$bad"
		has "$stderr" "'$PWD/$bad' did not come up: project '$PROJECT' is supervised by davit v0.1.0 as before"
		supervised_by 0.1.0
		is "$(pid_of one)" "$pid"
	done
	run -1 --separate-stderr davit upgrade --to nowhere
	has "$stderr" "nowhere': No such file or directory"
	run -1 --separate-stderr davit upgrade --to /
	has "$stderr" "is not a program"
	is "$(next upgrade)" "$PROJECT: davit v0.1.0 -> v0.2.0"
	kill -9 "$pid"
	wait_until 5 restarted one "$pid"
}

@test "davit is replaced where it is installed, by one that works and by one that does not" {
	mkdir here
	cp "${DAVIT%/*}"/davit{,-keeper,-image,-init} here
	one_here() { timeout 60 here/davit "$@"; }
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	one_here up -d
	local pid
	pid=$(pid_of one)
	cp "${DAVIT%/*}/next/davit" here/new
	mv here/new here/davit
	is "$(one_here upgrade)" "$PROJECT: davit v0.1.0 -> v0.2.0"
	printf 'no program' >here/new
	chmod +x here/new
	mv here/new here/davit
	kill -9 "$(supervisor_pid)"
	wait_until 5 supervised_by 0.2.0       # its file is gone; its keeper still has it
	run -1 --separate-stderr davit upgrade --to here/davit
	has "$stderr" "did not come up"
	is "$(davit upgrade)" "$PROJECT: davit v0.2.0 -> v0.1.0"
	is "$(pid_of one)" "$pid"
	mv here/davit here/broken
}

@test "a supervisor that is killed while it is to be replaced: its successor is" {
	one
	local pid killed asking
	pid=$(pid_of one) killed=$(supervisor_pid)
	kill -STOP "$killed"                   # it hears the question and does not answer it
	timeout 60 "${DAVIT%/*}/next/davit" upgrade >said 2>&1 3>&- &
	asking=$!
	wait_until 5 asks "$asking"
	kill -9 "$killed"
	wait $asking || fail "$(cat said)"
	is "$(cat said)" "$PROJECT: davit v0.1.0 -> v0.2.0"
	kill -STOP "$(keeper_pid)"             # nobody listens, for the moment
	kill -9 "$(supervisor_pid)"
	timeout 60 "$DAVIT" upgrade >said 2>&1 3>&- &
	asking=$!
	wait_until 5 runs "$asking"
	kill -CONT "$(keeper_pid)"
	wait $asking || fail "$(cat said)"
	is "$(cat said)" "$PROJECT: davit v0.2.0 -> v0.1.0"
	is "$(pid_of one)" "$pid"
}

@test "requests in progress: up that waits, restart and down are finished by the successor, and once" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], healthcheck: {test: test -e /tmp/well, interval: 100ms, retries: 1000}}
	  two: {image: busybox, command: ["sh", "-c", "echo began; trap 'echo ends; sleep 0.5; exit' TERM; sleep inf & wait"], depends_on: {one: {condition: service_healthy}}}
	END
	timeout 60 "$DAVIT" up -d >shown 2>&1 3>&- &
	local begun=$!
	wait_until 5 state_is one running
	next upgrade
	kill -0 $begun
	sh_in one 'touch /tmp/well'
	wait $begun || fail "$(cat shown)"
	wait_until 5 log_has two began
	timeout 60 "$DAVIT" restart two >shown 2>&1 3>&- &
	begun=$!
	wait_until 5 log_has two ends
	davit upgrade
	wait $begun || fail "$(cat shown)"
	wait_until 5 log_has two '^began' 
	is "$(log_count two '^began')" 2
	timeout 60 "$DAVIT" down >shown 2>&1 3>&- &
	begun=$!
	ends_twice() { [ "$(log_count two '^ends')" -ge 2 ]; }
	wait_until 5 ends_twice || fail "$(cat shown)"
	run next upgrade                       # it may be over by now
	wait $begun || fail "$(cat shown)"
	wait_until 5 no_leaks
}

@test "old, next, old under load: no request and no question fails, no line is lost" {
	cp "$top/tests/load" load.py
	compose <<-END
	services:
	  web:
	    image: python
	    command: [python3, /load.py, server, "80"]
	    volumes: ["./load.py:/load.py:ro"]
	    ports: ["127.0.0.1:8078:80"]
	    restart: always
	  writer: {image: busybox, command: ["sh", "-c", "i=0; while [ ! -e /tmp/stop ]; do i=\$\$((i+1)); echo \$\$i; done; echo end \$\$i; sleep inf"]}
	END
	up
	wait_until 40 curl -sf http://127.0.0.1:8078/
	"$top/tests/load" names web "$(pid_of writer)" "$PWD/stop" >questions 2>&1 3>&- &
	"$top/tests/load" http 8078 2000 . >requests 2>&1 3>&- &
	until [ -s requests ]; do
		next upgrade >>upgrades
		davit upgrade >>upgrades
	done
	touch stop
	wait
	sh_in writer 'touch /tmp/stop'
	wait_until 10 log_has writer '^end'
	grep -q '^0 of [1-9].* failed' requests || fail "$(cat requests)"
	grep -q '^0 of [1-9].* failed, 0 asked again' questions || fail "$(cat questions)"
	davit logs --no-log-prefix writer >lines
	local n
	n=$(sed -n 's/^end //p' lines)
	[ "$n" -gt 1000 ]
	cmp <(seq 1 "$n") <(grep -v end lines)
	is "$(ps_field web State)" running
}
