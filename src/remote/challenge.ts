/** One way in that a server offers (RFC 9110, section 11.6.1). Names are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z/:-]+/y;
const quoted = /"((?:[^"\\]|\\[\s\S])*)"?/y;
const bareValue = /[^\s,]*/y;

/**
 * Reads a `WWW-Authenticate` header, or several joined by commas. What makes no sense in it is passed over, as servers write many things there;
 * a parameter that comes twice keeps its first value.
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = (header ?? '').slice(0, 16384);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    take(/[\s,]*/y);
    const name = take(token)?.[0];
    if (name === undefined) {
      at++;
      continue;
    }
    const current = challenges.at(-1);
    if (!take(/\s*=\s*/y) || !current) {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
      continue;
    }
    const value = take(quoted)?.[1]?.replace(/\\([\s\S])/g, '$1') ?? take(bareValue)?.[0] ?? '';
    const key = name.toLowerCase();
    if (!current.parameters.has(key)) current.parameters.set(key, value);
  }
  return challenges;
}

/**
 * The challenge to be answered: Bearer before Basic, as registries that offer both mean it. A Bearer that names no token service is for other programs
 * (some single sign-ons add one), and counts only where nothing else is offered.
 */
export function bestChallenge(header: string | undefined): Challenge | undefined {
  const offered = parseChallenges(header);
  const bearers = offered.filter(({ scheme }) => scheme === 'bearer');
  return bearers.find(({ parameters }) => parameters.get('realm')) ?? offered.find(({ scheme }) => scheme === 'basic') ?? bearers[0];
}
