#compdef helvetisafe
# Completions of helvetisafe for zsh. The command itself knows them; it asks no vault.

_helvetisafe() {
    local at=${words[(i)--]}
    if (( at < CURRENT )); then
        # A program and its arguments.
        shift $at words
        (( CURRENT -= at ))
        _normal
        return
    fi
    local line
    local -a lines values texts
    lines=("${(@f)$(command helvetisafe internal complete -- "${(@)words[1,CURRENT]}" 2>/dev/null)}")
    if [[ $lines[1] == :files ]]; then
        compset -P '--*='
        _files
        return
    fi
    for line in $lines; do
        values+=("${line%%$'\t'*}")
        texts+=("${line/$'\t'/  }")
    done
    compadd -l -d texts -a values
}

if [[ $funcstack[1] == _helvetisafe ]]; then
    _helvetisafe "$@"
else
    compdef _helvetisafe helvetisafe
fi
