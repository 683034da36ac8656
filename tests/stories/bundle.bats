# up --bundle and davit bundle: what is in the file, and what never is.
load ../lib

# The text of a part; nothing when it is not there.
part() { tar -xOf b.tar "$1" 2>/dev/null || :; }

# no_secrets WORD...: none of them anywhere in the archive
no_secrets() {
	for word in "$@"; do
		not grep -aqF -- "$word" b.tar
	done
}

failing() {
	printf 'from-a-file\nsecond: "line" of it\n' >secret.txt
	printf 'INTERPOLATED_TOKEN=tok-1234567\n' >.env
	compose <<-END
	services:
	  db:
	    image: busybox
	    command: ["sh", "-c", "echo listening with hunter2 and \$\$(cat /run/secrets/one); exec sleep inf", "$1"]
	    environment: {DB_PASSWORD: hunter2, DEBUG: "verbose", URL: "postgres://me:urlpass@db/x", QUOTED_SECRET: 'quo"ted\\thing'}
	    secrets: [one, two]
	    stop_grace_period: 0s
	    healthcheck: {test: "echo probing with hunter2; false", interval: 50ms, retries: 2}
	  web:
	    image: busybox
	    command: ["sh", "-c", "sleep inf", "\${INTERPOLATED_TOKEN}", tok-1234567, --api-key=given-as-flag]
	    depends_on: {db: {condition: service_healthy}}
	    stop_grace_period: 0s
	    configs: [inline]
	secrets: {one: {file: secret.txt}, two: {environment: IN_THE_ENVIRONMENT}}
	configs: {inline: {content: "password=in-a-config"}}
	END
	export IN_THE_ENVIRONMENT=env-secret-value
}

secrets=(hunter2 from-a-file 'second: "line"' 'second: \"line\"' tok-1234567 urlpass 'quo"ted' 'quo\"ted' env-secret-value in-a-config given-as-flag)

whole() {
	is "$(stat -c %a b.tar)" 600
	has "$(part about.txt)" "project: $PROJECT"
	has "$(part about.txt)" "kernel: "
	is "$(part config.json | jq -r '.services.db.environment | .DEBUG + .DB_PASSWORD')" 'verbose***'
	part doctor.json | jq . >/dev/null
	has "$(part logs.txt)" "listening with *** and ***"
	has "$(part events)" '"action":"start"'
	has "$(part health.txt)" "db-1"
	no_secrets "${secrets[@]}"
}

@test "an up that fails leaves its bundle: logs, events, health, configuration, no secrets" {
	failing x
	run davit up -d --bundle b.tar
	is "$status" 1
	has "$output" "b.tar"
	whole
	has "$(part about.txt)" "how it ended: "
	has "$(part about.txt)" "unhealthy"
	part containers.json | grep -q '"Service":"db"'
	is "$(ls -A | grep -c '^\.tmp')" 0
}

@test "what cannot be started is looked at before it is undone" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	  two: {image: busybox, command: [no-such-command], depends_on: [one]}
	END
	run -127 davit up -d --bundle b.tar
	nothing_begun
	has "$(part events)" '"service":"two"'
	part containers.json | grep -q '"Service":"two"'
	has "$(part supervisor.log)" no-such-command
	has "$(part about.txt)" no-such-command
}

# An up over a container that runs has failed, and waits for its asker, who does not answer.
looked_at_by_nobody() {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	up
	mkdir on
	compose <<-END
	services:
	  one: {image: busybox, command: ["sh", "-c", "until [ -e /on/go ]; do sleep 0.02; done; exit 1"], volumes: ["./on:/on"], stop_grace_period: 0s}
	  two: {image: busybox, command: [sleep, inf], depends_on: {one: {condition: service_completed_successfully}}}
	END
	"$DAVIT" up -d --bundle b.tar >shown 2>&1 3>&- & asker=$!
	KEPT_PROCESSES=$asker
	wait_until 10 in_service one test -d /on
	kill -STOP $asker
	touch on/go
	wait_until 10 grep -q 'completed one-1: ' "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"
	state_is one exited                  # it is not undone yet
}

@test "who asked for a bundle and is killed keeps nobody waiting" {
	looked_at_by_nobody
	kill -9 $asker
	wait_until 15 state_is one running      # as it was before
	wait $asker || :
	[ ! -e b.tar ] || fail "a bundle of nobody's"
}

@test "down does not wait for him who looks" {
	looked_at_by_nobody
	timeout 15 "$DAVIT" down || fail "it waited"
	nothing_begun
	kill -CONT $asker
	wait $asker || :
}

@test "an up that fails over containers that were there, in the foreground, and one that goes well" {
	failing x
	sed -i 's/; false"/; true"/' compose.yaml
	run davit up -d --bundle b.tar
	is "$status" 0
	[ ! -e b.tar ] || fail "a bundle of nothing"
	sed -i 's/; true"/; false"/; s/hunter2/hunter3/g; s/, tok-1234567]/, changed]/' compose.yaml
	run davit up --bundle b.tar
	is "$status" 1
	no_secrets "${secrets[@]}" hunter3
	has "$(part logs.txt)" "listening with ***"
	part plan.json | jq . >/dev/null
}

@test "up --exit-code-from that fails: the bundle has what the tests printed" {
	compose <<-END
	services:
	  tests: {image: busybox, command: ["sh", "-c", "echo assertion failed; exit 7"]}
	END
	run davit up --exit-code-from tests --bundle b.tar
	is "$status" 7
	has "$(part logs.txt)" "assertion failed"
	has "$(part about.txt)" "exit status 7"
	refused_here() { run -1 davit up -d --bundle no/such/b.tar; has "$output" "bundle 'no/such/b.tar'"; }
	refused_here
}

@test "davit bundle, at any time" {
	failing x
	sed -i 's/; false"/; true"/' compose.yaml
	up
	is "$(davit bundle -o b.tar)" b.tar
	whole
	is "$(part containers.json | grep -c '"State":"running"')" 2
	ls >before
	name=$(davit bundle)
	[[ $name = davit-$PROJECT-*.tar ]] && [ -s "$name" ] || fail "$name"
	davit down -t 0
	davit bundle -o b.tar      # of a project that is not up: what its files say
	has "$(part config.json)" '"DB_PASSWORD": "***"'
}

@test "what run was given beside the file's is no less a secret" {
	failing x
	davit run -d --no-deps -e RUN_PASSWORD=given-to-run -e "WHERE=postgres://me:runurlpass@h/x" -l api.token=label-of-run db sleep 100
	davit bundle -o b.tar
	has "$(part journal)" '"RUN_PASSWORD":"***"'
	no_secrets given-to-run runurlpass label-of-run
}

@test "a secret that is a pipe is nobody's to read: the bundle does not wait for a writer" {
	mkfifo pipe
	compose <<<'services: {web: {image: busybox, secrets: [s]}}
secrets: {s: {file: pipe}}'
	timeout 10 "$DAVIT" bundle -o b.tar
	has "$(part about.txt)" "project: $PROJECT"
}
