/** The page's rows S1-S8 and S12-S17, typed into a real PowerShell, and again into a remote session of one (S4). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { bay } from '../support/bay.ts';
import { assertGolden } from '../support/golden.ts';
import { makePageCatalogue } from '../support/page-catalogue.ts';
import { powershellModule, powershellSkip, servePowerShell, startPowerShell, type PowerShellSession } from '../support/powershell.ts';
import { temporary } from '../support/temporary.ts';

/** A session's screen, line by line. */
class Screen {
  readonly #session: PowerShellSession;
  text = '';

  constructor(session: PowerShellSession) {
    this.#session = session;
  }

  async type(line: string, answers: readonly string[] = []): Promise<string> {
    const { text, unasked } = await this.#session.type(line, { answers });
    assert.equal(unasked, 0, text);
    // Cells are filled up to their width, in the last column too.
    // A remote session offers no nested prompt.
    const shown = text.replaceAll('  [S] Suspend', '').replaceAll(/ +$/gm, '').replaceAll(/\n+$/g, '\n');
    this.text += `PS C:\\> ${line}\n${shown}\n`;
    return shown;
  }
}

interface Place {
  readonly session: PowerShellSession;
  readonly home: string;
  readonly work: string;
}

/** All rows in one story, so that each finds what it needs. */
async function page({ session, home, work }: Place, golden: string): Promise<void> {
  const screen = new Screen(session);
  const listed = async (): Promise<string> => (await bay(['images', '--format', '{{.Repository}}:{{.Tag}}'], { home })).stdout;
  const file = join(work, 'container-image', 'NanoServer.wim');

  assert.equal(await screen.type('Install-PackageProvider ContainerProvider -Force'), ''); // S1
  await screen.type('Find-ContainerImage'); // S2
  await screen.type('Install-ContainerImage -Name NanoServer -Version 10.0.10586.0'); // S3
  assert.equal(await listed(), 'nanoserver:10.0.10586.0\n'); // S6
  await screen.type('Install-ContainerImage -Name WindowsServerCore');
  await screen.type('Get-ContainerImage'); // S5
  assert.equal(await screen.type(`Save-ContainerImage -Name NanoServer -Destination ${file}`), ''); // S7
  assert.ok(statSync(file).size > 0);
  await screen.type(`Save-ContainerImage -Name NanoServer -Destination ${file}`, ['?', 'n']);
  assert.equal(await screen.type('Get-ContainerImage -Name NanoServer | Uninstall-ContainerOSImage'), ''); // S12
  assert.doesNotMatch(await listed(), /nanoserver/);
  assert.equal(await screen.type(`Install-ContainerOSImage -WimPath ${file} -Force`), ''); // S8
  assert.equal(await screen.type(`Install-ContainerOSImages -WimPath ${file} -Force`), '');
  assert.match(await listed(), /^nanoserver:10\.0\.10586\.0$/m);

  await screen.type('$container = New-Container -Name TP4Demo -ContainerImageName WindowsServerCore');
  await screen.type('$container');
  await screen.type('$null = New-ContainerImage -Container $container -Publisher Demo -Name WindowsServerCoreIIS -Version 1.0');
  await screen.type('New-ContainerImage -Container $container -Publisher Demo -Name DemoImage -Version 1.0'); // S14
  await screen.type('Get-ContainerImage'); // S13
  await screen.type('$null = New-Container newcontainer -ContainerImageName DemoImage');
  await screen.type('Get-ContainerImage -Name DemoImage | Remove-ContainerImage -Force'); // S15
  await screen.type('Get-ContainerImage -Name WindowsServerCore | Uninstall-ContainerOSImage -Force');
  await screen.type('Get-ContainerImage | select Name, ParentImage'); // S16
  await screen.type('Get-Container newcontainer | Remove-Container', ['y']);
  await screen.type('Get-ContainerImage -Name DemoImage | Remove-ContainerImage -WhatIf');
  assert.equal(await screen.type('Get-ContainerImage -Name DemoImage | Remove-ContainerImage -Force'), '');

  const moved = join(work, 'container-images');
  assert.equal(await screen.type(`Move-ContainerImageRepository -Path ${moved}`), ''); // S17
  assert.ok(existsSync(join(moved, 'index.json')));
  assert.equal(existsSync(join(home, 'store', 'index.json')), false);
  await screen.type('Get-ContainerHost | ForEach-Object { $_.ContainerImageRepositoryLocation }');
  await screen.type('Move-ContainerImageRepository -Path (Get-ContainerHost).ContainerImageRepositoryLocation');
  await screen.type('Get-ContainerImage');

  assertGolden(golden, screen.text.replaceAll(work, String.raw`c:`).replaceAll(home, '<home>'), {
    time: /\d+ hours, \d+ minutes, \d+ seconds/g,
    // Shortened in its middle, to a width that goes by the length of this system's temporary folder.
    target: /(?<=ResourceExists: )\(.*?:\w*\)/g,
    column: /char:\d+/g,
  });
}

