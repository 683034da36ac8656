# pre_start: containers that run to completion before that of the service is started.
load ../lib

setup_hooks() { rm -rf hooks && mkdir hooks && chmod 777 hooks && : >hooks/order && chmod 666 hooks/order; }
order() { tr '\n' ' ' <"$PWD/hooks/order"; }
order_is() { is "$(order)" "$1"; }
begun() { grep -q "$1" "$PWD/hooks/order"; }

for_each_runtime() {
	local runtime
	for runtime in crun runc; do
		"$1" "$runtime"
		davit down -t 1 -v
		wait_until 5 no_leaks
	done
}

as_written() {
	setup_hooks
	echo secret >token
	compose <<-END
	services:
	  db: {image: busybox, command: [sleep, inf], stop_signal: KILL}
	  web:
	    image: busybox
	    runtime: $1
	    user: "1000"
	    working_dir: /tmp
	    hostname: webhost
	    environment: {A: own, B: own}
	    volumes: ["./hooks:/hooks", "data:/data", "/anonymous"]
	    secrets: [token]
	    depends_on: [db]
	    stop_signal: KILL
	    command: ["sh", "-c", "echo main \$\$(cat /data/x /anonymous/y) >>/hooks/order; exec sleep inf"]
	    pre_start:
	      - command: sh -c 'echo \$\$(id -u) \$\$PWD \$\$A \$\$B \$\$HOME >>/hooks/order; echo shared >/data/x; echo also >/anonymous/y; grep CapEff /proc/self/status >/hooks/caps'
	        user: root
	        working_dir: /var
	        environment: [B=step]
	        privileged: true
	      - command: ["sh", "-c", "echo \$\$(id -u) \$\$PWD \$\$A \$\$B \$\$(hostname) \$\$(cat /run/secrets/token) >>/hooks/order; nslookup db && echo named"]
	      - {image: "redis:7", command: ["sh", "-c", "command -v redis-server && echo other \$\$PWD >>/hooks/order"], user: "1000"}
	secrets: {token: {file: ./token}}
	volumes: {data: {}}
	END
	up
	wait_until 5 begun main
	order_is "0 /var own step /root 1000 /tmp own own webhost secret other /tmp main shared also "
	is "$(awk '{ print $2 }' hooks/caps)" "$(davit exec -T --privileged -u root web grep CapEff /proc/self/status | awk '{ print $2 }')"
	wait_until 5 log_has web named
	is "$(davit ps -a --format json | jq -r 'if type == "array" then .[] else . end | .Name' | sort | tr '\n' ' ')" "$PROJECT-db-1 $PROJECT-web-1 "
	has "$(davit ls)" "running(2)"
	davit doctor
}

@test "in order, with what the step says: user, directory, environment, privileges, image; volumes, network, secrets are the service's" {
	for_each_runtime as_written
}

counting() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    scale: ${1:-1}
	    restart: always
	    stop_signal: KILL
	    volumes: ["./hooks:/hooks"]
	    command: [sleep, inf]
	    pre_start:
	      - {command: ["sh", "-c", "echo once${2:-} >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo each >>/hooks/order"], per_replica: true}
	END
}

@test "once for the service, or once for each container; again when it is made anew, not when it is started again" {
	setup_hooks
	counting 2
	up
	order_is "once each each "
	up
	davit restart
	davit stop
	davit start
	davit stop
	up
	order_is "once each each "
	kill -9 "$(pid_of web)"
	restarted() { [ "$(davit ps --format json | jq -s 'flatten | map(select(.State == "running")) | length')" = 2 ]; }
	wait_until 5 restarted
	order_is "once each each "
	counting 3
	up
	order_is "once each each each "
	: >hooks/order
	up --force-recreate
	order_is "once each each each "
	: >hooks/order
	counting 1 more
	up
	order_is "oncemore each "
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
	    command: ["sh", "-c", "echo main >>/hooks/order; exec sleep inf"]
	    pre_start:
	      - {command: ["sh", "-c", "echo one >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo two >>/hooks/order; echo why it is so >&2; [ -e /hooks/mended ] || exit 7"]}
	      - {command: ["sh", "-c", "echo three >>/hooks/order"]}
	  after: {image: busybox, command: [sleep, inf], depends_on: [web], stop_signal: KILL}
	END
	run -1 davit up -d
	has "$output" "compose.yaml:10:9"
	has "$output" "pre_start[1] of container '$PROJECT-web-1' exited with status 7"
	has "$output" "davit logs web"
	order_is "one two "
	wait_until 5 log_has web 'why it is so'
	[ "$(ps_field web State)" != running ]
	[ "$(ps_field after State)" != running ]
	run -1 davit start web
	has "$output" "exited with status 7"
	order_is "one two two "
	: >hooks/mended
	up
	wait_until 5 order_is "one two two two three main "
	is "$(ps_field after State)" running
}

@test "a step that fails: up says which and how, nothing after it is started; the next up goes on with it" {
	for_each_runtime failing
}

@test "what a step needs and is not there is told by its place before anything is made" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    pre_start:
	      - {command: [a]}
	      - {image: "no/such:1"}
	END
	refused 1 "compose.yaml:7:17" "no/such:1" -- davit up -d --pull never
}

@test "a command that does not exist, a user that nobody is: told by the step's place" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], pre_start: [{command: [no-such-program]}]}
	END
	run -127 davit up -d
	has "$output" "compose.yaml:2:60"
	has "$output" no-such-program
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], pre_start: [{command: [a], user: nobody-here}]}
	END
	run -1 davit up -d
	has "$output" "compose.yaml:2:60"
	has "$output" nobody-here
}

