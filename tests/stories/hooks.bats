# post_start and pre_stop: what they do, when, and what happens when they fail, do not end, or lose their supervisor.
load ../lib

# main SIGNAL-TEXT: a process that says when it is asked to stop
MAIN='["sh", "-c", "trap \"echo asked >>/hooks/order; exit 0\" TERM; while :; do sleep 0.05; done"]'

order() { tr '\n' ' ' <"$PWD/hooks/order"; }
order_is() { is "$(order)" "$1"; }
begun() { grep -q "$1" "$PWD/hooks/order"; }

setup_hooks() { rm -rf hooks && mkdir hooks && chmod 777 hooks && : >hooks/order && chmod 666 hooks/order; }

for_each_runtime() {
	local runtime
	for runtime in crun runc; do
		"$1" "$runtime"
		davit down -t 1
		wait_until 5 no_leaks
	done
}

as_written() {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    runtime: $1
	    user: "1000"
	    working_dir: /tmp
	    environment: {A: own, B: own}
	    volumes: ["./hooks:/hooks"]
	    command: $MAIN
	    post_start:
	      - command: ["sh", "-c", "echo \$\$(id -u) \$\$PWD \$\$A \$\$B >>/hooks/order; echo said by a hook"]
	      - command: sh -c 'echo \$\$(id -u) \$\$PWD \$\$A \$\$B \$\$HOME >>/hooks/order; grep CapEff /proc/self/status >/hooks/caps'
	        user: root
	        working_dir: /var
	        environment: {B: hook, C: more, A: null}
	        privileged: true
	    pre_stop:
	      - {command: ["sh", "-c", "echo first >>/hooks/order; sleep 0.2"]}
	      - {command: ["sh", "-c", "echo second >>/hooks/order"]}
	END
	up
	order_is "1000 /tmp own own 0 /var hook /root "
	is "$(awk '{ print $2 }' hooks/caps)" "$(davit exec -T --privileged -u root web grep CapEff /proc/self/status | awk '{ print $2 }')"
	wait_until 5 log_has web 'said by a hook'
	: >hooks/order
	davit stop
	order_is "first second asked "
	is "$(ps_field web ExitCode)" 0
}

@test "commands in order: user, directory, environment, privileges; output in the log; the signal after pre_stop" {
	for_each_runtime as_written
}

@test "after each start and before each stop: start, restart, recreate, by policy; not before an end that nobody asked for" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    restart: always
	    volumes: ["./hooks:/hooks"]
	    command: $MAIN
	    post_start: [{command: ["sh", "-c", "echo started >>/hooks/order"]}]
	    pre_stop: [{command: ["sh", "-c", "echo stopping >>/hooks/order"]}]
	END
	up
	up
	order_is "started "
	davit restart
	order_is "started stopping asked started "
	davit stop
	davit start
	order_is "started stopping asked started stopping asked started "
	up --force-recreate
	order_is "started stopping asked started stopping asked started stopping asked started "
	: >hooks/order
	kill -9 "$(pid_of web)"
	wait_until 5 order_is "started "
	: >hooks/order
	davit kill -s KILL
	lacks "$(order)" stopping
	davit down -t 1
}

@test "before a container goes for want of replicas, and before one that is unhealthy is restarted" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    scale: \${SCALE}
	    volumes: ["./hooks:/hooks"]
	    command: $MAIN
	    pre_stop: [{command: ["sh", "-c", "echo stopping >>/hooks/order"]}]
	  sick:
	    image: busybox
	    volumes: ["./hooks:/hooks"]
	    command: ["sh", "-c", "while :; do sleep 0.05; done"]
	    stop_signal: KILL
	    healthcheck: {test: "[ ! -e /sick ]", interval: 100ms, retries: 1}
	    x-davit: {on_unhealthy: restart}
	    post_start: [{command: ["sh", "-c", "rm -f /sick; echo well >>/hooks/order"]}]
	    pre_stop: [{command: ["sh", "-c", "echo sick >>/hooks/order"]}]
	END
	SCALE=2 up --wait
	order_is "well "
	SCALE=1 up
	order_is "well stopping asked "
	: >hooks/order
	sh_in sick "touch /sick"
	wait_until 10 order_is "sick well "
}

@test "a changed hook recreates the container" {
	setup_hooks
	stack_with() {
		compose <<-END
		services:
		  web: {image: busybox, stop_signal: KILL, command: [sleep, inf], $1}
		END
	}
	local id
	stack_with 'post_start: [{command: "true"}]'
	up
	id=$(ps_field web ID)
	up
	is "$(ps_field web ID)" "$id"
	stack_with 'post_start: [{command: "true a"}]'
	up
	[ "$(ps_field web ID)" != "$id" ]
	id=$(ps_field web ID)
	stack_with 'post_start: [{command: "true a"}], pre_stop: [{command: "true"}]'
	up
	[ "$(ps_field web ID)" != "$id" ]
}

failing() {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    runtime: $1
	    stop_signal: KILL
	    volumes: ["./hooks:/hooks"]
	    command: [sleep, inf]
	    post_start:
	      - {command: ["true"]}
	      - {command: ["sh", "-c", "echo tried >>/hooks/order; exit 7"]}
	      - {command: ["sh", "-c", "echo never >>/hooks/order"]}
	  after: {image: busybox, command: [sleep, inf], depends_on: [web], stop_signal: KILL}
	END
	run -1 davit up -d
	has "$output" "compose.yaml:10:9"
	has "$output" "post_start[1] of container '$PROJECT-web-1' exited with status 7"
	has "$output" "davit logs web"
	order_is "tried "
	is "$(ps_field web State)" running
	[ "$(ps_field after State)" != running ]
	up
	order_is "tried "
	is "$(ps_field after State)" running
}

