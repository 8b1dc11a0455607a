import type { RetryPolicy } from './retry.ts';
import type { Timeouts } from './transport.ts';

/** What a registry knows somebody by: a name and a password, an OAuth2 refresh token (docker's identity token), or a bearer token as it is sent. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly username?: string; readonly identityToken: string }
  | { readonly registryToken: string };

/** One request as it went over the wire. No secret is in it. */
export interface WireLog {
  readonly method: string;
  readonly url: string;
  /** The answer's status; absent where there was none. */
  readonly status?: number;
  readonly milliseconds: number;
  readonly error?: string;
}

/** How registries are reached: one value per container host. What is left out is read where docker, podman and containerd read it. */
export interface RegistryOptions {
  /** The docker client's folder, with `config.json`. Default `$DOCKER_CONFIG`, else `~/.docker` (`%USERPROFILE%\.docker` on Windows). `$REGISTRY_AUTH_FILE` and containers' `auth.json` are read after it. */
  readonly configFolder?: string | undefined;
  /** Default `$CONTAINERS_REGISTRIES_CONF`, else `~/.config/containers/registries.conf`, else `/etc/containers/registries.conf` (on Windows `%APPDATA%\containers`, `%USERPROFILE%\.config\containers`, `%ProgramData%\containers`); with the drop-ins of the `.d` folders. An empty text reads none. */
  readonly registriesConf?: string | undefined;
  /** Folders of `HOST[:PORT]/hosts.toml` (containerd) and `HOST[:PORT]/*.crt, *.cert, *.key` (docker). The first that knows a host counts. */
  readonly certsFolders?: readonly string[] | undefined;
  /** Default `process.env`. Proxies and the places of the files above are taken from it. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Hosts that are spoken to in plain http, or true for every host. */
  readonly plainHttp?: readonly string[] | boolean | undefined;
  /** Hosts whose certificate is not verified, or true for every host. They may also be spoken to in plain http where they have no TLS, as docker's insecure registries. */
  readonly insecureTls?: readonly string[] | boolean | undefined;
  /** Asked before the files; undefined lets them answer, null says that there are none, whatever the files say. */
  readonly credentials?: ((host: string) => Promise<Credentials | null | undefined> | Credentials | null | undefined) | undefined;
  /** Sent with every request, as the `X-Meta-…` ones of the docker client's settings. */
  readonly extraHeaders?: Readonly<Record<string, string>> | undefined;
  readonly userAgent?: string | undefined;
  /** A sentence for the user: a registry's own `Warning`, an unencrypted credential … */
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly onLog?: ((entry: WireLog) => void) | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** `helper`: milliseconds for a credential helper's answer. Default 60,000. */
  readonly timeouts?: (Partial<Timeouts> & { readonly helper?: number }) | undefined;
}
