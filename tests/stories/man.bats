# The manual: made of the tables, so what it says is what there is.
load ../lib

REPO=$BATS_TEST_DIRNAME/../..

# plain PAGE: as text, without the way it looks on paper
plain() { davit __man "$1" | mandoc -T ascii | col -b; }

@test "a page for each command of the help, with all its flags; none has anything to complain of" {
	local page command flag
	is "$(davit __man | sed -n 's/^davit-//p' | sort | xargs)" "$(davit --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort | xargs)"
	mkdir pages
	for page in $(davit __man); do
		davit __man "$page" >"pages/$page.1"
		plain "$page" >text
		command=${page#davit} command=${command#-}
		for flag in $(davit $command --help | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p'); do
			grep -q -- "$flag" text || fail "$page does not know $flag"
		done
		grep -q '^EXIT STATUS' text
	done
	mandoc -T lint pages/* >complaints || :
	is "$(cat complaints)" ""
	is "$(sed -n 's/^\.TH "[A-Z-]*" 1 "\(20[0-9][0-9]-[01][0-9]-[0-3][0-9]\)" .*/\1/p' pages/* | sort | uniq -c | xargs)" "$(davit __man | wc -l) $(sed -n 's/^#define DAVIT_DATE "\(.*\)"/\1/p' "$REPO/src/util/version.c")"
	run -1 davit __man davit-nothing
	has "$output" "no page 'davit-nothing'"
}

@test "a group's page has the commands of the group; what help says behind the options is there" {
	for sub in ls pull rm prune; do
		has "$(plain davit-image)" "davit image $sub"
	done
	has "$(plain davit-events)" "oom"
	has "$(plain davit)" "COMPOSE_PROFILES"
	has "$(plain davit)" "/var/lib/davit"
}

@test "make install puts them where man looks, make uninstall takes them away" {
	make -s -C "$REPO" B="${DAVIT%/*}" -o all -o "$DAVIT" install DESTDIR="$PWD/dest" PREFIX=/usr >made
	[ -s dest/usr/share/man/man1/davit-up.1 ]
	cmp dest/usr/share/man/man1/davit.1 <(davit __man davit)
	[ -x dest/usr/bin/davit ]
	make -s -C "$REPO" B="${DAVIT%/*}" uninstall DESTDIR="$PWD/dest" PREFIX=/usr
	is "$(find dest -type f)" ""
}
