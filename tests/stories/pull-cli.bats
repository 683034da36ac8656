# pull, and up that pulls: what davit asks davit-image for, when it does not ask, and what it shows of the answers. Here davit-image is one that
# plays what it is told (tests/fake/davit-image); that images really come is in pull.bats.
load ../lib

# fake_imager <<END: davit with such a davit-image beside it. What it plays is read from standard input.
fake_imager() {
	bin=/run/bin-$BATS_TEST_NUMBER
	mkdir "$bin"
	cp "$(dirname "$DAVIT")"/davit{,-keeper,-init} "$BATS_TEST_DIRNAME/../fake/davit-image" "$bin"
	export FAKE_EVENTS=$PWD/events FAKE_REQUESTS=$PWD/requests
	cat >"$FAKE_EVENTS"
	davit() { timeout 60 "$bin/davit" "$@"; }
}

# What it was asked, one image after the other: "REF POLICY PLATFORM"
asked() { jq -r '.images[] | "\(.ref) \(.policy) \(.platform)"' "$FAKE_REQUESTS"; }
nobody_asked() { [ ! -e "$FAKE_REQUESTS" ] || fail "davit-image was asked: $(cat "$FAKE_REQUESTS")"; }

# played REF STATE [MORE]: one event of an image
played() { echo "{\"ev\":\"image\",\"ref\":\"$1\",\"state\":\"$2\"${3:+,$3}}"; }

# An index of its own for the store, whose blobs and layers are the shared ones.
own_index() {
	own=/run/own-$BATS_TEST_NUMBER
	mkdir -p "$own/images"
	cp -a "$STORE/images/index.json" "$STORE/images/oci-layout" "$own/images"
	ln -s "$STORE/images/blobs" "$STORE/images/layers" "$STORE/images/l" "$own/images"
	umount "$DAVIT_STATE_DIR/images"
	mount --bind "$own/images" "$DAVIT_STATE_DIR/images"
}

# pulled_at DATE: every image of the index; it is as `date -d` takes it, or "never"
pulled_at() {
	jq --arg t "$(date -u -d "$1" +%FT%TZ)" '.manifests[].annotations["dev.davit.pulled"] = $t' "$own/images/index.json" >index
	cp index "$own/images/index.json"
}

one() { # one IMAGE [LINE]: the service `one`
	compose <<-END
	services:
	  one:
	    image: $1
	    command: [sleep, inf]
	    ${2:-}
	END
}

@test "up: an image that is there is used without asking anybody" {
	fake_imager </dev/null
	for policy in missing if_not_present never daily weekly every_12h; do
		one busybox "pull_policy: $policy"
		up
	done
	one busybox
	up
	davit up -d --pull never
	davit up -d --pull missing
	davit up -d --pull policy
	nobody_asked
}

@test "up: the policies that ask, and how" {
	own_index
	fake_imager <<<"$(played busybox pulled)"
	one busybox "pull_policy: always"
	up
	is "$(asked)" "busybox always null"
	pulled_at '2 hours ago'
	for policy in daily every_3h weekly missing never; do
		one busybox "pull_policy: $policy"
		up
	done
	is "$(asked | wc -l)" 1
	one busybox "pull_policy: every_1h30m"
	up
	is "$(asked | wc -l)" 2
	pulled_at '25 hours ago'
	one busybox "pull_policy: daily"
	up
	is "$(asked | tail -n 1)" "busybox always null"
	is "$(asked | wc -l)" 3
	one busybox "pull_policy: never"
	up --pull always
	is "$(asked | wc -l)" 4
	davit up -d --pull sometimes 2>said && fail "--pull sometimes was taken"
	has "$(cat said)" "--pull is always, missing, never or policy, not 'sometimes'"
}

@test "up: all that is missing is asked for at once, each image once" {
	fake_imager <<-END
	$(played a:1 pulled)
	$(played b:2 failed '"msg":"b:2: no","kind":"not-found"')
	$(played busybox pulled)
	END
	compose <<-'END'
	services:
	  one: {image: "a:1", platform: linux/s390x}
	  two: {image: "docker.io/library/a:1", platform: linux/s390x}
	  three: {image: b:2, pre_start: [{image: "c:3", command: [x]}]}
	  four: {image: busybox, pull_policy: always}
	END
	run -1 davit up -d
	is "$(wc -l <"$FAKE_REQUESTS")" 1
	is "$(asked | sort)" "a:1 missing linux/s390x
b:2 missing null
busybox always null
c:3 missing null"
	is "$(jq -c '[.verb, .tls_verify, .quiet, .state_dir]' "$FAKE_REQUESTS")" "[\"pull\",true,false,\"$DAVIT_STATE_DIR\"]"
}

