# Images for several platforms: built together, one name for all of them, sent as an index. Nothing here can run another machine's programs.
load ../lib
load ../registry
load ../builder

setup_file() {
	case $(uname -m) in
	x86_64) echo amd64 arm64 ;;
	*) echo arm64 amd64 ;;
	esac >/run/arches
}

# $here, $there: architectures; base/Dockerfile makes an image of both, of which this machine's can run.
two() {
	read -r here there </run/arches
	dockerfile base <<-'END'
	FROM scratch
	ARG TARGETARCH
	COPY $TARGETARCH /
	CMD ["sleep", "2000"]
	END
	mkdir base/$here base/$there
	cp -a "$DAVIT_STATE_DIR"/images/layers/*/bin base/$here/
	echo "of $here" >"base/$here/arch"
	echo "of $there" >"base/$there/arch"
}

index_of() { jq -r ".manifests[] | select(.annotations.\"org.opencontainers.image.ref.name\" == \"$1\") | .annotations.\"dev.davit.index\"" "$DAVIT_STATE_DIR/images/index.json" | sort -u; }

@test "platforms: each is built, beside the others under one name, and up runs this machine's" {
	two
	compose <<-END
	services: {web: {image: "mine/both:1", build: {context: ./base, platforms: [linux/$there, linux/$here], tags: ["mine/also"]}}}
	END
	build
	has "$output" "Building for linux/$there"
	has "$output" "Building for linux/$here"
	for name in mine/both:1 mine/also:latest; do
		for arch in $here $there; do
			id=$(jq -r ".manifests[] | select(.annotations.\"org.opencontainers.image.ref.name\" == \"docker.io/$name\" and .platform.architecture == \"$arch\") | .digest" "$DAVIT_STATE_DIR/images/index.json")
			[ -n "$id" ] || fail "$name is not there for $arch"
		done
	done
	[[ $(index_of docker.io/mine/both:1) =~ ^sha256:[0-9a-f]{64}$ ]] || fail "no index: $(index_of docker.io/mine/both:1)"
	up --no-build
	is "$(sh_in web 'cat /arch')" "of $here"
	id=$(container_id web)
	before=$(index_of docker.io/mine/both:1)
	build
	is "$(index_of docker.io/mine/both:1)" "$before"
	up --build
	lacks "$output" "Building for"          # only the one that runs
	is "$(container_id web)" "$id"
	no_build_left
}

@test "platforms: what another service builds for several is taken for each of them, also for the builder's own" {
	two
	dockerfile app <<-END
	FROM --platform=\$BUILDPLATFORM mine/base AS made
	RUN cat /arch >/made
	FROM mine/base
	COPY --from=made /made /made
	END
	compose <<-END
	services:
	  base: {image: mine/base, build: {context: ./base, platforms: [linux/$here, linux/$there]}}
	  app: {image: mine/app, build: {context: ./app, platforms: [linux/$here, linux/$there]}, depends_on: [base]}
	END
	build
	layout=/run/saved-$BATS_TEST_NUMBER
	for arch in $here $there; do
		skopeo copy -q --insecure-policy --override-arch $arch "oci:$DAVIT_STATE_DIR/images:docker.io/mine/app:latest" "dir:$layout-$arch" ||
			fail "skopeo cannot read it for $arch"
	done
	up
	is "$(sh_in app 'cat /made /arch')" "of $here
of $here"
	no_build_left
	run davit builder prune -f
	is "$status" 0
	build
	no_build_left
}

@test "platforms: push sends an index, and each machine finds its own in it" {
	real_registry 5003
	two
	compose <<-END
	services: {web: {image: "127.0.0.1:5003/team/both:1", platform: linux/$here, build: {context: ./base, platforms: [linux/$here, linux/$there]}}}
	END
	build --push
	has "$output" "Image 127.0.0.1:5003/team/both:1  Pushed"
	for arch in $here $there; do
		is "$(skopeo inspect --override-arch $arch --tls-verify=false docker://127.0.0.1:5003/team/both:1 | jq -r .Architecture)" $arch
	done
	is "$(skopeo inspect --raw --tls-verify=false docker://127.0.0.1:5003/team/both:1 | jq -r '[.manifests[].platform.architecture] | sort | join(" ")')" "amd64 arm64"
	is "sha256:$(skopeo inspect --raw --tls-verify=false docker://127.0.0.1:5003/team/both:1 | sha256sum | cut -c 1-64)" "$(index_of 127.0.0.1:5003/team/both:1)"
	davit image rm -f 127.0.0.1:5003/team/both:1
	davit image prune -f
	up --no-build
	is "$(sh_in web 'cat /arch')" "of $here"
}

@test "platforms: a RUN that only an emulator could do names it, and the store keeps what it had" {
	two
	[ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || [ "$here" != amd64 ] || fail "this machine has an emulator: the story cannot be told"
	cat >"base/foreign.c" <<<"" && printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\002\0\267\0\001\0\0\0' >base/sh && head -c 100 /dev/zero >>base/sh && chmod +x base/sh
	[ "$here" = amd64 ] || sed -i 's/\xb7/\x3e/' base/sh
	cat >base/Dockerfile.run <<-END
	FROM scratch
	COPY sh /bin/sh
	RUN it
	END
	compose <<-END
	services: {web: {image: mine/never, build: {context: ./base, dockerfile: Dockerfile.run, platforms: [linux/$there]}}}
	END
	run --separate-stderr davit build
	is "$status" 1
	has "$stderr" "apt install qemu-user-static binfmt-support"
	lacks "$(davit images --all)" mine/never
	no_build_left
}

@test "platforms: the same steps give each platform an image of its own, not the other's from the cache" {
	read -r here there </run/arches
	mkdir base && echo same >base/file
	compose <<-END
	services: {web: {image: mine/same, build: {context: ./base, dockerfile_inline: "FROM scratch\nCOPY file /", platforms: [linux/$here, linux/$there]}}}
	END
	build
	is "$(jq -r '[.manifests[] | select(.annotations."org.opencontainers.image.ref.name" == "docker.io/mine/same:latest") | .platform.architecture] | sort | join(" ")' "$DAVIT_STATE_DIR/images/index.json")" "amd64 arm64"
	[ -d "$DAVIT_STATE_DIR/build/storage-linux-$there" ] || fail "no storage of its own"
	[ "$(davit system df --format json | jq -r 'select(.Type == "Build Cache") | .Size')" != 0B ] || fail "$(davit system df)"
	davit builder prune -a -f
	[ ! -e "$DAVIT_STATE_DIR/build/storage-linux-$there" ] || fail "the cache is there still"
}

arches_of() { jq -r "[.manifests[] | select(.annotations.\"org.opencontainers.image.ref.name\" == \"$1\") | .platform.architecture] | sort | join(\" \")" "$DAVIT_STATE_DIR/images/index.json"; }

@test "platforms: one that is dropped leaves the name, and the index that it was in, though nothing else has changed" {
	two
	both="[linux/$here, linux/$there]"
	for list in "$both" "[linux/$here]" "$both" ""; do
		compose <<-END
		services: {web: {image: mine/both, build: {context: ./base, tags: [mine/also], ${list:+platforms: $list}}}}
		END
		build
		id=$(davit build -q)
		for name in docker.io/mine/both:latest docker.io/mine/also:latest; do
			if [ "$list" = "$both" ]; then
				is "$(arches_of $name)" "amd64 arm64"
				[[ $(index_of $name) =~ ^sha256: ]] || fail "no index"
			else
				is "$(arches_of $name)" $here
				is "$(index_of $name)" null
			fi
		done
		before=$(stat -c %i "$DAVIT_STATE_DIR/images/index.json")
		is "$(davit build -q)" "$id"
		is "$(stat -c %i "$DAVIT_STATE_DIR/images/index.json")" "$before"       # nothing to be written
	done
	davit system check
}

@test "platforms: up --build of something new leaves the name to the one that it built" {
	two
	compose <<-END
	services: {web: {image: mine/both, build: {context: ./base, platforms: [linux/$there, linux/$here]}}}
	END
	build
	up
	is "$(arches_of docker.io/mine/both:latest)" "amd64 arm64"
	echo changed >base/$here/arch
	up --build
	is "$(sh_in web 'cat /arch')" changed
	is "$(arches_of docker.io/mine/both:latest)" $here
	build
	is "$(arches_of docker.io/mine/both:latest)" "amd64 arm64"
}
