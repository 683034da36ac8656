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

# --- names, and what they stand for -----------------------------------------------------------------------------------------------

id_of() { davit image inspect "$1" | jq -r '.[0].Id'; }
no_image() { [ -z "$(ls -A "$store/blobs/sha256" "$store/layers" "$store/l" | grep -v '^/\|^$')" ] || fail "left: $(ls -AR "$store")"; }

@test "image ls: docker's columns, newest first; filters, digests, ids, JSON" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	is "$(davit image ls | head -n 1 | tr -s ' ')" "REPOSITORY TAG IMAGE ID CREATED SIZE"
	is "$(davit image list busybox | wc -l)" 3
	is "$(davit image ls busybox:1 | tail -n 1 | awk '{print $1 ":" $2}')" busybox:1
	is "$(davit image ls -q --filter reference='busy*' | wc -l)" 1      # one image, two names
	is "$(davit image ls -q --no-trunc busybox)" "$(id_of busybox)"
	is "$(davit image ls --format json busybox:1 | jq -r '.Repository + " " + .Tag')" "busybox 1"
	has "$(davit image ls --digests)" "$(davit image inspect busybox | jq -r '.[0].Descriptor.digest')"
	is "$(davit image ls -q --filter dangling=true | wc -l)" 0
	refused 1 "invalid filter 'dangeling=true'" "did you mean 'dangling'?" -- davit image ls --filter dangeling=true
	is "$(davit image ls --format '{{.ID}} {{.Repository}}:{{.Tag}}' busybox:1)" "$(davit image ls -q busybox:1) busybox:1"
	is "$(davit image ls --format 'table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Size}}' busybox:1 | head -n 1 | tr -s ' ')" "REPOSITORY TAG IMAGE ID SIZE"
	is "$(davit image ls --format '{{.Digest}}' busybox:1)" "$(davit image inspect busybox | jq -r '.[0].Descriptor.digest')"
	is "$(davit images --all --format '{{.ID}} {{.Repository}}:{{.Tag}}' | grep ' busybox:1$')" "$(davit image ls -q busybox:1) busybox:1"
	is "$(davit images --all --format 'table {{.Tag}}\t{{.CreatedSince}}' | head -n 1 | tr -s ' ')" "TAG CREATED"
	refused 1 "there is no field 'Nope'" ".Repository" -- davit image ls --format '{{.Nope}}'
	refused 1 "unsupported format 'yaml'" "there are table, json, or a Go template" -- davit image ls --format yaml
	refused 1 "unknown command: 'image lst'" "did you mean 'image ls'?" -- davit image lst
	refused 1 "use 'davit image rm'" -- davit rmi busybox
	has "$(davit image --help)" "Usage: davit image COMMAND"
	is "$(davit image ls --help)" "$(davit help image ls)"
}

@test "image inspect: docker's document; what is missing is an error, what is there is printed" {
	own_store
	davit load -q -i "$IMAGES/configured.tar"
	run --separate-stderr davit image inspect davit-test/configured absent
	is "$status" 1
	has "$stderr" "image 'absent' is not in davit's store"
	is "$(jq -r '.[0].Config.StopSignal + " " + .[0].Os + " " + .[0].RepoTags[0]' <<<"$output")" "SIGUSR1 linux davit-test/configured:latest"
	is "$(jq -r '.[0].RootFS.Layers | length' <<<"$output")" "$(jq -r '.[0].RootFS.Layers | length' <(davit image inspect "$(id_of davit-test/configured)"))"
}

@test "image save -o that is killed leaves no file beside" {
	own_store
	davit load -q -i "$IMAGES/redis.tar"
	mkdir out
	"$DAVIT" --state-dir "$own" image save -o out/saved.tar redis:7 3>&- &
	wait_until 20 pgrep -x davit-image -P $!
	kill -9 $!
	wait $! || :
	left=$(ls out)
	[ -z "$left" ] || [ "$left" = saved.tar ] || fail "left: $left"
}

