import { CmdletError } from './cmdlet-error.ts';
import type { CmdletObject } from './cmdlet-object.ts';
import type { Parameter, ParameterType } from './cmdlet.ts';

/** What PowerShell's binder says of a line that does not fit, in its words. */
const error = (id: string, message: string, exceptionType = 'ParameterBindingException'): CmdletError =>
  new CmdletError({ id, message, category: id.startsWith('ParameterArgument') ? 'InvalidData' : 'InvalidArgument', exceptionType });

export function unknownParameter(name: string): CmdletError {
  return error('NamedParameterNotFound', `A parameter cannot be found that matches parameter name '${name}'.`);
}

export function ambiguousParameter(name: string, matches: readonly string[]): CmdletError {
  const list = matches.map((match) => `-${match}`).join(' ');
  return error(
    'AmbiguousParameter',
    `Parameter cannot be processed because the parameter name '${name}' is ambiguous. Possible matches include: ${list}.`,
  );
}

export function tooManyWords(word: string): CmdletError {
  return error('PositionalParameterNotFound', `A positional parameter cannot be found that accepts argument '${word}'.`);
}

export function missingArgument({ name, type }: Pick<Parameter, 'name' | 'type'>): CmdletError {
  return error(
    'MissingArgument',
    `Missing an argument for parameter '${name}'. Specify a parameter of type '${dotNetType(type)}' and try again.`,
  );
}

export function givenTwice(name: string): CmdletError {
  return error(
    'ParameterAlreadyBound',
    `Cannot bind parameter because parameter '${name}' is specified more than once. To provide multiple values to parameters that can accept multiple values, use the array syntax. For example, "-parameter value1,value2,value3".`,
  );
}

export function noSuchSet(): CmdletError {
  return error('AmbiguousParameterSet', 'Parameter set cannot be resolved using the specified named parameters.');
}

export function missingParameters(names: readonly string[]): CmdletError {
  return error(
    'MissingMandatoryParameter',
    `Cannot process command because of one or more missing mandatory parameters: ${names.join(' ')}.`,
  );
}

export function notInSet(name: string, value: string, values: readonly string[]): CmdletError {
  return error(
    'ParameterArgumentValidationError',
    `Cannot validate argument on parameter '${name}'. The argument "${value}" does not belong to the set "${values.join(',')}" specified by the ValidateSet attribute. Supply an argument that is in the set and then try the command again.`,
    'ParameterBindingValidationException',
  );
}

export function emptyText(name: string): CmdletError {
  return error(
    'ParameterArgumentValidationErrorEmptyStringNotAllowed',
    `Cannot bind argument to parameter '${name}' because it is an empty string.`,
    'ParameterBindingValidationException',
  );
}

/** @param why a sentence of .NET's */
export function notOfType({ name, type }: Pick<Parameter, 'name' | 'type'>, value: string, why: string): CmdletError {
  return error(
    'ParameterArgumentTransformationError',
    `Cannot process argument transformation on parameter '${name}'. Cannot convert value "${value}" to type "${dotNetType(type)}". Error: "${why}"`,
    'ParameterBindingArgumentTransformationException',
  );
}

export function objectNotBound(target: CmdletObject): CmdletError {
  return new CmdletError({
    id: 'InputObjectNotBound',
    category: 'InvalidArgument',
    message:
      'The input object cannot be bound to any parameters for the command either because the command does not take pipeline input or the input and its properties do not match any of the parameters that take pipeline input.',
    target,
    exceptionType: 'ParameterBindingException',
  });
}

const dotNetTypes: Partial<Record<ParameterType, string>> = {
  string: 'System.String',
  'string[]': 'System.String[]',
  version: 'System.Version',
  switch: 'System.Management.Automation.SwitchParameter',
  guid: 'System.Guid',
  int64: 'System.Int64',
  uri: 'System.Uri',
  credential: 'System.Management.Automation.PSCredential',
};

function dotNetType(type: ParameterType): string {
  return dotNetTypes[type] ?? type;
}
