# What is in configs, secrets and env files is an input: when it changes, `up` makes exactly those containers anew that use it, and `plan` says why.
load ../lib

project() {
	compose <<-END
	services:
	  conf: {image: busybox, command: [sleep, inf], configs: [app]}
	  copy: {image: busybox, command: [sleep, inf], configs: [{source: app, target: /app, mode: 0400}]}
	  key: {image: busybox, command: [sleep, inf], secrets: [key]}
	  word: {image: busybox, command: [sleep, inf], secrets: [word]}
	  text: {image: busybox, command: [sleep, inf], configs: [text]}
	  env: {image: busybox, command: [sleep, inf], env_file: vars.env}
	  label: {image: busybox, command: [sleep, inf], label_file: labels}
	  job: {image: busybox, command: [cat, /app], configs: [app]}
	  web: {image: busybox, command: [sleep, inf], depends_on: {job: {condition: service_completed_successfully}}}
	configs: {app: {file: ./app.conf}, text: {content: "${1:-one}"}}
	secrets: {key: {file: ./key}, word: {environment: WORD}}
	END
}

files() { echo "${1:-1}" >app.conf && echo "${2:-1}" >key && echo "V=${3:-1}" >vars.env && echo "l=${4:-1}" >labels; }

# changed COMMAND...: runs it; which services have another container afterwards, in $changed
changed() {
	local before after
	before=$(davit ps -a --no-trunc --format '{{.Service}} {{.ID}}' | sort)
	"$@"
	after=$(davit ps -a --no-trunc --format '{{.Service}} {{.ID}}' | sort)
	changed=$(comm -13 <(echo "$before") <(echo "$after") | sed 's/ .*//' | xargs)
}

# planned: the services that plan would make anew
planned() { davit plan --format json | jq -r '.changes[] | select(.action == "recreate") | .service' | sort | xargs; }

# only SERVICES WHY: plan and up agree that these are made anew
only() {
	is "$(planned)" "$1"
	run -2 davit plan
	has "$output" "$2"
	changed up
	is "$changed" "$1"
	run -0 davit plan
}

@test "each kind of contents, and exactly those who use it" {
	export WORD=one
	project
	files
	up
	run -0 davit plan
	files 2
	only "conf copy job" "configs.app: contents changed"
	is "$(sh_in copy 'cat /app')" 2
	is "$(davit logs --no-log-prefix --tail 1 job)" 2        # a one-shot job runs again with what it reads
	files 2 2
	only key "secrets.key: contents changed"
	davit plan | not grep -q two
	export WORD=two
	only word "secrets.word: contents changed"
	project two
	only text "configs.text: contents changed"
	files 2 2 2
	only env 'services.env.environment.V: "1" → "2"'
	files 2 2 2 2
	only label 'services.label.labels.l: "1" → "2"'
	touch app.conf key                                       # what is in them is the same
	run -0 davit plan
	changed up
	is "$changed" ""
}

@test "a container whose contents nobody wrote down stays, and is known from then on" {
	export WORD=one
	project
	files
	up conf key
	kill_both
	wait_until 5 not supervisor_pid
	sed -i -E 's/("config_hash": ?"[0-9a-f]{64})\.[0-9a-f]{64}/\1/g' "$DAVIT_STATE_DIR/projects/$PROJECT/journal"
	[[ $(record conf config_hash) =~ ^\"[0-9a-f]{64}\"$ ]]
	run -0 davit plan conf key
	changed up conf key
	is "$changed" ""
	[[ $(record conf config_hash) =~ ^\"[0-9a-f]{64}\.[0-9a-f]{64}\"$ ]]
	files 2
	is "$(planned)" conf
	changed up conf key
	is "$changed" conf
}

@test "a pipe in a config's place holds nobody up" {
	compose <<-END
	services: {one: {image: busybox, command: [sleep, inf], configs: [pipe]}}
	configs: {pipe: {file: ./pipe}}
	END
	mkfifo pipe
	run -2 timeout 10 "$DAVIT" plan
}

reader() {
	compose <<-END
	services:
	  conf:
	    image: busybox
	    command: ["sh", "-c", "grep -q good /app /run/secrets/key || exit 9; exec sleep inf"]
	    stop_signal: SIGKILL
	    configs: [app]
	    secrets: [{source: key, mode: 0440}]
	    ${1:-}
	configs: {app: {file: ./app.conf}}
	secrets: {key: {file: ./key}}
	END
}
reads() { is "$(sh_in conf 'cat /app /run/secrets/key')" "$1"; }
kept() { ls "$DAVIT_STATE_DIR/projects/$PROJECT/contents" | wc -l; }

@test "an up that fails for what is in a file: what was there before runs on with what it had" {
	reader
	echo "good 1" >app.conf
	echo "key 1" >key
	chmod 640 app.conf
	up
	local id
	id=$(record conf id)
	echo bad >app.conf
	echo "key 2" >key
	run -1 davit up -d --wait
	has "$output" "generation 1 is running again"
	is "$(record conf id)" "$id"
	reads "good 1
key 1"
	is "$(sh_in conf 'stat -c %a /app')" 640
	# also when it is started again, by hand or by a next supervisor
	davit restart -t 0
	reads "good 1
key 1"
	kill_both
	wait_until 5 not supervisor_pid
	davit restart -t 0
	reads "good 1
key 1"
	davit doctor
	# until there is an up that works
	echo "good 2" >app.conf
	up
	reads "good 2
key 2"
	# and then the file is the file again
	echo "good 3" >app.conf
	davit restart -t 0
	reads "good 3
key 2"
}

@test "a rolling update that is taken back has the contents from before it" {
	reader 'deploy: {replicas: 2, update_config: {failure_action: rollback, monitor: 300ms}}'
	echo "good 1" >app.conf
	echo "key 1" >key
	up
	echo bad >app.conf
	run -1 davit up -d
	wait_until 10 reads "good 1
key 1"
	is "$(davit ps --status running -q | wc -l)" 2
}

@test "rollback brings the contents back, but for those that are too large to be kept" {
	export WORD=one
	project
	files
	up
	files 2
	up
	is "$(kept)" 2                               # "1" and "2"
	run -0 davit rollback
	lacks "$output" "is not what it was"
	is "$(sh_in conf 'cat /app') $(sh_in copy 'cat /app')" "1 1"
	is "$(cat app.conf)" 2
	is "$(planned)" "conf copy job"
	up
	is "$(sh_in conf 'cat /app') $(sh_in copy 'cat /app')" "2 2"
	davit down -t 0
	[ ! -e "$DAVIT_STATE_DIR/projects/$PROJECT" ]
}

@test "rollback says which contents are not what they were, and what is recorded is what there is" {
	export WORD=one
	project
	files
	dd if=/dev/zero bs=1M count=5 of=app.conf 2>/dev/null
	sed -i '/  copy: /d' compose.yaml
	up
	cp app.conf was
	files 2
	up
	run -0 davit rollback
	has "$output" "config 'app': '$PWD/app.conf' is not what it was in generation 1, and stays as it is now"
	lacks "$output" "secret 'key'"
	mv was app.conf                              # as a checkout does it: containers still have the other file
	is "$(planned)" "conf job"
	up
	is "$(sh_in conf 'wc -c </app')" $((5 << 20))
}
