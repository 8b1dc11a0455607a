/** Containers as typed: made, changed, compared, committed, listed and removed; cp by docker's rules; volumes. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { tarOfFiles } from '../support/base-image.ts';
import { temporary } from '../support/temporary.ts';
import { Console, skipWithoutShell } from './console.ts';
import { shownAs, startHub } from './hub.ts';
import { ago, makeImages } from './made-images.ts';

const skip = skipWithoutShell;

/** `base:1` with a volume, and a few files beside it to copy. */
async function prepare(console: Console): Promise<void> {
  const root = {
    'data/': { path: '', type: 'directory', mode: 0o700 },
    'data/file': 'of the image\n',
    'etc/': '',
    'etc/motd': 'hello\n',
    link: { path: '', type: 'symlink', linkname: 'data', mode: 0o777 },
    'usr/': '',
  } as const;
  writeFileSync(join(console.folder, 'root.tar'), await tarOfFiles(root));
  mkdirSync(join(console.folder, 'nd', 'sub'), { recursive: true });
  writeFileSync(join(console.folder, 'nd', 'f'), '1\n');
  writeFileSync(join(console.folder, 'nf'), 'new\n');
  utimesSync(join(console.folder, 'nf'), 1_767_225_600, 1_767_225_600);
  await console.run(`bay import -c 'VOLUME /data' -c 'CMD ["sh"]' -c 'LABEL tier=web' root.tar base:1`);
}

test('from create to commit, and what each says', { skip }, async (t) => {
  const console = new Console(t);
  await prepare(console);
  await console.type('bay create --name work -e A=1 --label mine=yes base:1 sh -c "sleep 1"');
  await console.type('bay create --name work base:1');
  await console.type('bay create --pull never nope');
  await console.type('bay ps');
  await console.type(
    'bay ps -a --format \'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}\\t{{.Label "mine"}}\'',
  );
  await console.type('bay cp nf work:/etc/new');
  await console.type('bay cp nd work:/usr');
  await console.type('bay diff work');
  await console.type("bay ps -as --format '{{.Names}}: {{.Size}}'");
  await console.type(`bay commit -a me -m 'with files' -c 'CMD ["app"]' work me/app:1`);
  await console.type("bay history --format '{{.CreatedBy}}|{{.Comment}}' me/app:1");
  await console.type("bay inspect -f '{{.Config.Cmd}} {{.Author}} {{len .RootFS.Layers}}' me/app:1");
  await console.type('bay rmi base:1');
  await console.type('bay rename work done');
  await console.type('bay update --restart always --memory 64m --memory-swap 128m done');
  await console.type(
    "bay inspect -f '{{.Name}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Memory}} {{json .Config.Labels}}' done",
  );
  await console.type('bay export done | tar -t');
  await console.type('bay rm -v done nope');
  await console.type('bay volume ls');
  await console.type('bay container prune -f');
  await console.type('bay export -o none/x.tar work');
  await console.type('bay network rm bridge nope');
  await console.type('bay network rm -f nope');
  await console.type('bay network prune -f');
  await console.type('bay system prune -f --volumes --filter until=1h');
  await console.type('echo n | bay system prune --volumes --filter label=a');
  await console.run('bay create --name left base:1');
  await console.type('bay system prune --dry-run');
  await console.type('bay system prune -f');
  console.matches('containers.txt');
});

test('cp by docker’s rules', { skip }, async (t) => {
  const console = new Console(t);
  await prepare(console);
  await console.run('bay create --name c1 base:1');
  for (const line of [
    'bay cp nf c1:/newdir/',
    'bay cp nf c1:/no/such',
    'bay cp nd c1:/newd',
    'bay cp nd/. c1:/etc',
    'bay cp nd c1:/etc/motd',
    'bay cp nf c1:/link/in-the-volume',
    'tar -C nd -c . | bay cp - c1:/usr',
    'tar -C nd -c . | bay cp - c1:/etc/motd',
    'bay diff c1',
    'bay cp c1:/etc/motd - | tar -t',
    'bay cp c1:/link - | tar -t',
    'bay cp c1:/link/ - | tar -t',
    'bay cp -L c1:/link - | tar -t',
    'bay cp c1:/etc/. - | tar -t',
    'bay cp c1:/nope .',
    'bay cp c1:/etc/motd nodir/x',
    'bay cp c1:/etc c1:/usr',
    'bay cp nf nd',
    'bay cp zzz c1:/',
    'bay cp nf nope:/',
    'bay cp c1:/etc got && ls got && cat got/motd',
    'bay cp c1:/etc/motd got/sub && ls got/sub',
    'bay cp -q=false nf c1:/',
  ])
    await console.type(line);
  console.matches('cp.txt');
});

