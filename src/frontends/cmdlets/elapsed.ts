/** `Downloaded in 0 hours, 0 minutes, 10 seconds.`, as the page's provider counts: the parts of a TimeSpan, whole, and hours without days. */
export function elapsed(verb: string, milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${verb} in ${Math.floor(seconds / 3600) % 24} hours, ${Math.floor(seconds / 60) % 60} minutes, ${seconds % 60} seconds.`;
}
