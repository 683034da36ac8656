#!/usr/bin/env bats
# Archives as other tools make them go into the store, and other tools read the store. DAVIT_BIN: where the programs are.

bats_require_minimum_version 1.5.0

bin=${DAVIT_BIN:-$BATS_TEST_DIRNAME/../../build}

setup() {
	work=$(mktemp -d "${BATS_TEST_TMPDIR:-/tmp}/load.XXXXXX")
	export DAVIT_STATE_DIR=$work/state DAVIT_RUN_DIR=$work/run
	cd "$work"
}

teardown() {
	cd /
	rm -rf "$work"
}

davit() { "$bin/davit" "$@"; }

# A docker-archive NAME.tar of two layers around busybox, by hand: the second replaces a file and removes another.
make_archive() {
	local name=$1 tag=$2 l1 l2 config
	mkdir -p "$name.d/1/bin" "$name.d/1/etc" "$name.d/2/etc" "$name.d/out"
	cp "$(command -v busybox)" "$name.d/1/bin/busybox"
	ln -s busybox "$name.d/1/bin/sh"
	echo first >"$name.d/1/etc/motd"
	echo gone >"$name.d/1/etc/gone"
	chmod 4755 "$name.d/1/bin/busybox"
	echo "$name" >"$name.d/2/etc/motd"
	: >"$name.d/2/etc/.wh.gone"
	for n in 1 2; do
		tar -C "$name.d/$n" --owner=0 --group=0 --mtime=@1700000000 --sort=name -cf "$name.d/out/$n.tar" .
	done
	l1=$(sha256sum <"$name.d/out/1.tar") l2=$(sha256sum <"$name.d/out/2.tar")
	jq -nc --arg a "sha256:${l1%% *}" --arg b "sha256:${l2%% *}" '{architecture: "amd64", os: "linux",
		config: {Cmd: ["sh"], Env: ["A=b"]}, rootfs: {type: "layers", diff_ids: [$a, $b]}}' >"$name.d/out/c.json"
	jq -nc --arg t "$tag" '[{Config: "c.json", RepoTags: [$t], Layers: ["1.tar", "2.tar"]}]' >"$name.d/out/manifest.json"
	tar -C "$name.d/out" -cf "$name.tar" 1.tar 2.tar c.json manifest.json
	id=sha256:$(sha256sum <"$name.d/out/c.json" | cut -d' ' -f1)
}

layer() { jq -r "select(.diff_id == \"sha256:$1\") | input_filename" "$DAVIT_STATE_DIR"/images/layers/*.json; }

@test "a docker-archive is loaded, listed, and skopeo reads the store" {
	make_archive app example/app:1
	run -0 davit load -i app.tar
	[ "$output" = "Loaded image: example/app:1" ]
	skopeo inspect --raw --config "oci:$DAVIT_STATE_DIR/images:docker.io/example/app:1" | cmp - app.d/out/c.json
	skopeo --insecure-policy copy -q "oci:$DAVIT_STATE_DIR/images:docker.io/example/app:1" dir:copy
	[ "$(jq -r .config.digest copy/manifest.json)" = "$id" ]
}

@test "what skopeo writes is the same image, however it is compressed" {
	make_archive app example/app:1
	skopeo --insecure-policy copy -q docker-archive:app.tar oci-archive:oci.tar:docker.io/example/app:oci
	skopeo --insecure-policy copy -q --dest-compress-format zstd --dest-compress docker-archive:app.tar \
		oci-archive:zst.tar:docker.io/example/app:zst
	gzip -k oci.tar
	zstd -q zst.tar
	for f in oci.tar oci.tar.gz zst.tar zst.tar.zst; do
		export DAVIT_STATE_DIR=$work/state-$f
		davit load -q -i "$f"
		[ "$(jq -r '.manifests | length' "$DAVIT_STATE_DIR/images/index.json")" = 1 ]
		manifest=$(jq -r '.manifests[0].digest' "$DAVIT_STATE_DIR/images/index.json")
		config=$(jq -r .config.digest "$DAVIT_STATE_DIR/images/blobs/sha256/${manifest#sha256:}")
		# skopeo writes the config anew, but it has to name the same content
		jq -c .rootfs.diff_ids "$DAVIT_STATE_DIR/images/blobs/sha256/${config#sha256:}" >ids
		jq -c .rootfs.diff_ids app.d/out/c.json | cmp - ids
		layer "$(sha256sum <app.d/out/2.tar | cut -d' ' -f1)" | grep -q layers
	done
}

@test "what is unpacked is what tar unpacks" {
	make_archive app example/app:1
	davit load -q -i app.tar
	want=$(cd app.d/1 && find . -printf '%P %y %m %U %G %s %l\n' | sort | sed 's/ d \([0-9]*\) \([0-9]*\) \([0-9]*\) .*/ d \1 \2 \3/')
	dir=$(layer "$(sha256sum <app.d/out/1.tar | cut -d' ' -f1)")
	have=$(cd "${dir%.json}" && find . -printf '%P %y %m %U %G %s %l\n' | sort | sed 's/ d \([0-9]*\) \([0-9]*\) \([0-9]*\) .*/ d \1 \2 \3/')
	[ "$want" = "$have" ]
	cmp app.d/1/bin/busybox "${dir%.json}/bin/busybox"
	dir=$(layer "$(sha256sum <app.d/out/2.tar | cut -d' ' -f1)")
	[ "$(stat -c '%F %t:%T' "${dir%.json}/etc/gone")" = "character special file 0:0" ]
}

@test "standard input is an archive, unless it is cut off" {
	make_archive app example/app:1
	zstd -qc app.tar | davit load -q
	[ "$(davit images -q | wc -l)" = 1 ]
	run -1 bash -c "head -c 100000 app.tar | '$bin/davit' load"
	[[ $output == *"load 'standard input': "*runcated* ]]
	[ "$(find "$DAVIT_STATE_DIR/images" -name '.load-*' -o -name '.tmp-*' | wc -l)" = 0 ]
}

@test "a missing archive, a directory and a text are each one line" {
	echo "no archive" >text
	for f in missing . text; do
		run -1 davit load -i "$f"
		[ "${#lines[@]}" = 1 ]
		[[ $output == *"'$f'"* ]]
	done
}

@test "an archive that lies about a layer is refused and leaves nothing" {
	make_archive app example/app:1
	echo more >>app.d/2/etc/motd
	tar -C app.d/2 -cf app.d/out/2.tar .
	tar -C app.d/out -cf app.tar 1.tar 2.tar c.json manifest.json
	run -1 davit load -i app.tar
	[[ $output == *"layer 2 of 2: its content is sha256:"* ]]
	[ -z "$(ls -A "$DAVIT_STATE_DIR/images/layers" "$DAVIT_STATE_DIR/images/blobs/sha256" | grep -v :)" ]
}