endless() {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    runtime: $1
	    restart: always
	    volumes: ["./hooks:/hooks"]
	    command: ["sh", "-c", "echo main >>/hooks/order; exec sleep inf"]
	    stop_signal: KILL
	    pre_start: [{command: ["sh", "-c", "echo step >>/hooks/order; sleep 5432"]}]
	END
	run -1 davit up -d --wait --wait-timeout 2
	has "$output" "pre_start[0] of container '$PROJECT-web-1' has not ended"
	has "$output" "compose.yaml:9:17"
	davit up -d >shown 2>&1 3>&- &
	wait_until 5 grep -q Waiting shown
	order_is "step "
	davit "$2"
	! wait $! || fail "up succeeded: $(cat shown)"
	[ -z "$(pgrep -f 'sleep 5432')" ]
	order_is "step "
}

stop_endless() { endless "$1" stop; }
down_endless() { endless "$1" down; }

@test "a step that never ends: --wait-timeout counts, the next up waits for the same one, stop and down end it at once" {
	for_each_runtime stop_endless
	for_each_runtime down_endless
}

@test "a container that was only created has its steps when it is started" {
	setup_hooks
	counting
	davit up --no-start
	order_is ""
	davit start
	order_is "once each "
	is "$(ps_field web State)" running
}

@test "without a network of its own, and with another's" {
	setup_hooks
	compose <<-END
	services:
	  none:
	    {image: busybox, network_mode: none, stop_signal: KILL, command: [sleep, inf], volumes: ["./hooks:/hooks"],
	     pre_start: [{command: ["sh", "-c", "echo none \$\$(ls /sys/class/net) >>/hooks/order"]}]}
	  host:
	    {image: busybox, network_mode: host, stop_signal: KILL, command: [sleep, inf], volumes: ["./hooks:/hooks"], depends_on: [none],
	     pre_start: [{command: ["sh", "-c", "readlink /proc/self/ns/net >>/hooks/order"]}]}
	  other: {image: busybox, stop_signal: KILL, command: [sleep, inf], hostname: other-host, depends_on: [host]}
	  joins:
	    {image: busybox, network_mode: "service:other", stop_signal: KILL, command: [sleep, inf], volumes: ["./hooks:/hooks"],
	     pre_start: [{command: ["sh", "-c", "hostname >>/hooks/order"]}]}
	END
	up
	order_is "none lo $(readlink /proc/self/ns/net) other-host "
}

@test "up in the foreground: a step's end is not its service's" {
	compose <<-END
	services:
	  web: {image: busybox, command: ["sh", "-c", "echo main; exit 3"], pre_start: [{command: [echo, step]}]}
	END
	run -3 davit up --abort-on-container-exit --exit-code-from web
	has "$output" "web-1  | step"
	has "$output" "web-1  | main"
	lacks "$output" "exited with code 0"
}

@test "the supervisor is killed in the middle of a step: the step runs on, and what comes after it comes" {
	setup_hooks
	compose <<-END
	services:
	  web:
	    image: busybox
	    stop_signal: KILL
	    volumes: ["./hooks:/hooks"]
	    command: ["sh", "-c", "echo main >>/hooks/order; exec sleep inf"]
	    pre_start:
	      - {command: ["sh", "-c", "echo one >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo two >>/hooks/order; until [ -e /hooks/go ]; do sleep 0.05; done; echo over >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo three >>/hooks/order"]}
	  after: {image: busybox, command: [sleep, inf], depends_on: [web], stop_signal: KILL}
	END
	davit up -d >shown 2>&1 3>&- &
	wait_until 5 begun two
	kill -9 "$(supervisor_pid)"
	wait_until 5 supervisor_pid
	wait_until 5 davit doctor
	: >hooks/go
	wait $! || fail "up: $(cat shown)"
	wait_until 5 order_is "one two over three main "
	is "$(ps_field after State)" running
	davit doctor
}

@test "the supervisor is killed at every third line of its journal: all hooks are done, in order, and down leaves nothing" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    volumes: ["./hooks:/hooks"]
	    command: ["sh", "-c", "trap \"echo asked >>/hooks/order; exit 0\" TERM; echo main >>/hooks/order; while :; do sleep 0.05; done"]
	    pre_start:
	      - {command: ["sh", "-c", "echo one >>/hooks/order"]}
	      - {command: ["sh", "-c", "echo two >>/hooks/order"]}
	    post_start: [{command: ["sh", "-c", "until grep -q main /hooks/order; do sleep 0.01; done; echo three >>/hooks/order"]}]
	    pre_stop: [{command: ["sh", "-c", "echo four >>/hooks/order"]}]
	END
	local line before victim
	for line in 1 4 7 10 13 16 19 22 25 28 31; do
		setup_hooks
		timeout 60 "$DAVIT" up -d >shown 2>&1 3>&- &
		kill_at "$line" $!
		wait $! || fail "killed at line $line: up: $(cat shown)"
		is "$(uniq hooks/order | tr '\n' ' ')" "one two main three "
		before=$(journal_lines) victim=$(supervisor_pid) || :
		timeout 60 "$DAVIT" down >shown 2>&1 3>&- &
		kill_at $((before + line / 4)) $! "$victim"
		wait $! || fail "killed at step $line: down: $(cat shown)"
		is "$(uniq hooks/order | tr '\n' ' ')" "one two main three four asked "
		wait_until 5 no_leaks
	done
	((killed >= 10)) || fail "only $killed of 22 were killed"
}
