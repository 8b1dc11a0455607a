import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerImageElements, readContainerImage } from './container-image.ts';

const read = (elements: readonly (readonly [string, string])[]) =>
  readContainerImage((name) => elements.find(([key]) => key === name)?.[1]);

test('what the element says comes back, the configuration byte for byte', () => {
  const image = { publisher: 'CN=Demo', version: '10.0.14393.0', mediaType: 'a/b', diffId: 'sha256:00', config: '\ufeff{ "a": "日本" }\n' };
  const elements = containerImageElements(image);
  assert.deepEqual(
    elements.map(([name]) => name),
    ['PUBLISHER', 'VERSION', 'MEDIATYPE', 'DIFFID', 'CONFIG'],
  );
  assert.deepEqual(read(elements), image);
  assert.deepEqual(containerImageElements({}), []);
});

test("somebody else's element of the same name harms nothing", () => {
  assert.deepEqual(
    read([
      ['CONFIG', 'not base64!'],
      ['VERSION', ' 1.0 '],
      ['PUBLISHER', ''],
    ]),
    { version: '1.0' },
  );
  assert.deepEqual(read([['CONFIG', '/w==']]), {});
});