@test "names, filters and changes that are not UTF-8 are refused: a removal of nothing is no prune" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	davit image tag davit-test/configured busybox:1
	davit image tag davit-test/configured busybox        # what was busybox has no name any more: a prune would take it
	before=$(davit images --all --format json)
	bad=$'\xff'
	refused 1 "not UTF-8" -- davit image rm "$bad"
	refused 1 "not UTF-8" -- davit image prune -f --filter "label=$bad"
	refused 1 "not UTF-8" -- davit image save -o saved.tar "$bad"
	[ ! -e saved.tar ] || fail "an archive of nothing"
	refused 1 "not UTF-8" -- davit image import -c "ENV A=$bad" "$IMAGES/busybox.tar" x
	is "$(davit images --all --format json)" "$before"
}

@test "image tag and rm: names come and go, the image goes with the last one" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	davit image tag busybox example.org/team/app:3
	is "$(id_of example.org/team/app:3)" "$(id_of busybox)"
	refused 1 "has a digest" -- davit image tag busybox "app@$(id_of busybox)"
	davit image tag davit-test/configured busybox:1      # the name goes to another image
	is "$(id_of busybox:1)" "$(id_of davit-test/configured)"
	is "$(davit image rm busybox:1)" "Untagged: busybox:1"
	id=$(id_of busybox)
	refused 1 "has several names: busybox:latest, example.org/team/app:3" --force -- davit image rm "${id:7:12}"
	is "$(davit image rm busybox)" "Untagged: busybox:latest"
	run davit image rm "${id:7:12}" absent
	is "$status" 1
	has "$output" "Untagged: example.org/team/app:3"
	has "$output" "Deleted: $id"
	has "$output" "image 'absent' is not in davit's store"
	davit image rm -f davit-test/configured absent
	no_image
}

@test "image rm: what a project uses stays, running, stopped or only named; --force takes the name" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: davit-test/configured, scale: 0}
	END
	up
	davit image rm busybox:1      # not the name that is used, and not the last
	run --separate-stderr davit image rm busybox davit-test/configured
	is "$status" 1
	has "$stderr" "image 'busybox' is in use by container '$PROJECT-one-1' of project '$PROJECT'"
	has "$stderr" "image 'davit-test/configured' is in use by service 'two' of project '$PROJECT'"
	davit stop -t 0
	id=$(id_of busybox)
	run --separate-stderr davit image rm "$id"
	has "$stderr" "is in use by container '$PROJECT-one-1'"
	is "$(davit image prune -a -f)" "Total reclaimed space: 0B"
	is "$(davit image rm -f busybox)" "Untagged: busybox:latest"
	run --separate-stderr davit image rm -f "$id"
	is "$status" 1
	has "$stderr" "is in use"
	is "$(davit image prune -f)" "Total reclaimed space: 0B"
	davit start
	is "$(sh_in one 'echo it runs')" "it runs"
	davit down -t 0
	run davit image prune -f
	has "$output" "deleted: $id"
	lacks "$output" "reclaimed space: 0B"
	davit image rm davit-test/configured
	no_image
}

@test "image prune: asks, takes what has no name, with --all what nobody uses; filters" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	davit image tag davit-test/configured busybox:1
	davit image tag davit-test/configured busybox:latest
	is "$(davit image ls -q --filter dangling=true | wc -l)" 1
	run davit image prune <<<n
	has "$output" "Are you sure? [yN]"
	run davit image prune </dev/null
	has "$output" "nobody answered: nothing is removed; --force does not ask"
	is "$(davit image ls -q --filter dangling=true | wc -l)" 1
	is "$(davit image prune -f --filter label=absent)" "Total reclaimed space: 0B"
	is "$(davit image prune -f --filter until=2001-01-01)" "Total reclaimed space: 0B"
	run davit image prune -f
	has "$output" "Deleted Images:"
	is "$(davit image ls -q | sort -u | wc -l)" 1
	is "$(davit image prune -f)" "Total reclaimed space: 0B"
	run davit image prune -a -f
	has "$output" "untagged: busybox:1"
	no_image
}

