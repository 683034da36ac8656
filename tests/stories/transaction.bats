# `up` is a transaction: when it cannot do all of it, what was there before runs on, as it was.
load ../lib

ids() { davit ps -a --format json | jq -r 'if type == "array" then .[] else . end | "\(.Service) \(.ID)"' | sort; }
anonymous() { record "$1" 'anon_volumes' | jq -r '.[]?'; }
generations() { ls "$DAVIT_STATE_DIR/projects/$PROJECT/generations" | sort -n; }
in_force() { tac "$DAVIT_STATE_DIR/projects/$PROJECT/journal" | grep -m 1 '"project":' | jq .project.generation; }
outcome() { jq -r .outcome "$DAVIT_STATE_DIR/projects/$PROJECT/generations/$1.json"; }

two() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]
	    ports: ["127.0.0.1:8066:80"]
	    volumes: ["/data"]
	    environment: {V: "$1"}
	    healthcheck: {test: "${2:-true}", interval: 50ms, retries: 2, start_interval: 50ms}
	  other: {image: busybox, command: [sleep, inf], environment: {V: "$1"}, stop_signal: SIGKILL}
	END
}

speaks_as() { is "$(sh_in web 'echo $V' 2>&1)" "$1"; }
book_is_locked() { ! flock -n "$DAVIT_STATE_DIR/networks/.lock" true; }

@test "a replaced service whose successor gets unhealthy: the same containers run on, up says why" {
	two 1
	up
	sh_in web 'echo kept >/data/file; echo mine >/written'
	local before volumes
	before=$(ids) volumes=$(anonymous web)
	two 2 "echo not well; false"
	run -1 davit up -d
	has "$output" "is unhealthy"
	has "$output" "not well"
	is "$(ids)" "$before"
	is "$(anonymous web)" "$volumes"
	is "$(sh_in web 'cat /data/file /written; echo $V')" "kept
mine
1"
	is "$(ps_field other State)" running
	wait_until 5 health_is web healthy
	is "$(in_force)" 1
	is "$(outcome 1) $(outcome 2)" "good failed"
	[ "$(ls "$DAVIT_STATE_DIR/projects/$PROJECT/containers" | wc -l)" = 2 ]
	# and the next one does not stumble over it
	two 3
	up
	is "$(sh_in web 'cat /data/file; echo $V')" "kept
3"
	is "$(in_force) $(outcome 3)" "3 good"
	[ "$(ls "$DAVIT_STATE_DIR/projects/$PROJECT/containers" | wc -l)" = 2 ]
}

# The address book of networks is locked by somebody else while the way back needs it.
@test "a way back that cannot be begun is tried once more" {
	two 1
	up
	local before up lock status=0
	before=$(ids)
	two 2 "until test -e /tmp/go; do sleep 0.05; done; false"
	davit up -d >said 2>&1 &
	up=$!
	wait_until 10 speaks_as 2
	flock "$DAVIT_STATE_DIR/networks/.lock" sleep inf &
	lock=$!
	wait_until 5 book_is_locked
	sh_in web 'touch /tmp/go'
	wait_until 20 grep -q 'it is tried once more' "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"
	pkill -P "$lock"
	wait "$up" || status=$?
	is "$status" 1
	lacks "$(cat said)" "could not be"
	is "$(ids)" "$before"
	wait_until 5 health_is web healthy
	is "$(in_force) $(outcome 2) $(sh_in web 'echo $V')" "1 failed 1"
}

@test "a successor that cannot be started, or ends at once: the last good generation runs again" {
	two 1
	up
	local before
	before=$(ids)
	# the other one takes its time, so that this one has ended when all are judged
	sed -i 's/command: \["sh".*/command: ["sh", "-c", "exit 3"]/; s/healthcheck:.*/init: false/
		s/V: "1"}, stop/V: "2"}, healthcheck: {test: sleep 1, interval: 10s}, stop/' compose.yaml
	run -1 davit up -d
	has "$output" "exited (3)"
	is "$(ids)" "$before"
	is "$(ps_field web State)" running
}

@test "a successor that its restart policy brings back again and again: the last good generation runs again" {
	once() {
		compose <<-END
		services:
		  one: {image: busybox, command: [sh, -c, "$1"], restart: unless-stopped, stop_grace_period: 0s, healthcheck: {test: "test -e /tmp/well", interval: 1s}}
		END
	}
	once "touch /tmp/well; exec sleep inf"
	up --wait
	before=$(davit ps -q)
	once "exit 7"
	run -1 davit up -d --wait
	has "$output" "container '$PROJECT-one-1' ends again and again: exited (7)"
	has "$output" "generation 1 is running again"
	is "$(davit ps -q)" "$before"
}

