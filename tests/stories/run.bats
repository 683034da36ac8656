# `davit run`: a container beside those of the file, and everything that is different about it.
load ../lib

# runs SERVICE: how many containers of `run` it has
runs() { davit ps -a --format '{{.Name}}' | grep -c -- "-$1-run-" || :; }
no_runs() { [ "$(runs "$1")" = 0 ]; }
run_name() { davit ps -a --format '{{.Name}}' | grep -m 1 -- "-$1-run-"; }

@test "run --rm: its output, its standard error, its status, and nothing is left" {
	compose <<-END
	services:
	  tool: {image: busybox, command: [echo, of the file], container_name: fixed, restart: always}
	END
	run -0 --separate-stderr davit run --rm tool
	is "$output" "of the file"
	run -7 --separate-stderr davit run --rm tool sh -c 'echo out; echo err >&2; exit 7'
	is "$output" out
	has "$stderr" err
	run -127 davit run --rm tool there-is-none
	has "$output" "command 'there-is-none' does not exist in the image"
	lacks "$output" "compose.yaml:"
	run -126 davit run --rm tool /etc
	run -125 davit run --rm --user nobody-knows tool true
	wait_until 15 no_leaks               # the project had nothing else
}

@test "run: standard input is passed on to its end, and binary output comes as it was" {
	compose <<-END
	services:
	  tool: {image: busybox}
	END
	is "$(echo x | davit run --rm -T tool cat 2>/dev/null)" x
	is "$(davit run --rm -T tool cat </dev/null 2>/dev/null)" ""
	head -c 3000000 /dev/urandom >sent
	davit run --rm -T tool cat <sent >got 2>/dev/null
	cmp sent got
	is "$(echo x | davit run --rm --no-TTY --interactive=false tool cat 2>/dev/null)" ""
	is "$(davit run --rm tool printf 'no end of line' 2>/dev/null)" "no end of line"
	davit run --rm --quiet tool sh -c 'yes 0123456789abcdef | head -n 3000000' >many 2>said
	is "$(wc -l <many)" 3000000
	is "$(sort -u many)" 0123456789abcdef
	is "$(cat said)" ""
}

@test "run: who reads slowly gets all of it, as from any pipe; a command that stands still or dies hinders nobody else" {
	compose <<-END
	services:
	  tool: {image: busybox, logging: {driver: none}, volumes: [".:/here"]}
	  other: {image: busybox, command: [sh, -c, 'while :; do echo on; sleep 0.05; done']}
	END
	head -c 1000000 /dev/urandom >some
	for i in {1..60}; do cat some; done | md5sum >want
	davit run --rm -q -T tool sh -c 'i=0; while [ $i -lt 60 ]; do cat /here/some; i=$((i+1)); done' </dev/null 2>said |
		{ wait_until 20 far_behind; md5sum; } >got
	is "$(cat got)" "$(cat want)"
	is "$(cat said)" ""
	up other
	in_background run --rm -q -T tool sh -c 'touch /here/begun; cat /here/some; while :; do cat /here/some; done'
	wait_until 10 [ -e begun ]
	kill -STOP "$(davit_pid)"
	wait_until 20 far_behind
	lines=$(log_count other on)
	more_lines() { [ "$(log_count other on)" -gt "$lines" ]; }
	wait_until 10 more_lines
	kill -9 "$(davit_pid)"
	davit kill tool
	wait_until 10 no_runs tool
}

far_behind() { [ "$(runs_behind)" -gt 15000 ]; }
# runs_behind: kilobytes in the log of the container of run
runs_behind() { du -sk --apparent-size "$DAVIT_STATE_DIR/projects/$PROJECT"/logs/tool-run-* 2>/dev/null | cut -f 1 | tail -n 1 | grep . || echo 0; }

