# Tasks and flags of `./inv` on TAB, in zsh: source completion/inv.zsh

_inv() {
    local -a typed
    local last
    read -Ac typed
    read -cn last
    local line="inv ${(j: :)${(@q)typed[2,last]}}"
    # What follows `--` is another program's. Else the inv that was typed knows.
    reply=()
    [[ $line == *" -- "* ]] && return
    reply=($("$typed[1]" --complete -- "$line" 2>/dev/null))
}

# `inv` is each path that ends in it. Where nothing is known, as for the value of a flag, it is a file.
compctl -K _inv + -f inv