@test "up: what cannot be pulled is told in its place, all of it, and nothing is touched" {
	fake_imager <<-END
	$(played present:1 pulled)
	$(played gone:1 failed '"msg":"docker.io/library/gone:1: the registry does not have it","kind":"not-found","hint":"look at its name"')
	$(played private/app failed '"msg":"docker.io/private/app: denied","kind":"perm","hint":"davit login docker.io"')
	{"ev":"error","kind":"fail","msg":"not all images could be pulled"}
	status 1
	END
	one busybox
	up
	container=$(ps_field one ID)
	cat >.env <<<"WHICH=private/app"
	compose <<-'END'
	services:
	  one: {image: busybox, command: [sleep, "5"]}
	  two: {image: "present:1"}
	  three:
	    image: gone:1
	  four:
	    image: ${WHICH}
	END
	run -1 --separate-stderr davit up -d
	has "$stderr" "compose.yaml:5:12: error: service 'three': docker.io/library/gone:1: the registry does not have it"
	has "$stderr" "    5 |     image: gone:1"
	has "$stderr" "hint: look at its name"
	has "$stderr" "compose.yaml:7:12: error: service 'four': docker.io/private/app: denied"
	has "$stderr" "WHICH is set in .env:1"
	has "$stderr" "hint: davit login docker.io"
	lacks "$stderr" "not all images"
	has "$stderr" " Image gone:1  Error"
	is "$(ps_field one ID)" "$container"
	is "$(ps_field one State)" running
	davit down -t 0
}

@test "up: davit-image that dies is an error, and nothing begins" {
	fake_imager <<-END
	$(played a:1 failed '"msg":"a:1: no"')
	status 3
	END
	compose <<-'END'
	services:
	  one: {image: "a:1"}
	  two: {image: "b:2"}
	END
	refused 1 "service 'one': a:1: no" "davit-image ended with status 3" -- davit up -d
	has "$stderr" " Image b:2  Error"
	echo '{"ev":"error","kind":"fail","msg":"the disk is full","hint":"make room"}' >"$FAKE_EVENTS"
	refused 1 "the disk is full" "make room" -- davit up -d
	: >"$FAKE_EVENTS"
	refused 1 "davit-image left its work undone" -- davit up -d
	rm "$bin/davit-image"
	refused 1 "'davit-image' is not installed" -- davit up -d
}

@test "up: what nobody may pull is refused before anything is pulled" {
	fake_imager </dev/null
	compose <<-'END'
	services:
	  one: {image: "a:1"}
	  two: {image: "b:2", pull_policy: never}
	  three: {image: "Not A Name"}
	END
	refused 1 "compose.yaml:3:16: error: service 'two': image 'b:2' is not in davit's store, and it may not be pulled" "--pull missing" \
		"compose.yaml:4:18: error: service 'three': image reference 'Not A Name' is not valid" -- davit up -d
	refused 1 "compose.yaml:2:16: error: service 'one': image 'a:1' is not in davit's store, and it may not be pulled" -- davit up -d --pull never
	compose <<-'END'
	services:
	  one: {image: "a:1", volumes: ["./absent:/x:ro"], command: [x]}
	  two: {image: "a:1", platform: not/a/platform/at/all}
	  three:
	    image: a:1
	    volumes: [{type: bind, source: /absent, target: /x}]
	END
	refused 1 "bind source '/absent'" "platform" -- davit up -d
	nobody_asked
}

