# Attributes that the other stories do not come by: what the README lists is acted on.
load ../lib

@test "links, volumes_from, label_file, annotations" {
	echo "from.file=yes" >labels
	compose <<-END
	services:
	  base:
	    image: busybox
	    command: [sleep, inf]
	    volumes: ["stuff:/stuff"]
	  user:
	    image: busybox
	    command: [sleep, inf]
	    links: ["base:other-name"]
	    volumes_from: ["base:ro"]
	    label_file: labels
	    labels: {from.here: "yes"}
	    annotations: {note.it: "well"}
	volumes:
	  stuff:
	END
	up
	sh_in base 'echo word >/stuff/file'
	is "$(sh_in user 'cat /stuff/file')" word
	run sh_in user 'echo x >/stuff/file'
	[ "$status" != 0 ]
	sh_in user 'nslookup other-name'
	has "$(ps_field user Labels)" "from.file=yes"
	has "$(ps_field user Labels)" "from.here=yes"
	find "$DAVIT_STATE_DIR/projects/$PROJECT/containers" "$DAVIT_RUN_DIR/projects/$PROJECT" -name config.json \
		-exec jq -r '.annotations["note.it"]' {} + | grep -qx well
}

@test "pid, ipc and uts of the host or of a neighbour" {
	compose <<-END
	services:
	  main: {image: busybox, command: [sleep, "4321"], ipc: shareable, hostname: the-main}
	  side: {image: busybox, command: [sleep, inf], pid: "service:main", ipc: "service:main"}
	  host: {image: busybox, command: [sleep, inf], pid: host, uts: host, ipc: host}
	END
	up
	has "$(sh_in side 'ps')" "sleep 4321"
	is "$(sh_in side 'readlink /proc/self/ns/ipc')" "$(sh_in main 'readlink /proc/self/ns/ipc')"
	is "$(sh_in host 'readlink /proc/self/ns/pid')" "$(readlink /proc/self/ns/pid)"
	is "$(sh_in host hostname)" "$(hostname)"
	is "$(sh_in main hostname)" the-main
}

@test "devices, and rules for them" {
	compose <<-END
	services:
	  with: {image: busybox, command: [sleep, inf], devices: ["/dev/loop-control:/dev/mine:r"]}
	  without: {image: busybox, command: [sleep, inf]}
	END
	[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
	up
	sh_in with 'test -c /dev/mine'
	run sh_in without 'test -e /dev/loop-control'
	is "$status" 1
}

@test "tty and stdin_open" {
	compose <<-END
	services:
	  term: {image: busybox, command: ["sh", "-c", "test -t 0 && test -t 1 && echo a terminal; exec sleep inf"], tty: true}
	  open: {image: busybox, command: ["sh", "-c", "read line; echo over"], stdin_open: true}
	  shut: {image: busybox, command: ["sh", "-c", "read line; echo over"]}
	END
	up
	wait_until 5 log_has term 'a terminal'
	wait_until 5 log_has shut over
	is "$(ps_field open State)" running
}

@test "environment: env_file, interpolation, a name alone is the caller's" {
	printf 'A=from file\nB=${A} too\n' >one.env
	echo "TAG=latest" >.env
	compose <<-END
	services:
	  one:
	    image: busybox:\${TAG}
	    command: ["sh", "-c", "echo \$\$A,\$\$B,\$\$C,\$\$CALLER; exec sleep inf"]
	    env_file: [one.env, {path: absent.env, required: false}]
	    environment: [C=own, CALLER]
	END
	CALLER=me up
	wait_until 5 log_has one 'from file,from file too,own,me'
}

@test "logging: none keeps nothing; an unknown driver is told about" {
	compose <<-END
	services:
	  quiet: {image: busybox, command: ["sh", "-c", "echo secret; exec sleep inf"], logging: {driver: none}}
	END
	up
	lacks "$(davit logs quiet 2>&1)" secret
	not grep -rq secret "$DAVIT_STATE_DIR/projects/$PROJECT/logs"
}

@test "pull_policy: never and always say what they can" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], pull_policy: never}
	END
	up
	is "$(ps_field one State)" running
}

@test "internal networks have no way out" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], networks: [closed]}
	networks:
	  closed: {internal: true}
	END
	up
	lacks "$(sh_in one 'ip route')" default
}

@test "healthcheck of the none kind, and disabled" {
	compose <<-END
	services:
	  none: {image: busybox, command: [sleep, inf], healthcheck: {test: ["NONE"]}}
	  off: {image: busybox, command: [sleep, inf], healthcheck: {disable: true, test: "exit 1"}}
	END
	up --wait
	is "$(ps_field none Health)$(ps_field off Health)" ""
}

@test "two files: the second one overrides" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], environment: {A: one, B: one}}
	END
	cat >two.yaml <<-END
	services:
	  one: {environment: {B: two}}
	END
	davit -f compose.yaml -f two.yaml up -d
	is "$(davit -f compose.yaml -f two.yaml exec -T one sh -c 'echo $A $B')" "one two"
	davit -f compose.yaml -f two.yaml down -t 0
}

@test "cgroup_parent, cpuset, cpu_shares, memswap_limit: stand where they should, or a warning says why not" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], cpuset: "0", cpu_shares: 512, mem_limit: 32m, memswap_limit: 48m}
	END
	up
	local group found=
	for group in /sys/fs/cgroup/*/davit/$PROJECT/one-1 /sys/fs/cgroup/davit/$PROJECT/one-1; do
		for f in cpuset.cpus cpu.shares cpu.weight; do
			[ ! -f "$group/$f" ] || found="$found $f=$(cat "$group/$f")"
		done
	done
	has "$found" "cpuset.cpus=0"
	[[ $found == *cpu.shares=512* || $found == *cpu.weight=* ]]
}
