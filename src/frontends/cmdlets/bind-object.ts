import { objectNotBound } from './binder-error.ts';
import type { Bound } from './call.ts';
import type { CmdletObject, Value } from './cmdlet-object.ts';
import type { Cmdlet, Parameter } from './cmdlet.ts';
import { bindingIn, missingIn, setsWith } from './parameter-sets.ts';

/**
 * Parameters with an object of the pipeline added: to the one that takes its type, else to those that have the names of its properties.
 * @param sets those that the line may mean
 * @throws CmdletError where nothing takes it
 */
export function bindObject(cmdlet: Cmdlet, sets: readonly string[], bound: Bound, object: CmdletObject): Bound {
  for (const set of sets) {
    const free = cmdlet.parameters.filter(({ name }) => bound[name] === undefined);
    const whole = free.find((parameter) => bindingIn(parameter, set)?.byValue && takes(parameter, object));
    const added: Record<string, Value> = {};
    if (whole) added[whole.name] = whole.type.endsWith('[]') ? [object] : object;
    else
      for (const parameter of free)
        if (bindingIn(parameter, set)?.byPropertyName) {
          const value = property(parameter, object);
          if (value !== undefined) added[parameter.name] = parameter.type.endsWith('[]') ? [value] : value;
        }
    const all = { ...bound, ...added };
    const isWhole = missingIn(cmdlet, set, all).length === 0 && setsWith(cmdlet, Object.keys(all)).includes(set);
    if (Object.keys(added).length > 0 && isWhole) return all;
  }
  throw objectNotBound(object);
}

function takes({ type }: Parameter, { typeName }: CmdletObject): boolean {
  return type === 'psobject' || typeName === `Bayplan.${type.replace('[]', '')}`;
}

function property({ name, aliases = [] }: Parameter, { properties }: CmdletObject): Value {
  const names = [name, ...aliases].map((one) => one.toLowerCase());
  const [, value] = Object.entries(properties).find(([key]) => names.includes(key.toLowerCase())) ?? [];
  return value;
}
