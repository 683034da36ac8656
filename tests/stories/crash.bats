# Whatever of ours is killed, the containers run on, nothing is lost, and somebody takes over.
load ../lib

@test "the supervisor is killed: containers run on, exec and restart work" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], restart: always}
	END
	up
	local pid
	pid=$(pid_of one)
	kill_supervisor
	is "$(pid_of one)" "$pid"
	is "$(ps_field one State)" running
	is "$(sh_in one 'echo here')" here
	kill -9 "$pid"
	changed() { local now; now=$(pid_of one); [ -n "$now" ] && [ "$now" != "$pid" ]; }
	wait_until 5 changed
	davit restart -t 0
	is "$(ps_field one State)" running
}

@test "the supervisor is killed again and again: not a byte of the log is lost" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "seq 1 200000; exec sleep inf"]}
	END
	up
	for i in 1 2 3 4 5; do kill_supervisor; done
	wait_until 20 log_has one '^200000$'
	is "$(davit logs --no-log-prefix one | sha256sum)" "$(seq 1 200000 | sha256sum)"
}

@test "a container that ends while there is no supervisor: its status is known, its policy kept" {
	compose <<-END
	services:
	  ends:  {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.02; done; exit 42"]}
	  again: {image: busybox, command: [sleep, inf], restart: always}
	END
	up
	local supervisor pid
	sh_in ends 'touch /tmp/go' &
	supervisor=$(supervisor_pid) pid=$(pid_of again)
	kill -9 "$supervisor" "$pid"
	wait
	wait_until 5 state_is ends exited
	is "$(ps_field ends ExitCode)" 42
	changed() { local now; now=$(pid_of again); [ -n "$now" ] && [ "$now" != "$pid" ]; }
	wait_until 5 changed
}

@test "health, names and published ports go on after a crash" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 80"]
	    ports: ["8070:80"]
	    healthcheck: {test: "test ! -e /tmp/bad", interval: 50ms, retries: 2}
	  other: {image: busybox, command: [sleep, inf]}
	END
	up --wait
	kill_supervisor
	is "$(curl -sf http://127.0.0.1:8070/)" hello
	is "$(sh_in other 'wget -q -O - http://web/')" hello
	sh_in web 'touch /tmp/bad'
	wait_until 5 health_is web unhealthy
}

@test "the keeper is killed, too: the next command finds everything" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	local pid
	pid=$(pid_of one)
	kill_both
	is "$(pid_of one)" "$pid"
	up
	is "$(pid_of one)" "$pid"
	is "$(sh_in one 'echo here')" here
	davit down -t 1
}

@test "up is killed half-way: down leaves nothing" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], healthcheck: {test: "exit 1", interval: 100ms, retries: 1000}}
	  two: {image: busybox, command: [sleep, inf], depends_on: {one: {condition: service_healthy}}}
	END
	"$DAVIT" up -d >shown 2>&1 3>&- &
	local up_pid=$!
	wait_until 5 state_is one running
	kill -9 $up_pid
	davit down -t 0
	wait_until 5 no_leaks
}

@test "an address that nobody took over from a killed worker is free again with the next up" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	local book pid
	book=$(echo "$DAVIT_STATE_DIR"/networks/*.json) pid=$(pid_of one)
	jq -c --arg who "$PROJECT/one-2" '.addrs[$who] = (.gateway | sub("[0-9]+$"; "77"))' "$book" >book
	cp book "$book"
	run -1 davit doctor
	has "$output" "$PROJECT/one-2"
	up
	is "$(davit doctor)" "nothing amiss"
	jq -e --arg who "$PROJECT/one-1" '.addrs | keys == [$who]' "$book"
	is "$(pid_of one)" "$pid"
}
