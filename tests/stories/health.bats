# Health: commands in the container and probes over sockets; what survives, what is done about the unhealthy.
load ../lib

journal() { cat "$DAVIT_STATE_DIR/projects/$PROJECT/journal"; }
# remembered SERVICE FIELD: of its record
remembered() { journal | jq -r --arg slot "$1-1" --arg field "$2" 'select(.unit.slot == $slot) | .unit[$field] // ""' | tail -n 1; }
remembers() { [[ $(remembered "$1" "$2") == $3 ]]; }
# healths SERVICE: each status it has had, in order
healths() { journal | jq -r --arg slot "$1-1" 'select(.unit.slot == $slot and .unit.health) | .unit.health' | uniq | paste -sd' '; }
pid_is_not() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
none_runs() { ! pgrep -f "$1" >/dev/null; }

@test "a check's command: text, CMD, CMD-SHELL, both runtimes; in the container's directory, as its user, with its environment" {
	local runtime
	for runtime in crun runc; do
		compose <<-END
		x-check: &check {image: busybox, command: [sleep, inf], runtime: $runtime, working_dir: /srv, user: "12:34", environment: {WORD: said}}
		services:
		  text:  {<<: *check, healthcheck: {test: "[ \$\$PWD:\$\$(id -u):\$\$(id -g):\$\$WORD = /srv:12:34:said ]", interval: 50ms, retries: 1000}}
		  shell: {<<: *check, healthcheck: {test: [CMD-SHELL, "[ \$\$0:\$\$1 = one:two ]", one, two], interval: 50ms, retries: 1000}}
		  words: {<<: *check, healthcheck: {test: [CMD, test, -d, "/srv"], interval: 50ms, retries: 1000}}
		END
		davit up -d --wait --wait-timeout 30
		is "$(ps_field text Health) $(ps_field shell Health) $(ps_field words Health)" "healthy healthy healthy"
		davit down -t 0
	done
}

@test "a check that cannot be is refused, with its place" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], healthcheck: {test: "true", interval: 10us}}
	END
	refused 1 "compose.yaml:2:" "interval cannot be less than 1ms" -- davit up -d
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], healthcheck: {test: [CMD]}}
	END
	refused 1 "compose.yaml:2:" "has no command" -- davit up -d
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], x-davit: {on_unhealthy: restart}}
	END
	has "$(davit up -d 2>&1)" "'on_unhealthy' has no effect: there is no health check"
}

@test "a stopping container is not probed any more" {
	mkdir shared
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "trap 'touch /shared/stopping; while [ ! -e /shared/go ]; do sleep 0.01; done; exit' TERM; while :; do sleep 0.01; done"]
	    volumes: ["./shared:/shared"]
	    healthcheck: {test: "echo >>/shared/probes", interval: 10ms}
	END
	up
	wait_until 10 health_is one healthy
	davit stop -t 60 &
	wait_until 10 test -e shared/stopping
	local probes again
	probes=$(wc -l <shared/probes)
	is "$(sh_in one 'sleep 0.3; echo here')" here   # in which there would have been some
	again=$(wc -l <shared/probes)
	touch shared/go
	wait
	((again - probes <= 1)) || fail "$((again - probes)) probes while it stopped"
}

@test "a check that cannot be executed, one that prints, one that ends with a status: each says why" {
	compose <<-END
	x-check: &check {image: busybox, command: [sleep, inf]}
	services:
	  absent: {<<: *check, healthcheck: {test: [CMD, no-such-thing], interval: 50ms, retries: 2}}
	  prints: {<<: *check, healthcheck: {test: "echo progress; echo the last line >&2; echo; exit 3", interval: 50ms, retries: 2}}
	  silent: {<<: *check, healthcheck: {test: "exit 7", interval: 50ms, retries: 2}}
	END
	up
	wait_until 10 health_is absent unhealthy
	wait_until 10 health_is prints unhealthy
	wait_until 10 health_is silent unhealthy
	has "$(remembered absent health_said)" no-such-thing
	is "$(remembered prints health_said)" 'the last line'
	is "$(remembered silent health_said)" 'exit status 7'
}

@test "a check that hangs, ignores SIGTERM and forks goes with all it has forked, at its timeout and at a stop" {
	few_run() { (($(pgrep -fc '^sleep 765[123]$' || :) <= 3)); }
	local runtime
	for runtime in crun runc; do
		compose <<-END
		services:
		  one:
		    image: busybox
		    command: [sleep, inf]
		    runtime: $runtime
		    healthcheck: {test: "trap '' TERM; sleep 7651 & (sleep 7652 & sleep 7653); wait", interval: 50ms, timeout: 300ms, retries: 3}
		END
		up
		wait_until 20 health_is one unhealthy
		is "$(remembered one health_said)" 'it took more than 300 ms'
		wait_until 20 few_run        # of three probes and more, one at a time
		davit stop -t 0
		is "$(pgrep -f '^sleep 765[123]$' || :)" ""
		davit down
	done
}

