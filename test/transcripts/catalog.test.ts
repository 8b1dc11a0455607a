/** Finding, installing and removing base OS images as typed, and the sources that they come from. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { makeWim } from '../support/make-wim.ts';
import { Console, skipWithoutShell } from './console.ts';

const skip = skipWithoutShell;
const preview = 'Container OS Image of Windows Server 2016 Technical Preview';

/** A console whose folder `images` has the page's images, under a server that nobody answers at. */
async function consoleWithImages(t: TestContext): Promise<Console> {
  const console = new Console(t);
  const folder = join(console.folder, 'images');
  mkdirSync(folder);
  const core = `${preview} : Windows Server Core Installation`;
  await makeWim(join(folder, 'nano.wim'), {
    name: 'NanoServer',
    version: '10.0.10586.0',
    description: `${preview} 4 : Nano Server Installation`,
  });
  await makeWim(join(folder, 'nano-8.wim'), { name: 'NanoServer', version: '10.0.10586.8', publisher: 'CN=Demo' });
  await makeWim(join(folder, 'core.wim'), { name: 'WindowsServerCore', version: '10.0.10586.0', description: core });
  return console;
}

test('sources are named, changed and forgotten', { skip }, async (t) => {
  const console = await consoleWithImages(t);
  await console.type('bay source ls');
  await console.type('bay catalog build images');
  await console.type('bay source add gone http://127.0.0.1:9/');
  await console.type('bay source rm MicrosoftContainerRegistry');
  await console.type('bay source add own registry.example.com/base --repository nano=NanoServer --publisher CN=Demo --position 1');
  await console.type('bay source add GONE images');
  await console.type('bay source add bad ftp://example.com/');
  await console.type('bay source set own --key AAAA');
  await console.type('bay source set nosuch --position 1');
  await console.type('bay source set gone --position 1');
  await console.type("bay source ls --format '{{.Name}} {{.Location}} {{.Repositories}}'");
  await console.type('bay source rm own gone');
  await console.type('bay source ls');
  await console.type('bay find');
  console.matches('source.txt');
});

test('base images are found, installed and removed', { skip }, async (t) => {
  const console = await consoleWithImages(t);
  await console.run('bay catalog build images; bay source rm MicrosoftContainerRegistry; bay source add lab images');
  // As wide as they are, and without how small our writer makes them.
  const columns = "--format 'table {{.Name}}\\t{{.Version}}\\t{{.Publisher}}\\t{{.Source}}\\t{{.Signature}}\\t{{.Description}}'";
  await console.type(`bay find ${columns}`);
  await console.type(`bay find 'nano*' --all-versions ${columns}`);
  await console.type(`bay find NanoServer --min 10.0.10586.1 ${columns}`);
  await console.type('bay find --version 10.0.10586.0 --all-versions');
  await console.type('bay find NanoServer --min 2 --max 1');
  await console.type('bay find --min 1');
  await console.type('bay find nosuch');
  await console.type('bay find --source nosuch');
  await console.run('bay source add gone http://127.0.0.1:9/');
  await console.type('bay install nanoserver:10.0.10586.0');
  await console.type('bay install -q NanoServer --version 10.0.10586');
  await console.type('bay install images/core.wim');
  await console.type('bay install images/core.wim');
  await console.type('bay install NanoServer:11');
  await console.type('bay install images/nosuch.wim');
  await console.type("bay images --format '{{.ID}} {{.Repository}}:{{.Tag}}'");
  await console.type('bay create --name keeps nanoserver:10.0.10586.0 >/dev/null');
  await console.type('bay uninstall NanoServer');
  await console.type('bay rm keeps');
  await console.type('bay uninstall --dry-run NanoServer | grep -v Space');
  await console.type('bay uninstall NanoServer nosuch');
  await console.type("bay images --format '{{.ID}} {{.Repository}}:{{.Tag}}'");
  console.matches('catalog.txt');
});
