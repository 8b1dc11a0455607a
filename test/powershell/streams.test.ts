/** What goes on between a cmdlet and PowerShell while it works: streams, questions, Ctrl-C, a program that dies, a pipeline that waits. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { bay } from '../support/bay.ts';
import { makePageCatalogue } from '../support/page-catalogue.ts';
import { powershellModule, powershellSkip, startPowerShell, type PowerShell, type PowerShellSession } from '../support/powershell.ts';
import { temporary } from '../support/temporary.ts';

/** A catalogue's server that sends half of each .wim and then nothing. */
class Stalling {
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  constructor(folder: string) {
    this.#server = createServer((request, response) => {
      const file = join(folder, decodeURIComponent(request.url ?? ''));
      if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
        response.writeHead(404).end();
        return;
      }
      const bytes = readFileSync(file);
      if (!file.endsWith('.wim')) {
        response.end(bytes);
        return;
      }
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length / 2));
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** When the next download hangs. */
  async hangs(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The process ids of what a process has started and what still runs. Linux only. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return []; // a thread that has ended
    }
  });
}

async function soon(what: () => boolean, why: string): Promise<void> {
  for (const end = Date.now() + 15_000; !what();) {
    assert.ok(Date.now() < end, why);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const linuxOnly = process.platform === 'linux' ? false : 'processes are looked at in /proc';

describe('a cmdlet in PowerShell', { skip: powershellSkip }, () => {
  let shell: PowerShell;
  let work = '';
  let server: Stalling;
  const ended: (() => unknown)[] = [];
  before(async () => {
    const folder = temporary({ after: (end) => void ended.push(end as () => unknown) }, 'powershell');
    const [home, catalogue, stalling] = ['home', 'catalogue', 'stalling'].map((name) => join(folder, name)) as [string, string, string];
    work = join(folder, 'work');
    for (const path of [home, catalogue, stalling, work]) mkdirSync(path);
    await makePageCatalogue(catalogue);
    await makePageCatalogue(stalling, { build: 14_300, content: randomBytes(500_000) });
    server = new Stalling(stalling);
    for (const words of [
      ['Unregister-ContainerImageSource', 'MicrosoftContainerRegistry'],
      ['Register-ContainerImageSource', '-Name', 'Lab', '-Location', catalogue],
      ['Register-ContainerImageSource', '-Name', 'Slow', '-Location', `${await server.listen()}/catalogue.json`],
      ['Install-ContainerImage', 'NanoServer', '-Source', 'Lab'],
      ...['one', 'two', 'three'].map((name) => ['New-Container', name, '-ContainerImageName', 'NanoServer']),
    ]) {
      const { code, stderr } = await bay(words, { home });
      assert.equal(code, 0, stderr);
    }
    shell = startPowerShell({ env: { BAY_HOME: home, DOCKER_CONFIG: join(home, 'docker') } });
    await shell.type(`Import-Module '${powershellModule}'`);
  });
  after(async () => {
    await shell.end();
    await server.close();
    for (const end of ended) await end();
  });

  /** Types a line and takes its screen without empty lines. */
  async function screen(line: string, answers: readonly string[] = [], session: PowerShellSession = shell): Promise<readonly string[]> {
    const { text, unasked } = await session.type(line, { answers });
    assert.equal(unasked, 0, text);
    return text
      .split('\n')
      .map((one) => one.trimEnd())
      .filter((one) => one !== '');
  }

  test('errors have an id, a category, a target and a .NET type, and obey -ErrorAction', async () => {
    assert.deepEqual(
      await screen(
        `try { Install-ContainerImage nope -Source Lab -ErrorAction Stop } catch [System.IO.FileNotFoundException] { $_.FullyQualifiedErrorId; "$($_.CategoryInfo)"; $_.InvocationInfo.MyCommand.Name }`,
      ),
      [
        'NoSuchModule,Install-ContainerImage',
        'ObjectNotFound: (nope:String) [Install-ContainerImage], FileNotFoundException',
        'Install-ContainerImage',
      ],
    );
    assert.deepEqual(await screen('Remove-ContainerImage nope -ErrorAction SilentlyContinue -ErrorVariable mine; $mine.Count; "on"'), [
      '1',
      'on',
    ]);
    assert.deepEqual(
      await screen(
        "$ErrorActionPreference = 'Stop'; try { Remove-ContainerImage nope; 'not here' } catch { 'caught' } finally { $ErrorActionPreference = 'Continue' }",
      ),
      ['caught'],
    );
  });

  test('one that fails is an error, and the others of the pipeline go on', async () => {
    assert.deepEqual(await screen(`'one', 'nope', 'two' | Get-Container -ErrorAction SilentlyContinue | ForEach-Object { $_.Name }`), [
      'one',
      'two',
    ]);
  });

  test('what came with one object of the pipeline is not taken for the next', async () => {
    const row = (properties: string): string => `[pscustomobject]@{${properties}}`;
    assert.deepEqual(
      await screen(
        `${row("Name='NanoServer';Version='10.0.10586.0';Source='Lab'")}, ${row("Name='WindowsServerCore'")} | Install-ContainerImage -WhatIf -Force`,
      ),
      [
        `What if: Performing the operation "Install Package" on target "Package 'NanoServer' version '10.0.10586.0' from 'Lab'.".`,
        `What if: Performing the operation "Install Package" on target "Package 'WindowsServerCore' version '10.0.14300.0' from 'Slow'.".`,
      ],
    );
    // An object first, and then a row: each in a parameter set of its own.
    const shown = await screen(
      `(Find-ContainerImage NanoServer -Source Lab), ${row("Name='WindowsServerCore'")} | Install-ContainerImage -WhatIf -Force -Source Lab`,
    );
    assert.deepEqual(
      shown.map((line) => /Package '(\w+)'/.exec(line)?.[1]),
      ['NanoServer', 'WindowsServerCore'],
    );
  });

  test('one of several names or files that fails is an error about it, and the others go on', async () => {
    assert.deepEqual(
      await screen(
        'Install-ContainerImage nope, NanoServer -Source Lab -WhatIf -Force -ErrorVariable mine -ErrorAction SilentlyContinue; "$($mine[0].TargetObject)"',
      ),
      [`What if: Performing the operation "Install Package" on target "Package 'NanoServer' version '10.0.10586.0' from 'Lab'.".`, 'nope'],
    );
    const [bad, good] = [join(work, 'a.appx'), join(work, 'CN=Demo_Several_1.0.0.0.appx')];
    writeFileSync(bad, 'no archive');
    await screen(
      `New-ContainerImage one -Publisher Demo -Name Several -Version 1.0; Export-ContainerImage Several -Path '${work}'; Remove-ContainerImage Several -Force`,
    );
    assert.deepEqual(
      await screen(
        `Import-ContainerImage '${work}/*.appx' -ErrorVariable mine -ErrorAction SilentlyContinue | ForEach-Object { $_.Name }; "$($mine[0].TargetObject)"`,
      ),
      ['Several', bad],
    );
    await screen('Remove-ContainerImage Several -Force');
    for (const file of [bad, good]) rmSync(file);
  });

  test('the errors of several images and of a name that is taken say what this cmdlet can be told', async () => {
    await screen(
      '$null = New-ContainerImage one -Publisher A -Name Twice -Version 1.0; $null = New-ContainerImage one -Publisher B -Name Twice -Version 1.0',
    );
    assert.match((await screen('New-Container x1 -ContainerImageName Twice')).join(' '), /Say which with -ContainerImagePublisher and /);
    assert.match(
      (await screen('Uninstall-ContainerOSImage Twice')).join(' '),
      /Say which by its full name: Uninstall-ContainerOSImage -FullName 'CN=/,
    );
    await screen('Get-ContainerImage Twice | Remove-ContainerImage -Force');
    const taken = await screen('New-Container one -ContainerImageName NanoServer');
    assert.equal(taken[0], 'New-Container : Failed to create container.');
    assert.match(taken.join(' '), /ResourceExists: \(one:String\).*ContainerExists,New-Container$/);
  });

  test('under a prefix that Import-Module gave, each works as without it', async () => {
    const session = await shell.open('prefixed');
    await session.type(`Import-Module '${powershellModule}' -Prefix My`);
    assert.deepEqual(await screen('Get-MyContainer one | ForEach-Object { $_.Name }', [], session), ['one']);
    assert.deepEqual(await screen('Get-MyContainer one | Remove-MyContainer -WhatIf', [], session), [
      'What if: Performing the operation "Remove-Container" on target "one".',
    ]);
    assert.equal(
      (await screen('Remove-MyContainerImage nope', [], session)).at(-1),
      '+ FullyQualifiedErrorId : ImageNotFound,Remove-MyContainerImage',
    );
  });

  test('-Verbose and -WhatIf, said or preferred, reach it', async () => {
    const whatIf = 'What if: Performing the operation "Remove-Container" on target "one".';
    assert.deepEqual(await screen('Remove-Container one -WhatIf'), [whatIf]);
    assert.deepEqual(await screen('$WhatIfPreference = $true; try { Remove-Container one } finally { $WhatIfPreference = $false }'), [
      whatIf,
    ]);
    assert.match(
      (await screen('Save-ContainerImage NanoServer 10.0.10586.0 x.wim -WhatIf -Verbose -Source Lab')).join('\n'),
      /What if: .*Save Package/,
    );
  });

  test('PowerShell asks its own question, with an answer for all that are left', async () => {
    await screen("'four', 'five', 'six' | ForEach-Object { $null = New-Container $_ -ContainerImageName NanoServer }");
    const shown = await screen("'four', 'five', 'six' | Remove-Container", ['n', 'a']);
    assert.equal(shown.filter((line) => line.startsWith('[Y] Yes')).length, 2);
    assert.deepEqual(await screen('Get-Container f* | ForEach-Object { $_.Name }'), ['four']);
    assert.deepEqual(await screen('Get-Container four | Remove-Container -Confirm:$false; Get-Container f*, s*'), []);
  });

  test('letters of every script come back as they were given', async () => {
    const publisher = 'Größe 漢字 😀 _x0041_ "q" & <b>';
    await screen(`$image = New-ContainerImage one -Publisher '${publisher}' -Name Letters -Version 1.0`);
    assert.deepEqual(await shell.values('(Get-ContainerImage Letters).Publisher; $image | Remove-ContainerImage -Force'), [
      `CN=${publisher}`,
    ]);
  });

  test('an object of another type is PowerShell’s own error', async () => {
    const id = (line: string) => screen(`try { ${line} -ErrorAction Stop } catch { $_.FullyQualifiedErrorId -replace ',.*', '' }`);
    assert.deepEqual(await id('Get-Container one | Remove-ContainerImage -Force'), ['InputObjectNotBound']);
    assert.deepEqual(await id('Remove-ContainerImage -Image (Get-Container one) -Force'), ['MismatchedPSTypeName']);
    // What takes a name takes the text of anything.
    assert.deepEqual(await id('5 | Uninstall-ContainerOSImage'), ['ImageNotFound']);
    assert.deepEqual(await id('Get-ContainerImage NanoServer | Remove-Container -Force'), ['ContainerNotFound']);
  });

  test('names, publishers, versions and sources are completed', async () => {
    const complete = (line: string): Promise<unknown[]> =>
      shell.values(
        `[System.Management.Automation.CommandCompletion]::CompleteInput('${line}', ${line.length}, $null).CompletionMatches | ForEach-Object { $_.CompletionText }`,
      );
    assert.deepEqual(await complete('Get-ContainerImage nan'), ['NanoServer']);
    assert.deepEqual(await complete('Get-ContainerImage -Name NanoServer -Version '), ['10.0.10586.0']);
    assert.deepEqual(await complete('Get-ContainerImage -Publisher CN='), ["'CN=Microsoft'"]);
    assert.deepEqual(await complete('Remove-Container t'), ['three', 'two']);
    assert.deepEqual(await complete('Find-ContainerImage -Source S'), ['Slow']);
    assert.deepEqual(await complete('Install-ContainerImage w'), ['WindowsServerCore']);
  });

  test('Ctrl-C ends a download and the program behind it', { skip: linuxOnly }, async () => {
    const hangs = server.hangs();
    const typed = shell.type(`Save-ContainerImage NanoServer -Source Slow -Destination ${join(work, 'stopped.wim')}`);
    await hangs;
    const pid = shell.process.pid ?? 0;
    assert.equal(childrenOf(pid).length, 1);
    shell.stop();
    assert.equal((await typed).state, 'Stopped');
    await soon(() => childrenOf(pid).length === 0, 'bay still runs');
    assert.deepEqual(await screen('"the prompt is back"'), ['the prompt is back']);
    assert.deepEqual(
      readdirSync(work).filter((name) => name.endsWith('.wim')),
      [],
    );
  });

  test('a program that dies in the middle is one error, and the next call works', { skip: linuxOnly }, async () => {
    const hangs = server.hangs();
    const typed = screen(`Save-ContainerImage NanoServer -Source Slow -Destination ${join(work, 'killed.wim')}`);
    await hangs;
    const [child] = childrenOf(shell.process.pid ?? 0);
    process.kill(child ?? assert.fail('no child'), 'SIGKILL');
    const shown = await typed;
    assert.equal(shown[0], 'Save-ContainerImage : bay ended in the middle of its work, with exit code 137.');
    assert.equal(shown.at(-1), '+ FullyQualifiedErrorId : BayEnded,Save-ContainerImage');
    assert.equal(shown.filter((line) => line.includes('FullyQualifiedErrorId')).length, 1);
    assert.deepEqual(await screen('Get-Container one | ForEach-Object { $_.Name }'), ['one']);
  });

  test('a reader that has seen enough ends the program', { skip: linuxOnly }, async () => {
    assert.deepEqual(await screen('try { Get-Container | ForEach-Object { $_.Name; throw \'enough\' } } catch { "$_" }'), [
      'one',
      'enough',
    ]);
    await soon(() => childrenOf(shell.process.pid ?? 0).length === 0, 'bay still runs');
  });

  test('a pipeline that is silent for long starts the program anew; what is not read is not acted on twice', async () => {
    const wait =
      "'one', 'two' | ForEach-Object { if ($_ -eq 'two') { [System.Threading.Thread]::Sleep(11000) }; $_ } | Get-Container | ForEach-Object { $_.Name }";
    assert.deepEqual(await screen(wait), ['one', 'two']);
  });

  test('a download tells how far it is', async () => {
    const { progress } = await shell.type(`Save-ContainerImage NanoServer -Source Lab -Destination ${join(work, 'told.wim')}`);
    assert.ok(
      progress.some(({ activity, percent }) => activity !== '' && percent >= 0),
      JSON.stringify(progress),
    );
    assert.equal(progress.at(-1)?.done, true);
  });

  test('where there is no bay, the error says how to get one', async () => {
    const line = (file: string): string =>
      `$env:BAYPLAN_BAY = '${file}'; try { Get-ContainerImage -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; "$_" } finally { $env:BAYPLAN_BAY = '' }`;
    const [id, ...message] = await screen(line('/nowhere/bay.js'));
    assert.equal(id, 'BayNotFound,Get-ContainerImage');
    assert.match(message.join(' '), /npm package bayplan .* BAYPLAN_BAY/);
    assert.deepEqual(await screen(line('/bin/false')), [
      'BayEnded,Get-ContainerImage',
      'bay ended in the middle of its work, with exit code 1.',
    ]);
  });
});
