# davit doctor says nothing of what is well, and names what is amiss.
load ../lib

well() { output=$(davit doctor 2>&1) || fail "$output"; }

# amiss CHECK WORDS...: doctor ends with 1 and a line of that check has these words.
amiss() {
	local check=$1 line
	shift
	run -1 davit doctor
	line=$(grep "^$check: " <<<"$output") || fail "no line of '$check' in: $output"
	for w in "$@"; do
		has "$line" "$w"
	done
}

stack() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    ports: ["127.0.0.1:8093:80"]
	    secrets: [word]
	    volumes: ["stuff:/stuff"]
	  tty:  {image: busybox, command: [sleep, inf], tty: true, network_mode: "service:web"}
	  host: {image: busybox, command: [sleep, inf], network_mode: host, init: true}
	  job:  {image: busybox, command: [echo, done]}
	secrets:
	  word: {environment: HOME}
	volumes:
	  stuff:
	END
}

@test "nothing is amiss before, during and after a project" {
	stack
	well
	up
	well
	is "$output" "nothing amiss"
	is "$(davit doctor --json)" "[]"
	davit stop -t 0
	well
	davit down -t 0
	well
	davit doctor --all
}

@test "who is gone is missed: keeper and supervisor, a process" {
	stack
	up
	local pid
	pid=$(pid_of web)
	kill_both
	amiss keeper "'$PROJECT' has 4 containers and no keeper" "to do: " "'davit -p $PROJECT start'"
	kill -9 "$pid"
	wait_until 5 are_gone "$pid"
	amiss alive "container '$PROJECT-web-1' is recorded as running" "$pid"
	up
	well
}

@test "a project that does not exist is not called well without a word" {
	run -0 --separate-stderr davit -p nosuch doctor
	has "$stderr" "there is no project 'nosuch'"
	run -0 --separate-stderr davit doctor --all
	is "$stderr" ""
	stack
	run -0 --separate-stderr davit doctor
	is "$stderr" ""
}

@test "a supervisor that is stopped does not answer" {
	stack
	up
	kill -STOP "$(supervisor_pid)"
	amiss supervisor "does not answer" "2 s" "see $DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"
	kill -CONT "$(supervisor_pid)"
	well
}

@test "what belongs to no record is found, wherever it is" {
	stack
	up
	local run=$DAVIT_RUN_DIR/projects/$PROJECT state=$DAVIT_STATE_DIR/projects/$PROJECT group
	group=$(find /sys/fs/cgroup -type d -path "*/davit/$PROJECT" | head -n 1)
	mkdir "$group/ghost-1" "$run/bundle/0123" "$state/containers/0123" "$run/rootfs/ghost-1" "$state/logs/ghost-1"
	mkfifo "$run/fifo/ghost-1.out"
	mount -t tmpfs ghost "$run/rootfs/ghost-1"
	mkdir "$DAVIT_STATE_DIR/volumes/ghost"
	touch "$state/.tmp-0123456789abcdef" "$DAVIT_STATE_DIR/networks/.tmp-0123456789abcdef"
	ip link add dvghost type bridge
	ip link set dvghost alias "davit $PROJECT ${PROJECT}_ghost"
	sleep inf &
	echo $! >"$group/ghost-1/cgroup.procs"
	for where in bundle/0123 containers/0123 rootfs/ghost-1 logs/ghost-1 fifo/ghost-1.out; do
		amiss files "$where"
	done
	amiss mounts rootfs/ghost-1
	amiss links dvghost "${PROJECT}_ghost"
	amiss cgroups "davit/$PROJECT/ghost-1"
	amiss processes "davit/$PROJECT/ghost-1"
	amiss volumes volumes/ghost meta.json
	amiss half "networks/.tmp-0123456789abcdef"
	kill -9 %1
	umount "$run/rootfs/ghost-1"
	rm "$DAVIT_STATE_DIR/networks/.tmp-0123456789abcdef"
}

@test "what a running container stands on is missed when it is gone" {
	stack
	up
	local run=$DAVIT_RUN_DIR/projects/$PROJECT state=$DAVIT_STATE_DIR/projects/$PROJECT
	umount -l "$run/netns/web-1"
	amiss netns netns/web-1
	ip -o link | sed -n "s|^[0-9]*: \(dv[0-9a-f]*\):.*alias davit $PROJECT .*|\1|p" | xargs -I{} ip link set {} down
	amiss bridges 'is down'
	nft flush table inet "davit-$PROJECT"
	amiss rules 'no rules'
	nft delete table inet "davit-$PROJECT"
	amiss rules 'no rules'
	ip -o link | sed -n "s|.* \(dv[0-9a-f]*\)@.*alias davit $PROJECT/web-1.*|\1|p" | xargs ip link delete
	amiss wires "'$PROJECT-web-1' has 1 addresses and 0 interfaces"
	echo '{"t":1,"unit":{"slo' >>"$state/journal"
	amiss journal journal 'no record'
	echo rubbish >>"$run/exits"
	amiss exits exits
	run -1 davit doctor --format json
	is "$(jq -r '.[] | select(.check == "rules") | .where' <<<"$output")" "$PROJECT"
}

@test "a lease and a network of nobody's are found" {
	stack
	up
	local book=$DAVIT_STATE_DIR/networks/${PROJECT}_default.json
	jq --arg who "$PROJECT/ghost-1" '.addrs[$who] = "172.31.255.250"' "$book" >book && cp book "$book"
	amiss leases ghost-1 172.31.255.250
	jq --arg who "$PROJECT/ghost-1" 'del(.addrs[$who])' "$book" >book && cp book "$book"
	well
	jq '.name = "ghost_default" | .project = "ghost" | .addrs = {}' "$book" >"$DAVIT_STATE_DIR/networks/ghost_default.json"
	run -1 davit doctor --all
	has "$output" "network 'ghost_default' is in the address book, but its project 'ghost' is gone"
	rm "$DAVIT_STATE_DIR/networks/ghost_default.json"
}

# sides WEB-VERSION DB-VERSION DB-CHECK
sides() {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, environment: {V: "$1"}, deploy: {update_config: {order: start-first, monitor: 0s}}}
	  db:
	    {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, environment: {V: "$2"}, secrets: [word], healthcheck: {test: "$3", interval: 50ms, retries: 100000},
	     volumes: [{type: volume, source: stuff, target: /stuff, volume: {subpath: part}}]}
	secrets: {word: {environment: HOME}}
	volumes: {stuff: }
	END
}

@test "nothing is amiss when a slot has changed sides, nor while what is replaced is set aside" {
	sides 1 1 true
	sed -i '/subpath/s/volumes.*/volumes: ["stuff:\/stuff"]}/' compose.yaml
	up
	sh_in db 'mkdir /stuff/part'
	sides 2 2 true
	up
	is "$(record web state)" '"absent"'
	well
	sides 2 3 false
	davit up -d >up.out 2>&1 &
	new_db() { [ "$(sh_in db 'echo $V')" = 3 ]; }
	wait_until 10 new_db
	well
	davit down -t 0
	wait || :
}
