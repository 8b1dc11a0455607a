# Runs a cmdlet in another PowerShell: of another computer, or of a job. What was an object of ours before it went there is one again.
$script:bayThere = {
    param($Module, $Name, $Call, $Folder)
    Import-Module $Module -ErrorAction Stop
    if ($Folder) { $null = $ExecutionContext.SessionState.Path.SetLocation($Folder) }
    & (Get-Module Bayplan) {
        param($Name, $Call)
        foreach ($value in @($Call.Values)) { Set-BayType @($value) }
        & $Name @Call
    } $Name $Call
}

# Does a call on other computers, or in a job. The state's Here says whether it is to be done here and at once too.
function Invoke-BayElsewhere($Cmdlet, [hashtable] $State, [hashtable] $Call, $Bound) {
    $State.Here = $false
    $name = $State.Name
    $there = $Call.Clone()
    if ($Bound['Verbose']) { $there['Verbose'] = $true }
    $computers = @($Bound['ComputerName'] | Where-Object { $null -ne $_ })
    $computers += @($Bound['CimSession'] | Where-Object { $null -ne $_ } | ForEach-Object { if ($_ -is [string]) { $_ } else { $_.ComputerName } })
    $own = '.', 'localhost', [System.Environment]::MachineName
    $far = @($computers | Where-Object { $own -notcontains $_ })
    $here = $far.Length -eq 0 -or $far.Length -lt $computers.Length
    if ($Bound['Credential'] -and $far.Length -eq 0) {
        $Cmdlet.WriteError((New-BayError 'ArgumentException' '-Credential is for other computers: name one with -ComputerName.' 'ComputerNameRequired' 'InvalidArgument' $name))
        return
    }
    $asks = $Cmdlet.MyInvocation.MyCommand.Parameters.ContainsKey('WhatIf')
    if ($far.Length -gt 0) {
        if ($asks -and $WhatIfPreference) { $there['WhatIf'] = $true }
        if ($asks -and $Bound.ContainsKey('Confirm')) { $there['Confirm'] = [bool] $Bound['Confirm'] }
        $how = @{ ComputerName = $far; ScriptBlock = $script:bayThere; ArgumentList = @('Bayplan', $name, $there, $null) }
        if ($Bound['Credential']) { $how['Credential'] = $Bound['Credential'] }
        if ($Bound['AsJob']) { $how['AsJob'] = $true }
        # Its errors are this cmdlet's: -ErrorAction and -ErrorVariable are about them.
        Invoke-Command @how -ErrorAction Continue 2>&1 | ForEach-Object {
            if ($_ -is [System.Management.Automation.ErrorRecord]) { $Cmdlet.WriteError($_) }
            else { $_ }
        }
    }
    if (-not $here) { return }
    if (-not $Bound['AsJob']) {
        $State.Here = $true
        return
    }
    if ($asks) {
        # Nobody answers a job.
        $target = @($Call.Values | Where-Object { $_ -isnot [bool] } | ForEach-Object { "$_" }) -join ', '
        if (-not $Cmdlet.ShouldProcess($target, $name)) { return }
        $there['Confirm'] = $false
    }
    $starts = $ExecutionContext.InvokeCommand.GetCommand('Start-ThreadJob', 'Cmdlet')
    if ($null -eq $starts) { $starts = $ExecutionContext.InvokeCommand.GetCommand('Start-Job', 'Cmdlet') }
    $folder = $Cmdlet.SessionState.Path.CurrentFileSystemLocation.ProviderPath
    $module = [System.IO.Path]::Combine($PSScriptRoot, 'Bayplan.psd1')
    & $starts -ScriptBlock ([scriptblock]::Create($script:bayThere.ToString())) -ArgumentList $module, $name, $there, $folder
}
