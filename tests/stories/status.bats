# Exit statuses: one table, which help, manual and README have, too.
load ../lib

# statuses FILE: "STATUS TEXT" lines of what it says
in_help() { davit --help | sed -n '/^Exit status:/,/^[^ E]/s/^  \([0-9]*\)  *\(.*\)/\1 \2/p'; }
in_readme() { sed -n '/^## Exit status/,/^## /s/^| \([0-9]*\) | \(.*\) |$/\1 \2/p' "$BATS_TEST_DIRNAME/../../README.md"; }
in_manual() {           # ".TP", the status in bold, and its text in as many lines as that takes
	davit __man davit | awk '/^\.SH/ { on = /EXIT STATUS/ } !on { next } /^\./ { if (text) print text; text = ""; next }
		/^\\fB[0-9]+\\fR$/ { gsub(/\\fB|\\fR/, ""); text = $0; next } text { text = text " " $0 } END { if (text) print text }' | sed 's/\\-/-/g'
}

@test "help, README and manual say the same" {
	[ "$(in_help | wc -l)" -ge 6 ]
	is "$(in_readme)" "$(in_help)"
	is "$(in_manual)" "$(in_help)"
}

# STATUS COMMAND...: what shells see of a command in the project below
TABLE='
0   version
0   --help
0   up --help
0   ps
0   config -q
0   exec -T web true
0   wait fine
0   -f empty.yaml config -q
0   down --help
1   nonsense
1   ps --nonsense
1   logs nobody
1   exec -T nobody true
1   exec -T failed true
1   -f missing.yaml config
1   -f missing.yaml ps
1   -f wrong.yaml config
1   -f wrong.yaml up -d
1   port web 99
1   ps --format {{.Nothing}}
1   --ansi sometimes ps
1   up -d --timeout soon
0   plan web
2   plan --scale web=2 web
3   wait failed
7   exec -T web sh -c "exit 7"
126 exec -T web /etc/passwd
127 exec -T web nothing-there
137 exec -T web sh -c "kill -9 \$\$"
143 exec -T web sh -c "kill \$\$"
3   up --exit-code-from failed failed
0   up --abort-on-container-exit fine
1   -f notfound.yaml -p '"'$COMPOSE_PROJECT_NAME-b'"' up -d
'

@test "every status, by the command that gives it" {
	local want words bad=() status
	compose <<-END
	services:
	  web: {image: busybox, init: true, command: [sleep, inf]}
	  failed: {image: busybox, command: [sh, -c, "exit 3"]}
	  fine: {image: busybox, command: ["true"]}
	END
	echo 'services: {}' >empty.yaml
	echo 'services: {web: {image: busybox, colour: red}}' >wrong.yaml
	echo 'services: {web: {image: busybox, command: [not-there]}}' >notfound.yaml
	up
	wait_until 5 state_is failed exited
	wait_until 5 state_is fine exited
	while read -r want words; do
		[ -n "$want" ] || continue
		status=0
		eval "davit $words" >out 2>said </dev/null || status=$?
		[ "$status" = "$want" ] || bad+=("$status instead of $want: davit $words: $(cat out said)")
		[ "$want" != 1 ] || { [ -s said ] && [ ! -s out ]; } || bad+=("davit $words fails without a word on standard error, or with one on standard output")
	done <<<"$TABLE"
	davit -p "$PROJECT-b" -f notfound.yaml down 2>/dev/null
	printf '%s\n' "${bad[@]}"
	is "${#bad[@]}" 0
}

@test "130: Ctrl-C of what waits, on a terminal" {
	compose <<-END
	services:
	  web: {image: busybox, init: true, command: [sh, -c, "echo begun; exec sleep inf"]}
	END
	up
	wait_until 5 log_has web begun
	for words in "logs -f" "events --since 1h" "stats" "wait web" "exec web sleep inf"; do
		run on_terminal expect=' ' type='\x03' -- sh -c "echo ' '; exec '$DAVIT' $words"
		case $status in
		130) ;;
		*) fail "$words: status $status: $output" ;;
		esac
	done
	davit down -t 0
	run on_terminal expect=begun type='\x03' -- "$DAVIT" up
	is "$status" 130
	is "$(davit ps -q)" ""
}
