# davit-image pull: from a real registry, and from one that misbehaves.
load ../lib
load ../registry

R=127.0.0.1:5000

# runs IMAGE: a container of it says what it should
runs() {
	compose <<-END
	services:
	  one:
	    image: $1
	    entrypoint: [sleep, inf]
	END
	up
	is "$(sh_in one 'echo it runs')" "it runs"
	davit down -t 0
}

# tree STORE: what the layers of the image that got a name last hold, file by file with owners, modes and times
tree() {
	local config chain= diff manifest
	manifest=$(jq -r '[.manifests[] | select(.annotations["dev.davit.pulled"])] | last | .digest[7:]' "$1/images/index.json")
	config=$(jq -r '.config.digest[7:]' "$1/images/blobs/sha256/$manifest")
	for diff in $(jq -r '.rootfs.diff_ids[]' "$1/images/blobs/sha256/$config"); do
		chain=${chain:+$(printf %s "sha256:$chain $diff" | sha256sum | cut -c 1-64)}
		chain=${chain:-${diff#sha256:}}
		(cd "$1/images/layers/$chain" && find . -mindepth 1 -printf '%P %y %m %U:%G %s %T@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort)
	done
}

same_as_loaded() { # ARCHIVE
	"$DAVIT" --state-dir "$own-loaded" load -q -i "$IMAGES/$1" >/dev/null
	tree "$own" >tree.pulled
	tree "$own-loaded" >tree.loaded
	[ -s tree.pulled ] || fail "nothing was pulled"
	cmp tree.pulled tree.loaded || fail "not as loaded: $(diff tree.pulled tree.loaded | head)"
}

# A store on a file system of so many bytes.
small_store() {
	own_store
	mount -t tmpfs -o "size=$1" small "$own"
}

@test "an image comes from a registry, once, and runs" {
	own_store
	real_registry 5000
	into configured.tar $R/a/configured:1
	pulled $R/a/configured:1
	runs $R/a/configured:1
	same_as_loaded configured.tar
	pull $R/a/configured:1
	is "$status" 0
	image_is $R/a/configured:1 present
	nothing_left
}

@test "what is not there is said with what to do about it, at its place in the file" {
	own_store
	real_registry 5000
	into busybox.tar $R/a/x:1
	not_pulled $R/a/x:2 "404" "look how name and tag are written" "davit login $R"
	not_pulled $R/a/y:1 "404" "davit login $R"
	compose <<<"services: {one: {image: '$R/a/x:2'}}"
	refused 1 "compose.yaml:1:25" "$R/a/x:2" "404 Not Found" "look how name and tag are written" -- davit up -d
}

@test "a name server that is silent holds nobody up" {
	own_store
	fake_registry 5000
	layout configured.tar x:1
	echo 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); print("up", flush=True)
while True: s.recv(9999)' >silence
	python3 silence >silent 3>&- &
	KEPT_PROCESSES+=" $!"
	wait_until 20 test -s silent
	printf '%s\n' 'nameserver 127.0.0.1' 'options timeout:25 attempts:2' >resolv.conf
	mount --bind resolv.conf /etc/resolv.conf
	wrong '{"rules": [{"on": "GET .*blobs/'"$(layer_of x 0)"'", "redirect": "https://nowhere.example{path}"},
		{"on": "GET .*blobs/'"$(layer_of x 1)"'", "status": 404, "body": "this comes when the name is being looked up", "rate": 10}]}'
	SECONDS=0
	not_pulled $R/x:1 404
	umount /etc/resolv.conf
	[ $SECONDS -lt 20 ] || fail "it took $SECONDS s, as long as the name server is waited for"
}

@test "a name that the registry gives to another image is that image here, too" {
	own_store
	real_registry 5000
	into busybox.tar $R/x:1
	pulled $R/x:1
	into configured.tar $R/x:1
	pulled $R/x:1
	is "$(davit images --all --format json | jq -c '[.[].Tag] | sort')" '["1","<none>"]'
	same_as_loaded configured.tar
	into busybox.tar $R/x:1
	pulled $R/x:1          # nothing of it has to come
	is "$(jq -r 'select(.ev == "layer").state' <<<"$output" | sort -u)" present
}

