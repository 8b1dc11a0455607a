/**
 * Writes the PowerShell module: `powershell/Bayplan.psm1` with one function for each row of the table of cmdlets, the
 * manifest, the views and the help. All of it is ASCII: Windows PowerShell 5.1 takes a file without a mark for one of the
 * system's code page.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Binding, Cmdlet, Parameter, ParameterType } from '../src/frontends/cmdlets/cmdlet.ts';
import { cmdlets } from '../src/frontends/cmdlets/table.ts';
import { views, type View } from '../src/frontends/cmdlets/views.ts';
import { powershellHelp } from './powershell-help.ts';

const guid = '5b0c2a0e-6d0f-4a51-9f0b-3c1f7a2f6e44';

/** Replaces `FOLDER/Bayplan` whole. */
export function writePowerShellModule(root: string, folder: string, version: string): void {
  const draft = join(folder, `Bayplan.${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(join(draft, 'en-US'), { recursive: true });
  const source = (name: string): string => readFileSync(join(root, 'powershell', name), 'utf8');
  const files: Readonly<Record<string, string>> = {
    'Bayplan.psd1': manifest(version),
    'Bayplan.psm1': `${source('Bayplan.psm1')}\n${source('elsewhere.psm1')}\n${paths()}\n${cmdlets.map(cmdletFunction).join('\n')}\n${exported()}`,
    'Bayplan.format.ps1xml': formats(),
    'en-US/Bayplan-help.xml': powershellHelp(cmdlets),
    'en-US/about_Bayplan.help.txt': source('about_Bayplan.help.txt'),
  };
  for (const [name, text] of Object.entries(files)) {
    const odd = /[^\t\n\u0020-\u007e]/.exec(text);
    if (odd)
      throw new Error(`${name}: ${JSON.stringify(odd[0])} is not ASCII: "${text.slice(Math.max(0, odd.index - 40), odd.index + 10)}"`);
    writeFileSync(join(draft, name), text);
  }
  const whole = join(folder, 'Bayplan');
  rmSync(whole, { recursive: true, force: true });
  renameSync(draft, whole);
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const list = (texts: readonly string[]): string =>
  texts.length === 0 ? '@()' : `@(\n        ${texts.map(quoted).join(',\n        ')}\n    )`;

function manifest(version: string): string {
  return `@{
    RootModule = 'Bayplan.psm1'
    ModuleVersion = ${quoted(version)}
    GUID = ${quoted(guid)}
    Author = 'The Bayplan authors'
    CompanyName = 'Bayplan'
    Copyright = '(c) The Bayplan authors. Apache-2.0.'
    Description = 'Container images as cmdlets: find, install, derive, protect, move. The work is done by bay.'
    PowerShellVersion = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess = @('Bayplan.format.ps1xml')
    FunctionsToExport = ${list(cmdlets.map(({ name }) => name))}
    AliasesToExport = ${list(cmdlets.flatMap(({ aliases = [] }) => aliases))}
    CmdletsToExport = @()
    VariablesToExport = @()
    PrivateData = @{
        PSData = @{
            Tags = @('container', 'image', 'docker', 'oci', 'windows')
        }
    }
}
`;
}

/** What PackageManagement has is left to it: a function would go before its cmdlet. */
const packageManagement: ReadonlySet<string> = new Set(['Install-PackageProvider', 'Uninstall-PackageProvider']);

/** The parameters that are paths: PowerShell's own are more than those of the system. */
function paths(): string {
  const rows = cmdlets.flatMap(({ name, parameters }) => {
    const named = parameters.filter(({ complete }) => complete === 'file' || complete === 'folder').map((one) => quoted(one.name));
    return named.length === 0 ? [] : [`    ${quoted(name)} = @(${named.join(', ')})`];
  });
  return `$script:bayPaths = @{\n${rows.join('\n')}\n}\n`;
}

function exported(): string {
  const ours = cmdlets.map(({ name }) => name).filter((name) => !packageManagement.has(name));
  const theirs = cmdlets.map(({ name }) => name).filter((name) => packageManagement.has(name));
  const aliases = cmdlets.flatMap(({ aliases: names = [] }) => names);
  return `$bayExported = ${list(ours)}
if (-not (Test-BayPackageManagement)) { $bayExported += ${list(theirs)} }
Export-ModuleMember -Function $bayExported -Alias ${list(aliases)}
`;
}

const types: Readonly<Record<ParameterType, string>> = {
  string: '[string]',
  'string[]': '[string[]]',
  version: '[version]',
  switch: '[switch]',
  guid: '[guid]',
  int64: '[long]',
  uri: '[uri]',
  psobject: '[psobject]',
  'psobject[]': '[psobject[]]',
  credential: '[System.Management.Automation.Credential()] [pscredential]',
  ContainerImage: "[PSTypeName('Bayplan.ContainerImage')] [psobject]",
  'ContainerImage[]': "[PSTypeName('Bayplan.ContainerImage')] [psobject[]]",
  Container: "[PSTypeName('Bayplan.Container')] [psobject]",
  'Container[]': "[PSTypeName('Bayplan.Container')] [psobject[]]",
  'ContainerImageItem[]': "[PSTypeName('Bayplan.ContainerImageItem')] [psobject[]]",
  'ContainerImageSource[]': "[PSTypeName('Bayplan.ContainerImageSource')] [psobject[]]",
};

/** `Bayplan.psm1` says what the three blocks do. */
function cmdletFunction(cmdlet: Cmdlet): string {
  const { name, aliases = [], sets = [], shouldProcess, output, parameters } = cmdlet;
  const binding = [
    ...(sets[0] === undefined ? [] : [`DefaultParameterSetName = ${quoted(sets[0])}`]),
    'PositionalBinding = $false',
    ...(shouldProcess === undefined ? [] : ['SupportsShouldProcess = $true', `ConfirmImpact = '${shouldProcess}'`]),
  ];
  return [
    `# .EXTERNALHELP Bayplan-help.xml`,
    `function ${name} {`,
    `    [CmdletBinding(${binding.join(', ')})]`,
    ...(output === undefined ? [] : [`    [OutputType(${quoted(output)})]`]),
    ...aliases.map((alias) => `    [Alias(${quoted(alias)})]`),
    '    param(',
    parameters.map((parameter) => parameterText(cmdlet, parameter)).join(',\n\n'),
    '    )',
    `    begin { . $script:bayBegin ${quoted(name)} }`,
    '    process { . $script:bayProcess }',
    '    end { Stop-Bay $bay }',
    '}',
    '',
  ].join('\n');
}

