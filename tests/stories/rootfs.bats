# What a container's root file system is made of. The images come from tests/hostile/stacked.
load ../lib

setup_file() {
	export STACKED=/run/stacked
	mkdir "$STACKED"
	"$BATS_TEST_DIRNAME/../hostile/stacked" "$IMAGES/busybox.tar" "$STACKED"
	"$DAVIT" --state-dir "$STACKED" load -q -i "$STACKED/joined.tar"
}

# The store of stacked images instead of the shared one.
stacked_store() {
	umount "$DAVIT_STATE_DIR/images"
	mount --bind "$STACKED/images" "$DAVIT_STATE_DIR/images"
}

# A state directory that is on an overlay already, which cannot be the upper part of another.
state_on_overlay() {
	local ground=/run/ground-$BATS_TEST_NUMBER
	mkdir -p "$ground"/{low,up,work}
	mount -t overlay -o "lowerdir=$ground/low,upperdir=$ground/up,workdir=$ground/work" none "$DAVIT_STATE_DIR"
	mkdir "$DAVIT_STATE_DIR/images"
	mount --bind "$STACKED/images" "$DAVIT_STATE_DIR/images"
}

off_overlay() {
	davit down -v -t 0
	umount "$DAVIT_STATE_DIR/images"
	umount "$DAVIT_STATE_DIR"
}

joined() {
	compose <<-END
	services:
	  one: {image: "stacked:joined"$1}
	END
}

# What the layers say, seen from inside.
joined_right() {
	is "$(sh_in one 'ls -d /gone /gone-too /whole/low /mixed/low /directory-then-file/f 2>/dev/null')" ""
	is "$(sh_in one 'cat /whole/high /mixed/both /directory-then-file /again')" "evilhighevilback"
	sh_in one 'test -d /file-then-directory'
	is "$(sh_in one 'stat -c %h:%i /hard/one')" "$(sh_in one 'stat -c %h:%i /hard/two')"
	is "$(sh_in one 'stat -c %a:%u:%g /bin/su /shared /tmp | tr "\n" " "')" "4755:0:0 2775:0:50 1777:0:0 "
	has "$(davit exec -T -u 1000 one busybox-bind grep CapEff /proc/self/status)" 0000000000000400
	has "$(davit exec -T -u 1000 one busybox grep CapEff /proc/self/status)" 0000000000000000
	is "$(sh_in one 'cat /data/low /data/high; stat -c %a:%u /data')" "lowhigh750:1000"
	# a directory that a layer has no entry for is that of the layers below, unless something hides it
	is "$(sh_in one 'stat -c %a:%u:%g / /implied /implied/deep | tr "\n" " "')" "751:0:0 2770:7:8 711:0:0 "
	is "$(sh_in one 'stat -c %Y /implied')" 5
	is "$(sh_in one 'stat -c %a:%u:%g /secret /implied/hidden/sub | tr "\n" " "')" "755:0:0 755:0:0 "
	# a device that an image brings is no way to the host's
	run sh_in one 'test -c /node && head -c 1 /node'
	has "$output" "Operation not permitted"
	is "$(sh_in one 'grep -c " /data " /proc/mounts')" 1
}

@test "500 layers: every one is seen, and what is run comes from many" {
	stacked_store
	run davit load -q -i "$STACKED/many.tar"
	[ "$status" = 0 ] || fail "$output"
	compose <<-END
	services:
	  once: {image: "stacked:many"}
	  stays: {image: "stacked:many", command: [sleep, inf]}
	END
	up
	wait_until 10 state_is once exited
	is "$(davit logs --no-log-prefix once)" "start
middle
499"
	is "$(sh_in stays 'cat /layers/* | sort -n | uniq | wc -l; ls /layers | wc -l')" "499
500"
	sh_in stays 'echo written >/layers/1; rm /layers/2'
	davit restart -t 0 stays
	is "$(sh_in stays 'cat /layers/1; ls /layers | wc -l')" "written
499"
}

@test "whiteouts, opaque directories, links, modes, capabilities and volumes over several layers" {
	stacked_store
	joined ""
	up
	joined_right
}

@test "runc runs it, too, and read-only" {
	stacked_store
	joined ', runtime: runc, read_only: true, tmpfs: [/tmp]'
	up
	joined_right
	sh_in one 'echo x >/tmp/f; echo x >/data/f'
	run sh_in one 'echo x >/f'
	has "$output" "Read-only file system"
}

@test "where overlayfs cannot be, the image is copied, and a warning says so" {
	state_on_overlay
	joined ""
	run davit up -d
	is "$status" 0
	has "$output" "overlayfs cannot be used in"
	has "$output" "the image was copied for this container"
	joined_right
	sh_in one 'echo written >/f; rm -r /whole'
	davit restart -t 0
	is "$(sh_in one 'cat /f; ls /whole 2>&1')" "written
ls: /whole: No such file or directory"
	davit up -d --force-recreate -t 0
	is "$(sh_in one 'ls /whole; ls /f 2>&1')" "high
ls: /f: No such file or directory"
	off_overlay
}

@test "a file system that cannot say which directories are opaque is told as the reason" {
	mkdir /run/plain
	mount -t ramfs none /run/plain
	run timeout 60 "$DAVIT" --state-dir /run/plain load -q -i "$STACKED/joined.tar"
	is "$status" 1
	has "$output" "mark a directory as opaque with the attribute 'trusted.overlay.opaque': Operation not supported"
	has "$output" "with --state-dir it can be on another one"
	is "$(ls /run/plain/images/layers /run/plain/images/blobs/sha256 | grep -v ':$')" ""
	umount /run/plain
}

@test "an overlayfs as the place of the image store: what goes, and why the rest does not" {
	local ground=/run/place
	mkdir -p "$ground"/{low,up,work,merged}
	mount -t overlay -o "lowerdir=$ground/low,upperdir=$ground/up,workdir=$ground/work" none "$ground/merged"
	timeout 60 "$DAVIT" --state-dir "$ground/merged" load -q -i "$IMAGES/busybox.tar"
	run timeout 60 "$DAVIT" --state-dir "$ground/merged" load -q -i "$STACKED/joined.tar"
	is "$status" 1
	has "$output" "make a whiteout: Operation not permitted"
	has "$output" "with --state-dir it can be on another one"
	umount "$ground/merged"
}

@test "a copied image, read-only" {
	state_on_overlay
	joined ', read_only: true, tmpfs: [/tmp]'
	up
	joined_right
	run sh_in one 'echo x >/f'
	has "$output" "Read-only file system"
	off_overlay
}
