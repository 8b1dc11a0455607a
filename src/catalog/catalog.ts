import { ImageError, isImageError } from '../errors.ts';
import { together } from '../io/concurrently.ts';
import type { Operation } from '../io/operation.ts';
import { chooseVersions, compareBaseVersions, type VersionQuery } from '../model/base-version.ts';
import { hasWildcard, wildcard } from '../model/wildcard.ts';
import type { Registries } from '../remote/registries.ts';
import { sameName, type CatalogSource, type CatalogueFileSource, type RegistrySource, type SourceRepository } from './catalog-source.ts';
import type { FoundBaseImage } from './found-image.ts';
import { readCatalogue } from './read-catalogue.ts';
import { describeImages, readRegistry } from './read-registry.ts';

export interface CatalogQuery extends VersionQuery {
  /** Names, with wildcards or exact, whatever their case; none is all. */
  readonly names?: readonly string[] | undefined;
  /** Names of sources, exact or with wildcards; none is all. */
  readonly sources?: readonly string[] | undefined;
}

export interface CatalogOptions extends Operation {
  /** Told of each source that did not answer, by a sentence that names it. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Also asks registries how large and old what was found is. Default true. */
  readonly describe?: boolean | undefined;
}

/** The others are not to be waited for longer because of one. Milliseconds. */
const usualPatience = 60_000;

/** All sources as one place to look for base images. What a source has said is kept: asked twice, it is read once. */
export class Catalog {
  readonly sources: readonly CatalogSource[];
  readonly #registries: Pick<Registries, 'web' | 'repository'>;
  readonly #patience: number;
  readonly #answers = new Map<string, Promise<readonly FoundBaseImage[]>>();

  /**
   * @param sources in the order in which they are asked: of two that have the same image the first gives it
   * @param options `patience`: milliseconds after which a source that has not said all counts as one that does not answer. Default one minute
   */
  constructor(
    sources: readonly CatalogSource[],
    registries: Pick<Registries, 'web' | 'repository'>,
    { patience = usualPatience }: { readonly patience?: number } = {},
  ) {
    this.sources = sources;
    this.#registries = registries;
    this.#patience = patience;
  }

  /**
   * What the sources offer, by name, newest first, then in their order. Without any version in the query only the newest of each name and publisher.
   * A source that does not answer is a warning; where none answers, it is an error.
   * @throws ImageError `invalid-argument` for names or versions that cannot be asked for; `not-found` for a source that is not there; what the only source failed with, else `unavailable`
   */
  async search(query: CatalogQuery, options: CatalogOptions = {}): Promise<readonly FoundBaseImage[]> {
    const versions = chooseVersions(query);
    const names = (query.names ?? []).filter((name) => name.trim() !== '');
    if (names.length === 0 && (query.minimum !== undefined || query.maximum !== undefined))
      throw new ImageError('invalid-argument', 'Name is required when either MinimumVersion or MaximumVersion parameter is used', {
        detail: { id: 'NameRequiredForMinOrMaxVersion' },
      });
    const isWanted = anyOf(names);
    const sources = this.#chosen(query.sources ?? []);
    const parts = sources.flatMap((source) => partsOf(source, isWanted));
    const answers = await together(options.signal, (scope) => scope.all(parts.map((part) => this.#ask(part, { signal: scope.signal }))));
    const failures = answers.flatMap((answer) => ('error' in answer ? [answer] : []));
    if (failures.length > 0 && failures.length === parts.length) throw allFailed(failures);
    for (const text of new Set(failures.map(({ part, error }) => failureText(part, error)))) options.onWarning?.(text);
    const found = answers.flatMap((answer) => ('images' in answer ? answer.images : []));
    const matching = found
      .filter(({ name, version }) => isWanted(name) && versions.matches(version))
      .toSorted((one, other) => byName(one, other) || compareBaseVersions(other.version, one.version));
    const chosen = versions.newestOnly ? newest(matching) : matching;
    return options.describe === false ? chosen : describeImages(chosen, this.#registries, { signal: options.signal });
  }

  #chosen(patterns: readonly string[]): readonly CatalogSource[] {
    for (const pattern of patterns)
      if (!hasWildcard(pattern) && !this.sources.some(({ name }) => sameName(name, pattern)))
        throw new ImageError('not-found', `Unable to find package source '${pattern}'.`, {
          hint: `Sources here: ${this.sources.map(({ name }) => name).join(', ') || 'none'}. \`bay source add\` makes one known.`,
          detail: { source: pattern },
        });
    const isWanted = anyOf(patterns);
    return this.sources.filter(({ name }) => isWanted(name));
  }

  async #ask(part: SourcePart, operation: Operation): Promise<Answer> {
    const key = JSON.stringify([part.source.name, part.repository]);
    const late = AbortSignal.timeout(this.#patience);
    const signal = operation.signal ? AbortSignal.any([operation.signal, late]) : late;
    const read = () =>
      part.repository === undefined
        ? readCatalogue(part.source, this.#registries, { signal })
        : readRegistry(part.source, part.repository, this.#registries, { signal });
    const answer = this.#answers.get(key) ?? read();
    this.#answers.set(key, answer);
    try {
      return { images: await answer };
    } catch (error) {
      this.#answers.delete(key);
      if (late.aborted && !operation.signal?.aborted)
        return {
          part,
          error: new ImageError('unavailable', `it did not answer within ${Math.ceil(this.#patience / 1000)} s`, { cause: error }),
        };
      if (isImageError(error) && error.code !== 'canceled') return { part, error };
      throw error;
    }
  }
}

/** What is asked, and fails, by itself: a catalogue, or one repository of a registry. */
type SourcePart =
  | { readonly source: CatalogueFileSource; readonly repository?: undefined }
  | { readonly source: RegistrySource; readonly repository: SourceRepository };

function partsOf(source: CatalogSource, isWanted: (name: string) => boolean): readonly SourcePart[] {
  if (source.kind === 'catalogue') return [{ source }];
  return source.repositories.filter(({ name }) => isWanted(name)).map((repository) => ({ source, repository }));
}

type Answer = { readonly images: readonly FoundBaseImage[] } | Failure;

interface Failure {
  readonly part: SourcePart;
  readonly error: ImageError;
}

/** Tells what one of the patterns matches; without patterns everything. */
function anyOf(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => true;
  const tests = patterns.map((pattern) => (hasWildcard(pattern) ? wildcard(pattern) : (text: string) => sameName(text, pattern)));
  return (text) => tests.some((test) => test(text));
}

function byName(one: FoundBaseImage, other: FoundBaseImage): number {
  const [left, right] = [one.name.toLowerCase(), other.name.toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The first of each name and publisher of what is sorted newest first. */
function newest(images: readonly FoundBaseImage[]): readonly FoundBaseImage[] {
  const seen = new Set<string>();
  return images.filter(({ name, publisher }) => {
    const key = JSON.stringify([name.toLowerCase(), publisher.toLowerCase()]);
    return !seen.has(key) && seen.add(key);
  });
}

function allFailed(failures: readonly Failure[]): ImageError {
  const texts = [...new Set(failures.map(({ part, error }) => failureText(part, error)))];
  const [first] = failures;
  return new ImageError(texts.length === 1 && first ? first.error.code : 'unavailable', texts.join('; '), {
    hint: first?.error.hint,
    detail: first?.error.detail,
    cause: first?.error,
  });
}

function failureText({ source }: SourcePart, { message }: ImageError): string {
  return `source ${source.name}: ${message}`;
}
