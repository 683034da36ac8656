# Small commands, each with what docker compose's users expect of it.
load ../lib

@test "create: containers that do not run; start starts them" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: busybox, command: [sleep, inf], depends_on: [one]}
	  three: {image: busybox, command: [sleep, inf]}
	END
	davit create two
	is "$(davit ps -a --format '{{.Service}} {{.State}}')" "one created
two created"
	id=$(davit ps -aq one)
	davit create
	is "$(davit ps -aq one)" "$id"
	is "$(davit ps -a --services | xargs)" "one three two"
	davit create --force-recreate one
	[ "$(davit ps -aq one)" != "$id" ]
	davit create --scale three=2 three
	is "$(davit ps -aq three | wc -l)" 2
	davit start
	is "$(davit ps --services | xargs)" "one three two"
	run -1 davit create nobody
	has "$output" "no such service: 'nobody'"
}

@test "scale: more, fewer, none" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], depends_on: [db]}
	  db: {image: busybox, command: [sleep, inf]}
	END
	up
	davit scale web=3 db=2
	is "$(davit ps --format '{{.Service}}' | sort | uniq -c | xargs)" "2 db 3 web"
	davit scale web=1                # what it depends on is as the file says, as with `up`
	is "$(davit ps --format '{{.Service}}' | sort | uniq -c | xargs)" "1 db 1 web"
	davit scale --no-deps web=0
	is "$(davit ps -a --format '{{.Service}}' | sort | uniq -c | xargs)" "1 db"
	run -1 davit scale web
	has "$output" "takes SERVICE=N"
	run -1 davit scale wbe=2
	has "$output" "did you mean 'web'?"
	run -1 davit scale web=many
	has "$output" "takes SERVICE=N"
}

@test "port: where a port is published" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], ports: ["8071:80", "127.0.0.1:8072:81", "8073:82/udp", "80"], scale: 1}
	END
	up
	is "$(davit port web 81)" "127.0.0.1:8072"
	is "$(davit port --protocol udp web 82)" "0.0.0.0:8073"
	is "$(davit port --index 1 web 81)" "127.0.0.1:8072"
	[[ $(davit port web 80) == 0.0.0.0:* ]]
	run -1 davit port web 82
	has "$output" "publishes no port 82/tcp"
	has "$output" "it has"
	has "$output" "8073->82/udp"
	run -1 davit port web http
	has "$output" "a port is a number"
	run -1 davit port --protocol sctp web 80
	run -1 davit port nobody 80
	run -1 davit port --index 7 web 80
	davit stop -t 0
	run -1 davit port web 81
	has "$output" "not running"
}

@test "volumes: those of the project, of a service" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], volumes: ["data:/data", "/anon"]}
	  two: {image: busybox, command: [sleep, inf], volumes: ["logs:/logs", "data:/d:ro"]}
	volumes:
	  data: {labels: {kind: precious}}
	  logs:
	  unused:
	END
	is "$(davit volumes)" "DRIVER              VOLUME NAME"
	up
	is "$(davit volumes -q one)" "${PROJECT}_data"
	is "$(davit volumes -q two | sort | xargs)" "${PROJECT}_data ${PROJECT}_logs"
	is "$(davit volumes -q | wc -l)" 3       # docker's list has the anonymous one, too, and not what nobody uses
	has "$(davit volumes two)" "local               ${PROJECT}_logs"
	is "$(davit volumes --format json one | jq -r '.Mountpoint')" "$DAVIT_STATE_DIR/volumes/${PROJECT}_data/_data"
	is "$(davit volumes --format '{{.Name}} {{.Label "kind"}} {{.Label "com.docker.compose.volume"}}' one)" "${PROJECT}_data precious data"
	davit down
	is "$(davit volumes -q | wc -l)" 3
	davit down -v
	is "$(davit volumes -q)" ""
}

