import type { Binding, Cmdlet, Parameter } from './cmdlet.ts';
import { commonParameters } from './common-parameters.ts';
import { bindingIn, setsOf } from './parameter-sets.ts';

/** Help in the form of Get-Help -Full, from the table. @param columns the width that sentences are broken to */
export function helpText(cmdlet: Cmdlet, columns: number): string {
  const { name, aliases = [], synopsis, description, parameters, examples } = cmdlet;
  const width = Math.min(Math.max(columns, 40), 120) - 1;
  const paragraph = (text: string, indent = 4): string => wrapped(text, width, indent);
  const parts = [
    heading('NAME', `    ${name}`),
    heading('SYNOPSIS', paragraph(synopsis)),
    heading(
      'SYNTAX',
      setsOf(cmdlet)
        .map((set) => wrapped(syntax(cmdlet, set), width, 4, 8))
        .join('\n\n'),
    ),
    heading('DESCRIPTION', paragraph(description)),
    heading(
      'PARAMETERS',
      [...parameters.map((parameter) => parameterText(cmdlet, parameter, width)), commonText(cmdlet, width)].join('\n\n'),
    ),
    ...(aliases.length > 0 ? [heading('ALIASES', paragraph(aliases.join(', ')))] : []),
    heading(
      'EXAMPLES',
      examples.map(({ line, text }, at) => `    -- Example ${at + 1} --\n\n    bay ${plainLine(line)}\n\n${paragraph(text)}`).join('\n\n'),
    ),
  ];
  return `\n${parts.join('\n\n')}\n\n`;
}

/** Each cmdlet of a pipeline with `bay` before it, but the first. */
function plainLine(line: string): string {
  return line.replaceAll(/\| (?=\w)/g, '| bay ');
}

function heading(title: string, text: string): string {
  return `${title}\n${text}`;
}

/** `Get-ContainerImage [[-Name] <string>] [-ChildOf <ContainerImage>]`, as PowerShell writes a set. */
function syntax(cmdlet: Cmdlet, set: string): string {
  const inSet = cmdlet.parameters.filter((parameter) => bindingIn(parameter, set) !== undefined);
  const place = (parameter: Parameter): number => bindingIn(parameter, set)?.position ?? Infinity;
  const order = inSet.toSorted((one, other) => Math.min(place(one), 1000) - Math.min(place(other), 1000));
  const changing = cmdlet.shouldProcess ? ['[-WhatIf]', '[-Confirm]'] : [];
  return [
    cmdlet.name,
    ...order.map((parameter) => usage(parameter, bindingIn(parameter, set) ?? {})),
    ...changing,
    '[<CommonParameters>]',
  ].join(' ');
}

function usage({ name, type }: Parameter, { position, mandatory }: Binding): string {
  if (type === 'switch') return `[-${name}]`;
  const dashed = position === undefined ? `-${name}` : `[-${name}]`;
  if (mandatory) return `${dashed} <${type}>`;
  return `[${dashed} <${type}>]`;
}

function parameterText(cmdlet: Cmdlet, parameter: Parameter, width: number): string {
  const { name, type, help, aliases = [], values, wildcards } = parameter;
  const bindings = setsOf(cmdlet).flatMap((set) => bindingIn(parameter, set) ?? []);
  const pipeline = [
    ...(bindings.some(({ byValue }) => byValue) ? ['ByValue'] : []),
    ...(bindings.some(({ byPropertyName }) => byPropertyName) ? ['ByPropertyName'] : []),
  ];
  const place = bindings.find(({ position }) => position !== undefined)?.position;
  const facts: readonly (readonly [string, string])[] = [
    ['Required?', bindings.every(({ mandatory }) => mandatory) ? 'true' : 'false'],
    ['Position?', place === undefined ? 'named' : String(place)],
    ['Accept pipeline input?', pipeline.length > 0 ? `true (${pipeline.join(', ')})` : 'false'],
    ['Accept wildcard characters?', wildcards ? 'true' : 'false'],
    ...(aliases.length > 0 ? [['Aliases', aliases.join(', ')] as const] : []),
    ...(values ? [['Values', values.join(', ')] as const] : []),
  ];
  const lines = facts.map(([fact, value]) => `        ${fact.padEnd(29)}${value}`);
  return [`    -${name}${type === 'switch' ? '' : ` <${type}>`}`, wrapped(help, width, 8), '', ...lines].join('\n');
}

function commonText(cmdlet: Cmdlet, width: number): string {
  const all = commonParameters(cmdlet).map(({ name }) => `-${name}`);
  return [
    '    <CommonParameters>',
    wrapped(
      `${all.join(', ')}. --json prints one JSON document instead of tables; a pipe carries it to the next cmdlet with ids, which are exact.`,
      width,
      8,
    ),
  ].join('\n');
}

function wrapped(text: string, width: number, indent: number, hanging = indent): string {
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(hanging);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}
