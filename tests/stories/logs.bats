# What containers print is there, byte by byte and in order, whatever happens to davit, the disk or the clock.
load ../lib

# A background `davit logs` into the file $1
follow() {
	local file=$1
	shift
	"$DAVIT" logs --no-color "$@" >"$file" 2>&1 3>&- &
	follower=$!
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $follower"
}

shows() { grep -aqE -- "$2" "$1"; }
ended() { ! kill -0 "$1" 2>/dev/null; }

# say SERVICE TEXT: in its container's log, as if its process had printed it
say() { sh_in "$1" "echo $2 >/proc/1/fd/1"; }

@test "follow goes on over restart, recreate, scaling up and down, kill of the supervisor; it ends with the containers" {
	local web='image: busybox, command: ["sh", "-c", "echo started $$VERSION as $$HOSTNAME; exec sleep inf"], stop_signal: SIGKILL, restart: always'
	compose <<<"services: {web: {$web, environment: {VERSION: first}}, other: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}}"
	up
	wait_until 5 log_has web 'started first'
	follow shown -f --tail 0 web
	wait_until 5 eval 'say web hello-1; shows shown "web-1 +[|] hello-1"'
	davit restart -t 0 web
	wait_until 5 shows shown 'web-1 +[|] started first'
	kill -9 "$(pid_of web)"
	wait_until 5 eval '[ "$(grep -c "started first" shown)" = 2 ]'
	compose <<<"services: {web: {$web, environment: {VERSION: second}}, other: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}}"
	up
	wait_until 5 shows shown 'web-1 +[|] started second'
	up --scale web=3
	wait_until 5 shows shown 'web-3 +[|] started second'
	shows shown 'web-2 +[|] started second'
	kill -9 "$(supervisor_pid)"
	wait_until 5 eval 'say web hello-2; shows shown "web-1 +[|] hello-2"'
	up --scale web=1
	say web hello-3
	wait_until 5 shows shown 'web-1 +[|] hello-3'
	up --scale web=2
	wait_until 5 eval '[ "$(grep -c "web-2.*started second" shown)" = 2 ]'
	davit stop -t 0 web
	wait_until 5 ended "$follower"
	not grep -q other shown
}

@test "since, until, tail and index, alone and together" {
	compose <<-'END'
	services:
	  web: {image: busybox, scale: 2, command: ["sh", "-c", "for i in 1 2 3 4 5; do echo line $$i; done; exec sleep inf"], stop_signal: SIGKILL}
	END
	up
	wait_until 5 eval '[ "$(log_count web "line 5")" = 2 ]'
	local before
	before=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
	say web late
	wait_until 5 log_has web late
	is "$(davit logs --no-color --no-log-prefix --since "$before")" late
	is "$(davit logs --no-color --no-log-prefix --until "$before" --index 2 --tail 2)" $'line 4\nline 5'
	is "$(davit logs --no-color --no-log-prefix --since 10m --tail 1 --index 1)" late
	is "$(davit logs --no-color --no-log-prefix --since 10m --until 9m)" ""
	is "$(davit logs --no-color --no-log-prefix --tail 2 --index 1)" $'line 5\nlate'
	is "$(davit logs --no-color --tail 1 --index 2)" "web-2  | line 5"
	davit logs --no-color -t --tail 1 --index 1 | grep -qE '^web-1  \| [0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z late$'
	refused_words() { run -1 davit logs "$@"; has "$output" "${*: -1}"; }
	refused_words --since yesterday
	refused_words --tail some
}

@test "follow until: it ends at that moment, with what came until then" {
	compose <<<'services: {one: {image: busybox, command: ["sh", "-c", "while :; do echo tick; sleep 0.1; done"], stop_signal: SIGKILL}}'
	up
	wait_until 5 log_has one tick
	follow past -f --until 0s
	wait_until 5 ended "$follower"
	shows past tick
	local until
	until=$(date -u -d '+1 second' +%Y-%m-%dT%H:%M:%S.%NZ)
	follow future -f -t --until "$until"
	wait_until 10 ended "$follower"
	[ "$(grep -c tick future)" -gt "$(grep -c tick past)" ]
	awk -v until="$until" '$3 > until { exit 1 }' future
}

@test "several services are merged in the order they were logged in; tail is each one's" {
	compose <<-'END'
	services:
	  a: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	  b: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	END
	up
	for i in 1 2 3 4 5 6; do
		say a "a-$i"
		wait_until 5 log_has a "a-$i"
		say b "b-$i"
		wait_until 5 log_has b "b-$i"
	done
	is "$(davit logs --no-color --no-log-prefix | paste -sd ' ')" "a-1 b-1 a-2 b-2 a-3 b-3 a-4 b-4 a-5 b-5 a-6 b-6"
	is "$(davit logs --no-color --no-log-prefix --tail 2 | paste -sd ' ')" "a-5 b-5 a-6 b-6"
	is "$(davit logs --no-color --no-log-prefix --tail 2 b | paste -sd ' ')" "b-5 b-6"
}

