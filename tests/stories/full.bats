# A full disk: commands fail and say where, or do their work; what runs runs on and is restarted; when there is room again all goes on.
load ../lib

# The state, but for the images, on a disk of its own.
small_disk() {
	umount "$DAVIT_STATE_DIR/images"
	mount -t tmpfs -o size=${1:-4m} small "$DAVIT_STATE_DIR"
	mkdir "$DAVIT_STATE_DIR/images"
	mount --bind "$STORE/images" "$DAVIT_STATE_DIR/images"
}

fill() { dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || :; [ "$(stat -f -c %f "$1")" = 0 ] || fail "$1 is not full"; }
make_room() { rm "$1/filler"; }
well() { local said; said=$(davit doctor) || fail "$said"; }
new_pid() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

stack() {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 80"]
	    restart: always
	    deploy: {restart_policy: {delay: 0s}}
	    tmpfs: [/tmp]
	    working_dir: /tmp
	    ports: ["127.0.0.1:8096:80"]
	  two: {image: busybox, command: [sleep, inf], volumes: ["stuff:/stuff"]}
	volumes:
	  stuff:
	END
}

restarts() {
	local before
	before=$(pid_of one)
	kill -9 "$before"
	wait_until 10 new_pid one "$before"
	wait_until 10 state_is one running
}

# The journal has kept some room, which others may find, too.
done_or_told() {
	run davit "$@"
	[ "$status" = 0 ] || has "$output" "No space left on device"
}

@test "up on a full disk says so, leaves nothing, and works when there is room" {
	small_disk
	stack
	fill "$DAVIT_STATE_DIR"
	run -1 timeout 9 "$DAVIT" up -d
	has "$output" "No space left on device"
	has "$output" "$DAVIT_STATE_DIR"
	has "$output" "hint: "
	wait_until 10 no_leaks
	make_room "$DAVIT_STATE_DIR"
	up
	well
	davit down -v -t 0
}

@test "a disk that fills while a project is up: it runs on and is restarted, also by the next supervisor; then all is well again" {
	small_disk
	stack
	up
	local two i
	two=$(pid_of two)
	fill "$DAVIT_STATE_DIR"
	for i in 1 2 3; do restarts; done
	is "$(ps_field one State)" running
	is "$(curl -sf http://127.0.0.1:8096/)" hello
	kill -9 "$(supervisor_pid)"
	restarts
	is "$(pid_of two)" "$two"
	done_or_told up -d --scale two=2
	is "$(pid_of two)" "$two"
	davit stop -t 0 two
	is "$(davit ps -q two)" ""
	done_or_told start two
	make_room "$DAVIT_STATE_DIR"
	up
	wait_until 5 state_is two running
	restarts
	wait_until 10 well
}

@test "down on a full disk takes everything away" {
	small_disk
	stack
	up
	fill "$DAVIT_STATE_DIR"
	davit down -v -t 0
	wait_until 5 no_leaks
	make_room "$DAVIT_STATE_DIR"
	well
}

@test "a hundred restarts on a full disk are remembered" {
	small_disk
	stack
	up
	fill "$DAVIT_STATE_DIR"
	local i
	for i in $(seq 100); do restarts; done
	kill -9 "$(supervisor_pid)"
	restarts
	is "$(ps_field one State) $(ps_field two State)" "running running"
	make_room "$DAVIT_STATE_DIR"
	wait_until 10 well
}

@test "a full run directory: up says so, what runs runs on, down works, and restarts go on when there is room" {
	mkdir "$DAVIT_RUN_DIR"
	mount -t tmpfs -o size=2m small "$DAVIT_RUN_DIR"
	stack
	fill "$DAVIT_RUN_DIR"
	run -1 timeout 15 "$DAVIT" up -d
	has "$output" "No space left on device"
	make_room "$DAVIT_RUN_DIR"
	up
	local two before
	two=$(pid_of two) before=$(pid_of one)
	fill "$DAVIT_RUN_DIR"
	kill -9 "$before"
	is "$(davit ps --format json two | jq -r .State)" running
	is "$(pid_of two)" "$two"
	make_room "$DAVIT_RUN_DIR"
	wait_until 20 new_pid one "$before"
	wait_until 10 state_is one running
	is "$(pid_of two)" "$two"
	well
	fill "$DAVIT_RUN_DIR"
	davit down -t 0
	wait_until 5 no_leaks
	umount "$DAVIT_RUN_DIR"
}

@test "a volume that cannot take what the image has in its place: up says so" {
	small_disk 2m
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], volumes: ["bin:/bin"]}
	volumes:
	  bin:
	END
	dd if=/dev/zero of="$DAVIT_STATE_DIR/filler" bs=1k count=1500 2>/dev/null
	run -1 davit up -d
	has "$output" "No space left on device"
	has "$output" "bin"
	wait_until 10 no_leaks
	umount "$DAVIT_STATE_DIR/images"
	mount -o remount,size=16m "$DAVIT_STATE_DIR"
	mount --bind "$STORE/images" "$DAVIT_STATE_DIR/images"
	up
	is "$(sh_in one 'echo here')" here
}
