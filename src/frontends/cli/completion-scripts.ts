/**
 * What a shell needs to complete `bay`: a small script that asks `bay __complete -- WORD…` for each word. The answer is a
 * line for each candidate, `WORD<tab>DESCRIPTION`, and a last line `:files` or `:words`, which says whether file names may
 * stand there too.
 */

import { program } from './usage.ts';

const bash = `# bash completion for ${program}
# Joins the words that bash cuts at : and =, asks, and takes off again what bash will keep.
__${program}_complete() {
    local -a words=()
    local rest=$COMP_LINE word current offers kind i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        if ((i > 0)) && [[ -n $word && $rest != [[:space:]]* ]]; then
            words[\${#words[@]} - 1]+=$word
        else
            words+=("$word")
            rest=\${rest#"\${rest%%[![:space:]]*}"}
        fi
        rest=\${rest#"$word"}
    done
    current=\${words[\${#words[@]} - 1]}
    offers=$("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null) || return
    kind=\${offers##*$'\\n'}
    COMPREPLY=()
    while IFS=$'\\t' read -r word _; do
        [[ $word == :files || $word == :words ]] && continue
        COMPREPLY+=("$word")
    done <<<"$offers"
    if [[ \${#COMPREPLY[@]} -eq 0 && $kind == :files ]]; then
        compopt -o filenames 2>/dev/null
        current=\${current#--*=}
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
        return
    fi
    if [[ $current == *[:=]* ]]; then
        local kept=\${current%"\${current##*[:=]}"}
        COMPREPLY=("\${COMPREPLY[@]#"$kept"}")
    fi
    if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[/=:] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F __${program}_complete ${program}
`;

const zsh = `#compdef ${program}
# zsh completion for ${program}
_${program}() {
    local -a offers described ending
    local offer word
    offers=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    for offer in "\${(@)offers[1,-2]}"; do
        word=\${\${offer%%$'\\t'*}//:/\\\\:}
        if [[ "$offer" == *$'\\t'?* ]]; then
            described+=("$word:\${offer#*$'\\t'}")
        else
            described+=("$word")
        fi
    done
    if ((\${#described})); then
        if ((\${#described} == 1)) && [[ "\${offers[1]%%$'\\t'*}" == *[/=:] ]]; then ending=(-S ''); fi
        _describe -t values '${program}' described "\${(@)ending}"
    elif [[ "\${offers[-1]}" == ":files" ]]; then
        if [[ "$PREFIX" == --*=* ]]; then compset -P '*='; fi
        _files
    fi
}
if [ "$funcstack[1]" = "_${program}" ]; then
    _${program} "$@"
else
    compdef _${program} ${program}
fi
`;

const fish = `# fish completion for ${program}
function __${program}_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l offers ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    or return
    printf '%s\\n' $offers
end
# Files are fish's own to complete: it knows quotes, ~ and what follows --flag=.
complete -c ${program} -f -a '(__${program}_complete)[1..-2]'
complete -c ${program} -n 'test (string join , -- (__${program}_complete)) = :files' -F
`;

const powershell = `# PowerShell completion for ${program}
Register-ArgumentCompleter -Native -CommandName '${program}', '${program}.cmd' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or ($_.Extent.EndOffset -le $cursorPosition -and -not $wordToComplete) } | ForEach-Object { $_.Extent.Text })
    $program = $words[0]
    $before = @()
    if ($words.Count -gt 1) { $before = @($words[1..($words.Count - 1)]) }
    # An empty argument does not survive on the way to a .cmd file, nor in Windows PowerShell.
    if ("$wordToComplete" -eq '') { $offers = @(& $program __complete --next -- @before 2>$null) }
    else { $offers = @(& $program __complete -- @before "$wordToComplete" 2>$null) }
    foreach ($offer in $offers) {
        if ($offer -eq ':files' -or $offer -eq ':words') { continue }
        $word, $description = $offer -split "\`t", 2
        if (-not $description) { $description = $word }
        $text = $word
        if ($text -match '[\\s;|&(){}$\`"'',@#]') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $description)
    }
}
`;

/** The script for a shell, by the shell's name. */
export const completionScripts = { bash, fish, powershell, zsh } as const;
