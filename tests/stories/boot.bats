# The host goes down and comes up again: what ran is brought back, in its order.
load ../lib

stack() {
	compose <<-END
		services:
		  db:
		    image: busybox
		    command: sh -c 'trap "echo db stops; exit 0" TERM; echo db starts; sleep 0.3; touch /tmp/ready; while :; do sleep 0.05; done'
		    healthcheck: {test: test -e /tmp/ready, interval: 100ms}
		  job:
		    image: busybox
		    command: sh -c 'echo job runs'
		    depends_on: {db: {condition: service_healthy}}
		  web:
		    image: busybox
		    command: sh -c 'trap "echo web stops; exit 0" TERM; echo web starts; while :; do sleep 0.05; done'
		    restart: always
		    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
		  idle: {image: busybox, command: sleep 1000000, init: true, restart: unless-stopped}
		  ended: {image: busybox, command: sh -c 'exit 3'}
	END
}

# What a power cut leaves: no process, no mount, no file below the run directory.
power_cut() {
	local groups pid
	kill_both
	cgroup_processes | xargs -r kill -9 2>/dev/null || :        # an init takes its children along
	wait_until 5 nothing_runs
	awk -v run="$DAVIT_RUN_DIR/" 'index($5, run) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l
	rm -rf "$DAVIT_RUN_DIR"
}
nothing_runs() { [ -z "$(cgroup_processes)" ]; }

# times_of SERVICE TEXT: when it was said, comparable as text
times_of() { davit logs -t --no-log-prefix --no-color "$1" 2>&1 | sed -n "s/ $2\$//p"; }
came_before() { [[ "$(times_of "$1" "$2" | tail -n 1)" < "$(times_of "$3" "$4" | tail -n 1)" ]]; }

@test "shutdown stops in order, and boot brings back what ran" {
	stack
	up
	davit stop idle
	wait_until 5 state_is ended exited
	davit shutdown
	[ -z "$(cgroup_processes)" ]
	wait_until 5 no_keeper
	came_before web 'web stops' db 'db stops'

	davit boot
	state_is db running
	state_is web running
	health_is db healthy
	state_is idle exited
	state_is ended exited
	is "$(log_count job 'job runs')" 1
	is "$(log_count web 'web starts')" 2
	came_before db 'db starts' web 'web starts'
}
no_keeper() { ! pgrep -f "davit-keeper $DAVIT_RUN_DIR/"; }

@test "after a power cut, boot brings back what ran, in order, before any policy" {
	stack
	up
	davit stop idle
	wait_until 5 state_is ended exited
	power_cut
	davit boot
	state_is db running
	state_is web running
	state_is idle exited
	state_is ended exited
	is "$(log_count job 'job runs')" 1
	is "$(log_count web 'web starts')" 2
	health_is db healthy
}

@test "a job that the power cut interrupted is run again, and who waits for it waits" {
	compose <<-END
		services:
		  job:
		    image: busybox
		    command: sh -c 'echo job runs; sleep 0.5; [ -e /v/go ] || sleep 1000000; echo job is done'
		    volumes: ["v:/v"]
		    stop_grace_period: 0s
		  web:
		    image: busybox
		    command: sh -c 'echo web starts; sleep 1000000'
		    init: true
		    depends_on: {job: {condition: service_completed_successfully}}
		volumes: {v: }
	END
	"$DAVIT" up -d >/run/up-$BATS_TEST_NUMBER 2>&1 &
	wait_until 10 log_has job 'job runs'
	kill -9 $!
	power_cut
	touch "$DAVIT_STATE_DIR/volumes/${PROJECT}_v/_data/go"
	davit boot
	state_is web running
	is "$(log_count job 'job runs')" 2
	came_before job 'job is done' web 'web starts'
}

@test "boot of what cannot come up says so, and the others come up" {
	compose <<-END
		services:
		  bad: {image: busybox, command: sleep 1000000, init: true, volumes: ["./there:/there"]}
		  good: {image: busybox, command: sleep 1000000, init: true}
		  after: {image: busybox, command: sleep 1000000, init: true, depends_on: [bad]}
	END
	mkdir there
	up
	davit shutdown
	rmdir there
	ln -s /nonexistent there
	run -1 --separate-stderr davit boot
	has "$stderr" "bad"
	state_is good running
	state_is bad exited || state_is bad created
}

@test "nobody is started twice by a boot that is asked for again" {
	stack
	up
	davit boot
	davit boot
	is "$(log_count web 'web starts')" 1
	is "$(log_count job 'job runs')" 1
}

@test "a service manager that waits for readiness hears of it, and the containers do not" {
	compose <<-END
		services:
		  web: {image: busybox, command: sleep 1000000, init: true}
	END
	up
	davit shutdown
	python3 -c 'import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("notify"); s.settimeout(50)
while True:
    print(s.recv(4096).decode(), flush=True)' >said 2>/dev/null &
	KEPT_PROCESSES=$!
	wait_until 5 test -S notify
	NOTIFY_SOCKET=$PWD/notify davit boot
	wait_until 5 grep -q '^READY=1$' said
	state_is web running
}

@test "without boot, policies bring back after a power cut what they are for" {
	stack
	up
	power_cut
	davit stop ended         # any command that needs a supervisor
	wait_until 10 state_is idle running
	state_is db exited
	state_is ended exited
}

@test "where systemd does not run, enable says what to have called, with the places that this project is kept in" {
	refused 1 "systemd does not run" "--state-dir $DAVIT_STATE_DIR --run-dir $DAVIT_RUN_DIR -p $PROJECT boot" -- davit -p "$PROJECT" enable
}