function parameterText(cmdlet: Cmdlet, parameter: Parameter): string {
  const { name, aliases = [], type, wildcards, complete, values, allowEmpty } = parameter;
  // A variable that was never set must not stand for every image.
  const text = type === 'string' || type === 'string[]' || type === 'uri';
  const own = complete !== undefined && complete !== 'file' && complete !== 'folder';
  return [
    ...Object.entries(parameter.in ?? { '': {} }).map(([set, binding]) => parameterAttribute(set, { ...parameter, ...binding })),
    ...(aliases.length === 0 ? [] : [`[Alias(${aliases.map(quoted).join(', ')})]`]),
    ...(allowEmpty ? ['[AllowEmptyString()]'] : text ? ['[ValidateNotNullOrEmpty()]'] : []),
    ...(values === undefined ? [] : [`[ValidateSet(${values.map(quoted).join(', ')})]`]),
    ...(wildcards ? ['[SupportsWildcards()]'] : []),
    ...(own
      ? [
          `[ArgumentCompleter({ param($command, $parameter, $word, $syntax, $bound) & (Get-Module Bayplan) Find-BayValue ${quoted(cmdlet.name)} ${quoted(name)} $word $bound })]`,
        ]
      : []),
    types[type],
    `$${name}`,
  ]
    .map((line) => `        ${line}`)
    .join('\n');
}

function parameterAttribute(set: string, { position, mandatory, byValue, byPropertyName }: Binding): string {
  const said = [
    ...(set === '' ? [] : [`ParameterSetName = ${quoted(set)}`]),
    ...(position === undefined ? [] : [`Position = ${position}`]),
    ...(mandatory ? ['Mandatory = $true'] : []),
    ...(byValue ? ['ValueFromPipeline = $true'] : []),
    ...(byPropertyName ? ['ValueFromPipelineByPropertyName = $true'] : []),
  ];
  return `[Parameter(${said.join(', ')})]`;
}

function formats(): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<Configuration>
  <ViewDefinitions>
${views.map(view).join('')}  </ViewDefinitions>
</Configuration>
`;
}

function view({ typeName, columns }: View): string {
  const fixed = columns.some(({ width }) => width !== undefined);
  return `    <View>
      <Name>${typeName}</Name>
      <ViewSelectedBy><TypeName>${typeName}</TypeName></ViewSelectedBy>
      <TableControl>
${fixed ? '' : '        <AutoSize />\n'}        <TableHeaders>
${columns.map(({ property, header = property, width }) => `          <TableColumnHeader><Label>${header}</Label>${width === undefined ? '' : `<Width>${width}</Width>`}<Alignment>Left</Alignment></TableColumnHeader>\n`).join('')}        </TableHeaders>
        <TableRowEntries>
          <TableRowEntry>
            <TableColumnItems>
${columns.map(({ property }) => `              <TableColumnItem><PropertyName>${property}</PropertyName></TableColumnItem>\n`).join('')}            </TableColumnItems>
          </TableRowEntry>
        </TableRowEntries>
      </TableControl>
    </View>
`;
}
