/** -ComputerName, -CimSession, -Credential and -AsJob: PowerShell's part in a real PowerShell, and what the plain command line says instead. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { bay } from '../support/bay.ts';
import { makePageCatalogue } from '../support/page-catalogue.ts';
import { powershellModule, powershellSkip, servePowerShell, startPowerShell, type PowerShell } from '../support/powershell.ts';
import { temporary } from '../support/temporary.ts';

/** Every computer is the one at the far end of a pipe: no WSMan is here. The protocol, its serialiser and the far session are real. */
const farComputers = (pipe: string): string => `& (Get-Module Bayplan) {
    function script:Invoke-Command {
        [CmdletBinding()]
        param([string[]] $ComputerName, [scriptblock] $ScriptBlock, [object[]] $ArgumentList, $Credential, [switch] $AsJob)
        $script:asked = @($ComputerName) + @($Credential.UserName)
        $space = [runspacefactory]::CreateRunspace($Host, [System.Management.Automation.Runspaces.NamedPipeConnectionInfo]::new('${pipe}', 10000))
        # The far end serves one session at a time, and a reader may have seen enough.
        try {
            $space.Open()
            $shell = [powershell]::Create()
            $shell.Runspace = $space
            $null = $shell.AddScript($ScriptBlock.ToString())
            foreach ($argument in $ArgumentList) { $null = $shell.AddArgument($argument) }
            $shell.Invoke()
            foreach ($record in $shell.Streams.Error) { $PSCmdlet.WriteError($record) }
        }
        finally { $space.Dispose() }
    }
}`;