@test "Docker's manifests and OCI's: the registry's digest finds both, skopeo reads both" {
	own_store
	real_registry 5000
	into busybox.tar $R/docker:1 -f v2s2
	into busybox.tar $R/oci:1 -f oci
	pulled $R/docker:1 $R/oci:1
	said=$output
	for name in docker oci; do
		digest=$(skopeo inspect --tls-verify=false docker://$R/$name:1 | jq -r .Digest)
		is "$(jq -r "select(.ev == \"image\" and .ref == \"$R/$name:1\" and .state == \"pulled\").digest" <<<"$said")" "$digest"
		skopeo inspect "oci:$own/images:$R/$name:1" >/dev/null
		skopeo copy -q --insecure-policy "oci:$own/images:$R/$name:1" "docker-archive:/run/$name.tar:x:1"
		runs "$R/$name@$digest"
		runs "$R/$name:1@$digest"
	done
}

@test "by the digest of Docker's manifest: pulled, found again without a registry, shown as the registry's, pushed to another one" {
	own_store
	real_registry 5000
	first=$KEPT_PROCESSES
	into busybox.tar $R/docker:1 -f v2s2
	digest=$(skopeo inspect --tls-verify=false docker://$R/docker:1 | jq -r .Digest)
	runs "$R/docker@$digest"
	kill $first
	wait $first || :
	runs "$R/docker@$digest"
	is "$(davit image inspect "$R/docker@$digest" | jq -r '.[0].RepoDigests[0]')" "$R/docker@$digest"
	is "$(davit image ls --digests --no-trunc --format json | jq -r .Digest)" "$digest"
	other=127.0.0.1:5001
	real_registry 5001
	davit image tag "$R/docker@$digest" $other/team/docker:2
	davit image push -q $other/team/docker:2
	skopeo copy -q --insecure-policy --src-tls-verify=false docker://$other/team/docker:2 docker-archive:/run/back.tar:x:1
	id=$(davit image inspect "$R/docker@$digest" | jq -r '.[0].Id')
	davit image rm -f "$id" && davit image prune -a -f
	runs $other/team/docker:2
	is "$(davit image inspect $other/team/docker:2 | jq -r '.[0].Id')" "$id"
}

@test "a layer that was damaged, and taken away by system check --repair, comes with the next pull" {
	own_store
	real_registry 5000
	into busybox.tar $R/busybox:1
	davit image pull -q $R/busybox:1
	blob=$(find "$own/images/blobs/sha256" -size +100k)
	echo more >>"$blob"
	run -1 davit system check --repair
	[ ! -e "$blob" ]
	davit image pull -q $R/busybox:1      # though the name stands for the same image
	[ -e "$blob" ]
	davit system check
}

@test "layers in gzip, zstd and plain are the same layers" {
	own_store
	fake_registry 5000
	layout configured.tar gzip:1 --dest-compress-format gzip
	layout configured.tar zstd:1 --dest-compress --dest-compress-format zstd
	layout configured.tar plain:1
	decompressed plain
	for kind in gzip zstd plain; do
		own=/run/own-$BATS_TEST_NUMBER-$kind
		pulled $R/$kind:1
		is "$(jq -r '.layers[0].mediaType' "$(manifest_of $kind)" | sed 's/.*tar+*//')" "${kind#plain}"
		same_as_loaded configured.tar
	done
	own=/run/own-$BATS_TEST_NUMBER-all
	pulled $R/gzip:1 $R/zstd:1 $R/plain:1      # side by side: unpacked once, each blob compared
	same_as_loaded configured.tar
	is "$(ls "$own/images/layers" | grep -vc json)" 2
}

@test "what the type of a layer says does not matter, what its content hashes to does" {
	own_store
	fake_registry 5000
	layout configured.tar zstd:1 --dest-compress --dest-compress-format zstd
	remake zstd '.layers[].mediaType = "application/vnd.oci.image.layer.v1.tar+gzip"'
	pulled $R/zstd:1
	same_as_loaded configured.tar
	layout busybox.tar other:1
	layout configured.tar mixed:1
	cp "$fake"/other/blobs/sha256/* "$fake/mixed/blobs/sha256"
	remake mixed ".layers[1] = $(jq -c '.layers[0]' "$(manifest_of other)")"
	not_pulled $R/mixed:1 "not what the image's config says"
}

@test "a digest names one image, whatever becomes of the tag; it is not asked for twice" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	digest=sha256:$(basename "$(manifest_of x)")
	layout configured.tar x:1
	pulled $R/x:1@$digest
	is "$(davit images --all --format json | jq -r '.[].Tag')" "<none>"
	runs $R/x:1@$digest
	: >"$fake.log"
	pull $R/x@$digest
	image_is $R/x@$digest present
	is "$(asked .)" 0
	not_pulled $R/x@sha256:0123456789012345678901234567890123456789012345678901234567890123 "404"
}

@test "an index: this machine's image, the one that was asked for, both side by side" {
	own_store
	fake_registry 5000
	layout busybox.tar many:1
	arch=$("$DAVIT" images --all --format json | jq -r '.[0].Platform')
	"$BATS_TEST_DIRNAME/../fake/platforms" "$fake/many" 1 linux/s390x linux/arm/v6 "$arch" linux/arm/v5
	pulled $R/many:1
	runs $R/many:1
	is "$(cat "$own"/images/layers/*/platform)" "$arch"
	pulled $R/many:1,linux/arm
	is "$(sort "$own"/images/layers/*/platform)" "$(printf '%s\n' "$arch" linux/arm/v6 | sort)"
	is "$(davit images --all --format json | jq -c '[.[].Platform] | sort')" "$(jq -nc "[\"$arch\", \"linux/arm/v6\"] | sort")"
	index=sha256:$(basename "$(manifest_of many)")
	is "$(jq -r 'select(.state == "pulled").digest' <<<"$output")" "$index"
	runs "$R/many:1@$index"
	for platform in "" ,linux/arm; do
		pull "$R/many:1$platform"
		image_is $R/many:1 present
	done
	pull "$R/many:1,linux/mips64le"
	is "$status" 1
	has "$output" "not there for linux/mips64le; the registry has it for linux/s390x, linux/arm/v6, $arch, linux/arm/v5"
	pull "$R/many:1,linux/"
	has "$output" "'linux/' is not a platform"
}

@test "an image for another machine comes with a warning, or not at all when this one's was wished for" {
	own_store
	fake_registry 5000
	layout busybox.tar far:1
	"$BATS_TEST_DIRNAME/../fake/platforms" "$fake/far" 1 linux/vax
	digest=$(jq -r '.manifests[0].digest' "$(manifest_of far)")
	pulled $R/far@$digest
	has "$(jq -r 'select(.ev == "warn").msg' <<<"$output")" "is for linux/vax, this machine is linux/"
	own=$own-other
	not_pulled "$R/far@$digest,linux/amd64" "is for linux/vax, not for linux/amd64" || not_pulled "$R/far@$digest,linux/arm64" "is for linux/vax"
	store_is_empty
}

@test "what images share comes once" {
	own_store
	fake_registry 5000
	layout configured.tar a:1
	layout configured.tar b:1
	layout busybox.tar c:1
	shared=$(layer_of a 0)
	pulled $R/a:1 $R/b:1 $R/c:1
	is "$(asked "GET /v2/./blobs/$shared")" 1
	is "$(jq -r "select(.ev == \"layer\" and .digest == \"$shared\" and .state == \"done\").image" <<<"$output" | wc -l)" 3
}

@test "one that fails does not hold up the others" {
	own_store
	fake_registry 5000
	layout busybox.tar good:1
	layout configured.tar bad:1
	wrong "{\"rules\": [{\"on\": \"bad/blobs/$(layer_of bad 1)\", \"corrupt\": 100}]}"
	pull $R/bad:1 $R/good:1 $R/absent:1
	is "$status" 1
	image_is $R/good:1 pulled
	image_is $R/bad:1 failed
	image_is $R/absent:1 failed
	nothing_left
	runs $R/good:1
	is "$(davit images --all | grep -c bad)" 0
}

# odd JQ WORDS...: x, whose manifest is changed so, is not pulled
odd() {
	rm -rf "$fake/odd"
	cp -r "$fake/x" "$fake/odd"
	remake odd "$1"
	not_pulled $R/odd:1 "${@:2}"
}

@test "what is no image, or not for us, is refused by name" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	odd '.config.mediaType = "application/vnd.cncf.helm.config.v1+json"' "an artifact of the type 'application/vnd.cncf.helm.config.v1+json', no container image"
	odd '.layers[0] += {mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls: ["http://127.0.0.1:5000/v2/"]}' "foreign" "may not be had from registries"
	odd '.layers[0].mediaType = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"' "encrypted"
	odd '{schemaVersion: 1, name: "x", tag: "1", fsLayers: [], history: [], mediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws"}' "schema 1" "push the image again"
	odd '. + {manifests: []}' "as an image and as an index"
	for wrong in '.layers[0].digest = "sha256:../../../etc/passwd"' '.layers[0].size = -1' '.layers[0].size += 1' '.config.size = 9999999' \
		'.layers += [.layers[0]]' 'del(.layers)' '.config.digest = .layers[0].digest' '.layers[0].size = 99999999999999'; do
		odd "$wrong"
	done
	store_is_empty
}

