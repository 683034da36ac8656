# `logging.driver` journald and syslog: every line arrives, also when the receiver is away for a while and the supervisor is killed.
load ../lib

# receive KIND WHERE FILE: appends what comes to FILE, as one message a line; ready when FILE exists. Its pid is $receiver.
receive() {
	rm -f "$3.ready"
	"${BATS_TEST_DIRNAME%/*}/log-receiver" "$@" 3>&- &
	receiver=$!
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $receiver"
	wait_until 10 test -e "$3.ready"
}

got() { grep -aq -- "$2" "$1"; }

# numbers FILE: of the messages "number N", each once, in order of value
numbers() { grep -ao 'number [0-9]*' "$1" | awk '{ print $2 }' | sort -nu; }

@test "journald: fields as docker's driver sends them; a long line in pieces; the log is kept as well" {
	compose <<-'END'
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "echo hello; echo trouble >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf unfinished"]
	    environment: {COLOUR: red, SHAPE: round}
	    labels: {com.example.team: core}
	    logging: {driver: journald, options: {tag: "{{.Name}}/{{.ID}}", labels: com.example.team, env-regex: "^COL"}}
	END
	receive journald /run/systemd/journal/socket journal
	up
	wait_until 10 got journal 'MESSAGE=unfinished '
	local id line
	id=$(ps_field one ID)
	line=$(grep -a 'MESSAGE=hello ' journal)
	has "$line" "PRIORITY=6 "
	has "$line" " CONTAINER_ID=${id:0:12} "
	has "$line" " CONTAINER_NAME=$PROJECT-one-1 "
	has "$line" " CONTAINER_TAG=$PROJECT-one-1/${id:0:12} "
	has "$line" " SYSLOG_IDENTIFIER=$PROJECT-one-1/${id:0:12} "
	has "$line" " IMAGE_NAME=busybox "
	has "$line" "COM_EXAMPLE_TEAM=core"
	has "$line" "COLOUR=red"
	lacks "$line" "SHAPE"
	lacks "$line" "PARTIAL"
	has "$(grep -a 'MESSAGE=trouble ' journal)" "PRIORITY=3 "
	is "$(grep -ac 'MESSAGE=xx.*CONTAINER_PARTIAL_MESSAGE=true' journal)" 2
	is "$(grep -a 'MESSAGE=xx' journal | grep -ao 'MESSAGE=x*' | tr -cd x | wc -c)" 40000
	log_has one '^hello$'
	is "$(log_count one .)" 4
}

@test "syslog over udp, tcp and local sockets, in each format" {
	compose <<-'END'
	x-say: &say {image: busybox, command: ["sh", "-c", "echo hello; echo trouble >&2"]}
	services:
	  udp: {<<: *say, logging: {driver: syslog, options: {syslog-address: "udp://logs.test:5140", syslog-format: rfc5424, tag: "{{.Name}}"}}}
	  tcp:
	    <<: *say
	    logging: {driver: syslog, options: {syslog-address: "tcp://logs.test:5141", syslog-format: rfc5424micro, syslog-facility: local3, tag: t}}
	  unix: {<<: *say, logging: {driver: syslog, options: {syslog-address: "unix:///run/say.sock", syslog-format: rfc3164, tag: u}}}
	  gram: {<<: *say, logging: {driver: syslog, options: {syslog-address: "unixgram:///run/gram.sock", syslog-facility: "1"}}}
	END
	printf '::1 localhost logs.test\n127.0.0.1 localhost logs.test\n' >hosts      # who listens does so at the second one
	mount --bind hosts /etc/hosts
	receive udp 5140 udp.got
	receive tcp 5141 tcp.got
	receive unix /run/say.sock unix.got
	receive unixgram /run/gram.sock gram.got
	up
	for kind in udp tcp unix gram; do
		wait_until 10 got $kind.got hello
		wait_until 10 got $kind.got trouble
	done
	local host
	host=$(hostname)
	got udp.got "^<30>1 [0-9-]*T[0-9:]*Z $host $PROJECT-udp-1 [0-9]* $PROJECT-udp-1 - hello\$"
	got udp.got "^<27>1 .* trouble\$"
	got tcp.got "^<158>1 [0-9-]*T[0-9:]*\.[0-9]\{6\}Z $host t [0-9]* t - hello\$"
	got unix.got "^<30>[A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]\{8\} $host u\[[0-9]*\]: hello\$"
	got gram.got "^<14>[A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]\{8\} $(ps_field gram ID | cut -c1-12)\[[0-9]*\]: hello\$"
}

