# logs, exec, ps, and up in the foreground.
load ../lib

@test "logs: prefixes, --tail, one service, both streams" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "for i in 1 2 3 4 5; do echo line \$\$i; done; echo oops >&2; exec sleep inf"]}
	  two: {image: busybox, command: ["sh", "-c", "echo other; exec sleep inf"]}
	END
	up
	wait_until 5 log_has one oops
	wait_until 5 log_has two other
	has "$(davit logs)" "one-1  | line 1"
	has "$(davit logs)" "two-1  | other"
	is "$(davit logs --no-log-prefix --tail 2 one 2>&1)" "line 5
oops"
	lacks "$(davit logs one)" other
	[[ "$(davit logs -t --no-log-prefix two)" =~ ^20[0-9-]+T ]]
}

@test "logs: bounded files, and the newest lines are there" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "i=0; while [ \$\$i -lt 30000 ]; do echo number \$\$i; i=\$\$((i+1)); done; exec sleep inf"]
	    logging: {driver: json-file, options: {max-size: 64k, max-file: "3"}}
	END
	up
	wait_until 20 log_has one 'number 29999'
	[ "$(du -sb "$DAVIT_STATE_DIR/projects/$PROJECT/logs" | cut -f 1)" -lt 600000 ]
	davit logs --no-log-prefix one | awk '
		!/^number [0-9]+$/ { print "not whole: " $0; bad = 1 }
		NR > 1 && $2 != last + 1 { print "gap at " $2; bad = 1 }
		{ last = $2 } END { exit bad || last != 29999 }'
}

@test "logs -f follows across a restart and ends with the project" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "echo begin; exec sleep inf"], restart: always}
	END
	up
	"$DAVIT" logs -f --no-log-prefix one >followed 2>&1 3>&- &
	local follower=$!
	wait_until 5 grep -q begin followed
	kill -9 "$(pid_of one)"
	twice() { [ "$(grep -c begin followed)" = 2 ]; }
	wait_until 5 twice
	davit down -t 0
	wait_until 5 bash -c "! kill -0 $follower 2>/dev/null || grep -q '^State:.Z' /proc/$follower/status"
}

@test "exec: exit status, environment, user, directory, standard input" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], environment: {FROM: service}, working_dir: /var}
	END
	up
	run -7 davit exec -T one sh -c 'exit 7'
	run -137 davit exec -T one sh -c 'kill -9 $$'
	run -127 davit exec -T one not-there
	has "$output" not-there
	run -126 davit exec -T one /etc/passwd
	davit exec -T one sh -c 'printf "#!/bin/bash\n" >/tmp/script; printf "\177ELF\1\1\1" >/tmp/alien; chmod +x /tmp/*; mkfifo -m 755 /tmp/fifo'
	run -127 davit exec -T one /tmp/script
	has "$output" "command '/tmp/script' cannot run: its interpreter or loader '/bin/bash' does not exist in the container"
	run -126 davit exec -T one /tmp/alien
	has "$output" "command '/tmp/alien' is no program for this machine"
	run -126 davit exec -T one /tmp/fifo
	is "$(davit exec -T one sh -c 'echo $FROM; pwd; id -u')" "service
/var
0"
	is "$(davit exec -T -e FROM=exec -e MORE=x -u app -w /tmp one sh -c 'echo $FROM$MORE; pwd; id -un')" "execx
/tmp
app"
	is "$(echo to cat | davit exec -T one cat)" "to cat"
	is "$(head -c 300000 /dev/zero | davit exec -T one wc -c)" 300000
	is "$(davit exec -T one sh -c 'echo out; echo err >&2' 2>/dev/null)" out
	run -1 davit exec -T nobody true
	has "$output" "nobody"
	davit stop -t 0
	run -1 davit exec -T one true
	has "$output" "not running"
}

@test "exec with a terminal" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	# crun sets the size while the command begins: a very early look may miss it
	run on_terminal 33x77 -- "$DAVIT" exec one sh -c 'test -t 0 && until [ "$(stty size)" = "33 77" ]; do :; done; exit 5'
	is "$status" 5
	# nothing that was printed last is lost, in however short a life
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		is "$(on_terminal -- "$DAVIT" exec one sh -c 'seq 300; echo end' | tr -d '\r' | tail -n 2 | xargs)" "300 end"
	done
	is "$(find "$DAVIT_RUN_DIR/projects/$PROJECT/tmp" -name 'exec-*')" ""
}

only_its_init() { [ "$(cgroup_processes | wc -l)" = 1 ]; }

