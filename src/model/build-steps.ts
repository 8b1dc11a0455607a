import type { HistoryEntry } from './config.ts';

/**
 * True where the history of an image shows that it was built on something: a step that made a layer by a command or by copying. The first layer of a base image is unpacked
 * (`ADD rootfs.tar.gz /`, `# debian.sh …`, `Apply image 10.0.14393.0`), and Windows' own may have a monthly `Install update` on it.
 */
export function hasBuildSteps(history: readonly HistoryEntry[]): boolean {
  const steps = history.filter(({ empty_layer }) => !empty_layer).map(({ created_by = '' }) => created_by);
  return steps.some((step, at) => (at === 0 ? built.test(step) : !update.test(step)));
}

/** As BuildKit and docker's older builder write them; commands of the latter have no mark but their shell. */
const built = /^(?:RUN|COPY|WORKDIR)\b|#\(nop\)\s+(?:COPY|WORKDIR)\b|^(?:\/bin\/sh -c|cmd \/S \/C|powershell\b.*-Command) (?!#\(nop\))/i;
const update = /^Install update /i;
