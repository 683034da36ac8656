# --dry-run of every command: it says what it would do, ends with 0, and leaves every byte of the state and run directories as it was.
load ../lib


# What there is and what is in it; the log of the supervisor is its own affair.
picture() {
	find "$DAVIT_STATE_DIR" "$DAVIT_RUN_DIR" -xdev -not -name supervisor.log -printf '%p %y %m %s %T@\n' | sort
	find "$DAVIT_STATE_DIR" "$DAVIT_RUN_DIR" -xdev -type f -not -name supervisor.log -not -path '*/netns/*' -exec sha256sum {} + | sort
	davit ps -aq --no-trunc | sort
}

project() {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], environment: {V: "${1:-1}"}, depends_on: [db], scale: 2}
	  db: {image: busybox, command: [sleep, inf], volumes: ["data:/data"]}
	  own: {build: ., image: localhost:1/own, profiles: [build]}
	volumes: {data: {}}
	END
	echo "FROM busybox" >Dockerfile
}

# untouched COMMAND...: its output is in $output, and its exit status 0
untouched() {
	untouched_by "$@"
	[ "$status" = 0 ] || fail "--dry-run $*: exit status $status: $output"
}

untouched_by() {
	local before
	status=0
	before=$(picture)
	output=$(davit --dry-run "$@" 2>&1 </dev/null) || status=$?
	diff <(echo "$before") <(picture) || fail "--dry-run $* has changed something: $output"
}

# Every command of the list, with arguments that make it do something when it may.
every_command() {
	cat <<-END
	attach web
	boot
	build own
	bundle -o x.tar
	builder prune -a
	commit web new:1
	config
	cp compose.yaml web:/tmp/
	create --force-recreate
	disable
	doctor
	down -v --rmi all
	enable
	events --until 1m
	exec web touch /x
	export web -o x.tar
	graph
	history
	image import compose.yaml imported
	image inspect busybox
	image ls
	image prune -a -f
	image pull busybox
	image push busybox
	image rm -f busybox
	image save -o saved.tar busybox
	image tag busybox other
	images
	kill
	load -i nothing.tar
	login -u me -p it localhost:1
	logout localhost:1
	logs
	ls -a
	pause
	plan
	port db 80
	ps
	pull --policy always
	push own
	restart
	rm -sf
	rollback 1
	run --rm web touch /x
	scale web=5
	shutdown
	start
	stats --no-stream
	stop
	system check --repair
	system df
	top
	unpause
	up -d --build --force-recreate --remove-orphans
	upgrade
	version
	volumes
	wait web
	watch
	completion bash
	END
}

@test "--dry-run may stand behind the command, as with docker compose, and is the container's own where a command for it has begun" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	run -0 davit up -d --dry-run
	has "$output" "2 to create"
	run -0 davit up --dry-run=false -d
	state_is web running
	for words in "down -v --dry-run" "stop --dry-run web" "kill --dry-run" "run --dry-run --rm web true" "exec --dry-run web touch /x"; do
		run -0 davit $words
	done
	state_is web running
	is "$(davit exec -T web echo --dry-run)" --dry-run
	run -1 davit ps --dry-rum
	has "$output" "unknown flag: '--dry-rum'"
}

@test "every command: nothing changes, exit status 0" {
	local line known name
	project
	up
	known=$(davit --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
	[ "$(wc -w <<<"$known")" -gt 35 ]  # nothing is parsed otherwise
	for name in $known; do           # of those that this list does not know at least that
		every_command | grep -q "^$name\b" || untouched_by "$name"
	done
	while read -r line; do
		grep -qx "${line%% *}" <<<"$known" || continue   # not there yet
		[ "$line" != plan ] || continue                  # its status is its answer
		[ "${line%% *}" != port ] || continue            # nothing is published
		untouched $line
	done < <(every_command)
	[ ! -e saved.tar ] && [ ! -e x.tar ]
}

@test "the same of a project that does not exist, in directories that do not exist" {
	local line
	project
	local -x DAVIT_STATE_DIR=/run/nowhere/state DAVIT_RUN_DIR=/run/nowhere/run COMPOSE_PROJECT_NAME=other
	for line in "up -d" "down -v" "stop" "kill" "ps -a" "volumes" "pull" "build own" "create" "logs" "ls" "images" "image ls" "system df" "doctor" "rm -f" "plan"; do
		davit --dry-run $line >/dev/null 2>&1 </dev/null || [ "$line" = plan ] || [ "$line" = "up -d" ] || fail "--dry-run $line: status $?"
		[ ! -e /run/nowhere ] || fail "--dry-run $line has made $(find /run/nowhere)"
	done
}

@test "what it says: the plan of the command" {
	project
	up
	project 2
	untouched up -d
	has "$output" "DRY-RUN MODE"
	has "$output" 'services.web.environment.V: "1" → "2"'
	has "$output" "2 to recreate, 1 unchanged"
	untouched up -d --no-recreate
	has "$output" "3 unchanged"
	up
	untouched rollback
	has "$output" 'services.web.environment.V: "2" → "1"'
	untouched rollback 1
	has "$output" "2 to recreate, 1 unchanged"
	untouched scale web=3
	has "$output" "$PROJECT-web-3"
	untouched restart db
	has "$output" "1 to restart"
	davit stop db >/dev/null 2>&1
	untouched create --no-recreate
	lacks "$output" "to start"
	untouched start
	has "$output" "1 to start"
	davit start db >/dev/null 2>&1
	untouched stop
	has "$output" "3 to stop"
	untouched kill -s HUP web
	has "$output" "2 to kill"
	untouched pause db
	has "$output" "1 to pause"
	davit pause db
	untouched unpause
	has "$output" "1 to let go on"
	davit unpause
	untouched rm -sf db
	has "$output" "1 to remove"
	untouched down -v
	has "$(sed 's/  */ /g' <<<"$output")" "- remove network ${PROJECT}_default"
	has "$(sed 's/  */ /g' <<<"$output")" "- remove volume ${PROJECT}_data"
	has "$output" "5 to remove"
	untouched down --rmi all
	has "$(sed 's/  */ /g' <<<"$output")" "- remove image busybox"
	untouched pull --policy always
	has "$(sed 's/  */ /g' <<<"$output")" "* pull image busybox"
	untouched build own
	has "$(sed 's/  */ /g' <<<"$output")" "* build image localhost:1/own"
	untouched exec web touch /x
	has "$output" "'davit exec web touch /x' would be run"
	untouched ps
	has "$output" "makes no difference"
}