@test "a post_start that fails: up says which and how, the rest waits, the container stays" {
	for_each_runtime failing
}

@test "a hook that cannot be executed, or by nobody, is told by its place" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: KILL
	    post_start: [{command: [no-such-program]}]
	END
	run -127 davit up -d
	has "$output" "compose.yaml:6:18"
	has "$output" "post_start[0] of container '$PROJECT-web-1'"
	has "$output" no-such-program
	davit down
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: KILL
	    pre_stop: [{command: [a], user: nobody-here}]
	END
	run -1 davit up -d
	has "$output" "compose.yaml:6:16"
	has "$output" nobody-here
	nothing_begun
}

@test "those that depend on it wait for its post_start" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    stop_signal: KILL
	    volumes: ["./hooks:/hooks"]
	    command: [sleep, inf]
	    post_start: [{command: ["sh", "-c", "sleep 0.5; echo hook >>/hooks/order"]}]
	  after:
	    image: busybox
	    volumes: ["./hooks:/hooks"]
	    command: ["sh", "-c", "echo after >>/hooks/order"]
	    depends_on: [web]
	END
	up
	wait_until 5 order_is "hook after "
}

endless() {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    runtime: $1
	    stop_signal: KILL
	    volumes: ["./hooks:/hooks"]
	    command: [sleep, inf]
	    post_start: [{command: ["sh", "-c", "echo hook >>/hooks/order; sleep 4321; echo ended >>/hooks/order"]}]
	  after: {image: busybox, command: [sleep, inf], depends_on: [web], stop_signal: KILL}
	END
	run -1 davit up -d --wait --wait-timeout 1
	has "$output" "post_start[0] of container '$PROJECT-web-1' has not ended"
	has "$output" "compose.yaml:8:18"
	order_is "hook "
	is "$(ps_field web State)" running
	wait_until 5 begun hook
	davit up -d >shown 2>&1 3>&- &
	wait_until 5 grep -q Start shown
	davit stop web
	! wait $! || fail "up succeeded: $(cat shown)"
	is "$(ps_field web State)" exited
	[ -z "$(pgrep -f 'sleep 4321')" ]
}

@test "a post_start that never ends: --wait-timeout counts, stop ends it at once" {
	for_each_runtime endless
}

@test "a pre_stop that never ends leaves its process a tenth of the grace time; one that fails is a warning" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    volumes: ["./hooks:/hooks"]
	    stop_grace_period: 3s
	    command: $MAIN
	    pre_stop:
	      - {command: ["sh", "-c", "echo failing >>/hooks/order; exit 5"]}
	      - {command: ["sh", "-c", "echo endless >>/hooks/order; sleep 4322"]}
	      - {command: ["sh", "-c", "echo never >>/hooks/order"]}
	END
	up
	run davit stop
	is "$status" 0
	has "$output" "pre_stop[0] of container '$PROJECT-web-1' exited with status 5"
	has "$output" "pre_stop[1] of container '$PROJECT-web-1' did not end within the stop's grace time"
	order_is "failing endless asked "
	is "$(ps_field web ExitCode)" 0
	davit start
	: >hooks/order
	davit stop -t 0
	order_is ""
	is "$(ps_field web ExitCode)" 137
}

@test "kill cuts through a pre_stop" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    volumes: ["./hooks:/hooks"]
	    stop_grace_period: 10m
	    command: $MAIN
	    pre_stop: [{command: ["sh", "-c", "echo endless >>/hooks/order; sleep 4323"]}]
	END
	up
	davit stop >shown 2>&1 3>&- &
	wait_until 5 begun endless
	davit kill
	wait $! || fail "stop: $(cat shown)"
	is "$(ps_field web State) $(ps_field web ExitCode)" "exited 137"
}

@test "with a terminal, a hook's output is in the log, too" {
	compose <<-END
	services:
	  web: {image: busybox, tty: true, stop_signal: KILL, command: [sleep, inf], post_start: [{command: [echo, to the terminal]}]}
	END
	up
	wait_until 5 log_has web 'to the terminal'
}

@test "the supervisor is killed in the middle of a post_start: it is executed again, and up waits for it" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    stop_signal: KILL
	    volumes: ["./hooks:/hooks"]
	    command: [sleep, inf]
	    post_start:
	      - {command: ["sh", "-c", "echo one >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo two >>/hooks/order; until [ -e /hooks/go ]; do sleep 0.05; done; echo over >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo three >>/hooks/order"]}
	  after: {image: busybox, command: [sleep, inf], depends_on: [web], stop_signal: KILL}
	END
	davit up -d >shown 2>&1 3>&- &
	wait_until 5 begun two
	kill -9 "$(supervisor_pid)"
	wait_until 5 order_is "one two two "
	[ "$(ps_field after State)" != running ]
	: >hooks/go
	wait $! || fail "up: $(cat shown)"
	order_is "one two two over three "
	is "$(ps_field after State)" running
}

@test "the supervisor is killed in the middle of a pre_stop: the stop goes on where it was" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    volumes: ["./hooks:/hooks"]
	    stop_grace_period: 10m
	    command: $MAIN
	    pre_stop:
	      - {command: ["sh", "-c", "echo one >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo two >>/hooks/order; until [ -e /hooks/go ]; do sleep 0.05; done"]}
	END
	up
	davit stop -t 40 >shown 2>&1 3>&- &
	wait_until 5 begun two
	kill -9 "$(supervisor_pid)"
	wait_until 5 order_is "one two two "
	: >hooks/go
	wait $! || fail "stop: $(cat shown)"
	order_is "one two two asked "
}
