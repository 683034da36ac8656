# depends_on when nobody asks for a start: after an end, a crash of everything, or a boot.
load ../lib

pid_changes() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
says() { davit ps -a --format json "$1" | jq -r .Status | grep -q -- "$2"; }
runs_logged() { [ "$(davit logs --no-log-prefix "$1" | wc -l)" -ge "$2" ]; }

# What a power cut does: no process, mount or file below the run directory is left.
power_cut() {
	kill_both $(cgroup_processes)
	all_gone() { [ -z "$(cgroup_processes)" ]; }
	wait_until 5 all_gone
	awk -v run="$DAVIT_RUN_DIR/" 'index($5, run) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l
	rm -rf "$DAVIT_RUN_DIR"
}

# Each says when it begins; db is healthy when the file is there.
in_order() {
	mkdir -p shared
	compose <<-END
	x-it: &it {image: busybox, init: false, volumes: ["./shared:/shared"], restart: always}
	services:
	  job:
	    <<: *it
	    restart: "no"
	    command: ["sh", "-c", "echo job >>/shared/order"]
	  db:
	    <<: *it
	    command: ["sh", "-c", "echo db >>/shared/order; exec sleep inf"]
	    healthcheck: {test: "test -e /shared/good", interval: 50ms, retries: 100000}
	  app:
	    <<: *it
	    command: ["sh", "-c", "test -e /shared/good || echo too early >>/shared/order; echo app >>/shared/order; exec sleep inf"]
	    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
	  web:
	    <<: *it
	    command: ["sh", "-c", "echo web >>/shared/order; exec sleep inf"]
	    depends_on: [app]
	END
	"$DAVIT" up -d >shown 2>&1 3>&- &
	local upper=$!
	wait_until 10 grep -q db shared/order
	touch shared/good
	wait $upper || fail "up: $(cat shown)"
	all_began() { [ "$(sort shared/order | tr '\n' ' ')" = "app db job web " ]; }
	wait_until 5 all_began
	rm shared/good                      # db counts as healthy all the same, until it is started again
	: >shared/order
}

come_back_in_order() {
	wait_until 10 grep -q db shared/order
	wait_until 10 says app "waiting for db to be healthy"
	wait_until 10 says web "waiting for app to start"
	is "$(ps_field app State) $(ps_field web State)" "restarting restarting"
	touch shared/good
	wait_until 10 grep -q web shared/order
	is "$(tr '\n' ' ' <shared/order)" "db app web "
	is "$(ps_field job State) $(ps_field job ExitCode)" "exited 0"
	grep -q 'app-1: waiting for db to be healthy' "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"
}

@test "several die at once: they come back in the order of their dependencies" {
	in_order
	kill -9 "$(pid_of web)" "$(pid_of app)" "$(pid_of db)"
	come_back_in_order
}

@test "everything of davit's dies with them: they come back in order, and a job that is done is not done again" {
	in_order
	kill_both "$(pid_of web)" "$(pid_of app)" "$(pid_of db)"
	davit kill -s CONT job
	come_back_in_order
	davit stop -t 0
	: >shared/order
	davit start db
	wait_until 5 grep -q db shared/order
	touch shared/good
	davit start
	davit restart -t 0 web
	is "$(grep -c job shared/order)" 0
}

@test "the power is cut: what its policy brings back comes in order; a job that is done is not done again" {
	in_order
	power_cut
	davit kill -s CONT job
	come_back_in_order
}

