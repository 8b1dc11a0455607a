/** The page's docker rows, typed as they stand into a real terminal: docker's own client drives the Engine API door. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { peer, skipWithout } from '../support/peers.ts';
import { screen, tmux } from '../support/screen.ts';
import { temporary } from '../support/temporary.ts';
import { startHub, startServer } from './hub.ts';
import { ago, makeImages, windowsservercore, type NewImage } from './made-images.ts';

const docker = peer('docker');

const base = windowsservercore('10.0.10586.0', ago.twoWeeks);
const aspnet: NewImage = {
  name: 'microsoft/aspnet:latest',
  base: 'windowsservercore:10.0.10586.0',
  age: ago.fiveHours,
  size: 101_700,
  changes: ['LABEL org.opencontainers.image.description="ASP.NET 5 framework"'],
};

test(
  "the page's docker rows, by docker's own client: S9 to S11, S18 to S24",
  { skip: skipWithout(docker, tmux), timeout: 120_000 },
  async (t) => {
    const hubHome = join(temporary(t, 'hub'), 'home');
    // A base that the hub does not have: it is installed here, and has its version as its only tag.
    await makeImages(hubHome, [base, aspnet, { name: 'nobody/else:1', age: ago.twoDays, size: 100 }]);
    const hub = await startHub(t, hubHome);
    const folder = temporary(t, 'host');
    const home = join(folder, 'home');
    const [id = ''] = await makeImages(home, [{ name: 'ourbase:10.0.10586.0', age: ago.twoWeeks, size: 9000 }]);
    const socket = join(folder, 'docker.sock');
    await startServer(t, home, { args: ['--docker-socket', socket], env: { CONTAINERS_REGISTRIES_CONF: hub.registriesConf } });
    const terminal = await screen(t, 150, 50, home, { DOCKER_HOST: `unix://${socket}` });
    let lines = 0;
    const typed = async (line: string, pattern: RegExp): Promise<string> => {
      // What the line before has left on the screen ends with a code too.
      lines++;
      await terminal.type(`clear; ${line}; echo "code $?"; echo "end ${lines}"`);
      await terminal.shows(new RegExp(`^end ${lines}$`, 'm'));
      return await terminal.shows(pattern);
    };
    const short = id.slice(7, 19);

    const run = await typed('docker run -it ourbase cmd', /^code 125$/m);
    assert.match(run, /^Unable to find image 'ourbase:latest' locally$/m);
    assert.match(run, /^docker: Error response from daemon: .*ourbase:latest not found/m);

    await typed(`docker tag ${short} ourbase:latest`, /^code 0$/m);
    const tagged = await typed('docker images', /^code 0$/m);
    assert.match(tagged, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/m);
    for (const tag of ['latest', '10\\.0\\.10586\\.0']) assert.match(tagged, new RegExp(`^ourbase +${tag} +${short} +2 weeks ago +`, 'm'));

    const created = await typed('docker create --name demo ourbase cmd', /^code 0$/m);
    const container = /^[0-9a-f]{64}$/m.exec(created)?.[0] ?? '';
    await typed(`printf "<html>" > ${folder}/index.html && docker cp ${folder}/index.html demo:C:/inetpub.html`, /^code 0$/m);
    const committed = await typed(`docker commit ${container.slice(0, 12)} ourbaseiis`, /^code 0$/m);
    assert.match(committed, /^sha256:[0-9a-f]{64}$/m);
    const images = await typed('docker images', /^code 0$/m);
    assert.match(images, /^ourbaseiis +latest +[0-9a-f]{12} +\w.* ago +/m);
    const history = await typed('docker history ourbaseiis', /^code 0$/m);
    assert.match(history, /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/m);
    assert.match(history, new RegExp(`^${short} +2 weeks ago`, 'm'), 'down to the base, which has an id of its own');

    const refused = await typed(`docker rmi ${short}`, /^code 1$/m);
    assert.match(refused, /conflict: unable to delete/);
    assert.match(refused, /demo|[0-9a-f]{12}/);
    const removed = await typed('docker rmi ourbaseiis', /^code 0$/m);
    assert.match(removed, /^Untagged: ourbaseiis:latest$/m);
    assert.match(removed, /^Deleted: sha256:[0-9a-f]{64}$/m);

    const found = await typed("docker search '*'", /^code 0$/m);
    assert.match(found, /^NAME +DESCRIPTION +STARS +OFFICIAL/m);
    assert.match(found, /^microsoft\/aspnet +ASP\.NET 5 framework +0/m);

    const pulled = await typed('docker pull microsoft/aspnet', /^code 0$/m);
    assert.match(pulled, /^Using default tag: latest$/m);
    assert.match(pulled, /^latest: Pulling from microsoft\/aspnet$/m);
    assert.match(pulled, /^[0-9a-f]{12}: (?:Pull complete|Already exists) *$/m);
    assert.match(pulled, /^Status: Downloaded newer image for microsoft\/aspnet:latest$/m);
    assert.match(await typed('docker images', /^code 0$/m), /^microsoft\/aspnet +latest +[0-9a-f]{12} +5 hours ago +/m);

    await typed('docker rm demo', /^code 0$/m);
    const gone = await typed('docker rmi ourbase:latest ourbase:10.0.10586.0', /^code 0$/m);
    assert.match(gone, new RegExp(`^Deleted: ${id}$`, 'm'));
  },
);