@test "a check that prints much is healthy, one that floods costs nothing" {
	compose <<-END
	x-check: &check {image: busybox, command: [sleep, inf]}
	services:
	  much:  {<<: *check, healthcheck: {test: "head -c 300000 /dev/zero", interval: 100ms, timeout: 20s, retries: 1}}
	  flood: {<<: *check, healthcheck: {test: "yes", interval: 50ms, timeout: 1s, retries: 2}}
	END
	up
	wait_until 30 health_is much healthy
	wait_until 30 health_is flood unhealthy
	local kib
	kib=$(awk '/^VmRSS/ { print $2 }' "/proc/$(supervisor_pid)/status")
	((kib < 30000)) || fail "the supervisor has grown to $kib KiB"
	has "$(healths much)" healthy
	lacks "$(healths much)" unhealthy
}

@test "the check of an image, and what a service changes of it" {
	mkdir image
	skopeo copy -q --insecure-policy "docker-archive:$IMAGES/busybox.tar:busybox:1" dir:image
	local config manifest
	config=$(jq -r '.config.digest | sub("sha256:"; "")' image/manifest.json)
	jq -c '.config.Healthcheck = {Test: ["CMD-SHELL", "test -e /tmp/good"], Interval: 60000000, Retries: 2} | .config.Shell = ["/bin/ash", "-ec"]' \
		"image/$config" >image/config
	manifest=$(sha256sum image/config | cut -d' ' -f1)
	jq -c --arg digest "sha256:$manifest" --argjson size "$(stat -c %s image/config)" '.config.digest = $digest | .config.size = $size' \
		image/manifest.json >image/new
	mv image/config "image/$manifest" && mv image/new image/manifest.json
	skopeo copy -q --insecure-policy dir:image docker-archive:checked.tar:checked:1
	davit load -i checked.tar
	compose <<-END
	x-check: &check {image: "checked:1", command: [sleep, inf]}
	services:
	  as_is:   {<<: *check}
	  slower:  {<<: *check, healthcheck: {interval: 10m}}
	  patient: {<<: *check, healthcheck: {retries: 100000}}
	  off:     {<<: *check, healthcheck: {disable: true}}
	  none:    {<<: *check, healthcheck: {test: [NONE]}}
	  own:     {<<: *check, healthcheck: {test: "true"}}
	  probed:  {image: "checked:1", command: [httpd, -f, -p, "80"], x-davit: {probe: {tcp: 80}}}
	END
	up
	wait_until 10 health_is as_is unhealthy
	wait_until 10 health_is own healthy
	wait_until 10 health_is probed healthy
	is "$(ps_field slower Health) $(ps_field patient Health)" "starting starting"
	is "$(ps_field off Health)$(ps_field none Health)" ""
	for service in as_is slower patient; do sh_in $service 'touch /tmp/good'; done
	wait_until 10 health_is as_is healthy
	wait_until 10 health_is patient healthy
	wait_until 10 health_is slower healthy
}

@test "a probe over HTTP: what it asks for, which answers are good, where it goes" {
	compose <<-END
	x-web: &web
	  image: busybox
	  command: ["sh", "-c", "mkdir -p /www/sub && echo fine >/www/ok && exec httpd -f -h /www -p \$\${AT:-8080}"]
	services:
	  fine:     {<<: *web, x-davit: {probe: {http: ":8080/ok"}}, healthcheck: {interval: 100ms, retries: 2}}
	  absent:   {<<: *web, x-davit: {probe: {http: "localhost:8080/absent"}}, healthcheck: {interval: 100ms, retries: 2}}
	  moved:    {<<: *web, x-davit: {probe: {http: {port: 8080, path: /sub}}}, healthcheck: {interval: 100ms, retries: 2}}
	  narrow:   {<<: *web, x-davit: {probe: {http: {port: 8080, path: /sub, status: 200}}}, healthcheck: {interval: 100ms, retries: 2}}
	  closed:   {<<: *web, x-davit: {probe: {http: ":81"}}, healthcheck: {interval: 100ms, retries: 2}}
	  instead:  {<<: *web, x-davit: {probe: {http: ":8080/ok"}}, healthcheck: {test: "exit 1", interval: 100ms, retries: 2}}
	  bridge:   {<<: *web, command: ["sh", "-c", "mkdir /www; echo >/www/ok; exec httpd -f -h /www -p \$\$(hostname -i):80"], x-davit: {probe: {http: /ok}}, healthcheck: {interval: 100ms, retries: 2}}
	END
	up
	for service in fine moved instead bridge; do wait_until 10 health_is $service healthy; done
	for service in absent narrow closed; do wait_until 10 health_is $service unhealthy; done
	wait_until 10 remembers absent health_said 'port 8080: GET /absent was answered with 404'
	wait_until 10 remembers narrow health_said 'port 8080: GET /sub was answered with 302'
	is "$(remembered closed health_said)" 'port 81: Connection refused'
	for service in fine moved instead bridge; do lacks "$(healths $service)" unhealthy; done
}

