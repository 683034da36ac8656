# The supervisor is killed in a rolling update at a given point, or something takes for ever there: whoever takes over finds what there is,
# brings the update to its end, and holds up nobody.
load ../lib

faulty() {
	export DAVIT_RUNTIME=${BATS_TEST_DIRNAME%/*}/fake/crun-faulty
	rm -rf /run/faults
	mkdir -p /run/faults
}

# fault VERB.SLOT[.once] WHAT
fault() { echo "$2" >"/run/faults/$1"; }

# web VERSION UPDATE-CONFIG [REPLICAS [SCRIPT [MORE]]]
web() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "${4:-touch /ok}; exec sleep inf"]
	    environment: {V: "$1"}
	    stop_signal: SIGKILL
	    healthcheck: {test: "test -e /ok", interval: 100ms, retries: 1}
	    deploy: {replicas: ${3:-2}, update_config: {$2}}
	    ${5:-}
	END
}

names() { davit ps -a --format '{{.Name}} {{.State}}' | sort | xargs; }
versions() { for i in "$@"; do davit exec -T --index "$i" web sh -c 'echo $V'; done | xargs; }
finished() { [ ! -e "$DAVIT_STATE_DIR/projects/$PROJECT/txn.json" ]; }

@test "killed while it brings the old one back: whoever takes over does" {
	faulty
	web 1 'order: stop-first'
	up --wait
	web 2 'order: stop-first' 2 'sleep 0'
	fault create.web-1.once assassin
	run -1 davit --progress plain up -d
	has "$output" "is unhealthy"
	is "$(grep -c assassin /run/faults/calls)" 1
	is "$(names)" "$PROJECT-web-1 running $PROJECT-web-2 running"
	is "$(versions 1 2)" "1 1"
}

@test "who asked is told how it ended, also when that was before he could ask again" {
	local asker
	web 1 'order: stop-first' 2 '' 'volumes: ["./gate:/gate"]'
	mkdir gate
	up --wait
	# no second time
	web 2 'order: stop-first' 2 'mkdir /gate/once && sleep inf; touch /ok' 'volumes: ["./gate:/gate"]'
	"$DAVIT" --progress plain up -d >said 2>&1 3>&- &
	asker=$!
	wait_until 20 test -e gate/once
	kill -STOP $asker
	kill_supervisor
	wait_until 20 finished
	kill -CONT $asker
	! wait $asker || fail "$(cat said)"
	has "$(cat said)" "is unhealthy"
	is "$(versions 1 2)" "1 1"
	is "$(grep -c Creating said)" 1
}

@test "down with less patience does not wait for what an update waits for" {
	local order word
	for order in start-first stop-first; do
		web 1 "order: $order"
		# a first process minds no signal that it has no handler for
		sed -i 's/SIGKILL/SIGUSR1\n    stop_grace_period: 10m/' compose.yaml
		up --wait
		sed -i 's/V: "1"/V: "2"/' compose.yaml
		[ $order = stop-first ] || sed -i 's/touch .ok/sleep 0/' compose.yaml
		davit --progress plain up -d >said 2>&1 3>&- &
		# the old one's end, or that of the one that did not make it
		word=$([ $order = stop-first ] && echo "web-1-old  Stopping" || echo "is unhealthy")
		wait_until 20 grep -q "$word" said
		davit down -t 0
		! wait $! || fail "$(cat said)"
		is "$(names)" ""
	done
}
