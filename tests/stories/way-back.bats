# What happens while a plan is made and does not run yet: its books wait for the address book, which somebody else holds.
load ../lib

rolled_back() { grep -q 'rolling back' "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"; }
runs_v() { [ "$(sh_in "$1" 'echo $V')" = "$2" ]; }

# hold_book: nobody else has the address book until let_go.
hold_book() {
	flock "$DAVIT_STATE_DIR/networks/.lock" sleep inf &
	holder=$!
	wait_until 5 not flock -n "$DAVIT_STATE_DIR/networks/.lock" true
}
in_force() { tac "$DAVIT_STATE_DIR/projects/$PROJECT/journal" | grep -m 1 '"project":' | jq .project.generation; }
has_asked() { ss -xp | grep -q "pid=$1,"; }
let_go() { pkill -P "$holder"; wait "$holder" || :; }

many() {
	cat <<-END >compose.yaml
	x-it: &it {image: busybox, command: [sleep, inf], environment: {V: "$1"}, stop_signal: SIGKILL}
	services:
	  a: *it
	  b: *it
	  c: *it
	  d: *it
	  e: *it
	  f: {image: busybox, command: [sleep, inf], environment: {V: "$1"}, stop_signal: SIGKILL, healthcheck: {test: "$2", interval: 50ms, retries: 100000, start_interval: 50ms}}
	END
}

@test "a container ends, and a stop comes, while the way back is planned: both are heard of, nothing else is touched" {
	many 1 true
	up
	many 2 false
	davit up -d >up.out 2>&1 &
	local up=$! s first
	for s in a b c d e f; do wait_until 20 runs_v $s 2; done
	kill_supervisor                      # what is left to do is little, what there is to undo is much
	wait_until 10 grep -q "resuming 'up'" "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"
	first=$(supervisor_pid)
	hold_book
	kill -9 "$(pid_of f)"
	wait_until 10 rolled_back
	kill -9 "$(pid_of a)"
	wait_until 5 state_is a exited
	davit stop >stop.out 2>&1 &
	local stop=$!
	let_go
	wait $stop || fail "$(cat stop.out)"
	wait $up || :
	is "$(supervisor_pid)" "$first"
	for s in a b c d e f; do is "$s $(ps_field $s State)" "$s exited"; done
	davit start
	for s in a b c d e f; do is "$s $(sh_in $s 'echo $V')" "$s 1"; done
}

@test "a stop while an up's books are written: the generation from before is in force, and what is started again is that" {
	many 1 true
	up
	many 2 true
	hold_book
	"$DAVIT" up -d >up.out 2>&1 &
	local up=$! stop s
	wait_until 10 test -e "$DAVIT_STATE_DIR/projects/$PROJECT/txn.json"
	"$DAVIT" stop >stop.out 2>&1 &
	stop=$!
	wait_until 10 has_asked $stop
	let_go
	wait $stop || fail "$(cat stop.out)"
	not wait $up
	is "$(in_force)" 1
	davit start
	for s in a b c d e f; do is "$s $(sh_in $s 'echo $V')" "$s 1"; done
}
