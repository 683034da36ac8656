# registry.bash - registries on loopback for stories, and davit-image without the command line around it. Load it after lib.bash.
#
# A story's network namespace is its own, so ports are fixed. What is started here is killed after the test (KEPT_PROCESSES).

# An empty store beside the shared one; what follows uses it.
own_store() {
	own=/run/own-$BATS_TEST_NUMBER
	mkdir -p "$own"
	davit() { timeout 60 "$DAVIT" --state-dir "$own" "$@"; }
}

# imager VERB REQUEST: the request without state_dir. Its events, a line each.
imager() {
	timeout 120 "${DAVIT%/*}/davit-image" "$1" 3 3<<<"$(jq -c ". + {state_dir: \"$own\"}" <<<"$2")"
}

# pull NAME[,PLATFORM]...: events in $output, exit status in $status
pull() {
	local images
	images=$(printf '%s\n' "$@" | jq -Rc 'split(",") | {ref: .[0], platform: (.[1] // null)}' | jq -sc .)
	run imager pull "{\"images\": $images}"
}

# pulled NAME...: each of them is pulled anew
pulled() {
	local name
	pull "$@"
	[ "$status" = 0 ] || fail "status $status: $output"
	for name in "$@"; do image_is "${name%,*}" pulled; done
}

# image_is NAME STATE: how it ended
image_is() { is "$(jq -r "select(.ev == \"image\" and .ref == \"$1\").state" <<<"$output" | tail -n 1)" "$2"; }

# not_pulled NAME WORDS...: it failed and said so, and left nothing of itself
not_pulled() {
	local name=$1 said
	shift
	pull "$name"
	is "$status" 1
	image_is "$name" failed
	said=$(jq -r 'select(.ev == "error") | .msg + "\n" + (.hint // "")' <<<"$output")
	for word in "$@"; do has "$said" "$word"; done
	nothing_left
}

# Neither staging directories nor processes; what has a name in the store is whole.
nothing_left() {
	local left
	left=$(find "$own/images" -maxdepth 1 \( -name '.load-*' -o -name '.gone-*' -o -name '.tmp-*' \) 2>/dev/null)
	[ -z "$left" ] || fail "left behind: $left"
	[ -z "$(pgrep -x davit-image)" ] || fail "davit-image runs still"
	for blob in "$own"/images/blobs/sha256/*; do
		[ -e "$blob" ] || continue
		is "$(sha256sum <"$blob")" "${blob##*/}  -"
	done
}

store_is_empty() { [ -z "$(find "$own/images/layers" "$own/images/blobs/sha256" -mindepth 1 2>/dev/null)" ] || fail "the store is not empty"; }

# --- a real registry -------------------------------------------------------------------------------------------------------------------

# real_registry PORT [YAML]: Debian's; YAML: what is added to its configuration
real_registry() {
	local file=/run/registry-$BATS_TEST_NUMBER-$1
	mkdir -p "$file"
	cat >"$file/config.yml" <<-END
	version: 0.1
	log: {level: error, accesslog: {disabled: true}}
	storage: {filesystem: {rootdirectory: $file}}
	${2:-"http: {addr: '127.0.0.1:$1'}"}
	END
	docker-registry serve "$file/config.yml" >"$file/log" 2>&1 3>&- &
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $!"
	wait_until 20 curl -sko /dev/null "http://127.0.0.1:$1/v2/"
}

# into ARCHIVE NAME [OPTION]...: an image of an archive goes into a registry
into() { skopeo copy -q --insecure-policy --dest-tls-verify=false "docker-archive:$IMAGES/$1" "docker://$2" "${@:3}"; }

# --- the fake one ----------------------------------------------------------------------------------------------------------------------

# fake_registry PORT: its repositories are OCI layouts in $fake; what it is to do wrong stands in $fake.conf, what it was asked in $fake.log
fake_registry() {
	fake=/run/fake-$BATS_TEST_NUMBER-$1
	mkdir -p "$fake"
	python3 "$BATS_TEST_DIRNAME/../fake/registry" --conf "$fake.conf" --log "$fake.log" --port "$1" "${@:2}" "$fake" >"$fake.port" 2>"$fake.err" 3>&- &
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $!"
	wait_until 20 test -s "$fake.port"
}

# layout ARCHIVE REPOSITORY:TAG [OPTION]...: an image of an archive becomes one of the fake registry's
layout() {
	mkdir -p "$fake/${2%%:*}"
	skopeo copy -q --insecure-policy "docker-archive:$IMAGES/$1" "oci:$fake/$2" "${@:3}"
}

# wrong RULE: what the fake registry does from now on, as JSON
wrong() {
	echo "$1" >"$fake.conf.new"
	mv "$fake.conf.new" "$fake.conf"
}

# asked PATTERN: how often it was asked so ("GET /v2/…")
asked() { jq -r '.method + " " + .path' "$fake.log" | grep -cE -- "$1" || :; }

# manifest_of REPOSITORY: the file of the first manifest of its index.json
manifest_of() { echo "$fake/$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$fake/$1/index.json")"; }

# layer_of REPOSITORY NUMBER: the digest of a layer
layer_of() { jq -r ".layers[$2].digest" "$(manifest_of "$1")"; }

# decompressed REPOSITORY: the layers of its first manifest become plain ones
decompressed() {
	local dir=$fake/$1/blobs/sha256 hex new i=0
	for hex in $(jq -r '.layers[].digest[7:]' "$(manifest_of "$1")"); do
		zcat "$dir/$hex" >"$dir/new"
		new=$(sha256sum <"$dir/new" | cut -c 1-64)
		mv "$dir/new" "$dir/$new"
		remake "$1" ".layers[$i] = {mediaType: \"application/vnd.oci.image.layer.v1.tar\", digest: \"sha256:$new\", size: $(stat -c %s "$dir/$new")}"
		i=$((i + 1))
	done
}

# remake REPOSITORY JQ: its first manifest becomes another one
remake() {
	local old new dir=$fake/$1 digest
	old=$(manifest_of "$1")
	jq -c "$2" "$old" >"$dir/new"
	digest=$(sha256sum <"$dir/new" | cut -c 1-64)
	new=$dir/blobs/sha256/$digest
	mv "$dir/new" "$new"
	jq -c ".manifests[0] += {digest: \"sha256:$digest\", size: $(stat -c %s "$new"), mediaType: ($(jq .mediaType "$new") // .manifests[0].mediaType)}" \
		"$dir/index.json" >"$dir/index.new"
	mv "$dir/index.new" "$dir/index.json"
}

# mirrored [plain]: $fake and $mirror, which comes first for $R/a/… and has them as copy/…; a/x:1 is in both, with plain layers if asked for
mirrored() {
	fake_registry 5001
	mirror=$fake
	fake_registry 5000
	layout configured.tar a/x:1
	if [ "${1:-}" = plain ]; then decompressed a/x; fi
	mkdir -p "$mirror/copy"
	cp -r "$fake/a/x" "$mirror/copy/x"
	cat >registries.conf <<-END
	[[registry]]
	location = "127.0.0.1:5000/a"
	[[registry.mirror]]
	location = "127.0.0.1:5001/copy"
	END
	export CONTAINERS_REGISTRIES_CONF=$PWD/registries.conf
}