@test "new services, networks and volumes of a failed up are taken back" {
	two 1
	up
	local before
	before=$(ids)
	cat >>compose.yaml <<-END
	  third: {image: busybox, command: [sleep, inf], networks: [more], volumes: ["stuff:/stuff"]}
	  bad: {image: busybox, command: [/no/such/program], depends_on: [third]}
	networks: {more: {}}
	volumes: {stuff: {}}
	END
	run -127 davit up -d
	has "$output" "/no/such/program"
	is "$(ids)" "$before"
	is "$(davit volumes -q | grep -c stuff)" 0
	[ ! -e "$DAVIT_STATE_DIR/networks/${PROJECT}_more.json" ]
	is "$(in_force)" 1
	sed -i 's,/no/such/program,/bin/true,' compose.yaml
	up
	is "$(ps_field third State)" running
}

@test "the failing container's last lines are shown, and what runs again" {
	two 1
	up
	sed -i 's/command: \["sh".*/command: ["sh", "-c", "seq 1 30; echo last words >\&2; exec sleep inf"]/; s/test: "true"/test: "echo sick; false"/' compose.yaml
	run -1 davit up -d
	has "$output" "said last:"
	has "$output" "  last words"
	has "$output" "  30"
	lacks "$output" "  20"
	has "$output" "sick"
	has "$output" "generation 1 is running again"
}

@test "history lists generations, rollback brings one back with the image that it had" {
	# a name of its own: all stories share one store
	davit image tag busybox moves:1
	two 1
	sed -i 's/image: busybox/image: moves:1/' compose.yaml
	up
	sed -i 's/V: "1"/V: "2"/' compose.yaml
	up
	is "$(davit history -q | xargs)" "2 1"
	is "$(davit history --format '{{.Generation}} {{.Command}} {{.Outcome}}{{.InForce}}' | xargs)" "2 up good* 1 up good"
	has "$(davit history)" "GENERATION"
	is "$(davit history --format json | jq -r 'if type == "array" then .[] else . end | .Services' | sort -u)" "other,web"
	up
	is "$(davit history -q | xargs)" "2 1"          # nothing changed
	local id
	id=$(record web image_id)
	davit image tag redis moves:1                   # the name means something else now
	output=$(davit rollback 2>&1) || fail "$output"
	davit image tag busybox moves:1
	is "$(sh_in web 'echo $V')" 1
	is "$(record web image_id)" "$id"
	is "$(davit history --format '{{.Generation}} {{.Command}}{{.InForce}}' | head -n 1)" "3 rollback 1*"
	davit rollback 2 >/dev/null 2>&1
	is "$(sh_in web 'echo $V') $(in_force)" "2 4"
	run -1 davit rollback 77
	has "$output" "there is no generation 77"
	run -1 davit rollback x
}

@test "run, of a service whose profile is off, too, makes no generation; history says which command made one" {
	jobs_too() {
		two "$1"
		cat >>compose.yaml <<-END
		  job: {image: busybox, command: [sh, -c, exit 3], profiles: [tools], depends_on: [other]}
		END
	}
	jobs_too 1
	up
	jobs_too 2
	up
	davit kill other >/dev/null 2>&1
	run -3 davit run --rm job
	up
	davit run --rm web true >/dev/null 2>&1
	up
	is "$(davit history -q | xargs)" "2 1"
	davit rollback >/dev/null 2>&1
	is "$(sh_in web 'echo $V')" 1
	davit scale other=2 >/dev/null 2>&1
	is "$(davit history --format '{{.Command}}' | head -n 1)" scale
	run -3 davit run --rm job               # its file is another one by now: what it needs is made anew
	is "$(davit history --format '{{.Command}}' | head -n 1)" run
}

