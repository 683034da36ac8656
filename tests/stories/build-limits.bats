# Builds at the edge of what there is: no layer, no room.
load ../lib
load ../registry
load ../builder

# rows_of NAME: how many names the store has for it
rows_of() { davit images --all --format json | jq -rs "flatten | map(select(.Repository == \"$1\")) | length"; }

@test "build: FROM scratch and nothing more is an image: listed, inspected, checked, saved, loaded, pushed, pulled, built upon" {
	real_registry 5003
	name=127.0.0.1:5003/empty
	compose <<-END
	services:
	  empty: {image: $name, build: {dockerfile_inline: "FROM scratch\nLABEL a=b"}, command: [/nothing]}
	  upon: {build: {dockerfile_inline: "FROM $name\nCOPY compose.yaml /"}, depends_on: [empty]}
	END
	build
	id=$(davit build -q empty)
	is "$(rows_of $name)" 1
	is "$(davit image inspect $name | jq -c '.[0] | [.Config.Labels.a, .RootFS.Layers]')" '["b",[]]'
	is "$(davit image inspect "$PROJECT-upon" | jq '.[0].RootFS.Layers | length')" 1
	davit system check
	davit image save -o empty.tar $name
	davit build --push empty
	for from in "load -i empty.tar" "image pull $name"; do
		davit image rm -f $name
		is "$(rows_of $name)" 0
		run -0 davit $from
		is "$(davit image inspect $name | jq -r '.[0].Id')" "$id"
	done
	davit system check
	skopeo copy -q --insecure-policy "oci:$DAVIT_STATE_DIR/images:$name:latest" "dir:/run/empty-$BATS_TEST_NUMBER"
	run -127 --separate-stderr davit up --no-build empty
	is "$status" 127
	has "$stderr" "command '/nothing' does not exist in the image"
	no_build_left
}

@test "build: a full disk is named, with what is free there and what helps, and nothing is left of it" {
	compose <<-'END'
	services:
	  big: {build: {dockerfile_inline: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=30"}}
	END
	local small=/run/small-$BATS_TEST_NUMBER before
	mkdir $small && mount -t tmpfs -o size=14m small $small
	davit --state-dir $small load -q -i "$IMAGES/busybox.tar"
	run --separate-stderr davit --state-dir $small build
	is "$status" 1
	[[ $stderr =~ "service 'big': a disk is full; '$small/build' was seen with "[0-9.]+k?M?B" free of 14.68MB: 'buildah build' ended with status" ]] || fail "$stderr"
	has "$stderr" "davit builder prune"
	has "$stderr" "davit image prune"
	is "$(find $small/build/tmp $small/build/storage/overlay-containers -mindepth 1 -not -name 'containers.*')" ""
	before=$(df --output=used $small | tail -n 1)
	run --separate-stderr davit --state-dir $small build
	is "$status" 1
	(($(df --output=used $small | tail -n 1) <= before + 64)) || fail "each try leaves something: $before, $(df $small)"
	# a RUN that there was room for, whose layer finds none
	sed -i s,/dev/zero,/dev/urandom, compose.yaml
	for n in 5 7; do
		sed -i -E "s/count=[0-9]+/count=$n/" compose.yaml
		run --separate-stderr davit --state-dir $small build
		is "$status" 1
		has "$stderr" "a disk is full; '$small/build' was seen with "
	done
	davit --state-dir $small system check
	umount -l $small
}

@test "build: RUN that fills its own /dev/shm is not told to make room on a disk that has plenty" {
	[ "${BUILDAH_ISOLATION:-}" != chroot ] || return 0     # there it is the host's
	compose <<-'END'
	services:
	  shm: {build: {shm_size: 1m, dockerfile_inline: "FROM busybox\nRUN dd if=/dev/zero of=/dev/shm/big bs=1M count=3"}}
	END
	run --separate-stderr davit build
	is "$status" 1
	has "$stderr" "a disk is full; '$DAVIT_STATE_DIR/build' was seen with "
	(($(df --output=avail -B1 "$DAVIT_STATE_DIR" | tail -n 1) < 1 << 30)) || has "$stderr" "build.shm_size"
}

# says_it_is VERSION: a buildah that is the real one but for its version, and that takes here-documents for instructions
says_it_is() {
	mkdir -p bin
	real=${real:-$(command -v buildah)}
	cat >bin/buildah <<-END
	#!/bin/sh
	case " \$* " in
	*" --version "*) echo "buildah version $1 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)" ;;
	*" build "*) echo 'Error: Build error: Unknown instruction: "ECHO"' >&2; exit 125 ;;
	*) exec $real "\$@" ;;
	esac
	END
	chmod +x bin/buildah
}