@test "a container keeps the image it was made of when the name goes to another one, also after a boot" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	one_service one busybox
	up
	is "$(sh_in one 'ls /usr/local/bin/show 2>/dev/null || echo busybox')" busybox
	davit stop -t 0
	davit image tag davit-test/configured busybox
	rm "$DAVIT_RUN_DIR/projects/$PROJECT"/bundle/*/whole      # which a boot takes
	davit image prune -a -f
	davit start
	is "$(sh_in one 'ls /usr/local/bin/show 2>/dev/null || echo busybox')" busybox
	up      # but up makes it anew
	wait_until 5 log_has one "show: sleep inf"
	davit down -t 0
}

# --- at the same time -------------------------------------------------------------------------------------------------------------

# Its image comes and goes until the file `enough` is there.
remover() {
	while [ ! -e enough ]; do
		davit image rm busybox:latest >>removed 2>&1 || :
		davit image prune -a -f >>removed 2>&1 || :
		davit load -q -i "$IMAGES/busybox.tar" >>loaded 2>&1 || touch load-failed
	done
}

@test "rm and up against each other: a container that is there has its image; who comes late is told" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	compose <<-END
	services:
	  one: {image: "busybox:latest", command: [sleep, inf]}
	  two: {image: "busybox:latest", command: [sleep, inf]}
	END
	remover & KEPT_PROCESSES=$!      # which teardown ends, should the test fail
	for ((i = 0, ups = 0; i < 40 && ups < 12; i++)); do
		if ! davit up -d --pull never >out 2>&1; then
			grep -q "is not in davit's store\|is not unpacked in davit's store" out || fail "$(cat out)"
			continue
		fi
		ups=$((ups + 1))
		for s in one two; do
			is "$(sh_in $s 'cat /etc/passwd >/dev/null; busybox true; echo it runs')" "it runs"
		done
		davit restart -t 0 >out 2>&1 || fail "$(cat out)"
		davit down -t 0 >out 2>&1 || fail "$(cat out)"
		wait_until 20 grep -q Untagged removed       # whoever removes comes too late each time when he is slow; now nothing is in his way
	done
	touch enough
	wait
	KEPT_PROCESSES=
	[ ! -e load-failed ] || fail "$(cat loaded)"
	((ups > 0)) || fail "no up in $i found the image"
}

@test "load and prune against each other: every load ends with images that can be used" {
	own_store
	(while [ ! -e enough ]; do davit image prune -a -f >/dev/null 2>&1 || :; done) & KEPT_PROCESSES=$!
	for ((i = 0; i < 15; i++)); do
		davit load -q -i "$IMAGES/busybox.tar" >a 2>&1 & a=$!
		davit load -q -i "$IMAGES/busybox.tar" >b 2>&1 & b=$!
		wait $a || fail "$(cat a)"
		wait $b || fail "$(cat b)"
	done
	touch enough
	wait
	KEPT_PROCESSES=
	davit load -q -i "$IMAGES/busybox.tar"
	one_service one busybox
	up
	davit down -t 0
}

# --- archives out and in ------------------------------------------------------------------------------------------------------------

@test "image save: skopeo and davit load it, as what it is: a docker archive and an OCI layout; the same images make the same bytes" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	davit image save -o one.tar busybox:1 busybox davit-test/configured
	davit image save busybox:1 busybox davit-test/configured >two.tar
	cmp one.tar two.tar
	is "$(stat -c %a one.tar)" 600
	is "$(tar -tvf one.tar | awk '{print $4}' | sort -u)" 1970-01-01
	is "$(tar -xOf one.tar manifest.json | jq -c '[.[].RepoTags]')" '[["busybox:1","busybox:latest"],["davit-test/configured:latest"]]'
	id=$(id_of busybox)
	is "sha256:$(skopeo inspect --raw --config docker-archive:one.tar:busybox:1 | sha256sum | cut -d' ' -f1)" "$id"
	skopeo copy -q --insecure-policy docker-archive:one.tar:davit-test/configured:latest oci:copied:x
	davit image save -o single.tar busybox:1
	is "sha256:$(skopeo inspect --raw --config oci-archive:single.tar | sha256sum | cut -d' ' -f1)" "$id"
	davit image rm -f busybox busybox:1 davit-test/configured
	no_image
	davit load -q -i one.tar
	is "$(id_of busybox:1)" "$id"
	is "$(davit image ls -q | sort -u | wc -l)" 2
	davit image save -o by-id.tar "${id:7:12}"
	is "$(tar -xOf by-id.tar manifest.json | jq -c '.[0].RepoTags')" '[]'
	one_service one busybox:1
	up
	davit down -t 0
}

@test "image save and load: to buildah and back, in both of its formats" {
	own_store
	in_buildah() { buildah --root /run/buildah --runroot /run/buildah-run --storage-driver vfs "$@"; }
	davit load -q -i "$IMAGES/busybox.tar"
	id=$(id_of busybox)
	davit image save -o x.tar busybox:1
	is "sha256:$(in_buildah pull -q "docker-archive:$PWD/x.tar:busybox:1")" "$id"
	in_buildah push -q "$id" "docker-archive:$PWD/docker.tar:back:1"
	in_buildah push -q "$id" "oci-archive:$PWD/oci.tar:back:2"
	rm -rf /run/buildah /run/buildah-run
	davit load -q -i docker.tar
	davit load -q -i oci.tar
	is "$(id_of back:1)" "$id"
	for n in 1 2; do
		one_service one back:$n
		up
		is "$(sh_in one 'echo it runs')" "it runs"
		davit down -t 0
	done
}

@test "image save: nothing half, nothing damaged, nothing onto a terminal" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	echo before >x.tar
	refused 1 "image 'absent' is not in davit's store" -- davit image save -o x.tar busybox absent
	is "$(cat x.tar)" before
	is "$(ls)" x.tar
	run script -qec "$DAVIT image save busybox" /dev/null
	has "$output" "standard output is a terminal"
	layer=$(basename "$(ls -S "$store"/blobs/sha256/* | head -n 1)")
	printf x | dd of="$store/blobs/sha256/$layer" bs=1 seek=5000 conv=notrunc status=none
	refused 1 "blob 'sha256:$layer' of the image store is damaged" "system check --repair" -- davit image save -o x.tar busybox
	is "$(cat x.tar)" before
	rm "$store/blobs/sha256/$layer"
	refused 1 "save image 'busybox'" "its blob 'sha256:$layer' is missing" -- davit image save -o x.tar busybox
	davit load -q -i "$IMAGES/busybox.tar"
	refused 1 "No space left on device" -- davit image save -o /dev/full busybox
}

@test "image import: a root file system in any compression, with docker's changes" {
	own_store
	mkdir -p root/bin root/etc
	cp "$(command -v busybox)" root/bin/busybox
	ln -s busybox root/bin/sh
	echo 'app:x:1000:1000::/:/bin/sh' >root/etc/passwd
	tar -C root -cf root.tar .
	id=$(davit image import -c 'CMD ["busybox", "httpd", "-f"]' -c 'ENV A=b "C=d e"' -c 'EXPOSE 80' -c 'LABEL k=v' -c 'USER app' \
		-c 'WORKDIR /tmp' -c 'ENTRYPOINT ["/bin/busybox"]' -m "by hand" root.tar mine/app:1)
	is "$id" "$(id_of mine/app:1)"
	is "$(davit image inspect mine/app:1 | jq -c '.[0].Config | [.Cmd, .Env, .Labels.k, .User, .WorkingDir, .Entrypoint[0]]')" \
		'[["busybox","httpd","-f"],["A=b","C=d e"],"v","app","/tmp","/bin/busybox"]'
	is "$(davit image inspect mine/app:1 | jq -r '.[0].Comment')" "by hand"
	python3 -c 'import bz2, gzip, lzma
for m, end in (bz2, "bz2"), (gzip, "gz"), (lzma, "xz"): m.open("root.tar." + end, "wb").write(open("root.tar", "rb").read())'
	zstd -q -k root.tar
	for file in root.tar.*; do davit image import - <"$file" >>ids; done
	is "$(davit image ls -q --filter dangling=true | wc -l)" 4
	is "$(ls -d "$store"/layers/*/ | wc -l)" 1      # one layer, whatever it came in
	compose <<-END
	services:
	  one: {image: "mine/app:1", entrypoint: [], command: [/bin/busybox, sleep, inf]}
	END
	up
	is "$(sh_in one 'busybox id -un; echo $C')" $'app\nd e'
	davit down -t 0
}

