# events: what happened, in order, once, across the deaths of supervisors and of the project.
load ../lib

pair() {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]
	    labels: {colour: blue}
	    healthcheck: {test: "true", interval: 5s}
	    volumes: ["stuff:/stuff"]
	  two:
	    image: busybox
	    command: ["sh", "-c", "sleep 0.2; exit 3"]
	    restart: on-failure:1
	volumes: {stuff: }
	END
}

# told [SERVICE]...: types and actions on record, one a line
told() { davit events --json --since 0 --until 0s "$@" | jq -r '"\(.type) \(.action)"'; }

# attribute ACTION NAME [SERVICE]: of the last event of that action
attribute() { davit events --json --since 0 --until 0s "${3:-one}" | jq -rs --arg a "$1" --arg n "$2" '[.[] | select(.action == $a)] | last | .attributes[$n]'; }

count() { told "${@:2}" | grep -cx -- "$1" || :; }

has_told() { told "${@:2}" | grep -qx -- "$1"; }

follow() {
	"$DAVIT" events --json "$@" >followed 2>followed.err 3>&- &
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $!"
}

# lives: of every container in `followed`, by its id: what happened to it, health and backoff left out
lives() { jq -rs 'map(select(.type == "container" and (.action | test("^(health_status|backoff|kill)") | not))) | group_by(.id)[] | map(.action) | join(" ")' followed; }

@test "a life in order, with attributes as docker has them, and the cause" {
	pair
	up
	wait_until 5 has_told "container health_status: healthy" one
	two_rests() { [ "$(count "container die" two)" = 2 ]; }
	wait_until 5 two_rests
	davit restart -t 5 one
	is "$(told one | grep -v health)" "container create
container start
container kill
container die
container stop
container start
container restart"
	is "$(told two)" "container create
container start
container die
container backoff
container start
container die"
	is "$(attribute start colour)" blue
	is "$(attribute start image)" busybox
	is "$(attribute start name)" "$PROJECT-one-1"
	is "$(attribute start com.docker.compose.project)" null
	is "$(attribute kill signal)" 15
	is "$(attribute die cause)" "restarted by 'davit restart'"
	is "$(attribute die exitCode two) $(attribute die source two) $(attribute die next two)" "3 keeper stays stopped"
	is "$(attribute backoff delayMs two)" 100
	has "$(told)" "supervisor start
volume create
"
	has "$(told)" "network create"
	davit kill -s KILL one
	is "$(attribute die exitCode) $(attribute die exitSignal) $(attribute die cause)" "137 SIGKILL killed by 'davit kill'"
	is "$(told one | tail -n 1)" "container die"
}

@test "what ends at once has begun before it ended, by the times, too" {
	compose <<<'services: {job: {image: busybox, command: "true", scale: 4, network_mode: none}}'
	up
	all_ended() { [ "$(count "container die" job)" = 4 ]; }
	wait_until 10 all_ended
	local ids times
	ids=$(davit events --json --since 0 --until 0s job | jq -rs 'map(select(.action == "die").id) | .[]')
	for id in $ids; do
		times=$(davit events --json --since 0 --until 0s job |
			jq -rs --arg id "$id" '[.[] | select(.id == $id and (.action == "start" or .action == "die"))] | map("\(.time) \(.action)") | .[]')
		is "$(cut -d' ' -f2 <<<"$times" | xargs)" "start die"
		is "$(sort -sk1,1 <<<"$times")" "$times"
	done
}

@test "the text and the JSON are docker compose's" {
	pair
	up one
	local id line
	id=$(davit ps -q one)
	line=$(TZ=Asia/Kolkata davit events --since 0 --until 0s one | sed -n 2p)
	[[ "$line" =~ ^20[0-9-]{8}\ [0-9:]{8}\.[0-9]{6}\ container\ start\ $id\ \(colour=blue,\ image=busybox,\ name=$PROJECT-one-1\)$ ]] || fail "$line"
	line=$(TZ=Asia/Kolkata davit events --json --since 0 --until 0s one | sed -n 2p)
	is "$(jq -r 'keys | join(" ")' <<<"$line")" "action attributes id service time type"
	is "$(jq -r '.action + " " + .service + " " + .type + " " + .id' <<<"$line")" "start one container $id"
	[[ "$(jq -r .time <<<"$line")" =~ ^20[0-9-]{8}T[0-9:]{8}\.[0-9]{1,9}\+05:30$ ]] || fail "$line"
}

