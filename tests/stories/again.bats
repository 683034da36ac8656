# The second `up`, and the third: what changed is made anew and works, what did not stays as it is.
load ../lib

web() {
	compose <<-END
	services:
	  web:
	    image: busybox
	    init: true
	    command: ["sh", "-c", "echo $1 >index.html; exec httpd -f -p 80"]
	    ports: [$2]
	END
}

says() { [ "$(curl -sf --max-time 2 "$1")" = "$2" ]; }

published() { nft list table inet "davit-$PROJECT" | grep -o "[0-9]* : [0-9.]* \. 80" | sort; }

@test "a recreated container is published, whatever was changed" {
	web one '"8077:80"'
	up
	wait_until 5 says http://127.0.0.1:8077/ one
	web two '"8077:80"'
	up
	wait_until 5 says http://127.0.0.1:8077/ two
	web two '"8078:80"'
	up
	wait_until 5 says http://127.0.0.1:8078/ two
	not says http://127.0.0.1:8077/ two
	web two '"8077:80", "8078:80"'
	up
	wait_until 5 says http://127.0.0.1:8077/ two
	wait_until 5 says http://127.0.0.1:8078/ two
	up --force-recreate
	wait_until 5 says http://127.0.0.1:8077/ two
	davit stop -t 0
	web three '"8077:80"'
	up
	wait_until 5 says http://127.0.0.1:8077/ three
}

@test "a host port moves from one service to another in one up" {
	web one '"8077:80"'
	up
	sed -i 's/^  web:/  other:/' compose.yaml
	up --remove-orphans
	wait_until 5 says http://127.0.0.1:8077/ one
	is "$(ps_field other State)" running
	lacks "$(davit ps -a)" "-web-"
}

@test "a network more, a network less" {
	compose <<-END
	services:
	  one: {image: busybox, init: true, command: [sleep, inf], networks: [a]}
	networks: {a: {}, b: {}}
	END
	up
	is "$(sh_in one 'ls /sys/class/net | grep -c eth')" 1
	sed -i 's/networks: \[a\]/networks: [a, b]/' compose.yaml
	up
	is "$(sh_in one 'ls /sys/class/net | grep -c eth')" 2
	sed -i 's/networks: \[a, b\]/networks: [b]/' compose.yaml
	up
	is "$(sh_in one 'ls /sys/class/net | grep -c eth')" 1
}

@test "restart does not bring in what the file says by now" {
	compose <<-END
	services:
	  one: {image: busybox, init: true, command: [sleep, inf], environment: {X: "1"}}
	  two: {image: busybox, init: true, command: [sleep, inf]}
	END
	up
	sed -i 's/X: "1"/X: "2"/' compose.yaml
	up --no-deps two
	davit restart -t 0 one
	is "$(sh_in one 'echo $X')" 1
	up
	is "$(sh_in one 'echo $X')" 2
}

@test "what is scaled down or removed is not published any more" {
	web one '"8080-8085:80"'
	sed -i 's/^    image/    scale: 2\n    image/' compose.yaml
	up
	is "$(published | wc -l)" 2
	up --scale web=1
	is "$(published | wc -l)" 1
	davit rm -sf
	is "$(published | wc -l)" 0
}

@test "down -v after down takes the volumes; mounts of volumes go with down" {
	compose <<-END
	services:
	  one: {image: busybox, init: true, command: [sleep, inf], volumes: ["data:/data", "ram:/ram", "/anonymous"]}
	volumes:
	  data: {}
	  ram: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}
	END
	up
	davit down -t 0
	not grep -F "$DAVIT_STATE_DIR/volumes" /proc/self/mountinfo
	is "$(ls "$DAVIT_STATE_DIR/volumes" | wc -l)" 3
	davit down -v
	is "$(ls "$DAVIT_STATE_DIR/volumes" | wc -l)" 0
}

@test "a network that another project is on outlives its own project's down, until the second" {
	compose <<-END
	services:
	  one: {image: busybox, init: true, command: [sleep, inf], networks: [n]}
	networks: {n: {name: $PROJECT-shared}}
	END
	cat >guest.yaml <<-END
	name: $PROJECT-guest
	services:
	  two: {image: busybox, init: true, command: [sleep, inf], networks: [n]}
	networks: {n: {external: true, name: $PROJECT-shared}}
	END
	up
	unset COMPOSE_PROJECT_NAME
	davit -f guest.yaml up -d
	davit -p "$PROJECT" down -t 0 2>shown
	has "$(cat shown)" "stays"
	davit -f guest.yaml exec -T two ping -c 1 -W 2 "$(davit -f guest.yaml exec -T two sh -c "ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p'")"
	davit -f guest.yaml down -t 0
	davit -p "$PROJECT" down
	wait_until 5 no_leaks
}

two_webs() {
	compose <<-END
	services:
	  a: {image: busybox, init: true, command: ["sh", "-c", "echo a >index.html; exec httpd -f -p 80"], ports: ["$1:80"]}
	  b: {image: busybox, init: true, command: ["sh", "-c", "echo b >index.html; exec httpd -f -p 80"], ports: ["$2:80"]}
	END
}

@test "two services swap their host ports, and move them on" {
	two_webs 8087 8088
	up
	two_webs 8088 8087
	up
	wait_until 5 says http://127.0.0.1:8088/ a
	wait_until 5 says http://127.0.0.1:8087/ b
	two_webs 8087 8089
	up
	wait_until 5 says http://127.0.0.1:8087/ a
	wait_until 5 says http://127.0.0.1:8089/ b
}

@test "the second of two ports is another's: up says so at once" {
	python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 8092)); s.listen(); print("there", flush=True); time.sleep(60)' >other &
	KEPT_PROCESSES=$!
	wait_until 5 grep -q there other
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], ports: ["8091:80", "8092:80"]}
	END
	refused 1 "compose.yaml:2:" "8092" "python3" -- davit up -d
}
