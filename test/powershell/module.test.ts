/** The module in a real PowerShell: what it declares is the table, and its language is that of Windows PowerShell 5.1. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import type { Cmdlet, Parameter, ParameterType } from '../../src/frontends/cmdlets/cmdlet.ts';
import { cmdlets } from '../../src/frontends/cmdlets/table.ts';
import { views } from '../../src/frontends/cmdlets/views.ts';
import { powershellModule, powershellSkip, startPowerShell, type PowerShell } from '../support/powershell.ts';

const folder = dirname(powershellModule);

const dotNetTypes: Readonly<Record<ParameterType, string>> = {
  string: 'System.String',
  'string[]': 'System.String[]',
  version: 'System.Version',
  switch: 'System.Management.Automation.SwitchParameter',
  guid: 'System.Guid',
  int64: 'System.Int64',
  uri: 'System.Uri',
  psobject: 'System.Management.Automation.PSObject',
  'psobject[]': 'System.Management.Automation.PSObject[]',
  credential: 'System.Management.Automation.PSCredential',
  ContainerImage: 'System.Management.Automation.PSObject',
  'ContainerImage[]': 'System.Management.Automation.PSObject[]',
  Container: 'System.Management.Automation.PSObject',
  'Container[]': 'System.Management.Automation.PSObject[]',
  'ContainerImageItem[]': 'System.Management.Automation.PSObject[]',
  'ContainerImageSource[]': 'System.Management.Automation.PSObject[]',
};

/** What the engine knows of a parameter, as JSON. */
interface Declared {
  readonly Name: string;
  readonly Type: string;
  readonly Aliases: readonly string[];
  readonly Sets: readonly { Set: string; Position: number; Mandatory: boolean; ByValue: boolean; ByName: boolean }[];
  readonly Attributes: readonly string[];
}

const describeCommand = `
foreach ($name in NAMES) {
    $command = Get-Command $name -CommandType Function
    $binding = $command.ScriptBlock.Attributes | Where-Object { $_ -is [System.Management.Automation.CmdletBindingAttribute] }
    @{
        Name = $command.Name
        Default = $command.DefaultParameterSet
        Should = $binding.SupportsShouldProcess
        Impact = $binding.ConfirmImpact.ToString()
        Output = @($command.OutputType | ForEach-Object { $_.Name })
        Parameters = @($command.Parameters.Values | Where-Object { -not [System.Management.Automation.PSCmdlet]::CommonParameters.Contains($_.Name) -and $_.Name -notin 'WhatIf', 'Confirm' } | ForEach-Object {
            $parameter = $_
            @{
                Name = $parameter.Name
                Type = $parameter.ParameterType.FullName
                Aliases = @($parameter.Aliases)
                Sets = @($parameter.ParameterSets.GetEnumerator() | ForEach-Object { @{ Set = $_.Key; Position = $_.Value.Position; Mandatory = $_.Value.IsMandatory; ByValue = $_.Value.ValueFromPipeline; ByName = $_.Value.ValueFromPipelineByPropertyName } })
                Attributes = @($parameter.Attributes | ForEach-Object {
                    if ($_ -is [System.Management.Automation.PSTypeNameAttribute]) { 'type ' + $_.PSTypeName }
                    elseif ($_ -is [System.Management.Automation.ValidateSetAttribute]) { 'values ' + ($_.ValidValues -join ',') }
                    elseif ($_ -is [System.Management.Automation.SupportsWildcardsAttribute]) { 'wildcards' }
                    elseif ($_ -is [System.Management.Automation.ArgumentCompleterAttribute]) { 'completes' }
                    elseif ($_ -is [System.Management.Automation.AllowEmptyStringAttribute]) { 'empty' }
                    elseif ($_ -is [System.Management.Automation.ValidateNotNullOrEmptyAttribute]) { 'never empty' }
                })
            }
        })
    }
}`;

/** Where PowerShell has no position. */
const nowhere = -(2 ** 31);

function expected(cmdlet: Cmdlet, parameter: Parameter): Declared {
  const { name, type, aliases = [], values, wildcards, complete, allowEmpty } = parameter;
  const attributes = [
    ...(dotNetTypes[type].includes('PSObject') && !type.startsWith('psobject') ? [`type Bayplan.${type.replace('[]', '')}`] : []),
    ...(values ? [`values ${values.join(',')}`] : []),
    ...(wildcards ? ['wildcards'] : []),
    ...(complete && complete !== 'file' && complete !== 'folder' ? ['completes'] : []),
    ...(allowEmpty ? ['empty'] : type.startsWith('string') || type === 'uri' ? ['never empty'] : []),
  ];
  const sets = Object.entries(parameter.in ?? { __AllParameterSets: {} }).map(([set, binding]) => {
    const { position = nowhere, mandatory = false, byValue = false, byPropertyName = false } = { ...parameter, ...binding };
    return { Set: set, Position: position, Mandatory: mandatory, ByValue: byValue, ByName: byPropertyName };
  });
  for (const { Set: set } of sets)
    assert.ok(set === '__AllParameterSets' || cmdlet.sets?.includes(set), `${cmdlet.name} has no set ${set}`);
  return {
    Name: name,
    Type: dotNetTypes[type],
    Aliases: aliases.toSorted(),
    Sets: sets.toSorted((a, b) => a.Set.localeCompare(b.Set)),
    Attributes: attributes.toSorted(),
  };
}

