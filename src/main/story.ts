import { spawn } from 'node:child_process';
import type { Terminal } from '../frontends/cli/terminal.ts';
import type { SampleCatalogue } from '../operations/sample-catalogue.ts';

/** Commands whose output is the next one's input. */
type Line = readonly (readonly string[])[];

/**
 * Shows what this is on sample images: lines as a user types them, each run by processes of its own, with all that they print. The last one is refused, as it should be.
 * Ends early, with what runs, when the terminal's signal says so.
 */
export async function tellStory({ wim, name }: SampleCatalogue, terminal: Terminal): Promise<void> {
  const lines: readonly Line[] = [
    [['Find-ContainerImage', '-Source', 'Samples']],
    [['Install-ContainerOSImage', '-WimPath', wim, '-Force']],
    [['Get-ContainerImage']],
    [['images']],
    [['New-Container', '-Name', 'story', '-ContainerImageName', name]],
    [['cp', wim, 'story:/Users']],
    [['New-ContainerImage', '-ContainerName', 'story', '-Publisher', 'Demo', '-Name', 'SampleSite', '-Version', '1.0']],
    [['Get-ContainerImage'], ['Select-Object', 'Name,ParentImage']],
    [
      ['Get-ContainerImage', '-Name', name],
      ['Uninstall-ContainerOSImage', '-Force'],
    ],
  ];
  const bay = terminal.env['BAY_LAUNCHER'] ?? 'bay';
  terminal.stdout.write('The store is new. What it does, on sample images:\n');
  for (const line of lines) {
    if (terminal.signal.aborted) return;
    const typed = line.map((words) => [bay, ...words].map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' '));
    terminal.stdout.write(`\n$ ${typed.join(' | ')}\n`);
    await runLine(line, terminal);
  }
  terminal.stdout.write('\n');
}

async function runLine(line: Line, { env, signal }: Terminal): Promise<void> {
  const program = [...process.execArgv, process.argv[1] ?? ''];
  const children = line.map((words, at) =>
    spawn(process.execPath, [...program, ...words], {
      env,
      stdio: [at === 0 ? 'ignore' : 'pipe', at === line.length - 1 ? 'inherit' : 'pipe', 'inherit'],
      signal,
    }),
  );
  for (const [at, { stdout }] of children.entries()) {
    const next = children[at + 1]?.stdin;
    // A reader that has ended wants no more.
    if (next) stdout?.pipe(next.on('error', () => stdout.destroy()));
  }
  await Promise.all(
    children.map((child) => new Promise<void>((resolve) => child.on('close', () => resolve()).on('error', () => resolve()))),
  );
}
