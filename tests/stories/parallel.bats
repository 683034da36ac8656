# --parallel and COMPOSE_PARALLEL_LIMIT bound what is started, built and pushed at a time; pull-env.bats has what is pulled.
load ../lib
load ../registry
load ../builder

# A runtime that notes how many of it are at work.
counting_runtime() {
	mkdir -p rt busy
	cat >rt/crun <<-END
	#!/bin/bash
	case " \$* " in *" create "*) ;; *) exec $(command -v crun) "\$@" ;; esac
	: >$PWD/busy/\$\$
	ls $PWD/busy | wc -l >>$PWD/seen
	$(command -v crun) "\$@"
	status=\$?
	rm -f $PWD/busy/\$\$
	exit \$status
	END
	chmod +x rt/crun
	export DAVIT_RUNTIME=$PWD/rt/crun
}

most() { sort -n "$1" | tail -n 1; }

@test "containers are made one at a time; dependencies and waits are no hindrance" {
	counting_runtime
	compose <<-END
	services:
	  a: {image: busybox, command: [sleep, inf], scale: 6, stop_grace_period: 0s}
	  b: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, depends_on: {c: {condition: service_healthy}}}
	  c: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, healthcheck: {test: "true", interval: 1s}, depends_on: {d: {condition: service_completed_successfully}}}
	  d: {image: busybox, command: ["true"]}
	END
	davit --parallel 1 up -d
	is "$(davit ps -q | wc -l)" 8
	is "$(most seen)" 1
	: >seen
	COMPOSE_PARALLEL_LIMIT=1 davit up -d --force-recreate
	is "$(davit ps -q | wc -l)" 8
	is "$(most seen)" 1
	: >seen
	davit --parallel 1 down
	COMPOSE_PARALLEL_LIMIT=1 davit --parallel -1 up -d      # the flag wins: no bound
	(($(most seen) > 1)) || fail "never two at once"
	davit down
}

@test "images are built one at a time" {
	for name in a b c; do
		printf 'FROM busybox\nRUN echo begin %s; sleep 0.3; echo end %s\n' $name $name >Dockerfile.$name
	done
	compose <<-END
	services:
	  a: {build: {context: ., dockerfile: Dockerfile.a}}
	  b: {build: {context: ., dockerfile: Dockerfile.b}}
	  c: {build: {context: ., dockerfile: Dockerfile.c}}
	END
	order() { sed -En 's/^[abc] \| ((begin|end) [abc])$/\1/p' shown | tr '\n' ' '; }
	davit --progress plain --parallel 1 build >shown 2>&1 || fail "$(cat shown)"
	(($(order | wc -w) == 12)) || fail "$(cat shown)"
	[[ $(order) =~ ^(begin ([abc]) end ([abc]) ){3}$ ]] || fail "not one after the other: $(order)"
	davit down
}

@test "images are pushed one at a time" {
	real_registry 5000
	davit image tag busybox:1 127.0.0.1:5000/a:1
	davit image tag busybox:1 127.0.0.1:5000/b:1
	compose <<-END
	services:
	  a: {image: "127.0.0.1:5000/a:1", build: .}
	  b: {image: "127.0.0.1:5000/b:1", build: .}
	END
	COMPOSE_PARALLEL_LIMIT=1 davit --progress plain push >shown 2>&1 || fail "$(cat shown)"
	is "$(grep -Eo 'Push(ing|ed)' shown | tr '\n' ' ')" "Pushing Pushed Pushing Pushed "
}
