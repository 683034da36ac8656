# cp and export: files into and out of containers, whatever the container does meanwhile.
load ../lib

one_service() {
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s, volumes: ["data:/data"], tmpfs: [/scratch]}
	volumes:
	  data:
	END
}

# tree DIR: each thing below it with its kind, mode, owner, size or target, and time
tree() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %U:%G %l %T@ ' \( -type f -printf '%s' -o -true \) -printf '\n' | sort); }

@test "cp: docker's table of files and directories, in both directions" {
	one_service
	up
	mkdir -p dir/sub have/dir
	echo one >one; echo two >dir/two; echo three >dir/sub/three; echo old >file
	for side in into from; do
		case $side in
		into) S= D=web:/t/ ; in_service web mkdir -p /t/have/dir && sh_in web 'echo old >/t/file' ;;
		from) S=web:/t/src/ D=out/ ; mkdir -p out/have/dir; echo old >out/file; in_service web mkdir /t/src; davit cp one web:/t/src/; davit cp dir web:/t/src/ ;;
		esac
		davit cp "${S}one" "${D}new"
		davit cp "${S}one" "${D}file"
		davit cp "${S}one" "${D}have"
		davit cp "${S}dir" "${D}newdir"
		davit cp "${S}dir" "${D}have"
		davit cp "${S}dir/." "${D}have/dir"
		davit cp "${S}dir/." "${D}contents"
		davit cp "${S}dir/" "${D}have/slash" 
		run -1 --separate-stderr davit cp "${S}one" "${D}nothing/"
		has "$stderr" "a slash at the end means a directory that is there"
		run -1 --separate-stderr davit cp "${S}dir" "${D}file"
		has "$stderr" "cannot take the place of the file"
		run -1 --separate-stderr davit cp "${S}one" "${D}no/where"
		has "$stderr" "is not there"
		run -1 --separate-stderr davit cp "${S}missing" "${D}x"
		has "$stderr" "missing' is not there"
		run -1 davit cp "${S}one/" "${D}x"
	done
	davit cp web:/t in                # what went in comes out
	rm -rf in/src
	diff -r in out
	is "$(cat out/new out/file out/have/one out/newdir/two out/have/dir/two out/contents/sub/three | xargs)" "one one one two two three"
	is "$(cat out/have/slash/two)" two
	not test -e out/have/dir/dir
}

@test "cp: kinds, modes, times, owners, links, holes, attributes" {
	one_service
	up
	mkdir -p src/sub
	cd src
	echo text >plain; chmod 640 plain; chown 12:34 plain; touch -d '2001-02-03 04:05:06.789' plain
	ln plain sub/same
	ln -s /etc/passwd absolute; ln -s plain relative; ln -s nowhere dangling
	mkfifo -m 600 fifo; mknod device c 1 3
	chmod 4755 plain
	truncate -s 50M holes; printf end >>holes
	: >empty; printf 'x' >$'new\nline \e[31m'
	mkdir -m 1777 sticky; mkdir -m 700 private; echo deep >private/deep
	setfattr -n user.note -v hello empty 2>/dev/null || true
	touch -d '2002-01-01' sticky private sub .
	cd ..
	davit cp -a src web:/data/
	davit cp -a web:/data/src back
	diff <(tree src) <(tree back)
	is "$(stat -c %i back/plain)" "$(stat -c %i back/sub/same)"
	[ "$(stat -c %b back/holes)" -lt 1000 ]
	cmp src/holes back/holes
	is "$(getfattr --only-values -n user.note back/empty 2>/dev/null)" "$(getfattr --only-values -n user.note src/empty 2>/dev/null)"
	davit cp src web:/scratch/        # without -a: root's, in a container with all that it may do
	is "$(sh_in web 'stat -c "%u:%g %a" /scratch/src/plain')" "0:0 4755"
	in_service web chown 1000:1000 /data/src/plain
	in_service web chmod 4755 /data/src/plain
	in_service web chmod 666 /data/src/device
	davit cp web:/data/src mine       # out of it: yours, and nothing in it is privileged because of that
	is "$(stat -c '%u:%g %a' mine/plain)" "0:0 755"
	is "$(stat -c '%F %a' mine/device)" "character special file 600"
	is "$(stat -c %Y src/plain)" "$(stat -c %Y mine/plain)"
	is "$(readlink mine/absolute)" /etc/passwd
	davit cp web:/data/src/relative link
	is "$(readlink link)" plain
	davit cp -L web:/data/src/relative followed
	is "$(cat followed)" text
	mkdir -p clash/plain
	run -1 --separate-stderr davit cp web:/data/src/plain clash
	has "$stderr" "a file does not replace one"
	mkdir over && ln -s /etc over/src
	run -1 --separate-stderr davit cp web:/data/src over
	has "$stderr" "a directory does not replace one"
	not test -e /etc/plain
}

