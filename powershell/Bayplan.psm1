# Bayplan's cmdlets. Each is a function whose parameters PowerShell binds; the work is done by `bay`, a program that is
# started for each pipeline and spoken to by lines: docs/decisions/0055-powershell-module.md says which.
#
# For Windows PowerShell 5.1 and PowerShell 7 on every system: the language of 5.1, ASCII, and nothing of the Utility and
# Management modules. What follows the last function here is written by the build, from the table of cmdlets.

# PowerShell's own parameters: it acts on them itself.
$script:bayCommon = @(
    'Verbose', 'Debug', 'ErrorAction', 'WarningAction', 'InformationAction', 'ProgressAction', 'ErrorVariable', 'WarningVariable',
    'InformationVariable', 'OutVariable', 'OutBuffer', 'PipelineVariable', 'WhatIf', 'Confirm', 'UseTransaction'
)

# Where and how a cmdlet is to run: PowerShell's part too.
$script:bayElsewhere = @('ComputerName', 'Credential', 'CimSession', 'AsJob')

# A function of a module does not see the preferences of whoever calls it: only what was typed. Run with a dot in each begin,
# with the cmdlet's name: Import-Module -Prefix gives the function another.
$script:bayBegin = {
    param([string] $BayName)
    $bayBound = $PSCmdlet.MyInvocation.BoundParameters
    $bay = @{ Name = $BayName; Typed = @($bayBound.Keys); Process = $null; Served = 0 }
    if (-not $bayBound.ContainsKey('ErrorAction')) { $ErrorActionPreference = $PSCmdlet.GetVariableValue('ErrorActionPreference', $ErrorActionPreference) }
    if (-not $bayBound.ContainsKey('WarningAction')) { $WarningPreference = $PSCmdlet.GetVariableValue('WarningPreference', $WarningPreference) }
    if (-not $bayBound.ContainsKey('Verbose')) { $VerbosePreference = $PSCmdlet.GetVariableValue('VerbosePreference', $VerbosePreference) }
    $ProgressPreference = $PSCmdlet.GetVariableValue('ProgressPreference', $ProgressPreference)
    if (-not $bayBound.ContainsKey('WhatIf')) { $WhatIfPreference = $PSCmdlet.GetVariableValue('WhatIfPreference', $WhatIfPreference) }
    if (-not $bayBound.ContainsKey('Confirm')) {
        $ConfirmPreference = $PSCmdlet.GetVariableValue('ConfirmPreference', $ConfirmPreference)
        # -Force answers the question that a cmdlet asks by itself; -Confirm beside it asks all the same.
        if ($bayBound['Force']) { $ConfirmPreference = 'None' }
    }
}

# What is bound now: what was typed, and what came with this object. PowerShell leaves among the bound parameters what came with
# one before, and resets the variables alone. Run with a dot in each process.
$script:bayProcess = {
    $bay.Bound = @{}
    foreach ($bayEntry in $PSCmdlet.MyInvocation.BoundParameters.GetEnumerator()) {
        if ($bay.Typed -notcontains $bayEntry.Key) {
            $bayValue = $ExecutionContext.SessionState.PSVariable.GetValue($bayEntry.Key)
            if ($null -eq $bayValue) { continue }
            if ($bayValue -is [string] -and $bayValue.Length -eq 0) { continue }
            if ($bayValue -is [guid] -and $bayValue -eq [guid]::Empty) { continue }
        }
        $bay.Bound[$bayEntry.Key] = $bayEntry.Value
    }
    Invoke-Bay $PSCmdlet $bay
}

# The program's file and the words before ours.
function Find-BayProgram {
    $entry = $env:BAYPLAN_BAY
    $node = $null
    if (-not $entry) {
        if ($null -ne $script:bayProgram) { return $script:bayProgram }
        # Written when the module was installed: Node, then bay.
        $noted = [System.IO.Path]::Combine($PSScriptRoot, 'bay.txt')
        if ([System.IO.File]::Exists($noted)) {
            $lines = [System.IO.File]::ReadAllLines($noted)
            if ($lines.Length -ge 2 -and [System.IO.File]::Exists($lines[1])) {
                $entry = $lines[1]
                if ([System.IO.File]::Exists($lines[0])) { $node = $lines[0] }
            }
        }
    }
    if (-not $entry) {
        # The module as it lies in the package.
        $beside = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'bay.js'))
        if ([System.IO.File]::Exists($beside)) { $entry = $beside }
    }
    if (-not $entry) {
        $found = $ExecutionContext.InvokeCommand.GetCommand('bay', 'Application')
        if ($null -ne $found) {
            $entry = $found.Path
            # On Windows npm writes a batch file there, which would read our words a second time.
            $behind = [System.IO.Path]::Combine([System.IO.Path]::GetDirectoryName($entry), 'node_modules', 'bayplan', 'dist', 'bay.js')
            if ([System.IO.File]::Exists($behind)) { $entry = $behind }
        }
    }
    if (-not $entry -or -not [System.IO.File]::Exists($entry)) { return $null }
    $program = @{ File = $entry; Words = '' }
    if ($entry -like '*.js') {
        if ($null -eq $node) {
            $found = $ExecutionContext.InvokeCommand.GetCommand('node', 'Application')
            if ($null -eq $found) { return $null }
            $node = $found.Path
        }
        $program = @{ File = $node; Words = '"' + $entry + '" ' }
    }
    if (-not $env:BAYPLAN_BAY) { $script:bayProgram = $program }
    return $program
}