@test "a probe over HTTP: the server goes, comes back, and moves to another address" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "mkdir -p /www; echo fine >/www/ok; while :; do httpd -f -h /www -p \$\$(cat /tmp/at 2>/dev/null || echo 127.0.0.1):80 & echo \$\$! >/tmp/server; wait; until rm /tmp/again; do sleep 0.05; done; done 2>/dev/null"]
	    x-davit: {probe: {http: /ok}}
	    healthcheck: {interval: 50ms, retries: 2}
	END
	up
	wait_until 10 health_is web healthy
	for at in 127.0.0.1 '$(hostname -i)' 127.0.0.1; do
		sh_in web "echo $at >/tmp/at; kill \$(cat /tmp/server)"
		wait_until 10 health_is web unhealthy
		sh_in web 'touch /tmp/again'
		wait_until 10 health_is web healthy
	done
	is "$(remembered web health_said)" 'port 80: Connection refused'
}

@test "a probe over HTTP: a server that says nothing, something else, or too much" {
	compose <<-END
	x-nc: &nc {image: busybox, healthcheck: {interval: 100ms, timeout: 1s, retries: 2}}
	services:
	  mute:  {<<: *nc, command: ["nc", "-ll", "-p", "80", "-e", "sleep", "30"], x-davit: {probe: {http: ":80"}}}
	  ssh:   {<<: *nc, command: ["nc", "-ll", "-p", "80", "-e", "printf", 'SSH-2.0-x\\033[31m\\r\\n'], x-davit: {probe: {http: ":80"}}}
	  hangs: {<<: *nc, command: ["nc", "-ll", "-p", "80", "-e", "true"], x-davit: {probe: {http: ":80"}}}
	  much:  {<<: *nc, command: ["nc", "-ll", "-p", "80", "-e", "sh", "-c", "printf 'HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\n'; cat /dev/zero"], x-davit: {probe: {http: ":80"}}}
	  drips: {<<: *nc, command: ["nc", "-ll", "-p", "80", "-e", "sh", "-c", "printf HTTP; sleep 0.1; printf '/1.1 200 OK\\\\r\\\\n'; sleep 60"], x-davit: {probe: {http: ":80"}}}
	END
	up
	for service in mute ssh hangs; do wait_until 20 health_is $service unhealthy; done
	for service in much drips; do wait_until 20 health_is $service healthy; done
	wait_until 20 remembers mute health_said 'port 80: no answer within 1000 ms'
	wait_until 20 remembers ssh health_said '*HTTP*'
	is "$(remembered ssh health_said)" 'port 80: that is no answer of HTTP: SSH-2.0-x\x1b[31m\r\n'
	has "$(remembered hangs health_said)" 'port 80: '
}

@test "a probe over TCP, and the network it is in: own, none, the host's, another service's" {
	compose <<-END
	x-nc: &nc {image: busybox, healthcheck: {interval: 100ms, retries: 3}}
	services:
	  own:    {<<: *nc, command: [nc, -ll, -p, "5432", -e, "true"], x-davit: {probe: {tcp: 5432}}}
	  none:   {<<: *nc, command: [nc, -ll, -p, "5432", -e, "true"], network_mode: none, x-davit: {probe: {tcp: ":5432"}}}
	  host:   {<<: *nc, command: [nc, -ll, -p, "54321", -e, "true"], network_mode: host, x-davit: {probe: {tcp: 54321}}}
	  joined: {<<: *nc, command: [sleep, inf], network_mode: "service:own", x-davit: {probe: {tcp: 5432}}}
	  other:  {<<: *nc, command: [sleep, inf], x-davit: {probe: {tcp: 5432}}}
	  after:  {image: busybox, command: [sleep, inf], depends_on: {own: {condition: service_healthy}, host: {condition: service_healthy}}}
	END
	up
	is "$(ps_field own Health) $(ps_field host Health) $(ps_field after State)" "healthy healthy running"
	wait_until 10 health_is none healthy
	wait_until 10 health_is joined healthy
	wait_until 10 health_is other unhealthy
	kill -STOP "$(supervisor_pid)" && kill -CONT "$(supervisor_pid)"
	kill -9 "$(pid_of own)"
	wait_until 10 state_is own exited
	wait_until 10 health_is joined unhealthy
}

