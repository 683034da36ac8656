# lib.bash - what every story finds. A file begins with `load ../lib`.
#
# Each test has an empty project directory that it stands in, a state and a run directory of its own, and a project name that no
# other test has, in this run or in another one at the same time. The store of images is shared, and mounted where davit looks for
# it. After each test whatever is up is taken down, and nothing may be left (leaks). Nothing here sleeps but wait_until.

bats_require_minimum_version 1.5.0

setup() {
	local file=${BATS_TEST_FILENAME##*/}
	PROJECT=story-${STORY_RUN:-0}-${file%.bats}-$BATS_TEST_NUMBER
	export COMPOSE_PROJECT_NAME=$PROJECT DAVIT_STATE_DIR=/run/state-$BATS_TEST_NUMBER DAVIT_RUN_DIR=/run/davit-$BATS_TEST_NUMBER
	unset COMPOSE_FILE COMPOSE_PROFILES DAVIT_RUNTIME DAVIT_DEBUG
	mkdir -p "$DAVIT_STATE_DIR/images" /run/project-$BATS_TEST_NUMBER
	mount --bind "$STORE/images" "$DAVIT_STATE_DIR/images"
	cd /run/project-$BATS_TEST_NUMBER
	links_before=$(links)
}

teardown() {
	local status=0
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tell_more
	take_down || status=1
	[ -z "${KEPT_PROCESSES:-}" ] || kill -9 $KEPT_PROCESSES 2>/dev/null || :
	wait_until 5 no_leaks || status=1
	umount "$DAVIT_STATE_DIR/images" || status=1
	cd /
	return $status
}

# --- running davit ---------------------------------------------------------------------------------------------------------------

davit() { timeout 60 "$DAVIT" "$@"; }

# compose <<END: the project's file.
compose() { cat >compose.yaml; }

# up [OPTION]...: detached, and loud when it fails.
up() {
	output=$(davit up -d "$@" 2>&1) || fail "up: exit status $?: $output"
}

# in_service SERVICE COMMAND...: its standard output
in_service() { davit exec -T "$@"; }

# sh_in SERVICE SCRIPT
sh_in() { davit exec -T "$1" sh -c "$2"; }

# ps_field SERVICE FIELD: of `ps --format json`, one line per container
ps_field() { davit ps -a --format json "$1" | jq -r "if type == \"array\" then .[] else . end | .$2"; }

# on_terminal [ROWSxCOLS] STEP... -- COMMAND...: see tests/on-terminal
on_terminal() { "$BATS_TEST_DIRNAME/../on-terminal" "$@"; }

# record SERVICE FIELD: of its last record in the journal, as JSON
record() { tac "$DAVIT_STATE_DIR/projects/$PROJECT/journal" | grep -m 1 "\"slot\":\"$1-1\"" | jq ".unit.$2"; }

state_is() { [ "$(ps_field "$1" State)" = "$2" ]; }
health_is() { [ "$(ps_field "$1" Health)" = "$2" ]; }
log_has() { davit logs --no-log-prefix --no-color "$1" 2>&1 | grep -q -- "$2"; }
log_count() { davit logs --no-log-prefix --no-color "$1" 2>&1 | grep -c -- "$2" || :; }

# pid_of SERVICE [NUMBER]: of its first process, as the host sees it
pid_of() {
	local group
	for group in $(find /sys/fs/cgroup -type d \( -path "*/davit/$PROJECT/$1-${2:-1}" -o -path "*/davit-$PROJECT.s*/$1-${2:-1}" \) 2>/dev/null); do
		head -n 1 "$group/cgroup.procs"
	done | sed -n '1p'
}

# The one that announced itself last, if it lives: what it has forked looks like it until it executes something else.
supervisor_pid() {
	local pid
	pid=$(sed -n 's/.* supervisor \([0-9]*\) of project .*/\1/p' "$DAVIT_STATE_DIR/projects/$PROJECT/supervisor.log" 2>/dev/null | tail -n 1)
	[ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && echo "$pid"
}

keeper_pid() { pgrep -f "davit-keeper .*--supervise $PROJECT "; }

supervisor_is_new() { local now; now=$(supervisor_pid); [ -n "$now" ] && [ "$now" != "$1" ] && davit ps >/dev/null; }

# Returns when its successor answers.
kill_supervisor() {
	local before
	before=$(supervisor_pid)
	kill -9 "$before"
	wait_until 5 supervisor_is_new "$before"
}

journal_lines() { wc -l 2>/dev/null <"$DAVIT_STATE_DIR/projects/$PROJECT/journal" || echo 0; }

# kill_at LINE COMMAND-PID [PID]: the supervisor (PID, or whichever there is), when the journal has so many lines, or the command is over and
# left one. How many died so is in $killed. Nothing is forked before, or the command would be over.
kill_at() {
	local limit=$((SECONDS + 20)) victim lines=()
	until ((${#lines[@]} >= $1)) || ! kill -0 "$2" 2>/dev/null; do
		((SECONDS < limit)) || fail "the journal never had $1 lines" || return 1
		mapfile -t lines 2>/dev/null <"$DAVIT_STATE_DIR/projects/$PROJECT/journal" || lines=()
	done
	victim=${3:-$(supervisor_pid)} || return 0
	! kill -9 "$victim" 2>/dev/null || killed=$((${killed:-0} + 1))
}

# kill_both [PID]...: keeper and supervisor at once, neither sees the other go; and those PIDs with them. Returns when all are gone: a
# signal is only on its way when kill returns.
kill_both() {
	local both
	both="$(keeper_pid) $(supervisor_pid)"
	kill -STOP $both
	kill -9 $both "$@"
	wait_until 5 are_gone $both "$@"
}

# are_gone PID...: nothing of them works any more, whether or not somebody has asked how they ended.
are_gone() {
	local pid
	for pid in "$@"; do
		! grep -qs "^State:.[^ZX]" "/proc/$pid/status" || return 1
	done
}

# --- judging ---------------------------------------------------------------------------------------------------------------------

fail() {
	echo "$*" >&2
	return 1
}

# wait_until SECONDS COMMAND...: polls; the one place that may sleep.
wait_until() {
	local limit_s=$1 deadline last
	shift
	deadline=$((${EPOCHREALTIME/[.,]/} + limit_s * 1000000))
	until last=$("$@" 2>&1); do
		((${EPOCHREALTIME/[.,]/} < deadline)) || fail "not within $limit_s s: $*${last:+; it said: $last}" || return 1
		sleep 0.01
	done
}

has() { grep -qF -- "$2" <<<"$1" || fail "'$2' is not in: $1"; }
lacks() { ! grep -qF -- "$2" <<<"$1" || fail "'$2' is in: $1"; }
# not COMMAND...: for a plain `!` nobody is stopped, unless it is a test's last line.
not() { ! "$@" || fail "it should not be so: $*"; }
is() { [ "$1" = "$2" ] || fail "it is '$1', should be '$2'"; }

# refused STATUS WORDS... -- COMMAND...: it ends with that status, says each of the words on standard error, and begins no project.
refused() {
	local want=$1 words=() w
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run -"$want" --separate-stderr "$@"
	[ "$status" = "$want" ] || fail "exit status $status, should be $want: $output $stderr"
	for w in "${words[@]}"; do
		has "$stderr" "$w"
	done
	nothing_begun
}

nothing_begun() {
	wait_until 2 no_leaks      # the keeper ends after it has been heard
	[ -z "$(ls "$DAVIT_STATE_DIR/projects" 2>/dev/null)" ] || fail "left behind: $(ls -R "$DAVIT_STATE_DIR/projects")"
}

# --- what may not be left --------------------------------------------------------------------------------------------------------

links() { ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort; }

# Prints a line for each thing that is left of the project, with its kind; census.bats shows that it sees them all.
leaks() {
	pgrep -r DRST -af -- '--supervise|davit-keeper|davit-init' | sed 's/^/process: /'
	cgroup_processes | sed 's/^/process in a cgroup: /'
	awk -v run="$DAVIT_RUN_DIR/" -v state="$DAVIT_STATE_DIR/" -v images="$DAVIT_STATE_DIR/images" \
		'(index($5, run) == 1 || index($5, state) == 1) && $5 != images { print "mount: " $5 }' /proc/self/mountinfo
	comm -13 <(echo "$links_before") <(links) | sed 's/^/link: /'
	nft list tables | grep -F "davit-" | sed 's/^/nft: /'
	find /sys/fs/cgroup -type d -path "*/davit/$PROJECT" 2>/dev/null | sed 's/^/cgroup: /'
	find "$DAVIT_RUN_DIR/projects" -xdev -mindepth 1 2>/dev/null | sed 's/^/run file: /'
	find "$DAVIT_STATE_DIR/projects" -mindepth 1 -path '*/containers/*' 2>/dev/null | sed 's/^/container file: /'
	return 0
}

cgroup_processes() { find /sys/fs/cgroup \( -path "*/davit/$PROJECT/*" -o -path "*/davit-$PROJECT.s*/*-[0-9]*/*" \) -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u; }

no_leaks() {
	local left
	left=$(leaks)
	[ -z "$left" ] || fail "left behind: $left"
}

# Takes down every project in the run and state directories.
take_down() {
	local name status=0
	for name in $(cd "$DAVIT_RUN_DIR/projects" 2>/dev/null && ls); do
		timeout 30 "$DAVIT" -p "$name" down -v -t 0 >"/run/down-$BATS_TEST_NUMBER" 2>&1 && continue
		echo "down of '$name' failed:" && cat "/run/down-$BATS_TEST_NUMBER"
		census_of_processes
		status=1
	done
	return $status
}

census_of_processes() {
	echo "in cgroups:"
	grep -r . /sys/fs/cgroup/{,*/}davit/"$PROJECT"/ --include=cgroup.procs 2>/dev/null
	echo "processes:"
	ps -eo pid,ppid,stat,args
}

# For whoever reads why a test failed.
tell_more() {
	timeout 5 "$DAVIT" ps -a 2>&1
	timeout 5 "$DAVIT" logs --tail 10 2>&1
	tail -n 15 "$DAVIT_STATE_DIR"/projects/*/supervisor.log 2>/dev/null
	[ -z "$(cgroup_processes)" ] || census_of_processes
	return 0
}
