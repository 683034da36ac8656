# builder.bash - what stories of building have in common. Load it last.
eval "lib_setup() $(declare -f setup | tail -n +2)"
eval "lib_teardown() $(declare -f teardown | tail -n +2)"

# A store of its own below the state directory: what is built is moved into it by name.
setup() {
	lib_setup
	umount "$DAVIT_STATE_DIR/images"
	davit load -q -i "$IMAGES/busybox.tar" >load.out || fail "load: $(cat load.out)"
	# where no runtime but davit's way of calling it works, as in some containers, RUN is isolated by chroot
	[ -e /run/isolation ] || probe_isolation >/run/isolation
	export BUILDAH_ISOLATION=$(cat /run/isolation)
	[ -n "$BUILDAH_ISOLATION" ] || unset BUILDAH_ISOLATION
}

teardown() {
	mount --bind "$DAVIT_STATE_DIR/images" "$DAVIT_STATE_DIR/images"
	lib_teardown
}

probe_isolation() {
	compose <<-END
	services: {probe: {build: {dockerfile_inline: "FROM busybox\nRUN true"}}}
	END
	davit build >probe.out 2>&1 || echo chroot
}

dockerfile() { mkdir -p "$1" && cat >"$1/Dockerfile"; }

build() {
	output=$(davit build "$@" 2>&1) || fail "build: exit status $?: $output"
}

image_of() { davit images --all --format json | jq -r "(if type == \"array\" then .[] else . end) | select(.Repository == \"$1\") | .ID"; }
container_id() { ps_field "$1" ID; }

# Nothing of a build is left but buildah's storage.
no_build_left() {
	local left
	left=$(find "$DAVIT_STATE_DIR/build/tmp" -mindepth 1 2>/dev/null
		find "$DAVIT_RUN_DIR/build" -mindepth 1 2>/dev/null
		find /sys/fs/cgroup -type d -path "*davit-build/$PROJECT-*" 2>/dev/null
		pgrep -af 'buildah |sleep 1000'
		buildah --root "$DAVIT_STATE_DIR/build/storage" --runroot /run/look containers -q)
	[ -z "$left" ] || fail "left behind: $left"
}

# The config of an image in the store, as a file.
config_file() {
	local index=$DAVIT_STATE_DIR/images/index.json manifest
	manifest=$(jq -r ".manifests[] | select(.annotations.\"org.opencontainers.image.ref.name\" == \"docker.io/library/$1:latest\") | .digest" "$index")
	jq -r .config.digest "$DAVIT_STATE_DIR/images/blobs/sha256/${manifest#sha256:}" | sed "s|^sha256:|$DAVIT_STATE_DIR/images/blobs/sha256/|"
}
