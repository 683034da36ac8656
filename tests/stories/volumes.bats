# Named volumes, bind mounts, tmpfs, configs and secrets.
load ../lib

@test "a named volume is filled from the image once, kept by down, removed by down -v" {
	compose <<-END
	services:
	  one:
	    image: davit-test/configured
	    entrypoint: [sleep, inf]
	    volumes: ["stuff:/data"]
	volumes:
	  stuff:
	END
	up
	is "$(sh_in one 'cat /data/from-image; readlink /data/link; stat -c %u:%a /data')" "from the image
from-image
1000:750"
	sh_in one 'echo new >/data/from-image'
	davit down -t 0
	up
	is "$(sh_in one 'cat /data/from-image')" new
	davit down -v -t 0
	up
	is "$(sh_in one 'cat /data/from-image')" "from the image"
}

@test "one volume in two services, read-only in one" {
	compose <<-END
	services:
	  writer: {image: busybox, command: [sleep, inf], volumes: ["both:/here"]}
	  reader:
	    image: busybox
	    command: [sleep, inf]
	    volumes:
	      - {type: volume, source: both, target: /there, read_only: true}
	volumes:
	  both: {name: shared-$BATS_TEST_NUMBER}
	END
	up
	sh_in writer 'echo word >/here/file'
	is "$(sh_in reader 'cat /there/file')" word
	run sh_in reader 'echo x >/there/file'
	has "$output" "Read-only"
	[ -d "$DAVIT_STATE_DIR/volumes/shared-$BATS_TEST_NUMBER" ]
}

@test "bind mounts: short form, read-only, a file, and a directory made on demand" {
	mkdir src && echo hello >src/file && echo conf >one.conf
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    volumes: ["./src:/src", "./src:/ro:ro", "./one.conf:/etc/one.conf", "./made:/made"]
	END
	up
	is "$(sh_in one 'cat /src/file /ro/file /etc/one.conf')" "hello
hello
conf"
	sh_in one 'echo from inside >/src/new'
	is "$(cat src/new)" "from inside"
	run sh_in one 'echo x >/ro/file'
	has "$output" "Read-only"
	[ -d made ]
	davit down -t 0
	[ -f src/new ]
}

@test "bind mounts: long form" {
	mkdir src && echo hello >src/file
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    volumes:
	      - {type: bind, source: ./src, target: /src, read_only: true}
	      - {type: bind, source: ./fresh, target: /fresh, bind: {create_host_path: true}}
	      - {type: tmpfs, target: /fast, tmpfs: {size: 1m, mode: 0700}}
	END
	up
	is "$(sh_in one 'cat /src/file')" hello
	is "$(sh_in one 'stat -c %a /fast; df -k /fast | awk "NR > 1 { print \$2 }"')" "700
1024"
	[ -d fresh ]
}

@test "a bind mount does not follow a link out of the container" {
	mkdir src && ln -s /etc/shadow src/link
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], volumes: ["./src:/src"]}
	END
	up
	is "$(sh_in one 'wc -l </src/link')" 1      # the container's own
}

@test "anonymous volumes live as long as the container, and a recreated one keeps them" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], volumes: [/anon]}
	END
	up
	sh_in one 'echo kept >/anon/file'
	davit stop -t 0
	davit start
	is "$(sh_in one 'cat /anon/file')" kept
	up --force-recreate -t 0
	is "$(sh_in one 'cat /anon/file')" kept
	up --force-recreate -t 0 -V
	run sh_in one 'cat /anon/file'
	[ "$status" != 0 ]
	davit down -v -t 0
	is "$(ls "$DAVIT_STATE_DIR/volumes")" ""
}

@test "configs and secrets are files" {
	echo s3cret >key.txt
	compose <<-END
	services:
	  one:
	    image: busybox
	    command: [sleep, inf]
	    configs: [{source: c, target: /etc/c.conf, mode: 0440}]
	    secrets: [key]
	configs:
	  c: {content: "a config\n"}
	secrets:
	  key: {file: ./key.txt}
	END
	up
	is "$(sh_in one 'cat /etc/c.conf /run/secrets/key')" "a config
s3cret"
}

@test "an external volume must be there" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], volumes: ["far:/far"]}
	volumes:
	  far: {external: true, name: not-there}
	END
	refused 1 not-there -- davit up -d
}

@test "a sub-path is what it was when it was found, and never outside its volume" {
	compose <<-END
	services:
	  all: {image: busybox, init: true, command: [sleep, inf], volumes: ["data:/data"]}
	volumes: {data: {}}
	END
	up
	sh_in all 'mkdir /data/sub; echo inside >/data/sub/file'
	sed -i '/^volumes:/i\  part:\n    image: busybox\n    init: true\n    command: [sleep, inf]\n    volumes: [{type: volume, source: data, target: /part, volume: {subpath: sub, nocopy: true}}]' compose.yaml
	up
	is "$(sh_in part 'cat /part/file')" inside
	sh_in all 'mv /data/sub /data/old; ln -s /etc /data/sub'
	davit restart -t 0 part
	is "$(sh_in part 'cat /part/file')" inside
	run davit up -d --force-recreate part
	[ "$status" = 1 ] || fail "up: $output"
	has "$output" "sub-path 'sub' of volume"
}