@test "a connection that breaks goes on where it broke" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	wrong '{"rules": [{"on": "GET .*blobs/'"$(layer_of x 0)"'", "truncate": 300000, "times": 2}]}'
	pulled $R/x:1
	same_as_loaded busybox.tar
	is "$(jq -r "select(.path | contains(\"$(layer_of x 0)\")) | .headers.range" "$fake.log" | tr '\n' ' ')" "null bytes=300000- bytes=600000- "
}

@test "wrong bytes are not believed, however well they unpack" {
	own_store
	fake_registry 5000
	layout configured.tar x:1
	decompressed x
	wrong '{"rules": [{"on": "blobs/'"$(layer_of x 1)"'", "corrupt": 3000}]}'
	not_pulled $R/x:1 "$(layer_of x 1)" "digest"
	store_is_empty
	wrong '{"rules": [{"on": "blobs/'"$(jq -r .config.digest "$(manifest_of x)")"'", "corrupt": 30}]}'
	not_pulled $R/x:1 "digest"
	wrong '{"rules": [{"on": "manifests/sha256", "corrupt": 30}]}'
	not_pulled $R/x@sha256:"$(basename "$(manifest_of x)")" "digest"
	wrong '{}'
	pulled $R/x:1
}

@test "a slow registry, one that asks for patience, one that sends elsewhere" {
	own_store
	fake_registry 5001
	elsewhere=$fake
	fake_registry 5000
	layout busybox.tar x:1
	cp -r "$fake/x" "$elsewhere"
	wrong '{"auth": "bearer", "rules": [{"on": "manifests", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
		{"on": "GET .*blobs/'"$(layer_of x 0)"'", "redirect": "http://127.0.0.1:5001{path}", "times": 1}]}'
	pulled $R/x:1
	has "$(jq -r 'select(.ev == "warn").msg' <<<"$output")" "429 Too Many Requests"
	is "$(jq -r 'select(.path | contains("/blobs/")) | .headers.authorization' "$elsewhere.log")" null
	nothing_left
}

