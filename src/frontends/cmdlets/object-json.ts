import { isCmdletObject, isTypedText, type CmdletObject, type Value } from './cmdlet-object.ts';

/** The key that says what an object is; no property is called so. */
const typeKey = 'Type';

/** A document for programs, and for the next cmdlet of a pipe: keys are the properties' names, times are in UTC. What an object has inside it is written without what that has. */
export function objectJson(object: CmdletObject): Record<string, unknown> {
  const inner = (value: Value, depth: number): unknown => {
    if (value === undefined) return null;
    if (typeof value !== 'object' || value instanceof Date) return value;
    if (isTypedText(value)) return value.text;
    if (!isCmdletObject(value)) return value.map((item) => inner(item, depth));
    return depth > 1 ? value.text : document(value, depth + 1);
  };
  const document = ({ typeName, properties }: CmdletObject, depth: number): Record<string, unknown> => ({
    [typeKey]: typeName,
    ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, inner(value, depth)])),
  });
  return document(object, 0);
}

/** Nothing that a cmdlet prints goes as deep. */
const deepest = 8;

/** The way back; what lies deeper than anything of ours is left out. @returns undefined for what is no such document */
export function objectFromJson(value: unknown, depth = 0): CmdletObject | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { [typeKey]: typeName, ...rest } = value as Record<string, unknown>;
  if (typeof typeName !== 'string') return undefined;
  const properties: Record<string, Value> = {};
  for (const [name, item] of Object.entries(rest)) properties[name] = fromJson(item, depth + 1);
  const label = properties['Name'];
  return { typeName, properties, text: typeof label === 'string' ? label : typeName };
}

function fromJson(value: unknown, depth: number): Value {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (depth > deepest) return undefined;
  if (Array.isArray(value)) return value.map((item) => fromJson(item, depth + 1));
  return objectFromJson(value, depth);
}
