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

# plain SHELL: on its own, without anybody's settings
plain() { case $1 in bash) echo bash --norc -i ;; zsh) echo zsh -f -i ;; esac; }

# line SHELL TYPED: what the shell's line is when Tab has been pressed at the end of what was typed
line() {
	on_terminal 50x200 type=' . ./rc\r' expect='ready>' type="$2\t\\x07" expect='>>' -- $(plain "$1") | grep -ao '<<.*>>' | tail -n 1 | sed 's/^<<//; s/>>$//'
}

# listed SHELL TYPED WORD: it shows that among others when Tab is pressed some more
listed() { on_terminal 50x200 type=' . ./rc\r' expect='ready>' type="$2\t\t\t" expect="$3" type='\x07' expect='>>' -- $(plain "$1") >/dev/null; }

# completes SHELL: what somebody would type, and what comes of it; the shell's own files where davit knows nothing
completes() {
	is "$(line "$1" 'davit up we')" 'davit up web '
	is "$(line "$1" 'davit up web wo')" 'davit up web worker '
	is "$(line "$1" 'davit --profile all down d')" 'davit --profile all down db '
	is "$(line "$1" 'davit comple')" 'davit completion '
	is "$(line "$1" 'davit system che')" 'davit system check '
	is "$(line "$1" 'davit up --no-sta')" 'davit up --no-start '
	is "$(line "$1" 'davit up --pull nev')" 'davit up --pull never '
	is "$(line "$1" 'davit up --pull=nev')" 'davit up --pull=never '
	is "$(line "$1" 'davit --ansi=nev')" 'davit --ansi=never '
	is "$(line "$1" 'davit scale we')" 'davit scale web='
	is "$(line "$1" 'davit cp we')" 'davit cp web:'
	is "$(line "$1" 'davit image rm busybox:l')" 'davit image rm busybox:latest '
	is "$(line "$1" 'davit load -i comp')" 'davit load -i compose.yaml '
	is "$(line "$1" 'davit nonsense')" 'davit nonsense'
	listed "$1" 'davit up --no' --no-start
	listed "$1" 'davit pu' 'push'
	listed "$1" 'davit up --pull ' 'missing'
	# mistakes in the files are nobody's business here
	echo 'services: [' >compose.yaml
	is "$(line "$1" 'davit up --no-sta')" 'davit up --no-start '
	project
}

in_shell() {
	project
	mkdir home functions
	export PATH="${DAVIT%/*}:$PATH" HOME=$PWD/home TERM=dumb
	cat >rc
}

@test "bash: what Tab makes of a line" {
	in_shell <<-'END'
	. <(davit completion bash)
	bind -x '"\C-g": echo "<<$READLINE_LINE>>"; exit'
	bind 'set enable-bracketed-paste off'
	PS1='ready>'
	END
	completes bash
}

@test "zsh: what Tab makes of a line, with the script sourced, and as a function of its own" {
	in_shell <<-'END'
	autoload -Uz compinit && compinit -u -D
	. <(davit completion zsh)
	setopt no_beep
	LISTMAX=1000
	show() { print -r -- "<<$BUFFER>>"; exit; }
	zle -N show
	bindkey '^G' show
	PS1='ready>'
	END
	completes zsh
	davit completion zsh >functions/_davit
	sed -i 's/^autoload/fpath=($PWD\/functions $fpath); &/; /^\. </d' rc
	is "$(line zsh 'davit up we')" 'davit up web '
	is "$(line zsh 'davit cp we')" 'davit cp web:'
}

@test "fish: what it offers" {
	in_shell </dev/null
	mkdir -p home/.config/fish/completions
	davit completion fish >home/.config/fish/completions/davit.fish
	# offered LINE: candidates, each of which replaces the last word
	offered() { fish -c 'complete -C $argv[1]' "$1" | cut -f 1 | xargs; }
	is "$(offered 'davit up w')" "web worker"
	is "$(offered 'davit up web w')" worker
	is "$(offered 'davit --profile all down ')" "db web worker"
	is "$(offered 'davit pu')" "pull push"
	is "$(offered 'davit system che')" check
	is "$(offered 'davit up --quiet-')" "--quiet-build --quiet-pull"
	is "$(offered 'davit up --pull ')" "always missing never policy"
	is "$(offered 'davit up --pull=n')" "--pull=never"
	is "$(offered 'davit --ansi=n')" "--ansi=never"
	is "$(offered 'davit scale w')" "web= worker="
	is "$(offered 'davit cp w')" "web: worker:"
	is "$(offered 'davit image rm busybox:l')" "busybox:latest"
	is "$(offered 'davit load -i comp')" compose.yaml
	has "$(fish -c 'complete -C "davit up --no-sta"')" "do not start"
	echo 'services: [' >compose.yaml
	is "$(fish -c 'complete -C "davit up --no-sta"' 2>&1 | wc -l)" 1
}

@test "completion of other shells is refused" {
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