@test "exec: what is typed, the window's size and signals arrive" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	run on_terminal expect='# ' type='echo $((40+2))\r' expect=42 type='exit 3\r' -- "$DAVIT" exec one sh
	is "$status" 3
	# shellcheck disable=SC2016
	loop='trap "stty size" WINCH; trap "echo term; exit 9" TERM; trap "echo interrupted; exit 8" INT; echo begun; while :; do sleep 0.05; done'
	run on_terminal expect=begun resize=40x100 expect='40 100' type='\x03' expect=interrupted -- "$DAVIT" exec one sh -c "$loop"
	is "$status" 8
	run on_terminal expect=begun signal=TERM expect=term -- "$DAVIT" exec one sh -c "$loop"
	is "$status" 9
	run on_terminal expect=begun signal=TERM expect=heard signal=TERM expect=heard signal=TERM -- "$DAVIT" exec one sh -c 'trap "echo heard" TERM; echo begun; while :; do sleep 0.05; done'
	is "$status" 137
	# the terminal goes away: so does the shell
	run on_terminal expect='# ' hangup -- "$DAVIT" exec one sh
	wait_until 5 only_its_init
}

@test "exec: the terminal is as it was before, also when the command cannot be run" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	run on_terminal -- sh -c "stty -a >$BATS_TEST_TMPDIR/before; '$DAVIT' exec one true; '$DAVIT' exec one not-there; '$DAVIT' exec -w /no one true; stty -a >$BATS_TEST_TMPDIR/after"
	has "$output" not-there
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	run on_terminal -- "$DAVIT" exec one not-there
	is "$status" 127
}

@test "exec -d" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	END
	up
	davit exec -d one sh -c 'echo detached >/tmp/file'
	wait_until 5 sh_in one 'grep detached /tmp/file'
}

@test "ps: table, json, -q, --services; ls" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], ports: ["127.0.0.1:8123:80"]}
	  gone: {image: busybox, command: ["sh", "-c", "exit 4"]}
	END
	up
	wait_until 5 state_is gone exited
	has "$(davit ps)" "$PROJECT-one-1"
	lacks "$(davit ps)" "$PROJECT-gone-1"
	has "$(davit ps -a)" "Exited (4)"
	is "$(ps_field one Service)" one
	is "$(ps_field one Image)" busybox
	is "$(davit ps -q | wc -l)" 1
	is "$(davit ps --services -a | sort | tr '\n' ' ')" "gone one "
	has "$(davit ls)" "$PROJECT"
	has "$(davit images)" busybox
}

@test "up in the foreground shows logs; Ctrl-C stops the stack" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo hello from one; while :; do sleep 0.02; done"]}
	  two: {image: busybox, command: ["sh", "-c", "trap 'exit 0' TERM; echo hello from two; while :; do sleep 0.02; done"]}
	END
	foreground
	wait_until 5 grep -q 'hello from one' shown
	wait_until 5 grep -q 'hello from two' shown
	kill -INT "$up_pid"
	ended 10
	grep -q bye shown
	is "$(ps_field one State)" exited
	is "$(ps_field one ExitCode)" 0
}

@test "up in the foreground: a second Ctrl-C kills" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "trap '' TERM; echo hello; while :; do sleep 0.02; done"], stop_grace_period: 60s}
	END
	foreground
	wait_until 5 grep -q hello shown
	kill -INT "$up_pid"
	wait_until 5 grep -qi 'stopping' shown
	kill -INT "$up_pid"
	ended 10
	is "$(ps_field one ExitCode)" 137
}

@test "up in the foreground ends with its containers; --exit-code-from gives the status" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "exit 9"]}
	  two: {image: busybox, command: [sleep, inf]}
	END
	run -9 davit up --exit-code-from one -t 0
	is "$(ps_field two State)" exited
}

@test "colours on a terminal, none elsewhere" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "echo hello; exec sleep inf"]}
	END
	up
	wait_until 5 log_has one hello
	run script -qec "TERM=xterm '$DAVIT' logs" /dev/null
	has "$output" $'\e['
	lacks "$(davit logs)" $'\e['
	run script -qec "TERM=xterm NO_COLOR=1 '$DAVIT' logs" /dev/null
	lacks "$output" $'\e['
}

# foreground: `up` in the background of the test, as if a terminal could interrupt it (a shell's & would make it ignore SIGINT)
foreground() {
	python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
		"$DAVIT" up >shown 2>&1 3>&- &
	up_pid=$!
}

ended() { wait_until "$1" bash -c "! kill -0 $up_pid 2>/dev/null || grep -q '^State:.Z' /proc/$up_pid/status"; }

@test "ps and ls --format: Go templates" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], labels: {role: "first, of all", tier: a}, ports: ["127.0.0.1:8123:80"]}
	  two: {image: busybox, command: [sleep, inf]}
	END
	up
	is "$(davit ps --format '{{.Service}}:{{.State}}')" "one:running
