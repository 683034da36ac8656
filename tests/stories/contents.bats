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

@test "rollback says which contents are not what they were, and what is recorded is what there is" {
	export WORD=one
	project
	files
	up
	files 2
	up
	run -0 davit rollback
	has "$output" "config 'app': '$PWD/app.conf' is not what it was in generation 1, and stays as it is now"
	lacks "$output" "secret 'key'"
	echo 1 >new && mv new app.conf               # as a checkout does it: containers still have the other file
	is "$(planned)" "conf copy job"
	up
	is "$(sh_in conf 'cat /app')" 1
	is "$(sh_in copy 'cat /app')" 1
}
