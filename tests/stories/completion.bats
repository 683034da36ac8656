# What shells offer.
load ../lib

offers() { davit __complete -- "$@" | cut -f 1 | xargs; }

project() {
	compose <<-END
	services:
	  web: {image: busybox, ports: ["8080:80"]}
	  worker: {image: busybox}
	  db: {image: redis, profiles: [all]}
	END
}

@test "commands, flags, their values" {
	is "$(offers pu)" "pull push"
	is "$(offers image t)" "tag"
	has "$(offers image '')" "prune pull push"
	is "$(offers up --quiet-)" "--quiet-pull --quiet-build"
	is "$(offers up --pull '')" "always missing never policy"
	is "$(offers down --rmi '')" "all local"
	is "$(offers graph --format m)" "mermaid"
	is "$(offers ps --status p)" "paused"
	is "$(offers --prog)" "--progress"
	is "$(offers --progress pl)" "plain"
	is "$(offers -p x --ansi '')" "auto never always"
	is "$(offers nonsense '')" ""
	is "$(offers up --no-such-flag)" ""
	for command in $(offers ''); do
		has "$(offers "$command" --hel) $(davit "$command" --help)" "--help"
	done
	is "$(davit --help | grep -c __complete)" 0
}

@test "services of the project that the line speaks of" {
	project
	is "$(offers up w)" "web worker"
	is "$(offers up web w)" "worker"
	is "$(offers logs -f '')" "web worker"
	is "$(offers exec w)" "web worker"
	is "$(offers exec web '')" ""
	is "$(offers scale w)" "web= worker="
	is "$(offers up --scale w)" "web= worker="
	is "$(offers up --no-attach '')" "web worker"
	is "$(offers --profile all down '')" "db web worker"
	is "$(offers port web '')" ""
	is "$(offers run w)" "web worker"
	is "$(offers run web '')" ""
	is "$(offers attach w)" "web worker"
	is "$(offers cp w)" "web: worker:"
	is "$(offers cp web:/etc/hosts w)" "web: worker:"
	is "$(offers graph --format dot w)" "web worker"
	is "$(offers --profile '')" "all"
	mkdir other
	echo 'services: {alone: {image: busybox}}' >other/compose.yaml
	is "$(offers -f other/compose.yaml up '')" "alone"
	is "$(offers --project-directory other -f other/compose.yaml restart a)" "alone"
	echo 'services: [' >compose.yaml
	run -0 --separate-stderr davit __complete -- up ''
	is "$output$stderr" ""
	rm compose.yaml
	is "$(offers up '')" ""
}

@test "bash asks, and gets it" {
	project
	davit completion bash >script
	completed() { PATH="${DAVIT%/*}:$PATH" bash --norc -c 'source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _davit; echo "${COMPREPLY[*]}"' bash "$@" 2>/dev/null | xargs; }
	is "$(completed davit up we)" "web"
	is "$(completed davit pu)" "pull push"
	is "$(completed davit up --pull '')" "always missing never policy"
	davit completion zsh | head -n 1 | grep -qx '#compdef davit'
	davit completion fish | grep -q '^complete -c davit'
	run -1 davit completion tcsh
	has "$output" "bash, zsh and fish"
}

@test "images, generations, shells" {
	has "$(offers image rm redis)" "redis:7"
	has "$(offers image inspect '')" "busybox:latest"
	is "$(offers completion '')" "bash zsh fish"
	mkdir -p "$DAVIT_STATE_DIR/projects/$PROJECT/generations"
	touch "$DAVIT_STATE_DIR/projects/$PROJECT/generations/"{1,12,x}.json
	! davit rollback --help >/dev/null 2>&1 || is "$(offers rollback 1 | tr ' ' '\n' | sort | xargs)" "1 12"
	rm -r "$DAVIT_STATE_DIR/projects/$PROJECT"
}
