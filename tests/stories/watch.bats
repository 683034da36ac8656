# watch: develop.watch, on the real thing.
load ../lib
load ../registry
load ../builder

# watching [OPTION]... : in the background, until the test is over; what it says is in watch.log
watching() {
	env --default-signal=INT "$DAVIT" watch "$@" >watch.log 2>&1 </dev/null & WATCHER=$!
	KEPT_PROCESSES="${KEPT_PROCESSES:-} $WATCHER"
	wait_until 30 grep -q "Watch enabled" watch.log || fail "$(cat watch.log)"
}

stop_watching() {
	kill -INT $WATCHER
	wait $WATCHER && status=0 || status=$?
	is $status 130
	has "$(tail -n 1 watch.log)" "Watch disabled"
}

in_web_is() { [ "$(in_service web cat "$1" 2>/dev/null)" = "$2" ]; }
not_in_web() { not in_service web test -e "$1" 2>/dev/null; }
said() { grep -qF -- "$1" watch.log; }

@test "watch: sync: changed, new, renamed, removed files and directories; ignore and .dockerignore rules; every replica" {
	mkdir -p src/sub src/node_modules; echo one >src/a; echo keep >src/sub/keep; echo '*.secret' >.dockerignore
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_grace_period: 0s
	    scale: 2
	    develop:
	      watch:
	        - {action: sync, path: ./src, target: /app, ignore: [node_modules, "**/*.log"]}
	        - {action: sync, path: ./single, target: /etc/single.conf}
	END
	echo first >single
	up
	watching --no-up
	not_in_web /app                       # nothing without initial_sync
	echo two >src/a
	wait_until 30 in_web_is /app/a two
	wait_until 30 davit exec -T --index 2 web test -e /app/a
	echo new >src/b; mkdir -p src/deep/er; echo deep >src/deep/er/file; echo no >src/node_modules/x; echo no >src/x.log; echo no >src/y~
	wait_until 30 in_web_is /app/deep/er/file deep
	in_web_is /app/b new
	not_in_web /app/node_modules
	not_in_web /app/x.log
	not_in_web /app/y~
	echo atomic >src/.tmp; mv src/.tmp src/a          # as editors do it
	wait_until 30 in_web_is /app/a atomic
	wait_until 30 not_in_web /app/.tmp
	mv src/deep src/moved
	wait_until 30 in_web_is /app/moved/er/file deep
	wait_until 30 not_in_web /app/deep
	rm -r src/moved src/b
	wait_until 30 not_in_web /app/moved
	wait_until 30 not_in_web /app/b
	chmod 755 src/a; chown 12:13 src/a
	wait_until 30 owner_is 12:13
	rm src/a; mkdir src/a; echo in >src/a/in          # a directory where a file was
	wait_until 30 in_web_is /app/a/in in
	rm -r src/a; echo file >src/a
	wait_until 30 in_web_is /app/a file
	echo second >single
	wait_until 30 in_web_is /etc/single.conf second
	rm single
	wait_until 30 not_in_web /etc/single.conf
	echo third >single
	wait_until 30 in_web_is /etc/single.conf third
	said 'Syncing service "web" after'
	stop_watching
}

owner_is() { [ "$(in_service web stat -c %u:%g /app/a 2>/dev/null)" = "$1" ]; }

@test "watch: ten thousand files at once are one batch; what the kernel loses is found again; links lead nowhere" {
	mkdir src
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_grace_period: 0s
	    develop: {watch: [{action: sync, path: ./src, target: /app, initial_sync: true}]}
	END
	echo before >src/before
	up
	watching --no-up
	wait_until 30 in_web_is /app/before before
	mkdir burst; (cd burst && seq 10000 | split -l 1 -a 4 -); mv burst src/
	wait_until 60 count_is 10001       # and the one before
	is "$(grep -c 'Syncing service' watch.log)" 2
	said "Large batch of file changes"
	kill -STOP $WATCHER               # meanwhile the queue overflows
	rm -r src/burst; for i in 1 2 3; do for d in a b c d e f g h; do mkdir -p src/$d; (cd src/$d && seq 1000 | split -l 1 -a 4 - $i); done; done
	rm src/before
	kill -CONT $WATCHER
	wait_until 60 count_is 24000      # without it
	wait_until 30 not_in_web /app/before
	not_in_web /app/burst
	sh_in web 'rm -rf /app/a; ln -s / /app/a'         # a container's own link in the way of a file: inside it only
	echo x >src/a/cp-marker
	wait_until 30 in_web_is /cp-marker x
	not test -e /cp-marker
	stop_watching
}

count_is() { [ "$(sh_in web 'find /app -type f | wc -l')" = "$1" ]; }

@test "watch: restart, sync+restart, sync+exec" {
	mkdir src conf; echo 1 >src/x; echo 1 >conf/x; echo 1 >restart-me; echo 1 >exec-me
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_grace_period: 0s
	    develop:
	      watch:
	        - {action: restart, path: ./restart-me}
	        - {action: sync+restart, path: ./conf, target: /conf}
	        - {action: sync+exec, path: ./src, target: /src, exec: {command: [sh, -c, 'cat /src/x >>/ran; id -u >>/ran; echo \$\$V >>/ran'], user: "7", environment: [V=w]}}
	END
	up
	sh_in web ': >/ran; chmod 666 /ran'
	watching --no-up
	started=$(record web started_ns)
	echo 2 >restart-me
	wait_until 30 said 'service(s) ["web"] restarted'
	[ "$(record web started_ns)" != "$started" ]
	started=$(record web started_ns)
	echo 2 >conf/x
	wait_until 30 in_web_is /conf/x 2
	wait_until 30 restarted_since "$started"
	echo 2 >src/x
	wait_until 30 in_web_is /ran "2
7
w"
	stop_watching
}