@test "up --wait waits for a probe; what it waits for in vain is said" {
	compose <<-END
	services:
	  web: {image: busybox, command: ["sh", "-c", "sleep 0.3; exec httpd -f -p 80"], x-davit: {probe: {http: {path: /, status: 404}}}}
	END
	davit up --wait --wait-timeout 30
	is "$(ps_field web Health)" healthy
	compose <<-END
	services:
	  web: {image: busybox, command: [httpd, -f, -p, "80"], x-davit: {probe: {http: /}}, healthcheck: {interval: 50ms, retries: 2}}
	END
	run davit up --wait --wait-timeout 30
	is "$status" 1
	has "$output" 'GET / was answered with 404'
}

@test "the supervisor is killed between and during probes: what is known stays known" {
	compose <<-END
	x-check: &check {image: busybox, command: [sleep, inf]}
	services:
	  good:  {<<: *check, healthcheck: {test: "true", interval: 100ms, retries: 1}}
	  bad:   {<<: *check, healthcheck: {test: "echo no; exit 1", interval: 100ms, retries: 2}}
	  slow:  {<<: *check, healthcheck: {test: "sleep 7661", interval: 100ms, timeout: 60s, retries: 1}}
	  young: {<<: *check, healthcheck: {test: "exit 1", interval: 100ms, retries: 2, start_period: 1h, start_interval: 100ms}}
	  some:  {<<: *check, healthcheck: {test: "test -e /tmp/good || { echo still not; exit 1; }", interval: 1s, retries: 1000000}}
	  web:   {image: busybox, command: [httpd, -f, -p, "80"], x-davit: {probe: {tcp: 80}}, healthcheck: {interval: 100ms, retries: 1, start_period: 1m}}
	END
	up
	wait_until 10 health_is good healthy
	wait_until 10 health_is web healthy
	wait_until 10 health_is bad unhealthy
	wait_until 10 remembers some health_fails '[1-9]*'
	local i fails
	for i in 1 2 3 4 5 6; do
		fails=$(remembered some health_fails)
		kill_supervisor
		((i % 2)) || sleep 0.3   # of the five, some in the middle of a probe
		(($(remembered some health_fails) >= fails)) || fail "it forgot failures: $fails, then $(remembered some health_fails)"
	done
	is "$(remembered some health_said)" 'still not'
	is "$(healths good)" 'starting healthy'
	is "$(healths web)" 'starting healthy'
	is "$(healths bad)" 'starting unhealthy'
	is "$(healths young)" 'starting'
	wait_until 10 remembers some health_fails '[2-9]*'
	local left
	left=$(pgrep -fc '^sleep 7661' || :)
	((left <= 1)) || fail "$left probes run at once"
	sh_in some 'touch /tmp/good'
	wait_until 10 health_is some healthy
}

@test "on_unhealthy: restart, again and again up to a limit that outlives the supervisor" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [httpd, -f, -p, "80"]
	    stop_grace_period: 0s
	    healthcheck: {interval: 50ms, retries: 2}
	    x-davit: {probe: {http: /}, on_unhealthy: restart}
	  well: {image: busybox, command: [httpd, -f, -p, "80"], healthcheck: {interval: 50ms}, x-davit: {probe: {tcp: 80}, on_unhealthy: restart}}
	END
	up
	local first well
	first=$(pid_of web) well=$(pid_of well)
	wait_until 20 pid_is_not web "$first"
	is "$(ps_field web State)" running || wait_until 10 state_is web running
	said() { grep -q "is left alone for a while" "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log"; }
	wait_until 60 said
	is "$(grep -c 'is restarted: it is unhealthy' "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log")" 5
	first=$(pid_of web)
	kill_supervisor
	wait_until 10 health_is web unhealthy
	is "$(pid_of web) $(pid_of well)" "$first $well"
	is "$(remembered web restarts)" 5
}

@test "on_unhealthy: stop; ps says why, nobody brings it back but who starts it" {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    restart: always
	    stop_signal: SIGKILL
	    healthcheck: {test: "test -e /tmp/good", interval: 50ms, retries: 2}
	    x-davit: {on_unhealthy: stop}
	END
	up
	wait_until 10 state_is one exited
	has "$(davit ps -a)" 'stopped: it is unhealthy'
	kill_supervisor
	is "$(ps_field one State)" exited
	has "$(davit ps -a)" 'stopped: it is unhealthy'
	davit start
	wait_until 10 state_is one exited
	davit down
	nothing_begun
}
