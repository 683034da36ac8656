# Flags that no other story gives; tests/surface/flags says which of them is shown where.
load ../lib

@test "create --build, --no-build, --pull, --quiet-pull" {
	compose <<-END
	services:
	  there: {image: busybox, command: [sleep, inf]}
	  built: {image: $PROJECT/built, build: {dockerfile_inline: "FROM busybox"}}
	  absent: {image: 127.0.0.1:1/none}
	END
	run -1 davit create --no-build built
	has "$output" "$PROJECT/built"
	run -1 davit create --build --no-build built
	has "$output" "--build and --no-build are incompatible"
	# a builder that is none is asked only where something is to be built
	DAVIT_BUILDER=nonsense run -1 davit create --build built
	has "$output" nonsense
	run -1 davit create --pull never absent
	has "$output" "compose.yaml:4"
	run -1 davit create --pull sometimes there
	has "$output" "sometimes"
	run -1 davit create --quiet-pull absent
	lacks "$output" "Pulling"
	run -1 davit create absent
	has "$output" "Pulling"
	is "$(davit ps -aq)" ""
}

@test "create --no-recreate, --remove-orphans" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: busybox, command: [sleep, inf]}
	END
	davit create
	id=$(davit ps -aq one)
	compose <<-END
	services: {one: {image: busybox, command: [sleep, "1000"]}}
	END
	run -0 davit create --no-recreate
	has "$output" "orphan"
	is "$(davit ps -aq one)" "$id"
	is "$(davit ps -a --services | xargs)" "one two"
	davit create --remove-orphans
	not is "$(davit ps -aq one)" "$id"
	is "$(davit ps -a --services | xargs)" "one"
}

@test "down of a service, --remove-orphans; kill --remove-orphans" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: busybox, command: [sleep, inf]}
	  old: {image: busybox, command: [sleep, inf]}
	END
	up
	sed -i /old:/d compose.yaml
	is "$(davit ps --services --orphans=false | xargs)" "one two"
	davit kill
	is "$(davit ps --services | xargs)" "old"
	run -0 davit kill
	is "$(davit ps --services | xargs)" "old"
	davit start one
	davit kill --remove-orphans one
	is "$(davit ps -a --services | xargs)" "one two"
	davit down one
	is "$(davit ps -a --services | xargs)" "two"
	davit down --remove-orphans
	is "$(davit ps -aq)" ""
}

@test "restart --no-deps leaves those alone that restart with it" {
	compose <<-END
	services:
	  db: {image: busybox, init: true, command: [sleep, inf]}
	  web: {image: busybox, init: true, command: [sleep, inf], depends_on: {db: {condition: service_started, restart: true}}}
	END
	up
	web=$(pid_of web) db=$(pid_of db)
	davit restart --no-deps db
	is "$(pid_of web)" "$web"
	not is "$(pid_of db)" "$db"
	davit restart db
	not is "$(pid_of web)" "$web"
}

@test "rm: asks, -f does not, -s stops first, -v takes anonymous volumes" {
	compose <<-END
	services:
	  one: {image: busybox, init: true, command: [sleep, inf], volumes: [/anon]}
	  two: {image: busybox, init: true, command: [sleep, inf], volumes: [/anon]}
	END
	up
	run -0 --separate-stderr davit rm -f
	is "$output" ""
	is "$stderr" "No stopped containers"
	davit stop one
	run -0 on_terminal expect="remove $PROJECT-one-1" type='n\r' -- "$DAVIT" rm
	is "$(davit ps -a --services | xargs)" "one two"
	run -0 on_terminal expect="remove $PROJECT-one-1" type='y\r' -- "$DAVIT" rm
	is "$(davit ps -a --services | xargs)" "two"
	volumes() { ls "$DAVIT_STATE_DIR/volumes" | wc -l; }
	is "$(volumes)" 2
	davit rm --force --stop --volumes two
	is "$(davit ps -aq)" ""
	is "$(volumes)" 1
}

