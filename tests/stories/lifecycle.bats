# Starting in order, staying up, stopping.
load ../lib

pid_changes() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

@test "restart policies: always, unless-stopped, on-failure, no" {
	compose <<-END
	services:
	  always:  {image: busybox, command: [sleep, inf], restart: always}
	  unless:  {image: busybox, command: [sleep, inf], restart: unless-stopped}
	  failure: {image: busybox, command: [sleep, inf], restart: on-failure}
	  never:   {image: busybox, command: [sleep, inf]}
	  fine:    {image: busybox, command: ["true"], restart: on-failure}
	  thrice:  {image: busybox, command: ["false"], restart: "on-failure:3"}
	END
	up
	local a u f n
	a=$(pid_of always) u=$(pid_of unless) f=$(pid_of failure) n=$(pid_of never)
	kill -9 "$a" "$u" "$f" "$n"
	wait_until 5 pid_changes always "$a"
	wait_until 5 pid_changes unless "$u"
	wait_until 5 pid_changes failure "$f"
	wait_until 5 state_is never exited
	is "$(ps_field never ExitCode)" 137
	wait_until 5 state_is fine exited
	wait_until 5 state_is thrice exited
	is "$(ps_field thrice ExitCode)" 1
}

@test "what dies at once is restarted with growing pauses" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "cut -d ' ' -f 1 /proc/uptime; exit 3"], restart: always}
	END
	up
	starts() { [ "$(davit logs --no-log-prefix one | wc -l)" -ge "$1" ]; }
	wait_until 10 starts 5
	# the pauses are 100, 200, 400, 800 ms at least
	davit logs --no-log-prefix one | awk 'NR > 1 { if ($1 - last < 0.09 * 2 ^ (NR - 2)) { print NR, $1 - last; bad = 1 } }
		{ last = $1 } NR == 5 { exit } END { exit bad }'
	davit stop -t 0
	is "$(ps_field one State)" exited
}

@test "a stopped service stays stopped" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], restart: always}
	END
	up
	davit stop -t 0 one
	is "$(ps_field one State)" exited
	kill -9 "$(supervisor_pid)"
	wait_until 5 supervisor_pid
	is "$(ps_field one State)" exited
	davit start one
	is "$(ps_field one State)" running
}

@test "depends_on: started, healthy, completed" {
	mkdir shared
	compose <<-END
	services:
	  job:
	    image: busybox
	    command: ["sh", "-c", "sleep 0.3; echo done >/shared/job"]
	    volumes: ["./shared:/shared"]
	  db:
	    image: busybox
	    command: ["sh", "-c", "sleep 0.3; echo up >/shared/db; exec sleep inf"]
	    volumes: ["./shared:/shared"]
	    healthcheck: {test: "test -e /shared/db", interval: 50ms, retries: 100}
	  web:
	    image: busybox
	    command: ["sh", "-c", "cat /shared/job /shared/db; exec sleep inf"]
	    volumes: ["./shared:/shared"]
	    depends_on:
	      job: {condition: service_completed_successfully}
	      db: {condition: service_healthy}
	  last:
	    image: busybox
	    command: [sleep, inf]
	    depends_on: [web]
	END
	up
	wait_until 5 log_has web up
	is "$(davit logs --no-log-prefix web)" "done
up"
	is "$(ps_field job State)" exited
}

@test "depends_on: a job that fails, a service that gets unhealthy: up fails and says whose fault it is" {
	compose <<-END
	services:
	  job: {image: busybox, command: ["sh", "-c", "exit 7"]}
	  web: {image: busybox, command: [sleep, inf], depends_on: {job: {condition: service_completed_successfully}}}
	END
	run davit up -d
	is "$status" 1
	has "$output" job
	has "$output" 7
	davit down -t 0
	compose <<-END
	services:
	  db: {image: busybox, command: [sleep, inf], healthcheck: {test: "exit 1", interval: 50ms, retries: 2}}
	  web: {image: busybox, command: [sleep, inf], depends_on: {db: {condition: service_healthy}}}
	END
	run davit up -d
	is "$status" 1
	has "$output" db
	has "$output" unhealthy
}

@test "depends_on: required false and restart true" {
	compose <<-END
	services:
	  base: {image: busybox, command: [sleep, inf]}
	  web:
	    image: busybox
	    command: [sleep, inf]
	    depends_on: {base: {condition: service_started, restart: true}}
	  loose:
	    image: busybox
	    command: [sleep, inf]
	    depends_on: {elsewhere: {condition: service_started, required: false}}
	  elsewhere: {image: busybox, command: [sleep, inf], profiles: [not-now]}
	END
	up
	local before
	before=$(pid_of web)
	davit restart -t 0 base
	wait_until 5 pid_changes web "$before"
	is "$(ps_field loose State)" running
}

