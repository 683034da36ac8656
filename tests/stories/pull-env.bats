# What the environment has to say about pulling: DOCKER_DEFAULT_PLATFORM, COMPOSE_PARALLEL_LIMIT, and --parallel.
load ../lib
load ../registry

R=127.0.0.1:5000

# order: the repositories in the order in which something was asked of them
order() { jq -r .path "$fake.log" | grep /v2/ | sed 's,^/v2/,,; s,/.*,,' | uniq | tr '\n' ' '; }

three() {
	own_store
	fake_registry 5000
	for name in a b c; do layout "${1:-configured.tar}" $name:1; done
	for name in a b c; do remake $name ".annotations.n = \"$name\""; done
	compose <<-END
	services:
	  one: {image: '$R/a:1'}
	  two: {image: '$R/b:1'}
	  three: {image: '$R/c:1'}
	END
	slow='{"rules": [{"on": "blobs", "rate": 2000000}]}'
	wrong "$slow"
}

@test "so many images at a time as --parallel or COMPOSE_PARALLEL_LIMIT say" {
	three
	davit --parallel 1 pull -q
	sequential=$(order)
	is "$(tr ' ' '\n' <<<"$sequential" | sort | tr -d '\n')" abc      # each once, so one after the other
	is "$(davit images --all -q | wc -l)" 3 || is "$(jq '.manifests | length' "$own/images/index.json")" 3
	rm -rf "$own"
	: >"$fake.log"
	COMPOSE_PARALLEL_LIMIT=1 davit pull -q
	is "$(order)" "$sequential"
	rm -rf "$own"
	: >"$fake.log"
	COMPOSE_PARALLEL_LIMIT=1 davit --parallel -1 pull -q
	[ "$(order | wc -w)" -gt 3 ] || fail "not at once: $(order)"
}

@test "one that fails lets the next one begin" {
	three
	wrong '{"rules": [{"on": "GET .*/a/manifests", "status": 404}, {"on": "HEAD .*/a/manifests", "status": 404}]}'
	run davit --parallel 1 pull -q
	is "$status" 1
	is "$(jq '.manifests | length' "$own/images/index.json")" 2
	nothing_left
}

@test "what is no number is refused" {
	compose <<<'services: {one: {image: busybox}}'
	refused 1 "--parallel must be a whole number, not 'many'" -- davit --parallel many up
	COMPOSE_PARALLEL_LIMIT=x refused 1 "COMPOSE_PARALLEL_LIMIT must be a whole number, not 'x'" -- davit up
}

# many: an image for s390x and arm/v6, whose programs are this machine's all the same
many() {
	own_store
	fake_registry 5000
	layout busybox.tar many:1
	"$BATS_TEST_DIRNAME/../fake/platforms" "$fake/many" 1 linux/s390x linux/arm/v6
	one
}
one() { # [LINE]
	compose <<-END
	services:
	  one:
	    image: $R/many:1
	    command: [sleep, inf]
	    ${1:-}
	END
}
there() { cat "$own"/images/layers/*/platform 2>/dev/null | sort | tr '\n' ' '; }

@test "DOCKER_DEFAULT_PLATFORM: pulled and run, unless the service says which" {
	many
	run davit pull -q
	is "$status" 1
	has "$output" "it is not there for"
	echo DOCKER_DEFAULT_PLATFORM=linux/s390x >.env
	davit pull -q
	is "$(there)" "linux/s390x "
	export DOCKER_DEFAULT_PLATFORM=linux/arm
	davit up -d --quiet-pull
	is "$(sh_in one 'cat /platform')" linux/arm/v6
	lacks "$(davit config)" platform
	unset DOCKER_DEFAULT_PLATFORM
	davit up -d --quiet-pull                 # another platform is another container
	is "$(sh_in one 'cat /platform')" linux/s390x
	davit down -t 0
	one "platform: linux/arm/v6"
	davit up -d --quiet-pull
	is "$(sh_in one 'cat /platform')" linux/arm/v6
	davit down -t 0
}

@test "DOCKER_DEFAULT_PLATFORM without a compose file, and in it where it cannot be" {
	many
	export DOCKER_DEFAULT_PLATFORM=linux/s390x
	davit image pull -q $R/many:1
	davit image pull -q --platform linux/arm $R/many:1
	is "$(there)" "linux/arm/v6 linux/s390x "
	export DOCKER_DEFAULT_PLATFORM=linux/
	refused 1 "DOCKER_DEFAULT_PLATFORM: 'linux/' is not a platform" "compose.yaml:3" -- davit up -d
	export DOCKER_DEFAULT_PLATFORM=linux/s390x
	compose <<-END
	services:
	  one:
	    build:
	      context: .
	      platforms: [linux/amd64, linux/arm64]
	END
	refused 1 "platform 'linux/s390x' is not among 'build.platforms'" "DOCKER_DEFAULT_PLATFORM is set in the environment" "compose.yaml:4" -- davit up -d
	davit config -q
}
