# Archives that mean harm (tests/hostile/make): each is refused by name, or harmless. The store is inside a tree of canaries, and
# nothing of that changes; nothing of what is refused stays in the store.
load ../lib

setup_file() {
	export TREE=/run/canaries CASES=/run/hostile
	hostile=$(realpath "$BATS_TEST_DIRNAME/../hostile")
	mkdir -p "$TREE/state" "$TREE/sub" "$CASES"
	echo safe >"$TREE/victim"
	ln "$TREE/victim" "$TREE/linked"
	ln -s victim "$TREE/link"
	chmod 4750 "$TREE/linked"
	touch -d '2001-02-03 04:05:06' "$TREE/victim" "$TREE/sub"
	"$hostile/make" "$CASES" "$TREE"
	"$DAVIT" --state-dir "$TREE/state" load -i "$IMAGES/busybox.tar"
}

census() { "$BATS_TEST_DIRNAME/../hostile/census" "$@"; }

# The store without directories' times: a load works in it.
stored() { census "$TREE/state" "$TREE/state/images/.lock" | sed -E 's/^(\S+ 4[0-9]+ \S+ [0-9]+ 0) [0-9]+ /\1 /'; }

# A file is read where it is needed; with PIPED set it comes through a pipe, and is read from end to end.
load_it() {
	if [ -n "${PIPED:-}" ]; then
		timeout 60 "$DAVIT" --state-dir "$TREE/state" load < <(cat "$1")
	else
		timeout 60 "$DAVIT" --state-dir "$TREE/state" load -i "$1"
	fi
}

# one FILE WORDS: refused with these words; or, without words, loaded.
one() {
	local output status=0
	output=$(load_it "$CASES/$1" 2>&1) || status=$?
	! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' <<<"$output" || fail "$1: control characters on the terminal: $output" || return
	[ -n "$2" ] || { [ $status = 0 ] || fail "$1 is harmless: $output"; return; }
	[ $status = 1 ] || fail "$1: exit status $status: $output" || return
	has "$output" "load '${PIPED:-$CASES/$1}': " || return
	has "$output" "$2" || fail "that was $1"
}

# some GROUP refused|harmless: these cases of it, every one, though one fails
some() {
	local group file words status=0 n=0
	while IFS=$'\t' read -r group file words; do
		[ "$group" = "$1" ] && [ "${words:+refused}" = "${2#harmless}" ] || continue
		n=$((n + 1))
		one "$file" "$words" || status=1
	done <"$CASES/cases"
	echo "$1: $n $2"
	((n > 0)) || [ "$1.$2" = bombs.harmless ] || fail "no case"
	return $status
}

# same WHAT BEFORE AFTER
same() { [ "$2" = "$3" ] || fail "$1: $(diff <(echo "$2") <(echo "$3"))"; }

all() {
	local tree store
	tree=$(census "$TREE" "$TREE/state")
	store=$(stored)
	some "$1" refused
	same "left in the store" "$store" "$(stored)"
	some "$1" harmless
	same canaries "$tree" "$(census "$TREE" "$TREE/state")"
}

@test "names that lead out, are too long or steer a terminal" { all names; }
@test "links: written through, made through, hard links to what is outside" { all links; }
@test "whiteouts, devices, owners and attributes" { all kinds; }
@test "headers that lie about themselves" { all headers; }
@test "bombs: sizes, entries, memory" { all bombs; }
@test "images that lie: digests, sizes, names, documents" { all images; }

@test "the same through a pipe" {
	PIPED="standard input"
	all headers
	all images
}

@test "no attribute of an archive is overlayfs' own" {
	timeout 60 "$DAVIT" --state-dir /run/attributes load -i "$CASES/attributes-of-overlayfs-docker.tar"
	output=$(census /run/attributes)
	has "$output" "/d' 4"
	lacks "$output" overlay
	lacks "$output" security
}
