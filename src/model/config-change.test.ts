import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageError } from '../errors.ts';
import { applyChanges } from './config-change.ts';

const change = (...lines: string[]) => applyChanges({}, lines);

test('commands are lists as given, or a shell line', () => {
  assert.deepEqual(change('CMD ["a","b c"]'), { Cmd: ['a', 'b c'] });
  assert.deepEqual(change('cmd echo "hi"'), { Cmd: ['/bin/sh', '-c', 'echo "hi"'] });
  assert.deepEqual(change('CMD [ -f /x ]'), { Cmd: ['/bin/sh', '-c', '[ -f /x ]'] });
  assert.deepEqual(applyChanges({ ArgsEscaped: true }, ['CMD x']), { Cmd: ['/bin/sh', '-c', 'x'] });
});

test('on Windows a shell line is one text that is not escaped again, and a folder has its drive', () => {
  const windows = (...lines: string[]) => applyChanges({}, lines, 'windows');
  assert.deepEqual(windows('ENTRYPOINT dir "C:\\a  b"'), { Entrypoint: ['cmd /S /C dir "C:\\a  b"'], ArgsEscaped: true });
  assert.deepEqual(windows('CMD dir', 'CMD ["a","b c"]'), { Cmd: ['a', 'b c'] });
  assert.deepEqual(windows('CMD dir', 'ENTRYPOINT []').ArgsEscaped, true);
  assert.deepEqual(windows('HEALTHCHECK CMD dir "x"'), { Healthcheck: { Test: ['CMD-SHELL', 'dir "x"'] } });
  // Moby's own table (normalizeWorkdirWindows).
  const folders = [
    ['a'],
    ['c:\\foo\\'],
    ['\\foo'],
    ['/foo'],
    ['C:/foo', 'bar'],
    ['C:/foo', '\\bar'],
    ['/foo', 'd:/bar/../x'],
    ['c:\\'],
    ['a', '..\\..'],
  ];
  assert.deepEqual(
    folders.map((lines) => windows(...lines.map((line) => `WORKDIR ${line}`)).WorkingDir),
    ['C:\\a', 'C:\\foo', 'C:\\foo', 'C:\\foo', 'C:\\foo\\bar', 'C:\\bar', 'D:\\x', 'C:\\', 'C:\\'],
  );
  for (const line of ['WORKDIR c:', 'WORKDIR c:.']) assert.throws(() => windows(line), { message: /^c:\.? is not a directory/ });
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
  assert.deepEqual(applyChanges({ Env: ['Root=C:\\a'] }, ['WORKDIR %x%\\$root'], 'windows').WorkingDir, 'C:\\%x%\\C:\\a');
});

test('comments and empty lines between instructions mean nothing, and nothing but these is an error; a port that expands to nothing is none', () => {
  assert.deepEqual(change('# first', 'ENV A=1\n\n # x\nUSER u', 'EXPOSE $NONE 80'), {
    Env: ['A=1'],
    User: 'u',
    ExposedPorts: { '80/tcp': {} },
  });
  for (const lines of [['# x'], [''], ['\n', ' #']])
    assert.throws(() => change(...lines), { code: 'invalid-argument', message: 'file with no instructions' });
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
  assert.deepEqual(change('HEALTHCHECK --interval=0 --timeout=.5s --retries=0 --start-period= CMD true'), {
    Healthcheck: { Test: ['CMD-SHELL', 'true'], Timeout: 5e8 },
  });
  assert.deepEqual(change('HEALTHCHECK NONE'), { Healthcheck: { Test: ['NONE'] } });
  assert.deepEqual(change('HEALTHCHECK CMD curl -f localhost'), { Healthcheck: { Test: ['CMD-SHELL', 'curl -f localhost'] } });
});

test('a line goes on after a backslash, and two dashes end the flags', () => {
  assert.deepEqual(change('ENV A=1 \\ \n B=2\nCMD a \\\n b').Env, ['A=1', 'B=2']);
  assert.deepEqual(change('CMD a \\\n b').Cmd, ['/bin/sh', '-c', 'a  b']);
  assert.equal(change('USER -- me').User, 'me');
});

test('a port is exposed also where it is written as one that is published', () => {
  for (const [written, exposed] of [
    ['80:90', ['90/tcp']],
    ['127.0.0.1:80:81/udp', ['81/udp']],
    ['[::1]::82', ['82/tcp']],
    ['8000-8001:90-91', ['90/tcp', '91/tcp']],
    ['80/', ['80/tcp']],
  ] as const)
    assert.deepEqual(Object.keys(change(`EXPOSE ${written}`).ExposedPorts ?? {}), exposed, written);
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
    ['VOLUME ["/a", ""]', 'VOLUME specified can not be an empty string'],
    ['EXPOSE 80/bogus', 'Invalid proto: bogus'],
    ['EXPOSE a:80', 'Invalid hostPort: a'],
    ['EXPOSE 80:90-91', 'Invalid ranges specified for container and host Ports: 90-91 and 80'],
    ['ENV --x A=1', 'unknown flag: --x'],
    ['CMD --x=1 y', 'unknown flag: --x'],
    ['LABEL --x y', 'LABEL must have two arguments'],
    ['HEALTHCHECK --bogus CMD x', 'unknown flag: --bogus'],
    ['HEALTHCHECK --interval CMD x', 'missing a value on flag: --interval'],
    ['HEALTHCHECK --interval=1s --interval=2s CMD x', 'duplicate flag specified: --interval'],
    ['HEALTHCHECK --interval=5 CMD x', 'time: missing unit in duration "5"'],
    ['HEALTHCHECK --interval=5x CMD x', 'time: unknown unit "x" in duration "5x"'],
    ['HEALTHCHECK --interval=x CMD x', 'time: invalid duration "x"'],
    ['HEALTHCHECK --timeout=1us CMD x', 'Interval "timeout" cannot be less than 1ms'],
    ['HEALTHCHECK --interval=-5s CMD x', 'Interval "interval" cannot be less than 1ms'],
    ['HEALTHCHECK --retries=-1 CMD x', '--retries cannot be negative (-1)'],
    ['HEALTHCHECK --retries=x CMD x', 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['HEALTHCHECK NONE x', 'HEALTHCHECK NONE takes no arguments'],
    ['HEALTHCHECK CMD []', 'Missing command after HEALTHCHECK CMD'],
    ['', 'file with no instructions'],
  ] as const)
    assert.throws(
      () => change(line),
      (error) => isImageError(error, 'invalid-argument') && error.message === text,
      line,
    );
});