function New-BayError([string] $Type, [string] $Message, [string] $Id, [string] $Category, $Target) {
    $exception = $null
    # Not those of System.Management.Automation: they bring a record of their own, which a catch would see in place of ours.
    foreach ($space in 'System.', 'System.IO.', 'System.Net.', 'System.Security.') {
        $class = ($space + $Type) -as [type]
        if ($null -ne $class) {
            $exception = [System.Activator]::CreateInstance($class, [object[]] @($Message))
            break
        }
    }
    if ($null -eq $exception) { $exception = [System.Exception]::new($Message) }
    $record = [System.Management.Automation.ErrorRecord]::new($exception, $Id, [System.Management.Automation.ErrorCategory] $Category, $Target)
    $record.CategoryInfo.Reason = $Type
    if ($Target -is [psobject] -and $Target -isnot [string]) {
        $record.CategoryInfo.TargetType = $Target.PSObject.TypeNames[0] -replace '^.*\.', ''
    }
    return $record
}

function Start-Bay($Cmdlet, [string] $Words) {
    $program = Find-BayProgram
    if ($null -eq $program) {
        $Cmdlet.ThrowTerminatingError((New-BayError 'FileNotFoundException' ('bay, which does the work of this module, was not found, or not the Node that it needs.' + [System.Environment]::NewLine +
                    'Install the npm package bayplan and run `bay Install-PackageProvider ContainerProvider -Force`, or set BAYPLAN_BAY to the path of its dist/bay.js.') 'BayNotFound' 'ObjectNotFound' 'bay'))
    }
    $start = [System.Diagnostics.ProcessStartInfo]::new()
    $start.FileName = $program.File
    $start.Arguments = $program.Words + $Words
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = [System.Text.Encoding]::ASCII
    $start.StandardErrorEncoding = [System.Text.Encoding]::UTF8
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    }
    catch {
        $Cmdlet.ThrowTerminatingError((New-BayError 'FileNotFoundException' ('bay could not be started: ' + $_.Exception.GetBaseException().Message) 'BayNotStarted' 'ResourceUnavailable' $program.File))
    }
    return $process
}

# False where nobody reads any more.
function Send-Bay([hashtable] $State, [string] $Tag, $Value) {
    # A line feed inside a text is written _x000A_; those between elements are for people.
    $line = $Tag + ' ' + ([System.Management.Automation.PSSerializer]::Serialize($Value, 5) -replace '\r?\n *', '') + "`n"
    $bytes = [System.Text.Encoding]::UTF8.GetBytes($line)
    try {
        $State.Process.StandardInput.BaseStream.Write($bytes, 0, $bytes.Length)
        $State.Process.StandardInput.BaseStream.Flush()
    }
    catch [System.IO.IOException] {
        return $false
    }
    return $true
}

# Gives objects the types that they had before they were written, and the images that they were made from.
function Set-BayType($Values) {
    foreach ($value in $Values) {
        for ($inner = $value; $null -ne $inner; $inner = $inner.ParentImage) {
            $names = $inner.PSObject.TypeNames
            $name = $names[0]
            if (-not $name.StartsWith('Deserialized.Bayplan.')) { break }
            $names.Insert(0, $name.Substring(13))
        }
    }
}

# Whether PowerShellGet's own Install-PackageProvider is to be had: ours then stays away.
function Test-BayPackageManagement {
    foreach ($folder in ([string] $env:PSModulePath).Split([System.IO.Path]::PathSeparator)) {
        if ($folder -and [System.IO.Directory]::Exists([System.IO.Path]::Combine($folder, 'PackageManagement'))) { return $true }
    }
    return $false
}

