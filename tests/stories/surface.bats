# tests/surface/flags, row by row, on the real binary: every command and flag of docker compose's that has to be there is, and does something.
load ../lib

TABLE=$BATS_TEST_DIRNAME/../surface/flags

# rows PATTERN: command, flag and how of the rows whose how is like that, with bars between
rows() { sed -n 's/^\([^ #]*\)  *\([^ ]*\)  *\(.*\)/\1|\2|\3/p' "$TABLE" | grep -E "^[^|]*\|[^|]*\|($1)"; }

# words COMMAND FLAG: the flag on the command's line, in each of its forms, one a line
words() {
	local flag=$2 value= letter=
	[[ $flag != *=* ]] || value==${flag#*=} flag=${flag%%=*}
	[[ $flag != -?,* ]] || letter=${flag%%,*} flag=${flag#*,}
	[ "$flag" != - ] || flag=
	echo "${flag:+$flag$value}"
	[ -z "$letter" ] || echo "$letter ${value#=}"
}

# asks_help COMMAND WORDS: status and output of the command's help with the flag in front of it
asks_help() {
	if [ "$1" = - ]; then
		davit $2 --help
	else
		davit "$1" $2 --help
	fi 2>&1
}

@test "each is in the table once, and each row says how it is shown" {
	is "$(rows '' | cut -d '|' -f 1,2 | sed 's/=.*//' | sort | uniq -d)" ""
	is "$(rows '' | grep -vE '\|(.* => .*|[a-z_-]+\.bats: .*|granted: .*|pending: .*|refused)$')" ""
	[ "$(rows '' | wc -l)" -gt 220 ]
}

@test "they are accepted, in the help, and offered to shells" {
	local command flag how form bad=()
	while IFS='|' read -r command flag how; do
		while IFS= read -r form; do
			asks_help "$command" "$form" >help || bad+=("$command $form is not accepted: $(cat help)")
		done < <(words "$command" "$flag")
		form=$(words "$command" "$flag" | head -n 1)
		form=${form%%=*}
		if [ -z "$form" ]; then
			davit --help | grep -q "^  $command " || bad+=("$command is not in the help")
			davit __complete -- "$command" | grep -q "^$command	" || bad+=("$command is not offered")
		else
			grep -qE -- "^  (-.,|   ) $form( |$)" help || bad+=("$command $form is not in the help")
			davit __complete -- ${command#-} "$form" | grep -q -- "^$form	" || bad+=("$command $form is not offered")
		fi
	done < <(rows '[^pr]|p[^e]|r[^e]')
	printf '%s\n' "${bad[@]}"
	is "${#bad[@]}" 0
}

@test "those that only look: they make a difference" {
	looked_at
	local command flag how bad=()
	while IFS='|' read -r command flag how; do
		differs "${how%% => *}" "${how#* => }" || bad+=("$command $flag changes nothing: ${how%% => *}: $(cat without)")
	done < <(rows '.* => ')
	printf '%s\n' "${bad[@]}"
	is "${#bad[@]}" 0
	davit -p "$PROJECT" down -v -t 0
	davit -p "$PROJECT-b" down -v -t 0
}

# differs A B: what they print, or how they end, is something else, and A prints the same again
differs() {
	local i
	for i in 1 2 3; do
		said $1 >without
		said $2 >with
		said $1 >again
		cmp -s without again || continue
		! cmp -s without with
		return
	done
	echo "the output of '$1' is never the same"
	return 1
}

said() { local status=0; davit "$@" 2>&1 || status=$?; echo "status $status"; }

looked_at() {
	mkdir sub
	echo GREETING=hello >.env
	echo GREETING=bye >other.env
	compose <<-'END'
	services:
	  web:
	    image: busybox
	    command: [sh, -c, "echo $GREETING; echo two; exec sleep inf"]
	    ports: ["127.0.0.1:8123:80", "127.0.0.1:8124:80/udp"]
	    volumes: ["data:/data", "./sub:/sub"]
	  two: {image: busybox, command: [sh, -c, "echo me $$HOSTNAME; exec sleep inf"], scale: 2, ports: ["127.0.0.1:8125-8126:81"], volumes: ["logs:/logs"]}
	  gone: {image: redis:7, command: ["sh", "-c", "exit 4"]}
	  old: {image: busybox, command: [sleep, inf]}
	  more: {image: busybox, profiles: [more]}
	networks: {default: {name: "${COMPOSE_PROJECT_NAME}_net"}}
	volumes: {data: , logs: }
	END
	echo 'services: {web: {image: redis:7}, other: {image: busybox}}' >other.yaml
	up
	sed -i /old:/d compose.yaml
	echo 'services: {job: {image: busybox, command: ["true"]}}' >second.yaml
	davit -p "$PROJECT-b" -f second.yaml up -d 2>/dev/null
	wait_until 5 log_has web two
	wait_until 5 state_is gone exited
	stopped() { [ -z "$(davit -p "$PROJECT-b" ps -q)" ]; }
	wait_until 5 stopped
}

# body FILE TITLE: the lines of that test, and of whatever is in no test
body() { awk -v title="@test \"$2\" {" '/^@test / { other = $0 != title; found += !other } !other { print } /^}/ { other = 0 } END { exit !found }' "$BATS_TEST_DIRNAME/$1"; }

@test "those with a story: it is there, and gives the flag" {
	local command flag how bad=() name letter
	while IFS='|' read -r command flag how; do
		body "${how%%: *}" "${how#*: }" >lines || bad+=("$command $flag: no story '$how'")
		flag=${flag%%=*} letter=
		[[ $flag != -?,* ]] || letter=${flag:1:1}
		name=${flag#-?,}
		[ "$name" != - ] || name="(^|[ \"'(])$command"
		grep -qE -- "$name($|[^a-z-])${letter:+| -[a-zA-Z]*$letter}" lines || bad+=("$command $flag: '$how' does not give it")
	done < <(rows '[a-z_-]+\.bats: ')
	printf '%s\n' "${bad[@]}"
	is "${#bad[@]}" 0
}

@test "those that are still to come are not there: a row of one that is says pending no more" {
	local command flag how bad=()
	while IFS='|' read -r command flag how; do
		# a global flag is refused by the command that stands behind it
		! asks_help "$command" "$(words "$command" "$flag" | head -n 1)$([ "$command" != - ] || echo ' ps')" >help || bad+=("$command $flag: $how")
	done < <(rows 'pending: ')
	printf '%s\n' "${bad[@]}"
	is "${#bad[@]}" 0
}

@test "those that need not be there are accepted, or refused by their name" {
	local command flag how form bad=()
	while IFS='|' read -r command flag how; do
		form=$(words "$command" "$flag" | head -n 1)
		asks_help "$command" "$form" >help || grep -qE "(command '$command'|flag '${form%%=*}') is not supported" help || bad+=("$command $form: $(cat help)")
	done < <(rows refused)
	printf '%s\n' "${bad[@]}"
	is "${#bad[@]}" 0
}
