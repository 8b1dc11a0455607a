import { readBaseVersion } from '../../model/base-version.ts';
import { emptyText, notInSet, notOfType } from './binder-error.ts';
import type { Value } from './cmdlet-object.ts';
import type { Parameter } from './cmdlet.ts';

/**
 * A word as the value of a parameter, as PowerShell converts it. An object is told by a word too: its name, id or reference.
 * @throws CmdletError with PowerShell's texts
 */
export function readArgument(parameter: Parameter, word: string): Value {
  const { name, type, values, allowEmpty } = parameter;
  if (word === '' && !allowEmpty && type !== 'switch') throw emptyText(name);
  switch (type) {
    case 'switch':
      return readSwitch(parameter, word);
    case 'version':
      return readVersion(parameter, word);
    case 'int64':
      return readNumber(parameter, word);
    case 'guid': {
      const [, guid] = /^\{?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}?$/i.exec(word) ?? [];
      if (guid === undefined) throw notOfType(parameter, word, 'Guid should contain 32 digits with 4 dashes.');
      return { kind: 'guid', text: guid.toLowerCase() };
    }
    default: {
      const listed = type.endsWith('[]') ? word.split(',').map((item) => item.trim()) : [word];
      if (listed.includes('') && !allowEmpty) throw emptyText(name);
      const checked = listed.map((item) => {
        const found = values?.find((value) => value.toLowerCase() === item.toLowerCase());
        if (values && found === undefined) throw notInSet(name, item, values);
        return found ?? item;
      });
      return type.endsWith('[]') ? checked : checked[0];
    }
  }
}

const truths: Readonly<Record<string, boolean>> = { $true: true, true: true, '1': true, $false: false, false: false, '0': false };

function readSwitch(parameter: Parameter, word: string): boolean {
  const value = truths[word.toLowerCase()];
  if (value !== undefined) return value;
  // A Unix shell has made nothing of an unquoted $false.
  const why = word === '' ? `Quote it in this shell: '-${parameter.name}:$false'` : 'String was not recognized as a valid Boolean.';
  throw notOfType(parameter, word, why);
}

function readVersion(parameter: Parameter, word: string): Value {
  const parts = word.trim().split('.');
  if (parts.length < 2 || parts.length > 4) throw notOfType(parameter, word, 'Version string portion was too short or too long.');
  if (!parts.every((part) => /^\d+$/.test(part))) throw notOfType(parameter, word, 'Input string was not in a correct format.');
  const version = readBaseVersion(word);
  if (version === undefined) throw notOfType(parameter, word, 'Value was either too large or too small for an Int32.');
  return { kind: 'version', text: version };
}

const sizes: Readonly<Record<string, number>> = { '': 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 };

function readNumber(parameter: Parameter, word: string): number {
  const [, digits, unit = ''] = /^(\d{1,16})(kb|mb|gb|tb)?$/i.exec(word.trim()) ?? [];
  const number = Number(digits) * (sizes[unit.toLowerCase()] ?? 1);
  if (digits === undefined) throw notOfType(parameter, word, 'Input string was not in a correct format.');
  if (!Number.isSafeInteger(number)) throw notOfType(parameter, word, 'Value was either too large or too small for an Int64.');
  return number;
}