# A path as PowerShell means it, with its home, drives and providers, as bay understands it. What is there is for bay to say.
function Resolve-BayPath($Cmdlet, [string] $Parameter, $Value) {
    foreach ($text in $Value) {
        if ($text -like '\\\\*' -or $text -match '^[A-Za-z][\w+.-]+://' -or ($Parameter -ceq 'Location' -and $text -notlike '~*')) {
            $text
            continue
        }
        $provider = $null
        $drive = $null
        try { $path = $Cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($text, [ref] $provider, [ref] $drive) }
        catch {
            $why = $_.Exception.GetBaseException()
            $type = 'ArgumentException'
            $id = 'InvalidPath'
            if ($why.GetType().Name -ceq 'DriveNotFoundException') {
                $type = 'DriveNotFoundException'
                $id = 'DriveNotFound'
            }
            throw (New-BayError $type $why.Message $id 'ObjectNotFound' $text)
        }
        if ($provider.Name -ceq 'FileSystem') { $path }
        elseif ($text.Contains(':')) {
            throw (New-BayError 'ArgumentException' ("'" + $text + "' is no path of files, but of " + $provider.Name + '.') 'NotFileSystem' 'InvalidArgument' $text)
        }
        else { $text }
    }
}

# One turn of a cmdlet: what PowerShell has bound goes out, what comes back goes to PowerShell's streams until the turn ends.
function Invoke-Bay($Cmdlet, [hashtable] $State) {
    $bound = $State.Bound
    $call = @{}
    foreach ($entry in $bound.GetEnumerator()) {
        if ($script:bayCommon -contains $entry.Key -or $script:bayElsewhere -contains $entry.Key) { continue }
        $value = $entry.Value
        if ($value -is [System.Management.Automation.SwitchParameter]) { $value = $value.IsPresent }
        if ($script:bayPaths[$State.Name] -contains $entry.Key) {
            try { $value = Resolve-BayPath $Cmdlet $entry.Key $value }
            catch {
                $Cmdlet.WriteError($_)
                return
            }
        }
        $call[$entry.Key] = $value
    }
    foreach ($key in $script:bayElsewhere) {
        if ($bound.ContainsKey($key)) {
            Invoke-BayElsewhere $Cmdlet $State $call $bound
            if (-not $State.Here) { return }
            break
        }
    }
    $call['.cwd'] = $Cmdlet.SessionState.Path.CurrentFileSystemLocation.ProviderPath
    $call['.last'] = -not $Cmdlet.MyInvocation.ExpectingInput
    if ($WhatIfPreference) { $call['WhatIf'] = $true }
    $whole = $false
    $begun = $false
    try {
        if ($null -eq $State.Process) {
            $State.Process = Start-Bay $Cmdlet ('__cmdlet 1 ' + $State.Name)
            $State.Errors = $State.Process.StandardError.ReadToEndAsync()
            $State.Served = 0
        }
        $null = Send-Bay $State 'T' $call
        while ($true) {
            # A blocking read would keep Ctrl-C waiting.
            $reading = $State.Process.StandardOutput.ReadLineAsync()
            while (-not $reading.Wait(100)) { }
            $line = $reading.Result
            if ($null -eq $line) {
                if (-not $begun -and $State.Served -gt 0) {
                    # It ended while the pipeline was elsewhere, and has seen nothing of this turn.
                    Stop-Bay $State
                    $State.Process = Start-Bay $Cmdlet ('__cmdlet 1 ' + $State.Name)
                    $State.Errors = $State.Process.StandardError.ReadToEndAsync()
                    $State.Served = 0
                    $null = Send-Bay $State 'T' $call
                    continue
                }
                $said = ''
                if ($State.Errors.Wait(1000)) { $said = $State.Errors.Result.Trim() }
                $code = '?'
                if ($State.Process.WaitForExit(1000)) { $code = $State.Process.ExitCode }
                Stop-Bay $State
                $message = 'bay ended in the middle of its work, with exit code ' + $code + '.'
                if ($said) {
                    $lines = $said -split '\r?\n'
                    $errors = @($lines -match '^\w*Error\b')
                    if ($errors.Length -gt 0) { $message += [System.Environment]::NewLine + $errors[0] }
                    else { $message += [System.Environment]::NewLine + $lines[-1] }
                }
                $Cmdlet.WriteError((New-BayError 'InvalidOperationException' $message 'BayEnded' 'ResourceUnavailable' $State.Name))
                $whole = $true
                return
            }
            $tag = $line.Substring(0, 1)
            if ($tag -ceq '.') {
                $State.Served++
                $whole = $true
                return
            }
            if ($tag -ceq 'B') {
                $begun = $true
                continue
            }
            $record = [System.Management.Automation.PSSerializer]::Deserialize($line.Substring(2))
            if ($tag -ceq 'O') {
                Set-BayType $record
                # Not by WriteObject: what a reader throws would arrive as an error of that call.
                foreach ($object in $record) { $object }
            }
            elseif ($tag -ceq 'P') {
                $progress = [System.Management.Automation.ProgressRecord]::new([int] $record.Id, $record.Activity, $record.Status)
                $progress.PercentComplete = [int] $record.Percent
                if ($record.Completed) { $progress.RecordType = [System.Management.Automation.ProgressRecordType]::Completed }
                $Cmdlet.WriteProgress($progress)
            }
            elseif ($tag -ceq 'E') {
                Set-BayType $record.Target
                $Cmdlet.WriteError((New-BayError $record.ExceptionType $record.Message $record.Id $record.Category $record.Target))
            }
            elseif ($tag -ceq 'W') { $Cmdlet.WriteWarning($record) }
            elseif ($tag -ceq 'V') { $Cmdlet.WriteVerbose($record) }
            elseif ($tag -ceq 'H') {
                $message = [System.Management.Automation.HostInformationMessage]::new()
                $message.Message = $record
                $Cmdlet.WriteInformation($message, [string[]] @('PSHOST'))
            }
            else { $null = Send-Bay $State 'A' (Read-BayAnswer $Cmdlet $State.Name $tag $record) }
        }
    }
    finally {
        # Ctrl-C, an error that ends the pipeline, a reader that has seen enough.
        if (-not $whole) { Stop-Bay $State }
    }
}

