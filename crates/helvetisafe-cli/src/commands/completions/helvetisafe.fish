# Completions of helvetisafe for fish. The command itself knows them; it asks no vault.

function __helvetisafe_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if set -l at (contains -i -- -- $words)
        # A program and its arguments.
        set -e words[1..$at]
        complete -C (string join ' ' -- (string escape -- $words) "$current")
        return
    end
    set -l lines (command helvetisafe internal complete -- $words "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        set -l option (string match -r -- '^--[^=]+=' "$current")
        for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' "$current"))
            echo "$option$path"
        end
    else if set -q lines[1]
        printf '%s\n' $lines
    end
end

complete -c helvetisafe -f -a '(__helvetisafe_complete)'