@test "image import: what is wrong is refused by name, and leaves nothing" {
	own_store
	mkdir root
	tar -C root -cf root.tar .
	head -c 100000 /dev/urandom >noise
	: >empty
	refused 1 "import 'noise'" -- davit image import noise a:1
	refused 1 "import 'empty': it is empty" -- davit image import empty a:1
	refused 1 "'root' is a directory" "tar -C root -c ." -- davit image import root a:1
	refused 1 "nothing is fetched by import" "curl -f" -- davit image import https://example.org/x.tar a:1
	refused 1 "'COPY' is no instruction" "there are CMD" -- davit image import -c 'COPY a b' root.tar a:1
	refused 1 "change 'EXPOSE eighty'" "is not a port" -- davit image import -c 'EXPOSE eighty' root.tar a:1
	refused 1 "'A B' is not valid" -- davit image import root.tar "A B"
	refused 1 "a/b/c/d" -- davit image import --platform a/b/c/d root.tar a:1
	no_image
}

# --- verified, repaired -----------------------------------------------------------------------------------------------------------------

well() {
	run davit system check "$@"
	[ "$status" = 0 ] || fail "$output"
	has "$output" "all is well"
}

# ill WORDS... -- OPTION...: something is wrong, and these words say it
ill() {
	local words=()
	while [ "$1" != -- ]; do words+=("$1"); shift; done
	shift
	run davit system check "$@"
	is "$status" 1
	for w in "${words[@]}"; do has "$output" "$w"; done
}