@test "build: here-documents, which an old buildah takes for instructions, are refused with their line" {
	dockerfile web <<-'END'
	FROM busybox
	# a comment
	RUN echo before >/a
	RUN \
	  <<EOF
	echo one >/b
	EOF
	COPY <<-one <<two /c/
		first
		one
	second
	two
	END
	compose <<-'END'
	services:
	  web: {build: ./web}
	  inside: {build: {dockerfile_inline: "FROM busybox\nRUN <<EOF\ntrue\nEOF"}}
	END
	case $(buildah --version) in
	*\ 1.[0-9].* | *\ 1.[12]*.* | *\ 1.3[012].*) refused 1 "$PWD/web/Dockerfile:4: buildah 1." -- davit build web ;;
	*\ 1.3[34].*) ;;
	*) build web ;;
	esac
	says_it_is 1.28.2
	PATH=$PWD/bin:$PATH
	refused 1 "service 'web': $PWD/web/Dockerfile:4: buildah 1.28 does not read here-documents (<<)" "use buildah 1.35 or newer" -- davit build web
	lacks "$stderr" STEP
	refused 1 "service 'inside': dockerfile_inline:2: buildah 1.28 does not" -- davit build inside
	says_it_is 1.34.0
	refused 1 "service 'web': 'buildah build' ended with status 125" "if it took the lines of a here-document" -- davit build web
	says_it_is 1.39.0
	refused 1 "service 'web': 'buildah build' ended with status 125" -- davit build web
	lacks "$stderr" here-document
}

@test "build: Ctrl-C is heard while somebody else has the build cache to himself" {
	compose <<<'services: {web: {build: {dockerfile_inline: "FROM busybox"}}}'
	mkdir -p "$DAVIT_STATE_DIR/build"
	exec 8>>"$DAVIT_STATE_DIR/build/lock"
	flock 8
	"$DAVIT" build >out.txt 2>&1 3>&- 8>&- &
	builder=$! begun=$SECONDS
	wait_until 20 has_open "$builder" "$DAVIT_STATE_DIR/build/lock"
	kill -INT "$builder"
	wait "$builder" && status=0 || status=$?
	exec 8>&-
	is "$status" 130
	((SECONDS - begun < 50)) || fail "it waited for the lock"
	no_build_left
}

has_open() { readlink /proc/"$1"/fd/* | grep -qxF "$2"; }

# As in a container whose root file system is an overlay.
@test "build: where overlayfs cannot be used, buildah copies, and it is said; cache and prune work as elsewhere" {
	compose <<-'END'
	services:
	  web:
	    build: {dockerfile_inline: "FROM busybox\nRUN echo a >/a\nRUN mkdir /b && cat /a /a >/b/c"}
	    command: [sh, -c, "cat /a /b/c | wc -l"]
	END
	local base=/run/upper-$BATS_TEST_NUMBER state=/run/on-overlay-$BATS_TEST_NUMBER
	mkdir $base $state && mount -t tmpfs upper $base && mkdir $base/{low,up,work}
	mount -t overlay -o lowerdir=$base/low,upperdir=$base/up,workdir=$base/work overlay $state
	[ ! -e /usr/bin/fuse-overlayfs ] || mount --bind /dev/null /usr/bin/fuse-overlayfs
	davit --state-dir $state load -q -i "$IMAGES/busybox.tar"
	output=$(davit --state-dir $state build 2>&1) || fail "$output"
	has "$output" "davit: overlayfs cannot be used in '$state/build/storage': buildah copies the whole image for each step"
	output=$(davit --state-dir $state build 2>&1) || fail "$output"
	has "$output" "Using cache"
	run --separate-stderr davit --state-dir $state up --no-build --no-log-prefix
	is "$(grep -cx 3 <<<"$output")" 1
	davit --state-dir $state down -t 0
	davit --state-dir $state builder prune -f
	davit --state-dir $state system check
	davit --state-dir $state builder prune -a -f
	output=$(davit --state-dir $state build 2>&1) || fail "$output"
	lacks "$output" "Using cache"
	[ ! -e /usr/bin/fuse-overlayfs ] || umount /usr/bin/fuse-overlayfs
	umount -l $state $base
}