@test "the receiver is away, comes, goes and comes again, the supervisor is killed: no line is missing" {
	compose <<-'END'
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "i=0; while [ $$i -lt 3000 ]; do i=$$((i + 1)); echo number $$i; [ $$((i % 100)) != 0 ] || sleep 0.05; done; exec sleep inf"]
	    logging: {driver: syslog, options: {syslog-address: "tcp://127.0.0.1:5142"}}
	  two:
	    image: busybox
	    command: ["sh", "-c", "i=0; while [ $$i -lt 3000 ]; do i=$$((i + 1)); echo number $$i; [ $$((i % 100)) != 0 ] || sleep 0.05; done; exec sleep inf"]
	    logging: {driver: journald}
	END
	up
	wait_until 10 log_has one 'number 100$'          # nobody listens, nobody waits
	receive tcp 5142 tcp.got
	receive journald /run/systemd/journal/socket journal
	wait_until 20 got tcp.got 'number 300$'
	wait_until 20 got journal 'number 300 '
	kill -9 "$(supervisor_pid)"
	kill -9 $KEPT_PROCESSES
	wait_until 20 log_has one 'number 1000$'
	kill -9 "$(supervisor_pid)"
	receive tcp 5142 tcp.got
	receive journald /run/systemd/journal/socket journal
	wait_until 30 got tcp.got 'number 3000$'
	wait_until 30 got journal 'number 3000 '
	is "$(numbers tcp.got | md5sum)" "$(seq 1 3000 | md5sum)"
	is "$(numbers journal | md5sum)" "$(seq 1 3000 | md5sum)"
	is "$(log_count two 'number [0-9]*$')" 3000
}

@test "the receiver stays away until the log drops lines: it is told" {
	compose <<-'END'
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "seq 1 20000 | sed 's/^/number /'; exec sleep inf"]
	    logging: {driver: syslog, options: {syslog-address: "unixgram:///run/late.sock", cache-max-size: 20k, cache-max-file: "2"}}
	END
	up
	wait_until 20 log_has one 'number 20000$'
	receive unixgram /run/late.sock late.got
	wait_until 20 got late.got 'number 20000$'
	got late.got 'davit: the receiver was away too long: [0-9]* files of this log were dropped'
}

@test "a flood is shipped whole, and the writer does not wait for a slow receiver" {
	compose <<-'END'
	services:
	  one:
	    image: busybox
	    command: ["sh", "-c", "seq 1 100000 | sed 's/^/number /'; echo written >&2; exec sleep inf"]
	    logging: {driver: syslog, options: {syslog-address: "tcp://127.0.0.1:5143"}}
	END
	receive tcp 5143 tcp.got
	kill -STOP "$receiver"
	up
	wait_until 20 log_has one '^written$'
	kill -CONT "$receiver"
	wait_until 30 got tcp.got 'number 100000$'
	is "$(numbers tcp.got | md5sum)" "$(seq 1 100000 | md5sum)"
}

@test "what drivers do not know is refused by name" {
	service() { compose <<<"services: {one: {image: busybox, command: 'true', logging: {driver: $1, options: {$2}}}}"; }
	service json-file 'max-sise: 1m'
	refused 1 "log driver 'json-file' has no option 'max-sise'" "did you mean 'max-size'?" -- davit up -d
	service journald 'max-size: 1m'
	refused 1 "log driver 'journald' has no option 'max-size'" "compose.yaml" -- davit up -d
	service syslog 'syslog-address: "tcp+tls://127.0.0.1:6514"'
	refused 1 "does not speak TLS" "forward with TLS" -- davit up -d
	service syslog 'syslog-address: "ftp://x"'
	refused 1 "begins with none of udp://" -- davit up -d
	service syslog 'syslog-address: "udp://x:0"'
	refused 1 "not a number from 1 to 65535" -- davit up -d
	service syslog 'syslog-facility: nowhere'
	refused 1 "'nowhere' is not a facility" -- davit up -d
	service syslog 'syslog-format: rfc1'
	refused 1 "'rfc1' is not rfc3164, rfc5424 or rfc5424micro" -- davit up -d
	service journald 'tag: "{{.Nmae}}"'
	refused 1 "'.Nmae' is not known" "did you mean '{{.Name}}'?" -- davit up -d
	service local 'mode: fast'
	refused 1 "'fast' is not blocking or non-blocking" -- davit up -d
	service local 'max-file: "0"'
	refused 1 "'0' is not a number from 1 to 1000" -- davit up -d
	service journald 'env-regex: "("'
	refused 1 "'(' is not a regular expression" -- davit up -d
}

@test "options without effect are warned of; mode is known; drivers of others leave the log here" {
	compose <<-'END'
	services:
	  one: {image: busybox, command: echo one, logging: {driver: local, options: {mode: non-blocking, max-buffer-size: 4m}}}
	  two: {image: busybox, command: echo two, logging: {driver: gelf, options: {gelf-address: "udp://127.0.0.1:1"}}}
	END
	up
	has "$output" "log option 'max-buffer-size' has no effect"
	has "$output" "logging driver 'gelf' is not supported"
	wait_until 5 log_has one '^one$'
	wait_until 5 log_has two '^two$'
}
