# `up` in the foreground: whose end is waited for, which status it gives, what Ctrl-C, a key and a terminal that goes away do.
load ../lib

# on_tty STEP... -- [OPTION]...: davit up on a terminal; its status and output
on_tty() {
	local steps=()
	while [ "$1" != -- ]; do steps+=("$1"); shift; done
	shift
	run on_terminal "${steps[@]}" -- "$DAVIT" up "$@"
}

# ends_with STATUS PID
ends_with() {
	local status=0
	wait "$2" || status=$?
	is "$status" "$1"
}

@test "--exit-code-from waits for its service: what ends before it does not stop the others" {
	compose <<-END
	services:
	  seed: {image: busybox, command: ["true"]}
	  broken: {image: busybox, command: ["false"]}
	  tests: {image: busybox, command: ["sh", "-c", "until [ -e /on/go ]; do sleep 0.02; done; exit 7"], volumes: ["./on:/on"]}
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	mkdir on
	davit up --exit-code-from tests >shown 2>&1 3>&- & local up=$!
	wait_until 10 grep -q 'seed-1 exited with code 0' shown
	wait_until 10 grep -q 'broken-1 exited with code 1' shown
	state_is tests running
	touch on/go
	ends_with 7 $up
	state_is db exited
	grep -q 'tests-1 exited with code 7' shown
	grep -q 'Aborting on container exit' shown
}

@test "--exit-code-from of what has ended before, and with --abort-on-container-exit: its status, whoever began" {
	compose <<-END
	services:
	  job: {image: busybox, command: ["sh", "-c", "exit 3"]}
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, depends_on: {job: {condition: service_started}}}
	  short: {image: busybox, command: ["sh", "-c", "exit 4"]}
	END
	run -3 davit up --exit-code-from job
	run -137 davit up --abort-on-container-exit --exit-code-from db
	has "$output" "Aborting on container exit"
	run -4 davit up --abort-on-container-exit short
}

@test "--abort-on-container-failure: an end without failure is none" {
	compose <<-END
	services:
	  good: {image: busybox, command: ["true"]}
	  bad: {image: busybox, command: ["sh", "-c", "until [ -e /on/go ]; do sleep 0.02; done; exit 5"], volumes: ["./on:/on"]}
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	mkdir on
	davit up --abort-on-container-failure >shown 2>&1 3>&- & local up=$!
	wait_until 10 grep -q 'good-1 exited with code 0' shown
	state_is db running
	touch on/go
	ends_with 5 $up
	state_is db exited
}

@test "named services: up ends with them, and what they need runs on" {
	compose <<-END
	services:
	  web: {image: busybox, command: ["sh", "-c", "echo shown; exit 0"], depends_on: [db]}
	  db: {image: busybox, command: ["sh", "-c", "echo hidden; exec sleep inf"]}
	  seed: {image: busybox, command: ["true"]}
	  tests: {image: busybox, command: ["sh", "-c", "exit 6"], depends_on: {seed: {condition: service_completed_successfully}}}
	END
	run -0 --separate-stderr davit up web
	has "$output" "web-1  | shown"
	lacks "$output" hidden
	state_is db running
	run -6 davit up --abort-on-container-exit tests      # seed's end is not one of those
	davit stop -t 0
	run -0 davit up --attach-dependencies web
	has "$output" hidden
}

@test "--attach, --no-attach, --timestamps, --no-log-prefix" {
	compose <<-END
	services:
	  one: {image: busybox, command: [echo, from one]}
	  two: {image: busybox, command: [echo, from two]}
	  three: {image: busybox, command: [echo, from three], attach: false}
	END
	run -0 davit up --attach one
	has "$output" "one-1  | from one"
	lacks "$output" "from two"
	run -0 davit up --no-attach one --timestamps
	lacks "$output" "from one"
	lacks "$output" "from three"
	grep -Eq 'two-1  \| [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]*Z from two' <<<"$output" || fail "$output"
	run -0 davit up --attach three --no-log-prefix
	grep -qx 'from three' <<<"$output"
	for words in "--attach one --attach-dependencies" "--wait --attach one" "-d --exit-code-from one" "--no-recreate -V" "--wait --abort-on-container-exit"; do
		run -1 davit up $words
		has "$output" "incompatible"
	done
	COMPOSE_IGNORE_ORPHANS=1 run -1 davit up --remove-orphans
	run -1 davit up --exit-code-from thre
	has "$output" "did you mean 'three'?"
	davit down
}