@test "a line of 1 MB, binary output and an unfinished line come out byte by byte" {
	head -c 3000000 /dev/urandom >binary
	head -c 1000000 /dev/zero | tr '\0' x >long
	compose <<-'END'
	services:
	  binary: {image: busybox, command: [cat, /f], volumes: ["./binary:/f:ro"]}
	  long: {image: busybox, command: ["sh", "-c", "cat /f; echo; echo after; printf 'no end'"], volumes: ["./long:/f:ro"]}
	END
	up
	wait_until 10 state_is binary exited
	wait_until 10 state_is long exited
	davit logs --no-color --no-log-prefix binary >binary.got
	[ "$(tail -c 1 binary | od -An -tx1)" = " 0a" ] || echo >>binary
	cmp binary binary.got
	davit logs --no-color --no-log-prefix long >long.got
	(cat long; printf '\nafter\nno end\n') | cmp - long.got
	is "$(davit logs --no-color --no-log-prefix --tail 1 long)" "no end"
	is "$(davit logs --no-color --no-log-prefix --tail 3 long | head -n 1 | wc -c)" 1000001
}

@test "what a run leaves without a newline is a line, and the next run's first line another, also to who follows" {
	compose <<-'END'
	services:
	  one: {image: busybox, command: ["sh", "-c", "printf 'begun\\npanic'; printf oops >&2; exit 1"], restart: "on-failure:2"}
	END
	"$DAVIT" up --no-color --no-log-prefix >attached 2>attached.err 3>&- </dev/null || :
	is "$(davit logs --no-color --no-log-prefix one | sort | uniq -c | sed 's/^ *//' | paste -sd ' ')" "3 begun 3 oops 3 panic"
	is "$(davit logs --no-color --no-log-prefix --tail 2 one | sort | paste -sd ' ')" "oops panic"
	is "$(grep -cx panic attached) $(grep -cx oops attached.err) $(grep -cx '' attached)" "3 3 0"
}

kill_30_supervisors() {
	local i before
	new_supervisor() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$before" ]; }
	for i in $(seq 30); do
		before=$(supervisor_pid)
		kill -9 "$before"
		wait_until 5 new_supervisor
	done
}

@test "the supervisor is killed 30 times while a million lines come: none is lost, nobody is hit by SIGPIPE" {
	compose <<-'END'
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "i=0; while [ $$i -lt 20 ]; do seq 1 50000; echo status $$?; sleep 0.1; i=$$((i + 1)); done; exec sleep inf"]
	    logging: {options: {max-size: 5m, max-file: "10"}}
	END
	up
	kill_30_supervisors
	wait_until 40 eval '[ "$(log_count one "^status 0$")" = 20 ]'
	is "$(davit logs --no-color --no-log-prefix one | sha256sum)" "$(for i in $(seq 20); do seq 1 50000; echo status 0; done | sha256sum)"
}

@test "the supervisor is killed 30 times in a flood of large pieces: every line is there, and once" {
	seq 1 600000 >numbers
	compose <<-'END'
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "i=0; while [ $$i -lt 30 ]; do cat /numbers; echo status $$?; sleep 0.1; i=$$((i + 1)); done; exec sleep inf"]
	    volumes: [./numbers:/numbers:ro]
	    logging: {options: {max-size: 20m, max-file: "10"}}
	END
	up
	kill_30_supervisors
	wait_until 60 eval '[ "$(log_count one "^status 0$")" = 30 ]'
	is "$(davit logs --no-color --no-log-prefix one | sha256sum)" "$(for i in $(seq 30); do cat numbers; echo status 0; done | sha256sum)"
	[ -e "$DAVIT_RUN_DIR/projects/$PROJECT/fifo/.tee" ] # it was a flood
	davit doctor
	davit down -t 0
	[ ! -e "$DAVIT_RUN_DIR/projects/$PROJECT/fifo/.tee" ]
}

