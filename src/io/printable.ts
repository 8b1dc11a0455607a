/** What a terminal obeys, and marks that show a line in another order than it has. */
const orders = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text of strangers as one line without controls. */
export function printable(cell: string): string {
  return cell.replace(/[\t\n\r]/g, ' ').replace(orders, '\ufffd');
}

/** Text of ours with words of strangers in it: lines and tabs are our own. */
export function printableText(text: string): string {
  return text.replace(orders, (order) => (order === '\n' || order === '\t' ? order : ' '));
}
