# A pull that ends too early leaves what it has fetched, and the next one goes on from there.
load ../lib
load ../registry

R=127.0.0.1:5000

# What pulls at work have of a blob.
so_far() { find "$own"/images/.load-*/"blob-${1#sha256:}" -printf '%s\n' 2>/dev/null | tail -n 1; }
has_so_much() { [ "$(so_far "$1")" -ge "$2" ]; }
nobody_pulls() { [ -z "$(pgrep -x davit-image)" ]; }

# killed_at DIGEST BYTES NAME: a pull is killed when so much of that blob is there; $there is how much it was in the end
killed_at() {
	imager pull "{\"images\": [{\"ref\": \"$3\"}]}" >events 2>&1 &
	local puller=$!
	wait_until 30 has_so_much "$1" "$2"
	kill -9 "$(pgrep -o -x davit-image)"
	wait $puller || :
	wait_until 10 nobody_pulls
	there=$(so_far "$1")
}

# What a pull has left in the store for the next one.
kept() { echo "$own/images/partial/${1#sha256:}"; }
nothing_kept() { [ -z "$(find "$own/images/partial" -mindepth 1 2>/dev/null)" ] || fail "kept still: $(ls "$own/images/partial")"; }

# ranges DIGEST: what was asked for of that blob, in order
ranges() { jq -r "select(.method == \"GET\" and (.path | contains(\"$1\"))) | .headers.range" "$fake.log" | tr '\n' ' '; }

slowly() { wrong "{\"rules\": [{\"on\": \"GET .*blobs/$1\", \"rate\": ${2:-400000}}]}"; }

# half NAME: a pull of it fails in the middle of its first layer, $layer; 300000 bytes stay
half() {
	layer=$(layer_of "${1%:*}" 0)
	wrong "{\"rules\": [{\"on\": \"GET .*blobs/$layer\", \"truncate\": 300000, \"times\": 1}, {\"on\": \"GET .*blobs/$layer\", \"status\": 404}]}"
	not_pulled "$R/$1" 404
	is "$(stat -c %s "$(kept "$layer")")" 300000
	wrong '{}'
	: >"$fake.log"
}

well() {
	run davit system check
	is "$status" 0
	nothing_left
	nothing_kept
}

warned() { has "$(jq -r 'select(.ev == "warn").msg' <<<"$output")" "$1"; }

@test "killed in the middle of a layer: only the rest of it is asked for" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	layer=$(layer_of x 0)
	slowly "$layer"
	killed_at "$layer" 200000 $R/x:1
	wrong '{}'
	: >"$fake.log"
	pulled $R/x:1
	is "$(ranges "$layer")" "bytes=$there- "
	is "$(jq -r "select(.ev == \"layer\") | .resumed" <<<"$output" | sort -nu | tail -n 1)" "$there"
	davit images | grep -q x
	well
}

@test "a layer that was whole is not asked for again, one that was begun in part" {
	own_store
	fake_registry 5000
	layout redis.tar x:1
	first=$(layer_of x 0) last=$(layer_of x 1)
	wrong "{\"rules\": [{\"on\": \"GET .*blobs/$last\", \"rate\": 300000}]}"
	size=$(jq '.layers[0].size' "$(manifest_of x)")
	imager pull "{\"images\": [{\"ref\": \"$R/x:1\"}]}" >events 2>&1 &
	puller=$!
	wait_until 60 has_so_much "$first" "$size"
	wait_until 30 has_so_much "$last" 1
	kill -9 "$(pgrep -o -x davit-image)"
	wait $puller || :
	wait_until 10 nobody_pulls
	wrong '{}'
	: >"$fake.log"
	pulled $R/x:1
	is "$(ranges "$first")" ""
	[[ $(ranges "$last") =~ ^bytes=[0-9]+-\ $ ]]
	well
}

@test "Ctrl-C, and a second 'davit pull'" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	layer=$(layer_of x 0)
	slowly "$layer"
	setsid "$DAVIT" --state-dir "$own" image pull -q $R/x:1 >said 2>&1 &
	puller=$!
	wait_until 30 has_so_much "$layer" 100000
	kill -INT -- -$puller
	wait $puller || :
	wait_until 10 nobody_pulls
	wrong '{}'
	: >"$fake.log"
	run davit image pull $R/x:1
	is "$status" 0
	[[ $(ranges "$layer") =~ ^bytes=[1-9][0-9]*-\ $ ]]
	well
}

