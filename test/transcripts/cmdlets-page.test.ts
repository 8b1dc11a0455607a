/** The page's PowerShell blocks, S1 to S8 and S12 to S17, typed on a command line without a PowerShell. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { runLine } from '../../src/frontends/cmdlets/run-line.ts';
import { findLineCmdlet } from '../../src/frontends/cmdlets/line-cmdlets.ts';
import { memoryTerminal, type MemoryTerminalOptions } from '../support/memory-terminal.ts';
import { makePageCatalogue } from '../support/page-catalogue.ts';
import { temporary } from '../support/temporary.ts';
import { Console, skipWithoutShell } from './console.ts';

const skip = skipWithoutShell;
/** How long it took is chance. */
const time = "| sed -E 's/[0-9]+ seconds/N seconds/'";

/** A console whose only source is a catalogue with what the page shows. */
async function pageConsole(
  t: Parameters<typeof temporary>[0],
): Promise<{ readonly console: Console; readonly names: Record<string, string> }> {
  const folder = temporary(t, 'page');
  const [catalogue, user] = [join(folder, 'catalogue'), join(folder, 'user')];
  for (const path of [catalogue, user]) mkdirSync(path);
  await makePageCatalogue(catalogue);
  const console = new Console(t, { env: { HOME: user, XDG_DATA_HOME: '' } });
  await console.run('bay Unregister-ContainerImageSource MicrosoftContainerRegistry');
  await console.run(`bay Register-ContainerImageSource ContainerImageGallery '${catalogue}'`);
  return { console, names: { [catalogue]: '/srv/catalogue', [user]: '/home/me' } };
}

test('S1 to S8: a base OS image is found, installed, listed in both worlds, saved and installed from the file', { skip }, async (t) => {
  const { console, names } = await pageConsole(t);
  await console.type('bay Install-PackageProvider ContainerProvider -Force');
  await console.type('bay Install-PackageProvider ContainerProvider');
  await console.type('bay Find-ContainerImage');
  await console.type(`bay Install-ContainerImage -Name NanoServer -Version 10.0.10586.0 ${time}`);
  await console.type('bay Get-ContainerImage');
  await console.type("bay images --format '{{.Repository}} {{.Tag}}'");
  await console.type('bay Save-ContainerImage -Name WindowsServerCore -Destination container-image/WindowsServerCore.wim');
  await console.type('bay Install-ContainerOSImage -WimPath container-image/WindowsServerCore.wim -Force');
  await console.type('bay install-containerosimages -wim container-image/WindowsServerCore.wim -force -verbose');
  await console.type('bay Get-ContainerImage');
  await console.type('bay Install-ContainerImage -Name NanoServer');
  await console.type('bay Uninstall-PackageProvider ContainerProvider -Verbose');
  console.matches('cmdlets-install.txt', names);
});

test('S12 to S17: through pipes, derived, protected, with its parent, and moved', { skip }, async (t) => {
  const { console, names } = await pageConsole(t);
  await console.run('bay Find-ContainerImage | bay Install-ContainerImage');
  await console.type('bay New-Container -Name demo -ContainerImageName WindowsServerCore');
  await console.type('bay Get-Container demo | bay New-ContainerImage -Publisher Demo -Name WindowsServerCoreIIS -Version 1.0');
  await console.type('bay New-ContainerImage -ContainerName demo -Publisher Demo -Name WindowsServerCoreIIS -Version 1.0.0.0');
  await console.type('bay Get-ContainerImage');
  await console.type('bay Get-ContainerImage | bay select Name, ParentImage');
  await console.type('bay Get-ContainerImage -Name NanoServer | bay Uninstall-ContainerOSImage');
  await console.type('bay Get-ContainerImage -Name WindowsServerCore | bay Remove-ContainerImage -Force');
  await console.run('bay New-Container iis -ContainerImageName WindowsServerCoreIIS');
  await console.type('bay Get-ContainerImage -Name WindowsServerCoreIIS | bay Remove-ContainerImage -Force');
  await console.run('bay Get-Container iis | bay Remove-Container -Force');
  await console.type("bay Get-ContainerImage -Name 'windows*' -Publisher Demo | bay Remove-ContainerImage -Force -Verbose");
  await console.type('bay Get-ContainerImage -Name WindowsServerCore | bay Uninstall-ContainerOSImage');
  await console.type('bay Remove-Container demo -Force');
  await console.type('bay Get-ContainerImage | bay Uninstall-ContainerOSImage -WhatIf');
  await console.type('bay Get-ContainerHost | bay select ContainerImageRepositoryLocation');
  await console.type('bay Move-ContainerImageRepository -Path ./container-images');
  await console.type('bay Move-ContainerImageRepository -Path ./container-images');
  await console.type('bay Get-ContainerHost | bay select ContainerImageRepositoryLocation');
  await console.type('bay Get-ContainerImage --json | bay Test-ContainerImage');
  console.matches('cmdlets-manage.txt', names);
});

