//! Variables that shells reserve.
//!
//! Some cannot be set, some do not keep their values, and setting some of them runs code: if the shell
//! expects a number, it evaluates the value as an expression, such as `a[$(id)]`. They were found by setting
//! each variable that the shells list.

/// Reserved by bash and dash.
const BASH: &str = "_ BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND
    BASH_COMPAT BASH_LINENO BASH_MONOSECONDS BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO
    BASH_XTRACEFD COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO
    OPTIND PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID";

/// Reserved by ksh93 and mksh.
const KSH: &str =
    "COLUMNS HISTSIZE JOBMAX KSHEGID KSHGID KSHUID KSH_VERSION LINES MAILCHECK PGRP TMOUT
    USER_ID";

/// Reserved by zsh.
const ZSH: &str =
    "ARGC EGID ERRNO FUNCNEST GID HISTCHARS KEYBOARD_HACK KEYTIMEOUT LISTMAX LOGCHECK SAVEHIST
    TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT TTYIDLE USERNAME WATCH ZLE_RPROMPT_INDENT ZSH_EVAL_CONTEXT
    ZSH_SUBSHELL aliases argv builtins cdpath commands dirstack dis_aliases dis_builtins
    dis_functions dis_functions_source dis_galiases dis_patchars dis_reswords dis_saliases fignore
    fpath funcfiletrace funcsourcetrace funcstack functions functions_source functrace galiases
    histchars history historywords jobdirs jobstates jobtexts keymaps mailpath manpath module_path modules
    nameddirs options parameters patchars path pipestatus psvar reswords saliases signals status
    termcap terminfo userdirs usergroups watch widgets zsh_eval_context zsh_scheduled_events";

/// Returns true if any shell reserves a variable.
pub(in crate::commands::export) fn by_any_shell(name: &str) -> bool {
    [BASH, KSH, ZSH].iter().any(|names| has(names, name))
}

fn has(names: &str, name: &str) -> bool {
    names
        .split_ascii_whitespace()
        .any(|reserved| reserved == name)
}
