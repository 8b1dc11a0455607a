/**
 * Numbers as decimal text, rounded as Go rounds: a number exactly between two goes to the even digit. JavaScript's toFixed
 * and toPrecision go up there: 1125 bytes would be 1.13kB and not docker's 1.12kB.
 */

/** `places` digits after the point, 0 to 100. For a number that is not negative and below 1e21. */
export function toFixed(value: number, places: number): string {
  const near = value.toFixed(places);
  // With 60 digits more it is exact enough: a double that is a tie has only zeros after its 5.
  const exact = value.toFixed(Math.min(100, places + 60));
  const end = exact.indexOf('.') + 1 + places;
  return isTie(exact.slice(end)) && endsOdd(near) ? exact.slice(0, places === 0 ? end - 1 : end) : near;
}

/** `digits` significant digits, 1 to 100, in exponent form. For a finite number that is not negative. */
export function toExponential(value: number, digits: number): string {
  const near = value.toExponential(digits - 1);
  const exact = value.toExponential(Math.min(100, digits + 60));
  const [mantissa = '', power = ''] = near.split('e');
  const [exactMantissa = '', exactPower = ''] = exact.split('e');
  const cut = exactMantissa.slice(0, digits === 1 ? 1 : digits + 1);
  const rest = exactMantissa.slice(digits === 1 ? 2 : digits + 1);
  return power === exactPower && isTie(rest) && endsOdd(mantissa) ? `${cut}e${power}` : near;
}

function isTie(rest: string): boolean {
  return /^50*$/.test(rest);
}

function endsOdd(text: string): boolean {
  return /[13579]$/.test(text);
}