@test "run: every option says something about the container" {
	mkdir shared && echo shared >shared/file
	printf 'FROM_FILE=1\nBOTH=file\n' >vars
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], environment: {A: one, B: two}, ports: ["8091:80"], labels: {own: "1"},
	        volumes: ["data:/data"], networks: {default: {aliases: [alias]}}}
	volumes: {data: {}}
	END
	is "$(davit run --rm -e A=three -e PASSED --env-from-file vars -e BOTH=flag web sh -c 'echo $A $B $PASSED $FROM_FILE $BOTH' 2>/dev/null)" \
		"three two 1 flag"
	is "$(PASSED=on davit run --rm -e PASSED web sh -c 'echo $PASSED' 2>/dev/null)" on
	echo 'PASSED=of the file' >.env
	is "$(davit run --rm -e PASSED -e A -e NOWHERE web sh -c 'echo $PASSED, $A, ${NOWHERE-unset}' 2>/dev/null)" "of the file, one, unset"
	rm .env
	is "$(davit run --rm -v ./shared:/mnt:ro -v named:/named web sh -c 'cat /mnt/file; touch /mnt/x 2>&1; df /named /data | wc -l' 2>/dev/null | xargs)" \
		"shared touch: /mnt/x: Read-only file system 3"
	is "$(davit run --rm --entrypoint 'echo "a  b"' web c 2>/dev/null)" "a  b c"
	is "$(davit run --rm --entrypoint pwd -w /tmp web 2>/dev/null)" /tmp
	is "$(davit run --rm -u 5:6 web id 2>/dev/null)" "uid=5 gid=6 groups=6"
	is "$(davit run --rm --cap-drop ALL web grep CapEff /proc/self/status 2>/dev/null | xargs)" "CapEff: 0000000000000000"
	is "$(davit run --rm --cap-add SYS_ADMIN --cap-drop ALL web grep CapEff /proc/self/status 2>/dev/null | xargs)" "CapEff: 0000000000200000"
	id=$(davit run -d --name mine -l more=2 -p 8092:81 web sleep inf)
	is "$(davit ps -a --format json | jq -r '.ID')" "${id:0:12}"
	is "$(davit ps -a --format '{{.Name}} {{.Ports}}')" "mine 0.0.0.0:8092->81/tcp"
	has "$(davit ps -a --format '{{.Labels}}')" com.docker.compose.oneoff=True
	has "$(davit ps -a --format '{{.Labels}}')" more=2
	has "$(davit ps -a --format '{{.Labels}}')" own=1
	run -125 davit run --rm --name mine web true
	has "$output" "'mine'"
	davit run -d -P --name ports web sleep inf
	is "$(davit ps -a --format '{{.Name}} {{.Ports}}' | grep ports)" "ports 0.0.0.0:8091->80/tcp"
	refused_option "flag '--publish'" -p nonsense
	refused_option "flag '--volume'" -v a:b:c:d
	refused_option "incompatible" -P -p 80
	refused_option "flag '--name'" --name 'a b'
}

@test "run: images are pulled, or are not" {
	compose <<-END
	services:
	  tool: {image: busybox}
	  absent: {image: 127.0.0.1:1/none}
	END
	run -1 davit run --rm --pull never absent true
	has "$output" "compose.yaml:3"
	run -1 davit run --rm absent true
	has "$output" Pulling
	run -1 davit run --rm --quiet-pull absent true
	lacks "$output" Pulling
	run -1 davit run --rm --pull sometimes tool true
	has "$output" sometimes
	is "$(davit ps -aq)" ""
}

refused_option() {
	local says=$1
	shift
	run -1 davit run --rm "$@" web true
	has "$output" "$says"
}

@test "run: names; only with --use-aliases it answers to the service's" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], networks: {default: {aliases: [alias]}}}
	  other: {image: busybox, command: [sleep, inf]}
	END
	up other
	davit run -d --name one web sleep inf
	sh_in other 'nslookup one'
	not sh_in other 'nslookup alias'
	not sh_in other 'nslookup web'
	davit run -d --name two --use-aliases web sleep inf
	sh_in other 'nslookup alias && nslookup web'
}

@test "run: what the service needs comes first, as its conditions have it; --no-deps leaves it out" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
	  db:
	    image: busybox
	    command: sh -c 'sleep 1; touch /ready; exec sleep inf'
	    init: true
	    healthcheck: {test: test -e /ready, interval: 100ms, start_interval: 100ms, start_period: 30s}
	  job: {image: busybox, command: [sh, -c, "echo \$\$HOSTNAME"]}
	  else: {image: busybox, command: [sleep, inf]}
	END
	is "$(davit run --rm --no-deps web echo alone 2>/dev/null)" alone
	is "$(davit ps -a --services | xargs)" ""
	is "$(davit run --rm web nslookup db 2>/dev/null | grep -c "Name:.*db")" 1
	is "$(davit ps -a --services | xargs)" "db job"
	health_is db healthy
	ids=$(davit ps -aq | sort)
	davit run --rm web true
	is "$(davit ps -aq | sort)" "$ids"
	sed -i 's/test -e .ready/test -e \/never/; s/start_period: 30s/retries: 1/' compose.yaml
	run -125 davit run --rm web echo no
	has "$output" "is unhealthy"
	wait_until 5 no_runs web
}

