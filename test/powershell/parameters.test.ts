/** What single parameters take, in a real PowerShell and on the plain command line: paths of PowerShell's own, patterns, rows of lists, completions. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { bay } from '../support/bay.ts';
import { makePageCatalogue } from '../support/page-catalogue.ts';
import { powershellModule, powershellSkip, startPowerShell, type PowerShell } from '../support/powershell.ts';
import { temporary } from '../support/temporary.ts';

describe('parameters of the cmdlets', { skip: powershellSkip }, () => {
  let shell: PowerShell;
  let home = '';
  let work = '';
  let user = '';
  const ended: (() => unknown)[] = [];
  before(async () => {
    const folder = temporary({ after: (end) => void ended.push(end as () => unknown) }, 'powershell');
    const [lab, later] = ['lab', 'later'].map((name) => join(folder, name)) as [string, string];
    [home, work, user] = ['home', 'work', 'user'].map((name) => join(folder, name)) as [string, string, string];
    for (const path of [lab, later, home, work, user]) mkdirSync(path);
    await makePageCatalogue(lab);
    await makePageCatalogue(later, { build: 14_300 });
    for (const words of [
      ['Unregister-ContainerImageSource', 'MicrosoftContainerRegistry'],
      ['Register-ContainerImageSource', 'Lab', lab],
      ['Register-ContainerImageSource', 'Later', later],
      ['Install-ContainerImage', 'NanoServer', '10.0.10586.0'],
      ['Install-ContainerImage', 'NanoServer', '10.0.14300.0'],
      ['New-Container', 'one', '-ContainerImageName', 'NanoServer', '-ContainerImageVersion', '10.0.10586.0'],
      ['New-Container', 'two', '-ContainerImageName', 'NanoServer', '-ContainerImageVersion', '10.0.14300.0'],
    ]) {
      const { code, stderr } = await bay(words, { home });
      assert.equal(code, 0, stderr);
    }
    shell = startPowerShell({ env: { BAY_HOME: home, HOME: user, DOCKER_CONFIG: join(home, 'docker') } });
    await shell.type(`Import-Module '${powershellModule}'`);
    await shell.type(
      `$drive = [System.Management.Automation.PSDriveInfo]::new('Images', $ExecutionContext.SessionState.Provider.GetOne('FileSystem'), '${work}', '', $null); $null = $ExecutionContext.SessionState.Drive.New($drive, 'Global')`,
    );
  });
  after(async () => {
    await shell.end();
    for (const end of ended) await end();
  });

  const whatIf = async (line: string): Promise<readonly string[]> =>
    (await shell.type(`${line} -WhatIf`)).text
      .split('\n')
      .filter((one) => one !== '')
      .map((one) => /^What if: .* on target "(.*)"\.$/.exec(one.trimEnd())?.[1] ?? one);
  const idOf = async (line: string): Promise<unknown> =>
    (await shell.values(`try { ${line} -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; "$($_.CategoryInfo.Category)" }`)).join(' ');

  test('a path is PowerShell’s: the home, drives of its own, a provider in front', async () => {
    assert.deepEqual(await whatIf('Move-ContainerImageRepository ~/moved'), [join(user, 'moved')]);
    assert.deepEqual(await whatIf('Move-ContainerImageRepository Images:/moved'), [join(work, 'moved')]);
    assert.deepEqual(await whatIf(`Save-ContainerImage NanoServer -Destination FileSystem::${work}/x.wim -Source Lab`), [
      `'NanoServer' to location '${work}/x.wim'`,
    ]);
  });

  test('a drive that is missing, and a path of something else, are errors before anything is done', async () => {
    for (const line of [
      String.raw`Save-ContainerImage NanoServer -Destination 'nowhere:\x\y.wim'`,
      String.raw`Save-ContainerImage NanoServer -Path 'nowhere:\x'`,
      String.raw`Move-ContainerImageRepository 'nowhere:\images'`,
      String.raw`Import-ContainerImage 'nowhere:\x.appx'`,
      String.raw`Install-ContainerOSImage 'nowhere:\x.wim'`,
    ])
      assert.equal(await idOf(line), `DriveNotFound,${line.split(' ')[0]} ObjectNotFound`);
    assert.equal(await idOf('Import-ContainerImage env:PATH'), 'NotFileSystem,Import-ContainerImage InvalidArgument');
    assert.ok(existsSync(join(home, 'store', 'index.json')));
  });

  test(
    'a folder that the system lets nobody make is an error, and is not tried for ever',
    { skip: process.platform !== 'linux' },
    async () => {
      const { code, stderr } = await bay(['Save-ContainerImage', 'NanoServer', '-Destination', '/proc/nobody/x.wim'], { home });
      assert.equal(code, 1);
      assert.match(stderr, /cannot make \/proc\/nobody/);
    },
  );

  test('a pattern means all files of an import, and one folder of a destination', async () => {
    for (const name of ['Two', 'Three']) await shell.type(`$null = New-ContainerImage one -Name ${name} -Publisher Demo -Version 1.0`);
    mkdirSync(join(work, 'exports'));
    mkdirSync(join(work, 'out[1]'));
    assert.equal((await shell.type(`Export-ContainerImage T* -Path '${work}/exp*'`)).text, '');
    assert.deepEqual(readdirSync(join(work, 'exports')), ['CN=Demo_Three_1.0.0.0.appx', 'CN=Demo_Two_1.0.0.0.appx']);
    assert.equal((await shell.type(`Export-ContainerImage Two -Path '${work}/out[1]'`)).text, '');
    assert.deepEqual(readdirSync(join(work, 'out[1]')), ['CN=Demo_Two_1.0.0.0.appx']);
    assert.equal(await idOf(`Export-ContainerImage Two -Path '${work}/*'`), 'AmbiguousPath,Export-ContainerImage InvalidArgument');
    assert.equal(await idOf(`Import-ContainerImage '${work}/*.none'`), 'PathNotFound,Import-ContainerImage InvalidArgument');
    const names = `(Import-ContainerImage '${work}/exports/*.appx' | ForEach-Object { $_.Name }) -join ' '`;
    assert.deepEqual(await shell.values(names), ['Three Two']);
    const { stdout } = await bay(['Import-ContainerImage', 'exports/*.appx', '--json'], { home, cwd: work });
    assert.deepEqual(
      (JSON.parse(stdout) as { Name: string }[]).map(({ Name: name }) => name),
      ['Three', 'Two'],
    );
    // What Get-ChildItem gives says where it is by its PSPath; its text may be its name alone.
    const item = `[pscustomobject] @{ PSPath = 'Microsoft.PowerShell.Core\\FileSystem::${work}/exports/CN=Demo_Two_1.0.0.0.appx' }`;
    assert.deepEqual(await shell.values(`(${item} | Import-ContainerImage).Name`), ['Two']);
    assert.deepEqual(await whatIf(`Install-ContainerOSImage '${work}/exports/*T*'`), [
      ['Three', 'Two'].map((name) => join(work, 'exports', `CN=Demo_${name}_1.0.0.0.appx`)).join(', '),
    ]);
  });

  test('a row of a list means its version and its source, not only its name', async () => {
    const row = (more: string): string => `[pscustomobject] @{ Name = 'NanoServer'; ${more} } | Save-ContainerImage -Path '${work}'`;
    const at = (build: number): string => `'NanoServer' to location '${join(work, `NanoServer-10-0-${build}-0.wim`)}'`;
    assert.deepEqual(await whatIf(row("Version = '10.0.10586.0'")), [at(10_586)]);
    assert.deepEqual(await whatIf(row("RequiredVersion = '10.0.10586.0'; Source = 'Lab'")), [at(10_586)]);
    assert.deepEqual(await whatIf(row("MaximumVersion = '10.0.11000.0'")), [at(10_586)]);
    assert.equal(await idOf(row("Version = '10.0.10586.0'; Source = 'Later'")), 'NoSuchModule,Save-ContainerImage ObjectNotFound');
    assert.deepEqual(await whatIf(`Get-ContainerImage NanoServer | Save-ContainerImage -Path '${work}'`), [at(14_300), at(10_586)]);
    assert.deepEqual(await whatIf(`Find-ContainerImage NanoServer -AllVersions | Save-ContainerImage -Path '${work}'`), [
      at(14_300),
      at(10_586),
    ]);
    assert.deepEqual(await whatIf("[pscustomobject] @{ Name = 'NanoServer'; Version = '10.0.10586.0' } | Install-ContainerImage -Force"), [
      "Package 'NanoServer' version '10.0.10586.0' from 'Lab'.",
    ]);
  });

  test('versions of sources, and images of a container to be made, are completed', async () => {
    const complete = (line: string): Promise<unknown[]> =>
      shell.values(
        `[System.Management.Automation.CommandCompletion]::CompleteInput('${line}', ${line.length}, $null).CompletionMatches | ForEach-Object { $_.CompletionText }`,
      );
    assert.deepEqual(await complete('Find-ContainerImage -Name NanoServer -Version '), ['10.0.10586.0', '10.0.14300.0']);
    assert.deepEqual(await complete('Save-ContainerImage NanoServer 10.0.14'), ['10.0.14300.0']);
    assert.deepEqual(await complete('Install-ContainerImage NanoServer -Source Lab -RequiredVersion '), ['10.0.10586.0']);
    assert.deepEqual(await complete('New-Container -Name three -ContainerImageName Nano'), ['NanoServer']);
    assert.deepEqual(await complete('New-Container -ContainerImageName NanoServer -ContainerImageVersion 10.0.1'), [
      '10.0.10586.0',
      '10.0.14300.0',
    ]);
    assert.deepEqual(await complete('New-Container -ContainerImageName Two -ContainerImageVersion '), ['1.0.0.0']);
  });

  test('containers: a guid through the pipe, patterns, -Passthru, and a -Path that changes nothing', async () => {
    assert.deepEqual(await shell.values('((Get-Container one).ContainerId | Get-Container).Name'), ['one']);
    assert.deepEqual(
      await shell.values(
        'New-Container casE -ContainerImageName NanoServer -ContainerImageVersion 10.0.10586.0 | Out-Null; (Remove-Container CASE -Force -Passthru).Name',
      ),
      ['casE'],
    );
    // Objects of somebody's own, with nothing but an id or a name.
    for (const property of ['Id = (Get-Container one).ContainerId', 'ContainerId = (Get-Container one).ContainerId', "Name = 'one'"])
      assert.deepEqual(await shell.values(`([pscustomobject]@{ ${property} } | Get-Container).Name`), ['one'], property);
    assert.deepEqual(await whatIf("Remove-Container 'tw*', 'z*'"), ['two']);
    assert.match((await bay(['Remove-Container', 'tw*', '-WhatIf'], { home })).stderr, /on target "two"/);
    const made = `New-Container three -ContainerImageName NanoServer -ContainerImageVersion 10.0.14300.0 -Path '${work}' -WarningVariable said -WarningAction SilentlyContinue | ForEach-Object { $_.Name }; "$said"`;
    const [name, warning] = await shell.values(made);
    assert.equal(name, 'three');
    assert.match(String(warning), /^-Path is not used: .* Move-ContainerImageRepository moves both\.$/);
    assert.deepEqual(await shell.values('(Remove-Container three -Force -Passthru).ParentImageName; @(Get-Container th*).Count'), [
      'NanoServer',
      0,
    ]);
  });

  test('Test-ContainerImage looks at all of what is meant; what would change one of several is told to ask', async () => {
    assert.deepEqual(
      await shell.values('@(Test-ContainerImage NanoServer).Count; @(Test-ContainerImage).Count -eq @(Get-ContainerImage).Count'),
      [2, true],
    );
    assert.equal(await idOf('Test-ContainerImage nope'), 'ImageNotFound,Test-ContainerImage ObjectNotFound');
    assert.equal(await idOf('Remove-ContainerImage NanoServer -Force'), 'AmbiguousImage,Remove-ContainerImage InvalidArgument');
  });

  test('a version is filled up before it is asked about, in both shells', async () => {
    assert.deepEqual(await whatIf('New-ContainerImage one -Name Four -Publisher Demo -Version 1.0'), ['CN=Demo_Four_1.0.0.0']);
  });
});
