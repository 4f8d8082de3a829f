/** Milliseconds of a clock that all processes of this machine share and that nobody sets: when a call of one was over before another one's. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
