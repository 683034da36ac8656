# `config` beside what runs: attributes without effect, images pinned by digest, problems as JSON.
load ../lib

without_effect() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    isolation: process
	    deploy:
	      placement: {constraints: [node.role == manager]}
	END
}

@test "up warns of what has no effect here, config does not" {
	without_effect
	run -0 --separate-stderr davit up -d
	has "$stderr" "compose.yaml:5:5: warning: 'isolation'"
	has "$stderr" "compose.yaml:7:7: warning: 'placement'"
	is "$(ps_field web State)" running
	run -0 --separate-stderr davit config -q
	is "$stderr" ""
}

@test "up --strict refuses it, with its place, and begins nothing" {
	without_effect
	refused 1 "compose.yaml:5:5: error" "isolation" "compose.yaml:7:7: error" "placement" -- davit up --strict -d
	refused 1 "compose.yaml:5:5: error" -- davit config --strict -q
}

@test "config --resolve-image-digests: the digest that the store has" {
	local digest
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], environment: {A: b}}
	  pinned: {image: "redis:7@sha256:$(printf 'a%.0s' {1..64})"}
	END
	run -0 --separate-stderr davit config --resolve-image-digests --format json
	digest=$(jq -r '.services.web.image' <<<"$output")
	[[ $digest =~ ^docker.io/library/busybox:latest@sha256:[0-9a-f]{64}$ ]] || fail "$digest"
	is "$(jq -r '.services.web.environment.A' <<<"$output")" b
	has "$(jq -r '.services.pinned.image' <<<"$output")" "@sha256:aaaa"
	run -0 --separate-stderr davit config --lock-image-digests web
	is "$output" "services:
  web:
    image: $digest"
}

@test "config --resolve-image-digests: all images that nobody knows, with their places" {
	compose <<-END
	services:
	  a: {image: nobody/a}
	  b: {image: nobody/b:2}
	END
	refused 1 "compose.yaml:2:14" "nobody/a" "compose.yaml:3:14" "nobody/b:2" -- davit config --resolve-image-digests
}

@test "config --format json: problems are one document" {
	printf 'services:\n  web: {image: busybox, ports: ["x:80"], enviroment: {}}\n' | compose
	run -1 --separate-stderr davit config --format json
	is "$output" ""
	is "$(jq -r 'length' <<<"$stderr")" 2
	is "$(jq -r '.[0] | "\(.level) \(.file):\(.line):\(.column) \(.path)"' <<<"$stderr")" \
		"error compose.yaml:2:33 services.web.ports[0]"
	has "$(jq -r '.[1].hints[0]' <<<"$stderr")" environment
	run -1 --separate-stderr davit -f nowhere.yaml config --format json
	has "$(jq -r '.[0].message' <<<"$stderr")" nowhere.yaml
	run -1 --separate-stderr davit config --format json --no-such-flag
	has "$(jq -r '.[0].message' <<<"$stderr")" no-such-flag
}

@test "config -o: a file is replaced, also behind a link; what is none is written to" {
	compose <<-END
	services: {one: {image: busybox}}
	END
	davit config >said
	mkdir other
	ln -s other/file link
	echo before >other/file
	davit config -o link
	cmp said other/file
	[ -L link ]
	mknod null c 1 3
	davit config -o null
	[ -c null ]
	mkfifo pipe
	cat pipe >through 3>&- &
	davit config -o pipe
	wait $!
	cmp said through
	run -1 davit config -o other
	has "$output" "output 'other'"
}

# labelled: "SERVICE HASH" of each container's label, as `config --hash` has it
labelled() { davit ps -a --format '{{.Service}} {{.Label "com.docker.compose.config-hash"}}' | sort -u; }

@test "config --hash is the label of what runs, whatever the service uses; a script may compare them" {
	export FROM_OUTSIDE=set
	echo A=1 >vars.env
	echo l=1 >labels
	echo c >conf
	compose <<-END
	services:
	  plain: {image: busybox, command: [sleep, inf], stop_signal: SIGKILL, depends_on: [files]}
	  files:
	    image: busybox
	    command: [sleep, inf]
	    stop_signal: SIGKILL
	    env_file: [vars.env, {path: none.env, required: false}]
	    label_file: labels
	    environment: {FROM_OUTSIDE: , NOWHERE: , TEXT: "\$\$1 <&>"}
	    configs: [conf, {source: text, target: /text, mode: 0440}]
	    secrets: [conf]
	    volumes: ["data:/data", ".:/here:ro"]
	    networks: {default: {aliases: [other]}}
	    deploy: {replicas: 2, resources: {limits: {memory: 64m}}}
	    restart: unless-stopped
	  job: {image: busybox, command: ["true"], profiles: [tools], build: .}
	volumes: {data: {}}
	configs: {conf: {file: ./conf}, text: {content: hello}}
	secrets: {conf: {file: ./conf}}
	END
	up
	is "$(labelled)" "$(davit config --hash '*')"
	[[ $(labelled) =~ ^files\ [0-9a-f]{64}$'\n'plain\ [0-9a-f]{64}$ ]]
	echo changed >conf                     # docker compose's hash knows nothing of contents; davit makes anew what has them
	up
	is "$(labelled)" "$(davit config --hash '*')"
	sed -i 's/restart: .*/restart: always/' compose.yaml   # a policy holds for the container that there is
	local before
	before=$(davit ps -aq | sort)
	up
	is "$(labelled)" "$(davit config --hash '*')"
	is "$(davit ps -aq | sort)" "$before"
	# of a container that an older davit has made, too
	kill_both
	wait_until 5 not supervisor_pid
	sed -i -E 's/("com.docker.compose.config-hash": ?")[0-9a-f]{64}/\1aa/g' "$DAVIT_STATE_DIR/projects/$PROJECT/journal"
	[[ $(labelled) == *aa* ]]
	up
	is "$(labelled)" "$(davit config --hash '*')"
	is "$(davit ps -aq | sort)" "$before"
}
