# Rolling updates: what is asked of a service is answered all the time.
load ../lib

client=$BATS_TEST_DIRNAME/../rolling/client

# web VERSION UPDATE-CONFIG [REPLICAS [SCRIPT [MORE]]]: its page is its version; it is healthy when it answers, once there is /ok
web() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "${4:-touch /ok}; echo \$\$V >index.html; exec httpd -f -p 80"]
	    environment: {V: "$1"}
	    ports: ["8080:80"]
	    stop_grace_period: 2s
	    stop_signal: SIGKILL    # a first process minds no other that it has no handler for
	    healthcheck: {test: [CMD-SHELL, "test -e /ok && wget -q -O /dev/null http://127.0.0.1/"], interval: 200ms, retries: 2}
	    deploy: {replicas: ${3:-2}, update_config: {${2:-order: stop-first}}}
	    ${5:-}
	END
}

# asking REQUESTS: from now on, until answered is called
asking() {
	rm -f enough
	"$client" 127.0.0.1 8080 "$1" enough >answers 2>failures 3>&- &
	asker=$!
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $asker"
}

answered() {
	touch enough
	wait "$asker" || fail "$(cat answers; tail -n 3 failures)"
}

page() { curl -sf --max-time 2 http://127.0.0.1:8080/; }
pages_are() { [ "$(page)" = "$1" ] && [ "$(page)" = "$1" ]; }
names() { davit ps -a --format json | jq -r 'if type == "array" then .[] else . end | .Name' | sort | tr '\n' ' '; }
ids() { davit ps -aq | sort | tr '\n' ' '; }
# The rules change, the chains that the kernel calls stay: where new ones take their place a packet can find neither's rules.
chains() { nft -a list table inet "davit-$PROJECT" | grep -E '^table|chain (publish|prerouting|output) '; }
finished() { [ ! -e "$DAVIT_STATE_DIR/projects/$PROJECT/txn.json" ]; }

@test "10000 requests over 5 updates, one replica stopped and started after the other: none fails" {
	local n before
	web 0 'order: stop-first'
	up --wait
	before=$(chains)
	asking 10000
	for n in 1 2 3 4 5; do
		web $n 'order: stop-first'
		up
		pages_are $n
	done
	answered
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 "
	is "$(chains)" "$before"
}

@test "10000 requests over 5 updates of a single container, start-first: none fails" {
	web 0 'order: start-first' 1
	up --wait
	asking 10000
	local n
	for n in 1 2 3 4 5; do
		web $n 'order: start-first' 1
		up
		pages_are $n
	done
	answered
	is "$(names)" "$PROJECT-web-1 "
	is "$(davit port web 80)" 0.0.0.0:8080
	is "$(in_service web cat index.html)" 5
}

@test "a new version that does not become healthy: the update is paused, and what was there serves on" {
	local order before
	for order in stop-first start-first; do
		web 1 "order: $order"
		up --wait
		before=$(ids)
		asking 1000
		web 2 "order: $order" 2 'sleep 0'
		run -1 davit up -d
		has "$output" "is unhealthy"
		has "$output" "the update is paused: 0 of 2 containers are new"
		has "$output" "$PROJECT-web-1-next"
		answered
		is "$(ids)" "$before"
		is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 "
		wait_until 5 pages_are 1
		web 3 "order: $order"
		up
		pages_are 3
		davit down -t 0
	done
}

@test "failure_action: rollback: what was replaced already is replaced back, and no request fails" {
	mkdir gate
	web 1 'order: start-first, failure_action: rollback' 2 '' 'volumes: ["./gate:/gate"]'
	up --wait
	asking 1000
	# the first of them is healthy, the second is not
	web 2 'order: start-first, failure_action: rollback' 2 'mkdir /gate/once && touch /ok' 'volumes: ["./gate:/gate"]'
	run -1 davit up -d
	has "$output" "is unhealthy"
	has "$output" "generation 1 is running again"
	answered
	pages_are 1
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 "
	is "$(davit history --format '{{.Generation}} {{.Outcome}}{{.InForce}}' | xargs)" "2 failed 1 good*"
}

@test "a paused update is no place to go back to: the last good generation is" {
	web 1 'order: start-first'
	up --wait
	before=$(ids)
	web 2 'order: start-first' 2 'sleep 0'
	run -1 davit up -d
	web 3 'order: start-first, failure_action: rollback' 2 'sleep 0'
	run -1 davit up -d
	has "$output" "generation 1 is running again"
	is "$(ids)" "$before"
	is "$(grep -c 'web-1-next .*Creating' <<<"$output")" 1
	pages_are 1
}

@test "a version that ends soon after its start has failed, without a check, too" {
	web 1 'order: start-first'
	sed -i /healthcheck/d compose.yaml
	up
	wait_until 5 pages_are 1
	asking 100
	web 2 'order: start-first' 2 'exit 3'
	sed -i /healthcheck/d compose.yaml
	run -1 davit up -d
	has "$output" "exited (3) soon after its start"
	answered
	pages_are 1
}

@test "without a check, what comes serves when it listens, however long that takes" {
	local order n
	for order in start-first stop-first; do
		web 0 "order: $order" 2 'sleep 1.2'
		sed -i /healthcheck/d compose.yaml
		up
		wait_until 10 pages_are 0
		asking 1000
		for n in 1 2; do
			web $n "order: $order" 2 'sleep 1.2'
			sed -i /healthcheck/d compose.yaml
			up
			pages_are $n
		done
		answered
		davit down -t 0
	done
}

# One of two new ones does not become healthy.
half='case $$(hostname -i) in *[24680]) touch /ok;; esac'

@test "a version that its restart policy brings back again and again has failed, too" {
	web 1 'order: start-first, failure_action: rollback' 2 '' 'restart: always'
	up --wait
	before=$(ids)
	asking 1000
	web 2 'order: start-first, failure_action: rollback' 2 'exit 7' 'restart: always'
	run -1 davit up -d
	has "$output" "-next' ends again and again: exited (7)"
	has "$output" "generation 1 is running again"
	answered
	is "$(ids)" "$before"
}

@test "replicas behind a host port without update_config are updated so, too, and go back" {
	web 1
	sed -i 's/, update_config: {[^}]*}//' compose.yaml
	up --wait
	asking 1000
	web 2
	sed -i 's/, update_config: {[^}]*}//' compose.yaml
	up
	pages_are 2
	web 3 '' 2 "$half"
	sed -i 's/, update_config: {[^}]*}//' compose.yaml
	run -1 davit up -d
	answered
	pages_are 2
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 "
}

started() { davit ps -a --format '{{.Service}} {{.ID}}' | sort; record api started_ns; }

@test "who depends on what is rolled, with restart: true, is started again when that is through, and only then" {
	local before
	web 1 'order: start-first'
	cat >>compose.yaml <<-END
	  api:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: SIGKILL
	    depends_on: {web: {condition: service_healthy, restart: true}}
	END
	up --wait
	before=$(started | grep -v web)
	sed -i 's/V: "1"/V: "2"/; s/touch .ok;/sleep 0;/' compose.yaml
	run -1 davit up -d
	is "$(started | grep -v web)" "$before"
	sed -i 's/V: "2"/V: "3"/; s/sleep 0;/touch \/ok;/' compose.yaml
	run -2 davit plan
	has "$output" "restart   container  $PROJECT-api-1  its dependency is replaced"
	output=$(davit --progress plain up -d --wait 2>&1)
	is "$(grep -E 'Switched|api-1  (Stopping|Started|Healthy)' <<<"$output" | sed 's/.*-\([a-z]*-.\)  */\1 /' | xargs)" \
		"web-1 Switched web-2 Switched api-1 Stopping api-1 Started api-1 Healthy"
	is "$(started | grep api)" "$(grep api <<<"$before")"
	[ "$(started | tail -n 1)" != "$(tail -n 1 <<<"$before")" ]
	before=$(started)
	up
	is "$(started)" "$before"
	# and when the supervisor is killed in between
	sed -i 's/V: "3"/V: "4"/' compose.yaml
	davit --progress plain up -d >said 2>&1 3>&- &
	wait_until 20 grep -q 'web-2  Switched' said
	kill_supervisor
	wait $! || fail "$(cat said)"
	[ "$(started | tail -n 1)" != "$(tail -n 1 <<<"$before")" ]
}

@test "what has failed of an update is counted on by the supervisor that takes over" {
	web 1 'order: start-first, max_failure_ratio: 0.4' 3
	up --wait
	web 2 'order: start-first, max_failure_ratio: 0.4' 3 'sleep 0'
	davit --progress plain up -d >said 2>&1 3>&- &
	wait_until 20 grep -q 'web-2-next  Starting' said
	kill_supervisor
	! wait $! || fail "$(cat said)"
	cat said
	has "$(cat said)" "web-2-next' is unhealthy"
	is "$(grep -c 'web-1-next  Creating' said)" 1
	lacks "$(cat said)" web-3-next
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 $PROJECT-web-3 "
	pages_are 1
}

@test "a turn that was waited for does not come when the update was given up meanwhile" {
	mkdir gate
	web 1 'order: start-first, parallelism: 2' 4 '' 'volumes: ["./gate:/gate"]'
	up --wait
	# the first is through, and another may follow, after a while; meanwhile the second fails
	web 2 'order: start-first, parallelism: 2, delay: 3s' 4 'mkdir /gate/once && touch /ok; test -e /ok || { sleep 1; exit 3; }' \
		'volumes: ["./gate:/gate"]'
	sed -i 's/retries: 2/retries: 1000/' compose.yaml
	output=$(davit --progress plain up -d 2>&1) && fail "$output"
	has "$output" "exited (3)"
	has "$output" "the update is paused: 1 of 4 containers are new"
	lacks "$output" web-3-next
	lacks "$output" web-4-next
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 $PROJECT-web-3 $PROJECT-web-4 "
}

@test "an update that was given up is not taken up again by the supervisor that takes over" {
	local txn=$DAVIT_STATE_DIR/projects/$PROJECT/txn.json order
	for order in start-first stop-first; do
		rm -rf gate
		mkdir gate
		web 1 "order: $order, parallelism: 2" 3 '' 'volumes: ["./gate:/gate"]'
		up --wait
		# one ends, the other takes for ever
		web 2 "order: $order, parallelism: 2" 3 'mkdir /gate/once && exit 3; sleep 0' 'volumes: ["./gate:/gate"]'
		sed -i 's/retries: 2/retries: 1000/' compose.yaml
		davit --progress plain up -d >said 2>&1 3>&- &
		wait_until 20 grep -qs '"given_up": *true' "$txn"
		kill_supervisor
		! wait $! || fail "$(cat said)"
		cat said
		has "$(cat said)" "exited (3)"
		is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 $PROJECT-web-3 "
		wait_until 5 pages_are 1
		davit down -t 0
	done
}

# beside_web VERSION: what the second one takes away, and puts in its place
beside_web() {
	if [ "$1" = 1 ]; then
		cat <<-END
		  api: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, deploy: {replicas: 2}}
		  gone: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
		  door: {image: busybox, command: [httpd, -f, -p, "80"], ports: ["8090:80"], stop_signal: SIGKILL}
		END
	else
		cat <<-END
		  api: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL}
		  gate: {image: busybox, command: [httpd, -f, -p, "80"], ports: ["8090:80"], stop_signal: SIGKILL}
		END
	fi
}

