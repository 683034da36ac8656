# A project is its name and the directory that it came from: nobody acts on another's by chance.
load ../lib

# two_checkouts: `one` and `two` have the same file, and it is `one` that is up.
two_checkouts() {
	mkdir one two
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	cp compose.yaml one
	mv compose.yaml two
	(cd one && up)
	pid=$(pid_of web)
}

untouched() { is "$(pid_of web)" "$pid"; }

# not_mine WORD... -- COMMAND...: refused, with both origins, and nothing happens
not_mine() {
	local words=()
	while [ "$1" != -- ]; do words+=("$1"); shift; done
	shift
	run -1 --separate-stderr "$@"
	for w in "$PWD'" "${PWD%/*}/one'" "compose.yaml)" "${words[@]}"; do has "$stderr" "$w"; done
	untouched
}

@test "whoever acts on a project from another directory is refused, with both origins and what to do" {
	two_checkouts
	cd two
	not_mine "another name with -p NAME" "davit up --adopt" -- davit up -d
	not_mine "davit up --adopt" -- davit plan      # is about the command that would be refused
	not_mine "davit up --adopt" -- davit create
	not_mine "davit up --adopt" -- davit scale web=2
	not_mine "davit up --adopt" -- davit run --rm web true
	for words in "down -v" "down --remove-orphans" stop kill restart "rm -sf" pause start "exec web true" "cp compose.yaml web:/tmp"; do
		not_mine "'davit -p $PROJECT ${words%% *}'" -- davit $words
	done
	not_mine -- davit -f compose.yaml -p "$PROJECT" down      # who names a file means its project
}

@test "by name it is done from anywhere, and a project of another name is another" {
	two_checkouts
	cd two
	davit -p "$PROJECT" restart -t 0
	state_is web running
	davit -p "$PROJECT-two" up -d
	is "$(davit -p "$PROJECT-two" ps -q | wc -l)" 1
	davit -p "$PROJECT-two" down
	cd /
	COMPOSE_PROJECT_NAME=$PROJECT davit stop      # no file at hand: by name, too
	davit -p "$PROJECT" down
}

@test "who only looks is told, and sees" {
	two_checkouts
	cd two
	for command in ps logs "port web 80" top volumes images; do
		run --separate-stderr davit $command
		has "$stderr" "project '$PROJECT' came from '${PWD%/*}/one'"
	done
	is "$(davit ps -q 2>/dev/null | wc -l)" 1
	is "$(davit ls --format json | jq -r '.[].ConfigFiles')" "${PWD%/*}/one/compose.yaml"
	is "$(cd ../one && davit ps 2>&1 | grep -c 'came from')" 0
}

@test "one directory by another path is the same: a link, a bind mount" {
	two_checkouts
	ln -s one link
	mkdir bound
	mount --bind one bound
	(cd link && davit restart -t 0)
	(cd bound && up && davit stop)
	(cd link && up)
	(cd one && davit down)
	umount bound
}

@test "a directory that was moved keeps its project; when the old place is no more, another may have it, and is told" {
	two_checkouts
	mv one moved
	(cd moved && run --separate-stderr davit stop && is "$status" 0 && is "$(grep -c 'came from' <<<"$stderr")" 0)
	mkdir one      # another one at the old place
	cp two/compose.yaml one
	(cd moved && up)
	rm -r one
	(cd moved && up && davit ps)
	rm -r moved
	cd two
	run --separate-stderr davit up -d
	is "$status" 0
	has "$stderr" "came from '${PWD%/*}/moved', which is no more"
	run --separate-stderr davit restart -t 0
	lacks "$stderr" "came from"
	davit down
}

@test "up --adopt makes a project this directory's, and its containers" {
	two_checkouts
	cd two
	cat >>compose.yaml <<-END
	  more: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	output=$(davit up -d --adopt 2>&1) || fail "$output"
	has "$output" "came from '${PWD%/*}/one'"
	untouched                      # nothing of it has changed
	davit stop more
	cd ../one
	run -1 --separate-stderr davit stop
	has "$stderr" "came from '${PWD%/*}/two'"
	cd ../two
	davit down
}

@test "two that bring up one name at the same time: one has it, the other is told" {
	mkdir one two
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	cp compose.yaml one
	mv compose.yaml two
	for ((i = 0; i < 5; i++)); do
		(cd one && davit up -d >../first 2>&1) & a=$!
		(cd two && davit up -d >../second 2>&1) & b=$!
		won=0
		wait $a && won=$((won + 1))
		wait $b && won=$((won + 1))
		is "$won" 1
		cat first second | grep -q "came from\|was brought up from .* meanwhile" || fail "$(cat first second)"
		davit -p "$PROJECT" down
	done
}

@test "orphans are of this project: one whose containers have names that begin alike is let alone" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	  gone: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	up
	mkdir other
	(cd other && cp ../compose.yaml . && davit -p "$PROJECT-gone" up -d)
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	output=$(davit up -d 2>&1)
	has "$output" "orphan containers ($PROJECT-gone-1)"
	up --remove-orphans
	is "$(davit ps -aq | wc -l)" 1
	is "$(davit -p "$PROJECT-gone" ps -q | wc -l)" 2
	davit down --remove-orphans
	is "$(davit -p "$PROJECT-gone" ps -q | wc -l)" 2
}

@test "a container's name that another project has is refused, and names that project" {
	compose <<<'services: {a: {image: busybox, command: [sleep, inf], container_name: theirs, stop_signal: SIGKILL}}'
	davit -p "$PROJECT-other" up -d
	compose <<<'services: {b: {image: busybox, container_name: own}, c: {image: busybox, container_name: theirs}}'
	run -1 davit up -d
	has "$output" "container name 'theirs' is in use by project '$PROJECT-other'"
	has "$output" "compose.yaml:1"
	is "$(davit ps -aq)" ""
}
