# Tasks and flags of `./inv` on TAB, in fish: source completion/inv.fish

function __inv
    set --local typed (commandline --current-process --tokenize --cut-at-cursor)
    set --local line (commandline --current-process --cut-at-cursor | string replace --regex '^\s*(\\\\.|\S)+' '')
    set --local word (commandline --current-token --cut-at-cursor)
    set --local inv (string replace --regex '^~/' "$HOME/" -- $typed[1])
    # What follows `--` is another program's. Else the inv that was typed knows, by its path without the quoting.
    if not string match --quiet '* -- *' -- $line
        $inv --complete -- "inv $line" 2>/dev/null | string match -- "$word*" && return
    end
    __fish_complete_path $word
end

# `inv` is each path that ends in it. Where nothing is known, as for the value of a flag, it is a file.
complete --command inv --no-files --arguments '(__inv)'
