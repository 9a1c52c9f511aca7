#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes the templates' manual pages from their own help, which is made of the table they parse their options with:
# from-help.sh TEMPLATES FOLDER lxc-NAME.1...
set -eu
templates=$(cd "$1" && pwd) dir=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for f in "$templates"/*; do
	ln -s "$f" "$work/"
done
for page; do
	name=${page%.1}
	[ -e "$work/$name" ] || ln -s "$templates/distribution.sh" "$work/$name"
	sh "$work/$name" -h >"$work/help"
	awk -v name="$name" '
	function text(s) {
		gsub(/\\/, "\\e", s)
		gsub(/-/, "\\-", s)
		if (s ~ /^[.\x27]/) s = "\\&" s
		return s
	}
	NR == 1 {
		sub(/^Usage: /, "")
		usage = $0
		next
	}
	/^$/ { next }
	!begun {
		begun = 1
		printf ".TH %s 1 \"\" creel \"creel manual\"\n", toupper(text(name))
		printf ".SH NAME\n%s \\- template of lxc\\-create(1)\n", text(name)
		printf ".SH SYNOPSIS\n.B %s\n", text(usage)
		printf ".SH DESCRIPTION\n%s\n", text($0)
		next
	}
	/^  / {
		if (!options++) print ".SH OPTIONS"
		sub(/^ +/, "")
		# What it is called ends where two blanks, or one behind an argument, begin the text.
		if ((at = index($0, "  ")) || (at = match($0, /[A-Z] [a-zA-Z]/) + 1) > 1) {
			printf ".TP\n.B %s\n%s\n", text(substr($0, 1, at - 1)), text(substr($0, at + match(substr($0, at), /[^ ]/) - 1))
		} else {
			printf ".TP\n.B %s\n", text($0)
		}
		next
	}
	{
		if (!notes++) print ".SH NOTES"
		else print ".br"
		print text($0)
	}
	END { print ".SH SEE ALSO\n.BR lxc\\-create (1),\n.BR lxc\\-destroy (1),\n.BR lxc.container.conf (5)" }
	' "$work/help" >"$dir/$page"
done