@test "a comment, a moved line, another order of keys: no new generation, and model.json stays as it is" {
	two 1
	up
	local before model
	before=$(ids) model=$(stat -c %i "$DAVIT_STATE_DIR/projects/$PROJECT/model.json")
	sed -i '1i # what this is about\n' compose.yaml
	sed -i '/^    environment:/{h;d};/^    healthcheck:/G' compose.yaml
	up
	is "$(davit history -q | xargs)" 1
	is "$(ids)" "$before"
	is "$(stat -c %i "$DAVIT_STATE_DIR/projects/$PROJECT/model.json")" "$model"
	# nor when `run` of what a profile hides has been there in between, with a model of its own
	printf '  job: {image: busybox, profiles: [jobs], command: [sh, -c, exit 3]}\n' >>compose.yaml
	up
	local n
	n=$(davit history -q | head -n 1)
	run -3 davit run --rm job
	sed -i '1i # and once more' compose.yaml
	up
	is "$(davit history -q | head -n 1)" "$n"
	is "$(ids)" "$before"
	# and what changes without a new container does make one
	echo 'x-note: for people' >>compose.yaml
	up
	is "$(davit history -q | head -n 1)" $((n + 1))
	is "$(ids)" "$before"
}

@test "killed while it sets a container aside, and then in vain: the same container runs again with all that it had" {
	mkdir -p dir/part
	echo there >dir/part/file
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: SIGKILL
	    secrets: [word]
	    volumes: [{type: volume, source: stuff, target: /part, volume: {subpath: part}}]
	  first: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, volumes: ["stuff:/all"]}
	secrets: {word: {environment: WORD}}
	volumes: {stuff: {driver_opts: {type: none, o: bind, device: $PWD/dir}}}
	END
	export WORD=secret
	up
	local before run=$DAVIT_RUN_DIR/projects/$PROJECT id
	before=$(ids) id=$(record web id | jq -r .)
	# as the killed one left it: it has ended, and has by its own name what it had by its slot's
	out_of_the_way() {
		davit kill web
		wait_until 5 state_is web exited
		mv "$run/secrets/web-1" "$run/secrets/$id"
		mv "$run/subpath/web-1" "$run/subpath/$id"
	}
	out_of_the_way
	up
	is "$(ids)" "$before"
	is "$(sh_in web 'cat /run/secrets/word; echo; cat /part/file')" "secret
there"
	[ ! -e "$run/secrets/$id" ]
	# nor does it leave anything when nobody wants it again
	out_of_the_way
	davit down -t 0
	wait_until 5 no_leaks
}

@test "what was replaced for good and could not be removed never comes back, and goes when it can" {
	two 1
	up
	local dir=$DAVIT_STATE_DIR/projects/$PROJECT/containers stuck before
	stuck=$dir/$(record web id | jq -r .)
	mkdir "$stuck/mounted"
	mount -t tmpfs stuck "$stuck/mounted"
	two 2
	up
	before=$(ids)
	is "$(record web parked.replaced)" true
	up
	is "$(ids)" "$before"
	two 3 false
	run -1 davit up -d
	is "$(sh_in web 'echo $V') $(in_force)" "2 2"
	is "$(ids)" "$before"
	is "$(record web parked) $(ls "$dir" | wc -l)" "null 3"
	umount "$stuck/mounted"
	two 4
	up
	is "$(sh_in web 'echo $V') $(in_force)" "4 4"
	is "$(ls "$dir" | wc -l)" 2
	[ ! -e "$stuck" ]
}

@test "a replica that cannot have the address it is to have leaves no namespace behind" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, networks: {default: {ipv4_address: 10.99.0.9}}}
	networks: {default: {ipam: {config: [{subnet: 10.99.0.0/24}]}}}
	END
	up
	run -1 davit scale web=2
	has "$output" "belongs to '$PROJECT/web-1'"
	only_one() { is "$(ls "$DAVIT_RUN_DIR/projects/$PROJECT/netns")" web-1; }
	wait_until 5 only_one
	davit doctor
}

@test "a rollback whose image is gone says so, and touches nothing" {
	two 1
	up
	local before
	two 2
	up
	before=$(ids)
	jq -c '.images.web.id = "sha256:00000000000000000000000000000000000000000000000000000000000000ff"' \
		"$DAVIT_STATE_DIR/projects/$PROJECT/generations/1.json" >one
	cp one "$DAVIT_STATE_DIR/projects/$PROJECT/generations/1.json"
	run -1 davit rollback
	has "$output" "of service 'web', as generation 1 had it"
	is "$(ids)" "$before"
}