@test "up --no-recreate, --always-recreate-deps, --no-start" {
	compose <<-END
	services:
	  db: {image: busybox, init: true, command: [sleep, inf]}
	  web: {image: busybox, init: true, command: [sleep, inf], depends_on: [db]}
	END
	davit up --no-start
	is "$(davit ps -a --format '{{.Service}} {{.State}}')" "db created
web created"
	davit up --detach
	is "$(davit ps --services | xargs)" "db web"
	db=$(davit ps -q db) web=$(davit ps -q web)
	davit up -d --always-recreate-deps web
	not is "$(davit ps -q db)" "$db"
	web=$(davit ps -q web)
	sed -i 's/inf/"1000"/' compose.yaml
	davit up -d --no-recreate
	is "$(davit ps -q web)" "$web"
	davit up -d
	not is "$(davit ps -q web)" "$web"
}

@test "up that stays: --attach and the like, --timestamps, --abort-on-container-exit and -failure" {
	compose <<-END
	services:
	  db: {image: busybox, init: true, command: [sh, -c, "echo I am db; exec sleep inf"]}
	  web: {image: busybox, init: true, command: [sh, -c, "echo I am web; exec sleep inf"], depends_on: [db]}
	  end: {image: busybox, command: [sh, -c, "until [ -e /go/now ]; do sleep 0.05; done; exit 3"], volumes: [./go:/go], depends_on: [web]}
	END
	mkdir go
	shown() { rm -f go/now; "$DAVIT" "$@" >said 2>&1 3>&- & up=$!; }
	# ended STATUS: what is shown is waited for before
	ended() { touch go/now; status=0; wait $up || status=$?; is "$status" "$1"; }
	both() { grep -q 'I am web' said && grep -q 'I am db' said; }
	shown up --abort-on-container-failure
	wait_until 20 both
	ended 3
	shown --ansi always up --abort-on-container-exit --no-color --timestamps --no-log-prefix
	wait_until 20 both
	ended 3
	grep -E '^20[0-9-]+T[^ ]* I am web' said
	shown up --abort-on-container-exit --attach web --attach end
	wait_until 20 grep -q 'I am web' said
	ended 3
	not grep 'I am db' said
	shown up --abort-on-container-exit --no-attach web
	wait_until 20 grep -q 'I am db' said
	ended 3
	not grep 'I am web' said
	shown up --abort-on-container-exit end
	wait_until 20 state_is end running
	ended 3
	not grep 'I am' said
	shown up --abort-on-container-exit --attach-dependencies end
	wait_until 20 both
	ended 3
	is "$(davit ps -q)" ""
}

@test "cp --all: also into containers that run made" {
	compose <<-END
	services: {web: {image: busybox, init: true, command: [sleep, inf]}}
	END
	up
	davit run -d web sleep 1000 >/dev/null
	in_run() { local pid; pid=$(pgrep -f 'sleep 1000' | tail -n 1); ls "/proc/$pid/root/$1"; }
	wait_until 20 in_run bin
	echo x >x
	davit cp x web:/one
	davit cp --all x web:/both
	is "$(sh_in web 'ls /one /both' | xargs)" "/both /one"
	in_run both
	not in_run one
}

@test "ls sums up what is up, with --all everything" {
	compose <<-END
	services:
	  web: {image: busybox, init: true, command: [sleep, inf]}
	  job: {image: busybox, command: ["false"]}
	END
	up
	wait_until 10 state_is job exited
	is "$(davit ls --format json | jq -r '.[].Status')" "running(1)"
	is "$(davit ls -a --format json | jq -r '.[].Status')" "exited(1), running(1)"
	davit pause
	is "$(davit ls --format '{{.Status}}')" "paused(1)"
	run -0 davit pause
	lacks "$output" "Paused"
	davit unpause
	run -0 davit unpause
	lacks "$output" "Unpaused"
	davit stop
	is "$(davit ls -q)" ""
	is "$(davit ls -a --format '{{.Status}}')" "exited(2)"
}
