# A request that ends one supervisor after another (the runtime kills it: tests/fake/crun-faulty) is given up; what runs is looked after.
load ../lib

setup_faults() {
	export DAVIT_RUNTIME=${BATS_TEST_DIRNAME%/*}/fake/crun-faulty
	rm -rf /run/faults
	mkdir -p /run/faults
}

fault() { echo "$2" >"/run/faults/$1"; }
killings() { grep -c assassin /run/faults/calls || :; }
new_pid() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
# The same supervisor answers, and goes on doing so.
stays() { local now; now=$(supervisor_pid) && davit ps >/dev/null && [ "$now" = "$(supervisor_pid)" ]; }

@test "an up that kills each supervisor is given up after three and undone; the rest is looked after; the next up is as any other" {
	setup_faults
	compose <<<'services: {good: {image: busybox, command: [sleep, inf], restart: always, deploy: {restart_policy: {delay: 0s}}}}'
	up
	local pid
	pid=$(pid_of good)
	compose <<-END
	services:
	  good: {image: busybox, command: [sleep, inf], restart: always, deploy: {restart_policy: {delay: 0s}}}
	  bad: {image: busybox, command: [sleep, inf]}
	END
	fault create.bad-1 assassin
	run -1 davit up -d
	has "$output" "the supervisor was killed 3 times while it was at 'up': that is given up"
	is "$(killings)" 3
	is "$(pid_of good)" "$pid"
	is "$(davit ps -a --format '{{.Service}}')" good
	stays
	kill -9 "$pid"
	wait_until 10 new_pid good "$pid"
	run -1 davit doctor
	has "$output" "the supervisor was killed 3 times"
	has "$(davit events --since 1h --until 0s)" "supervisor gave_up"
	has "$(davit history)" "the supervisor was killed 3 times"
	has "$(cat "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log")" "that is given up"
	rm /run/faults/create.bad-1
	up
	is "$(ps_field bad State)" running
	is "$(davit doctor)" "nothing amiss"
}

@test "a way back that kills each supervisor is given up, too: what there is stays, and is there for the next up" {
	setup_faults
	compose <<-END
	services:
	  good: {image: busybox, command: [sleep, inf]}
	  job: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	END
	up
	local pid
	pid=$(pid_of good)
	compose <<-END
	services:
	  good: {image: busybox, command: [sleep, inf]}
	  job: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, environment: {V: "2"}}
	END
	fault create.job-1 assassin
	run -1 davit up -d
	given_up() { run davit doctor; has "$output" "while it was undoing that: it is given up"; }
	wait_until 20 given_up               # the command may have lost patience with so many supervisors before
	is "$(killings)" 6
	is "$(pid_of good)" "$pid"
	stays
	rm /run/faults/create.job-1
	up
	is "$(ps_field job State) $(sh_in job 'echo $V')" "running 2"
	is "$(davit doctor)" "nothing amiss"
}

@test "an up of a new project that kills each supervisor leaves nothing" {
	setup_faults
	compose <<<'services: {bad: {image: busybox, command: [sleep, inf]}}'
	fault create.bad-1 assassin
	run -1 davit up -d
	has "$output" "that is given up"
	wait_until 10 no_leaks
}

@test "a supervisor that is killed at each step is not the request's doing: as long as something is done, it goes on" {
	setup_faults
	compose <<-END
	services:
	  a: {image: busybox, command: [sleep, inf]}
	  b: {image: busybox, command: [sleep, inf], depends_on: [a]}
	  c: {image: busybox, command: [sleep, inf], depends_on: [b]}
	  d: {image: busybox, command: [sleep, inf], depends_on: [c]}
	  e: {image: busybox, command: [sleep, inf], depends_on: [d]}
	END
	local s
	for s in a b c d e; do fault start.$s-1.once assassin; done
	davit up -d
	is "$(killings)" 5
	for s in a b c d e; do wait_until 10 state_is $s running; done    # a start that was under way is finished by who takes over
	is "$(davit doctor)" "nothing amiss"
}