@test "cp: what a container's processes see: volumes, configs, tmpfs, bind mounts, read_only; paused, stopped, made but not started" {
	mkdir host; echo bound >host/file; echo conf >conf
	compose <<-END
	services:
	  web:
	    image: busybox
	    command: [sleep, inf]
	    stop_grace_period: 0s
	    read_only: true
	    volumes: ["data:/data", "./host:/bound", "./host:/fixed:ro"]
	    tmpfs: [/scratch]
	    configs: [{source: conf, target: /etc/conf}]
	volumes: {data: }
	configs: {conf: {file: ./conf}}
	END
	up
	echo new >new
	for state in running paused stopped; do
		davit cp new web:/data/$state
		davit cp new web:/bound/$state
		is "$(cat host/$state)" new
		run -1 --separate-stderr davit cp new web:/file
		has "$stderr" "read_only: true"
		run -1 --separate-stderr davit cp new web:/fixed/file
		has "$stderr" "read-only"
		run -1 --separate-stderr davit cp new web:/etc/conf
		davit cp web:/etc/conf got-$state
		is "$(cat got-$state)" conf
		davit cp web:/bound/file got-$state
		is "$(cat got-$state)" bound
		case $state in
		running)
			davit cp new web:/scratch/x
			is "$(sh_in web 'cat /scratch/x /data/running')" "$(printf 'new\nnew')"
			davit pause
			;;
		paused) davit unpause; davit stop ;;
		stopped) davit start ;;
		esac
	done
	is "$(sh_in web 'cat /data/paused /data/stopped | xargs')" "new new"
	compose <<-END
	services:
	  web: {image: busybox, command: [sleep, inf], stop_grace_period: 0s}
	END
	davit down -v
	davit create
	davit cp new web:/made
	davit cp web:/made back
	cmp new back
	davit start
	is "$(in_service web cat /made)" new
	davit stop
	davit cp web:/bin/busybox prog
	davit cp new web:/stopped
	davit start
	is "$(in_service web cat /stopped)" new
	is "$(stat -c %a prog)" 755
	davit --dry-run cp new web:/dry 2>said
	has "$(cat said)" "Would be copied"
	not in_service web test -e /dry
	run -1 davit --dry-run cp missing web:/dry
}

@test "cp: after a boot, where nobody knows yet what was mounted where; containers of run" {
	one_service
	up
	echo new >new
	other=$DAVIT_STATE_DIR/projects/$PROJECT/containers/$(davit run -d web sleep inf 2>/dev/null)/upper
	davit cp new web:/one
	in_service web test -e /one
	not test -e "$other/one"
	davit cp --all new web:/all
	test -e "$other/all"
	davit stop
	rm -r "$DAVIT_RUN_DIR/projects/$PROJECT/bundle/$(record web id | tr -d '"')"      # what a boot takes
	run -1 davit cp new web:/data/x
	has "$output" "davit start web"
	davit start
	davit cp new web:/data/x
}

