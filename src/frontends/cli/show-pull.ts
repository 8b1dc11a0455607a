import { familiar, identifier, type Reference } from '../../model/reference.ts';
import type { Host } from '../../operations/host.ts';
import { pull, type PullOptions } from '../../operations/pull.ts';
import { transferStatus } from '../../operations/transfer-status.ts';
import { ProgressRows } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** Pulls an image and shows it as docker does: a row for each layer, then its digest and whether it was new. */
export async function showPull(
  host: Pick<Host, 'store' | 'remote'>,
  reference: Reference,
  options: PullOptions,
  terminal: Terminal,
): Promise<void> {
  using rows = new ProgressRows(terminal);
  rows.line(`${identifier(reference)}: Pulling from ${reference.repository}`);
  const { origin, changed } = await pull(host, reference, {
    ...options,
    onProgress: (event) => {
      for (const status of transferStatus(event, 'pull')) rows.row(status);
    },
  });
  rows.line(`Digest: ${origin.digest}`);
  rows.line(
    changed ? `Status: Downloaded newer image for ${familiar(reference)}` : `Status: Image is up to date for ${familiar(reference)}`,
  );
}

/** The same terminal for whoever must keep stdout clean: all goes to stderr. */
export function onStderr(terminal: Terminal): Terminal {
  // Streams are opened when they are asked for: nothing is copied here.
  return Object.create(terminal, {
    stdout: { get: () => terminal.stderr },
    print: { value: (text: string) => void terminal.stderr.write(text) },
    isTTY: { get: () => ({ stdin: terminal.isTTY.stdin, stdout: terminal.isTTY.stderr, stderr: terminal.isTTY.stderr }) },
  }) as Terminal;
}