running() { davit ps --format '{{.Service}} {{.ID}}' | sort; }

@test "what an update takes away beside goes when all of it is through, and stays when it is given up" {
	local how before
	for how in pause rollback; do
		web 1 "order: start-first, failure_action: $how" 3
		beside_web 1 >>compose.yaml
		up --wait
		before=$(running)
		web 2 "order: start-first, failure_action: $how" 2 'sleep 0'
		beside_web 2 >>compose.yaml
		run -1 davit up -d --remove-orphans
		has "$output" "is unhealthy"
		# the port is the new one's
		[ $how = rollback ] || before=$(grep -v '^door' <<<"$before")
		is "$(running | grep -v '^gate')" "$before"
		[ $how = pause ] || lacks "$(running)" gate
		web 3 "order: start-first, failure_action: $how" 2
		beside_web 2 >>compose.yaml
		up --remove-orphans
		is "$(running | cut -d' ' -f1 | xargs)" "api gate web web"
		is "$(names)" "$PROJECT-api-1 $PROJECT-gate-1 $PROJECT-web-1 $PROJECT-web-2 "
		davit down -t 0
	done
}

@test "killed anywhere in an update that fails: what it was to take away runs on, or again" {
	local n how before lines
	for n in 1 2 3 4 5 6; do
		how=$([ $((n % 2)) = 0 ] && echo pause || echo rollback)
		web 1 "order: start-first, failure_action: $how" 3
		beside_web 1 >>compose.yaml
		up --wait
		before=$(running)
		lines=$(journal_lines)
		web 2 "order: start-first, failure_action: $how" 2 'sleep 0'
		beside_web 2 >>compose.yaml
		davit up -d --remove-orphans >said 2>&1 3>&- &
		kill_at $((lines + n * 5)) $!
		! wait $! || fail "$(cat said)"
		wait_until 20 finished
		# the port is the new one's, when it had come to the update
		[ $how = rollback ] || before=$(grep -v '^door' <<<"$before")
		is "$(running | if [ $how = rollback ]; then cat; else grep -vE '^(door|gate)'; fi)" "$before"
		davit down -t 0
	done
	[ "${killed:-0}" -gt 0 ]
}

