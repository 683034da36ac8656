# Images built by buildah, upon images that only davit's store has: there is no registry here.
load ../lib
load ../registry
load ../builder

# --- what an image is made of ----------------------------------------------------------------------------------------------------

@test "build: stages, a target, arguments, labels, a health check; what was built runs" {
	dockerfile web <<-'END'
	ARG BASE=nothing
	FROM ${BASE} AS made
	ARG WHO=nobody
	COPY text /text
	RUN echo "hello $WHO" >>/text
	FROM busybox:1 AS wanted
	COPY --from=made /text /text
	HEALTHCHECK --interval=1s CMD test -e /text
	CMD ["sh", "-c", "cat /text; exec sleep 1000"]
	FROM wanted
	RUN false
	END
	echo from the context >web/text
	compose <<-END
	services:
	  web:
	    build: {context: ./web, target: wanted, args: {BASE: busybox, WHO: world}, labels: {a.label: "yes"}}
	END
	build
	has "$output" 'web | [1/'
	has "$output" "Image $PROJECT-web  Built"
	no_build_left
	up
	wait_until 10 log_has web 'hello world'
	wait_until 10 log_has web 'from the context'
	wait_until 10 health_is web healthy
	is "$(ps_field web Image)" "$PROJECT-web"
	labels=$(jq -c .config.Labels "$(config_file "$PROJECT-web")")
	is "$(jq -r '."a.label"' <<<"$labels")" yes
	is "$(jq -r '."com.docker.compose.project"' <<<"$labels")" "$PROJECT"
	is "$(jq -r '."com.docker.compose.service"' <<<"$labels")" web
}

@test "build: secrets of a file and of the environment are there while it builds, and not in the image" {
	echo from a file >secret.txt
	export TOLD="from the environment"
	compose <<-'END'
	services:
	  web:
	    build:
	      dockerfile_inline: |
	        FROM busybox
	        RUN --mount=type=secret,id=f --mount=type=secret,id=other cat /run/secrets/f /run/secrets/other >/both
	        CMD ["sh", "-c", "cat /both; cat /run/secrets/* >/kept; wc -c /kept; exec sleep 1000"]
	      secrets: [f, {source: e, target: other}]
	secrets:
	  f: {file: ./secret.txt}
	  e: {environment: TOLD}
	END
	build
	lacks "$output" "from a file"
	no_build_left
	up
	wait_until 10 log_has web 'from the environment'
	wait_until 10 log_has web 'from a file'
	wait_until 10 log_has web '0 /kept'
}

@test "build: what RUN finds: shared memory, limits, names, no network" {
	[ "${BUILDAH_ISOLATION:-}" = chroot ] || cat >>look <<-'END'
	RUN df -k /dev/shm | grep -q ' 32768 '
	RUN grep -q '1.2.3.4.*somewhere' /etc/hosts
	END
	compose <<-END
	services:
	  found:
	    build:
	      dockerfile_inline: |
	        FROM busybox
	        RUN [ "\$\$(ulimit -n)" = 1234 ]
	        $([ ! -e look ] || paste -sd @ look | sed 's/@/\n        /g')
	      shm_size: 32m
	      ulimits: {nofile: {soft: 1234, hard: 4000}}
	      extra_hosts: ["somewhere:1.2.3.4"]
	  alone: {build: {network: none, dockerfile_inline: "FROM busybox\nRUN [ \$\$(ls /sys/class/net | wc -l) = 1 ]"}}
	END
	build
}

# Each such RUN makes the same layer, an empty one: there is one blob, and the base has it already.
@test "build: RUN that changes nothing, twice, and once more upon what was built" {
	compose <<-END
	services:
	  twice: {build: {dockerfile_inline: "FROM busybox\nRUN true\nRUN test -e /bin\nRUN echo x >/x"}}
	  again: {command: [cat, /x], build: {dockerfile_inline: "FROM base\nRUN true\nRUN test -e /x", additional_contexts: {base: "service:twice"}}}
	END
	build
	is "$(davit image inspect "$PROJECT-again" | jq '.[0].RootFS.Layers | length')" 6
	davit system check
	is "$(davit up --no-log-prefix again 2>/dev/null | grep -x x)" x
}

@test "build: upon what another service builds, and with another directory" {
	dockerfile base <<-'END'
	FROM busybox
	RUN echo of the base >/base
	END
	dockerfile app <<-'END'
	FROM under
	COPY --from=beside file /file
	RUN cat /base /file >/all
	CMD ["sh", "-c", "cat /all; exec sleep 1000"]
	END
	mkdir beside && echo beside it >beside/file
	compose <<-END
	services:
	  app:
	    build: {context: ./app, additional_contexts: {under: "service:base", beside: ./beside}}
	  base: {build: ./base, profiles: [never-up]}
	END
	davit --profile never-up build app 2>out.txt || fail "$(cat out.txt)"
	has "$(cat out.txt)" "Image $PROJECT-base  Built"
	davit --profile never-up up -d app 2>/dev/null
	wait_until 10 log_has app 'of the base'
	wait_until 10 log_has app 'beside it'
}

