# What the other stories rely on: the census of what is left sees every kind of it.
load ../lib

seen() { leaks | grep -q "^$1" || fail "not seen: $1"; }

@test "an empty machine has no leaks" {
	no_leaks
}

@test "every kind is seen while a project is up" {
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], ports: ["8055:80"], volumes: ["stuff:/stuff"]}
	volumes:
	  stuff:
	END
	up
	for kind in "process: .*davit-keeper" "process: .*--supervise" "process in a cgroup" "mount: .*/netns/" "mount: .*/rootfs/" "link: dv" "link: " \
		"nft: .*davit-$PROJECT" cgroup "run file: .*sock" "container file"; do
		seen "$kind"
	done
	davit down -t 0
	wait_until 5 no_leaks
}

@test "davit runs from where make install puts it" {
	mkdir -p root/bin root/libexec/davit
	cp "$DAVIT" root/bin/
	cp "${DAVIT%/*}"/davit-{keeper,image,init} root/libexec/davit/
	DAVIT=$PWD/root/bin/davit
	compose <<-END
	services:
	  one: {image: busybox, command: [sleep, inf], init: true}
	END
	up
	is "$(sh_in one 'echo here')" here
	davit --state-dir "$PWD/own" load -i "$IMAGES/busybox.tar"
	davit down -t 0
}
