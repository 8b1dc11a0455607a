import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonMistake, notAnObject } from './json-mistake.ts';

test('what is wrong with a text is said as Go’s decoder says it', () => {
  for (const [text, said] of [
    ['', 'END'],
    ['{', 'END'],
    ['{"a":"b"', 'END'],
    ['["', 'END'],
    ['[1', 'END'],
    ['x', "invalid character 'x' looking for beginning of value"],
    [',', "invalid character ',' looking for beginning of value"],
    ["{'a':1}", String.raw`invalid character '\'' looking for beginning of object key string`],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" "b"}', `invalid character '"' after object key`],
    ['{"a":"b" "c"}', `invalid character '"' after object key:value pair`],
    ['{"a":01}', "invalid character '1' after object key:value pair"],
    ['["a" "b"]', `invalid character '"' after array element`],
    ['["a",]', "invalid character ']' looking for beginning of value"],
    ['{"a":tru}', "invalid character '}' in literal true (expecting 'e')"],
    ['[-]', "invalid character ']' in numeric literal"],
    ['[1.]', "invalid character ']' after decimal point in numeric literal"],
    ['[1e]', "invalid character ']' in exponent of numeric literal"],
    ['["\\x"]', "invalid character 'x' in string escape code"],
    ['["\\u00g0"]', "invalid character 'g' in \\u hexadecimal character escape"],
    ['["\n"]', String.raw`invalid character '\n' in string literal`],
    ['["\u0001"]', String.raw`invalid character '\x01' in string literal`],
    ['{} x', undefined],
    ['{"a":[{"b":[]},1e-3,"\\u00e9\\n",null]}', undefined],
  ] as const)
    assert.equal(jsonMistake(text, 'END'), said, text);
});

test('where a document is to stand alone, what follows it is a mistake', () => {
  assert.equal(jsonMistake('{} x', 'END', true), "invalid character 'x' after top-level value");
  assert.equal(jsonMistake(' {} \n', 'END', true), undefined);
});

test('it is said of every text that is no JSON, and of no other, however deep it goes', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const broken = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, put]) => {
    const place = at % (json.length + 1);
    return json.slice(0, place) + put + json.slice(place + 1);
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), broken), (text) => {
      assert.equal(jsonMistake(text, 'END', true) === undefined, isJson(text));
    }),
  );
  assert.equal(jsonMistake('['.repeat(1_000_000), 'END'), 'END');
});

test('a document that is no object is said to be what it is', () => {
  assert.equal(notAnObject([], 'container.CreateRequest'), 'json: cannot unmarshal array into Go value of type container.CreateRequest');
  assert.equal(notAnObject(true, 'T'), 'json: cannot unmarshal bool into Go value of type T');
});