@test "build: names by tags, ids by -q; the base's layer is not stored twice" {
	compose <<-END
	services:
	  web:
	    image: mine/web:3
	    build: {dockerfile_inline: "FROM busybox\nRUN echo x >/x", tags: ["mine/web:extra"]}
	END
	before=$(ls "$DAVIT_STATE_DIR/images/blobs/sha256" | wc -l)
	run --separate-stderr davit build -q
	is "$status" 0
	is "$stderr" ""
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]] || fail "$output"
	id=${output#sha256:}
	is "$(davit images --all | grep -c "mine/web.* ${id:0:12} ")" 2
	is $(($(ls "$DAVIT_STATE_DIR/images/blobs/sha256" | wc -l) - before)) 3      # layer, config, manifest
}

# --- when it is built ------------------------------------------------------------------------------------------------------------

@test "up builds what is missing; unchanged, it is not recreated; changed, it is with --build only" {
	dockerfile web <<-'END'
	FROM busybox
	COPY text /text
	CMD ["sh", "-c", "cat /text; exec sleep 1000"]
	END
	echo first >web/text
	compose <<<"services: {web: {build: ./web}}"
	up
	wait_until 10 log_has web first
	id=$(container_id web)
	up --build
	has "$output" 'Using cache'
	is "$(container_id web)" "$id"
	echo second >web/text
	up
	lacks "$output" STEP
	is "$(container_id web)" "$id"
	up --build --quiet-build
	lacks "$output" STEP
	wait_until 10 log_has web second
	[ "$(container_id web)" != "$id" ] || fail "it was not recreated"
}

@test "run builds what is missing; changed, it is built anew with --build only" {
	dockerfile tool <<-'END'
	FROM busybox
	COPY text /text
	CMD ["cat", "/text"]
	END
	echo first >tool/text
	compose <<<"services: {tool: {build: ./tool}}"
	run -0 davit run --rm tool
	has "$output" STEP
	has "$output" first
	echo second >tool/text
	is "$(davit run --rm tool 2>/dev/null)" first
	run -0 --separate-stderr davit run --rm --build --quiet-build tool
	is "$output" second
	lacks "$stderr" STEP
}

@test "pull_policy build builds at each up; --no-build does not, and says so" {
	compose <<-'END'
	services:
	  web: {build: {dockerfile_inline: "FROM busybox\nCMD sleep 1000"}, pull_policy: build}
	END
	refused 1 "compose.yaml:2:" "image '$PROJECT-web' is not in davit's store" "davit build web" -- davit up -d --no-build
	up
	has "$output" STEP
	up
	has "$output" STEP
	up --no-build
	lacks "$output" STEP
	refused_now 1 "--build and --no-build are incompatible" -- davit up -d --build --no-build
}

# refused, with a project that is up
refused_now() {
	local want=$1 words=$2
	run -"$want" --separate-stderr "${@:4}"
	is "$status" "$want"
	has "$stderr" "$words"
}

@test "build: services side by side, each line with its service's name" {
	compose <<-'END'
	services:
	  listens: {build: {dockerfile_inline: "FROM busybox\nRUN timeout 30 nc -l -p 7001 >/got"}}
	  talks: {build: {dockerfile_inline: "FROM busybox\nRUN for i in $(seq 300); do echo they met | nc 127.0.0.1 7001 && exit; sleep 0.1; done; exit 1"}}
	END
	build
	has "$output" 'listens | STEP'          # neither comes to its end without the other
	has "$output" 'talks   | STEP'
}

@test "build: depends_on is an order, and --with-dependencies a reason" {
	compose <<-'END'
	services:
	  a: {build: {dockerfile_inline: "FROM busybox\nRUN true"}, depends_on: [b]}
	  b: {build: {dockerfile_inline: "FROM busybox\nRUN false || true"}}
	END
	build a
	lacks "$output" 'b |'
	build --with-dependencies a
	has "$output" 'b |'
	last_b=$(grep -n '^b |' <<<"$output" | tail -n 1 | cut -d: -f1) first_a=$(grep -n '^a |' <<<"$output" | head -n 1 | cut -d: -f1)
	((last_b < first_a)) || fail "$output"
}

cache_row() { davit system df --format json | jq -r 'select(.Type == "Build Cache") | .Size'; }

