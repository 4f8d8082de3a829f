/** What every call takes. */
export interface CallOptions {
  /** Ends the call early; what was sent may still be stored. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take, in milliseconds (default 10,000). */
  readonly timeoutMs?: number | undefined;
}
