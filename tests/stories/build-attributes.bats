# Each attribute of `build:` that the other stories of building do not need: left out, its test fails.
load ../lib
load ../registry
load ../builder

# one_service LINES: service web, whose build has them, two spaces deep
one_service() {
	{
		echo "services:"
		echo "  web:"
		echo "    command: sleep 2000"
		echo "    build:"
		sed 's/^/      /'
	} >compose.yaml
}

# built_file PATH: of the image, by running it
built_file() {
	up --no-build
	sh_in web "cat $1"
	davit down -t 0 2>/dev/null
}

# RUN is a container of its own, with limits and a network, but where only chroot works.
isolated() { [ "${BUILDAH_ISOLATION:-}" != chroot ]; }

@test "context, dockerfile and its own .dockerignore" {
	mkdir -p web/sub
	echo kept >web/kept
	echo left out >web/left
	cat >web/sub/Other <<<$'FROM busybox\nCOPY . /all\nRUN ls /all >/list'
	echo left >web/sub/Other.dockerignore
	one_service <<<$'context: ./web\ndockerfile: sub/Other'
	build
	has "$(built_file /list)" kept
	lacks "$(built_file /list)" left
}

@test "dockerfile_inline and args: of the file, of the environment, of the command line" {
	one_service <<-'END'
	dockerfile_inline: |
	  FROM busybox
	  ARG A=none
	  ARG B=none
	  ARG C=none
	  RUN echo "$$A $$B $$C" >/args
	args: [A=file, B, C=file]
	END
	B="the environment" build --build-arg C=line
	is "$(built_file /args)" "file the environment line"
}

@test "labels and tags" {
	one_service <<-'END'
	dockerfile_inline: FROM busybox
	labels: {one: "1", two: "a b"}
	tags: ["mine/tagged:7"]
	END
	build
	is "$(davit image inspect mine/tagged:7 | jq -r '.[0].Config.Labels | .one + .two')" "1a b"
	is "$(davit image inspect mine/tagged:7 | jq -r '.[0].Id')" "$(davit image inspect "$PROJECT-web" | jq -r '.[0].Id')"
}

@test "target: what comes behind it is not run" {
	one_service <<-'END'
	dockerfile_inline: |
	  FROM busybox AS here
	  RUN echo here >/where
	  FROM busybox
	  RUN false
	target: here
	END
	build
	is "$(built_file /where)" here
}

@test "no_cache, and --no-cache" {
	one_service <<<$'dockerfile_inline: "FROM busybox\\nRUN true"'
	build
	build
	has "$output" 'Using cache'
	build --no-cache
	lacks "$output" 'Using cache'
	one_service <<<$'dockerfile_inline: "FROM busybox\\nRUN true"\nno_cache: true'
	build
	lacks "$output" 'Using cache'
}

@test "extra_hosts" {
	one_service <<-'END'
	dockerfile_inline: "FROM busybox\nRUN cat /etc/hosts >/seen"
	extra_hosts: ["far.example=10.9.8.7", "here.example=host-gateway"]
	END
	build
	seen=$(built_file /seen)
	[[ $seen =~ 10.9.8.7[[:space:]]+far.example ]] || fail "$seen"
	[[ $seen =~ 127.0.0.1[[:space:]]+here.example ]] || fail "$seen"
}

@test "network: the host's unless it says none" {
	isolated || return 0
	one_service <<<$'dockerfile_inline: "FROM busybox\\nRUN nc -w 5 127.0.0.1 7003 </dev/null && echo it answers >/got || touch /got"'
	python3 -m http.server --bind 127.0.0.1 7003 >/dev/null 2>&1 3>&- &
	KEPT_PROCESSES=$!
	wait_until 10 curl -sfo /dev/null http://127.0.0.1:7003/compose.yaml
	build
	is "$(built_file /got)" "it answers"
	echo '      network: none' >>compose.yaml
	build --no-cache
	is "$(built_file /got)" ""
}

