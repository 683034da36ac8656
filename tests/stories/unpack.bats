# What stands in a layer, and what becomes of it. Layers that are right but odd come from tests/hostile/odd.
load ../lib

setup_file() {
	export ODD=/run/odd
	mkdir "$ODD"
	"$BATS_TEST_DIRNAME/../hostile/odd" make "$ODD"
}

own_store() {
	own=/run/own-$BATS_TEST_NUMBER
	davit() { timeout 60 "$DAVIT" --state-dir "$own" "$@"; }
}

# right TOPIC...: they are loaded, and everything is as their entries say.
right() {
	local topic output status=0
	for topic in "$@"; do
		output=$(davit load -i "$ODD/$topic.tar" 2>&1) || fail "$topic: $output" || status=1
		"$BATS_TEST_DIRNAME/../hostile/odd" check "$own/images/layers" "$topic" || status=1
	done
	return $status
}

@test "owners, modes, kinds" { own_store && right owners; }
@test "times, of directories and links, too" { own_store && right times; }
@test "names: long, and not UTF-8" { own_store && right names longest-names; }
@test "archives of before ustar, global headers" { own_store && right before-ustar global-header; }
@test "hard links, and AUFS' own" { own_store && right links; }
@test "capabilities and other attributes" {
	own_store
	own=${STORE%/store}/own     # on disk: a tmpfs has no user.* before Linux 6.6
	right attributes
}
@test "holes stay holes: all four kinds of sparse file" { own_store && right sparse; }
@test "what comes later replaces what was there" { own_store && right replaced; }
@test "whiteouts and opaque directories, before and after what they hide" { own_store && right whiteouts opaque-top; }
@test "empty layers, missing ends, and what stands behind the end" {
	own_store
	right empty empty-block empty-tar empty-record no-end half-an-end garbage-behind tar-behind
}
@test "gzip members and zstd frames" {
	own_store
	right gzip-members gzip-empty-member gzip-named zstd-frames zstd-skippable-first zstd-window-of-128-MiB
}
@test "every odd layer is looked at above" {
	local topic
	while read -r topic; do
		grep -qE "right .*\\b$topic\\b" "$BATS_TEST_FILENAME" || fail "not $topic"
	done <"$ODD/topics"
}

@test "system check finds odd layers, unpacked once more, to be as they are" {
	own_store
	local topic
	while read -r topic; do
		davit load -q -i "$ODD/$topic.tar"
	done <"$ODD/topics"
	run davit system check
	[ "$status" = 0 ] || fail "$output"
}

@test "the umask of who loads, and a directory that hands down its group, change nothing" {
	own_store
	mkdir -m 2775 "$own"
	chgrp 50 "$own"
	umask 077
	right no-top owners
}

@test "a disk that is full is named, and nothing is left" {
	own_store
	mkdir "$own"
	mount -t tmpfs -o size=3m none "$own"
	run davit load -i "$IMAGES/busybox.tar"
	is "$status" 1
	has "$output" "it needs about 4.2"
	has "$output" "in '$own/images', where 3.1"
	has "$output" "make room in '$own/images'"
	mount -o remount,size=1m "$own"
	run davit load < <(cat "$IMAGES/busybox.tar")
	is "$status" 1
	has "$output" "No space left on device"
	has "$output" "make room in '$own/images'"
	is "$(find "$own" -name '.load-*')$(ls "$own/images/layers" "$own/images/blobs/sha256" | grep -v :)" ""
	umount "$own"
	# one that does not say how large it is
	mount -t ramfs none "$own"
	davit load -q -i "$IMAGES/busybox.tar"
	umount "$own"
}

@test "a limit for the size of files is an error that names one, and nothing is left" {
	own_store
	limited() { ulimit -f 100; davit load "$@"; }
	run limited -i "$IMAGES/busybox.tar"
	is "$status" 1
	has "$output" "layer 'sha256:"
	has "$output" "File too large"
	run limited < <(cat "$IMAGES/busybox.tar")
	is "$status" 1
	has "$output" layer      # of the image, or the file of the archive that holds it: whichever is the first to be too large
	has "$output" "File too large"
	is "$(find "$own" -name '.load-*')$(ls "$own/images/layers" "$own/images/blobs/sha256" | grep -v :)" ""
}
