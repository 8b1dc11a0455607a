/** Output that is kept in a file and compared as it stands. `UPDATE_GOLDEN=1` writes the files anew, to be reviewed as a diff. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'transcripts', 'golden');

/** What differs from run to run and says nothing: each pattern's matches are written as its name, `<digest>`. */
export type Masks = Readonly<Record<string, RegExp>>;

/**
 * Compares with `test/transcripts/golden/NAME`. Masks are applied to the text in their order; the pattern needs the `g` flag
 * to cover all matches. A golden file that is not there fails, it is not made silently.
 */
export function assertGolden(name: string, text: string, masks: Masks = {}): void {
  let masked = text.replaceAll('\r\n', '\n');
  for (const [mask, pattern] of Object.entries(masks)) masked = masked.replace(pattern, `<${mask}>`);
  const file = join(folder, name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, masked);
    return;
  }
  assert.ok(existsSync(file), `${file} is not there: run the test with UPDATE_GOLDEN=1 to make it, and review it`);
  assert.equal(
    masked,
    readFileSync(file, 'utf8').replaceAll('\r\n', '\n'),
    `the output differs from ${name}: if that is meant, run the test with UPDATE_GOLDEN=1 and review the diff`,
  );
}

/** A console session as one text: each command after `$`, then what it printed, stderr after stdout, and an exit code that is not 0. */
export class Transcript {
  #text = '';

  add(line: string, ended: { readonly code: number; readonly stdout: string; readonly stderr: string }): void {
    const { code, stdout, stderr } = ended;
    const closed = (output: string) => (output === '' || output.endsWith('\n') ? output : `${output}\n`);
    this.#text += `$ ${line}\n${closed(stdout)}${closed(stderr)}${code === 0 ? '' : `[exit code ${code}]\n`}\n`;
  }

  toString(): string {
    return this.#text;
  }
}