@test "--since and --until choose" {
	pair
	up one
	wait_until 5 health_is one healthy
	local middle
	middle=$(date +%s.%N)
	davit stop -t 5 one
	is "$(davit events --json --since "$middle" --until 0s one | jq -r .action)" "kill
die
stop"
	is "$(davit events --json --until "$middle" one | jq -r .action | grep -v health)" "create
start"
	is "$(davit events --json --since 1h --until 30m)" ""
	run -1 davit events --since yesterday
	has "$output" "--since"
	run -1 davit events nobody
	has "$output" "nobody"
}

@test "what follows is heard live, through down and up again, and without a supervisor" {
	pair
	follow
	wait_until 5 test -e followed
	up one
	davit down -v -t 1
	up one
	davit down -v -t 1
	all() { [ "$(lives | grep -c destroy)" = 2 ] && [ "$(jq -r '.type + " " + .action' followed | grep -c "volume destroy")" = 2 ]; }
	wait_until 5 all
	is "$(lives)" "create start die stop destroy
create start die stop destroy"
	is "$(jq -r 'select(.type == "network") | .action' followed)" "create
destroy
create
destroy"
	is "$(davit events --since 0 --until 0s)" ""
}

@test "a follower begins with what comes, and --until ends it" {
	pair
	up one
	wait_until 5 health_is one healthy
	davit events --json --until "$(date +%s.%N -d '1 second')" one >ended
	has "$(jq -r .action <ended)" start
	follow one
	wait_until 5 bash -c "grep -q inotify /proc/${KEPT_PROCESSES##* }/fdinfo/*"
	davit stop -t 5 one
	stopped() { grep -q '"stop"' followed; }
	wait_until 5 stopped
	is "$(jq -r .action followed)" "kill
die
stop"
}

another_supervisor() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$1" ]; }

@test "an end in the gap between two supervisors is told once, with its time; what was told is not told again" {
	pair
	up one
	wait_until 5 has_told "container health_status: healthy" one
	local before begin end at
	before=$(supervisor_pid)
	kill -STOP "$before"
	begin=$(date +%s%N)
	kill -9 "$(pid_of one)"
	wait_until 5 grep -q " 137 " "$DAVIT_RUN_DIR/projects/$PROJECT/exits"
	end=$(date +%s%N)
	kill -9 "$before"
	wait_until 10 has_told "supervisor adopt"
	is "$(told one | sort | uniq -c | sed 's/^ *//')" "1 container create
1 container die
1 container health_status: healthy
1 container start"
	at=$(date +%s%N -d "$(davit events --json --since 0 --until 0s one | jq -r 'select(.action == "die") | .time')")
	((begin <= at && at <= end)) || fail "it died at $at, not between $begin and $end"
	is "$(told | tail -n 2)" "container die
supervisor adopt"
	is "$(attribute die exitCode) $(attribute die cause)" "137 null"
}

@test "a supervisor that is killed again and again tells nothing twice of what runs on" {
	pair
	up one
	wait_until 5 has_told "container health_status: healthy" one
	local i before
	for i in 1 2 3; do
		before=$(supervisor_pid)
		kill -9 "$before"
		wait_until 5 another_supervisor "$before"
	done
	adopted() { [ "$(count "supervisor adopt")" = "$1" ]; }
	wait_until 5 adopted 3
	is "$(told one | sort | uniq -c | sed 's/^ *//')" "1 container create
1 container health_status: healthy
1 container start"
}