@test "one that failed; what stays is counted, and goes with a prune or after a week" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	half x:1
	is "$(davit system df --format json | jq -s 'flatten | .[] | select(.Type == "Images") | [.Size, .Reclaimable]' | jq -r '.[0]')" 300kB
	run davit system check
	is "$status" 0
	davit image prune -f --filter until=1h
	[ -e "$(kept "$layer")" ]
	run davit image prune -f
	has "$output" 300kB
	nothing_kept
	half x:1
	touch -d '6 days ago' "$(kept "$layer")"
	davit system df >/dev/null
	[ -e "$(kept "$layer")" ]
	touch -d '8 days ago' "$(kept "$layer")"
	davit system df >/dev/null
	nothing_kept
	half x:1
	pulled $R/x:1
	is "$(ranges "$layer")" "bytes=300000- "
	well
}

@test "what is damaged of it is thrown away, and all is fetched anew at once" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	half x:1
	printf X | dd of="$(kept "$layer")" bs=1 seek=1000 conv=notrunc status=none
	pulled $R/x:1
	warned "is damaged; it is fetched anew"
	is "$(ranges "$layer")" "bytes=300000- null "
	well
	# all of it is there, and wrong: the registry is asked once
	own=$own-2
	half x:1
	truncate -s "$(jq '.layers[0].size' "$(manifest_of x)")" "$(kept "$layer")"
	pulled $R/x:1
	warned "is damaged"
	is "$(ranges "$layer")" "null "
	well
	# a registry that has something else fails still
	own=$own-3
	half x:1
	wrong "{\"rules\": [{\"on\": \"GET .*blobs/$layer\", \"corrupt\": 400000}]}"
	not_pulled $R/x:1 digest
	is "$(ranges "$layer")" "bytes=300000- null "
	nothing_kept
}

@test "what cannot be the beginning of it does not count" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	half x:1
	truncate -s 1G "$(kept "$layer")"
	pulled $R/x:1
	is "$(ranges "$layer")" "null "
	well
	own=$own-2
	half x:1
	rm "$(kept "$layer")"
	ln -s /etc/passwd "$(kept "$layer")"
	pulled $R/x:1
	is "$(ranges "$layer")" "null "
	nothing_kept
	nothing_left
	[ -s /etc/passwd ]
}

@test "a registry that does not resume, resumes elsewhere, or refuses to" {
	fake_registry 5000
	layout busybox.tar x:1
	for how in '"no_range": true' '"content_range": "bytes 7-8/9"' '"range_416": true'; do
		own_store
		own=$own-${how//[^a-z]/}
		half x:1
		wrong "{\"rules\": [{\"on\": \"GET .*blobs/$layer\", $how}]}"
		pulled $R/x:1
		has "$(ranges "$layer")" "bytes=300000- "
		well
	done
}

@test "two pulls after one that was killed: one goes on, both end well" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	half x:1
	slowly "$layer" 800000
	imager pull "{\"images\": [{\"ref\": \"$R/x:1\"}]}" >first 2>&1 &
	other=$!
	pull $R/x:1
	is "$status" 0
	wait $other || fail "$(cat first)"
	is "$(ranges "$layer" | tr ' ' '\n' | grep -c '^bytes=300000-')" 1
	well
}

@test "a mirror that fails in the middle: the registry is asked for the rest" {
	own_store
	mirrored
	layer=$(layer_of a/x 0)
	rules="{\"on\": \"GET .*blobs/$layer\", \"truncate\": 300000, \"times\": 1}, {\"on\": \"GET .*blobs/$layer\", \"status\": 404}"
	echo "{\"rules\": [$rules]}" >"$mirror.conf"
	pulled $R/a/x:1
	is "$(ranges "$layer")" "bytes=300000- "
	well
	# and what it sent was wrong
	own=$own-2
	: >"$fake.log"
	echo "{\"rules\": [${rules/300000/300000, \"corrupt\": 1000}]}" >"$mirror.conf"
	pulled $R/a/x:1
	warned "is damaged"
	is "$(ranges "$layer")" "bytes=300000- null "
	well
}

@test "a full disk gets back what a pull has taken of it" {
	own_store
	mount -t tmpfs -o size=8m small "$own"
	fake_registry 5000
	layout busybox.tar x:1
	layer=$(layer_of x 0)
	slowly "$layer" 200000
	imager pull "{\"images\": [{\"ref\": \"$R/x:1\"}]}" >events 2>&1 &
	puller=$!
	wait_until 30 has_so_much "$layer" 100000
	head -c 8m /dev/zero >"$own/other" 2>/dev/null || :
	wait $puller && fail "there was room"
	has "$(cat events)" "No space left on device"
	has "$(cat events)" "make room"
	nothing_kept
	nothing_left
	umount "$own"
}

@test "what is no layer is not kept" {
	own_store
	fake_registry 5000
	layout busybox.tar x:1
	head -c 500000 /dev/urandom >noise
	hex=$(sha256sum <noise | cut -c 1-64)
	cp noise "$fake/x/blobs/sha256/$hex"
	remake x ".layers[0] += {digest: \"sha256:$hex\", size: 500000}"
	not_pulled $R/x:1 "not a tar archive"
	nothing_kept
}