@test "watch: what an exec's environment has is in no command line" {
	mkdir src; echo 1 >src/x
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_grace_period: 0s
	    develop:
	      watch:
	        - action: sync+exec
	          path: ./src
	          target: /src
	          exec:
	            command: [sh, -c, 'while [ ! -e /go ]; do sleep 0.1; done; echo \$\$V \$\$COMPOSE_FILE \$\$E. >/ran']
	            environment: {V: "a se=cret", COMPOSE_FILE: nothing, E: ""}
	END
	up
	watching --no-up
	echo 2 >src/x
	wait_until 30 executes
	not grep -aq "se=cret" /proc/[0-9]*/cmdline
	sh_in web ': >/go'
	wait_until 30 in_web_is /ran "a se=cret nothing ."
	stop_watching
}

executes() { grep -alq "^[^ ]*davit.exec.*--env=V" /proc/[0-9]*/cmdline; }
restarted_since() { [ "$(record web started_ns)" != "$1" ] && in_service web true; }

@test "watch: brings services up; up --watch does so in the foreground, and Ctrl-C ends both" {
	mkdir src
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sh, -c, 'echo ready; exec sleep inf']
	    stop_grace_period: 0s
	    develop: {watch: [{action: sync, path: ./src, target: /app, initial_sync: true}, {action: restart, path: ./again}]}
	END
	echo 1 >src/x
	watching
	wait_until 30 in_web_is /app/x 1
	run -1 davit watch --no-up
	has "$output" "another 'davit watch'"
	stop_watching
	davit down
	env --default-signal=INT "$DAVIT" up --watch >watch.log 2>&1 </dev/null & pid=$!
	KEPT_PROCESSES=$pid
	wait_until 30 grep -q "Watch enabled" watch.log
	wait_until 30 in_web_is /app/x 1
	echo 2 >src/x
	wait_until 30 in_web_is /app/x 2
	started=$(record web started_ns)
	: >again
	wait_until 30 said 'restarted'                    # it goes on over that
	wait_until 30 restarted_since "$started"
	echo 3 >src/x
	wait_until 30 in_web_is /app/x 3
	kill -INT $pid
	wait $pid && status=0 || status=$?
	is $status 130
	is "$(pgrep -fc "$DAVIT watch" || :)" 0
	run -1 davit up -d --watch
	has "$output" "incompatible"
}

@test "watch: rebuild: the image anew, the container anew, what has lost its name is removed; a build that fails is told and left behind" {
	dockerfile web <<-'END'
	FROM busybox
	COPY text /text
	CMD ["sleep", "inf"]
	END
	echo one >web/text; echo ignored >web/.dockerignore
	compose <<-END
	services:
	  web:
	    build: ./web
	    stop_grace_period: 0s
	    develop: {watch: [{action: rebuild, path: ./web}]}
	  db: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	watching --quiet --prune
	lacks "$(cat watch.log)" "[1/"
	in_web_is /text one
	db=$(record db id)
	before=$(davit images -q web)
	: >web/ignored                    # .dockerignore: no change of anything
	echo two >web/text
	wait_until 60 said 'service(s) ["web"] successfully built'
	wait_until 30 in_web_is /text two
	is "$(record db id)" "$db"
	wait_until 30 image_is_gone "$before"
	is "$(grep -c Rebuilding watch.log)" 1
	echo 'RUN false' >>web/Dockerfile
	wait_until 60 said "'davit up' ended with status"
	in_web_is /text two
	sed -i '$d' web/Dockerfile; echo three >web/text
	wait_until 60 in_web_is /text three
	stop_watching
	said STEP
	before=$(davit images -q web)
	watching --quiet --prune=false
	echo four >web/text
	wait_until 60 in_web_is /text four
	wait_until 30 said 'successfully built'
	stop_watching
	not said STEP
	davit image inspect "$before" >/dev/null
}

image_is_gone() { ! davit image inspect "$1" >/dev/null 2>&1; }

@test "watch: words: what cannot be watched, with its place" {
	mkdir src
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf]}
	  two: {image: busybox, develop: {watch: [{action: rebuild, path: ./src}]}}
	  three: {image: busybox, develop: {watch: [{action: sync+exec, path: ./src, target: /x}]}}
	  four: {image: busybox, develop: {watch: [{action: sync, path: ./none/where, target: /x}]}}
	  five: {image: busybox, volumes: ["./src:/x"], develop: {watch: [{action: sync, path: ./src, target: /x}]}}
	END
	refused 1 "none of the selected services is configured for watch" -- davit watch one
	refused 1 "cannot be rebuilt: it has no 'build'" "compose.yaml:3:" -- davit watch two
	refused 1 "has no command" "compose.yaml:4:" -- davit watch three
	refused 1 "is also a bind mount" "none of the selected services" -- davit watch five
	up one
	run -1 davit watch --no-up four
	has "$output" "there is no directory"
	has "$output" "compose.yaml:5:"
	run -1 davit up --watch one
	has "$output" "none of the selected services is configured for watch"
}
