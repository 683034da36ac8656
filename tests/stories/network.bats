# Names, addresses, published ports, isolation.
load ../lib

# upstream ADDRESS: a name server in the test's own namespace that knows one name
upstream() {
	cat >upstream.py <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind((sys.argv[1], 53))
	print("ready", flush=True)
	while True:
	    q, who = s.recvfrom(512)
	    n = 12
	    while q[n]:
	        n += q[n] + 1
	    known = b"\x08upstream\x04test" in q and q[n + 1:n + 3] == b"\0\x01"
	    head = q[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\x01" + (b"\0\x01" if known else b"\0\0") + b"\0\0\0\0"
	    s.sendto(head + q[12:n + 5] + (b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x09\x08\x07" if known else b""), who)
	END
	python3 upstream.py "$1" >upstream.log 2>&1 3>&- &
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $!"
	wait_until 5 grep -q ready upstream.log
}

resolv_conf() {
	echo "nameserver $1" >/run/resolv.conf
	mount --bind /run/resolv.conf /etc/resolv.conf
}

address_of() { sh_in "$1" "ip -4 -o addr show ${2:-eth0}" | sed 's/.*inet \([0-9.]*\).*/\1/'; }

@test "services find each other by service name, container name and alias" {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf]}
	  db:
	    image: busybox
	    command: [sleep, inf]
	    container_name: the-database-$BATS_TEST_NUMBER
	    networks: {default: {aliases: [sql, store]}}
	END
	up
	local db name
	db=$(address_of db)
	is "$(sh_in web 'sed -n "s/^nameserver //p" /etc/resolv.conf')" 127.0.0.11
	for name in db the-database-$BATS_TEST_NUMBER sql store; do
		has "$(sh_in web "nslookup $name")" "$db"
		sh_in web "ping -c 1 -W 2 $name"
	done
	run sh_in web 'nslookup nobody-here'
	[ "$status" != 0 ]
	has "$(sh_in web "nslookup $db")" "the-database-$BATS_TEST_NUMBER"
}

@test "other names are asked upstream" {
	upstream 127.0.0.53
	resolv_conf 127.0.0.53
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf]}
	END
	up
	has "$(sh_in web 'nslookup upstream.test')" 10.9.8.7
	run sh_in web 'nslookup missing.test'
	has "$output" NXDOMAIN
	umount /etc/resolv.conf
}

@test "a container can bind its own port 53" {
	compose <<-END
	services:
	  one: {image: busybox, command: [nc, -l, -p, "53"]}
	END
	up
	sh_in one 'netstat -ltn | grep -q ":53 "'
	is "$(ps_field one State)" running
}

@test "published tcp ports: from the host, by 127.0.0.1 and by address, and from a neighbour" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 80"]
	    ports: ["8080:80", "127.0.0.1:8081:80"]
	  other: {image: busybox, command: [sleep, inf]}
	END
	up
	ip addr add 192.0.2.1/32 dev lo
	wait_until 5 curl -sf -o page http://127.0.0.1:8080/
	is "$(cat page)" hello
	is "$(curl -sf http://127.0.0.1:8081/)" hello
	is "$(curl -sf http://192.0.2.1:8080/)" hello
	run curl -sf --max-time 2 http://192.0.2.1:8081/
	[ "$status" != 0 ]
	is "$(sh_in other 'wget -q -O - http://192.0.2.1:8080/')" hello
	is "$(sh_in other 'wget -q -O - http://web/')" hello
	has "$(davit ps)" "0.0.0.0:8080->80/tcp"
	has "$(davit ps)" "127.0.0.1:8081->80/tcp"
	ip addr del 192.0.2.1/32 dev lo
}

@test "published udp ports, and ports the kernel picks" {
	compose <<-END
	services:
	  echo:
	    image: python:3
	    command:
	      - python3
	      - -c
	      - |
	        import socket
	        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	        s.bind(("", 7000))
	        while True:
	            s.sendto(*s.recvfrom(100))
	    ports: ["7007:7000/udp", "80"]
	END
	up
	cat >ask.py <<-END
	import socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.settimeout(0.3)
	s.sendto(b"ping", ("127.0.0.1", 7007))
	assert s.recv(10) == b"ping"
	END
	wait_until 5 python3 ask.py
	grep -Eq '0.0.0.0:[0-9]+->80/tcp' <<<"$(davit ps)"
}

@test "networks are apart from each other; a service in both sees both" {
	compose <<-END
	services:
	  left:  {image: busybox, command: [sleep, inf], networks: [a]}
	  right: {image: busybox, command: [sleep, inf], networks: [b]}
	  both:  {image: busybox, command: [sleep, inf], networks: [a, b]}
	networks:
	  a:
	  b: {ipam: {config: [{subnet: 10.77.0.0/24}]}}
	END
	up
	sh_in left 'ping -c 1 -W 2 both'
	sh_in right 'ping -c 1 -W 2 both'
	run sh_in left 'nslookup right'
	[ "$status" != 0 ]
	run sh_in left "ping -c 1 -W 1 $(address_of right)"
	[ "$status" != 0 ]
	has "$(address_of right)" 10.77.0.
	is "$(sh_in both 'ls /sys/class/net | tr "\n" " "')" "eth0 eth1 lo "
}

@test "fixed address and MAC, extra_hosts, dns of the service's own" {
	upstream 127.0.0.54
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    extra_hosts: ["somewhere:192.0.2.7"]
	    dns: [127.0.0.54]
	    dns_search: [example.test]
	    networks: {n: {ipv4_address: 10.78.0.42, mac_address: "02:00:00:00:00:42"}}
	networks:
	  n: {ipam: {config: [{subnet: 10.78.0.0/24, gateway: 10.78.0.1}]}}
	END
	up
	is "$(address_of one)" 10.78.0.42
	has "$(sh_in one 'cat /sys/class/net/eth0/address')" 02:00:00:00:00:42
	has "$(sh_in one 'cat /etc/hosts')" 192.0.2.7
	has "$(sh_in one 'cat /etc/resolv.conf')" "search example.test"
	has "$(sh_in one 'ip route')" "default via 10.78.0.1"
}

@test "network_mode: none, host, service:" {
	compose <<-END
	services:
	  alone: {image: busybox, command: [sleep, inf], network_mode: none}
	  host:  {image: busybox, command: [sleep, inf], network_mode: host}
	  main:  {image: busybox, command: [sleep, inf]}
	  side:  {image: busybox, command: [sleep, inf], network_mode: "service:main"}
	END
	up
	is "$(sh_in alone 'ls /sys/class/net')" lo
	sh_in host 'ls /sys/class/net' | grep -q '^dv'
	is "$(address_of side)" "$(address_of main)"
}

@test "addresses and ports stay when a container is restarted or dies" {
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: ["sh", "-c", "echo hello >index.html; exec httpd -f -p 80"]
	    ports: ["8090:80"]
	    restart: always
	END
	up
	local before pid
	before=$(address_of web)
	wait_until 5 curl -sf http://127.0.0.1:8090/
	davit restart -t 0
	is "$(address_of web)" "$before"
	pid=$(pid_of web)
	kill -9 "$pid"
	wait_until 5 curl -sf http://127.0.0.1:8090/
	is "$(address_of web)" "$before"
}

@test "an external network must be there; one that is shared works" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], networks: [out]}
	networks:
	  out: {external: true, name: not-there}
	END
	refused 1 not-there -- davit up -d
}