@test "a job that the power cut interrupted is done again for the one that waits for it" {
	mkdir shared
	compose <<-END
	services:
	  job:
	    image: busybox
	    volumes: ["./shared:/shared"]
	    command: ["sh", "-c", "echo begun >>/shared/job; while [ ! -e /shared/go ]; do sleep 0.02; done"]
	  web:
	    image: busybox
	    restart: unless-stopped
	    command: [sleep, inf]
	    depends_on: {job: {condition: service_completed_successfully}}
	END
	touch shared/go
	up
	rm shared/go
	sed -i 's/begun/another/' compose.yaml     # its inputs change: it is done again beside web, which stays
	up --no-deps job
	wait_until 5 grep -q another shared/job
	power_cut
	davit kill -s CONT job
	both() { [ "$(grep -c another shared/job)" = 2 ]; }
	wait_until 10 both
	wait_until 5 says web "waiting for job to finish"
	touch shared/go
	wait_until 10 state_is web running
	is "$(ps_field job ExitCode)" 0
}

@test "who stops a dependency by hand is not waited for; nor is one that is not required and stays down" {
	compose <<-END
	services:
	  db:    {image: busybox, command: [sleep, inf], restart: always, healthcheck: {test: "test ! -e /tmp/bad", interval: 50ms, retries: 1}}
	  loose: {image: busybox, command: [sleep, inf], healthcheck: {test: "true", interval: 50ms}}
	  web:
	    image: busybox
	    command: [sleep, inf]
	    restart: always
	    depends_on: {db: {condition: service_healthy}, loose: {condition: service_healthy, required: false}}
	END
	up --wait
	local web
	web=$(pid_of web)
	kill -9 "$(pid_of loose)"
	wait_until 5 state_is loose exited
	kill -9 "$web"
	wait_until 5 pid_changes web "$web"
	sh_in db 'touch /tmp/bad'
	wait_until 5 health_is db unhealthy
	kill -9 "$(pid_of web)"
	wait_until 5 says web "waiting for db to be healthy"
	has "$(davit ps)" "Restarting (137)"
	davit stop -t 0 db
	wait_until 5 state_is web running
}

@test "started: waited for while it is on its way, not when it stays down" {
	compose <<-END
	services:
	  slow:  {image: busybox, command: [sleep, inf], deploy: {restart_policy: {delay: 3s}}}
	  gone:  {image: busybox, command: [sleep, inf]}
	  quick: {image: busybox, command: [sleep, inf], restart: always, depends_on: [slow]}
	  other: {image: busybox, command: [sleep, inf], restart: always, depends_on: [gone]}
	END
	up
	local quick other
	quick=$(pid_of quick) other=$(pid_of other)
	kill -9 "$(pid_of gone)" "$(pid_of slow)"
	wait_until 5 state_is gone exited
	wait_until 5 state_is slow restarting
	kill -9 "$quick" "$other"
	wait_until 5 pid_changes other "$other"
	wait_until 5 says quick "waiting for slow to start"
	is "$(pid_of quick)" ""
	wait_until 10 state_is slow running
	wait_until 5 pid_changes quick "$quick"
}

web_waits_for_db() {
	compose <<-END
	services:
	  db:  {image: busybox, command: [sleep, inf], healthcheck: {test: "test ! -e /tmp/bad", interval: 50ms, retries: 1}}
	  web: {image: busybox, command: [sleep, inf], restart: always, depends_on: {db: {condition: service_healthy}}}
	END
	up --wait
}

make_it_wait() {
	sh_in db 'touch /tmp/bad'
	wait_until 5 health_is db unhealthy
	kill -9 "$(pid_of web)"
	wait_until 5 says web waiting
}

@test "who waits can be stopped, removed, restarted and recreated" {
	web_waits_for_db
	make_it_wait
	davit stop -t 0 web
	is "$(ps_field web State)" exited
	davit rm -f web
	sh_in db 'rm /tmp/bad'
	wait_until 5 health_is db healthy
	up
	make_it_wait
	up                                  # leaves it waiting
	says web waiting
	sh_in db 'rm /tmp/bad'
	wait_until 5 state_is web running
	make_it_wait
	sed -i 's/web: {/web: {environment: {A: b}, /; s/service_healthy/service_started/' compose.yaml
	up -t 0
	is "$(sh_in web 'echo $A')" b
}

