# Tasks and flags of `./inv` on TAB, in bash: source completion/inv.bash

_inv() {
    local inv=${1//\\/} line=${COMP_LINE:0:COMP_POINT} words
    line="inv ${line#"${COMP_WORDS[0]}"}"
    # What follows `--` is another program's. Else the inv that was typed knows, by its path without the quoting.
    [[ $line == *" -- "* ]] && return
    words=$("${inv/#\~\//$HOME/}" --complete -- "$line" 2>/dev/null)
    read -r -d '' -a COMPREPLY < <(compgen -W "$words" -- "$2")
}

# `inv` is each path that ends in it. Where nothing is known, as for the value of a flag, it is a file.
complete -o default -F _inv inv
