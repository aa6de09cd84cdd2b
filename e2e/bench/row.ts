/** One line of what `npm run bench` prints. */
export interface Row {
  readonly name: string;
  /** NaN for what this machine cannot measure; the note then says why. */
  readonly value: number;
  readonly unit: string;
  /** What it was measured on, and how. */
  readonly note: string;
}
