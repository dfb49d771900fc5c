# Completions of helvetisafe for bash. The command itself knows them; it asks no vault.

_helvetisafe() {
    local i word program=0 is_joined=0 words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        # Bash splits words at `=`: join the parts of --option=value.
        if [[ ${#words[@]} -gt 0 && ($is_joined == 1 || $word == '=') ]]; then
            words[${#words[@]} - 1]+=$word
            [[ $word == '=' ]] && is_joined=1 || is_joined=0
        else
            words+=("$word")
        fi
        if [[ $word == -- ]] && ((i < COMP_CWORD && !program)); then
            program=$((i + 1))
        fi
    done
    if ((program)); then
        _helvetisafe_program "$program"
        return
    fi
    local candidate current=${words[${#words[@]} - 1]} prefix=
    if [[ $current == -*=* && $COMP_WORDBREAKS == *=* ]]; then
        prefix=${current%%=*}=
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        if [[ $candidate == :files ]]; then
            compopt -o default
            return
        fi
        COMPREPLY+=("${candidate#"$prefix"}")
    done < <(command helvetisafe internal complete -- "${words[@]}" 2>/dev/null)
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

# Completes the program that begins at word $1, and its arguments.
_helvetisafe_program() {
    local current=${COMP_WORDS[COMP_CWORD]}
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current" | sort -u)
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -F _helvetisafe helvetisafe