@test "wait: until they have stopped, with the status of the last" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sh, -c, "until [ -e /go ]; do sleep 0.05; done; exit 3"]}
	  two: {image: busybox, command: [sh, -c, "until [ -e /go ]; do sleep 0.05; done; exit 4"]}
	  ever: {image: busybox, command: [sleep, inf]}
	END
	up
	davit wait one two >said 3>&- &
	waiter=$!
	davit exec -T one touch /go
	wait_until 10 grep -q one-1 said
	is "$(cat said)" "container \"$PROJECT-one-1\" exited with status code 3"
	kill -0 $waiter
	kill -9 "$(supervisor_pid)"      # nobody who waits is disturbed
	davit exec -T two touch /go
	status=0
	wait $waiter || status=$?
	is "$status" 4
	is "$(tail -n 1 said)" "container \"$PROJECT-two-1\" exited with status code 4"
	run -3 davit wait one
	run -1 davit wait
	run -1 davit wait nobody
	has "$output" "no such service"
	run -4 davit wait --down-project two ever
	is "$(davit ps -aq)" ""
	run -1 davit wait one
	has "$output" "no container"
}

@test "top: the processes of containers" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sh, -c, "sleep 1000 & exec sleep 2000"]}
	  two: {image: busybox, user: "1234", command: [sleep, inf], scale: 2}
	  done: {image: busybox, command: ["true"]}
	END
	up
	shows() { davit top | grep -q "$1"; }
	wait_until 5 shows 'one .* sleep 1000'
	run -0 davit top
	is "$(head -n 1 <<<"$output" | xargs)" "SERVICE # UID PID PPID C STIME TTY TIME CMD"
	is "$(grep -c '^one ' <<<"$output")" 2
	is "$(grep -c '^two  *[12]  *1234 ' <<<"$output")" 2
	is "$(grep -c '^done' <<<"$output")" 0
	is "$(awk '/sleep 2000/ { print $4 }' <<<"$output")" "$(pid_of one)"
	is "$(davit top two | tail -n +2 | awk '{ print $2, $NF }' | sort | xargs)" "1 inf 2 inf"
	is "$(davit top --format '{{.Service}} {{.Command}}' two | sort -u)" "two sleep inf"
	is "$(davit top --format json one | jq -r .PID | sort | head -n 1)" "$(davit top one | awk 'NR > 1 { print $4 }' | sort | head -n 1)"
	# what a process calls itself is its own affair, and harmless
	davit exec -d one sh -c 'while :; do sleep 3000; done' "$(printf '\033[31mred\nline')"
	wait_until 5 shows 'sleep 3000'
	has "$(davit top)" "[31mred"
	is "$(davit top | grep -c $'\033')" 0
	run -1 davit top nobody
}

@test "stats: what containers use" {
	compose <<-END
	services:
	  busy: {image: busybox, command: [sh, -c, "while :; do :; done"], mem_limit: 64m, cpus: 0.5}
	  idle: {image: busybox, command: [sleep, inf]}
	  host: {image: busybox, command: [sleep, inf], network_mode: host}
	  done: {image: busybox, command: ["true"]}
	END
	up
	davit stats --no-stream --format json >rows
	is "$(jq -r .Name rows | sort | xargs)" "$PROJECT-busy-1 $PROJECT-host-1 $PROJECT-idle-1"
	is "$(jq -r 'select(.Name | endswith("busy-1")) | .MemUsage' rows | sed 's/.* //')" 64MiB
	is "$(jq -r 'select(.Name | endswith("busy-1")) | .PIDs' rows)" 1
	jq -r 'select(.Name | endswith("idle-1")) | .CPUPerc' rows | grep -qx '0\.0[0-9]%'     # the kernel may charge it for an interrupt
	[ "$(jq -r 'select(.Name | endswith("busy-1")) | .CPUPerc' rows | cut -d. -f1)" -ge 5 ]
	is "$(jq -r 'select(.Name | endswith("host-1")) | .NetIO' rows)" "0B / 0B"
	is "$(davit stats --no-stream idle | head -n 1 | tr -s ' ')" "CONTAINER ID NAME CPU % MEM USAGE / LIMIT MEM % NET I/O BLOCK I/O PIDS"
	is "$(davit stats --no-stream --no-trunc --format '{{.ID}}' idle)" "$(davit ps -q --no-trunc idle)"
	is "$(davit stats --no-stream -a --format '{{.Name}} {{.PIDs}}' done)" "$PROJECT-done-1 0"
	# it goes on, and sees who comes
	davit stats --format '{{.Name}}' >stream 3>&- &
	streamer=$!
	wait_until 10 grep -q idle-1 stream
	davit up -d --scale idle=2 idle 2>/dev/null
	wait_until 10 grep -q idle-2 stream
	kill $streamer
}

