# plan: what `up` would change and why, from what can be read; --dry-run of everything that acts.
load ../lib

# plan [OPTION]...: its JSON in $plan, its status in $planned
plan() {
	planned=0
	plan=$(davit plan --format json "$@") || planned=$?
}

# action NAME: of that resource in $plan
action() { jq -r --arg n "$1" '.changes[] | select(.name == $n) | .action' <<<"$plan"; }

# fields NAME: "PATH FROM TO" of each, as JSON
fields() { jq -c --arg n "$1" '.changes[] | select(.name == $n) | .fields[] | [.path, .from, .to, .note // empty]' <<<"$plan"; }

three() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    environment: {DEBUG: "${1:-0}", KEPT: "1"}
	    ports: ["${2:-8161}:80", "8171:81"]
	    depends_on: {db: {condition: service_started}, job: {condition: service_completed_successfully}}
	    labels: {com.example.kind: page}
	  db: {image: busybox, command: [sleep, inf], volumes: ["data:/data"]}
	  job: {image: busybox, command: ["true"]}
	volumes: {data: {}}
	END
}

@test "a new project: all is to be created, in the order of execution, and nothing is written" {
	three
	export DAVIT_STATE_DIR=/run/nowhere/state DAVIT_RUN_DIR=/run/nowhere/run
	run -2 --separate-stderr davit plan
	is "$(sed 's/  */ /g' <<<"$output")" "* pull image busybox not in the store
+ create volume ${PROJECT}_data new
+ create network ${PROJECT}_default new
+ create container $PROJECT-db-1 new
+ create container $PROJECT-job-1 new
+ create container $PROJECT-web-1 new
1 to pull, 5 to create"
	[ ! -e /run/nowhere ]
	export DAVIT_STATE_DIR=/run/state-$BATS_TEST_NUMBER DAVIT_RUN_DIR=/run/davit-$BATS_TEST_NUMBER
	run -1 davit plan --pull never nobody
	has "$output" "no such service"
	nothing_begun
}

@test "what changed, field by field; up does it, and then there is nothing to do" {
	three
	up
	run -0 davit plan
	is "$output" "3 unchanged"
	three 1 8162
	plan
	is "$planned" 2
	is "$(action "$PROJECT-web-1") $(action "$PROJECT-db-1") $(action "$PROJECT-job-1")" "recreate keep keep"
	is "$(fields "$PROJECT-web-1")" '["services.web.environment.DEBUG","0","1"]
["services.web.ports[0].published","8161","8162"]'
	run -2 davit plan web
	has "$output" 'services.web.environment.DEBUG: "0" → "1"'
	has "$output" "1 to recreate, 2 unchanged"
	run -2 davit --ansi always plan web
	has "$output" $'\e[31m"0"\e[0m → \e[32m"1"'
	run -0 davit plan --no-recreate web
	plan --force-recreate --no-deps db
	is "$(action "$PROJECT-db-1")" recreate
	before=$(davit ps -aq db)
	up web
	is "$(davit ps -aq db)" "$before"
	run -0 davit plan web
}

@test "a container that several changes passed by: its reasons are those since it was made" {
	three
	up
	three 1
	sed -i 's/volumes: \["data/environment: {D: "1"}, volumes: ["data/' compose.yaml
	up --no-deps web                 # the file in force has the change of db; its container has not
	plan
	is "$(fields "$PROJECT-db-1")" '["services.db.environment.D",null,"1"]'
	is "$(action "$PROJECT-web-1")" keep
	up
	run -0 davit plan
}