@test "cp: words: what is wrong, and what to do" {
	one_service
	run -1 davit cp nobody:/x y
	has "$output" "no such service: 'nobody'"
	up --scale web=3
	echo x >x
	run -1 davit cp wbe:/x y
	has "$output" "did you mean 'web'?"
	run -1 davit cp a b
	has "$output" "none of the two paths is in a container"
	run -1 davit cp web:/a web:/b
	has "$output" "both paths are in containers"
	run -1 davit cp --index 7 web:/etc y
	has "$output" "has no container #7"
	run -1 davit cp web: y
	run -1 davit cp web:/proc y
	has "$output" "file system of the kernel's own"
	run -1 davit cp web:/proc/version y
	davit cp x web:/all                       # into all of them
	davit cp --index 2 x web:/second
	is "$(for i in 1 2 3; do davit exec -T --index $i web sh -c 'ls /all /second 2>/dev/null | xargs'; done | xargs)" "/all /all /second /all"
	: >./a:b
	davit cp ./a:b web:/
	davit cp web:/a:b ./c:d
	run -1 davit cp web:/ ./sub/dir
	davit cp web:/ whole 2>warned             # the kernel's own directories are there, and empty
	has "$(cat warned)" "came without their content"
	is "$(ls -A whole/proc whole/sys | xargs)" "whole/proc: whole/sys:"
	test -x whole/bin/busybox
}

not_empty() { [ -n "$(ls -A "$1")" ]; }

# swaps: in the container DIR is a directory with a file, or a link to the host's /etc, all the time.
swaps() {
	davit exec -d web sh -c 'cd /data; mkdir real; echo inside >real/passwd; ln -s /etc link; mv real dir
		while :; do mv dir real; mv link dir; mv dir link; mv real dir; done'
}

@test "cp: a container that swaps directories for links all the time leads nothing out, in either direction" {
	one_service
	up
	swaps
	mkdir -p local/dir; echo mine >local/dir/passwd; echo mine >local/dir/davit-was-here
	cp /etc/passwd before
	tar -cf in.tar -C local dir
	for i in $(seq 60); do
		davit cp local/. web:/data >/dev/null 2>&1 || :      # into dir, or an error where a link is
		davit cp web:/data/dir/passwd got-$i >/dev/null 2>&1 || :
		davit cp - web:/data <in.tar >/dev/null 2>&1 || :
		rm -rf tree; davit cp web:/data tree >/dev/null 2>&1 || :
		not test -e /etc/davit-was-here
		[ -L tree/dir ] || [ ! -e tree/dir/passwd ] || grep -qx 'inside\|mine' tree/dir/passwd
	done
	cmp before /etc/passwd
	for f in got-*; do
		# what /etc/passwd is in the container, or its own file; the host's never
		not cmp -s "$f" /etc/passwd
	done
}

@test "cp: links of a container's making lead nowhere on the host: in its paths, and when they are copied" {
	one_service
	up
	sh_in web 'mkdir -p /t/evil; cd /t; ln -s / root; ln -s ../../../../../../../.. up; ln -s /proc/1/root proc; ln -s /../../../etc etc
		ln -s /etc evil/sub; echo x >evil/file'
	hostname >marker; cp marker /run/only-on-the-host
	for l in root up proc etc; do
		run -1 davit cp web:/t/$l/run/only-on-the-host out
		run -1 davit cp web:/t/$l/only-on-the-host out
		davit cp marker web:/t/$l/cp-marker >/dev/null 2>&1 || :
		not test -e /cp-marker
		not test -e /etc/cp-marker
	done
	not test -e out
	mkdir -p dest/evil/sub                    # its tree has a link where this one has a directory, and the other way round
	run -1 davit cp web:/t/evil dest
	rm -rf dest/evil; mkdir dest/evil; ln -s /etc dest/evil/file
	davit cp web:/t/evil/file dest/evil/
	test -f dest/evil/file && not test -L dest/evil/file
	not test -e /etc/file
}

@test "cp: files that do not end, fifos, deep trees, many entries, odd names" {
	one_service
	up
	davit exec -d web sh -c 'cd /data; mkfifo pipe; : >grows; while :; do head -c 100000 /dev/zero >>grows; done'
	wait_until 5 in_service web test -s /data/grows
	davit cp web:/data data           # what it had when it was opened
	test -p data/pipe
	davit cp web:/data - | tar -t >/dev/null
	davit exec -T web sh -c 'mkdir /data/many && cd /data/many && seq 20000 | xargs touch' 
	davit cp web:/data/many many
	is "$(ls -f many | wc -l)" 20002
	davit exec -T web sh -c 'cd /scratch; for i in $(seq 1100); do mkdir d && cd d; done'
	run -1 davit cp web:/scratch deep
	has "$output" "nested more than 1000 deep"
	davit cp many/. web:/data/odd
	sh_in web 'cd /data/odd; : >"$(printf "a\nb\033[2J")"; ln -s x "$(printf "\377")"'
	davit cp web:/data/odd odd
	is "$(find odd -mindepth 1 -printf x | wc -c)" 20002
}