function sorted(declared: Declared): Declared {
  return {
    ...declared,
    Aliases: declared.Aliases.toSorted(),
    Sets: declared.Sets.toSorted((a, b) => a.Set.localeCompare(b.Set)),
    Attributes: declared.Attributes.toSorted(),
  };
}

describe('the PowerShell module', { skip: powershellSkip }, () => {
  let shell: PowerShell;
  before(async () => {
    shell = startPowerShell();
    assert.equal((await shell.type(`Import-Module '${powershellModule}'`)).text, '');
  });
  after(() => shell.end());

  test('its manifest is valid and names all that is exported, for 5.1 and 7', async () => {
    const [manifest] = (await shell.values(
      `$m = Test-ModuleManifest '${powershellModule}'; @{ Version = "$($m.PowerShellVersion)"; Editions = @($m.CompatiblePSEditions); Functions = @($m.ExportedFunctions.Keys); Aliases = @($m.ExportedAliases.Keys) }`,
    )) as [Readonly<Record<string, unknown>>];
    assert.deepEqual(
      {
        ...manifest,
        Functions: (manifest['Functions'] as string[]).toSorted(),
        Aliases: (manifest['Aliases'] as string[]).toSorted(),
      },
      {
        Version: '5.1',
        Editions: ['Desktop', 'Core'],
        Functions: cmdlets.map(({ name }) => name).toSorted(),
        Aliases: cmdlets.flatMap(({ aliases = [] }) => aliases).toSorted(),
      },
    );
  });

  test('each cmdlet of the table is declared as it says, parameter by parameter', async () => {
    const names = cmdlets.map(({ name }) => `'${name}'`).join(', ');
    const declared = (await shell.values(describeCommand.replace('NAMES', names))) as {
      Name: string;
      Default: string | null;
      Should: boolean;
      Impact: string;
      Output: string[];
      Parameters: Declared[];
    }[];
    assert.deepEqual(
      declared.map((one) => ({ ...one, Parameters: one.Parameters.map(sorted) })),
      cmdlets.map((cmdlet) => ({
        Name: cmdlet.name,
        Default: cmdlet.sets?.[0] ?? null,
        Should: cmdlet.shouldProcess !== undefined,
        Impact: cmdlet.shouldProcess ?? 'None',
        Output: cmdlet.output === undefined ? [] : [cmdlet.output],
        Parameters: cmdlet.parameters.map((parameter) => expected(cmdlet, parameter)),
      })),
    );
  });

  test('each cmdlet has help: a synopsis, each parameter, at least two examples', async () => {
    for (const { name, synopsis, parameters, examples } of cmdlets) {
      assert.ok(examples.length >= 2, name);
      const { text } = await shell.type(`Get-Help ${name} -Full`, { columns: 4000 });
      for (const said of [name, synopsis, ...parameters.map(({ help }) => help), ...examples.flatMap(({ line, text: why }) => [line, why])])
        assert.ok(text.includes(said), `${name}: ${said}\n${text}`);
      for (const parameter of parameters) assert.match(text, new RegExp(`^ {4}-${parameter.name}\\b`, 'm'), name);
    }
  });

  test('each of its own objects is shown by a view', async () => {
    for (const { typeName, columns } of views) {
      const properties = columns.map(({ property }, at) => `${property} = 'v${at}'`).join('; ');
      const { text } = await shell.type(
        `$o = [pscustomobject] @{ ${properties}; Further = 'hidden' }; $o.PSObject.TypeNames.Insert(0, '${typeName}'); $o`,
      );
      const [, header = '', , row = ''] = text.split('\n');
      assert.deepEqual(
        [header.trim().split(/\s+/), row.trim().split(/\s+/)],
        [columns.map(({ property, header: label }) => label ?? property), columns.map((_, at) => `v${at}`)],
      );
    }
  });

  test('PackageManagement’s own cmdlets are left to it where it is installed', async () => {
    const near = startPowerShell({ env: { PSModulePath: join(import.meta.dirname, 'package-management') } });
    try {
      const count = `Import-Module '${powershellModule}'; @((Get-Module Bayplan).ExportedFunctions.Keys | Where-Object { $_ -like '*-PackageProvider' }).Count`;
      assert.deepEqual(await near.values(count), [0]);
      assert.deepEqual(await shell.values(count.replace('; ', ' -Force; ')), [2]);
    } finally {
      await near.end();
    }
  });
});