@test "what docker compose has and davit has not is refused, with what comes nearest" {
	for command in commit; do
		refused 1 "the command '$command' is not supported" "hint: " -- davit "$command" one
	done
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	sh_in one 'mkdir /tmp/d; echo copied >/tmp/d/file'
	davit exec -T one tar -c -C /tmp/d . | tar -x      # what is said of cp
	is "$(cat file)" copied
	echo back >file
	tar -c file | davit exec -T one tar -x -C /tmp
	is "$(sh_in one 'cat /tmp/file')" back
}

@test "pause and unpause: nothing runs meanwhile, and all goes on" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sh, -c, "while :; do echo tick; sleep 0.05; done"], healthcheck: {test: ["CMD", "true"], interval: 0.2s}}
	  two: {image: busybox, command: [sleep, inf]}
	END
	up --wait
	davit pause one
	is "$(davit ps --format '{{.Service}} {{.State}}')" "one paused
two running"
	[[ $(davit ps --format '{{.Status}}' one) == "Up "*"(Paused)" ]]
	is "$(davit ls --format '{{.Name}} {{.Status}}' | grep "$PROJECT ")" "$PROJECT paused(1), running(1)"
	stands_still() { local n; n=$(log_count one tick); sleep 0.3; [ "$(log_count one tick)" = "$n" ]; }
	wait_until 5 stands_still
	is "$(davit ps --status paused --services)" one
	run -1 davit exec -T one true
	has "$output" "is paused"
	has "$output" "davit unpause one"
	davit pause                      # the other one, too; the first stays so
	is "$(davit ps --format '{{.State}}' | xargs)" "paused paused"
	# who takes over finds it paused, and nobody asks after its health
	kill -9 "$(supervisor_pid)"
	wait_until 10 davit unpause two
	is "$(davit ps --format '{{.State}}' | xargs)" "paused running"
	stands_still
	n=$(log_count one tick)
	davit unpause one
	more() { [ "$(log_count one tick)" -gt "$n" ]; }
	wait_until 5 more
	wait_until 5 health_is one healthy
	is "$(davit events --since 1h --until 0s --json | jq -r 'select(.service == "one") | .action' | grep pause | xargs)" "pause unpause"
	is "$(davit exec -T one echo here)" here
}

listens() { [ "$(log_count one listens)" = "$1" ]; }

@test "pause: what is paused can be stopped, killed, restarted, replaced and taken down" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sh, -c, "trap 'exit 7' TERM; trap 'exit 6' USR1; echo listens; while :; do sleep 0.05; done"]}
	END
	up
	wait_until 10 listens 1          # the first process of a container does not get signals that it has not asked for yet
	davit pause
	davit stop
	is "$(davit ps -a --format '{{.State}} {{.ExitCode}}')" "exited 7"
	davit start
	is "$(davit ps --format '{{.State}}')" running
	wait_until 10 listens 2
	davit pause
	davit kill
	wait_until 5 state_is one exited
	davit start
	wait_until 10 listens 3
	davit pause
	davit restart
	is "$(davit ps --format '{{.State}}')" running
	wait_until 10 listens 4
	davit pause
	davit kill -s USR1               # a signal lets it go on
	wait_until 5 state_is one exited
	davit start
	wait_until 10 listens 5
	davit pause
	davit up -d --force-recreate
	is "$(davit ps --format '{{.State}}')" running
	davit pause
	run davit pause nobody
	has "$output" "no such service"
	davit down
	run -0 davit pause
	has "$output" "no container to pause"
}