test('volumes and networks', { skip }, async (t) => {
  const console = new Console(t);
  await prepare(console);
  for (const line of [
    'bay volume create --label of=app data',
    'bay volume create x',
    'bay create --name c1 -v data:/data base:1',
    'bay volume ls',
    'bay volume ls --format \'{{.Name}} {{.Driver}} {{.Labels}} {{.Label "of"}}\'',
    "bay volume inspect -f '{{.Name}} {{json .Options}} {{.Labels}}' data",
    'cat "$(bay volume inspect -f \'{{.Mountpoint}}\' data)/file"',
    'bay volume rm data',
    'bay rm c1',
    'bay volume prune -f',
    'bay volume prune -af',
    'bay volume inspect data',
    'bay network ls',
    "bay network inspect -f '{{.Name}} {{.Driver}}' bridge none",
    'bay inspect nothing',
  ])
    await console.type(line);
  console.matches('volumes.txt');
});

test('create brings the image where it is missing, as --pull says', { skip }, async (t) => {
  const home = join(temporary(t, 'hub'), 'home');
  await makeImages(home, [{ name: 'debian:12', platform: 'linux/amd64', age: ago.twoWeeks, size: 100, changes: ['CMD ["bash"]'] }]);
  const hub = await startHub(t, home);
  const console = new Console(t, { env: { CONTAINERS_REGISTRIES_CONF: hub.registriesConf } });
  await console.type('bay create --pull never --name one debian:12');
  await console.type('bay create --name one --platform linux/amd64 debian:12');
  await console.type('bay create --name two --platform linux/amd64 debian:12');
  await console.type('bay create --pull always -q --name three --platform linux/amd64 debian:12');
  await console.type('bay create --name four nosuchimage');
  await console.type('bay create --name four --platform linux/s390x debian:12');
  await console.type("bay ps -a --format '{{.Names}} {{.Image}}' | sort");
  console.matches('create-pull.txt', shownAs(hub));
});

test('a container of a Windows image, on any host', { skip }, async (t) => {
  const console = new Console(t);
  await prepare(console);
  const files = {
    'Files/': '',
    'Files/Users/': '',
    'Files/Windows/': '',
    'Files/Windows/win.ini': '[x]\n',
    'Hives/': '',
    'Hives/System_Base': 'hive',
  };
  writeFileSync(join(console.folder, 'win.tar'), await tarOfFiles(files));
  await console.run(`bay import --platform windows/amd64:10.0.20348.1 -c 'CMD ["cmd"]' win.tar win:1`);
  for (const line of [
    'bay create --platform windows/amd64 --name win win:1',
    String.raw`bay cp nf 'win:C:\Users\new.txt'`,
    String.raw`bay cp nd/. 'win:c:\users\fresh'`,
    'bay cp nf win:/windows/win.ini',
    'bay diff win',
    String.raw`bay cp 'win:C:\USERS\New.TXT' got.txt && cat got.txt`,
    String.raw`bay cp 'win:C:\Users\.' got && ls got`,
    String.raw`bay cp 'win:C:\nope' .`,
    'bay export win | tar -t 2>/dev/null',
    'bay commit win win:2 >/dev/null',
    "bay inspect -f '{{.Os}} {{.OsVersion}} {{len .RootFS.Layers}}' win:2",
    String.raw`bay create --platform windows/amd64 --name rel -w app win:2`,
    String.raw`bay create --platform windows/amd64 --name vol -v 'data:C:\Users' win:2 >/dev/null && ls "$(bay volume inspect -f '{{.Mountpoint}}' data)"`,
  ])
    await console.type(line);
  console.matches('windows-container.txt');
});