@test "a dependency that is not required and fails is a warning; one that another requires, or --wait, is an error" {
	compose <<-END
	services:
	  sick: {image: busybox, command: [sleep, inf], healthcheck: {test: "exit 1", interval: 50ms, retries: 1}}
	  job: {image: busybox, command: ["sh", "-c", "exit 3"]}
	  web:
	    image: busybox
	    command: [sleep, inf]
	    depends_on:
	      sick: {condition: service_healthy, required: false}
	      job: {condition: service_completed_successfully, required: false}
	END
	run -0 davit up -d
	has "$output" "container '$PROJECT-sick-1' is unhealthy"
	has "$output" "service 'job' didn't complete successfully: exit 3"
	lacks "$output" error:
	is "$(ps_field web State)" running
	run -1 davit up -d --wait
	has "$output" "error: service 'sick'"
	cat >>compose.yaml <<-END
	  strict: {image: busybox, command: [sleep, inf], depends_on: {sick: {condition: service_healthy}}}
	END
	run -1 davit up -d
	has "$output" "error: service 'sick'"
}

@test "healthcheck: starting, healthy, unhealthy; what it said is kept" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    healthcheck: {test: ["CMD-SHELL", "test -e /tmp/good"], interval: 50ms, timeout: 2s, retries: 2, start_period: 60s, start_interval: 50ms}
	END
	up
	is "$(ps_field one Health)" starting
	sh_in one 'touch /tmp/good'
	wait_until 5 health_is one healthy
	sh_in one 'rm /tmp/good'
	wait_until 5 health_is one unhealthy
	has "$(davit ps)" "(unhealthy)"
	sh_in one 'touch /tmp/good'
	wait_until 5 health_is one healthy
}

@test "a health check that hangs is ended by its timeout" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    healthcheck: {test: ["CMD", "sleep", "7654"], interval: 50ms, timeout: 200ms, retries: 2}
	END
	up
	wait_until 10 health_is one unhealthy
	davit stop -t 0
	[ -z "$(pgrep -f 'sleep 7654')" ]
}

@test "up --wait" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "sleep 0.3; touch /tmp/good; exec sleep inf"]
	    healthcheck: {test: "test -e /tmp/good", interval: 50ms, retries: 100}
	  two: {image: busybox, command: [sleep, inf]}
	END
	davit up --wait
	is "$(ps_field one Health)" healthy
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], healthcheck: {test: "exit 1", interval: 50ms, retries: 2}}
	END
	run davit up --wait --wait-timeout 20
	is "$status" 1
	has "$output" unhealthy
}

@test "stop: dependents first, each with its signal; the log says so" {
	mkdir shared
	compose <<-END
	x-one: &one
	  image: busybox
	  volumes: ["./shared:/shared"]
	  init: false
	services:
	  db:
	    <<: *one
	    command: ["sh", "-c", "trap 'echo db >>/shared/order; exit 0' TERM; echo ready; while :; do sleep 0.02; done"]
	  app:
	    <<: *one
	    command: ["sh", "-c", "trap 'sleep 0.2; echo app >>/shared/order; exit 0' USR1; echo ready; while :; do sleep 0.02; done"]
	    stop_signal: SIGUSR1
	    depends_on: [db]
	  web:
	    <<: *one
	    command: ["sh", "-c", "trap 'sleep 0.2; echo web >>/shared/order; exit 0' TERM; echo ready; while :; do sleep 0.02; done"]
	    depends_on: [app]
	END
	up
	for s in db app web; do wait_until 5 log_has $s ready; done
	davit stop
	is "$(cat shared/order)" "web
app
db"
	is "$(ps_field app ExitCode)" 0
}

@test "stop: SIGKILL after the grace period" {
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done"], stop_grace_period: 300ms}
	END
	up
	wait_until 5 log_has one ready
	local began=${EPOCHREALTIME/./}
	davit stop
	local took=$(((${EPOCHREALTIME/./} - began) / 1000))
	[ $took -ge 300 ] && [ $took -lt 5000 ] || fail "it took $took ms"
	is "$(ps_field one ExitCode)" 137
}

@test "start, stop, restart keep the container and what it wrote" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: busybox, command: [sleep, inf]}
	END
	up
	sh_in one 'echo kept >/tmp/file'
	local two
	two=$(pid_of two)
	davit stop -t 0 one
	davit start one
	is "$(sh_in one 'cat /tmp/file')" kept
	davit restart -t 0 one
	is "$(sh_in one 'cat /tmp/file')" kept
	is "$(pid_of two)" "$two"
	run -1 davit stop nobody
	has "$output" "no such service"
}

