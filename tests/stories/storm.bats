# Commands all at once, keeper and supervisor killed meanwhile: whatever came of each, the project is sound. STORM_SEED=N repeats one.
load ../lib

stack() {
	compose <<-END
	services:
	  a: {image: busybox, restart: always, stop_grace_period: 0s, command: [sleep, inf], ports: ["127.0.0.1:8091:80"], healthcheck: {test: "true", interval: 200ms}}
	  b: {image: busybox, restart: always, stop_grace_period: 0s, command: [sh, -c, "sleep 0.3; exit 1"], depends_on: [a], post_start: [{command: ["true"]}], pre_stop: [{command: ["true"]}]}
	  c: {image: busybox, stop_grace_period: 0s, command: [sleep, inf], volumes: ["v:/v"]}
	volumes: {v: }
	END
}

begin() {
	timeout 60 "$DAVIT" "$@" >>said 2>&1 3>&- &
	begun+=($!)
}

any_command() {
	case $((RANDOM % 6)) in
	0 | 1) begin up -d ;;
	2) begin stop -t 0 ;;
	3) begin restart -t 0 ;;
	4) begin down -t 0 ;;
	5) begin up -d --scale c=$((RANDOM % 3)) ;;
	esac
}

any_kill() {
	case $((RANDOM % 4)) in
	0) kill -9 $(supervisor_pid) ;;
	1) kill -9 $(keeper_pid) ;;
	2) kill_both ;;
	esac 2>/dev/null || :
}

@test "commands all at once, and everything is killed: the next up is whole, the doctor finds nothing, down leaves nothing" {
	local begun=() seed=${STORM_SEED:-$RANDOM} round pid
	echo "STORM_SEED=$seed"
	RANDOM=$seed
	stack
	for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
		any_command
		any_command
		any_command
		sleep 0.$((RANDOM % 50 + 10))       # waits for nothing: any moment is right
		any_kill
	done
	for pid in "${begun[@]}"; do
		wait "$pid" || [ $? != 124 ] || fail "a command had no end: $(cat said)"
	done
	up --wait
	is "$(ps_field a State) $(ps_field a Health) $(ps_field c State)" "running healthy running"
	davit doctor
	davit down -v -t 0
	wait_until 5 no_leaks
}