@test "builder prune: the cache gets smaller, or goes; system df knows it" {
	compose <<-'END'
	services: {web: {build: {dockerfile_inline: "FROM busybox\nARG N\nRUN dd if=/dev/urandom of=/big bs=1M count=3; echo $N"}}}
	END
	is "$(cache_row)" 0B
	build
	build --build-arg N=2
	[ "$(cache_row)" != 0B ] || fail "$(davit system df)"
	run davit builder prune -f
	[[ $output =~ "reclaimed space: "[3-9].*MB ]] || fail "$output"
	build --build-arg N=2
	has "$output" 'Using cache'
	davit builder prune -a -f
	is "$(cache_row)" 0B
	build --build-arg N=2
	lacks "$output" 'Using cache'
	begin_long
	run davit builder prune -f
	is "$status" 1
	has "$output" 'somebody builds'
	kill -INT "$builder"
	wait "$builder" || :
	no_build_left
}

# --- what goes wrong -------------------------------------------------------------------------------------------------------------

@test "build: a RUN that fails shows what it said, its status, and leaves nothing" {
	compose <<-'END'
	services:
	  fails: {build: {dockerfile_inline: "FROM busybox\nRUN echo it was here; exit 42"}}
	  long: {build: {dockerfile_inline: "FROM busybox\nRUN sleep 1000"}}
	END
	run --separate-stderr davit build
	is "$status" 1
	has "$stderr" 'fails | it was here'
	has "$stderr" 'exit status 42'
	has "$stderr" "error: service 'fails': 'buildah build' ended with status"
	no_build_left
	run --separate-stderr davit build -q fails
	is "$status" 1
	is "$output" ""
	has "$stderr" 'fails | it was here'
	run --separate-stderr davit up -d
	is "$status" 1
	nothing_begun
}

# Starts a build in the background that stays in a RUN, and returns when it is there. Its process: $builder.
begin_long() {
	compose <<-'END'
	services:
	  long: {build: {dockerfile_inline: "FROM busybox\nRUN echo it runs && sleep 1000"}}
	END
	"$DAVIT" build >out.txt 2>&1 3>&- &
	builder=$!
	wait_until 20 grep -q '^long | it runs' out.txt
}

@test "build: Ctrl-C leaves nothing" {
	begin_long
	kill -INT "$builder"
	wait "$builder" && status=0 || status=$?
	is "$status" 130
	no_build_left
}

@test "build: Ctrl-C, and again while it clears up, leaves nothing" {
	begin_long
	kill -INT "$builder"
	kill -INT "$builder" || :
	kill -TERM "$builder" || :
	wait "$builder" && status=0 || status=$?
	is "$status" 130
	no_build_left
}

@test "build: what a killed one leaves, the next removes" {
	begin_long
	kill -9 "$builder"
	wait "$builder" || :
	wait_until 10 not pgrep -f 'sleep 1000'
	compose <<<'services: {web: {build: {dockerfile_inline: "FROM busybox\nRUN true"}}}'
	build
	no_build_left
}

@test "build: what is not there is said with its place, before anything is built" {
	dockerfile web <<<"FROM busybox"
	cat >compose.yaml <<-'END'
	services:
	  a:
	    build:
	      context: ./nowhere
	END
	refused 1 "compose.yaml:4:16: error: service 'a': build context '$PWD/nowhere': No such file or directory" -- davit build
	cat >compose.yaml <<-'END'
	services:
	  a:
	    build: ./web
	  b:
	    build: {context: ./web, dockerfile: Other}
	END
	refused 1 "compose.yaml:5:41: error: service 'b': Dockerfile '$PWD/web/Other': No such file or directory" -- davit build
	refused 1 "no such service: 'c'" -- davit build c
	refused 1 "flag '--builder' takes buildah or buildkit, not 'other'" -- davit build --builder other
}

@test "build: no builder is installed" {
	compose <<<'services: {web: {build: {dockerfile_inline: "FROM busybox"}}}'
	mkdir without
	for program in crun runc; do
		ln -s "$(command -v $program)" without/
	done
	refused 1 "no builder: 'buildah' is not installed" "apt install buildah" -- env PATH="$PWD/without" "$DAVIT" build
	refused 1 "apt install buildah" -- env PATH="$PWD/without" "$DAVIT" up -d
	refused 1 "'buildctl' is not installed" -- "$DAVIT" build --builder buildkit
}

# --- BuildKit, as far as it can be shown without it ------------------------------------------------------------------------------