@test "what can be known to fail does before anything is stopped: a port, a bind source, a command" {
	two 1
	up
	local before stopped
	before=$(ids) stopped=$(davit events --since 1h --until 0s 2>/dev/null | grep -c ' die ') || :
	python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 8067)); s.listen(); print("there", flush=True); time.sleep(600)' >listens 3>&- </dev/null &
	KEPT_PROCESSES=$!
	wait_until 5 grep -q there listens
	sed -i 's/8066:80/8067:80/; s/V: "1"/V: "2"/' compose.yaml
	run -1 davit up -d
	has "$output" "8067"
	has "$output" "compose.yaml:5"
	has "$output" "warning: nothing was changed"
	lacks "$output" undone
	is "$(ids)" "$before"
	sed -i 's/8067:80/8066:80/; s,\["sh".*,[no-such-program],' compose.yaml
	run -127 davit up -d
	has "$output" "no-such-program"
	has "$output" "compose.yaml:4"
	has "$output" "warning: nothing was changed"
	lacks "$output" undone
	is "$(ids)" "$before"
	is "$(davit events --since 1h --until 0s 2>/dev/null | grep -c ' die ' || :)" "$stopped"
	# of what is new, too: nothing of it is begun, and nobody else is stopped for it
	two 2
	echo '  fresh: {image: busybox, command: [no-such-program]}' >>compose.yaml
	run -127 davit up -d
	has "$output" "no-such-program"
	has "$output" "warning: nothing was changed"
	lacks "$output" Creating
	is "$(ids)" "$before"
	is "$(davit events --since 1h --until 0s 2>/dev/null | grep -c ' die ' || :)" "$stopped"
	# its own port is no obstacle
	two 2
	up
}

@test "an up that is tried again and again in vain does not fill the disk with generations" {
	two 1
	up
	local dir=$DAVIT_STATE_DIR/projects/$PROJECT/generations n
	for n in $(seq 2 60); do
		jq ".n = $n | .outcome = \"failed\"" "$dir/1.json" >"$dir/$n.json"
	done
	two 2 false
	run -1 davit up -d
	are_31() { is "$(generations | wc -l)" 31; }
	wait_until 5 are_31                  # nobody waits for them to go
	is "$(outcome 61)" failed
	is "$(in_force)" 1
}

@test "stop in the middle of an up: what was there before is there again, stopped; down takes both away" {
	two 1
	up
	local before
	before=$(ids)
	two 2 "false"
	sed -i 's/retries: 2/retries: 1000/' compose.yaml
	"$DAVIT" up -d >shown 2>&1 3>&- &
	wait_until 10 eval '[ "$(sh_in web "echo \$V" 2>/dev/null)" = 2 ]'
	davit stop -t 0
	not wait $!
	has "$(cat shown)" "superseded by 'stop'"
	is "$(ids)" "$before"
	is "$(davit ps -q | wc -l) $(in_force)" "0 1"
	davit start
	is "$(sh_in web 'echo $V')" 1
	"$DAVIT" up -d >shown 2>&1 3>&- &
	wait_until 10 eval '[ "$(sh_in web "echo \$V" 2>/dev/null)" = 2 ]'
	davit down -v -t 0
	not wait $!
	wait_until 5 no_leaks
}

@test "a first up that is left to be looked at: history says that it failed and is in force, there is nothing to go back to" {
	local dir=$PWD
	compose <<-END
	services:
	  sick: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, volumes: ["$dir:/here:ro"], healthcheck: {test: test -e /here/well, interval: 50ms, retries: 1}}
	  web: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, depends_on: {sick: {condition: service_healthy}}}
	END
	run -1 davit up -d
	lacks "$output" undone
	is "$(davit history --format '{{.Generation}} {{.Outcome}}{{.InForce}}')" "1 failed*"
	run -0 --separate-stderr davit history
	has "$output" "is unhealthy"
	has "$stderr" "generation 1 failed, and what there is of it was left as it is"
	run -1 davit rollback
	has "$output" "has no generation to go back to"
	has "$output" "generation 1, which is in force, failed"
	state_is sick running
	# another try of the same, in vain, of a part, and one that succeeds
	run -1 davit up -d
	is "$(davit history --format '{{.Outcome}}')" failed
	up --no-start
	is "$(davit history --format '{{.Outcome}}')" failed
	touch well
	wait_until 5 health_is sick healthy
	up
	is "$(davit history --format '{{.Generation}} {{.Outcome}}{{.InForce}}{{.Why}}')" "1 good*"
	run -0 --separate-stderr davit history
	is "$stderr" ""
	# so there is something to go back to from the next one
	sed -i 's/  web: {/&environment: {V: "2"}, /' compose.yaml
	up
	davit rollback 2>/dev/null
	is "$(davit history --format '{{.Generation}} {{.Command}}{{.InForce}}' | head -n 1)" "3 rollback 1*"
}
