# Archives of images, made by us and by another tool, in every wrapping.
load ../lib

# An empty store beside the shared one; what follows uses it.
own_store() {
	own=/run/own-$BATS_TEST_NUMBER
	davit() { timeout 60 "$DAVIT" --state-dir "$own" "$@"; }
}

runs() {
	compose <<-END
	services:
	  one:
	    image: $1
	    command: [sleep, inf]
	END
	up
	is "$(sh_in one 'echo it runs')" "it runs"
	davit down -t 0
}

load_and_run() {
	own_store
	run davit load -i "$1"
	[ "$status" = 0 ] || fail "$output"
	has "$output" "$2"
	runs "$2"
}

oci_archive() { skopeo copy -q --insecure-policy "docker-archive:$IMAGES/busybox.tar:busybox:1" "oci-archive:$1:busybox:1" "${@:2}"; }

@test "load: a docker archive" {
	load_and_run "$IMAGES/busybox.tar" busybox:1
}

@test "load: a docker archive, compressed by gzip" {
	gzip -1 <"$IMAGES/busybox.tar" >x.tgz
	load_and_run x.tgz busybox:latest
}

@test "load: a docker archive, compressed by zstd" {
	zstd -q -1 <"$IMAGES/busybox.tar" >x.tzst
	load_and_run x.tzst busybox:latest
}

@test "load: a docker archive from standard input" {
	own_store
	run davit load <"$IMAGES/busybox.tar"
	is "$status" 0
	has "$(davit images)" busybox
}

@test "load: an OCI archive with gzip layers" {
	oci_archive x.tar --dest-compress-format gzip
	load_and_run x.tar busybox:1
}

@test "load: an OCI archive with zstd layers" {
	oci_archive x.tar --dest-compress --dest-compress-format zstd
	load_and_run x.tar busybox:1
}

@test "load: twice is as good as once" {
	own_store
	davit load -i "$IMAGES/busybox.tar"
	davit load -i "$IMAGES/busybox.tar"
	is "$(davit images | grep -c '^busybox .*latest')" 1
}

@test "load: the store is an image layout that other tools can read" {
	own_store
	davit load -i "$IMAGES/configured.tar"
	skopeo inspect --config "oci:$own/images:$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$own/images/index.json")" |
		jq -e '.config.StopSignal == "SIGUSR1"'
}

@test "load: what is no archive is refused, and changes nothing" {
	own_store
	head -c 100000 /dev/urandom >noise.tar
	head -c 1000000 "$IMAGES/busybox.tar" >cut.tar
	for file in noise.tar cut.tar absent.tar; do
		run --separate-stderr davit load -i $file
		is "$status" 1
		has "$stderr" $file
		is "$(davit images | wc -l)" 1
	done
}

@test "config of the image: entrypoint, command, environment, user, directory" {
	compose <<-END
	services:
	  plain:
	    image: davit-test/configured
	  words:
	    image: davit-test/configured
	    command: [other, words]
	    environment: {BOTH: service, FROM_SERVICE: "1"}
	  entry:
	    image: davit-test/configured
	    entrypoint: [/usr/local/bin/show, entry]
	    working_dir: /tmp
	    user: "1234:2345"
	  named:
	    image: davit-test/configured
	    user: root
	END
	up
	for s in plain words entry named; do wait_until 5 state_is $s exited; done
	run davit logs --no-log-prefix plain
	has "$output" "show: from image"
	has "$output" "/srv/work"
	has "$output" "uid=1000(app) gid=1000(app) groups="
	has "$output" "2000(extra)"
	has "$output" "FROM_IMAGE=1"
	has "$output" "BOTH=image"
	has "$output" "HOME=/home/app"
	run davit logs --no-log-prefix words
	has "$output" "show: other words"
	has "$output" "BOTH=service"
	has "$output" "FROM_SERVICE=1"
	run davit logs --no-log-prefix entry
	is "$(grep ^show: <<<"$output")" "show: entry"     # an entrypoint of the service drops the image's command
	has "$output" "uid=1234 gid=2345"
	has "$output" "/tmp"
	run davit logs --no-log-prefix named
	has "$output" "uid=0(root)"
}

@test "config of the image: its stop signal" {
	compose <<-END
	services:
	  usr1:
	    image: davit-test/configured
	    entrypoint: on-usr1
	END
	up
	wait_until 5 log_has usr1 ready
	davit stop -t 10
	has "$(davit logs usr1)" "got USR1"
	is "$(ps_field usr1 ExitCode)" 0
}

@test "config of the image: its volumes are anonymous ones, filled from the image, gone with down" {
	compose <<-END
	services:
	  one:
	    image: davit-test/configured
	    entrypoint: [sleep, inf]
	END
	up
	is "$(sh_in one 'cat /data/from-image; readlink /data/link; stat -c %u:%a /data')" "from the image
from-image
1000:750"
	sh_in one 'grep -q " /data " /proc/mounts && echo mine >/data/new'
	davit restart -t 0
	is "$(sh_in one 'cat /data/new')" mine
	davit down -v -t 0
	is "$(ls "$DAVIT_STATE_DIR/volumes")" ""
}

@test "the sizes of images and of system df count different things, and the helps say which" {
	local held taken
	has "$(davit images --help)" "SIZE is what an image holds unpacked"
	has "$(davit image ls --help)" "'davit system df -v' says what it takes on the disk"
	has "$(davit system df --help)" "its archived and its unpacked layers"
	held=$(davit image inspect busybox | jq '.[0].Size')
	taken=$(davit system df -v --format json | jq --arg id "$(davit image inspect busybox | jq -r '.[0].Id')" '.Images[] | select(.id == $id) | .bytes')
	((taken > held))
	((taken <= 4 * held))
}