layer_of() { echo "$store/layers/$(davit image inspect "$1" | jq -r '.[0].RootFS.Layers[0][7:]')"; }
blob_of() { jq -r '.layers[0].digest[7:]' "$store/blobs/sha256/$(davit image inspect "$1" | jq -r '.[0].Descriptor.digest[7:]')"; }
damage() { printf x | dd of="$1" bs=1 seek="${2:-700}" conv=notrunc status=none; }

@test "system check: a store that is well; compressed layers, two images with one base, what skopeo wrote" {
	own_store
	well
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/redis.tar"
	skopeo copy -q --insecure-policy --dest-compress --dest-compress-format zstd "docker-archive:$IMAGES/configured.tar:davit-test/configured:latest" "oci:$store:docker.io/library/third:1"
	well
	one_service one third:1
	up      # unpacked now
	well
	has "$output" "3 images, "
	well --quick
	is "$(davit system check --format json | jq -r .ev)" summary
	davit down -t 0
}

@test "system check: a damaged blob is found, removed by --repair, and brought by the next load" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	blob=$(blob_of busybox)
	damage "$store/blobs/sha256/$blob"
	ill "blob 'sha256:$blob' is damaged: its content is sha256:" "1 problem, 0 repaired" "system check --repair" --
	ill "repaired: blob 'sha256:$blob' is damaged" "layer 'sha256:$blob' is missing" "pull or load the image again" -- --repair
	[ ! -e "$store/blobs/sha256/$blob" ]
	ill "is missing" --
	davit load -q -i "$IMAGES/busybox.tar"
	well
	config=$(id_of busybox)
	damage "$store/blobs/sha256/${config:7}" 30
	ill "blob '$config' is damaged" --
	ill "blob '$config' is damaged" "config '$config' is missing" -- --repair
	davit load -q -i "$IMAGES/busybox.tar"
	well
}