@test "the keeper is killed, then both: what was printed meanwhile is in the log, up to a pipe's size" {
	compose <<-'END'
	services:
	  one: {image: busybox, command: ["sh", "-c", "trap 'seq 1 100000; echo status $$?' HUP; while :; do sleep 0.05; done"], stop_signal: SIGKILL}
	END
	up
	local pid keeper
	pid=$(pid_of one)
	keeper_pid() { pgrep -r DRST -f "^[^ ]*davit-keeper $DAVIT_RUN_DIR/projects/$PROJECT " | head -n 1; }
	keeper=$(keeper_pid)
	kill -9 "$keeper"
	kill -HUP "$pid"
	wait_until 10 log_has one '^status 0$'
	is "$(davit logs --no-color --no-log-prefix one | sha256sum)" "$( (seq 1 100000; echo status 0) | sha256sum)"
	wait_until 5 eval '[ -n "$(keeper_pid)" ]'
	kill_both
	kill -HUP "$pid"
	kill -0 "$pid"
	up
	is "$(pid_of one)" "$pid"
	wait_until 10 eval '[ "$(log_count one "^status 0$")" = 2 ]'
	is "$(davit logs --no-color --no-log-prefix one | sha256sum)" "$( (for i in 1 2; do seq 1 100000; echo status 0; done) | sha256sum)"
}

@test "the wall clock jumps by ten years and back: lines keep their order, 'ago' is what it was" {
	cc -shared -fPIC -o clock-jump.so "${BATS_TEST_DIRNAME%/*}/clock-jump.c"
	export LD_PRELOAD=$PWD/clock-jump.so CLOCK_JUMP=$PWD/jump
	local ten_years=315360000 n=0 jump before
	echo 0 >jump
	compose <<-'END'
	services:
	  a: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	  b: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	END
	up
	for jump in 0 $ten_years -$ten_years 3600 0; do
		echo $jump >jump
		for service in a b; do
			n=$((n + 1))
			say $service "line-$n"
			wait_until 5 log_has $service "line-$n\$"
		done
	done
	is "$(davit logs --no-color --no-log-prefix | paste -sd ' ')" "line-1 line-2 line-3 line-4 line-5 line-6 line-7 line-8 line-9 line-10"
	is "$(davit logs --no-color --no-log-prefix --since 10m | wc -l)" 10
	echo $ten_years >jump
	is "$(davit logs --no-color --no-log-prefix --since 10m | wc -l)" 10
	is "$(davit logs --no-color --no-log-prefix --until 10m | wc -l)" 0
	is "$(davit logs --no-color -t --no-log-prefix --tail 1 a | cut -c1-4)" "$(env -u LD_PRELOAD date +%Y)"
	before=$(supervisor_pid)
	kill -9 "$before"
	new_supervisor() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$before" ]; }
	wait_until 5 new_supervisor
	say b line-11
	wait_until 5 log_has b line-11
	is "$(davit logs --no-color --no-log-prefix --tail 1 | paste -sd ' ')" "line-9 line-11"
	echo 0 >jump
}

@test "the disk is full: the containers are not hurt, what is oldest goes, and the log says so" {
	mkdir "$DAVIT_STATE_DIR/projects"
	mount -t tmpfs -o size=6m small "$DAVIT_STATE_DIR/projects"
	compose <<-'END'
	x-loud: &loud
	  image: busybox
	  command: ["sh", "-c", "trap 'seq 1 1500000; echo status $$?; touch /tmp/done' HUP; echo ready; while :; do sleep 0.05; done"]
	  stop_signal: SIGKILL
	  tmpfs: /tmp
	  logging: {options: {max-size: 2m, max-file: "100"}}
	services: {one: *loud, two: *loud}
	END
	up
	wait_until 5 log_has one ready
	wait_until 5 log_has two ready
	davit kill -s HUP one
	wait_until 20 sh_in one 'test -e /tmp/done'
	wait_until 5 log_has one '^status 0$'
	log_has one "^davit: no room on the log's disk: .* of older log dropped"
	is "$(davit logs --no-color --no-log-prefix --tail 3 one | grep -v davit: | tail -n 2)" $'1500000\nstatus 0'
	# what others have filled cannot be had: output is dropped where it would have stood
	cat /dev/zero >"$DAVIT_STATE_DIR/projects/filler" 2>/dev/null || :
	davit kill -s HUP two
	has "$(davit ps 2>&1)" "is full: containers run on, what is oldest of their logs is dropped"
	wait_until 20 sh_in two 'test -e /tmp/done'
	rm "$DAVIT_STATE_DIR/projects/filler"
	wait_until 5 log_has two "^davit: no room on the log's disk: .*of output dropped"
	say two after
	wait_until 5 log_has two '^after$'
	is "$(ps_field one State) $(ps_field two State)" "running running"
	davit down -t 0
	umount "$DAVIT_STATE_DIR/projects"
}

@test "driver none keeps nothing, also with a terminal" {
	compose <<-'END'
	services:
	  plain: {image: busybox, command: [echo, hello], logging: {driver: none}}
	  tty: {image: busybox, command: ["sh", "-c", "seq 1 50000; exit 7"], tty: true, logging: {driver: none}}
	END
	up
	wait_until 10 state_is tty exited
	is "$(ps_field tty ExitCode)" 7
	is "$(davit logs)" ""
}
