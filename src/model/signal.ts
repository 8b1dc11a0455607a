const names =
  /^(?:ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN|RTMAX|RTMIN\+(?:[1-9]|1[0-5])|RTMAX-(?:[1-9]|1[0-4]))$/;

/** Whether docker takes it for a signal: the name of one of Linux's, with `SIG` or without, or a number. */
export function isSignal(text: string): boolean {
  return /^\d+$/.test(text) ? Number(text) > 0 : names.test(text.toUpperCase().replace(/^SIG/, ''));
}

/** What docker says of a signal that is to be sent to a container of Linux; undefined where it can be. */
export function signalMistake(text: string): string | undefined {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number === 0) return `invalid signal: ${text}`;
    return number > 0 && number <= 64 ? undefined : `the linux daemon does not support signal ${number}`;
  }
  return isSignal(text) ? undefined : `invalid signal: ${text}`;
}