@test "restart: true follows what is asked for, not what happens by itself" {
	compose <<-END
	services:
	  db:  {image: busybox, command: [sleep, inf], restart: always}
	  web: {image: busybox, command: [sleep, inf], depends_on: {db: {condition: service_started, restart: true}}}
	END
	up
	local db web
	db=$(pid_of db) web=$(pid_of web)
	kill -9 "$db"
	wait_until 5 pid_changes db "$db"
	is "$(pid_of web)" "$web"
	davit restart -t 0 db
	pid_changes web "$web"
	web=$(pid_of web)
	sed -i 's/db:  {/db:  {environment: {A: b}, /' compose.yaml
	up -t 0
	pid_changes web "$web"
	is "$(sh_in db 'echo $A')" b
	web=$(pid_of web)
	davit stop -t 0 db                  # as in docker compose, a stop stops what it names
	is "$(pid_of web)" "$web"
}

@test "up says that it waits, and --wait does, also for one without a health check" {
	web_waits_for_db
	make_it_wait
	run -0 davit up -d
	has "$output" "web-1  Restarting  waiting for db to be healthy"
	run -1 davit up -d web --no-deps --wait --wait-timeout 1
	has "$output" "not healthy after 1s"
	"$DAVIT" up -d web --no-deps --wait >shown 2>&1 3>&- &
	local upper=$!
	wait_until 5 grep -q "web-1  Waiting" shown
	is "$(ps_field web State)" restarting
	sh_in db 'rm /tmp/bad'
	wait $upper || fail "up: $(cat shown)"
	is "$(ps_field web State)" running
}

@test "restart, recreate and down stop who depends on it first" {
	mkdir shared
	stack_of() {
		compose <<-END
		x-it: &it {image: busybox, init: false, volumes: ["./shared:/shared"], environment: {V: "$1"}}
		services:
		  db:  {<<: *it, command: ["sh", "-c", "trap 'echo db >>/shared/order; exit' TERM; while :; do sleep 0.05; done"]}
		  web: {<<: *it, command: ["sh", "-c", "trap 'sleep 0.4; echo web >>/shared/order; exit' TERM; echo up; while :; do sleep 0.05; done"], depends_on: {db: {condition: service_started, restart: true}}}
		END
	}
	stopped_in_order() {
		is "$(paste -sd ' ' shared/order)" "web db"
		: >shared/order
		wait_until 5 eval '[ "$(log_count web up)" = '"$1 ]"
	}
	stack_of one
	up
	wait_until 5 log_has web up
	davit restart
	stopped_in_order 2
	stack_of two
	up
	stopped_in_order 3
	sed -i 's/  db:  {/  db:  {hostname: other, /' compose.yaml
	up
	stopped_in_order 4
	davit down
	is "$(paste -sd ' ' shared/order)" "web db"
}

# What a power cut leaves of a file that was not synced.
@test "after a power cut the launch records are empty: what its policy brings back comes all the same, in order" {
	in_order
	kill -STOP "$(keeper_pid)" "$(supervisor_pid)"
	local file
	for file in "$DAVIT_STATE_DIR/projects/$PROJECT"/containers/*/launch.json; do : >"$file"; done
	power_cut
	davit kill -s CONT job
	come_back_in_order
	davit doctor
}

@test "after a power cut the launch record of what does not come back is empty: it goes, a start writes a new one" {
	compose <<-END
	services:
	  job: {image: busybox, command: echo done}
	  web: {image: busybox, command: [sleep, inf], restart: always}
	END
	up
	wait_until 5 state_is job exited
	local file
	file=$DAVIT_STATE_DIR/projects/$PROJECT/containers/$(record job id | jq -r)/launch.json
	kill -STOP "$(keeper_pid)" "$(supervisor_pid)"
	: >"$file"
	power_cut
	davit start web
	davit doctor
	not test -e "$file"
	davit start job
	wait_until 5 state_is job exited
	is "$(log_count job done)" 2
}
