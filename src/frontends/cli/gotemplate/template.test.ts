import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ImageError } from '../../../errors.ts';
import recorded from './go-answers.json' with { type: 'json' };
import { parseTemplate, type TemplateOptions } from './template.ts';
import { goStruct } from './values.ts';

/** What a template prints, or its complaint without docker's words before it. */
function answer(text: string, data: unknown, options?: TemplateOptions): string {
  try {
    return parseTemplate(text, options).execute(data);
  } catch (error) {
    assert.ok(error instanceof ImageError && error.code === 'invalid-argument' && error.detail['plain'] === true, String(error));
    assert.match(error.message, /^template parsing error: template: /);
    return error.message.slice('template parsing error: '.length);
  }
}

test('each template is answered as Go’s text/template answered it, output and complaint alike', () => {
  for (const [text, expected] of Object.entries(recorded.answers)) assert.equal(answer(text, recorded.data), expected, text);
});

test('JSON keeps the order of a document’s keys, and a bigint is a number', () => {
  assert.equal(
    answer('{{json .}}', { z: 1, a: [{ y: true }], big: 2n ** 63n, text: '<&>\u2028' }),
    '{"z":1,"a":[{"y":true}],"big":9223372036854775808,"text":"<&>\\u2028"}',
  );
});

test('a missing key has no value, or is an error where that is asked for', () => {
  assert.equal(answer('{{.Config.Nope}}|{{.Nope.Deeper}}', { Config: {} }), '<no value>|<no value>');
  assert.equal(
    answer('{{.Config.Nope}}', { Config: {} }, { missingKey: 'error' }),
    'template: :1:9: executing "" at <.Config.Nope>: map has no entry for key "Nope"',
  );
  assert.equal(
    answer('{{with .Nope}}{{end}}', {}, { name: 'version', missingKey: 'error' }),
    'template: version:1:7: executing "version" at <.Nope>: map has no entry for key "Nope"',
  );
});

test('a struct is closed, its type is in the complaint, and it is always true', () => {
  const row = goStruct('*formatter.imageContext', { ID: 'x' });
  assert.equal(
    answer('{{.Nope}}', row),
    `template: :1:2: executing "" at <.Nope>: can't evaluate field Nope in type *formatter.imageContext`,
  );
  assert.equal(answer('{{.ID.Nope}}', row), `template: :1:5: executing "" at <.ID.Nope>: can't evaluate field Nope in type string`);
  assert.equal(answer('{{if .}}yes{{end}}', goStruct('x', {})), 'yes');
});

test('nothing of a prototype is a field', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'length'])
    assert.equal(answer(`{{.${name}}}{{.l.${name}}}`, { l: {} }), '<no value><no value>', name);
  assert.equal(answer('{{index . "constructor"}}', {}), '<no value>');
});

test('a function in the data is a method: it takes arguments, and what it throws is the template’s error', () => {
  const data = {
    Label: (name: string) => `label ${name}`,
    Fail: () => {
      throw new Error('no such label');
    },
  };
  assert.equal(answer('{{.Label "a"}} {{"b" | .Label}} {{(.Label "c") | len}}', data), 'label a label b 7');
  assert.equal(answer('{{.Fail}}', data), 'template: :1:2: executing "" at <.Fail>: error calling Fail: no such label');
});

test('a template that calls itself, ranges too far or grows without end is stopped', () => {
  assert.match(answer('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', {}), /exceeded maximum template depth/);
  assert.match(answer('{{range 1000000000}}{{end}}', {}), /too many steps/);
  assert.match(answer('{{$x := "0123456789"}}{{range 30}}{{$x = print $x $x}}{{end}}{{$x}}', {}), /too large|too many steps/);
  assert.match(answer('{{range 100000}}{{printf "%1000d" 1}}{{end}}', {}), /output is too large/);
  assert.match(answer(`${'{{if 1}}'.repeat(20_000)}`, {}), /nested deeper/);
  assert.match(answer(`{{${'('.repeat(20_000)}1`, {}), /nested deeper|unclosed/);
});

const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '.',
      '.s',
      '.n',
      '.l',
      '.m',
      '.m.k',
      '.zz',
      '$',
      '$x',
      '1',
      '-2',
      '1.5',
      '"a"',
      '`r`',
      "'c'",
      'true',
      'nil',
      '(',
      ')',
      '|',
      ',',
      ':=',
      '=',
      ' ',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'len ',
      'index ',
      'slice ',
      'printf "%v %5d %q" ',
      'eq ',
      'lt ',
      'and ',
      'or ',
      'not ',
      'json ',
      'split ',
      'join ',
      'pad ',
      'truncate ',
      'call ',
      'html ',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'if ',
      'else',
      'end',
      'range ',
      'with ',
      'break',
      'continue',
      'define "t"',
      'template "t" ',
      'block "u" .',
      '}}',
      '{{',
      '}}x{{',
      '{{end}}',
      '/*',
      '*/',
      '- ',
      ' -',
    ),
  },
  { weight: 1, arbitrary: fc.string() },
);

test('any text is printed or complained of, and never hangs or throws anything else', () => {
  const data = { s: 'é', n: 3, l: ['x'], m: { k: 1 } };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      answer(`{{${pieces.join('')}}}`, data);
      answer(pieces.join(''), data);
    }),
    { numRuns: 1500 },
  );
});

test('any format and any values are printed, never thrown at', () => {
  const verb = fc.oneof(
    fc.constantFrom(
      '%v',
      '%d',
      '%5s',
      '%-8q',
      '%x',
      '%08.3f',
      '%[2]v',
      '%*d',
      '%.3s',
      '%!',
      '%',
      '%+v',
      '%#x',
      '%e',
      '%c',
      '%U',
      '%T',
      '%[9]d',
      '%.[1]*f',
    ),
    fc.string(),
  );
  const value = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.bigInt(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 2 }),
    fc.dictionary(fc.string(), fc.integer(), { maxKeys: 2 }),
  );
  fc.assert(
    fc.property(fc.array(verb, { maxLength: 4 }), value, value, (verbs, a, b) => {
      answer('{{printf .f .a .b}}', { f: verbs.join(''), a, b });
    }),
    { numRuns: 1500 },
  );
});