@test "shm_size and ulimits" {
	isolated || return 0
	one_service <<-'END'
	dockerfile_inline: "FROM busybox\nRUN df -k /dev/shm | tail -n 1 >/shm; ulimit -n >/files; ulimit -c >/core"
	shm_size: 3m
	ulimits: {nofile: {soft: 123, hard: 456}, core: 0}
	END
	build
	[[ $(built_file /shm) =~ [[:space:]]3072[[:space:]] ]] || fail "$(built_file /shm)"
	is "$(built_file /files)" 123
	is "$(built_file /core)" 0
}

@test "privileged: RUN has all capabilities" {
	isolated || return 0
	one_service <<<$'dockerfile_inline: "FROM busybox\\nRUN grep CapEff /proc/self/status >/caps"'
	build
	some=$(built_file /caps)
	echo '      privileged: true' >>compose.yaml
	build --no-cache
	[ "$(built_file /caps)" != "$some" ] || fail "no more than without: $some"
}

@test "ssh: the agent can be asked while it builds, and a key must be there" {
	eval "$(ssh-agent -s)" >/dev/null
	KEPT_PROCESSES=$SSH_AGENT_PID
	one_service <<-'END'
	dockerfile_inline: "FROM busybox\nRUN --mount=type=ssh test -S $$SSH_AUTH_SOCK && echo it is >/there"
	ssh: [default]
	END
	build
	is "$(built_file /there)" "it is"
	sed -i 's/test -S/echo it runs; sleep 1000; test -S/' compose.yaml
	"$DAVIT" build >out.txt 2>&1 3>&- &
	builder=$!
	wait_until 20 grep -q '^web | it runs' out.txt
	kill -9 "$builder"
	wait "$builder" || :
	wait_until 10 not pgrep -f 'sleep 1000'
	sed -i 's/sleep 1000/true/' compose.yaml
	build
	no_build_left
	one_service <<<$'dockerfile_inline: FROM busybox\nssh: ["k=./nowhere"]'
	refused 1 "SSH key" "nowhere': No such file or directory" -- davit build
}

# Of what is in a repository or behind a URL davit knows nothing: the builder fetches it, and the images in its Dockerfile, too.
@test "context: a git repository, with a branch and a directory; and what cannot be had is said" {
	git init -q repo
	mkdir repo/sub
	cat >repo/sub/Dockerfile <<<$'FROM scratch\nCOPY file /of-git'
	echo of git >repo/sub/file
	git -C repo add .
	git -C repo -c user.name=n -c user.email=e commit -qm one
	git -C repo branch -M topic
	git daemon --listen=127.0.0.1 --port=9418 --export-all --base-path="$PWD" --reuseaddr >/run/git.log 2>&1 3>&- &
	KEPT_PROCESSES=$!
	wait_until 10 git ls-remote git://127.0.0.1/repo
	one_service <<<$'context: "git://127.0.0.1/repo#topic:sub"'
	build
	is "$(cat "$DAVIT_STATE_DIR"/images/layers/*/of-git)" "of git"
	one_service <<<$'context: "git://127.0.0.1/repo#topic"\ndockerfile_inline: "FROM busybox\\nCOPY sub/file /file"'
	build
	is "$(built_file /file)" "of git"
	one_service <<<$'context: "git://127.0.0.1/other"'
	run --separate-stderr davit build
	is "$status" 1
	has "$stderr" "/other"
	no_build_left
}

@test "context: an archive at a URL" {
	mkdir web
	cat >web/Dockerfile <<<$'FROM scratch\nCOPY file /of-archive'
	echo of the archive >web/file
	tar -C web -czf web.tar.gz Dockerfile file
	python3 -m http.server --bind 127.0.0.1 7004 >/dev/null 2>&1 3>&- &
	KEPT_PROCESSES=$!
	wait_until 10 curl -sfo /dev/null http://127.0.0.1:7004/web.tar.gz
	one_service <<<'context: "http://127.0.0.1:7004/web.tar.gz"'
	build
	is "$(cat "$DAVIT_STATE_DIR"/images/layers/*/of-archive)" "of the archive"
}
