/** How far an outcome is known, weakest first. They are five different things, and none implies the next. */
export const PROOFS = ['sent', 'accepted', 'returned', 'verified', 'soaked'] as const;

/** How far an outcome is known. */
export type Proof = (typeof PROOFS)[number];
