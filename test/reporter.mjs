/** Mocha's Spec reporter, ended by `N passed, N failed` alone on a line, which continuous integration reads. */
import Mocha from 'mocha';

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      // after Spec's own epilogue, which prints the failures; a failed hook counts as a failure
      process.stdout.write(`\n${this.stats.passes} passed, ${this.stats.failures} failed\n`);
    });
  }
}