test('an image goes to another host in a file and comes back as it was', { skip }, async (t) => {
  const { console, names } = await pageConsole(t);
  await console.run('bay Install-ContainerImage NanoServer && bay New-Container web -ContainerImageName NanoServer');
  await console.run('bay New-ContainerImage web DemoImage Demo 1.0');
  await console.type('bay Export-ContainerImage DemoImage .');
  await console.type('ls *.appx');
  await console.type('bay Export-ContainerImage DemoImage .');
  await console.type('bay Export-ContainerImage DemoImage ./nowhere');
  await console.type('bay Get-ContainerImage NanoServer | bay Export-ContainerImage -Path .');
  await console.type('bay Remove-ContainerImage DemoImage -Force');
  await console.type('bay Import-ContainerImage ./*.appx');
  await console.type('bay Get-ContainerImage DemoImage | bay select Name, IsOSImage, ParentImage');
  console.matches('cmdlets-export.txt', names);
});

test('what does not fit is said in the words of PowerShell', { skip }, async (t) => {
  const { console, names } = await pageConsole(t);
  await console.run('bay Install-ContainerImage NanoServer');
  for (const line of [
    'bay Get-ContainerImage -Nmae NanoServer',
    'bay Get-ContainerImage -Version ten',
    'bay Get-ContainerImage -Name',
    'bay Get-ContainerImage -Name a -Name b',
    'bay Get-ContainerImage a b 1.0 d',
    "bay Get-ContainerImage -Name ''",
    "bay Get-ContainerImage -Name '[a'",
    'bay Find-ContainerImage -Ver 1.0 -Min 1.0 -Verb',
    'bay Find-ContainerImage NanoServer -Min 2.0 -Max 1.0',
    'bay Find-ContainerImage -M 1.0',
    'bay Find-ContainerImage NoSuchImage',
    'bay Find-ContainerImage -Source nowhere',
    'bay Save-ContainerImage NanoServer',
    'bay Save-ContainerImage NanoServer -Destination a.wim -Path .',
    'bay Save-ContainerImage NanoServer -Destination .',
    'bay Save-ContainerImage NoSuchImage -Destination a.wim',
    'bay Remove-ContainerImage NoSuchImage -Force',
    'bay Remove-ContainerImage NanoServer',
    'bay Remove-ContainerImage NanoServer -Confirm:$false -WhatIf',
    "bay Remove-ContainerImage NanoServer '-Confirm:$false' -WhatIf",
    "printf 'Name State Uptime ParentImageName\\n---- ----- ------ ---------------\\na    Off   0      b\\n' | bay Remove-ContainerImage -Force",
    'echo nothing of the kind | bay Remove-ContainerImage -Force',
    "echo '[1]' | bay Remove-ContainerImage -Force",
    'bay Get-ContainerImage NoSuchImage | bay Remove-ContainerImage -Force',
    'bay Get-Container NoSuchContainer',
    'bay Get-Container NoSuchContainer -ErrorAction SilentlyContinue',
    'bay Get-Container NoSuchContainer -ea Ignore',
    'bay New-Container c -ContainerImageName NoSuchImage',
    'bay New-Container c -ContainerImageName NanoServer -RuntimeType Magic',
    'bay Install-ContainerOSImage -WimPath nosuch.wim -Force',
    'bay Import-ContainerImage nosuch.appx',
    'bay Install-PackageProvider NuGet',
    'bay Get-ContainerImageSource nosuch',
    'bay Register-ContainerImageSource ContainerImageGallery /srv',
    'bay Set-ContainerImageSource nosuch -Position 1',
    'bay Unregister-ContainerImageSource nosuch',
    'bay Find-ContainerImage -MinimumVersion 1.0',
    'bay Start-Container demo',
    'mkdir gone; bay source add gone $PWD/gone; bay Install-ContainerImage NanoServer -Source gone 2>&1 | sed s:$PWD::',
  ])
    await console.type(line);
  console.matches('cmdlets-mistakes.txt', names);
});

