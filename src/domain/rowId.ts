/** Source of a regular expression for the id of a row, as text: a whole number from 1 on that PostgreSQL's bigint holds. */
export const rowId = "[1-9][0-9]{0,17}";

const whole = new RegExp(`^${rowId}$`);

/** Whether `text` is the id of a row, in its only spelling. */
export function isRowId(text: string): boolean {
  return whole.test(text);
}
