# The user's mistakes: one line that says what, where, and what to do; nothing is begun.
load ../lib

@test "no compose file" {
	refused 1 "compose" -- davit up -d
	refused 1 "nowhere.yaml" -- davit -f nowhere.yaml up -d
}

@test "a file that is no YAML" {
	printf 'services:\n  web: [image: x\n' | compose
	refused 1 "compose.yaml:" -- davit up -d
}

@test "an unknown key: did you mean" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    comand: sleep
	END
	refused 1 "compose.yaml:4:5" "comand" "did you mean 'command'" -- davit up -d
}

@test "an unknown service in depends_on" {
	compose <<-END
	services:
	  web: {image: busybox, depends_on: [databse]}
	  database: {image: busybox}
	END
	refused 1 "compose.yaml:2:" "databse" "did you mean 'database'" -- davit up -d
}

@test "a cycle, with its path" {
	compose <<-END
	services:
	  a: {image: busybox, depends_on: [b]}
	  b: {image: busybox, depends_on: [c]}
	  c: {image: busybox, depends_on: [a]}
	END
	refused 1 "a → b → c → a" -- davit up -d
}

@test "what this host cannot do is said of all services at once, each in its place" {
	compose <<-END
	services:
	  one: {image: busybox, logging: {driver: jounald}}
	  two:
	    image: busybox
	    logging:
	      options:
	        max-sise: 1m
	        max-file: "0"
	    restart: alwys
	  three:
	    image: busybox
	    dns: [127.0.0.1, nowhere]
	    stop_signal: SIGTREM
	    deploy: {restart_policy: {condition: sometimes}}
	END
	refused 1 "compose.yaml:2:43: error: service 'one': there is no log driver 'jounald'" "did you mean 'journald'?" \
		"compose.yaml:7:9: error: service 'two': log driver 'json-file' has no option 'max-sise'" "did you mean 'max-size'?" \
		"compose.yaml:8:19: error: service 'two': log option max-file '0'" \
		"compose.yaml:9:14: error: service 'two': 'alwys' is no restart policy" "did you mean 'always'?" \
		"compose.yaml:12:22: error: service 'three': 'nowhere' is not the address of a DNS server" \
		"compose.yaml:13:18: error: service 'three': there is no signal 'SIGTREM'" \
		"compose.yaml:14:42: error: service 'three': 'sometimes' is no restart policy" -- davit up -d
	lacks "$stderr" "'no' is used"
	run -0 --separate-stderr davit config
	has "$stderr" "warning: 'alwys' is no restart policy"
	has "$output" "restart: alwys"
	nothing_begun
}

@test "what is wrong with a service that is not asked for can wait" {
	compose <<-END
	services:
	  one: {image: busybox, command: "true"}
	  two: {image: busybox, restart: sometimes, logging: {driver: jounald}}
	END
	up one
	refused_two() { run -1 --separate-stderr davit up -d; has "$stderr" "'sometimes' is no restart policy"; }
	refused_two
}

@test "a port out of range" {
	compose <<-END
	services:
	  web: {image: busybox, ports: ["80800:80"]}
	END
	refused 1 "compose.yaml:2:" "80800" "65535" -- davit up -d
}

@test "a port that is taken, and by whom" {
	python3 -m http.server 8066 --bind 127.0.0.1 >server.log 2>&1 3>&- &
	KEPT_PROCESSES=$!
	wait_until 5 curl -s -o /dev/null http://127.0.0.1:8066/
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], ports: ["8066:80"]}
	END
	refused 1 "compose.yaml:2:" "8066" "python3" "$KEPT_PROCESSES" -- davit up -d
}

@test "a port that another project has" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], ports: ["8067:80"]}
	END
	up
	mkdir other && cp compose.yaml other
	run -1 --separate-stderr davit -p "$PROJECT-b" --project-directory other -f other/compose.yaml up -d
	has "$stderr" 8067
	has "$stderr" "$PROJECT"
	is "$(ps_field web State)" running
}

@test "two services want the same port" {
	compose <<-END
	services:
	  a: {image: busybox, command: [sleep, inf], ports: ["8068:80"]}
	  b: {image: busybox, command: [sleep, inf], ports: ["8068:80"]}
	END
	refused 1 "8068" -- davit up -d
}

@test "a missing image, and what to do" {
	compose <<-END
	services:
	  web: {image: "nowhere/nothing:1.2"}
	END
	refused 1 "compose.yaml:2:16: error: service 'web': image 'nowhere/nothing:1.2'" "davit load" -- davit up -d --pull never
	refused 1 "compose.yaml:2:16: error: service 'web': " "registry-1.docker.io" -- davit up -d
}

@test "a missing bind source" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    volumes: [{type: bind, source: ./missing, target: /x, bind: {create_host_path: false}}]
	END
	refused 1 "compose.yaml:4:" "missing" -- davit up -d
}

@test "a command that is not in the image" {
	compose <<-END
	services:
	  fine: {image: busybox, command: [sleep, inf]}
	  web: {image: busybox, command: [no-such-program]}
	END
	refused 127 "compose.yaml:3:" "web" "no-such-program" -- davit up -d
}

@test "a command that cannot be executed" {
	compose <<-END
	services:
	  web: {image: busybox, command: [/etc/passwd]}
	END
	refused 126 "web" "/etc/passwd" -- davit up -d
}

@test "a user that is not in the image" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], user: somebody}
	END
	refused 1 "web" "somebody" -- davit up -d
}

