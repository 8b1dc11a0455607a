import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listText } from './list.ts';

interface Row {
  readonly id: string;
  readonly tag: string;
  readonly created?: string;
}

let sizesAsked = 0;
const fields = {
  ID: { title: 'IMAGE ID', value: (row: Row) => row.id },
  Tag: { title: 'TAG', value: (row: Row) => row.tag },
  CreatedSince: { title: 'CREATED', value: (row: Row) => row.created, empty: 'N/A' },
  Size: {
    title: 'SIZE',
    value: () => {
      sizesAsked++;
      return '1<B';
    },
  },
};
const rows: readonly Row[] = [
  { id: 'aaa', tag: 'x', created: '2 weeks ago' },
  { id: 'bbb', tag: 'Y' },
];
const list = (format?: string, of = rows) =>
  listText(of, {
    format,
    fields,
    columns: ['Tag', 'ID', 'CreatedSince'],
    type: '*formatter.imageContext',
    raw: 'tag: {{.Tag}}\\nimage_id: {{.ID}}\\n',
  });

test('without a format, and with table, the command’s own columns are shown', async () => {
  const expected = 'TAG       IMAGE ID   CREATED\nx         aaa        2 weeks ago\nY         bbb        N/A\n';
  for (const format of [undefined, '', 'table', 'table ']) assert.equal(await list(format), expected);
  assert.equal(await list('table', []), 'TAG       IMAGE ID   CREATED\n');
});

test('a table of one’s own has titles, which functions leave alone', async () => {
  assert.equal(
    await list('table {{.ID}}\\t{{upper .Tag}}\\t{{json .Tag}}'),
    'IMAGE ID   TAG       TAG\naaa        X         "x"\nbbb        Y         "Y"\n',
  );
  assert.equal(await list('tableX {{.ID}}', rows.slice(0, 1)), 'X IMAGE ID\nX aaa\n');
  assert.equal(await list('table {{.ID}}', []), 'IMAGE ID\n');
});

test('a template is a line a row, trimmed of its outer spaces', async () => {
  assert.equal(await list('  {{.ID}}:{{.Tag}} '), 'aaa:x\nbbb:Y\n');
  assert.equal(await list('{{.ID}}\\t{{.Tag}}\\n'), 'aaa\tx\n\nbbb\tY\n\n');
  assert.equal(await list('{{.ID}}', []), '');
});

test('json is an object a line, its keys sorted and its text escaped as Go escapes it', async () => {
  assert.equal(await list('json', rows.slice(0, 1)), '{"CreatedSince":"2 weeks ago","ID":"aaa","Size":"1\\u003cB","Tag":"x"}\n');
  assert.equal(await list('{{json .}}', rows.slice(0, 1)), await list('json', rows.slice(0, 1)));
});

test('raw is the command’s own template', async () => {
  assert.equal(await list('raw', rows.slice(0, 1)), 'tag: x\nimage_id: aaa\n\n');
});

test('a field is computed only where a template names it', async () => {
  sizesAsked = 0;
  await list('{{.ID}}');
  assert.equal(sizesAsked, 0);
  await list('{{.Size}}');
  assert.equal(sizesAsked, 2);
});

test('a field that no list has is an error that names the row’s type, and no row is printed', async () => {
  await assert.rejects(list('{{.Nope}}'), {
    code: 'invalid-argument',
    message: `template parsing error: template: :1:2: executing "" at <.Nope>: can't evaluate field Nope in type *formatter.imageContext`,
  });
  await assert.rejects(list('{{.ID'), { message: 'template parsing error: template: :1: unclosed action' });
});
