# What a person sees: a terminal that is tmux's, of any size, which changes.
load ../lib

pane() { tmux -L "$PROJECT" "$@"; }

# in_pane ROWSxCOLUMNS COMMAND...: on a terminal of that size; `ended` says when it is over
in_pane() {
	local size=$1
	shift
	rm -f over
	pane -f /dev/null new-session -d -x "${size#*x}" -y "${size%x*}" "$(printf '%q ' "$@"); echo \$? >over; exec sleep 1000" 3>&-
}

ended() { wait_until 60 test -s over; }
# all that was ever printed there, what has left the screen, too
printed() { pane capture-pane -p -S -; }
screen() { pane capture-pane -p; }
shows() { screen | grep -q -- "$1"; }

teardown_pane() { pane kill-server 2>/dev/null || :; }

many() {
	echo "services:"
	for ((i = 1; i <= $1; i++)); do echo "  service-with-a-name-$i: {image: busybox, init: true, command: [sleep, inf]}"; done
}

@test "progress: more resources than the terminal has rows, lines that are longer than its columns; the block is drawn in one place" {
	many 14 >compose.yaml
	in_pane 10x44 "$DAVIT" up -d
	ended
	printed >all
	screen >last
	teardown_pane
	is "$(cat over)" 0
	is "$(grep -c '^\[+\] Running' all)" 1
	has "$(cat last)" "[+] Running 15/15"
	has "$(cat last)" "more"
	[ "$(grep -c . last)" -le 10 ]
	[ "$(wc -L <last)" -le 44 ]
	grep -qE 'Started .*[0-9]\.[0-9]s$|….*[0-9]\.[0-9]s$' last
}

@test "progress: the terminal gets narrower and lower meanwhile, and wider again" {
	compose <<-END
	services:
	  slow-to-become-ready: {image: busybox, init: true, command: [sleep, inf], healthcheck: {test: [CMD, test, -e, /ready], interval: 0.1s, retries: 1000}}
	  other-one: {image: busybox, init: true, command: [sleep, inf]}
	  waits-for-it: {image: busybox, init: true, command: [sleep, inf], depends_on: {slow-to-become-ready: {condition: service_healthy}}}
	END
	in_pane 20x100 "$DAVIT" up -d
	wait_until 30 shows Waiting
	pane resize-window -x 50 -y 18
	wait_until 30 shows '….*Waiting'
	pane resize-window -x 64 -y 14
	wait_until 30 shows 'Waiting'
	davit exec -T slow-to-become-ready touch /ready
	ended
	printed >all
	teardown_pane
	is "$(cat over)" 0
	# tmux says its new size some time after it has it: what is drawn meanwhile may stay, once for each time
	[ "$(grep -c '^\[+\] Running' all)" -le 3 ]
	is "$(grep -c '^\[+\] Running 4/4' all)" 1
	is "$(grep -c 'waits-for-it.*Started' all)" 1
}

@test "progress: a terminal that gets too small for what was drawn shows one block all the same" {
	compose <<-END
	services:
	  slow: {image: busybox, init: true, command: [sleep, inf], healthcheck: {test: [CMD, test, -e, /ready], interval: 0.1s, retries: 1000}}
	  waits: {image: busybox, init: true, command: [sleep, inf], depends_on: {slow: {condition: service_healthy}}}
	END
	in_pane 20x120 "$DAVIT" up -d
	wait_until 30 shows Waiting
	pane resize-window -x 30 -y 7
	wait_until 30 shows '….*Waiting'
	davit exec -T slow touch /ready
	ended
	screen >last
	teardown_pane
	is "$(cat over)" 0
	has "$(cat last)" "[+] Running 3/3"
	[ "$(wc -L <last)" -le 30 ]
}

@test "progress: plain where nothing can be moved: piped, on a dumb terminal, by --progress" {
	many 1 >compose.yaml
	run davit up -d
	lacks "$output" $'\e'
	has "$output" "Container $PROJECT-service-with-a-name-1-1  Started"
	run on_terminal 24x80 -- env TERM=dumb "$DAVIT" restart -t 0
	lacks "$output" $'\e'
	run on_terminal 24x80 -- env TERM=xterm "$DAVIT" --progress plain restart -t 0
	lacks "$output" $'\e['
	run on_terminal 24x80 -- env TERM=xterm "$DAVIT" --ansi never --progress tty restart -t 0
	lacks "$output" $'\e[3'
	run on_terminal 24x80 -- env TERM=xterm "$DAVIT" restart -t 0
	has "$output" $'\e[32m'
	run on_terminal 24x80 -- env TERM=xterm NO_COLOR=1 "$DAVIT" restart -t 0
	lacks "$output" $'\e[32m'
	has "$output" $'\e[?2026h'
}

# width FILE: of its longest line
longest() { tr -d '\r' <"$1" | wc -L; }

@test "tables fit the terminal; piped, with --no-trunc, or on one that is too narrow, nothing is cut" {
	many 2 >compose.yaml
	up
	for command in "ps" "ps -a" "images" "stats --no-stream" "top" "ls" "volumes"; do
		for columns in 60 80 120; do
			[ "$columns$command" != "60stats --no-stream" ] || continue    # its headings alone are wider
			on_terminal "24x$columns" -- "$DAVIT" $command >shown
			[ "$(longest shown)" -le "$columns" ] || fail "$command is wider than $columns: $(cat shown)"
		done
	done
	on_terminal 24x60 -- "$DAVIT" ps >shown
	has "$(cat shown)" "…"
	has "$(cat shown)" "SERVICE"
	davit ps >piped
	has "$(cat piped)" "$PROJECT-service-with-a-name-2-1"
	on_terminal 24x60 -- "$DAVIT" ps --no-trunc >shown
	has "$(cat shown)" "$PROJECT-service-with-a-name-2-1"
	on_terminal 24x15 -- "$DAVIT" ps >shown
	has "$(cat shown)" "$PROJECT-service-with-a-name-2-1"
	COLUMNS=60 davit ps >shown       # it is no terminal
	has "$(cat shown)" "$PROJECT-service-with-a-name-2-1"
}

@test "stats is drawn in one place, and never more of it than there are rows" {
	many 9 >compose.yaml
	sed -i '2s/\[sleep, inf\]/[sh, -c, "while :; do :; done"], cpus: 0.2/' compose.yaml    # its figures change
	up
	in_pane 7x100 "$DAVIT" stats
	wait_until 30 shows story-
	new_figures() { [ "$(screen)" != "$(cat first)" ]; }
	screen >first
	wait_until 30 new_figures
	printed >all
	teardown_pane
	is "$(grep -c 'CPU %' all)" 1
	is "$(grep -c . all)" 6
}