# Asks what bay wants to know, in PowerShell's own ways.
function Read-BayAnswer($Cmdlet, [string] $Name, [string] $Tag, $Question) {
    try {
        if ($Tag -ceq 'S') { return $Cmdlet.ShouldProcess($Question.Target, $Question.Action) }
        if ($Tag -ceq 'C') { return $Cmdlet.ShouldContinue($Question.Query, $Question.Caption) }
        $choices = [System.Collections.ObjectModel.Collection[System.Management.Automation.Host.ChoiceDescription]]::new()
        foreach ($choice in $Question.Choices) {
            $choices.Add([System.Management.Automation.Host.ChoiceDescription]::new($choice.Label, $choice.Help))
        }
        return $Cmdlet.Host.UI.PromptForChoice($Question.Caption, $Question.Message, $choices, [int] $Question.Default)
    }
    catch [System.Management.Automation.MethodInvocationException] {
        $message = 'Nobody could be asked: ' + $_.Exception.GetBaseException().Message + [System.Environment]::NewLine + 'Answer beforehand, by -Confirm:$false or -Force.'
        $Cmdlet.ThrowTerminatingError((New-BayError 'InvalidOperationException' $message 'NotAnswered' 'InvalidOperation' $Name))
    }
}

# Ends the program: with its input closed it leaves what it does and goes by itself.
function Stop-Bay([hashtable] $State) {
    $process = $State.Process
    $State.Process = $null
    if ($null -eq $process) { return }
    try { $process.StandardInput.Close() } catch { $null = $_ }
    if (-not $process.WaitForExit(10000)) {
        try { $process.Kill() } catch { $null = $_ }
    }
    $process.Dispose()
}

# Values that would fit, for completion. Nothing where they cannot be had: a prompt is no place for an error.
function Find-BayValue([string] $Name, [string] $Parameter, [string] $Word, $Bound) {
    $state = @{ Process = $null }
    try {
        $program = Find-BayProgram
        if ($null -eq $program) { return }
        $ask = @{ '.complete' = $Parameter; '.word' = $Word.Trim("'", '"'); '.cwd' = $ExecutionContext.SessionState.Path.CurrentFileSystemLocation.ProviderPath }
        foreach ($key in $Bound.Keys) {
            if ($script:bayCommon -notcontains [string] $key) { $ask[[string] $key] = $Bound[$key] }
        }
        $state.Process = Start-Bay $null ('__cmdlet 1 ' + $Name + ' complete')
        $null = $state.Process.StandardError.ReadToEndAsync()
        if (-not (Send-Bay $state 'T' $ask)) { return }
        while ($true) {
            $reading = $state.Process.StandardOutput.ReadLineAsync()
            if (-not $reading.Wait(3000)) { return }
            $line = $reading.Result
            if ($null -eq $line -or $line.StartsWith('.')) { return }
            if (-not $line.StartsWith('O ')) { continue }
            foreach ($value in [System.Management.Automation.PSSerializer]::Deserialize($line.Substring(2))) {
                $text = $value
                if ($text -match '[^\w.:/\\-]') { $text = "'" + $text.Replace("'", "''") + "'" }
                [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $value)
            }
        }
    }
    catch { return }
    finally { Stop-Bay $state }
}
