/** Lists and documents as typed: tables, filters, templates, the tree, and what is said of images that are not there. */
import { test } from 'node:test';

import { Console, skipWithoutShell } from './console.ts';
import { ago, makeImages, makeIndexOf } from './made-images.ts';

const skip = skipWithoutShell;

async function family(console: Console): Promise<void> {
  const debian = { platform: 'linux/amd64', age: ago.twoWeeks, size: 20_000 };
  await makeImages(console.home, [
    { ...debian, name: 'debian:amd64', changes: ['ENV PATH=/usr/bin:/bin', 'CMD ["bash"]'] },
    { ...debian, name: 'debian:arm64', platform: 'linux/arm64/v8', age: ago.twoWeeks - 1000 },
    {
      name: 'me/app:1',
      base: 'debian:amd64',
      age: ago.twoDays,
      size: 10_000,
      createdBy: 'COPY app /srv # buildkit',
      changes: ['LABEL tier=web'],
      also: ['me/app:latest'],
    },
    { name: 'nanoserver:10.0.10586.0', age: ago.fiveHours, size: 30_000 },
    { base: 'debian:amd64', age: ago.threeMinutes, size: 1000, createdBy: '/bin/sh -c apt-get update && apt-get install --yes something' },
  ]);
  await makeIndexOf(console.home, ['debian:amd64', 'debian:arm64'], 'debian:12');
}

test('images: the table and its columns', { skip }, async (t) => {
  const console = new Console(t);
  await console.type('bay images');
  await family(console);
  await console.type('bay images');
  await console.type('bay image ls --digests');
  await console.type('bay images --no-trunc');
  await console.type('bay images -q');
  await console.type('bay images -a');
  await console.type('bay images --tree');
  await console.type('bay images ls');
  console.matches('images.txt');
});

test('images: filters', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  await console.type('bay images debian');
  await console.type('bay images debian:12');
  await console.type("bay images 'me/*'");
  await console.type("bay images '*'");
  await console.type('bay images -f dangling=true');
  await console.type('bay images -f dangling=false -q');
  await console.type('bay images -f label=tier');
  await console.type('bay images -f label=tier=db');
  await console.type('bay images -f since=me/app:1');
  await console.type('bay images -f before=me/app:1 -f reference=debian:*64');
  await console.type('bay images -f reference=nanoserver -f reference=me/app:latest');
  await console.type('bay images -f until=24h');
  await console.type('bay images -f before=nosuch');
  await console.type('bay images -f dangling=perhaps');
  await console.type('bay images -f bogus=1');
  console.matches('images-filters.txt');
});

test('images: --format', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  await console.type("bay images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}} {{.CreatedSince}}'");
  await console.type("bay images --format 'table {{.ID}}\\t{{.Repository}}\\t{{.Digest}}'");
  await console.type('bay images --format \'{{if eq .Tag "latest"}}{{upper .Repository}}{{else}}-{{end}}\'');
  await console.type('bay images me/app --format json | sed \'s/"CreatedAt":"[^"]*"/"CreatedAt":"…"/\'');
  await console.type("bay images me/app --format '{{json .Labels}}'");
  await console.type("bay images me/app --format raw | sed 's/^created_at: .*/created_at: …/'");
  await console.type("bay images --format '{{.Nope}}'");
  await console.type("bay images --format '{{.ID'");
  await console.type('bay images debian -q --format table');
  await console.type('bay images debian:12 -q --format raw');
  await console.type('bay images me/app --json | sed \'s/"created":"[^"]*"/"created":"…"/\'');
  console.matches('images-format.txt');
});

test('history: in short, in full, by template', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  const { stdout } = await console.run('bay images -q -f dangling=true');
  await console.type(`bay history ${stdout.trim()}`);
  await console.type(`bay history --no-trunc ${stdout.trim()}`);
  await console.type('bay history -q me/app');
  await console.type("bay history --format '{{.ID}}: {{.CreatedBy}}' me/app");
  await console.type("bay history --format '{{.Tags}}' me/app");
  await console.type('bay history --platform linux/arm64 debian:12');
  await console.type('bay history nosuch');
  console.matches('history.txt');
});

test('inspect: documents, templates, and [] for what is not there', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  const times = `sed -E 's/"[0-9-]{10}T[0-9:.]+Z"/"…"/'`;
  await console.type(`bay inspect me/app:1 | ${times}`);
  await console.type(`bay image inspect --platform linux/arm64 debian:12 | ${times}`);
  await console.type("bay inspect -f '{{.Os}}/{{.Architecture}} {{index .RepoTags 0}} {{json .Config.Cmd}}' me/app:1 debian:12");
  await console.type("bay inspect --format '{{.Config.Labels.tier}} {{len .RootFS.Layers}}' me/app:1");
  await console.type(
    `bay inspect -f '{{json .Config.Entrypoint}} {{.Config.User}} {{index .Config.Labels "nosuch"}}.{{.Comment}}' me/app:1`,
  );
  await console.type("bay inspect -f '{{json .Config}} {{.ID}}' me/app:1");
  await console.type("bay inspect -f '{{.GraphDriver.Name}} {{json .GraphDriver}}' me/app:1");
  await console.type('bay inspect nosuch');
  await console.type('bay image inspect nosuch');
  await console.type("bay image inspect -f '{{.Id}}' nosuch me/app:1");
  await console.type('bay image inspect --platform linux/s390x debian:12');
  await console.type("bay inspect -f '{{.Nope}}' me/app:1");
  console.matches('inspect.txt');
});

test('tag: a new name, a moved name, and what is no name', { skip }, async (t) => {
  const console = new Console(t);
  await family(console);
  await console.type('bay tag me/app:1 you/app');
  await console.type('bay tag debian:arm64 you/app');
  await console.type("bay images 'you/*'");
  await console.type('bay tag nosuch you/app');
  await console.type('bay tag me/app:1 You/app');
  await console.type(`bay tag me/app:1 you/app@sha256:${'0'.repeat(64)}`);
  await console.type('bay tag me/app:1 sha256:1');
  await console.type('bay tag me/app:1 you/app:a:b');
  console.matches('tag.txt');
});

test('system df and info', { skip }, async (t) => {
  const console = new Console(t);
  await console.type('bay system df');
  await family(console);
  await console.type('bay system df');
  await console.run('bay volume create data');
  await console.run('bay volume create idle');
  await console.type('bay system df -v');
  await console.type("bay system df --format '{{.Type}} {{.TotalCount}} {{.Size}}'");
  await console.run('bay create --name work -v data:/data me/app:1 sh -c "sleep 1"');
  await console.type("bay system df -v --format '{{range .Images}}{{.Repository}}:{{.Tag}} {{.Containers}}; {{end}}'");
  await console.type(
    "bay system df -v --format '{{range .Containers}}{{.Names}} {{.Image}} {{.LocalVolumes}} {{.Size}}; {{end}}{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}; {{end}}{{json .BuildCache}}'",
  );
  await console.type("bay system df -v --format '{{.Type}}'");
  await console.type("bay info -f '{{.DockerRootDir}} {{.Images}}'");
  await console.type(
    "bay info -f '{{.Driver}} {{.Containers}} {{.ContainersStopped}} {{.Plugins.Volume}} {{json .Warnings}} {{.Swarm.LocalNodeState}} {{json .SecurityOptions}} {{.ClientInfo.Context}}'",
  );
  console.matches('df.txt');
});
