# The supervisor is killed at each step of `up` and of `down`: the step is a line of its journal. What was begun is finished.
load ../lib

stack() {
	compose <<-END
	services:
	  job: {image: busybox, command: [echo, done]}
	  srv:
	    image: busybox
	    restart: always
	    command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 8080"]
	    ports: ["127.0.0.1:8075:8080"]
	    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/"], interval: 2s}
	  web:
	    image: busybox
	    command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]
	    depends_on: {srv: {condition: service_healthy}}
	END
}

# begin COMMAND...: in the background, as $begun
begin() {
	timeout 60 "$DAVIT" "$@" >shown 2>&1 3>&- &
	begun=$!
}

@test "the supervisor is killed at every second step of up: up ends well all the same" {
	stack
	local line
	for line in 1 3 5 7 9 11 13 15 17 19 21 23; do
		begin up -d
		kill_at "$line" "$begun"
		wait "$begun" || fail "killed at line $line: up: $(cat shown)"
		wait_until 10 state_is job exited
		is "$(ps_field srv State) $(ps_field srv Health) $(ps_field web State) $(ps_field job ExitCode)" "running healthy running 0"
		davit down -t 0
		wait_until 5 no_leaks
	done
	((killed >= 8)) || fail "only $killed of 12 were killed"
}

@test "a supervisor that is killed between the project's end and its own has no successor" {
	compose <<<'services: {job: {image: busybox, command: "true", network_mode: none}}'
	up
	wait_until 5 state_is job exited
	local keeper
	keeper=$(keeper_pid)
	kill -STOP "$keeper"
	kill -9 "$(supervisor_pid)"
	umount "$DAVIT_RUN_DIR/projects/$PROJECT"/{rootfs,netns}/*
	find /sys/fs/cgroup -depth -type d -path "*/davit/$PROJECT*" -exec rmdir {} +
	mv "$DAVIT_STATE_DIR/projects/$PROJECT" "$DAVIT_STATE_DIR/projects/.gone-1"
	mv "$DAVIT_RUN_DIR/projects/$PROJECT" "$DAVIT_RUN_DIR/projects/.gone-1"
	kill -CONT "$keeper"
	wait_until 4 eval '! keeper_pid'     # a supervisor that has nothing to do stays 5 s
	nothing_begun
	is "$(ls -A "$DAVIT_RUN_DIR/projects")" ""
}

@test "the supervisor is killed at every second step of down: down ends well and leaves nothing" {
	stack
	local line before victim
	for line in 1 3 5 7 9 11; do
		up
		before=$(journal_lines) victim=$(supervisor_pid) || :
		begin down -t 0
		kill_at $((before + line)) "$begun" "$victim"
		wait "$begun" || fail "killed at step $line: down: $(cat shown)"
		wait_until 5 no_leaks
	done
	((killed >= 3)) || fail "only $killed of 6 were killed"
}

# ask NAME PID: queries for NAME, one after the other, in the namespace of PID, until there is a file "enough"; prints how many failed.
# Each may take as long as resolvers wait. The file "answers" grows by a byte with each that was answered.
ask() {
	python3 - "$@" <<-'END'
	import ctypes, os, socket, sys
	name, pid = sys.argv[1].encode(), sys.argv[2]
	if ctypes.CDLL(None).setns(os.open("/proc/%s/ns/net" % pid, os.O_RDONLY), 0):
	    sys.exit("no way into the namespace")
	query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + bytes([len(name)]) + name + b"\0\0\x01\0\x01"
	asked = failed = 0
	answers = open("answers", "wb", 0)
	while not os.path.exists("enough"):
	    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
	        s.settimeout(5)
	        try:
	            s.connect(("127.0.0.11", 53))
	            s.send(query)
	            failed += s.recv(512)[3] & 15 != 0
	            answers.write(b".")
	        except OSError:
	            failed += 1
	    asked += 1
	print("%d of %d" % (failed, asked) if failed else "none failed")
	END
}

@test "the supervisor is killed again and again: not one question for a name fails" {
	stack
	up
	local i before
	ask web "$(pid_of web)" >asked 2>&1 3>&- &
	replaced() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$before" ]; }
	answered() { [ "$(stat -c %s answers 2>/dev/null)" -ge "$1" ]; }
	wait_until 10 answered 1
	for i in 1 2 3 4 5; do
		before=$(supervisor_pid)
		kill -9 "$before"
		wait_until 5 replaced
		wait_until 10 answered $(($(stat -c %s answers) + 20))
	done
	touch enough
	wait
	is "$(cat asked)" "none failed"
}

@test "the keeper alone is killed: a terminal stays open, ports stay taken, a new keeper is there" {
	compose <<-END
	services:
	  tty: {image: busybox, tty: true, command: ["sh", "-c", "trap 'echo hung up; exit 1' HUP; while :; do sleep 0.1; done"]}
	  web: {image: busybox, ports: ["127.0.0.1:8076:80"], command: ["sh", "-c", "exec httpd -f -p 80"]}
	END
	up
	local keeper pid
	keeper=$(pgrep -f "davit-keeper .*--supervise $PROJECT ") pid=$(pid_of tty)
	kill -9 "$keeper"
	another() { local now; now=$(pgrep -f "davit-keeper .*--supervise $PROJECT ") && [ "$now" != "$keeper" ] && [ -n "$(supervisor_pid)" ]; }
	wait_until 5 another
	up
	is "$(pid_of tty)" "$pid"
	is "$(ps_field tty State)" running
	not log_has tty 'hung up'
	refuses_port() { ! timeout 1 nc -l 127.0.0.1 8076 </dev/null 2>/dev/null; }
	refuses_port
}