@test "system check: an unpacked layer that differs from its blob is found, and unpacked anew" {
	own_store
	davit load -q -i "$IMAGES/configured.tar"
	layer=$(layer_of davit-test/configured)
	cp -a "$layer" whole
	file=$(cd "$layer" && find . -type f -size +1k | head -n 1)
	file=${file#./}
	dir=$(cd "$layer" && find . -mindepth 1 -type d | head -n 1)
	link=$(cd "$layer" && find . -type l | head -n 1)
	[ -n "$file" ] && [ -n "$dir" ] && [ -n "$link" ]
	cases=("touch -r whole/$file stamp; damage '$layer/$file'; touch -r stamp '$layer/$file'|'$file' has other content"
		"truncate -s 1 '$layer/$file'|'$file' has 1 bytes instead of"
		"chmod 0700 '$layer/$dir'; chmod 04711 '$layer/$file'|has the mode"
		"chown 7:8 '$layer/$file'|'$file' belongs to 7:8 instead of"
		"touch '$layer/$file'|was changed at another time"
		"rm '$layer/$file'|is missing"
		"touch '$layer/new'|'new' should not be there"
		"ln -sfn elsewhere '$layer/$link'; touch -h -r 'whole/$link' '$layer/$link'|"
		"rm -r '$layer/$dir'; touch '$layer/$dir'|is of another kind"
		"ln '$layer/$file' '$layer/again'|"
		"python3 -c 'import os,sys; os.setxattr(sys.argv[1], \"user.x\", b\"y\")' '$layer/$file'|has the attribute 'user.x'")
	for c in "${cases[@]}"; do
		eval "${c%%|*}" 2>/dev/null
		ill "unpacked layer '${layer##*/}' is not what its blob holds" "${c#*|}" --
		well --quick
		ill "repaired: image 'davit-test/configured:latest'" "it is unpacked again" -- --repair
		well
	done
	is "$(ls -A "$store" | tr '\n' ' ')" ".lock blobs index.json l layers oci-layout partial "
}

@test "system check: an index that is lost or damaged is made anew of the blobs; nothing is removed until then" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	one_service one busybox
	up
	ids=$(davit image ls -a -q --no-trunc | sort -u)
	configured=$(id_of davit-test/configured)
	blobs=$(ls "$store/blobs/sha256" "$store/layers")
	for harm in 'rm index.json' ': >index.json' 'truncate -s 200 index.json' 'echo "{\"manifests\": 5}" >index.json'; do
		(cd "$store" && eval "$harm")
		for command in "image prune -a -f" "image ls" "load -q -i $IMAGES/busybox.tar" "image rm busybox"; do
			run davit $command
			[ "$status" = 1 ] || fail "$harm: $command: status $status: $output"
			has "$output" "index.json"
			has "$output" "'davit system check --repair' makes a new one"
		done
		is "$(ls "$store/blobs/sha256" "$store/layers")" "$blobs"
		ill "index.json" "2 images are among the blobs" "no image is removed until then" "1 problem, 0 repaired" --
		ill "repaired: " "index.json is made anew" "1 problem, 1 repaired" -- --repair
		well
		is "$(davit image ls -a -q --no-trunc | sort -u)" "$ids"
		has "$(davit image ls)" busybox      # by which a container uses it
		is "$(davit image ls -q --no-trunc --filter dangling=true)" "$configured"
		davit restart -t 0
		davit image tag "$configured" davit-test/configured
	done
	davit down -t 0
}

@test "another tool that was stopped halfway into an empty store has lost nothing: what it left is nobody's" {
	own_store
	mkdir -p "$store/blobs/sha256"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$store/oci-layout"
	hex=$(sha256sum <<<half | cut -d' ' -f1)
	echo half >"$store/blobs/sha256/$hex"
	is "$(davit image ls -q)" ""
	ill "nobody refers to 1 blob and 0 unpacked layers" --
	davit load -q -i "$IMAGES/busybox.tar"
	has "$(davit image ls)" busybox
	davit image prune -f
	[ ! -e "$store/blobs/sha256/$hex" ]
	well
	rm "$store/index.json"      # this one had images
	refused 1 "index.json" "system check --repair" -- davit image ls
}

