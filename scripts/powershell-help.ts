/** The help of the cmdlets as MAML, which Get-Help reads. */
import type { Binding, Cmdlet, Parameter, ParameterType } from '../src/frontends/cmdlets/cmdlet.ts';

const typeNames: Partial<Record<ParameterType, string>> = {
  string: 'String',
  'string[]': 'String[]',
  version: 'Version',
  switch: 'SwitchParameter',
  guid: 'Guid',
  int64: 'Int64',
  uri: 'Uri',
};

/** In PowerShell's own words; each cmdlet with `shouldProcess` has them. */
const asking: readonly Parameter[] = [
  { name: 'Confirm', type: 'switch', help: 'Prompts you for confirmation before running the cmdlet.' },
  { name: 'WhatIf', type: 'switch', help: 'Shows what would happen if the cmdlet runs. The cmdlet is not run.' },
];

export function powershellHelp(cmdlets: readonly Cmdlet[]): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<helpItems schema="maml" xmlns="http://msh">
${cmdlets.map(command).join('')}</helpItems>
`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const paragraphs = (text: string): string =>
  text
    .split('\n')
    .map((line) => `<maml:para>${escaped(line)}</maml:para>`)
    .join('');

function command(cmdlet: Cmdlet): string {
  const { name, sets = [], output, synopsis, description, examples, shouldProcess } = cmdlet;
  const [verb = '', noun = ''] = name.split('-');
  const parameters = [...cmdlet.parameters, ...(shouldProcess === undefined ? [] : asking)];
  const inputs = [
    ...new Set(cmdlet.parameters.filter((one) => bindings(one).some(({ byValue }) => byValue)).map(({ type }) => typeName(type))),
  ];
  const syntax = (sets.length === 0 ? [''] : sets).map((set) => {
    const inSet = parameters
      .filter((parameter) => parameter.in === undefined || Object.hasOwn(parameter.in, set))
      .map((parameter) => ({ ...parameter, ...parameter.in?.[set] }))
      .toSorted((a, b) => (a.position ?? 99) - (b.position ?? 99));
    return `      <command:syntaxItem><maml:name>${name}</maml:name>${inSet.map(parameterText).join('')}</command:syntaxItem>\n`;
  });
  return `  <command:command xmlns:maml="http://schemas.microsoft.com/maml/2004/10" xmlns:command="http://schemas.microsoft.com/maml/dev/command/2004/10" xmlns:dev="http://schemas.microsoft.com/maml/dev/2004/10">
    <command:details>
      <command:name>${name}</command:name>
      <command:verb>${verb}</command:verb>
      <command:noun>${noun}</command:noun>
      <maml:description>${paragraphs(synopsis)}</maml:description>
    </command:details>
    <maml:description>${paragraphs(description)}</maml:description>
    <command:syntax>
${syntax.join('')}    </command:syntax>
    <command:parameters>
${parameters.map((parameter) => `      ${parameterText({ ...parameter, ...bindings(parameter)[0] })}\n`).join('')}    </command:parameters>
    <command:inputTypes>${types(inputs)}</command:inputTypes>
    <command:returnValues>${types(output === undefined ? [] : [output]).replaceAll('inputType', 'returnValue')}</command:returnValues>
    <command:examples>
${examples.map(({ line, text }, index) => `      <command:example><maml:title>Example ${index + 1}</maml:title><dev:code>${escaped(line)}</dev:code><dev:remarks>${paragraphs(text)}</dev:remarks></command:example>\n`).join('')}    </command:examples>
    <command:relatedLinks><maml:navigationLink><maml:linkText>about_Bayplan</maml:linkText><maml:uri></maml:uri></maml:navigationLink></command:relatedLinks>
  </command:command>
`;
}

function bindings(parameter: Parameter): readonly Binding[] {
  return parameter.in === undefined ? [parameter] : Object.values(parameter.in).map((binding) => ({ ...parameter, ...binding }));
}

function typeName(type: ParameterType): string {
  return typeNames[type] ?? type;
}

function types(names: readonly string[]): string {
  return (names.length === 0 ? ['None'] : names)
    .map((name) => `<command:inputType><dev:type><maml:name>${escaped(name)}</maml:name></dev:type></command:inputType>`)
    .join('');
}

function parameterText({
  name,
  aliases = [],
  type,
  values,
  wildcards,
  help,
  position,
  mandatory,
  byValue,
  byPropertyName,
}: Parameter): string {
  const pipeline = [...(byValue ? ['ByValue'] : []), ...(byPropertyName ? ['ByPropertyName'] : [])];
  const attributes = [
    `required="${mandatory === true}"`,
    `globbing="${wildcards === true}"`,
    `pipelineInput="${pipeline.length === 0 ? 'False' : `True (${pipeline.join(', ')})`}"`,
    `position="${position ?? 'named'}"`,
    `aliases="${aliases.length === 0 ? 'none' : aliases.join(', ')}"`,
  ];
  const valueNames =
    values?.map((value) => `<command:parameterValue required="false" variableLength="false">${escaped(value)}</command:parameterValue>`) ??
    [];
  const group = valueNames.length === 0 ? '' : `<command:parameterValueGroup>${valueNames.join('')}</command:parameterValueGroup>`;
  const value =
    type === 'switch'
      ? ''
      : `<command:parameterValue required="true" variableLength="${type.endsWith('[]')}">${typeName(type)}</command:parameterValue>`;
  return `<command:parameter ${attributes.join(' ')}><maml:name>${name}</maml:name><maml:description>${paragraphs(help)}</maml:description>${group}${value}<dev:type><maml:name>${typeName(type)}</maml:name></dev:type></command:parameter>`;
}