/** Runs a line in process, on a terminal. @returns the exit code and what the terminal shows */
async function onTerminal(home: string, name: string, words: readonly string[], options: MemoryTerminalOptions = {}) {
  const terminal = memoryTerminal({ isTTY: true, columns: 120, env: { BAY_HOME: home }, ...options });
  const cmdlet = findLineCmdlet(name);
  assert.ok(cmdlet);
  const code = await runLine(cmdlet, words, terminal);
  return { code, out: terminal.out, err: terminal.err };
}

test('S2 on a terminal is the page, letter by letter; a narrow one cuts the last columns', async (t) => {
  const folder = temporary(t, 'page');
  await makePageCatalogue(folder);
  const home = join(folder, 'home');
  await onTerminal(home, 'Unregister-ContainerImageSource', ['MicrosoftContainerRegistry']);
  await onTerminal(home, 'Register-ContainerImageSource', ['page', folder]);
  assert.deepEqual(await onTerminal(home, 'find-containerimage', []), {
    code: 0,
    err: '',
    out: `
Name                 Version                 Description
----                 -------                 -----------
NanoServer           10.0.10586.0            Container OS Image of Windows Server 2016 Techn...
WindowsServerCore    10.0.10586.0            Container OS Image of Windows Server 2016 Techn...

`,
  });
  const narrow = await onTerminal(home, 'Find-ContainerImage', [], { columns: 50 });
  assert.equal(narrow.out.split('\n')[3], 'NanoServer           10.0.10586.0            C...');
  const narrower = await onTerminal(home, 'Find-ContainerImage', [], { columns: 30 });
  assert.equal(narrower.out.split('\n')[3], 'NanoServer           10.0....');
});

test('a question is asked as PowerShell asks it, and no is no', async (t) => {
  const folder = temporary(t, 'page');
  await makePageCatalogue(folder);
  const home = join(folder, 'home');
  await onTerminal(home, 'Install-ContainerOSImage', [join(folder, 'NanoServer.wim'), '-Force']);
  const no = await onTerminal(home, 'Remove-ContainerImage', ['NanoServer'], { stdin: '?\nperhaps\nn\n' });
  assert.deepEqual(no, {
    code: 0,
    out: '',
    err: `
Confirm
Are you sure you want to perform this action?
Performing the operation "Remove-ContainerImage" on target "ContainerImage (Name = 'NanoServer') [Publisher = 'CN=Microsoft', Version = '10.0.10586.0']".
[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is "Y"): Y - Continue with only the next step of the operation.
A - Continue with all the steps of the operation.
N - Skip this operation and proceed with the next operation.
L - Skip this operation and all subsequent operations.
[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is "Y"): [Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is "Y"): `,
  });
  assert.match((await onTerminal(home, 'Get-ContainerImage', [])).out, /NanoServer/);
  assert.equal((await onTerminal(home, 'Remove-ContainerImage', ['NanoServer'], { stdin: '\n' })).code, 0);
  assert.equal((await onTerminal(home, 'Get-ContainerImage', [])).out, '');
});

test('a file that is there is asked about before anything is downloaded', async (t) => {
  const folder = temporary(t, 'page');
  await makePageCatalogue(folder);
  const home = join(folder, 'home');
  const path = join(folder, 'NanoServer.wim');
  const words = ['-Name', 'NanoServer', '-Destination', path];
  const { out, err } = await onTerminal(home, 'Save-ContainerImage', words, { stdin: 'N\n' });
  assert.equal(out, 'Re-run the script with a different Destination\n\n');
  assert.equal(
    err,
    `\nOverwrite File\nDo you want to overwrite the existing file: ${path} ?\n[Y] Yes  [N] No  [?] Help (default is "Y"): `,
  );
});