@test "run: it is no container of the service; down takes it, up --remove-orphans when it has ended" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sh, -c, "echo from-the-file; exec sleep inf"]}
	  tool: {image: busybox, command: [sleep, inf], profiles: [tools]}
	END
	davit run -d web sh -c 'echo from-the-run; exec sleep inf'
	davit run -d tool
	is "$(davit ps -q)" ""
	is "$(runs web) $(runs tool)" "1 1"
	up
	is "$(davit ps --format '{{.Name}}')" "$PROJECT-web-1"
	wait_until 5 log_has web from-the-file
	lacks "$(davit logs)" from-the-run
	is "$(davit exec web hostname)" "$(davit ps -q --no-trunc web | cut -c 1-12)"
	davit scale web=2
	davit restart -t 0
	davit stop -t 0
	is "$(runs web)" 1
	is "$(davit ps -a --format '{{.Name}} {{.State}}' | grep -- '-run-[0-9a-f]\{12\}' | cut -d ' ' -f 2 | xargs)" "running running"
	up --remove-orphans
	is "$(runs web) $(runs tool)" "1 1"  # they run
	davit kill web
	wait_until 5 run_has_ended web
	run -0 davit up -d
	has "$output" "orphan"
	is "$(runs web) $(runs tool)" "1 1"
	davit run --rm --remove-orphans web true
	is "$(runs web) $(runs tool)" "0 1"
	davit run web true
	is "$(runs web) $(runs tool)" "1 1"
	up --remove-orphans
	is "$(runs web) $(runs tool)" "0 1"
	davit down -t 0
	wait_until 2 no_leaks
}

run_has_ended() { davit ps -a --format '{{.Name}} {{.State}}' | grep -- "-$1-run-" | grep -q exited; }

@test "run --rm removes anonymous volumes; without it the container stays, with its log and status" {
	compose <<-END
	services:
	  tool: {image: busybox, volumes: [/anonymous]}
	END
	davit run tool sh -c 'touch /anonymous/x; exit 3' || is $? 3
	is "$(davit ps -a --format '{{.State}} {{.ExitCode}}')" "exited 3"
	is "$(ls "$DAVIT_STATE_DIR/volumes" | grep -c '^[0-9a-f]*$')" 1
	davit run --rm tool touch /anonymous/x
	is "$(ls "$DAVIT_STATE_DIR/volumes" | grep -c '^[0-9a-f]*$')" 1
	is "$(runs tool)" 1
}