@test "cp: what fails half-way says what stays, and leaves no half of a file" {
	one_service
	up
	mkdir -p small src
	mount -t tmpfs -o size=1m none small
	echo old >small/b; echo a >src/a
	head -c 3000000 /dev/urandom >src/b
	davit cp src/. web:/data
	run -1 --separate-stderr davit cp web:/data/b small/
	has "$stderr" "No space left"
	is "$(cat small/b)" old
	is "$(ls -A small)" b
	run -1 --separate-stderr bash -c "ulimit -f 100; $DAVIT cp web:/data out"
	has "$stderr" "File too large"
	not test -e out/b
	umount small
	davit cp web:/data/b before
	$DAVIT cp web:/dev/zero dev >/dev/null    # a device, not its bytes
	test -c dev
}

@test "cp: Ctrl-C ends it between files and takes the one it was at away" {
	one_service
	up
	mkdir out many
	(cd many && seq 30000 | split -l 1 -a 5 -)
	davit cp many web:/data
	env --default-signal=INT "$DAVIT" cp web:/data/many/. out 2>said & pid=$!
	wait_until 30 not_empty out
	kill -INT $pid 2>/dev/null || :
	wait $pid && status=0 || status=$?
	[ $status = 130 ] || [ $status = 0 ]      # it may have been faster
	[ $status = 0 ] || has "$(cat said)" "interrupted"
	is "$(find out -name '.davit-*' -o -size 0)" ""
}

@test "cp: a tar stream comes out" {
	one_service
	up
	mkdir -p src/sub; echo a >src/a; ln src/a src/b; ln -s a src/l; mkfifo src/f; long=$(printf 'x%.0s' $(seq 200)); echo long >"src/sub/$long"; chown 5:6 src/a
	ln -s "$long" src/sub/link; touch -d '2001-02-03' src/a
	head -c 300000 /dev/urandom >src/big
	davit cp -a src web:/data/
	davit cp web:/data/src - >t.tar
	is "$(tar -tf t.tar | sort | head -n 3 | xargs)" "src/ src/a src/b"
	mkdir x; tar -xf t.tar -C x --same-owner
	rm x/src/f src/f
	diff -r src x/src
	is "$(stat -c '%i' x/src/a)" "$(stat -c '%i' x/src/b)"
	is "$(stat -c '%u:%g %Y' x/src/a)" "5:6 $(date -d 2001-02-03 +%s)"
	is "$(davit cp web:/data/src/. - | tar -t | grep -c '^\./$')" 1
	is "$(davit cp web:/data/src/a - | tar -xO)" a
	run -1 on_terminal -- "$DAVIT" cp web:/data/src -
	has "$output" "is a terminal"
	davit cp web:/data/src - | python3 -c 'import sys, tarfile; t = tarfile.open(fileobj=sys.stdin.buffer, mode="r|"); print(sorted(m.name for m in t)[1])' | grep -x src/a
}

