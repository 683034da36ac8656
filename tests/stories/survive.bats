# The survival table, one test a row: the supervisor, the keeper, or both at once are killed under everything that may notice.
load ../lib

pid_changes() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

# No pidfd of a supervisor that was killed helps here: what is not the keeper's child ended as the kernel says, since Linux 6.15.
kernel_tells() { printf '6.15\n%s\n' "$(uname -r)" | sort -CV; }

stack() {
	mkdir shared
	compose <<-END
	x-it: &it {image: busybox, init: false, volumes: ["./shared:/shared"]}
	services:
	  web:    {<<: *it, command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 80"], ports: ["127.0.0.1:8091:80"]}
	  echo:   {<<: *it, command: [nc, -ll, -p, "7", -e, cat], ports: ["127.0.0.1:8092:7"]}
	  writer: {<<: *it, command: ["sh", "-c", "while [ ! -e /shared/write ]; do sleep 0.02; done; exec seq 1 300000"]}
	  ends:   {<<: *it, command: ["sh", "-c", "while [ ! -e /shared/end ]; do sleep 0.02; done; echo last words; exit 42"]}
	  later:  {<<: *it, command: ["sh", "-c", "while [ ! -e /shared/later ]; do sleep 0.02; done; exit 43"]}
	  again:  {<<: *it, command: [sleep, inf], restart: always}
	  hurt:   {<<: *it, command: [sleep, inf], restart: "on-failure"}
	END
	up
	answers() { [ "$(curl -sf http://127.0.0.1:8091/)" = hello ]; }
	wait_until 5 answers
	connects() { exec 9<>/dev/tcp/127.0.0.1/8092; } 2>/dev/null
	wait_until 5 connects
	connects
	echoes before
	declare -gA pids
	local s
	for s in web echo ends later again hurt; do pids[$s]=$(pid_of $s); done
}

# On the one connection that was opened before.
echoes() {
	local back
	echo "$1" >&9
	read -r -t 5 back <&9
	is "$back" "$1"
}

new_supervisor() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$1" ] && [ -n "$(keeper_pid)" ]; }

# What holds in every row, once somebody has taken over.
all_is_well() {
	is "$(pid_of web) $(pid_of echo)" "${pids[web]} ${pids[echo]}"
	echoes after
	is "$(curl -sf http://127.0.0.1:8091/)" hello
	named() { [ "$(sh_in web 'wget -q -O - http://web/')" = hello ]; }
	wait_until 10 named
	wait_until 20 log_has writer '^300000$'
	is "$(davit logs --no-log-prefix writer | sha256sum)" "$(seq 1 300000 | sha256sum)"
	wait_until 5 state_is writer exited
	wait_until 5 pid_changes again "${pids[again]}"
	wait_until 5 pid_changes hurt "${pids[hurt]}"
	exec 9>&-
}

# Ends of containers in the gap, while nobody looks.
in_the_gap() {
	touch shared/write shared/end
	kill -9 "${pids[again]}" "${pids[hurt]}"
	wait_until 5 has_ended ends
}

has_ended() { ! kill -0 "${pids[$1]}" 2>/dev/null || grep -q '^State:.*Z' "/proc/${pids[$1]}/status"; }

@test "the supervisor is killed" {
	stack
	local supervisor
	supervisor=$(supervisor_pid)
	kill -STOP "$(keeper_pid)"           # or the gap is over before anything can end in it
	kill -9 "$supervisor"
	is "$(davit ps 2>&1 >/dev/null)" ""  # its keeper brings up another
	echoes during
	in_the_gap
	kill -CONT "$(keeper_pid)"
	wait_until 5 new_supervisor "$supervisor"
	all_is_well
	wait_until 5 state_is ends exited
	is "$(ps_field ends ExitCode) $(ps_field writer ExitCode)" "42 0"
	log_has ends 'last words'
}

@test "the keeper is killed" {
	stack
	local supervisor keeper
	supervisor=$(supervisor_pid) keeper=$(keeper_pid)
	kill -9 "$keeper"
	echoes during
	in_the_gap
	another() { local now; now=$(keeper_pid) && [ "$now" != "$keeper" ]; }
	wait_until 5 another
	# and a container that is nobody's child of ours ends while there is no supervisor
	wait_until 5 new_supervisor ""
	supervisor=$(supervisor_pid)
	kill -STOP "$(keeper_pid)"
	kill -9 "$supervisor"
	touch shared/later
	wait_until 5 has_ended later
	kill -CONT "$(keeper_pid)"
	wait_until 5 new_supervisor "$supervisor"
	all_is_well
	wait_until 5 state_is ends exited
	wait_until 5 state_is later exited
	! kernel_tells || is "$(ps_field ends ExitCode) $(ps_field later ExitCode) $(ps_field writer ExitCode)" "42 43 0"
	log_has ends 'last words'
}

@test "both are killed at once" {
	stack
	kill_both
	echoes during
	is "$(curl -sf http://127.0.0.1:8091/)" hello
	in_the_gap
	has "$(davit ps -a ends)" "Exited (unknown)"
	run -0 --separate-stderr davit ps --format json web
	is "$(wc -l <<<"$stderr")" 1
	has "$stderr" "nobody supervises project '$PROJECT': health is not probed, nothing is logged or restarted; any command that acts"
	is "$(jq -r .State <<<"$output")" running
	run --separate-stderr timeout 1 "$DAVIT" logs -f -n 1 web
	has "$stderr" "nobody supervises"
	davit kill -s CONT web               # any command that acts brings a keeper and a supervisor
	[ -n "$(keeper_pid)" ]
	[ -n "$(supervisor_pid)" ]
	is "$(davit ps 2>&1 >/dev/null)" ""
	touch shared/later
	all_is_well
	wait_until 5 state_is ends exited
	is "$(ps_field ends ExitCode)" -1
	has "$(davit ps -a ends)" "Exited (unknown)"
	wait_until 5 state_is later exited
	! kernel_tells || is "$(ps_field later ExitCode)" 43
}