two:running"
	is "$(davit ps --format '{{.Name}}\t{{.Label "tier"}}' one)" "$PROJECT-one-1	a"
	is "$(davit ps --format '{{range .Publishers}}{{.URL}} {{.PublishedPort}}>{{.TargetPort}}{{end}}' one)" "127.0.0.1 8123>80"
	is "$(davit ps --format '{{json .}}' one | jq -r .Service)" one
	is "$(davit ps --format 'table {{.Service}}\t{{.State | upper}}\t{{.ID}}' --no-trunc two | head -n 1)" "SERVICE   STATE     CONTAINER ID"
	has "$(davit ps --format 'table {{.Service}}\t{{.State | upper}}\t{{.ID}}' two | tail -n 1)" "two       RUNNING   $(davit ps -q two | cut -c 1-12)"
	is "$(davit ls --format '{{.Name}} {{.Status}}' | grep "$PROJECT ")" "$PROJECT running(2)"
	davit stop -t 0
	is "$(davit ps --format 'table {{.Service}}\t{{.Status}}')" "SERVICE   STATUS"
	run -1 davit ps -a --format '{{.Nmae}}'
	has "$output" "there is no field 'Nmae'"
	has "$output" "did you mean '.Name'?"
	run -1 davit ps --format yaml
	has "$output" "unsupported format 'yaml'"
	run -1 davit ps --format '{{.Name'
	has "$output" "flag '--format': template: character 1: the '}}' to it is missing"
}

@test "standard input, output and error may be closed" {
	compose <<-END
	services: {web: {image: busybox, command: [sleep, inf], init: true}}
	END
	davit up -d <&- >&- 2>&-
	state_is web running
	davit image save busybox -o x.tar <&-
	davit image inspect busybox <&- >inspected 2>&-
	davit down -t 0 <&- >&- 2>&-
	[ -z "$(davit ps -aq)" ]
}

@test "ps: ports that are only exposed, mounts, how many volumes" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    expose: ["3000-3002", "53/udp"]
	    ports: ["127.0.0.1:8123:80"]
	    volumes: ["data:/data", "./here:/here", "/anonymous"]
	  redis: {image: redis:7}
	  host: {image: redis:7, network_mode: host, command: [sleep, inf]}
	volumes: {data: }
	END
	mkdir here
	up
	is "$(davit ps --format '{{.Ports}}' one)" "53/udp, 3000-3002/tcp, 127.0.0.1:8123->80/tcp"
	is "$(davit ps --format '{{.Ports}}' redis)" "6379/tcp"
	is "$(davit ps --format '{{.Ports}}' host)" ""
	is "$(davit ps --format json one | jq -c '[.Publishers[] | [.URL, .TargetPort, .PublishedPort, .Protocol]]')" \
		'[["",53,0,"udp"],["127.0.0.1",80,8123,"tcp"],["",3000,0,"tcp"],["",3001,0,"tcp"],["",3002,0,"tcp"]]'
	is "$(davit ps --format '{{.LocalVolumes}}' one)" 2
	has "$(davit ps --no-trunc --format '{{.Mounts}}' one)" "${PROJECT}_data,"
	has "$(davit ps --no-trunc --format '{{.Mounts}}' one)" ",$PWD/here"
	[ "$(davit ps --format '{{.Mounts}}' one | tr , '\n' | wc -L)" -le 15 ]
	# what a supervisor does again it knows
	davit restart -t 0 redis
	is "$(davit ps --format '{{.Ports}}' redis)" "6379/tcp"
	kill_supervisor
	is "$(davit ps --format '{{.Ports}}' redis)" "6379/tcp"
	davit stop -t 0 redis
	is "$(davit ps -a --format '{{.Ports}}' redis)" ""
}

@test "every listing has JSON, and nothing but JSON on standard output" {
	local command
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], volumes: ["data:/data"]}
	volumes: {data: }
	END
	up
	for command in "ps -a" ls images volumes "stats --no-stream" top "image ls" "system df" version plan graph config doctor history; do
		[ "$command" != history ] || davit history --help >/dev/null 2>&1 || continue
		davit $command --format json >said 2>/dev/null || [ "$command" = doctor ] || fail "$command --format json: status $?"
		jq -e . said >/dev/null || fail "$command --format json: $(cat said)"
	done
	davit events --since 1h --until 0s --json | jq -e . >/dev/null
	for command in "ps -a" ls images volumes "stats --no-stream" top "image ls" "system df"; do
		[ -n "$(davit $command --format '{{json .}}' | jq -c . | head -n 1)" ] || fail "$command has no templates"
	done
}