@test "up: what can be built is pulled when a registry has it, and else built" {
	fake_imager <<-END
	$(played a:1 failed '"msg":"a:1: no such thing"')
	$(played busybox failed '"msg":"busybox: the registry does not answer"')
	END
	compose <<-'END'
	services:
	  one: {image: busybox, build: ., pull_policy: always, command: [sleep, inf]}
	END
	run davit up -d
	is "$status" 0
	has "$output" "compose.yaml:2:16: warning: service 'one': busybox: the registry does not answer"
	has "$output" " Image busybox  Warning  busybox: the registry does not answer"
	state_is one running
	davit down -t 0
	compose <<-'END'
	services:
	  one: {image: "a:1", build: .}
	END
	refused 1 " Image a:1  Warning  a:1: no such thing" "Dockerfile" -- davit up -d
	is "$(asked | tail -n 1)" "a:1 missing null"
	refused 1 "compose.yaml:2:16: error: service 'one': a:1: no such thing" -- davit up -d --no-build
	rm "$FAKE_REQUESTS"
	refused 1 "Dockerfile" -- davit up -d --build
	compose <<-'END'
	services:
	  one: {image: "a:1", build: ., pull_policy: never}
	  two: {image: "a:1", pull_policy: never}
	END
	refused 1 "Dockerfile" -- davit up -d two one
	refused 1 "compose.yaml:3:16: error: service 'two': image 'a:1' is not in davit's store, and it may not be pulled" -- davit up -d two
	nobody_asked
}

@test "up: an image for another platform is none" {
	fake_imager <<<"$(played busybox failed '"msg":"busybox: not for linux/s390x"')"
	one busybox "platform: linux/s390x"
	refused 1 "busybox: not for linux/s390x" -- davit up -d
	is "$(asked)" "busybox missing linux/s390x"
}

@test "pull: whom it asks for what" {
	fake_imager <<-END
	$(played a:1 pulled)
	$(played busybox pulled)
	$(played busybox:1 pulled)
	$(played d:4 pulled)
	END
	compose <<-'END'
	services:
	  one: {image: busybox, depends_on: [two]}
	  two: {image: "a:1"}
	  three: {image: busybox, pull_policy: missing}
	  four: {image: "busybox:1", pull_policy: missing}
	  five: {image: "d:4", pull_policy: never}
	  six: {image: "d:4", pull_policy: build, build: .}
	  seven: {build: .}
	  eight: {image: "d:4", build: .}
	END
	run -0 davit pull
	is "$(asked | sort)" "a:1 always null
busybox always null
d:4 always null"
	has "$output" " Image busybox:1  Skipped  Image is already present locally"
	has "$output" " Image d:4  Skipped  pull_policy is 'never'"
	has "$output" " Service seven  Skipped  No image to be pulled"
	has "$output" " Image a:1  Pulled"
	nothing_begun
	rm "$FAKE_REQUESTS"
	davit pull -q --ignore-buildable eight one >said 2>&1
	is "$(asked)" "busybox always null"
	is "$(cat said)" ""
	is "$(jq .quiet "$FAKE_REQUESTS")" true
	rm "$FAKE_REQUESTS"
	davit pull --include-deps one
	is "$(asked | sort)" "a:1 always null
busybox always null"
	rm "$FAKE_REQUESTS"
	davit pull --policy missing --tls-verify=false four two
	is "$(asked)" "a:1 always null"
	is "$(jq .tls_verify "$FAKE_REQUESTS")" false
	davit pull --policy always four five
	is "$(asked | sed -n '2,$p' | sort)" "busybox:1 always null
d:4 always null"
	refused 1 "flag '--policy' takes missing or always, not 'daily'" -- davit pull --policy daily
	refused 1 "no such service: 'on'" "did you mean 'one'" -- davit pull on
}

@test "pull: failures are told in their place; with --ignore-pull-failures they are warnings" {
	fake_imager <<-END
	$(played a:1 failed '"msg":"a:1: no"')
	$(played busybox pulled)
	END
	compose <<-'END'
	services:
	  one: {image: busybox}
	  two: {image: "a:1"}
	END
	refused 1 "compose.yaml:3:16: error: service 'two': a:1: no" " Image busybox  Pulled" " Image a:1  Error" -- davit pull
	run -0 --separate-stderr davit pull --ignore-pull-failures
	has "$stderr" "compose.yaml:3:16: warning: service 'two': a:1: no"
}