@test "killed at any step of up, stop and down: every container's life is told whole, in order, once" {
	pair
	local line asked want before victim
	: >followed
	follow one
	wait_until 5 bash -c "grep -q inotify /proc/${KEPT_PROCESSES##* }/fdinfo/*"
	want=0
	for line in 2 4 6 8 10 12 14 16; do
		timeout 60 "$DAVIT" up -d one >shown 2>&1 3>&- &
		asked=$!
		kill_at "$line" "$asked"
		wait "$asked" || fail "killed at line $line: up: $(cat shown)"
		before=$(journal_lines) victim=$(supervisor_pid) || :
		timeout 60 "$DAVIT" stop -t 5 one >shown 2>&1 3>&- &
		asked=$!
		kill_at $((before + line / 4)) "$asked" "$victim"
		wait "$asked" || fail "killed at line $line: stop: $(cat shown)"
		before=$(journal_lines) victim=$(supervisor_pid) || :
		timeout 60 "$DAVIT" down -v -t 5 >shown 2>&1 3>&- &
		asked=$!
		kill_at $((before + line / 4)) "$asked" "$victim"
		wait "$asked" || fail "killed at line $line: down: $(cat shown)"
		want=$((want + 1))
	done
	((killed >= 12)) || fail "only $killed of 24 were killed"
	destroyed() { [ "$(lives | grep -c destroy)" = "$want" ]; }
	wait_until 5 destroyed
	is "$(lives | sort | uniq -c | sed 's/^ *//')" "$want create start die stop destroy"
}

@test "a full history is bounded, and the newest of it is there" {
	pair
	up one
	local dir=$DAVIT_STATE_DIR/projects/$PROJECT n before
	for n in 1 2 3 4 5 6 7 8; do       # what a long life would have written
		jq -nc --arg pad "$(head -c 900 /dev/zero | tr '\0' x)" 'range(450) | {t: 1, type: "container", action: "kill", service: "one", slot: "one-1", id: "old", run: "1:1", attributes: {pad: $pad}}' >>"$dir/events"
		before=$(supervisor_pid)
		kill -9 "$before"
		wait_until 5 another_supervisor "$before"
		davit kill -s CONT one
	done
	(($(du -bc "$dir"/events* | tail -n 1 | cut -f 1) < 3000000)) || fail "$(ls -l "$dir")"
	is "$(attribute kill signal)" 18
	davit down -t 1
}

# The state, but for the images, on a disk of its own.
small_disk() {
	umount "$DAVIT_STATE_DIR/images"
	mount -t tmpfs -o size="$1" small "$DAVIT_STATE_DIR"
	mkdir "$DAVIT_STATE_DIR/images"
	mount --bind "$STORE/images" "$DAVIT_STATE_DIR/images"
}

@test "on a full disk events are lost, whole and counted; and what a log loses is an event" {
	small_disk 4m
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"], stop_grace_period: 1s}
	  loud:
	    image: busybox
	    command: ["sh", "-c", "i=0; while [ \$\$i -lt 150 ]; do head -c 65536 /dev/zero | tr '\\\\0' x; echo; i=\$\$((i+1)); done; echo end; exec sleep inf"]
	    logging: {driver: json-file, options: {max-size: 2m, max-file: "4"}}
	END
	up one
	dd if=/dev/zero of="$DAVIT_STATE_DIR/filler" bs=4k 2>/dev/null || :
	local i
	for i in $(seq 20); do davit kill -s CONT one; done
	is "$(davit ps --format json one | jq -r .State)" running
	rm "$DAVIT_STATE_DIR/filler"
	davit kill -s CONT one
	wait_until 5 has_told "supervisor lost"
	(($(davit events --json --since 0 --until 0s | jq -r 'select(.action == "lost") | .attributes.events') > 0))
	is "$(told one | tail -n 1)" "container kill"
	davit events --json --since 0 --until 0s | jq -e . >/dev/null
	up loud
	wait_until 30 has_told "container log_dropped" loud
	davit down -t 0
}

@test "an end names the command that wanted it" {
	local n
	for n in 1 2; do
		compose <<-END
		services: {web: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, environment: {V: "$n"}, deploy: {replicas: 2}}}
		END
		up
	done
	davit scale web=1
	davit rollback 1
	is "$(davit events --json --since 0 --until 0s web | jq -r 'select(.action == "die") | .attributes.cause' | sort | uniq -c | sed 's/^ *//')" \
		"1 removed by 'davit scale'
1 replaced by 'davit rollback 1'
2 replaced by 'davit up'"
}