describe('Windows PowerShell 5.1 reads the module', { skip: powershellSkip }, () => {
  const script = (): string => readFileSync(join(folder, 'Bayplan.psm1'), 'utf8');
  let shell: PowerShell;
  before(() => {
    shell = startPowerShell();
  });
  after(() => shell.end());

  /** What a script uses that 5.1 has not: its syntax, commands outside of the core module, classes of newer systems. */
  const missing = `
    $errors = $null; $tokens = $null
    $tree = [System.Management.Automation.Language.Parser]::ParseInput($text, [ref] $tokens, [ref] $errors)
    foreach ($found in $errors) { 'syntax: ' + $found.Message }
    foreach ($token in $tokens) { if ("$($token.Kind)" -in 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionMark', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr', 'Clean') { "operator: $($token.Text)" } }
    foreach ($found in $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.PipelineAst] -and $args[0].Background }, $true)) { 'operator: &' }
    $own = @($tree.FindAll({ $args[0] -is [System.Management.Automation.Language.FunctionDefinitionAst] }, $true) | ForEach-Object { $_.Name })
    foreach ($command in $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)) {
        $name = $command.GetCommandName()
        if ($null -ne $name -and $name -notin $own -and $name -notin 'Export-ModuleMember', 'Get-Module', 'Import-Module', 'Invoke-Command', 'ForEach-Object', 'Where-Object') { "command: $name" }
    }
    $types = @($tree.FindAll({ $args[0] -is [System.Management.Automation.Language.TypeExpressionAst] -or $args[0] -is [System.Management.Automation.Language.TypeConstraintAst] }, $true) | ForEach-Object { $_.TypeName.FullName })
    foreach ($type in $types) { if ($type -notin KNOWN) { "type: $type" } }
  `;
  /** In .NET Framework 4.5 and System.Management.Automation 5.1. */
  const known = [
    'string', 'string[]', 'object[]', 'psobject', 'psobject[]', 'hashtable', 'int', 'long', 'version', 'guid', 'uri', 'switch', 'type', 'ref', 'bool', 'pscredential', 'scriptblock',
    'System.Activator', 'System.Environment', 'System.Exception', 'System.IO.Directory', 'System.IO.File', 'System.IO.IOException', 'System.IO.Path',
    'System.Collections.ObjectModel.Collection[System.Management.Automation.Host.ChoiceDescription]',
    'System.Diagnostics.Process', 'System.Diagnostics.ProcessStartInfo', 'System.Text.Encoding',
    ...['CompletionResult', 'ErrorCategory', 'ErrorRecord', 'Host.ChoiceDescription', 'HostInformationMessage', 'MethodInvocationException', 'ProgressRecord', 'ProgressRecordType', 'PSSerializer', 'SwitchParameter'].map((name) => `System.Management.Automation.${name}`),
  ]; // prettier-ignore
  const lacking = async (text: string): Promise<unknown[]> =>
    await shell.values(`$text = '${text.replaceAll("'", "''")}'\n${missing.replace('KNOWN', known.map((name) => `'${name}'`).join(', '))}`);

  test('its language, its commands and its classes are those of 5.1', async () => {
    assert.deepEqual(await lacking(script()), []);
  });

  test('what 5.1 lacks is found where it is planted', async () => {
    const planted: Readonly<Record<string, string>> = {
      '$a ?? 1': 'operator: ??',
      '$a ??= 1': 'operator: ??=',
      '$a ? 1 : 2': 'operator: ?',
      '${a}?.b': 'operator: ?.',
      'f &': 'operator: &',
      'f && g': 'operator: &&',
      'f || g': 'operator: ||',
      'function f { clean { } }': 'operator: clean',
      'Write-Error 1': 'command: Write-Error',
      '[System.Text.Json.JsonSerializer]::Serialize(1)': 'type: System.Text.Json.JsonSerializer',
      'if (1': "syntax: Missing closing ')' after expression in 'if' statement.",
    };
    for (const [text, finding] of Object.entries(planted)) assert.ok((await lacking(text)).includes(finding), text);
  });

  test('all its files are ASCII', () => {
    for (const name of ['Bayplan.psm1', 'Bayplan.psd1', 'Bayplan.format.ps1xml', 'en-US/Bayplan-help.xml', 'en-US/about_Bayplan.help.txt'])
      assert.match(readFileSync(join(folder, name), 'latin1'), /^[\t\n\r -~]+$/, name);
  });
});
