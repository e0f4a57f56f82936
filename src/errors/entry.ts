/**
 * What the job engine does about an error.
 * - `retry`: the queue waits and tries again.
 * - `permanent`: the job fails now; a retry would meet the same answer.
 * - `uncertain`: the device may have taken the image; it is identified first and never sent to again blindly.
 * - `fatal`: the process cannot go on.
 */
export type Disposition = 'retry' | 'permanent' | 'uncertain' | 'fatal';

/** What is known of an error beside its code; the sentence with the numbers is made where it happens. */
export interface CatalogueEntry {
  readonly disposition: Disposition;
  /** What a person can do, in the imperative. */
  readonly hint: string;
}

/** One area's errors by code. Each code has a section in docs/errors.md (test/docs.test.ts). */
export type ErrorTable = Readonly<Record<string, CatalogueEntry>>;