# What unpacks has none of the connections of what downloads.
no_sockets() {
	local pid worker= fds
	for pid in $(pgrep -x davit-image); do
		grep -q '^CapBnd:.*0000000000000000$\|^NoNewPrivs:.*1$' "/proc/$pid/status" && worker=$pid
	done
	[ -n "$worker" ] && fds=$(ls -l "/proc/$worker/fd") && has "$fds" pipe: && lacks "$fds" socket
}

@test "a worker has no connection to anywhere" {
	own_store
	fake_registry 5000
	layout configured.tar x:1
	wrong '{"rules": [{"on": "GET .*blobs/'"$(layer_of x 0)"'", "rate": 400000}]}'
	imager pull "{\"images\": [{\"ref\": \"$R/x:1\"}]}" >events &
	puller=$!
	wait_until 20 no_sockets
	wait $puller
}

@test "TLS with an authority of one's own, and a password" {
	own_store
	mkdir certs
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
		-keyout certs/key -out certs/cert 2>/dev/null
	# "s3cret pass"
	echo 'ship:$2b$04$NM0pzQK67yf1GeYBmIlz.eQ8SzQohnWovpH.RKsn6k6mQnofiDRgK' >certs/htpasswd
	real_registry 5000 "http: {addr: '127.0.0.1:5000', tls: {certificate: $PWD/certs/cert, key: $PWD/certs/key}}
auth: {htpasswd: {realm: harbour, path: $PWD/certs/htpasswd}}"
	into busybox.tar $R/x:1 --dest-creds "ship:s3cret pass"
	export HOME=$PWD DOCKER_CONFIG=
	not_pulled $R/x:1 "certificate"
	mkdir -p .config/containers/certs.d/$R .docker
	cp certs/cert .config/containers/certs.d/$R/ca.crt
	not_pulled $R/x:1 "401" "davit login $R"
	echo "{\"auths\": {\"$R\": {\"auth\": \"$(printf 'ship:s3cret pass' | base64)\"}}}" >.docker/config.json
	pulled $R/x:1
	runs $R/x:1
}

