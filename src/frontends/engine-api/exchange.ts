import type { IncomingMessage } from 'node:http';
import { ImageError } from '../../errors.ts';
import { parsePlatformText } from '../../model/platform-text.ts';
import type { Platform } from '../../model/platform.ts';
import type { FilterTerm } from '../../operations/filter-term.ts';
import type { ApiVersion } from './api-version.ts';
import type { Desk } from './desk.ts';
import { parseFilters } from './filters.ts';
import { parsePlatformJson } from './platform-parameter.ts';
import { bodyBytes, jsonBody, looseJsonBody } from './request-body.ts';

/** One request, its target read: what every handler has at hand. */
export class Exchange {
  readonly desk: Desk;
  readonly request: IncomingMessage;
  readonly version: ApiVersion;
  /** What the path's pattern left open: decoded, and not checked against any grammar. Empty where it left nothing open. */
  readonly name: string;
  /** Of the target, and of a form in the body. */
  readonly query: URLSearchParams;
  /** Aborts when the client leaves before its answer has. */
  readonly signal: AbortSignal;

  constructor(fields: Pick<Exchange, 'desk' | 'request' | 'version' | 'name' | 'query' | 'signal'>) {
    this.desk = fields.desk;
    this.request = fields.request;
    this.version = fields.version;
    this.name = fields.name;
    this.query = fields.query;
    this.signal = fields.signal;
  }

  /** A parameter; undefined where it is absent or empty. */
  text(key: string): string | undefined {
    return this.query.get(key) || undefined;
  }

  texts(key: string): readonly string[] {
    return this.query.getAll(key);
  }

  /** docker's reading of a switch: everything is on but these words. Without a default an absent one is off. */
  flag(key: string, whenAbsent = false): boolean {
    const value = this.query.get(key);
    if (value === null) return whenAbsent;
    return !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
  }

  /** @param before what docker says before Go's words @throws ImageError `invalid-argument` */
  number(key: string, before = ''): number | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    if (!/^[+-]?\d{1,15}$/.test(value))
      throw new ImageError(
        'invalid-argument',
        `${before}strconv.Atoi: parsing ${JSON.stringify(value.slice(0, 40))}: ${/^[+-]?\d+$/.test(value) ? 'value out of range' : 'invalid syntax'}`,
      );
    return Number(value);
  }

  /** `1795817860` or `1795817860.366362693`, as docker's client sends it whatever the user typed. @throws ImageError `invalid-argument` */
  time(key: string): Date | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const [, seconds, fraction = ''] = /^(-?\d{1,11})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
    if (seconds === undefined)
      throw new ImageError('invalid-argument', `strconv.ParseInt: parsing ${JSON.stringify(text.slice(0, 40))}: invalid syntax`);
    return new Date(Number(seconds) * 1000 + Number(`0.${fraction || '0'}`) * 1000);
  }

  filters(): readonly FilterTerm[] {
    return parseFilters(this.text('filters'));
  }

  /** `linux/arm64`, as pull and create have it. */
  platform(): Platform | undefined {
    const text = this.text('platform');
    return text === undefined ? undefined : parsePlatformText(text);
  }

  /** OCI's JSON, as the other routes have it, from the version on that knows it; older ones ignore it. */
  platformJson(since: ApiVersion, key = 'platform'): readonly Platform[] {
    if (this.version < since) return [];
    return this.texts(key)
      .filter((text) => text !== '')
      .map(parsePlatformJson);
  }

  bytes(): AsyncIterable<Uint8Array> {
    return bodyBytes(this.request);
  }

  json(type: string): Promise<Readonly<Record<string, unknown>> | null | undefined> {
    return jsonBody(this.request, type);
  }

  looseJson(type: string): Promise<Readonly<Record<string, unknown>>> {
    return looseJsonBody(this.request, type);
  }
}