# signal_run SIGNAL: to the davit of "$pid" (which `timeout` runs), whatever bash does to jobs in the background
davit_pid() { pgrep -x -P "$pid" davit; }
signal_run() { kill -"$1" "$(davit_pid)"; }
ends_with() {
	local status=0
	wait "$pid" || status=$?
	is "$status" "$1"
}
printed() { grep -q -- "$1" out; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

# in_background COMMAND...: its pid in $pid, with signals as at a prompt
in_background() {
	setsid python3 -c 'import os, signal, sys
for s in (signal.SIGINT, signal.SIGQUIT): signal.signal(s, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' timeout 60 "$DAVIT" "$@" >out 2>said </dev/null &
	pid=$!
	wait_until 10 davit_pid
}

@test "run without a terminal: signals are passed on; who asks for the third time gets an end" {
	compose <<-END
	services:
	  tool: {image: busybox}
	END
	in_background run --rm -T tool sh -c 'trap "echo int; exit 5" INT; echo ready; while :; do sleep 0.05; done'
	wait_until 10 printed ready
	signal_run INT
	ends_with 5
	is "$(xargs <out)" "ready int"
	in_background run --rm -T tool sh -c 'trap "echo one more" INT; echo ready; while :; do sleep 0.05; done'
	wait_until 10 printed ready
	signal_run INT
	wait_until 10 printed "one more"
	signal_run INT
	wait_until 10 [ "$(grep -c more out)" -ge 1 ]
	signal_run TERM
	ends_with 137
	wait_until 5 no_runs tool
}

@test "run on a terminal: window size, keys, raw bytes, detaching, the end of the terminal" {
	compose <<-END
	services:
	  tool: {image: busybox, command: [sh]}
	END
	run -3 on_terminal 30x100 'expect=30 100' 'expect=ready' 'resize=20x50' 'expect=20 50' 'type=\x03' 'expect=int' -- \
		"$DAVIT" run --rm tool sh -c 'stty size; trap "stty size" WINCH; trap "echo int; exit 3" INT; echo ready; while :; do sleep 0.05; done'
	run -7 on_terminal 'expect=# ' 'type=echo $((6*7))\r' 'expect=42' 'expect=# ' 'type=exit 7\r' -- "$DAVIT" run --rm tool
	wait_until 5 no_runs tool
	run -0 on_terminal 'expect=# ' 'type=echo $((40+2))\r' 'expect=42' 'type=\x10\x11' -- "$DAVIT" run --rm tool
	is "$(runs tool)" 1
	run -4 on_terminal 'type=\r' 'expect=# ' 'type=exit 4\r' -- "$DAVIT" attach tool
	wait_until 5 no_runs tool
	run on_terminal 'expect=here it is' hangup -- "$DAVIT" run tool sh -c 'trap "exit 6" HUP; echo here it is; while :; do sleep 0.05; done'
	wait_until 5 run_has_ended tool
	is "$(davit ps -a --format '{{.ExitCode}}')" 6
}

@test "attach: to what runs, its output from now on, its standard input and signals, its end" {
	compose <<-END
	services:
	  echo: {image: busybox, stdin_open: true, init: true, command: [sh, -c, 'echo before; while read l; do echo "got \$\$l"; [ "\$\$l" != end ] || exit 7; done']}
	  plain: {image: busybox, command: [sh, -c, 'cat; trap "exit 9" TERM; while :; do sleep 0.05; done']}
	END
	up
	wait_until 10 log_has echo before
	run -7 --separate-stderr davit attach echo <<<"$(printf 'one\nend')"
	is "$output" "got one
got end"
	davit start echo
	in_background attach plain
	wait_until 10 attached_to plain
	signal_run TERM
	ends_with 9
	run -1 davit attach plain
	has "$output" "is not running"
	run -1 davit attach --index 2 echo
	has "$output" "is not running container #2"
	run -1 davit attach nobody
	has "$output" "no such service"
	run -1 davit attach --detach-keys ctrl-1 echo
	has "$output" "flag '--detach-keys'"
	in_background attach --sig-proxy=false --no-stdin echo
	wait_until 10 attached_to echo
	signal_run INT
	ends_with 130
	state_is echo running
}

@test "attach on a terminal begins with how it is left; elsewhere it says nothing" {
	compose <<-END
	services:
	  shell: {image: busybox, command: [sh], tty: true, stdin_open: true}
	  plain: {image: busybox, command: [sh, -c, "trap 'exit 5' TERM; while :; do echo on; sleep 0.05; done"]}
	END
	up
	run -0 on_terminal 'expect=Attached to '"$PROJECT-shell-1. ctrl-p ctrl-q lets go of it" 'type=\x10\x11' -- "$DAVIT" attach shell
	run -0 on_terminal 'expect=. a b lets go of it' 'type=ab' -- "$DAVIT" attach --detach-keys a,b shell
	run -130 on_terminal 'expect=. Ctrl-C lets go of it' 'expect=on' 'type=\x03' -- "$DAVIT" attach --sig-proxy=false plain
	state_is plain running
	run -5 on_terminal 'expect=. Ctrl-C reaches it; with --sig-proxy=false' 'expect=on' signal=TERM -- "$DAVIT" attach plain
	davit start plain 2>/dev/null
	"$DAVIT" attach plain >out 2>err 3>&- </dev/null &
	wait_until 10 grep -q on out
	davit kill plain 2>/dev/null
	not wait $!
	is "$(cat err)" ""
}

@test "attach: whoever of davit's dies, the terminal and the standard input stay; who is attached notices nothing" {
	compose <<-END
	services:
	  echo: {image: busybox, stdin_open: true, init: true, command: [sh, -c, 'while read l; do echo "got \$\$l"; [ "\$\$l" != end ] || exit 7; done']}
	  shell: {image: busybox, tty: true, stdin_open: true, command: [sh]}
	END
	up
	kill_supervisor
	run -0 on_terminal 'type=echo $((40+2))\r' 'expect=42' 'type=\x10\x11' -- "$DAVIT" attach shell
	kill -9 "$(keeper_pid)"
	wait_until 10 keeper_pid
	run -0 on_terminal 'type=echo $((40+3))\r' 'expect=43' 'type=\x10\x11' -- "$DAVIT" attach shell
	mkfifo typed
	davit attach echo <typed >out 2>said &
	pid=$!
	exec 4>typed
	echo one >&4
	wait_until 10 printed "got one"
	kill_supervisor
	echo two >&4
	wait_until 10 printed "got two"
	kill_both
	echo three >&4
	wait_until 20 printed "got three"    # who is attached starts another supervisor
	echo end >&4
	exec 4>&-
	ends_with 7
}

@test "attach: a supervisor that is still taking over hands out the terminal when it has it" {
	compose <<<'services: {shell: {image: busybox, tty: true, stdin_open: true, command: [sh]}}'
	up
	exec 4<"$DAVIT_STATE_DIR/networks/.lock"
	flock 4                              # it looks into the book of addresses first, and waits for that for 2 s
	kill_supervisor
	run -0 on_terminal 'type=echo $((40+2))\r' 'expect=42' 'type=\x10\x11' -- "$DAVIT" attach shell 4<&-
	exec 4<&-
}

attached_to() { ls -l "/proc/$(davit_pid)/fd" | grep -q "logs/$1-1"; }

# seen_by_nobody: the one container of the service runs, though the command that asked for it is gone
@test "run: its command is killed: the container runs on, and is removed when it ends" {
	compose <<-END
	services:
	  tool: {image: busybox}
	END
	in_background run --rm -T tool sh -c 'echo ready; while [ ! -e /end ]; do sleep 0.05; done'
	wait_until 10 printed ready
	kill -9 "$(davit_pid)"
	wait "$pid" || :
	is "$(runs tool)" 1
	kill_supervisor
	is "$(davit ps -a --format '{{.State}}')" running
	davit exec tool touch /end
	wait_until 15 no_leaks
}

@test "run: a supervisor is killed meanwhile: not a byte is lost, not even the status, and --rm holds" {
	compose <<-END
	services:
	  tool: {image: busybox}
	END
	in_background run --rm -T tool sh -c 'n=0; while [ $n -lt 40 ]; do echo line $n; n=$((n+1)); sleep 0.03; done; exit 11'
	wait_until 10 printed "line 3"
	kill_supervisor
	wait_until 10 printed "line 15"
	kill_supervisor
	ends_with 11
	is "$(cat out)" "$(for i in {0..39}; do echo "line $i"; done)"
	wait_until 15 no_leaks
}

@test "run: Ctrl-C while it waits for what it needs: it is not made" {
	compose <<-END
	services:
	  tool: {image: busybox, depends_on: {db: {condition: service_healthy}}}
	  db: {image: busybox, command: [sleep, inf], healthcheck: {test: "false", start_period: 1h, start_interval: 100ms}}
	END
	in_background run --rm -T tool echo never
	wait_until 10 waits_for_db
	signal_run INT
	ends_with 130
	wait_until 5 no_runs tool
	is "$(cat out)" ""
	state_is db running
	davit run -d --no-deps tool true     # nothing is in its way
}

waits_for_db() { grep -q "db-1.*Waiting" said; }

@test "run: supervisor and command are killed at every step: the container is listed or gone, never made twice" {
	compose <<-END
	services:
	  tool: {image: busybox, volumes: [".:/here"], command: [sh, -c, 'echo once >>/here/made; sleep 30']}
	END
	for line in 1 2 3 4 5 6 7 8; do
		rm -f made
		in_background run --rm -T tool
		kill_at "$line" "$(davit_pid)"
		((line % 2)) || kill -9 "$(davit_pid)" 2>/dev/null || :
		wait_until 10 settled
		[ ! -e made ] || is "$(wc -l <made)" 1
		davit down -t 0
		wait "$pid" || :
		wait_until 2 no_leaks
	done
	((killed > 0))
}

# It runs and is listed, or there is none and nothing is left.
settled() {
	davit ps -a --format '{{.State}}' >states || return 1
	if [ "$(cat states)" = running ]; then [ -e made ]; else is_gone "$pid" && no_leaks; fi
}

@test "--dry-run run: what it would bring up and make, and nothing is" {
	compose <<-END
	services:
	  web: {image: busybox, depends_on: [db]}
	  db: {image: busybox, command: [sleep, inf]}
	END
	run -0 davit --dry-run run --rm web true
	has "$output" "DRY-RUN"
	has "$output" "$PROJECT-db-1"
	has "$output" "$PROJECT-web-run"
	nothing_begun
	run -0 davit --dry-run run --no-deps --name mine web true
	has "$output" mine
	lacks "$output" "$PROJECT-db-1"
	nothing_begun
}

@test "a mistake in the flags of run is told before anything is brought up for it" {
	compose <<-END
	services:
	  db: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	  web: {image: busybox, depends_on: [db]}
	END
	run -1 davit run --rm --env-from-file nowhere web true
	has "$output" "there is no file 'nowhere'"
	is "$(davit ps -aq)" ""
}