@test "mirrors come first, and the registry when they fail" {
	own_store
	mirrored plain
	pulled $R/a/x:1
	is "$(asked .)" 0
	# half of it is right, and unpacks well
	own=$own-2
	echo '{"rules": [{"on": "blobs/'"$(layer_of a/x 1)"'", "corrupt": 3000}]}' >"$mirror.conf"
	pulled $R/a/x:1
	has "$(jq -r 'select(.ev == "warn").msg' <<<"$output")" "'127.0.0.1:5000' is asked instead"
	same_as_loaded configured.tar
	is "$(asked 'GET .*blobs')" 1
	own=$own-3
	rm -rf "$mirror/copy"
	pulled $R/a/x:1
	nothing_left
}

@test "two at once both end well" {
	own_store
	real_registry 5000
	into configured.tar $R/x:1
	into configured.tar $R/y:1
	imager pull "{\"images\": [{\"ref\": \"$R/x:1\"}, {\"ref\": \"$R/y:1\"}]}" >first 2>&1 &
	other=$!
	pull $R/x:1 $R/y:1                       # which may find them there, if that was quick
	is "$status" 0
	wait $other || fail "$(cat first)"
	same_as_loaded configured.tar
	nothing_left
	runs $R/y:1
}

@test "what the store had, and lost while the rest was fetched, is fetched after all" {
	own_store
	fake_registry 5000
	layout busybox.tar base:1
	layout configured.tar x:1
	pulled $R/base:1
	shared=$(layer_of x 0)
	is "$shared" "$(layer_of base 0)"
	size=$(jq -r '.layers[1].size' "$(manifest_of x)")
	wrong '{"rules": [{"on": "GET .*blobs/'"$(layer_of x 1)"'", "rate": '$((size / 6))', "times": 1}]}'
	imager pull "{\"images\": [{\"ref\": \"$R/x:1\"}]}" >events &
	puller=$!
	wait_until 20 grep -q '"state":"downloading"' events
	davit image rm $R/base:1
	[ ! -e "$own/images/blobs/sha256/${shared#sha256:}" ]
	wait $puller || fail "$(cat events)"
	is "$(asked "GET .*x/blobs/$shared")" 1
	is "$(asked "GET .*x/blobs/$(layer_of x 1)")" 1
	same_as_loaded configured.tar
	nothing_left
}

