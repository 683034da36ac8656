# down -v: what it deletes, what it says of it, and what it lets alone.
load ../lib

project() {
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    stop_grace_period: 0s
	    volumes: ["data:/data", "cache:/cache", "/anonymous"]
	volumes: {data: , cache: ${1:-}}
	END
}

volumes_left() { ls "$DAVIT_STATE_DIR/volumes" 2>/dev/null | grep "^$PROJECT" | tr '\n' ' '; }

@test "each volume is told by its name and size before it goes, an anonymous one, too" {
	project
	up
	sh_in one 'head -c 3000000 /dev/zero >/data/x; mkdir -p /data/a/b; head -c 1000000 /dev/zero >/data/a/b/y'
	anonymous=$(record one 'anon_volumes[0]' | tr -d '"')
	davit down -v >shown 2>&1
	grep -q "Volume ${anonymous#*=}  Removing  0B" shown || fail "$(cat shown)"
	grep -q "Volume ${PROJECT}_data  Removing  4MB" shown || fail "$(cat shown)"
	grep -q "Volume ${PROJECT}_data  Removed" shown
	grep -q "Volume ${PROJECT}_cache  Removing  0B" shown
	is "$(ls "$DAVIT_STATE_DIR/volumes" | grep -vc '^\.')" 0
	davit down -v 2>&1 | grep -q "No resource found"
}

@test "down without -v keeps them; down -v of one service takes those that nobody else has" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, volumes: ["data:/data", "both:/both", /anonymous]}
	  two: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, volumes: ["both:/both", "theirs:/theirs"]}
	volumes: {data: , both: , theirs: }
	END
	up
	davit down
	is "$(volumes_left)" "${PROJECT}_both ${PROJECT}_data ${PROJECT}_theirs "
	up
	davit down one
	is "$(volumes_left)" "${PROJECT}_both ${PROJECT}_data ${PROJECT}_theirs "
	up
	sh_in one 'echo mine >/data/x; echo ours >/both/x; echo x >/anonymous/x'
	run -0 davit --dry-run down -v one
	has "$output" "${PROJECT}_data"
	lacks "$output" "${PROJECT}_theirs"
	has "$output" "container '$PROJECT-two-1' of project '$PROJECT' uses it"
	run -0 davit down -v one
	has "$output" "Volume ${PROJECT}_data  Removed"
	has "$output" "volume '${PROJECT}_both' stays: container '$PROJECT-two-1' of project '$PROJECT' uses it"
	is "$(volumes_left)" "${PROJECT}_both ${PROJECT}_theirs "
	is "$(find "$DAVIT_STATE_DIR/volumes" -name x | wc -l)" 1      # both's
	is "$(davit ps --services)" two
	up
	is "$(sh_in one 'ls /data; cat /both/x')" ours
	davit down
	run -0 davit down -v one              # nobody knows any more which are its volumes
	has "$output" "No resource found"
	is "$(volumes_left)" "${PROJECT}_both ${PROJECT}_data ${PROJECT}_theirs "
	davit down -v
	is "$(volumes_left)" ""
}

@test "an external volume is never deleted, not even one that this project made once" {
	project
	up
	davit down
	project "{external: true, name: ${PROJECT}_cache}"
	up
	run -0 davit down -v
	lacks "$output" "${PROJECT}_cache"
	is "$(volumes_left)" "${PROJECT}_cache "
	rm -r "$DAVIT_STATE_DIR/volumes/${PROJECT}_cache"
}

@test "what another project's container has stays, and who has it is told" {
	project
	up
	sh_in one 'echo kept >/data/x'
	mkdir other
	cat >other/compose.yaml <<-END
	services:
	  two: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, volumes: ["theirs:/data"]}
	volumes: {theirs: {external: true, name: ${PROJECT}_data}}
	END
	(cd other && davit -p "$PROJECT-other" up -d && davit -p "$PROJECT-other" stop)
	run -0 davit down -v
	has "$output" "volume '${PROJECT}_data' stays: container '$PROJECT-other-two-1' of project '$PROJECT-other' uses it"
	has "$output" "Volume ${PROJECT}_cache  Removed"
	is "$(volumes_left)" "${PROJECT}_data "
	davit -p "$PROJECT-other" start
	is "$(davit -p "$PROJECT-other" exec -T two cat /data/x)" kept
	davit -p "$PROJECT-other" down -v
	is "$(volumes_left)" "${PROJECT}_data "      # it is not theirs
	run -0 davit down -v
	is "$(volumes_left)" ""
}

@test "what cannot be counted in time is told as at least so much, and goes all the same" {
	cc -shared -fPIC -o slow-walk.so "${BATS_TEST_DIRNAME%/*}/slow-walk.c" -ldl
	project
	LD_PRELOAD=$PWD/slow-walk.so up
	sh_in one 'echo x >/data/a; : >/cache/slow'      # cache comes first, and takes the time of both
	davit down -v >shown 2>&1
	grep -q "Volume ${PROJECT}_cache  Removing  at least 0B" shown || fail "$(cat shown)"
	grep -q "Volume ${PROJECT}_data  Removing  at least 0B" shown || fail "$(cat shown)"
	grep -q "Volume ${PROJECT}_data  Removed" shown
	is "$(volumes_left)" ""
}