describe('cmdlets elsewhere', { skip: powershellSkip }, () => {
  let shell: PowerShell;
  let far: { end(): Promise<void> };
  let home = '';
  let work = '';
  const ended: (() => unknown)[] = [];
  before(async () => {
    const folder = temporary({ after: (end) => void ended.push(end as () => unknown) }, 'powershell');
    const [catalogue, there] = ['catalogue', 'there'].map((name) => join(folder, name)) as [string, string];
    [home, work] = ['home', 'work'].map((name) => join(folder, name)) as [string, string];
    for (const path of [catalogue, there, home, work]) mkdirSync(path);
    await makePageCatalogue(catalogue);
    for (const [at, image] of [
      [home, 'NanoServer'],
      [there, 'WindowsServerCore'],
    ] as const)
      for (const words of [
        ['Unregister-ContainerImageSource', 'MicrosoftContainerRegistry'],
        ['Register-ContainerImageSource', 'Lab', catalogue],
        ['Install-ContainerImage', image],
      ]) {
        const { code, stderr } = await bay(words, { home: at });
        assert.equal(code, 0, stderr);
      }
    const pipe = `bayplan-test-${randomBytes(6).toString('hex')}`;
    far = await servePowerShell(pipe, { BAY_HOME: there, PSModulePath: dirname(dirname(powershellModule)) });
    shell = startPowerShell({ env: { BAY_HOME: home, DOCKER_CONFIG: join(home, 'docker') } });
    await shell.type(`Import-Module '${powershellModule}'`);
    assert.equal((await shell.type(farComputers(pipe))).text, '');
  });
  after(async () => {
    await shell.end();
    await far.end();
    for (const end of ended) await end();
  });

  test('-ComputerName works on other computers, on this one, and on both', async () => {
    const names = (line: string): Promise<unknown[]> => shell.values(`${line} | ForEach-Object { $_.Name }`);
    assert.deepEqual(await names('Get-ContainerImage -ComputerName far'), ['WindowsServerCore']);
    assert.deepEqual(await names('Get-ContainerImage -ComputerName localhost'), ['NanoServer']);
    assert.deepEqual(await names('Get-ContainerImage -ComputerName ., far'), ['WindowsServerCore', 'NanoServer']);
    assert.deepEqual(await names("Get-ContainerImage -CimSession ([pscustomobject] @{ ComputerName = 'far' }), localhost"), [
      'WindowsServerCore',
      'NanoServer',
    ]);
    assert.match(
      (await shell.type('Get-ContainerImage w* -ComputerName far')).text,
      /^Name +Publisher +Version +IsOSImage/m,
      'what comes back has its view',
    );
    // It is another computer's image, and no cmdlet takes it for one of this.
    assert.deepEqual(
      await shell.values(
        "try { Get-ContainerImage -ComputerName far | Remove-ContainerImage -Force -ErrorAction Stop } catch { $_.FullyQualifiedErrorId -replace ',.*', '' }",
      ),
      ['InputObjectNotBound'],
    );
  });

  test('-Credential goes along, -WhatIf too; errors of there are errors here', async () => {
    const line = `$who = [pscredential]::new('ann', [securestring]::new()); $null = Get-ContainerHost far -Credential $who; (& (Get-Module Bayplan) { $script:asked }) -join ' '`;
    assert.deepEqual(await shell.values(line), ['far ann']);
    assert.match((await shell.type('Remove-ContainerImage w* -ComputerName far -WhatIf')).text, /^What if: .*WindowsServerCore/m);
    const failing =
      'Remove-ContainerImage nope -ComputerName far -Force -ErrorAction SilentlyContinue -ErrorVariable said; $said[0].FullyQualifiedErrorId; $said.Count';
    assert.deepEqual(await shell.values(failing), ['ImageNotFound,Remove-ContainerImage', 1]);
    assert.deepEqual(
      await shell.values('try { Get-ContainerHost -Credential $who -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }'),
      ['ComputerNameRequired,Get-ContainerHost'],
    );
  });

  test(
    '-AsJob: a job, with objects of the pipeline and paths of this session; what is asked is asked before',
    { skip: process.platform === 'win32' },
    async () => {
      const job = (line: string): Promise<unknown[]> =>
        shell.values(`${line} | Wait-Job | Receive-Job | ForEach-Object { "$($_.Name) $($_.IsValid)" }`);
      assert.deepEqual(await job('Test-ContainerImage NanoServer -AsJob'), ['NanoServer True']);
      assert.deepEqual(await job('Get-ContainerImage NanoServer | Test-ContainerImage -AsJob'), ['NanoServer True']);
      assert.deepEqual(await job('New-Container mine -ContainerImageName NanoServer -AsJob'), ['mine ']);
      const kept = await shell.type('Remove-Container mine -AsJob', { answers: ['n'] });
      assert.match(kept.text, /Performing the operation "Remove-Container" on target "mine"/);
      assert.match((await shell.type('Remove-Container mine -AsJob -WhatIf')).text, /^What if: .* on target "mine"/m);
      assert.deepEqual(await shell.values('@(Get-Container).Count'), [1]);
      await shell.type('Remove-Container mine -AsJob | Wait-Job | Receive-Job', { answers: ['y'] });
      assert.deepEqual(await shell.values('@(Get-Container).Count'), [0]);
      const failed = await shell.values(
        `Import-ContainerImage '${work}/none.appx' -AsJob | Wait-Job | Receive-Job -ErrorAction SilentlyContinue -ErrorVariable said; $said[0].FullyQualifiedErrorId`,
      );
      assert.deepEqual(failed, ['ObjectNotFound,Import-ContainerImage']);
    },
  );

  test('the plain command line works on this computer, at once, and says where the rest is to be had', async () => {
    const said = async (...words: string[]): Promise<string> => {
      const { code, stderr, stdout } = await bay(words, { home });
      assert.equal(code, 1, stdout);
      assert.match(stderr, /FullyQualifiedErrorId : OnlyInPowerShell,/);
      return stderr;
    };
    assert.match(await said('Get-ContainerImage', '-ComputerName', 'far01'), /this computer alone\.\n.*ssh far01 bay Get-ContainerImage/);
    assert.match(await said('Get-ContainerHost', 'far01'), /ssh far01 bay Get-ContainerHost/);
    assert.match(await said('Get-Container', '-CimSession', 'far01'), /ssh COMPUTER/);
    assert.match(await said('Get-Container', '-Credential', 'ann'), /ssh USER@COMPUTER/);
    assert.match(await said('Test-ContainerImage', 'NanoServer', '-AsJob'), /-AsJob needs PowerShell/);
    for (const words of [
      ['Get-ContainerHost', '.'],
      ['Get-ContainerImage', '-ComputerName', 'LOCALHOST'],
      ['Test-ContainerImage', '-AsJob:$false'],
    ])
      assert.equal((await bay(words, { home })).code, 0, words.join(' '));
  });
});