@test "no runtime installed" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf]}
	END
	local runtime hidden=()
	touch empty
	for runtime in $(type -ap crun runc | xargs -r realpath | sort -u); do
		mount --bind empty "$runtime" && hidden+=("$runtime")
	done
	refused 1 "crun" "install" -- davit up -d
	umount "${hidden[@]}"
	refused 1 "nonesuch" -- davit --runtime nonesuch up -d
}

@test "not root" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf]}
	END
	chmod 755 . "$DAVIT_STATE_DIR"
	refused 1 "root" -- setpriv --reuid=65534 --regid=65534 --clear-groups "$DAVIT" up -d
}

@test "an unknown command and an unknown flag" {
	run -1 --separate-stderr davit strat
	has "$stderr" "did you mean 'start'"
	run -1 --separate-stderr davit up --detatch
	has "$stderr" "--detatch"
	has "$stderr" "did you mean '--detach'"
	run -1 --separate-stderr davit ps -f x.yaml
	has "$stderr" "before the command"
}

@test "a variable that must be set" {
	compose <<-END
	services:
	  web: {image: "busybox:\${TAG:?choose a tag}"}
	END
	refused 1 "TAG" "choose a tag" -- davit up -d
}

@test "all mistakes at once, and each message is one line with its place" {
	compose <<-END
	services:
	  web: {image: busybox, ports: ["99999:80"], depends_on: [nobody], imge: x}
	END
	refused 1 "99999" "nobody" "imge" -- davit config ||
		{ sed -i 's/, imge: x//' compose.yaml && refused 1 "99999" -- davit config; }
}

@test "help everywhere, with exit status documented" {
	local names name group
	has "$(davit --help)" "Exit status"
	names=$(commands_of)
	for name in up down ps logs exec start stop restart config images load version; do
		has "$names" "$name"
	done
	for group in image system builder; do
		names+=$'\n'$(commands_of "$group" | sed "s/^/$group /")
	done
	while read -r name; do
		is "$(davit $name --help | sed -n '1s/ \(\[OPTIONS\]\|COMMAND\).*//p')" "Usage: davit $name"
		is "$(davit $name --help | grep -E '^.{126}')" ""
	done <<<"$names"
	has "$names" "image push"
}

# commands_of [GROUP]: as its help lists them
commands_of() { davit "$@" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'; }

@test "exec and port of a service that is in no file do not advise to start it" {
	compose <<-END
	services:
	  web: {image: busybox}
	END
	run -1 davit exec nobody true
	is "$output" "davit: error: no such service: 'nobody'"
	run -1 davit port webb 80
	has "$output" "did you mean 'web'?"
	run -1 davit exec web true
	has "$output" "'davit up -d web' starts it"
}

@test "down of what is not up says so and is no error" {
	compose <<-END
	services:
	  web: {image: busybox}
	END
	davit down
	nothing_begun
}

@test "cp and export of what is no service say so, rather than how to make one" {
	compose <<-END
	services:
	  web: {image: busybox}
	END
	run -1 davit cp nobody:/x .
	is "$output" "davit: error: no such service: 'nobody'"
	run -1 davit cp wev:/x .
	has "$output" "did you mean 'web'?"
	run -1 davit export nobody
	is "$output" "davit: error: no such service: 'nobody'"
	run -1 davit cp web:/x .
	has "$output" "'davit create web' makes one"
}

@test "kill: a word that is no signal is refused, whether or not there is somebody to hear it" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf]}
	END
	refused 1 "there is no signal 'FOO'" -- davit kill --signal FOO
	up
	run -1 davit kill -s FOO web
	is "$output" "davit: error: there is no signal 'FOO'"
	state_is web running
	run -1 davit --dry-run kill -s SIGNOPE
	davit kill -s usr1 web
	davit -p "$PROJECT-nobody" kill -s 9
}

@test "who types docker compose by habit is told what to type; what is not there, what there is instead" {
	local habit
	for habit in compose docker 'docker compose' docker-compose 'podman compose'; do
		run -1 davit $habit up -d
		has "$output" "unknown command: '${habit%% *}'"
		has "$output" "davit takes the place of 'docker compose': 'davit up'"
	done
	run -1 davit docker
	has "$output" "'davit --help' lists them"
	run -1 davit help compose up
	has "$output" "'davit up'"
	for habit in alpha bridge commit convert publish; do
		run -1 davit $habit --whatever
		is "${lines[0]}" "davit: error: the command '$habit' is not supported"
		[[ ${lines[1]} == "  hint: "*davit* ]]
	done
}

@test "an unset variable is warned of once, by each command that reads the file" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, environment: {A: "\$NOT_SET"}}
	  tool: {image: busybox, command: ["true"], profiles: [tools], environment: {A: "\$NEITHER"}}
	END
	local command
	while read -r command; do
		davit $command >said 2>&1 </dev/null || :
		is "$command: $(grep -c "'NOT_SET' is not set" said) $(grep -c "'NEITHER' is not set" said)" "$command: 1 1"
	done <<-END
	config -q
	--profile tools config --services
	plan
	create
	up -d
	up -d --scale web=2
	scale web=1
	graph
	pull
	build
	run --rm web true
	run --rm tool
	bundle -o there.tar
	up -d --force-recreate --wait
	up --no-start --build
	END
	up --bundle failed.tar
	is "$(grep -c "'NOT_SET' is not set" <<<"$output")" 1
}