@test "buildkit: buildctl is asked, and its layout becomes the image" {
	mkdir bin
	cat >bin/buildctl <<-'END'
	#!/bin/sh
	printf '%s\n' "$@" >"$RECORD"
	echo "#1 [internal] load build definition"
	for word; do
		case $word in
		type=oci,*) dest=${word#*dest=} dest=${dest%%,*} ;;
		esac
	done
	mkdir -p "$dest" && exec skopeo copy -q --insecure-policy "oci:$DAVIT_STATE_DIR/images:docker.io/library/busybox:latest" "oci:$dest:x"
	END
	chmod +x bin/buildctl
	export RECORD=$PWD/record PATH=$PWD/bin:$PATH
	compose <<-'END'
	services:
	  web: {build: {dockerfile_inline: "FROM busybox", args: {A: b}}, command: [sleep, inf]}
	END
	output=$(DAVIT_BUILDER=buildkit davit build 2>&1) || fail "$output"
	has "$output" 'web | #1 [internal]'
	has "$(cat record)" build-arg:A=b
	grep -q '^context:busybox=oci-layout://davit@sha256:' record
	up --no-build
	is "$(sh_in web 'echo it runs')" "it runs"
}

# --- base images from a registry -------------------------------------------------------------------------------------------------

@test "build: a base image that the store lacks is pulled into it; --pull takes a newer one" {
	real_registry 5003
	into busybox.tar 127.0.0.1:5003/base:1
	compose <<-'END'
	services:
	  base: {image: "mine/base", build: {dockerfile_inline: "FROM 127.0.0.1:5003/base:1\nRUN true"}}
	  web: {build: {dockerfile_inline: "FROM mine/base\nRUN ls /configured 2>&1 || true"}, depends_on: [base]}
	END
	build
	has "$output" 'Pulling 127.0.0.1:5003/base:1'
	has "$(davit images --all)" 127.0.0.1:5003/base
	into configured.tar 127.0.0.1:5003/base:1
	build
	lacks "$output" Pulling
	before=$(davit build -q)
	build --pull
	has "$output" 'Pulling 127.0.0.1:5003/base:1'
	lacks "$output" 'Pulling docker.io/mine/base'      # that one is built here
	[ "$(davit build -q)" != "$before" ] || fail "the new base is not used"
	kill $KEPT_PROCESSES
	run --separate-stderr davit build --pull
	is "$status" 1
	has "$stderr" "service 'base': "
	has "$stderr" 127.0.0.1:5003
}

@test "build: FROM a digest, with a tag and without, from the registry and then from the store" {
	real_registry 5003
	into busybox.tar 127.0.0.1:5003/base:1
	digest=$(skopeo inspect --tls-verify=false docker://127.0.0.1:5003/base:1 | jq -r .Digest)
	compose <<-END
	services:
	  web: {build: {dockerfile_inline: "FROM 127.0.0.1:5003/base@$digest AS one\nRUN echo one >/one\nFROM 127.0.0.1:5003/base:1@$digest\nCOPY --from=one /one /one\nCMD sleep 2000"}}
	END
	build
	has "$output" "Pulling 127.0.0.1:5003/base@$digest"
	kill $KEPT_PROCESSES
	davit builder prune -a -f
	build
	lacks "$output" Pulling
	up --no-build
	is "$(sh_in web 'cat /one')" one
}

@test "build --push: what has a name of its own goes to its registry, the rest is said to stay" {
	real_registry 5003
	compose <<-'END'
	services:
	  web: {image: "127.0.0.1:5003/team/web:1", build: {dockerfile_inline: "FROM busybox\nRUN echo pushed >/web\nCMD sleep 1000"}}
	  own: {build: {dockerfile_inline: "FROM busybox\nRUN true"}}
	END
	build --push
	has "$output" "Image 127.0.0.1:5003/team/web:1  Pushed"
	has "$output" "Service own  Skipped  No image name to push to"
	davit image rm -f 127.0.0.1:5003/team/web:1
	run -0 davit image pull 127.0.0.1:5003/team/web:1
	up web --no-build
	is "$(sh_in web "cat /web")" pushed
	davit down -t 0
}

@test "build: what the builder does without is told with its place, each once" {
	compose <<-'END'
	services:
	  web:
	    build:
	      dockerfile_inline: "FROM busybox"
	      provenance: mode=max
	      sbom: true
	      isolation: hyperv
	      no_cache_filter: [a]
	      cache_from: [type=gha]
	      cache_to:
	        - type=local,dest=./cache
	END
	build
	has "$output" "compose.yaml:5:19: warning: service 'web': no provenance is made with buildah"
	has "$output" "compose.yaml:6:13: warning: service 'web': no SBOM is made with buildah"
	has "$output" "compose.yaml:7:18: warning: service 'web': isolation 'hyperv' has no effect with buildah on Linux"
	has "$output" "compose.yaml:8:24: warning: service 'web': buildah builds all stages without cache"
	has "$output" "compose.yaml:9:20: warning: service 'web': 'type=gha' has no effect with buildah"
	has "$output" "compose.yaml:11:11: warning: service 'web': 'type=local,dest=./cache' has no effect with buildah"
	is "$(grep -c "warning: service" <<<"$output")" 6
}