@test "an update that is taken back takes its new services, networks and volumes along; orphans of its user's are left alone" {
	web 1 'order: start-first, failure_action: rollback' 1
	beside_web 1 >>compose.yaml
	up --wait
	web 1 'order: start-first, failure_action: rollback' 1
	up
	web 2 'order: start-first, failure_action: rollback' 1 'sleep 0'
	echo '  more: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, networks: [aside], volumes: ["stuff:/stuff"]}' >>compose.yaml
	sed -i 's/    stop_grace_period: 2s/&\n    networks: [default, aside]/' compose.yaml
	printf 'networks: {aside: {}}\nvolumes: {stuff: {}}\n' >>compose.yaml
	run -1 davit up -d
	is "$(running | cut -d' ' -f1 | xargs)" "api api door gone web"
	is "$(ls "$DAVIT_STATE_DIR/volumes" | grep -c stuff)" 0
	is "$(ip -o link show type bridge | wc -l)" 1
}

@test "who does not wait long enough finds the old version in its place" {
	local how
	for how in stop-first start-first; do
		web 1 "order: $how" 1
		[ $how = start-first ] || sed -i 's/replicas: 1/replicas: 2/' compose.yaml
		up --wait
		sed -i 's/V: "1"/V: "2"/; s/retries: 2/retries: 1000/; s/touch .ok;/sleep 0;/' compose.yaml
		run -1 davit up -d --wait --wait-timeout 1
		has "$output" "not healthy after 1s"
		wait_until 5 pages_are 1
		lacks "$(names)" next
		lacks "$(names)" old
		davit down -t 0
	done
}

