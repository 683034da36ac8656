# The store of images: what is in it, who uses it, what goes out of it; and other tools at the same store.
load ../lib

# An empty store beside the shared one; what follows uses it.
own_store() {
	own=/run/own-$BATS_TEST_NUMBER
	umount "$DAVIT_STATE_DIR/images"
	mkdir -p "$own/images"
	mount --bind "$own/images" "$DAVIT_STATE_DIR/images"
	store=$DAVIT_STATE_DIR/images
}

# service NAME IMAGE: a project with this one
one_service() {
	compose <<-END
	services:
	  $1:
	    image: $2
	    command: [sleep, inf]
	END
}

@test "skopeo writes into the store: what it put there is unpacked when it is used" {
	own_store
	skopeo copy -q --insecure-policy "docker-archive:$IMAGES/busybox.tar:busybox:1" "oci:$store:docker.io/library/other:2"
	one_service one other:2
	[ ! -e "$store/layers" ]
	up
	is "$(sh_in one 'echo it runs')" "it runs"
	is "$(ls -d "$store"/layers/* | wc -l)" 2
	davit load -q -i "$IMAGES/busybox.tar"      # both in one index
	skopeo copy -q --insecure-policy "docker-archive:$IMAGES/configured.tar:davit-test/configured:latest" "oci:$store:third:1"
	is "$(skopeo inspect --config "oci:$store:docker.io/library/busybox:1" | jq -r .os)" linux
	is "$(davit images --all -q | sort -u | wc -l)" 3
	davit down -t 0
}

@test "skopeo writes into the store: a blob that is damaged is not unpacked, and up says which" {
	own_store
	skopeo copy -q --insecure-policy "docker-archive:$IMAGES/busybox.tar:busybox:1" "oci:$store:docker.io/library/other:2"
	layer=$(jq -r '.layers[0].digest[7:]' "$store/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$store/index.json")")
	head -c 1000 /dev/zero | dd of="$store/blobs/sha256/$layer" bs=1 seek=1000 conv=notrunc status=none
	one_service one other:2
	refused 1 "layer 'sha256:" -- davit up -d
	rm "$store/blobs/sha256/$layer"
	refused 1 "its layer 'sha256:$layer' is missing from the image store" "pull or load the image again" -- davit up -d
	[ -z "$(ls -A "$store/layers")" ] || fail "half a layer is there"
}
