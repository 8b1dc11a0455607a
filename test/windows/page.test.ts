/** The page's rows as they stand there, on a Windows host: `c:\container-image\NanoServer.wim`, `c:\container-images`. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { makePageCatalogue } from '../support/page-catalogue.ts';
import { skipWithoutWindows } from '../support/windows.ts';
import { windowsGround } from './ground.ts';

// One host for all, as on the page: each row finds what those before it have left.
test('the page’s rows on Windows', { skip: skipWithoutWindows }, async (t) => {
  const { host, home, ok, refused } = await windowsGround(t, 'C:\\bay home');
  const catalogue = join(host.drive, 'catalogue');
  mkdirSync(catalogue);
  await makePageCatalogue(catalogue);

  /** What `bay WORDS…` prints, for the next one's stdin: a pipe cannot be a program's stdout on this host, so that a file stands for it. */
  const pipe = async (...words: readonly string[]) => {
    const input = join(host.drive, 'piped.txt');
    writeFileSync(input, await ok(words));
    return { input };
  };
  const table = (text: string) =>
    text
      .split(/\r?\n/)
      .map((line) => line.trimEnd())
      .filter((line) => line !== '');
  const listed = async () => table(await ok(['images', '--format', '{{.Repository}}:{{.Tag}}'])).toSorted();

  await t.test('S2: Find-ContainerImage shows what the catalogue has', async () => {
    await ok(['Unregister-ContainerImageSource', 'MicrosoftContainerRegistry']);
    await ok(['Register-ContainerImageSource', '-Name', 'Lab', '-Location', 'c:\\catalogue']);
    const [header = '', , ...rows] = table(await ok(['Find-ContainerImage']));
    assert.match(header, /^Name +Version +Description$/);
    assert.deepEqual(
      rows.map((row) => row.split(/ +/).slice(0, 2)),
      [
        ['NanoServer', '10.0.10586.0'],
        ['WindowsServerCore', '10.0.10586.0'],
      ],
    );
  });

  await t.test('S3, S5, S6: Install-ContainerImage installs, and the image is there for both worlds at once', async () => {
    for (const words of [
      ['Install-ContainerImage', '-Name', 'NanoServer', '-Version', '10.0.10586.0'],
      ['install-containerimage', '-name:WindowsServerCore'],
    ]) {
      const { code, stdout, stderr } = await host.bay(words, { home });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^Downloaded in \d+ hours, \d+ minutes, \d+ seconds\.\r?\n$/);
      // This Windows is newer than the page's.
      assert.match(stderr, /^WARNING: \w+ 10\.0\.10586\.0 does not fit this host \(10\.0\.\d+\): .*\r?\n$/);
    }
    assert.deepEqual(table(await ok(['Get-ContainerImage'])), [
      'Name              Publisher    Version      IsOSImage',
      '----              ---------    -------      ---------',
      'NanoServer        CN=Microsoft 10.0.10586.0 True',
      'WindowsServerCore CN=Microsoft 10.0.10586.0 True',
    ]);
    assert.deepEqual(await listed(), ['nanoserver:10.0.10586.0', 'windowsservercore:10.0.10586.0']);
  });

  await t.test('S7, S12, S8: the image is saved to the page’s path, uninstalled through a pipe, and installed from the file', async () => {
    await ok(['Save-ContainerImage', '-Name', 'NanoServer', '-Destination', 'c:\\container-image\\NanoServer.wim']);
    assert.ok(statSync(join(host.drive, 'container-image', 'NanoServer.wim')).size > 0);
    await ok(['Uninstall-ContainerOSImage'], await pipe('Get-ContainerImage', '-Name', 'NanoServer'));
    assert.deepEqual(await listed(), ['windowsservercore:10.0.10586.0']);
    await ok(['Install-ContainerOSImage', '-WimPath', 'C:\\container-image\\NanoServer.wim', '-Force']);
    assert.deepEqual(await listed(), ['nanoserver:10.0.10586.0', 'windowsservercore:10.0.10586.0']);
  });

  await t.test('S13, S14, S16: an image is made of a container, and shows what it was made from', async () => {
    await ok(['New-Container', '-Name', 'demo', '-ContainerImageName', 'NanoServer']);
    await ok(['New-ContainerImage', '-Container', 'demo', '-Publisher', 'Demo', '-Name', 'NanoServerIIS', '-Version', '1.0']);
    assert.deepEqual(table(await ok(['Get-ContainerImage'])).slice(2), [
      'NanoServerIIS     CN=Demo      1.0.0.0      False',
      'NanoServer        CN=Microsoft 10.0.10586.0 True',
      'WindowsServerCore CN=Microsoft 10.0.10586.0 True',
    ]);
    assert.deepEqual(table(await ok(['select', 'Name, ParentImage'], await pipe('Get-ContainerImage'))), [
      'Name              ParentImage',
      '----              -----------',
      "NanoServerIIS     ContainerImage (Name = 'NanoServer') [Publisher = 'CN=Microsoft', Version = '10.0.10586.0']",
      'NanoServer',
      'WindowsServerCore',
    ]);
  });

  await t.test('S15: what a stopped container depends on is not removed', async () => {
    await ok(['New-Container', '-Name', 'second', '-ContainerImageName', 'NanoServerIIS']);
    const { stderr } = await refused(['Remove-ContainerImage', '-Force'], await pipe('Get-ContainerImage', '-Name', 'NanoServerIIS'));
    assert.match(stderr, /'second'/);
    assert.ok((await listed()).includes('nanoserveriis:1.0.0.0'));
  });

  await t.test('S17: the repository moves to the page’s path, which must not be there yet', async () => {
    const before = await listed();
    await ok(['Move-ContainerImageRepository', '-Path', 'c:\\container-images']);
    assert.ok(existsSync(join(host.drive, 'container-images', 'oci-layout')));
    assert.equal(existsSync(join(host.drive, ...home.slice(3).split('\\'), 'store')), false);
    assert.deepEqual(await listed(), before);
    assert.match(await ok(['Get-ContainerHost']), /c:\\container-images/i);
    const { stderr } = await refused(['Move-ContainerImageRepository', '-Path', 'c:\\container-images']);
    assert.match(stderr, /exists/);
  });
});