@test "ports and mounts that come and go are shown as people write them" {
	compose <<-END
	services: {web: {image: busybox, command: [sleep, inf], ports: ["8163:80"]}}
	END
	up
	compose <<-END
	services: {web: {image: busybox, command: [sleep, inf], ports: ["127.0.0.1:8164:81/udp", "82"], volumes: [".:/here:ro", "/anon"]}}
	END
	run -2 davit plan
	has "$output" "services.web.ports[0]: (none) → 127.0.0.1:8164:81/udp"
	has "$output" "services.web.ports[1]: (none) → 82/tcp"
	has "$output" "services.web.ports[0]: 8163:80/tcp → (none)"
	has "$output" "services.web.volumes[0]: (none) → $PWD:/here:ro"
	has "$output" "services.web.volumes[1]: (none) → /anon"
}

@test "replicas, orphans, a policy, what was stopped" {
	three
	up
	plan --scale db=3
	is "$(action "$PROJECT-db-3")" create
	up --scale db=3 db
	davit stop -t 0 web
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], environment: {DEBUG: "0", KEPT: "1"}, ports: ["8161:80", "8171:81"], depends_on: [db],
	    labels: {com.example.kind: page}, restart: always}
	  db: {image: busybox, command: [sleep, inf], volumes: ["data:/data"]}
	volumes: {data: {}}
	END
	plan
	is "$(action "$PROJECT-web-1") $(action "$PROJECT-db-1") $(action "$PROJECT-db-2") $(action "$PROJECT-db-3")" "start keep remove remove"
	is "$(fields web)" '["services.web.depends_on.job.condition","service_completed_successfully",null]
["services.web.depends_on.job.required",true,null]
["services.web.restart",null,"always"]'
	is "$(jq -r '.changes[] | select(.orphan) | .name + " " + .action' <<<"$plan")" "$PROJECT-job-1 keep"
	plan --remove-orphans
	is "$(action "$PROJECT-job-1")" remove
	up --remove-orphans
	run -0 davit plan
}

@test "it works from read-only directories, with and without a supervisor, and asks nobody" {
	three
	up
	mount --bind "$DAVIT_STATE_DIR" "$DAVIT_STATE_DIR"
	mount -o remount,bind,ro "$DAVIT_STATE_DIR"
	mount --bind "$DAVIT_RUN_DIR" "$DAVIT_RUN_DIR"
	mount -o remount,bind,ro "$DAVIT_RUN_DIR"
	three 1
	kill -STOP "$(supervisor_pid)"
	plan web
	kill -CONT "$(supervisor_pid)"
	umount "$DAVIT_RUN_DIR" "$DAVIT_STATE_DIR"
	is "$planned $(action "$PROJECT-web-1")" "2 recreate"
	kill_both
	wait_until 5 not supervisor_pid
	plan
	is "$planned $(action "$PROJECT-web-1") $(action "$PROJECT-db-1")" "2 recreate keep"
	kill -9 "$(pid_of db)"
	wait_until 5 not pid_of_db
	plan
	is "$(action "$PROJECT-db-1")" start
	[ -z "$(supervisor_pid)" ]
}

pid_of_db() { [ -n "$(pid_of db)" ]; }

@test "what goes stands where up takes it away: last when something comes, else first" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, scale: 2, depends_on: [db]}
	  db: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	  old: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
	END
	up
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, depends_on: [db], environment: {V: "1"}}
	  db: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, environment: {V: "1"}}
	END
	plan --remove-orphans
	is "$(jq -r '.changes[] | .action + " " + .name' <<<"$plan")" "recreate $PROJECT-db-1
recreate $PROJECT-web-1
remove $PROJECT-old-1
remove $PROJECT-web-2"
	up --remove-orphans
	# the containers as they are done, by their last word
	is "$(sed -nE "s/^ Container ($PROJECT-[a-z]*-[0-9])  (Started|Removed)$/\1/p" <<<"$output" | head -n 2 | xargs)" "$PROJECT-db-1 $PROJECT-web-1"
	is "$(sed -nE "s/^ Container ($PROJECT-[a-z]*-[0-9])  (Started|Removed)$/\1/p" <<<"$output" | tail -n 2 | sort | xargs)" "$PROJECT-old-1 $PROJECT-web-2"
}