@test "a state directory that cannot be written is looked at: what it takes, and whether it is well" {
	local own=/run/own-$BATS_TEST_NUMBER state=$DAVIT_STATE_DIR
	mkdir -p "$own/empty" "$own/full"
	DAVIT_STATE_DIR=$own/full davit load -q -i "$IMAGES/busybox.tar"
	before=$(find "$own" | sort)
	mkdir -p "$own-ro"
	mount --bind "$own" "$own-ro"
	mount -o remount,bind,ro "$own-ro"
	export DAVIT_STATE_DIR=$own-ro/empty
	is "$(davit image ls -q)" ""
	is "$(df_row Images)" "0 0 0B 0B"
	has "$(davit system check)" "0 images, 0 blobs (0B), 0 unpacked layers: all is well"
	export DAVIT_STATE_DIR=$own-ro/full
	has "$(df_row Images)" "1 0 "
	run davit system check
	is "$status" 0
	has "$output" "the store cannot be written: its unpacked layers are not compared with their blobs"
	has "$output" "all is well"
	davit image save busybox | cat >saved.tar
	refused 1 "Read-only file system" -- davit system check --repair
	refused 1 "Read-only file system" -- davit image prune -f
	is "$(find "$own" | sort)" "$before"
	damage "$(ls -S "$own"/full/images/blobs/sha256/* | head -n 1)" 5000
	ill "is damaged" "1 problem, 0 repaired" --
	export DAVIT_STATE_DIR=$state
}

@test "system check: what is in use is not taken from under a container" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	one_service one busybox
	up
	damage "$(layer_of busybox)/etc/passwd" 1
	ill "is not what its blob holds" "it is in use by container '$PROJECT-one-1'" "davit -p $PROJECT down" -- --repair
	is "$(sh_in one 'echo it runs')" "it runs"
	davit down -t 0
	ill "repaired: image 'busybox" -- --repair
	well
}

