/** Inputs that were findings once, by target, in hexadecimal; each must be taken or refused with a typed error for ever after. */
export const CASES: readonly { readonly target: string; readonly bytes: string; readonly was: string }[] = [];