@test "plan says how it is replaced" {
	web 1 'order: start-first'
	up
	web 2 'order: start-first'
	run -2 davit plan
	has "$output" "recreate  container  $PROJECT-web-1  configuration changed; rolling, start-first"
}

@test "what a container said stays in the log of its service: of those before, and of one that did not make it" {
	web 1 'order: start-first' 1 'echo version one; touch /ok'
	up --wait
	web 2 'order: start-first' 1 'echo version two; touch /ok'
	up
	web 3 'order: start-first' 1 'echo version three; exit 3'
	run -1 davit up -d
	is "$(davit logs --no-log-prefix --no-color web)" "$(printf 'version %s\n' one two three)"
	davit logs --no-color web | grep -q "^web-1 *| version one"
	is "$(davit logs --no-log-prefix --no-color --tail 1 web)" "version two"
	is "$(davit doctor)" "nothing amiss"      # the log of the other side is no leftover
}

@test "failures that are tolerated or passed over do not keep the others" {
	web 1 'order: start-first'
	up --wait
	web 2 'order: start-first, max_failure_ratio: 0.5' 2 'case $$(hostname -i) in *.4) ;; *) touch /ok;; esac'
	run -0 davit up -d
	has "$output" "the update goes on"
	is "$(for n in 1 2; do davit exec -T --index $n web cat index.html; done | sort | tr '\n' ' ')" "1 2 "
	web 3 'order: start-first, failure_action: continue' 2 'case $$(hostname -i) in *.4) ;; *) touch /ok;; esac'
	run davit up -d
	[ "$(for n in 1 2; do davit exec -T --index $n web cat index.html; done | grep -c 3)" -ge 1 ]
}

@test "when all have failed nothing is updated, whatever is tolerated: up has failed, and its generation is none to go back to" {
	web 1 'order: start-first, max_failure_ratio: 1'
	up --wait
	web 2 'order: start-first, max_failure_ratio: 1' 2 'sleep 0'
	run -1 davit up -d
	has "$output" "the update goes on"
	has "$output" "web-2-next' is unhealthy"
	is "$(davit history --format '{{.Generation}} {{.Outcome}}' | xargs)" "2 failed 1 good"
	web 3 'order: start-first'
	up
	davit rollback >/dev/null 2>&1
	pages_are 1
}

