import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { applyChanges } from './config-change.ts';

const change = (...lines: string[]) => applyChanges({}, lines);

test('commands are lists as given, or a shell line', () => {
  assert.deepEqual(change('CMD ["a","b c"]'), { Cmd: ['a', 'b c'] });
  assert.deepEqual(change('cmd echo "hi"'), { Cmd: ['/bin/sh', '-c', 'echo "hi"'] });
  assert.deepEqual(applyChanges({}, ['ENTRYPOINT dir'], 'windows'), { Entrypoint: ['cmd', '/S', '/C', 'dir'] });
  assert.deepEqual(change('CMD [ -f /x ]'), { Cmd: ['/bin/sh', '-c', '[ -f /x ]'] });
});

test('an environment keeps its order and replaces in place', () => {
  assert.deepEqual(change('ENV A=1 B="two words"', 'ENV A 3 and more'), { Env: ['A=3 and more', 'B=two words'] });
});

test('ports, volumes, labels, users, folders and signals are read as in a Dockerfile', () => {
  assert.deepEqual(change('EXPOSE 80 90/udp 8000-8001'), { ExposedPorts: { '80/tcp': {}, '90/udp': {}, '8000/tcp': {}, '8001/tcp': {} } });
  assert.deepEqual(change('VOLUME ["/a b"]', 'VOLUME /c /d'), { Volumes: { '/a b': {}, '/c': {}, '/d': {} } });
  assert.deepEqual(change("LABEL a=b 'c d'=e"), { Labels: { a: 'b', 'c d': 'e' } });
  assert.deepEqual(change('WORKDIR /a', 'WORKDIR b/../c'), { WorkingDir: '/a/c' });
  assert.deepEqual(change('USER me:us', 'STOPSIGNAL SIGQUIT'), { User: 'me:us', StopSignal: 'SIGQUIT' });
  assert.deepEqual(change('ONBUILD RUN x', 'ONBUILD ADD . /'), { OnBuild: ['RUN x', 'ADD . /'] });
});

test('variables of the config so far are replaced, but not in single quotes', () => {
  assert.deepEqual(change('ENV A=1 B=$A', 'ENV C=$A-${A}-${NO:-none}-${A:+yes} D=\'$A\' E="$A b" F=\\$A').Env, [
    'A=1',
    'B=',
    'C=1-1-none-yes',
    'D=$A',
    'E=1 b',
    'F=$A',
  ]);
  assert.deepEqual(change('ENV H=/home U=me', 'WORKDIR $H/$U', 'USER $U', 'LABEL l=$U', 'VOLUME ["$H"]', 'EXPOSE ${P:-80}', 'CMD $H'), {
    Env: ['H=/home', 'U=me'],
    WorkingDir: '/home/me',
    User: 'me',
    Labels: { l: 'me' },
    Volumes: { '/home': {} },
    ExposedPorts: { '80/tcp': {} },
    Cmd: ['/bin/sh', '-c', '$H'],
  });
  assert.deepEqual(applyChanges({ Env: ['Root=C:\\a'] }, ['WORKDIR %x%\\$root'], 'windows').WorkingDir, '%x%\\C:\\a');
});

test('a new entrypoint drops the old command, and keeps one that stands before it', () => {
  const before = { Entrypoint: ['/old'], Cmd: ['old'] };
  assert.deepEqual(applyChanges(before, ['ENTRYPOINT ["/new"]']), { Entrypoint: ['/new'] });
  assert.deepEqual(applyChanges(before, ['CMD ["new"]\nENTRYPOINT ["/new"]']), { Entrypoint: ['/new'], Cmd: ['new'] });
});

test('a health check has its durations in nanoseconds', () => {
  assert.deepEqual(change('HEALTHCHECK --interval=1m30s --retries=3 CMD ["true"]'), {
    Healthcheck: { Test: ['CMD', 'true'], Interval: 90e9, Retries: 3 },
  });
  assert.deepEqual(change('HEALTHCHECK NONE'), { Healthcheck: { Test: ['NONE'] } });
  assert.deepEqual(change('HEALTHCHECK CMD curl -f localhost'), { Healthcheck: { Test: ['CMD-SHELL', 'curl -f localhost'] } });
});

test('what is no change is refused in words that docker uses', () => {
  for (const [line, text] of [
    ['BOGUS x', 'BOGUS is not a valid change command'],
    ['RUN x', 'RUN is not a valid change command'],
    ['EXPOSE 99999', 'Invalid containerPort: 99999'],
    ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['ENV', 'ENV requires at least one argument'],
    ['ENV x', 'ENV must have two arguments'],
    ['ENV =x', 'ENV names can not be blank'],
    ['ENV X="open', String.raw`failed to process "\"open": unexpected end of statement while looking for matching double-quote`],
    ['USER', 'USER requires exactly one argument'],
    ['WORKDIR', 'WORKDIR requires exactly one argument'],
    ['VOLUME []', 'VOLUME requires at least one argument'],
    ['STOPSIGNAL bogus', 'invalid signal: bogus'],
    ['HEALTHCHECK bogus', 'Unknown type "BOGUS" in HEALTHCHECK (try CMD)'],
    ['ENTRYPOINT ["a", 1]', 'when using JSON array syntax, arrays must be comprised of strings only'],
    ['# nothing', 'file with no instructions'],
    ['', 'file with no instructions'],
  ] as const)
    assert.throws(
      () => change(line),
      (error) => isImageError(error, 'invalid-argument') && error.message === text,
      line,
    );
});