/** A home with the page's catalogue as its only source. @param content of a further file in each image */
async function prepare(
  t: Pick<TestContext, 'after'>,
  content?: Uint8Array,
): Promise<{ home: string; work: string; env: Record<string, string> }> {
  const folder = temporary(t, 'powershell');
  const [home, work, catalogue] = ['home', 'work', 'catalogue'].map((name) => join(folder, name)) as [string, string, string];
  for (const path of [home, work, catalogue]) mkdirSync(path);
  await makePageCatalogue(catalogue, content && { content });
  for (const words of [
    ['Unregister-ContainerImageSource', 'MicrosoftContainerRegistry'],
    ['Register-ContainerImageSource', '-Name', 'Lab', '-Location', catalogue],
  ]) {
    const { code, stderr } = await bay(words, { home });
    assert.equal(code, 0, stderr);
  }
  return { home, work, env: { BAY_HOME: home, XDG_DATA_HOME: join(folder, 'data'), DOCKER_CONFIG: join(home, 'docker') } };
}

describe('the page in PowerShell', { skip: powershellSkip, concurrency: true }, () => {
  test('its rows, typed at the prompt', async (t) => {
    const { home, work, env } = await prepare(t);
    const shell = startPowerShell({ env });
    t.after(() => shell.end());
    await shell.type(`Import-Module '${powershellModule}'`);
    await page({ session: shell, home, work }, 'powershell-page.txt');
    // What row S1 has installed is found by a new session without a word.
    const next = await shell.open('next');
    const [source] = await next.values('(Get-Command Get-ContainerImage).Module.ModuleBase');
    assert.equal(source, join(env['XDG_DATA_HOME'] ?? '', 'powershell', 'Modules', 'Bayplan'));
    assert.match((await next.type('Get-ContainerImage')).text, /WindowsServerCoreIIS/);
    assert.equal((await next.type('Uninstall-PackageProvider ContainerProvider')).text, '');
    assert.equal(existsSync(join(env['XDG_DATA_HOME'] ?? '', 'powershell', 'Modules', 'Bayplan')), false);
  });

  test('its rows, typed in a remote session', async (t) => {
    // Large images were what failed there.
    const { home, work, env } = await prepare(t, randomBytes(8_000_000));
    const pipe = `bayplan-test-${randomBytes(6).toString('hex')}`;
    const far = await servePowerShell(pipe, env);
    const shell = startPowerShell();
    t.after(() => shell.end());
    t.after(() => far.end());
    // Whoever manages a host from afar has the module too: its views are used here.
    const session = await shell.open('far', pipe);
    await session.type(`Import-Module '${powershellModule}'`, { near: true });
    await session.type(`Import-Module '${powershellModule}'; Import-Module '${shell.selectObject}'`);
    await page({ session, home, work }, 'powershell-page.txt');
    const [image] = (await session.values('Get-ContainerImage -Name WindowsServerCoreIIS')) as [Readonly<Record<string, unknown>>];
    assert.deepEqual(
      [image['Name'], image['FullName'], image['IsOSImage'], (image['ParentImage'] as Record<string, unknown>)['FullName']],
      ['WindowsServerCoreIIS', 'CN=Demo_WindowsServerCoreIIS_1.0.0.0', false, 'CN=Microsoft_WindowsServerCore_10.0.10586.0'],
    );
  });
});