@test "a conversation goes on with the container that it began with, to its end" {
	web 1 'order: start-first' 1 'touch /ok' 'stop_grace_period: 20s'
	sed -i '/stop_grace_period: 2s/d' compose.yaml
	mkdir -p cgi-bin
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"; echo begun; while [ ! -e /go ]; do sleep 0.1; done; echo $V\n' >cgi-bin/slow
	chmod +x cgi-bin/slow
	sed -i 's|    ports:|    volumes: ["./cgi-bin:/cgi-bin"]\n&|' compose.yaml
	up --wait
	curl -sN http://127.0.0.1:8080/cgi-bin/slow >slow 3>&- &
	local talk=$!
	wait_until 5 grep -q begun slow
	sed -i 's/V: "1"/V: "2"/' compose.yaml
	davit up -d >said 2>&1 3>&- &
	local update=$!
	wait_until 10 pages_are 2
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-1-old "
	davit events --since 1h --until 0s >/dev/null 2>&1 || :
	nsenter -t "$(pid_of web)" -m -r true 2>/dev/null || :
	touch "/proc/$(pid_of web)/root/go"
	wait $talk
	wait $update
	is "$(tail -n 1 slow)" 1
	is "$(names)" "$PROJECT-web-1 "
}

@test "killed anywhere, an update goes on, and nobody notices" {
	web 0 'order: start-first'
	up --wait
	local n=0 lines before
	asking 5000
	for n in 1 2 3 4 5 6; do
		before=$(journal_lines)
		web $n "order: $([ $((n % 2)) = 0 ] && echo stop-first || echo start-first)"
		davit up -d >said 2>&1 3>&- &
		kill_at $((before + n * 5)) $!
		wait $! || :
		wait_until 20 finished
		wait_until 10 pages_are $n
		wait_until 5 eval '[ "$(names)" = "$PROJECT-web-1 $PROJECT-web-2 " ]'
	done
	answered
	[ "${killed:-0}" -gt 0 ]
}

@test "down in the middle of an update leaves nothing" {
	web 1 'order: start-first'
	up --wait
	web 2 'order: start-first' 2 'sleep 0'
	sed -i 's/retries: 2/retries: 100/' compose.yaml
	davit up -d >said 2>&1 3>&- &
	wait_until 5 eval 'names | grep -q next'
	davit down -t 0
	wait || :
	is "$(names)" ""
}

@test "where there cannot be two of a container it is replaced in its place, and that is said" {
	web 1 'order: start-first' 1 'touch /ok' 'networks: {default: {ipv4_address: 10.88.1.9}}'
	printf 'networks: {default: {ipam: {config: [{subnet: 10.88.1.0/24}]}}}\n' >>compose.yaml
	up --wait
	sed -i 's/V: "1"/V: "2"/' compose.yaml
	run -0 davit up -d
	has "$output" "replaced stop-first"
	wait_until 5 pages_are 2
	is "$(in_service web hostname -i)" 10.88.1.9
}

@test "the turns: how many at a time, and when" {
	web 1 'order: start-first, parallelism: 2' 3
	up --wait
	web 2 'order: start-first, parallelism: 2, delay: 1s' 3
	local began=${EPOCHREALTIME/[.,]/}
	output=$(davit --progress plain up -d 2>&1)
	((${EPOCHREALTIME/[.,]/} - began >= 1000000))
	local third
	third=$(grep -n "web-3-next  Creating" <<<"$output" | cut -d: -f1)
	[ "$(grep -n "web-[12]  Switched" <<<"$output" | cut -d: -f1 | sort -n | head -n 1)" -lt "$third" ]
	[ "$(grep -nE "web-[12]-next  Creating" <<<"$output" | cut -d: -f1 | sort -n | tail -n 1)" -lt \
		"$(grep -n "Switched" <<<"$output" | head -n 1 | cut -d: -f1)" ]
	davit events --since 1h --until "$(date +%s)" >told || :
	grep -q "rename" told
}

@test "a turn that is an hour away holds up nobody: neither down nor the request's own limit" {
	web 1 'order: start-first, delay: 1h'
	up --wait
	web 2 'order: start-first, delay: 1h'
	run -1 davit up -d --wait --wait-timeout 4
	has "$output" "not healthy after 4s"
	is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 "
	web 3 'order: start-first, delay: 1h'
	davit up -d >said 2>&1 3>&- &
	wait_until 20 grep -q "old  Removed" said
	davit down -t 0
	wait || :
	is "$(names)" ""
}

@test "an update that is given up because it takes too long leaves one container in each place" {
	local order
	for order in start-first stop-first; do
		web 1 "order: $order"
		up --wait
		web 2 "order: $order" 2 'sleep 0'
		sed -i 's/retries: 2/retries: 1000/' compose.yaml
		run -1 davit up -d --wait --wait-timeout 3
		has "$output" "not healthy after 3s"
		is "$(names)" "$PROJECT-web-1 $PROJECT-web-2 "
		wait_until 5 pages_are 1
		davit down -t 0
	done
}