@test "progress: plain lines, JSON, quiet" {
	layer='"image":"busybox","digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"'
	fake_imager <<-END
	$(played busybox resolving)
	$(played busybox pulling)
	{"ev":"layer",$layer,"state":"waiting","bytes":0,"size":2000}
	{"ev":"warn","msg":"registry.test: connection reset: trying again in 0.5 s"}
	{"ev":"layer",$layer,"state":"downloading","bytes":500,"size":2000}
	{"ev":"warn","msg":"something odd"}
	{"ev":"layer",$layer,"state":"unpacking","bytes":2000,"size":2000,"unpacked":4000}
	{"ev":"layer",$layer,"state":"done","bytes":2000,"size":2000}
	{"ev":"unheard-of","of":[{}]}
	$(played busybox pulled)
	END
	one busybox
	run -0 davit --progress plain pull
	is "$output" " Image busybox  Pulling
davit: warning: registry.test: connection reset: trying again in 0.5 s
davit: warning: something odd
 Image busybox  Pulled"
	davit --progress json pull 2>said
	grep '^{' said >events.json
	is "$(jq -rc 'select(.parent_id) | [.id, .parent_id, .status, .text, .current, .total, .percent]' events.json)" \
		'["0123456789ab","Image busybox","Working","Waiting",0,2000,0]
["0123456789ab","Image busybox","Working","Downloading",500,2000,25]
["0123456789ab","Image busybox","Working","Extracting",null,null,null]
["0123456789ab","Image busybox","Done","Pull complete",2000,2000,100]'
	is "$(jq -rc 'select(.parent_id | not) | [.id, .status, .text]' events.json)" '["Image busybox","Working","Pulling"]
["Image busybox","Done","Pulled"]'
	lacks "$(davit --progress quiet pull 2>&1)" Image
	lacks "$(davit up -d --pull always --quiet-pull 2>&1)" Image
}

# on_terminal ROWS COLUMNS COMMAND...: what it writes to a terminal of that size
on_terminal() {
	local size="rows $1 cols $2"
	shift 2
	TERM=xterm script -qec "stty $size; $(printf '%q ' "$@")" /dev/null </dev/null
}

@test "progress: on a terminal, with layers below their image, and what goes wrong below all of it" {
	layers() {
		local i
		for i in $(seq 10 29); do
			echo "{\"ev\":\"layer\",\"image\":\"busybox\",\"digest\":\"sha256:${i}23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",$1}"
		done
	}
	fake_imager <<-END
	$(played busybox pulling)
	$(layers '"state":"downloading","bytes":1000000,"size":2000000')
	after 0.3
	$(layers '"state":"downloading","bytes":1500000,"size":2000000')
	after 0.3
	$(played a:1 failed '"msg":"a:1: a reason that is longer than the sixty columns that this terminal has, and is shown whole all the same"')
	$(layers '"state":"done","bytes":2000000,"size":2000000')
	$(played busybox pulled)
	END
	compose <<-'END'
	services:
	  one: {image: busybox}
	  two: {image: "a:1"}
	END
	run on_terminal 24 100 "$bin/davit" pull
	is "$status" 1
	has "$output" "Image busybox  Pulling  30MB/40MB"
	has "$output" "1023456789ab  Downloading  [===============>    ] 1.5MB/2MB"
	has "$output" "Image busybox  Pulled"
	run on_terminal 10 60 "$bin/davit" pull
	is "$status" 1
	has "$output" "1023456789ab  Downloading  1.5MB/2MB"
	lacks "$output" "2923456789ab"
	has "$output" "more"
	has "$output" "service 'two': a:1: a reason that is longer than the sixty columns that this terminal has, and is shown whole all the same"
	# never more lines than there are rows: the cursor goes up by less than ten
	is "$(grep -o $'\e\[[0-9]*A' <<<"$output" | tr -dc '0-9\n' | sort -n | tail -n 1 | wc -c)" 2
}

@test "Ctrl-C while images come ends at once, and nothing began" {
	fake_imager <<-END
	$(played busybox pulling)
	for ever
	END
	one busybox
	setsid "$bin/davit" up -d --pull always >said 2>&1 3>&- &
	local davit=$!
	wait_until 10 test -s "$FAKE_REQUESTS.pid"
	kill -INT -- "-$davit" 2>/dev/null || kill -INT "$davit"
	wait_until 10 bash -c "! kill -0 $davit 2>/dev/null || grep -q '^State:.Z' /proc/$davit/status"
	wait_until 10 bash -c "! kill -0 $(cat "$FAKE_REQUESTS.pid") 2>/dev/null"
	nothing_begun
}