test('parameters that are missing are said, where nobody can be asked', async (t) => {
  const home = join(temporary(t, 'home'), 'home');
  const { code, err } = await onTerminal(home, 'New-ContainerImage', ['-ContainerName', 'x'], { isTTY: false });
  assert.equal(code, 1);
  assert.equal(
    err,
    `New-ContainerImage : Cannot process command because of one or more missing mandatory parameters: Name Publisher Version.
    + CategoryInfo          : InvalidArgument: (:) [New-ContainerImage], ParameterBindingException
    + FullyQualifiedErrorId : MissingMandatoryParameter,New-ContainerImage
`,
  );
});

test('parameters that are missing are asked for at a terminal, a list until an empty line', async (t) => {
  const home = join(temporary(t, 'home'), 'home');
  const asked = await onTerminal(home, 'Remove-Container', [], { stdin: 'one\ntwo\n\n' });
  assert.deepEqual([asked.code, asked.out], [1, '']);
  assert.match(
    asked.err,
    /^\ncmdlet Remove-Container at command pipeline position 1\nSupply values for the following parameters:\nName\[0\]: Name\[1\]: Name\[2\]: Remove-Container : A container was not found: 'one'\./,
  );
  const version = await onTerminal(home, 'New-ContainerImage', ['web', 'Name', 'Publisher'], { stdin: 'ten\n' });
  assert.match(version.err, /\nVersion: New-ContainerImage : Cannot process argument transformation on parameter 'Version'/);
});

test('words are completed: cmdlets, parameters, values of both worlds', { skip }, async (t) => {
  const { console, names } = await pageConsole(t);
  await console.run('bay Install-ContainerImage NanoServer');
  for (const line of [
    'bay __complete -- Get-ContainerI',
    'bay __complete -- get-containerimage -P',
    'bay __complete -- Get-ContainerImage -Name n',
    'bay __complete --next -- Get-ContainerImage NanoServer CN=Microsoft',
    'bay __complete -- Remove-ContainerImage -Name:N',
    'bay __complete -- New-Container -RuntimeType ""',
    'bay __complete --next -- Install-ContainerOSImage',
    'bay __complete -- Find-ContainerImage W',
    'bay __complete -- Get-ContainerImageSource -Name Con',
    'bay __complete -- No-Such x',
  ])
    await console.type(line);
  console.matches('cmdlets-completion.txt', names);
});

test('several names for one file are refused before anything is looked for or saved, and no address is a path', async (t) => {
  const folder = temporary(t, 'page');
  await makePageCatalogue(folder);
  const home = join(folder, 'home');
  await onTerminal(home, 'Register-ContainerImageSource', ['page', folder]);
  const path = join(folder, 'one.wim');
  for (const names of ['NanoServer,nope', 'nope,NanoServer', 'NanoServer,WindowsServerCore']) {
    const { code, err } = await onTerminal(home, 'Save-ContainerImage', [names, '-Destination', path, '-Source', 'page']);
    assert.equal(code, 1, names);
    assert.match(err, /^Save-ContainerImage : One file holds one image\./, names);
    assert.equal(existsSync(path), false, names);
  }
  // Objects of a pipeline come one after the other: the first is saved, and the second does not take its place.
  const items = await onTerminal(home, 'Find-ContainerImage', ['-Source', 'page', '--json'], { isTTY: false });
  const piped = await onTerminal(home, 'Save-ContainerImage', ['-Destination', path, '-Force'], { isTTY: false, stdin: items.out });
  assert.match(piped.err, /^Save-ContainerImage : One file holds one image\./);
  assert.deepEqual(readFileSync(path), readFileSync(join(folder, 'NanoServer.wim')));
  for (const [name, ...words] of [
    ['Move-ContainerImageRepository', 'http://x/y'],
    ['Save-ContainerImage', 'NanoServer', '-Destination', 'https://x/y.wim', '-Source', 'page'],
  ] as const) {
    const { code, err } = await onTerminal(home, name, words);
    assert.equal(code, 1, name);
    assert.match(err, /it is an address, not a path/, name);
  }
});
