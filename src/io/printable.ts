/** Text of strangers as one line without controls. */
export function printable(cell: string): string {
  return cell.replace(/[\t\n\r]/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
