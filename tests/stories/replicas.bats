# Several containers of one service behind one host port: who gets new connections, and when.
load ../lib

# The page of each replica is its own name; `ok` in its root makes it healthy.
web() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "hostname >index.html; touch /ok; exec httpd -f -p 80"]
	    ports: ["${1:-8080:80}"]
	    deploy: {replicas: ${2:-3}}
	    stop_grace_period: 1s
	    ${3:-}
	  other: {image: busybox, command: [sleep, inf]}
	END
}

checked='healthcheck: {test: [CMD, test, -e, /ok], interval: 100ms, retries: 1}'

# ask [ADDRESS]: which replicas answer twelve times, sorted
ask() {
	local i
	for i in {1..12}; do
		curl -sf --max-time 2 "http://${1:-127.0.0.1:8080}/" || echo failed
	done | sort -u
}

answers() { [ "$(ask "${2:-}" | grep -vc failed)" = "$1" ] && not grep -q failed <<<"$(ask "${2:-}")"; }

names_of_web() { davit ps --format json web | jq -r 'if type == "array" then .[] else . end | .Name' | sort; }

# on_replica NUMBER SCRIPT
on_replica() { davit exec -T --index "$1" web sh -c "$2"; }

@test "one host port is spread over all replicas: from the host, from a neighbour, from a host beside" {
	web
	up
	wait_until 5 answers 3
	ip addr add 192.0.2.1/32 dev lo
	wait_until 5 answers 3 192.0.2.1:8080
	is "$(sh_in other 'for i in 1 2 3 4 5 6; do wget -q -O - http://192.0.2.1:8080/; done | sort -u | wc -l')" 3
	is "$(on_replica 1 'for i in 1 2 3 4 5 6; do wget -q -O - http://192.0.2.1:8080/; done | sort -u | wc -l')" 3
	ip addr del 192.0.2.1/32 dev lo
	ip netns add beside
	ip link add up0 type veth peer name up1 netns beside
	ip addr add 10.98.0.1/24 dev up0
	ip link set up0 up
	ip -n beside addr add 10.98.0.2/24 dev up1
	ip -n beside link set up1 up
	is "$(for i in {1..6}; do ip netns exec beside curl -sf --max-time 2 http://10.98.0.1:8080/; done | sort -u | wc -l)" 3
	ip link del up0
	ip netns del beside
	is "$(names_of_web)" "$(printf "$PROJECT-web-%d\n" 1 2 3)"
	is "$(davit port --index 2 web 80)" 0.0.0.0:8080
	is "$(davit ps | grep -c '0.0.0.0:8080->80/tcp')" 3
	is "$(sh_in other 'nslookup web' | grep -c '^Address.*172')" 3
}

@test "a replica that dies or stops is left out, and is back when it runs" {
	web
	up
	wait_until 5 answers 3
	kill -9 "$(pid_of web 2)"
	wait_until 5 answers 2
	up
	wait_until 5 answers 3
	davit stop web
	run curl -sf --max-time 2 http://127.0.0.1:8080/
	[ "$status" != 0 ]
	davit start web
	wait_until 5 answers 3
}

@test "an unhealthy replica is left out, and is back when it is well; when none is well all are asked" {
	web 8080:80 3 "$checked"
	up --wait
	wait_until 5 answers 3
	on_replica 2 'rm /ok'
	wait_until 10 answers 2
	on_replica 1 'rm /ok'
	on_replica 3 'rm /ok'
	wait_until 10 answers 3
	on_replica 1 'touch /ok'
	wait_until 10 answers 1
	on_replica 3 'touch /ok'
	on_replica 2 'touch /ok'
	wait_until 10 answers 3
}

@test "scaling up and down: those that are there share the port, a conversation stays with its replica" {
	web 8080:80 1
	up
	wait_until 5 answers 1
	cat >talk.py <<-'END'
	import socket, sys
	s = socket.create_connection(("127.0.0.1", 8080), 5)
	print("open", flush=True)
	sys.stdin.readline()
	s.sendall(b"GET / HTTP/1.0\r\n\r\n")
	print(b"".join(iter(lambda: s.recv(4096), b"")).decode().split("\r\n\r\n")[1].strip(), flush=True)
	END
	mkfifo go
	python3 talk.py <go >said 3>&- &
	exec 7>go
	wait_until 5 grep -q open said
	up --scale web=4
	wait_until 5 answers 4
	echo >&7
	exec 7>&-
	wait $!
	is "$(tail -n 1 said)" "$(on_replica 1 hostname)"
	up --scale web=2
	wait_until 5 answers 2
	is "$(names_of_web)" "$(printf "$PROJECT-web-%d\n" 1 2)"
	up --scale web=1
	wait_until 5 answers 1
	up --scale web=0
	run python3 -c 'import socket; socket.socket().bind(("", 8080))'
	is "$status" 0
}

@test "of a range each replica has one port" {
	web 8080-8082:80
	up
	wait_until 5 answers 1 127.0.0.1:8082
	is "$(for i in 1 2 3; do davit port --index $i web 80; done | sort)" "$(printf '0.0.0.0:%d\n' 8080 8081 8082)"
	is "$(for p in 8080 8081 8082; do ask 127.0.0.1:$p; done | sort -u | wc -l)" 3
}

@test "the port stays theirs when the supervisor is killed, and is nobody's after down" {
	web 8080:80 3 "$checked"
	up --wait
	wait_until 5 answers 3
	kill_supervisor
	wait_until 5 answers 3
	run python3 -c 'import socket; socket.socket().bind(("", 8080))'
	[ "$status" != 0 ]
	on_replica 2 'rm /ok'
	wait_until 10 answers 2
	kill_both
	davit ps >/dev/null
	up --wait --wait-timeout 1 || :
	wait_until 10 answers 2
	davit down -t 0
	python3 -c 'import socket; socket.socket().bind(("", 8080))'
}