@test "cp: a tar stream goes in, into a directory that is there, and not out of the container" {
	one_service
	up
	mkdir -p src/sub; echo a >src/a; ln src/a src/b; ln -s a src/l; mkfifo src/f; chown 5:6 src/a; chmod 4750 src/a; touch -d '2001-02-03' src/a src/sub
	truncate -s 10M src/holes; echo end >>src/holes
	tar -cf t.tar src
	davit cp - web:/data <t.tar
	is "$(sh_in web 'cd /data/src; stat -c "%n %u:%g %a %Y" a sub; stat -c %i a b | uniq | wc -l; readlink l; stat -c %F f; tail -c 4 holes' | xargs)" \
		"a 0:0 4750 $(date -d 2001-02-03 +%s) sub 0:0 755 $(date -d 2001-02-03 +%s) 1 a fifo end"
	gzip <t.tar | davit cp -a - web:/scratch
	is "$(sh_in web 'stat -c %u:%g /scratch/src/a')" 5:6
	davit cp web:/data/src - | davit cp - web:/tmp
	davit cp web:/tmp/src back; rm src/f back/f; diff -r src back
	run -1 davit cp - web:/data/src/a <t.tar
	run -1 davit cp - web:/nowhere <t.tar
	has "$output" "a directory that is there"
	run -1 davit cp - web:/data <compose.yaml
	has "$output" "not a tar archive"
	run -1 davit cp - web:/data < <(head -c 5000 t.tar)
	run -1 davit cp - web:/proc <t.tar
	# a link that leads up, then through it; ".." ; an absolute name
	python3 - <<-'END'
	import io, tarfile
	t = tarfile.open("evil.tar", "w")
	def add(name, **kw):
	    i = tarfile.TarInfo(name)
	    for k, v in kw.items(): setattr(i, k, v)
	    t.addfile(i, io.BytesIO(b"x" * i.size))
	add("up", type=tarfile.SYMTYPE, linkname="../../../../../../../../etc")
	add("up/evil-file", size=1)
	add("/data/absolute", size=1)
	t.close()
	t = tarfile.open("dots.tar", "w")
	add("../../dots", size=1)
	t.close()
	END
	davit cp - web:/data <evil.tar
	is "$(sh_in web 'ls /etc/evil-file /data/data/absolute | xargs')" "/data/data/absolute /etc/evil-file"
	not test -e /etc/evil-file
	run -1 davit cp - web:/data <dots.tar
	has "$output" ".."
	davit stop
	davit cp - web:/data <t.tar
	davit start
	in_service web test -p /data/src/f
	davit scale web=2
	run -1 davit cp - web:/data <t.tar
	has "$output" "--index"
	davit cp --index 2 - web:/tmp <t.tar
	davit exec -T --index 2 web test -e /tmp/src/a
}

@test "export: the container's own files, without what is mounted there" {
	one_service
	up
	sh_in web 'echo v >/data/in-volume; echo o >/own; rm /bin/ls'
	for state in running stopped; do
		davit export web -o $state.tar
		tar -tf $state.tar >list
		grep -qx own list && grep -qx bin/busybox list && grep -qx data/ list
		not grep -q 'in-volume\|bin/ls$' list
		is "$(tar -xOf $state.tar own)" o
		davit stop
	done
	cmp running.tar stopped.tar
	davit export web | cmp - stopped.tar
	echo precious >precious
	run -1 davit export nobody -o precious
	is "$(cat precious)" precious
	run -1 davit export web -o no/where.tar
	run -1 on_terminal -- "$DAVIT" export web
	has "$output" "is a terminal"
	run -1 davit export --index 2 web
	has "$output" "no container #2"
	davit image import stopped.tar again:1 >/dev/null
	davit image rm again:1
}

# peak COMMAND...: the most memory that it had at a time. Of which unit busybox thinks that is does not matter here.
peak() { busybox time -f '%M' "$@" 2>&1 >/dev/null | tail -n 1; }

# peaks DIR: of the ways to copy it in and out
peaks() {
	peak "$DAVIT" cp "$1" web:/data/
	peak "$DAVIT" cp "web:/data/$1" "out-$1"
	peak "$DAVIT" cp "web:/data/$1" -
	tar -c "$1" | peak "$DAVIT" cp - web:/scratch
}

@test "cp: twenty thousand entries take no more memory than two hundred, in either direction" {
	one_service
	up
	mkdir few many
	(cd few && seq -f 'file with a long name, number %06g' 200 | tr '\n' '\0' | xargs -0 touch)
	(cd many && seq -f 'file with a long name, number %06g' 20000 | tr '\n' '\0' | xargs -0 touch)
	peaks few >few-peaks
	peaks many >many-peaks
	is "$(ls -f out-many | wc -l) $(sh_in web 'ls /data/many | wc -l; ls /scratch/many | wc -l' | xargs)" "20002 20000 20000"
	is "$(paste few-peaks many-peaks | awk '$1 > 0 && $2 < $1 * 1.2' | wc -l)" 4 || fail "$(paste few-peaks many-peaks)"
}
