# `up` with flags that change what it does to containers, failing in the middle: afterwards all is as it was, and nothing new is left.
load ../lib

records() { davit ps -a --format json | jq -c 'if type == "array" then .[] else . end | [.Service, .ID, .State]' | sort; }
names() { (cd "$1" 2>/dev/null && ls); }
networks() { (cd "$DAVIT_STATE_DIR/networks" && ls | grep "^$PROJECT"); }
groups() { find /sys/fs/cgroup -type d -path "*/davit/$PROJECT/*" | sort; }
# What the anonymous volumes of containers are, and what is in them.
anonymous() {
	local service
	for service in web other; do
		tac "$DAVIT_STATE_DIR/projects/$PROJECT/journal" | grep -m 1 "\"slot\":\"$service-1\"" | jq -c '[.unit.slot, .unit.anon_volumes, .unit.parked]'
	done
	(cd "$DAVIT_STATE_DIR/volumes" && find . -type f -exec grep -H . {} + | sort)
}

# Of all that a failed `up` might leave.
as_it_is() {
	records
	anonymous
	names "$DAVIT_STATE_DIR/projects/$PROJECT/containers"
	names "$DAVIT_RUN_DIR/projects/$PROJECT/netns"
	names "$DAVIT_RUN_DIR/projects/$PROJECT/bundle"
	networks
	groups
	davit plan 2>&1
	echo "plan: $?"
}

# project V: what runs; each has an anonymous volume.
project() {
	compose <<-END
	services:
	  other: {image: busybox, command: [sleep, inf], init: true, environment: {V: "$1"}, volumes: [/mine]}
	  web: {image: busybox, command: [sleep, inf], init: true, environment: {V: "$1"}, volumes: [/data], depends_on: [other]}
	END
}

runs() {
	project 1
	up
	sh_in web 'echo of web >/data/file'
	sh_in other 'echo of other >/mine/file'
}

# fails STATUS WORDS -- OPTION...: `up -d` with those options does, says that, and then nothing is different.
fails() {
	local status=$1 words=$2 before
	shift 3
	before=$(as_it_is)
	run "-$status" davit up "$@"
	has "$output" "$words"
	diff <(echo "$before") <(as_it_is) || fail "and it said: $output"
	run -0 davit doctor
	is "$output" "nothing amiss"
}

# Everything of before runs, with what it had.
all_there() {
	is "$(sh_in web 'cat /data/file; echo $V')" "of web
1"
	is "$(sh_in other 'cat /mine/file; echo $V')" "of other
1"
}

# then_goes OPTION...: what was wrong is mended: the same command goes through.
then_goes() {
	davit up "$@" >shown 2>&1 || fail "$(cat shown)"
	run -0 davit doctor
	is "$output" "nothing amiss"
}

# Only the runtime sees that it cannot be.
cannot_be_made() {
	cat >>compose.yaml <<-END
	  bad: {image: busybox, command: [sleep, inf], sysctls: {net.no.such: "1"}, volumes: [/new, "stuff:/stuff"], depends_on: [web], networks: [more]}
	networks: {more: {}}
	volumes: {stuff: {}}
	END
}

# Free when it is looked for, taken when it is needed: by one that shares the host's network.
port_gets_taken() {
	cat >>compose.yaml <<-END
	  taker: {image: busybox, command: [httpd, -f, -p, "127.0.0.1:8077"], network_mode: host, volumes: [/new], depends_on: [web],
	    healthcheck: {test: "grep -q :1F8D /proc/net/tcp", start_interval: 20ms, interval: 1s}}
	  bad: {image: busybox, command: [sleep, inf], ports: ["127.0.0.1:8077:80"], depends_on: {taker: {condition: service_healthy}}, volumes: [/new]}
	END
}

@test "up --no-start that cannot make one of them: what it had stopped runs again" {
	runs
	project 2
	cannot_be_made
	fails 1 "net.no.such" -- --no-start
	all_there
	sed -i 's/ sysctls:[^}]*},//' compose.yaml
	then_goes --no-start
	is "$(davit ps -a --format '{{.Service}} {{.State}}' | sort | xargs)" "bad created other created web created"
}

@test "up --no-start of what is new only, in vain: what runs is not touched" {
	runs
	cannot_be_made
	local pid
	pid=$(pid_of web)
	fails 1 "net.no.such" -- --no-start
	is "$(pid_of web)" "$pid"
	all_there
}

@test "up -V, and one cannot be made: the anonymous volumes of before are there, with what is in them, and no others" {
	runs
	project 2
	cannot_be_made
	fails 1 "net.no.such" -- -d -V
	all_there
	sed -i 's/ sysctls:[^}]*},//' compose.yaml
	then_goes -d --renew-anon-volumes
	is "$(sh_in web 'ls /data; echo $V')" 2
	is "$(ls "$DAVIT_STATE_DIR/volumes" | wc -l)" 4       # web's, other's, bad's, and stuff
}

@test "up -V --force-recreate of a file that has not changed, and one does not get well" {
	runs
	cat >go.sh <<-END
	[ -e /tmp/second ] && { echo not well; exit 1; }
	exit 0
	END
	cat >>compose.yaml <<-END
	  sick: {image: busybox, command: [sleep, inf], init: true, volumes: ["./go:/tmp", "./go.sh:/go.sh", /new], depends_on: [web],
	    healthcheck: {test: sh /go.sh, retries: 2, interval: 20ms, start_interval: 20ms}}
	END
	mkdir go
	up --wait
	touch go/second
	local before
	before=$(as_it_is)
	run -1 davit up -d -V --force-recreate
	has "$output" "is unhealthy"
	rm go/second
	wait_until 10 health_is sick healthy
	diff <(echo "$before") <(as_it_is) || fail "$output"
	all_there
}

@test "up -V, and a host port is taken in the middle" {
	runs
	project 2
	port_gets_taken
	fails 1 "8077" -- -d -V
	all_there
	sed -i '/  bad:/d' compose.yaml
	then_goes -d -V
	run -0 davit plan
}

@test "up --no-recreate: what has changed runs on, also when what is new cannot be" {
	runs
	project 2
	cannot_be_made
	local pid
	pid=$(pid_of web)
	fails 1 "net.no.such" -- -d --no-recreate
	is "$(pid_of web)" "$pid"
	all_there
	project 2
	port_gets_taken
	fails 1 "8077" -- -d --no-recreate
	is "$(pid_of web)" "$pid"
	all_there
	sed -i '/  bad:/d' compose.yaml
	davit up -d --no-recreate
	is "$(pid_of web)" "$pid"
	is "$(davit ps --services | sort | xargs)" "other taker web"
	run -0 davit doctor
	is "$output" "nothing amiss"
}

@test "up --no-recreate, and one that is new ends badly before another needs it" {
	runs
	cat >>compose.yaml <<-END
	  job: {image: busybox, command: [sh, -c, "echo no luck; exit 4"], volumes: [/new], depends_on: [web]}
	  bad: {image: busybox, command: [sleep, inf], depends_on: {job: {condition: service_completed_successfully}}}
	END
	fails 1 "exit 4" -- -d --no-recreate
	all_there
}

@test "up --no-recreate starts what was stopped; in vain, it is stopped again" {
	runs
	davit stop web
	cannot_be_made
	fails 1 "net.no.such" -- -d --no-recreate
	is "$(ps_field web State)" exited
}