@test "up again: nothing changes; a changed service is recreated, the others stay" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: busybox, command: [sleep, inf]}
	END
	up
	local one two
	one=$(pid_of one) two=$(pid_of two)
	up
	is "$(pid_of one) $(pid_of two)" "$one $two"
	sed -i 's/one: {/one: {environment: {A: b}, /' compose.yaml
	up -t 0
	is "$(sh_in one 'echo $A')" b
	is "$(pid_of two)" "$two"
	sed -i '/two:/d' compose.yaml
	up
	has "$output" orphan
	is "$(pid_of two)" "$two"
	export COMPOSE_IGNORE_ORPHANS=true
	up
	lacks "$output" orphan
	is "$(pid_of two)" "$two"
	export COMPOSE_REMOVE_ORPHANS=1
	up -t 0
	is "$(ps_field two State)" ""
	unset COMPOSE_IGNORE_ORPHANS COMPOSE_REMOVE_ORPHANS
}

@test "scale" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], deploy: {replicas: 2}}
	END
	up
	is "$(davit ps -q | wc -l)" 2
	up --scale one=3
	is "$(davit ps -q | wc -l)" 3
	up -t 0
	is "$(davit ps -q | wc -l)" 2
	is "$(davit exec -T --index 2 one hostname | wc -l)" 1
}

@test "profiles: only what is asked for" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  tool: {image: busybox, command: [sleep, inf], profiles: [debug]}
	END
	up
	is "$(ps_field tool State)" ""
	davit --profile debug up -d
	is "$(ps_field tool State)" running
	davit --profile debug down -t 0
}

@test "a kill is done when what it killed has ended; there may be nothing to kill, stop or restart" {
	local i
	compose <<-END
	services:
	  one: {image: busybox, init: true, command: sleep 1000, restart: always, scale: 3}
	END
	refused 0 "no container to kill" -- davit -p "$PROJECT" kill
	refused 0 "no container to stop" -- davit -p "$PROJECT" stop
	refused 0 "no container to restart" -- davit -p "$PROJECT" restart
	up
	for i in $(seq 10); do
		run -0 davit kill
		is "$(grep -c 'Killed' <<<"$output")" 3
		is "$(ps_field one 'State + " " + (.ExitCode | tostring)' | sort -u)" "exited 137"
		davit start 2>/dev/null
	done
}

# said COMMAND...: what it says of containers, sorted, without the project's name
said() { davit "$@" 2>&1 | sed -n "s/^ Container $PROJECT-\([^ ]*\)  /\1 /p" | sort | xargs; }

@test "what was created before is not created again, as far as anybody is told; what is stopped says so, whatever it did" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	END
	is "$(said create)" "one-1 Created one-1 Creating"
	is "$(said start)" "one-1 Started one-1 Starting"
	is "$(said stop)" "one-1 Stopped one-1 Stopping"
	is "$(said stop)" "one-1 Stopped one-1 Stopping"
	is "$(said down)" "one-1 Removed one-1 Removing one-1 Stopped one-1 Stopping"
	is "$(said up --no-start)" "one-1 Created one-1 Creating"
	kill_supervisor
	is "$(said up -d)" "one-1 Started one-1 Starting"
	davit down 2>/dev/null
	davit create 2>/dev/null
	is "$(said stop)" "one-1 Stopped one-1 Stopping"
	is "$(said down)" "one-1 Removed one-1 Removing one-1 Stopped one-1 Stopping"
	is "$(said create)" "one-1 Created one-1 Creating"
	is "$(said up -d --force-recreate)" "one-1 Created one-1 Creating one-1 Recreate one-1 Started one-1 Starting"
	is "$(said rm -sf)" "one-1 Removed one-1 Removing one-1 Stopped one-1 Stopping"
}

@test "a project that nobody knows, named with -p: who looks sees nothing, who stops has nothing to do" {
	local command
	for command in logs 'logs -f' top 'ps -q'; do
		run -0 --separate-stderr davit -p "$PROJECT-nobody" $command
		is "$output" ""
	done
	for command in stop restart kill pause down; do
		run -0 --separate-stderr davit -p "$PROJECT-nobody" $command
		is "$output" ""
		has "$stderr" "$PROJECT-nobody"
	done
	run -1 davit -p "$PROJECT-nobody" start
	has "$output" "no container to start"
	nothing_begun
}
