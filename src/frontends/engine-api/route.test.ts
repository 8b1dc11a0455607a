import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyAnswer } from './answer.ts';
import { route, RouteTable, splitTarget } from './route.ts';
import { routes } from './routes.ts';

const nothing = () => emptyAnswer(200);

test('a name in a path takes anything, slashes and colons too, and is empty at the end alone', () => {
  const table = new RouteTable([
    route('GET', '/images/json', nothing),
    route('GET', '/images/{name}/json', nothing),
    route('GET', '/images/{name}', nothing),
  ]);
  const found = (path: string): string | undefined => {
    const match = table.find('GET', path);
    return match && `${match.route.path} ${match.name}`;
  };
  assert.equal(found('/images/json'), '/images/json ');
  assert.equal(found('/images/a/json'), '/images/{name}/json a');
  assert.equal(found('/images/host:5000/a/b:1@sha256:x/json'), '/images/{name}/json host:5000/a/b:1@sha256:x');
  assert.equal(found('/images/json/json'), '/images/{name}/json json');
  assert.equal(found('/images/../../etc/json'), '/images/{name}/json ../../etc');
  assert.equal(found('/images//json'), '/images/{name} /json');
  assert.equal(found('/images/'), '/images/{name} ');
  assert.equal(found('/images'), undefined);
  assert.equal(found('/other'), undefined);
  assert.equal(table.find('POST', '/images/json'), undefined);
});

test('no route hides another', () => {
  const table = new RouteTable(routes);
  for (const one of routes) {
    const path = one.path.replace('{name}', 'some-name');
    assert.equal(table.find(one.method, path)?.route, one, `${one.method} ${one.path}`);
  }
});

test('a target is cut into a decoded path and its parameters', () => {
  const split = (target: string): [string, string] => {
    const { path, query } = splitTarget(target);
    return [path, query.toString()];
  };
  assert.deepEqual(split('/a%2Fb%3A1/json?x=1&x=2&y='), ['/a/b:1/json', 'x=1&x=2&y=']);
  assert.deepEqual(split('http://docker/v1.51/info?a'), ['/v1.51/info', 'a=']);
  assert.deepEqual(split('*'), ['*', '']);
  for (const broken of ['/%', '/%zz', '/%c3%28', '/a%00b', '/\0'])
    assert.throws(() => splitTarget(broken), { name: 'ImageError', code: 'invalid-argument' });
});