@test "up --wait: a finished one-shot is a success, a failed one is none, the time that is given is kept" {
	compose <<-END
	services:
	  done: {image: busybox, command: ["true"]}
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, healthcheck: {test: "test -e /tmp/well", interval: 50ms, retries: 10000}}
	END
	run -1 davit up --wait --wait-timeout 1
	has "$output" "not healthy after 1s"
	sh_in db 'touch /tmp/well'
	run -0 davit up --wait --wait-timeout 30
	compose <<-END
	services:
	  done: {image: busybox, command: ["sh", "-c", "exit 3"]}
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, healthcheck: {test: "test -e /on/well", interval: 50ms, retries: 10000}, volumes: ["./on:/on"]}
	END
	mkdir on
	run -1 davit up --wait           # nobody waits for the other one, which never gets well: all is undone at once
	has "$output" "exited (3)"
	is "$(ps_field done ExitCode)" 0
}

@test "up --wait: without a health check a container has to run for half a second to be believed" {
	compose <<-END
	services:
	  soon: {image: busybox, command: ["sh", "-c", "exit 4"]}
	  done: {image: busybox, command: ["true"]}
	END
	run -1 davit up --wait soon
	has "$output" "'$PROJECT-soon-1' exited (4)"
	run -0 davit up --wait done
	compose <<-END
	services:
	  soon: {image: busybox, command: ["sh", "-c", "sleep 0.2; exit 5"]}
	  stays: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	run -1 davit up --wait
	has "$output" "'$PROJECT-soon-1' exited (5)"
	run -0 davit up --wait stays
}

slow_to_stop() {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "trap '' TERM; echo hello; while :; do sleep 0.02; done"], stop_grace_period: ${1:-60s}}
	END
}

@test "Ctrl-C on a terminal stops, and shows how; a second one kills; the status is 130" {
	slow_to_stop 1s
	on_tty expect=hello 'type=\x03' 'expect=Gracefully Stopping' expect=Stopping expect=Stopped -- one
	is "$status" 130
	is "$(ps_field one ExitCode)" 137
	slow_to_stop
	on_tty expect=hello 'type=\x03' 'expect=Gracefully Stopping' 'type=\x03' expect=Killing --
	is "$status" 130
	state_is one exited
	on_tty expect=hello 'type=\x03' expect=Stopped -- --timeout 0
	is "$(ps_field one ExitCode)" 137
}

@test "Ctrl-C while containers are started: nothing runs after it" {
	compose <<-END
	services:
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, healthcheck: {test: "false", interval: 100ms, retries: 100000}}
	  web: {image: busybox, command: [sleep, inf], depends_on: {db: {condition: service_healthy}}}
	END
	on_tty expect=Waiting 'type=\x03' 'expect=Gracefully Stopping' --
	is "$status" 130
	is "$(davit ps -q | wc -l)" 0
	wait_until 10 state_is db exited
}

@test "a terminal that goes away leaves the containers alone" {
	slow_to_stop
	on_tty expect=hello hangup --
	is "$status" 129
	state_is one running
}

@test "--menu: d leaves, the containers run on; the line is there and goes" {
	slow_to_stop
	on_tty expect=hello "expect=Detach" type=xd expect=Detached -- --menu
	is "$status" 0
	state_is one running
	COMPOSE_MENU=1 on_tty expect=Detach type=d expect=Detached --
	is "$status" 0
	on_tty expect=Detach 'type=\x03' 'expect=Gracefully Stopping' 'type=\x03' -- --menu
	is "$status" 130
	run davit up --menu -d      # nothing to type at
	is "$status" 0
	davit up --menu >shown 2>&1 3>&- & local up=$!
	wait_until 10 grep -q Attaching shown
	davit stop -t 0
	ends_with 0 $up
	lacks "$(cat shown)" Detach
}

@test "--menu: w watches the sources, and again does not; without something to watch there is no such key" {
	mkdir src
	echo 1 >src/x
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "echo hello; exec sleep inf"]
	    stop_grace_period: 0s
	    develop: {watch: [{action: sync, path: ./src, target: /app, initial_sync: true}]}
	END
	on_tty expect=hello "expect=Enable Watch" type=w "expect=Watch enabled" type=w "expect=Watch disabled" type=d expect=Detached -- --menu
	is "$status" 0
	is "$(in_service web cat /app/x)" 1
	on_tty "expect=Watch enabled" 'type=\x03' 'expect=Gracefully Stopping' -- --menu --watch
	is "$status" 130
	slow_to_stop 0s
	on_tty expect=hello "expect=Detach" type=wd expect=Detached -- --menu --remove-orphans
	lacks "$output" "Enable Watch"
	has "$output" "none of the selected services is configured for watch"
}
