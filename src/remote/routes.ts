import { join } from 'node:path';
import { ImageError } from '../errors.ts';
import { settingsFolders } from '../io/settings-folders.ts';
import type { Reference } from '../model/reference.ts';
import { literalReach } from './address-reach.ts';
import { dockerCertificates, hostFolders, noCertificates, type CertificateFiles } from './certificates.ts';
import { apiHost, readHostsToml, type Capability, type HostEntry, type HostsFile } from './hosts-toml.ts';
import { readRegistriesConf, registriesConfFiles, rewritten, ruleFor, type RegistryRule } from './registries-conf.ts';
import type { RegistryOptions } from './registry-options.ts';

/** One way to a repository, before it is known what is spoken there. */
export interface Route {
  /** Host and port as users write it and credentials are kept under it. */
  readonly host: string;
  readonly repository: string;
  /** Where the API begins. Its scheme counts only where `scheme` is not `either`. */
  readonly base: URL;
  /** `either`: TLS where it is spoken, else plain http. For loopback, and for what is marked as insecure, alone. */
  readonly scheme: 'https' | 'http' | 'either';
  readonly verify: boolean;
  readonly certificates: CertificateFiles;
  readonly headers: Readonly<Record<string, string>>;
  readonly capabilities: ReadonlySet<Capability>;
  /** The registry that is meant, for a host that stands for several (`?ns=`). */
  readonly namespace: string | undefined;
  /** Why nothing may be asked there. */
  readonly blocked?: ImageError;
}

/** Where a repository is read, mirrors first, the registry itself last; and where it is written. */
export interface Routes {
  readonly mirrors: readonly Route[];
  readonly origin: Route;
  readonly push: Route;
}

const all: ReadonlySet<Capability> = new Set(['pull', 'resolve', 'push']);

/** The settings of one moment: which files say what about which host. */
export class Routing {
  readonly #options: RegistryOptions;
  readonly rules: readonly RegistryRule[];
  readonly #certsFolders: readonly string[];

  private constructor(options: RegistryOptions, rules: readonly RegistryRule[]) {
    this.#options = options;
    this.rules = rules;
    this.#certsFolders = options.certsFolders ?? settingsFolders(options.env ?? process.env).certs;
  }

  static async read(options: RegistryOptions): Promise<Routing> {
    const files = await registriesConfFiles(options.registriesConf, options.env ?? process.env);
    return new Routing(options, await readRegistriesConf(files));
  }

  /**
   * What is blocked is so itself; its mirrors are not (a machine that must never ask the world is set up in this way).
   * @throws ImageError `invalid-config`
   */
  async routes(reference: Pick<Reference, 'registry' | 'repository'> & Partial<Reference>): Promise<Routes> {
    const rule = ruleFor(this.rules, reference);
    const own = (route: Route): Route => (rule?.blocked ? { ...route, blocked: blockedError(rule.prefix) } : route);
    const mirrors: Route[] = [];
    for (const mirror of rule?.mirrors ?? []) {
      if (mirror.pull === 'digest-only' && reference.digest === undefined) continue;
      if (mirror.pull === 'tag-only' && reference.digest !== undefined) continue;
      const place = rewritten(reference, rule?.prefix ?? '', mirror.location);
      if (ruleFor(this.rules, place)?.blocked) continue;
      const { hosts, server } = await this.#hostRoutes(place, mirror.insecure);
      mirrors.push(...hosts, server);
    }
    const place = rule?.location === undefined ? reference : rewritten(reference, rule.prefix, rule.location);
    const { hosts, server } = await this.#hostRoutes(place, rule?.insecure === true);
    const origin = own(server);
    // A hosts.toml may name the registry itself as a host.
    const asked = hosts.filter(({ host }) => !rule?.blocked || host !== place.registry);
    const push = hosts.find(({ capabilities }) => capabilities.has('push'));
    return {
      mirrors: [...mirrors, ...asked.filter(({ capabilities }) => capabilities.has('pull') || capabilities.has('resolve'))],
      origin,
      push: push === undefined ? origin : own(push),
    };
  }

  async #hostRoutes(place: { registry: string; repository: string }, insecure: boolean): Promise<{ hosts: Route[]; server: Route }> {
    const { registry, repository } = place;
    const file = await this.#hostsFile(registry);
    const route = (entry: HostEntry): Route => ({
      ...this.#plain(registry, repository, insecure),
      ...(entry.base.host === apiHost(registry) ? {} : { host: entry.base.host, namespace: registry }),
      base: entry.base,
      scheme: entry.base.protocol === 'http:' ? 'http' : 'https',
      verify: !(
        entry.insecure ||
        insecure ||
        named(this.#options.insecureTls, registry) ||
        named(this.#options.insecureTls, entry.base.host)
      ),
      certificates: entry.certificates,
      headers: entry.headers,
      capabilities: entry.capabilities,
    });
    const usual = this.#plain(registry, repository, insecure);
    const certificates = await this.certificates(apiHost(registry));
    const server = file?.server === undefined ? { ...usual, certificates } : { ...route(file.server), capabilities: all };
    return { hosts: (file?.hosts ?? []).map(route), server };
  }

  #plain(registry: string, repository: string, insecure: boolean): Route {
    const host = apiHost(registry);
    const { plainHttp, insecureTls } = this.#options;
    const free = insecure || named(insecureTls, registry);
    const plain = named(plainHttp, registry);
    let base: URL;
    try {
      base = new URL(`${plain ? 'http' : 'https'}://${host}/v2/`);
    } catch (cause) {
      throw new ImageError('invalid-reference', `${JSON.stringify(registry)} is not a registry's host`, { cause });
    }
    return {
      host: registry,
      repository,
      base,
      scheme: plain ? 'http' : free || literalReach(base.hostname) === 'loopback' ? 'either' : 'https',
      verify: !free,
      certificates: noCertificates,
      headers: {},
      capabilities: all,
      namespace: undefined,
    };
  }

  async #hostsFile(registry: string): Promise<HostsFile | undefined> {
    const folders = [...hostFolders(this.#certsFolders, registry), ...this.#certsFolders.map((folder) => join(folder, '_default'))];
    for (const folder of folders) {
      const file = await readHostsToml(join(folder, 'hosts.toml'), registry);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** Docker's way of certificates, for a registry and for any other host that is met on the way (a token service, a storage). */
  async certificates(host: string): Promise<CertificateFiles> {
    return dockerCertificates(hostFolders(this.#certsFolders, host));
  }

  /** For hosts that are met on the way: true where the user has said that their certificates do not matter. */
  isInsecure(host: string): boolean {
    return named(this.#options.insecureTls, host) || ruleFor(this.rules, { registry: host, repository: '' })?.insecure === true;
  }
}

function blockedError(prefix: string): ImageError {
  return new ImageError('denied', `registry ${prefix} is blocked in registries.conf`, {
    hint: 'Remove `blocked = true` from its [[registry]] if it is to be used.',
    detail: { prefix, reason: 'blocked' },
  });
}

function named(hosts: readonly string[] | boolean | undefined, host: string): boolean {
  return hosts === true || (Array.isArray(hosts) && hosts.includes(host));
}
