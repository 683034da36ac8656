# Killed for want of memory: init, a child, in the gap between two supervisors; under every runtime there is.
load ../lib

hungry() {
	compose <<-END
	services:
	  init: {image: busybox, command: [tail, /dev/zero], mem_limit: 16m, runtime: "$1", restart: "on-failure:1"}
	  child: {image: busybox, command: ["sh", "-c", "tail /dev/zero; echo got \$\$?; exec sleep inf"], mem_limit: 16m, runtime: "$1"}
	  fed: {image: busybox, command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"], mem_limit: 16m, runtime: "$1"}
	END
}

# told SERVICE ACTION [ATTRIBUTE]: of each such event, that attribute or the action
told() { davit events --json --since 0 --until 0s "$1" | jq -r --arg a "$2" --arg n "${3:-}" 'select(.action == $a) | if $n == "" then .action else .attributes[$n] end'; }

@test "init or a child: who it was, that it was, and what came of it" {
	local runtime
	for runtime in crun runc; do
		hungry "$runtime"
		up
		twice() { [ "$(told init die oom | grep -c true)" = 2 ]; }
		wait_until 10 twice      # between the two it has exited, too, for a moment
		wait_until 10 state_is init exited
		wait_until 10 log_has child "got 137"
		child_told() { [ "$(told child oom)" = oom ]; }
		wait_until 10 child_told
		is "$(told init oom process)" "tail
tail"
		is "$(told init die oom)" "true
true"
		is "$(told child oom process)" tail
		(($(told child oom anonRssKiB) > 8000)) || fail "figures: $(davit events --since 0 --until 0s child)"
		is "$(davit events --json --since 0 --until 0s init | jq -r .action | grep -v backoff | tr '\n' ' ')" "create start oom die start oom die "
		is "$(ps_field init OOMKilled) $(ps_field init ExitCode) $(ps_field init Reason)" "true 137 out of memory"
		has "$(ps_field init Status)" "Exited (137)"
		has "$(ps_field init Status)" "(out of memory)"
		is "$(ps_field child State) $(ps_field child OOMKilled)" "running false"
		davit kill -s KILL fed child
		wait_until 5 state_is fed exited
		is "$(ps_field fed OOMKilled) $(ps_field fed Reason)" "false killed by 'davit kill'"
		is "$(ps_field child OOMKilled)" false
		is "$(told fed oom)$(told fed die oom)" null
		davit down -t 0
		wait_until 5 no_leaks
	done
}

@test "up in the foreground says why" {
	compose <<-END
	services:
	  init: {image: busybox, command: [tail, /dev/zero], mem_limit: 16m}
	END
	run davit up
	has "$output" "init-1 exited with code 137 (out of memory)"
}

another_supervisor() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$1" ]; }

@test "what the kernel did while no supervisor was there is told by the next one, once" {
	compose <<-END
	services:
	  init: {image: busybox, command: ["sh", "-c", "until [ -e /go/init ]; do sleep 0.05; done; exec tail /dev/zero"], mem_limit: 16m, volumes: [".:/go"]}
	  child: {image: busybox, command: ["sh", "-c", "until [ -e /go/child ]; do sleep 0.05; done; tail /dev/zero; touch /go/done; exec sleep inf"], mem_limit: 16m, volumes: [".:/go"]}
	END
	up
	local before i
	before=$(supervisor_pid)
	kill -STOP "$before"
	touch init child
	wait_until 10 test -e done
	wait_until 10 grep -q " 137 " "$DAVIT_RUN_DIR/projects/$PROJECT/exits"
	kill -9 "$before"
	wait_until 10 state_is init exited
	for i in 1 2; do
		before=$(supervisor_pid)
		kill -9 "$before"
		wait_until 5 another_supervisor "$before"
	done
	wait_until 5 davit up -d --no-recreate --no-start
	is "$(told init oom) $(told init oom process) $(told init die oom)" "oom tail true"
	is "$(told child oom) $(told child oom process)" "oom tail"
	is "$(ps_field init OOMKilled)" true
}

@test "children that are killed without end neither flood the history nor busy the supervisor" {
	compose <<-END
	services:
	  many: {image: busybox, command: ["sh", "-c", "i=0; while [ \$\$i -lt 60 ]; do tail /dev/zero; i=\$\$((i+1)); done; echo done; exec sleep inf"], mem_limit: 16m}
	END
	up
	wait_until 60 log_has many done
	all_counted() { local group; group=$(find /sys/fs/cgroup -path "*/davit/$PROJECT/many-1/memory.oom_control" -o -path "*/davit/$PROJECT/many-1/memory.events"); [ "$(awk '$1 == "oom_kill" {print $2}' $group)" -ge 60 ]; }
	wait_until 5 all_counted
	wait_until 5 bash -c "grep -q '\"ooms\":6' $DAVIT_STATE_DIR/projects/$PROJECT/journal"
	n=$(told many oom | wc -l)
	((n >= 8 && n <= 61)) || fail "$n events"
}