@test "the same layer from two blobs, one of them wrong: the other image does not suffer" {
	own_store
	fake_registry 5000
	layout configured.tar good:1 --dest-compress --dest-compress-format zstd
	layout configured.tar bad:1
	# byte 200 matters to what it unpacks to, byte 8 of gzip's head to nobody
	for at in 200 8; do
		wrong '{"rules": [{"on": "bad/blobs/'"$(layer_of bad 1)"'", "corrupt": '$at'}]}'
		for order in "$R/bad:1 $R/good:1" "$R/good:1 $R/bad:1"; do
			rm -rf "$own"
			pull $order
			is "$status" 1
			image_is $R/good:1 pulled
			image_is $R/bad:1 failed
			same_as_loaded configured.tar
			nothing_left
		done
	done
}

@test "policies: what the store has, or found to be right of late, is not asked about" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	request() { imager pull "{\"images\": [{\"ref\": \"$R/x:1\", $1}]}" | jq -r 'select(.ev == "image").state' | tail -n 1; }
	before=$(date +%s%N)
	is "$(request '"policy": "missing"')" pulled
	n=$(asked .)
	is "$(request '"policy": "missing"')" present
	is "$(request "\"newer_than_ns\": $before")" present
	is "$(asked .)" "$n"
	now=$(date +%s%N)
	is "$(request "\"newer_than_ns\": $now")" present      # found to be right once more, now
	is "$(asked .)" $((n + 1))
	is "$(request "\"newer_than_ns\": $now")" present
	is "$(asked .)" $((n + 1))
	is "$(request '"policy": "sometimes"')" ""
}

@test "no room: said before anything is fetched" {
	small_store 1m
	fake_registry 5000
	layout busybox.tar x:1
	not_pulled $R/x:1 "it needs about" "in '$own/images', where" "are free" "make room"
	is "$(asked "GET .*blobs/$(layer_of x 0)")" 0
	umount "$own"
}

@test "enough room is enough: a plain layer takes what it takes" {
	fake_registry 5000
	layout busybox.tar x:1
	decompressed x
	small_store $(($(jq '.layers[0].size' "$(manifest_of x)") * 5 / 2 + 500000))
	pulled $R/x:1
	umount "$own"
}

@test "no room, met on the way: said, and nothing is left" {
	small_store 8m
	fake_registry 5000
	layout busybox.tar x:1
	# 40 MB of nothing are a few kB of gzip
	mkdir zeros
	head -c 40000000 /dev/zero >zeros/large
	tar -cf large.tar -C zeros .
	gzip -n large.tar
	size=$(stat -c %s large.tar.gz) hex=$(sha256sum <large.tar.gz | cut -c 1-64) diff=$(zcat large.tar.gz | sha256sum | cut -c 1-64)
	cp large.tar.gz "$fake/x/blobs/sha256/$hex"
	config=$fake/x/blobs/sha256/$(jq -r '.config.digest[7:]' "$(manifest_of x)")
	jq -c ".rootfs.diff_ids = [\"sha256:$diff\"] | del(.history)" "$config" >config
	cp config "$fake/x/blobs/sha256/$(sha256sum <config | cut -c 1-64)"
	remake x ".layers = [.layers[0] + {digest: \"sha256:$hex\", size: $size}] | .config += {digest: \"sha256:$(sha256sum <config | cut -c 1-64)\", size: $(stat -c %s config)}"
	not_pulled $R/x:1 "No space left on device" "make room"
	store_is_empty
	umount "$own"
}