@test "system check: what the dead have left is found, and goes" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	mkdir -p "$store/.load-0123456789abcdef/layer-0" "$store/.gone-0123456789abcdef/l-x"
	ill "2 loads or removals that were killed had left" --
	well
	echo orphan >"$store/blobs/sha256/$(echo orphan | sha256sum | cut -d' ' -f1)"
	mkdir "$store/layers/$(printf '%064d' 7)"
	ln -s ../layers/nowhere "$store/l/abcdef"
	ln -s /etc "$store/l/fedcba"
	rm "$store/oci-layout"
	ill "nobody refers to 1 blob and 1 unpacked layer" "the short name 'l/abcdef' is no unpacked layer's" "'l/fedcba'" "'oci-layout'" --
	ill "0 repaired" --
	ill "4 problems, 4 repaired" -- --repair
	well
	layer=$(basename "$(layer_of busybox)")
	rm "$store/l"/*      # they are made again
	well
	rm -r "$store/layers/$layer"
	well      # as skopeo leaves it: unpacked when it is used
	davit load -q -i "$IMAGES/configured.tar"
	rm -r "$(layer_of davit-test/configured)" "$store/l"/*      # the lowest alone
	well
	one_service one busybox
	up
	davit down -t 0
	echo '{' >"$store/index.json"
	run davit system check
	is "$status" 1
	has "$output" "index.json"
}

# --- what it takes ------------------------------------------------------------------------------------------------------------------------

df_row() { davit system df --format json | jq -r "select(.Type == \"$1\") | [.TotalCount, .Active, .Size, .Reclaimable] | join(\" \")"; }

@test "system df: docker's table; what prune gives back is what it says" {
	own_store
	is "$(davit system df | head -n 1 | tr -s ' ')" "TYPE TOTAL ACTIVE SIZE RECLAIMABLE"
	is "$(df_row Images)" "0 0 0B 0B"
	is "$(davit system df --format '{{.Type}}: {{.Size}}' | head -n 1)" "Images: 0B"
	is "$(davit system df --format 'table {{.TotalCount}}\t{{.Reclaimable}}' | head -n 1 | tr -s ' ')" "TOTAL RECLAIMABLE"
	refused 1 "with '-v' there are the formats table and json" -- davit system df -v --format '{{.Type}}'
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"      # on the same base
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: sh -c 'head -c 1000000 /dev/zero >/big; head -c 300000 /dev/zero >/data/x; ln /data/x /data/y; exec sleep inf'
	    volumes: ["things:/data"]
	volumes:
	  things:
	END
	up
	wait_until 5 sh_in one 'test -e /data/y'
	has "$(df_row Images)" "2 1 "
	is "$(df_row Containers)" "1 1 1MB 0B (0%)"
	is "$(df_row 'Local Volumes')" "1 1 300kB 0B (0%)"
	is "$(df_row 'Build Cache')" "0 0 0B 0B"
	run davit system df -v
	has "$output" "Images space usage:"
	has "$output" "SHARED SIZE"
	has "$output" "$PROJECT-one-1"
	is "$(grep "^${PROJECT}_things" <<<"$output" | awk '{print $2, $3}')" "1 300kB"
	is "$(grep "^busybox .* 1 *$" <<<"$output" | wc -l)" 2
	is "$(davit system df -v --format json | jq -c '[.Images[].containers] | sort')" '[0,1]'
	davit stop -t 0
	is "$(df_row Containers)" "1 0 1MB 1MB (100%)"
	said=$(davit system df --format json | jq -r 'select(.Type == "Images").Reclaimable' | cut -d' ' -f1)
	has "$(davit image prune -a -f)" "Total reclaimed space: $said"
	davit down -t 0
	is "$(df_row 'Local Volumes')" "1 0 300kB 300kB (100%)"
	said=$(davit system df --format json | jq -r 'select(.Type == "Images").Size')
	has "$(davit image prune -a -f)" "Total reclaimed space: $said"
	is "$(df_row Images)" "0 0 0B 0B"
}

@test "down --rmi: the project's images go with it, but for what another one uses" {
	own_store
	davit load -q -i "$IMAGES/busybox.tar"
	davit load -q -i "$IMAGES/configured.tar"
	davit image tag busybox "$PROJECT-built"
	compose <<-END
	services:
	  built: {build: ., command: [sleep, inf]}
	  other: {image: davit-test/configured, entrypoint: [sleep, inf]}
	  base: {image: "busybox:1", command: [sleep, inf]}
	END
	up
	refused_by_words() { run "$@"; is "$status" 1; has "$output" "flag '--rmi' takes all or local, not 'some'"; }
	refused_by_words davit down --rmi some
	run davit down -t 0 --rmi local
	is "$status" 0
	has "$output" "Image $PROJECT-built:latest  Removed"
	is "$(davit image ls -q | sort -u | wc -l)" 2
	davit image tag busybox "$PROJECT-built"
	up
	mkdir second
	(cd second && one_service one davit-test/configured && davit -p "$PROJECT-two" up -d 2>&1)
	run davit down -t 0 --rmi all
	is "$status" 0
	has "$output" "warning: image 'davit-test/configured' is in use by container '$PROJECT-two-one-1'"
	has "$output" "Image busybox:1  Removed"
	(cd second && davit -p "$PROJECT-two" down -t 0 --rmi all 2>&1)
	is "$(davit image ls --format json | jq -r '.Repository + ":" + .Tag')" busybox:latest
	# nothing is up: what was pulled or built for the file goes all the same
	davit image tag busybox busybox:1
	davit image tag busybox "$PROJECT-built"
	run davit down --rmi local
	is "$status" 0
	is "$output" " Image $PROJECT-built:latest  Removed"
	run davit down --rmi all
	is "$status" 0
	is "$output" " Image busybox:1  Removed"
	run davit down --rmi all
	has "$output" "No resource found to remove"
	is "$(davit image ls --format json | jq -r '.Repository + ":" + .Tag')" busybox:latest
}
