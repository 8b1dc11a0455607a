import type { Binding, Cmdlet, Parameter } from './cmdlet.ts';

/** PowerShell's name for the one set of a cmdlet that has no others. */
const allSets = '__AllParameterSets';

/** The names of a cmdlet's sets, the default first. */
export function setsOf({ sets }: Cmdlet): readonly string[] {
  return sets ?? [allSets];
}

/** How a parameter stands in a set; undefined where it is not in it. */
export function bindingIn(parameter: Parameter, set: string): Binding | undefined {
  return parameter.in ? parameter.in[set] : parameter;
}

/** The parameters that a set has by position, in their order. */
export function positional(cmdlet: Cmdlet, set: string): readonly Parameter[] {
  const position = (parameter: Parameter): number => bindingIn(parameter, set)?.position ?? Infinity;
  return cmdlet.parameters.filter((parameter) => Number.isFinite(position(parameter))).toSorted((a, b) => position(a) - position(b));
}

/** The sets that have all of these. */
export function setsWith(cmdlet: Cmdlet, names: readonly string[], among: readonly string[] = setsOf(cmdlet)): readonly string[] {
  const given = cmdlet.parameters.filter(({ name }) => names.includes(name));
  return among.filter((set) => given.every((parameter) => bindingIn(parameter, set) !== undefined));
}

/** What a set must have and has not. */
export function missingIn(cmdlet: Cmdlet, set: string, bound: Readonly<Record<string, unknown>>): readonly Parameter[] {
  return cmdlet.parameters.filter((parameter) => bindingIn(parameter, set)?.mandatory && bound[parameter.name] === undefined);
}

/** True where an object of the pipeline could fill it. */
export function takesPipeline(parameter: Parameter, set: string): boolean {
  const { byValue, byPropertyName } = bindingIn(parameter, set) ?? {};
  return byValue === true || byPropertyName === true;
}
